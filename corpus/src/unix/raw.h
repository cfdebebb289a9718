// What every raw program shares: text output, checks, start-up. No libc; `system.h` of the target system
// supplies the calls. Included after it.
#pragma once

#define INLINE static inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long s64;

// How one call ended: value and second result register, and whether the system said it failed.
struct answer {
  s64 value, second;
  int failed;
};

#include "system.h"

static int failures;

void *memset(void *to, int byte, u64 size) {
  u8 *out = to;
  for (u64 i = 0; i < size; i++) ((volatile u8 *)out)[i] = (u8)byte;
  return to;
}

void *memcpy(void *to, const void *from, u64 size) {
  for (u64 i = 0; i < size; i++) ((volatile u8 *)to)[i] = ((const u8 *)from)[i];
  return to;
}

static u64 length(const char *text) {
  u64 n = 0;
  while (text[n]) n++;
  return n;
}

static int same(const void *left, const void *right, u64 size) {
  const u8 *a = left, *b = right;
  for (u64 i = 0; i < size; i++)
    if (a[i] != b[i]) return 0;
  return 1;
}

// One line is put together here and written by one call, so that traces stay short.
static char line[256];
static u64 line_used;

static void put(const char *text) {
  for (; *text && line_used < sizeof line - 1; text++) line[line_used++] = *text;
}

static void put_hex(u64 value) {
  char digits[19];
  u64 at = sizeof digits - 1;
  digits[at] = 0;
  do digits[--at] = "0123456789abcdef"[value & 15];
  while (value >>= 4);
  digits[--at] = 'x';
  digits[--at] = '0';
  put(digits + at);
}

static void end_line(void) {
  line[line_used++] = '\n';
  sys_write(1, line, line_used);
  line_used = 0;
}

static NOINLINE void ok(const char *name) {
  put("ok ");
  put(name);
  end_line();
}

static NOINLINE void fail(const char *what, u64 expected, u64 got) {
  failures++;
  put("FAIL ");
  put(what);
  put(" expected ");
  put_hex(expected);
  put(" got ");
  put_hex(got);
  end_line();
}

// 1 when equal, else a FAIL line.
static NOINLINE int expect(const char *what, u64 expected, u64 got) {
  if (expected != got) fail(what, expected, got);
  return expected == got;
}

// Runs one group of checks and reports it by name when none failed.
static NOINLINE void group(const char *name, void (*run)(void)) {
  int before = failures;
  run();
  if (failures == before) ok(name);
}

enum { PASSED = 42, BROKEN = 1 };

// The stack pointer as the system left it, and the address of argc.
int program(u64 *argc, u64 entry_sp);

__attribute__((used, noreturn)) static void started(u64 *argc, u64 entry_sp) {
#ifdef RELOCATES_ITSELF
  relocate_itself(argc);
#endif
  sys_exit(program(argc, entry_sp));
  __builtin_trap();
}

#ifndef FIRST_INSTRUCTION
#define FIRST_INSTRUCTION ""
#endif
#if defined(__APPLE__) && defined(__x86_64__)
// Called as main: argc lies in front of the vector that the second argument names.
__asm__(
    ".globl _main\n"
    "_main:\n"
    "  lea -8(%rsi), %rdi\n"
    "  mov %rsp, %rsi\n"
    "  xor %ebp, %ebp\n"
    "  and $-16, %rsp\n"
    "  call _started\n");
#elif defined(__APPLE__)
__asm__(
    ".globl _main\n"
    ".p2align 2\n"
    "_main:\n"
    "  sub x0, x1, #8\n"
    "  mov x1, sp\n"
    "  mov x29, #0\n"
    "  mov x30, #0\n"
    "  bl _started\n");
#elif defined(__x86_64__)
__asm__(
    ".globl _start\n"
    ".type _start,@function\n"
    "_start:\n" FIRST_INSTRUCTION
    "  mov %rsp, %rsi\n"
#ifndef ARGC_IN_FIRST_ARGUMENT
    "  mov %rsp, %rdi\n"
#endif
    "  xor %ebp, %ebp\n"
    "  and $-16, %rsp\n"
    "  call started\n"
    ".size _start, . - _start\n");
#elif defined(__aarch64__)
__asm__(
    ".globl _start\n"
    ".type _start,@function\n"
    "_start:\n" FIRST_INSTRUCTION
    "  mov x1, sp\n"
#ifndef ARGC_IN_FIRST_ARGUMENT
    "  mov x0, sp\n"
#endif
    "  mov x29, #0\n"
    "  mov x30, #0\n"
    "  and x2, x1, #-16\n"
    "  mov sp, x2\n"
    "  bl started\n"
    ".size _start, . - _start\n");
#else
#error "unknown architecture"
#endif
