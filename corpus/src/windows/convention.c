// What the system leaves behind: the registers a callee must keep, flags, the status convention, the eleven
// arguments of NtCreateFile (stack words included), memory below the stack pointer. By trap, or with IMPORT through
// ntdll and kernel32. Of the volatile registers, which are the system's to change, only rdx is looked at: a trap
// leaves zero in it.
#include "win.h"
#if defined(__x86_64__)
#ifdef IMPORT  // the return address lies where a trap's stub has it
#define DOOR "lea 8(%%rsp), %%rsp\ncall *target(%%rip)\nlea -8(%%rsp), %%rsp\n"
#endif
#include "registers_x86_64.h"
enum { STACK_WORDS = 5 };
static const u8 PASSED_IN[] = {
#ifdef IMPORT
    RCX,
#else
    R10,
#endif
    RDX, R8, R9};
static int is_kept(int i) { return i == RBX || i == RBP || i == RSP || i == RSI || i == RDI || i >= R12; }
static int is_kept_vector(int i) { return i >= 6; }
#else
#ifdef IMPORT
#define DOOR "adrp x16, target\nldr x16, [x16, :lo12:target]\nblr x16\n"
#else
#define DOOR "svc #%c[nr]\n"
#endif
#include "registers_aarch64.h"
enum { STACK_WORDS = 0 };
static const u8 PASSED_IN[] = {0, 1, 2, 3, 4, 5, 6, 7};
static int is_kept(int i) { return i >= 18 && i != 30; }
static int is_kept_vector(int i) { return i >= 8 && i < 16; }
#endif

SERVICE(NtWriteFile)
SERVICE(NtReadFile)
SERVICE(NtClose)
SERVICE(NtQueryInformationFile)
SERVICE(NtSetInformationFile)
SERVICE(NtTerminateProcess)

void *target __attribute__((used));

#if defined(__x86_64__) && !defined(IMPORT)
#define NUMBER SET_NUMBER
#else
#define NUMBER ""
#endif
#ifdef IMPORT
#define TO(name) target = (void *)name
#else
#define TO(name) (void)0
#endif
PROBE(probe_yield, NUMBER, NR_NtYieldExecution)
PROBE(probe_close, NUMBER, NR_NtClose)
PROBE(probe_create, NUMBER, NR_NtCreateFile)
PROBE(probe_delay, NUMBER, NR_NtDelayExecution)
PROBE(probe_kernel32, "", 0)

static const u64 CANARY = 0xc0ffee00c0ffee00;

static void prepare(u64 flags) {
  (void)ARGUMENTS, (void)set_number;
  for (int i = 0; i < GPRS; i++) before.gpr[i] = 0x0101010101010101u * (u64)(i + 1) ^ 0xa5a50000deadbeef;
  for (int i = 0; i < VECTORS; i++) {
    before.vector[i][0] = 0x1111111111111111u * (u64)(i & 15) + (u64)i;
    before.vector[i][1] = ~before.vector[i][0] ^ 0x5a5a5a5a5a5a5a5a;
  }
#if defined(__aarch64__)
  before.gpr[18] = (u64)NtCurrentTeb();  // the platform's register
#endif
  before.flags = flags;
  before.gpr[SP] = (u64)STACK_AT;
  memset(&after, 0x77, sizeof after);
  for (int i = 0; i < 32; i++) guarded[i] = CANARY + (u64)i;
}

// aarch64 keeps what is stored after the call where stack words would be: they are put below `after` first.
static void argument(u32 position, u64 value) {
  if (position < sizeof PASSED_IN) before.gpr[PASSED_IN[position]] = value;
  else guarded[32 + STACK_WORDS + position - sizeof PASSED_IN] = value;
}

// The compiler keeps nothing in a register over the probe.
static NOINLINE void run(void (*probe)(void)) {
#if defined(__x86_64__)
  __asm__ volatile("call *%0" ::"r"(probe)
                   : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc", "xmm0", "xmm1", "xmm2",
                     "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
                     "xmm15");
#else
  probe();
#endif
}

static const char *call_name;

static void expect_register(const char *name, u64 expected, u64 got) {
  if (expected == got) return;
  put("in ");
  put(call_name);
  put(": ");
  fail(name, expected, got);
}

static NOINLINE void expect_kept(const char *name, u64 result) {
  call_name = name;
  expect_register("result", result, after.gpr[RESULT]);
  for (int i = 0; i < (int)(sizeof REGISTER_NAMES / sizeof *REGISTER_NAMES); i++)
    if (is_kept(i)) expect_register(REGISTER_NAMES[i], before.gpr[i], after.gpr[i]);
  for (int i = 0; i < VECTORS; i++)
    if (is_kept_vector(i)) {
      expect_register("vector low", before.vector[i][0], after.vector[i][0]);
#if defined(__x86_64__)
      expect_register("vector high", before.vector[i][1], after.vector[i][1]);
#endif
    }
#if defined(__x86_64__) && !defined(IMPORT)
  expect_register("rdx", 0, after.gpr[RDX]);
#endif
#ifndef IMPORT
  expect_register("flags", before.flags & ALL_FLAGS, after.flags & ALL_FLAGS);
  for (int i = 0; i < 32; i++) expect_register("below the stack pointer", CANARY + (u64)i, guarded[i]);
#endif
}

#ifdef IMPORT
static const u64 FLAGS[] = {0, 1};  // a function is entered with the direction flag clear
#else
static const u64 FLAGS[] = {ALL_FLAGS, 0};
#endif
#define EACH_FLAGS(flags) for (int f = 0; f < 2; f++) for (u64 flags = FLAGS[f], once = 1; once; once = 0)

static void check_success(void) {
  EACH_FLAGS(flags) {
    TO(NtYieldExecution);
    prepare(flags);
    run(probe_yield);
    expect_kept("NtYieldExecution", 0);
  }
}

static void check_failure(void) {
  EACH_FLAGS(flags) {
    TO(NtClose);
    prepare(flags);
    argument(0, 0x1234);
    run(probe_close);
    expect_kept("NtClose", (u32)STATUS_INVALID_HANDLE);
  }
}

static void check_waiting(void) {
  static LARGE_INTEGER little = {.QuadPart = -20000};
  EACH_FLAGS(flags) {
    TO(NtDelayExecution);
    prepare(flags);
    argument(0, 0), argument(1, (u64)&little);
    run(probe_delay);
    expect_kept("NtDelayExecution", 0);
  }
}

static WCHAR path[600];

static const WCHAR *here(const WCHAR *name) {
  const UNICODE_STRING *directory = (UNICODE_STRING *)(PARAMETERS + 0x38);
  u32 at = 0;
  for (const WCHAR *p = L"\\??\\"; *p; p++) path[at++] = *p;
  for (u32 i = 0; i < directory->Length / 2u; i++) path[at++] = directory->Buffer[i];
  for (; *name; name++) path[at++] = *name;
  path[at] = 0;
  return path;
}

// The disposition and the options of the eleven arguments come on the stack of x86_64.
static NTSTATUS create(HANDLE *file, const WCHAR *name, u64 disposition, u64 options, u64 flags) {
  static struct name scratch;
  static IO_STATUS_BLOCK done;
  TO(NtCreateFile);
  prepare(flags);
  // every word is passed whole: what lies above a 32-bit argument means nothing
  const u64 junk = 0xdeadbeef00000000;
  argument(0, (u64)file), argument(1, junk | GENERIC_READ | GENERIC_WRITE | DELETE | SYNCHRONIZE);
  argument(2, (u64)named(&scratch, here(name))), argument(3, (u64)&done), argument(4, 0);
  argument(5, junk | FILE_ATTRIBUTE_NORMAL), argument(6, junk | FILE_SHARE_READ), argument(7, junk | disposition);
  argument(8, junk | options | FILE_SYNCHRONOUS_IO_NONALERT), argument(9, 0), argument(10, 0);
  run(probe_create);
  return (NTSTATUS)after.gpr[RESULT];
}

static void check_stack(void) {
  static HANDLE file, other;
  FILE_DISPOSITION_INFORMATION gone = {TRUE};
  IO_STATUS_BLOCK done;
  EACH_FLAGS(flags) {
    create(&file, L"convention.tmp", FILE_CREATE, FILE_NON_DIRECTORY_FILE, flags);
    expect_kept("NtCreateFile", 0);
    create(&other, L"convention.tmp", FILE_CREATE, FILE_NON_DIRECTORY_FILE, flags);
    expect_kept("NtCreateFile of what is there", (u32)STATUS_OBJECT_NAME_COLLISION);
    create(&other, L"convention.tmp", FILE_OPEN, FILE_DIRECTORY_FILE, flags);
    expect_kept("NtCreateFile of no directory", (u32)STATUS_NOT_A_DIRECTORY);
    expect_status("write", 0, NtWriteFile(file, 0, 0, 0, &done, (void *)"far away", 8, 0, 0));
    expect("bytes written", 8, done.Information);
    expect_status("delete", 0, NtSetInformationFile(file, &done, &gone, sizeof gone, FileDispositionInformation));
    expect_status("close", 0, NtClose(file));
  }
}

#ifdef IMPORT
static void check_kernel32(void) {
  EACH_FLAGS(flags) {
    TO(CloseHandle);
    prepare(flags);
    argument(0, 0x1234);
    run(probe_kernel32);
    expect_kept("CloseHandle", FALSE);
    expect("GetLastError", ERROR_INVALID_HANDLE, GetLastError());
    TO(GetStdHandle);
    prepare(flags);
    argument(0, 0xdeadbeef00000000 | (u32)STD_OUTPUT_HANDLE);
    run(probe_kernel32);
    expect_kept("GetStdHandle", (u64)std_out());
    TO(CreateFileW);
    prepare(flags);
    argument(0, (u64)L"no\\such\\file"), argument(1, GENERIC_READ), argument(2, 0), argument(3, 0);
    argument(4, 0xdeadbeef00000000 | OPEN_EXISTING), argument(5, 0), argument(6, 0);
    run(probe_kernel32);
    expect_kept("CreateFileW", (u64)INVALID_HANDLE_VALUE);
    expect("GetLastError", ERROR_PATH_NOT_FOUND, GetLastError());
  }
}
#endif

int program(void) {
  group("success", check_success);
  group("failure", check_failure);
  group("waiting", check_waiting);
  group("stack arguments", check_stack);
#ifdef IMPORT
  group("kernel32", check_kernel32);
#endif
  return failures ? BROKEN : PASSED;
}
