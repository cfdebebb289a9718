// Code that the program writes and then executes: the same at every system, on both sides of its rights.
#include "raw.h"

#if defined(__NR_getpid)
enum { GETPID = __NR_getpid };
#elif defined(SYS_getpid)
enum { GETPID = SYS_getpid };
#else
enum { GETPID = HELCTIC_OP_GETPID };
#endif
#define SIZE 65536ul  // a multiple of every page size

// A function that makes the call `number` without arguments.
static void emit(void *at, s64 number) {
#if defined(__x86_64__)
  const u8 code[] = {0xb8, (u8)number, (u8)(number >> 8), (u8)(number >> 16), (u8)(number >> 24), 0x0f, 0x05, 0xc3};
#elif defined(__NetBSD__)
  const u32 code[] = {0xd4000001 | (u32)(number & 0xffff) << 5, 0xd65f03c0};
#elif defined(__OpenBSD__)
  const u32 code[] = {0xd2800008 | (u32)(number & 0xffff) << 5, 0xd4000001, 0xd503379f, 0xd5033fdf, 0xd65f03c0};
#elif defined(__APPLE__)
  const u32 code[] = {0xd2800010 | (u32)(number & 0xffff) << 5, 0xd4001001, 0xd65f03c0};
#else
  const u32 code[] = {0xd2800008 | (u32)(number & 0xffff) << 5, 0xd4000001, 0xd65f03c0};
#endif
  memcpy(at, code, sizeof code);
#if defined(__aarch64__)
  for (u8 *line = at; line < (u8 *)at + sizeof code; line += 4)
    __asm__ volatile("dc cvau, %0\ndsb ish\nic ivau, %0\ndsb ish\nisb" ::"r"(line) : "memory");
#endif
}

static u64 call(void *at) { return ((u64(*)(void))at)(); }

static void *fresh(int rights) {
  s64 at = sys_mmap(0, SIZE, rights, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at < 0) fail("mmap", 0, (u64)at);
  return (void *)at;
}

static void rights(void *at, int wanted) { expect("mprotect", 0, (u64)sys_mprotect(at, SIZE, wanted)); }

static void check_once(void) {
  u8 *at = fresh(PROT_READ | PROT_WRITE);
  for (int i = 0; i < 8; i++) emit(at + 64 * i, GETPID);
  rights(at, PROT_READ | PROT_EXEC);
  for (int i = 0; i < 24; i++) expect("getpid", (u64)sys_getpid(), call(at + i % 8 * 64));
  expect("munmap", 0, (u64)sys_munmap(at, SIZE));
}

static void check_again(void) {
  u8 *at = fresh(PROT_READ | PROT_WRITE);
  for (int i = 0; i < 8; i++) {
    rights(at, PROT_READ | PROT_WRITE);
    emit(at, GETPID);
    emit(at + 128 + 64 * i, GETPID);
    rights(at, PROT_READ | PROT_EXEC);
    expect("the old place", (u64)sys_getpid(), call(at));
    expect("a new place", (u64)sys_getpid(), call(at + 128 + 64 * i));
  }
}

static void check_reading(void) {
  u8 want[64], *at = fresh(PROT_READ | PROT_WRITE);
  memset(want, 0, sizeof want);
  emit(want, GETPID);
  emit(at, GETPID);
  rights(at, PROT_READ | PROT_EXEC);
  call(at), call(at);
  expect("the bytes", 1, (u64)same(at, want, sizeof want));
}

int program(u64 *argc, u64 entry_sp) {
  (void)argc, (void)entry_sp;
  group("written and executed", check_once);
  group("written again", check_again);
  group("read back", check_reading);
  return failures ? BROKEN : PASSED;
}
