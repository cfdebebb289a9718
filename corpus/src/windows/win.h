// What every raw Windows program shares: the system's types, text output, checks, start-up. No C runtime.
// NT services come by trap (TRAP defined) or from ntdll; the prototypes are the system headers' where they have them.
#pragma once
#define WIN32_LEAN_AND_MEAN
#define WIN32_NO_STATUS
#include <windows.h>
#undef WIN32_NO_STATUS
#include <ntstatus.h>
#include <winternl.h>
#include "numbers.h"

#define NOINLINE __attribute__((noinline))
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long s64;

NTSTATUS NTAPI NtReadFile(HANDLE, HANDLE, PIO_APC_ROUTINE, PVOID, PIO_STATUS_BLOCK, PVOID, ULONG, PLARGE_INTEGER, PULONG);
NTSTATUS NTAPI NtWriteFile(HANDLE, HANDLE, PIO_APC_ROUTINE, PVOID, PIO_STATUS_BLOCK, PVOID, ULONG, PLARGE_INTEGER, PULONG);
NTSTATUS NTAPI NtTerminateProcess(HANDLE, NTSTATUS);
NTSTATUS NTAPI NtAllocateVirtualMemory(HANDLE, PVOID *, ULONG_PTR, PSIZE_T, ULONG, ULONG);
NTSTATUS NTAPI NtFreeVirtualMemory(HANDLE, PVOID *, PSIZE_T, ULONG);
NTSTATUS NTAPI NtProtectVirtualMemory(HANDLE, PVOID *, PSIZE_T, ULONG, PULONG);
NTSTATUS NTAPI NtQueryVirtualMemory(HANDLE, PVOID, int, PVOID, SIZE_T, PSIZE_T);
NTSTATUS NTAPI NtQueryPerformanceCounter(PLARGE_INTEGER, PLARGE_INTEGER);
NTSTATUS NTAPI NtDelayExecution(BOOLEAN, PLARGE_INTEGER);
NTSTATUS NTAPI NtYieldExecution(void);
NTSTATUS NTAPI NtQueryDirectoryFile(HANDLE, HANDLE, PIO_APC_ROUTINE, PVOID, PIO_STATUS_BLOCK, PVOID, ULONG, int, BOOLEAN,
                                    PUNICODE_STRING, BOOLEAN);
NTSTATUS NTAPI NtQueryFullAttributesFile(POBJECT_ATTRIBUTES, PVOID);
NTSTATUS NTAPI NtFlushInstructionCache(HANDLE, PVOID, SIZE_T);

#ifdef TRAP
// As ntdll's own stubs: the caller's arguments are those of the service.
#define STRING_(x) #x
#define STRING(x) STRING_(x)
#if defined(__x86_64__)
#define SERVICE(name)                                                                                    \
  __asm__(".globl " #name "\n" #name ":\n  mov %rcx, %r10\n  mov $" STRING(NR_##name) ", %eax\n  syscall\n  ret\n");
#else
#define SERVICE(name) __asm__(".p2align 2\n.globl " #name "\n" #name ":\n  svc #" STRING(NR_##name) "\n  ret\n");
#endif
#else
#define SERVICE(name)
#endif

#define PROCESS_ITSELF ((HANDLE)-1)
#define PARAMETERS (*(u8 **)((u8 *)peb + 0x20))
static void *peb;
static HANDLE std_in(void) { return *(HANDLE *)(PARAMETERS + 0x20); }
static HANDLE std_out(void) { return *(HANDLE *)(PARAMETERS + 0x28); }

static int failures;

void *memset(void *to, int byte, size_t size) {
  for (size_t i = 0; i < size; i++) ((volatile u8 *)to)[i] = (u8)byte;
  return to;
}

void *memcpy(void *to, const void *from, size_t size) {
  for (size_t i = 0; i < size; i++) ((volatile u8 *)to)[i] = ((const u8 *)from)[i];
  return to;
}

static int same(const void *left, const void *right, u64 size) {
  const u8 *a = left, *b = right;
  for (u64 i = 0; i < size; i++)
    if (a[i] != b[i]) return 0;
  return 1;
}

static char line[256];
static u32 line_used;

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

static void print(const char *text, u32 size) {
  IO_STATUS_BLOCK done;
  NtWriteFile(std_out(), 0, 0, 0, &done, (void *)text, size, 0, 0);
}

static void end_line(void) {
  line[line_used++] = '\n';
  print(line, line_used);
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

static NOINLINE int expect(const char *what, u64 expected, u64 got) {
  if (expected != got) fail(what, expected, got);
  return expected == got;
}

static NOINLINE int expect_status(const char *what, u32 expected, NTSTATUS got) { return expect(what, expected, (u32)got); }

static NOINLINE void group(const char *name, void (*run)(void)) {
  int before = failures;
  run();
  if (failures == before) ok(name);
}

// A UNICODE_STRING over a literal, and the attributes that name it.
struct name {
  UNICODE_STRING text;
  OBJECT_ATTRIBUTES attributes;
};

static NOINLINE POBJECT_ATTRIBUTES named(struct name *out, const WCHAR *text) {
  u32 n = 0;
  while (text[n]) n++;
  out->text.Buffer = (WCHAR *)text;
  out->text.Length = (USHORT)(2 * n);
  out->text.MaximumLength = (USHORT)(2 * n + 2);
  InitializeObjectAttributes(&out->attributes, &out->text, OBJ_CASE_INSENSITIVE, 0, 0);
  return &out->attributes;
}

enum { PASSED = 42, BROKEN = 1 };
int program(void);

// Called with the PEB; a status returned from here would end the thread.
__attribute__((used)) void entered(void *given) {
  peb = given;
  NtTerminateProcess(PROCESS_ITSELF, program());
  __builtin_trap();
}

#if defined(__x86_64__)
__asm__(".globl mainCRTStartup\nmainCRTStartup:\n  sub $0x28, %rsp\n  call entered\n");
#else
__asm__(".p2align 2\n.globl mainCRTStartup\nmainCRTStartup:\n  b entered\n");
#endif
