// Uses the calls every program needs, once each: print, read, write and read back a file, a failing open,
// ids, memory, clocks. Reads "some input\n" from standard input.
#include "raw.h"

static const char SCRATCH[] = "calls.tmp";
static const char TEXT[] = "the quick brown fox jumps over the lazy dog";

static void check_stdin(void) {
  char got[32];
  s64 size = sys_read(0, got, sizeof got);
  if (expect("read(0)", 11, (u64)size) && !same(got, "some input\n", 11)) fail("read(0) bytes", 0, (u64)got[0]);
  expect("read(0) at the end", 0, (u64)sys_read(0, got, sizeof got));
}

static void check_file(void) {
  char got[64];
  struct stat facts;
  s64 fd = sys_open(SCRATCH, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (fd < 3) {
    fail("open to create", 3, (u64)fd);
    return;
  }
  expect("write", sizeof TEXT, (u64)sys_write((int)fd, TEXT, sizeof TEXT));
  expect("lseek", 4, (u64)sys_seek((int)fd, 4, 0));
  expect("read back", sizeof TEXT - 4, (u64)sys_read((int)fd, got, sizeof got));
  expect("bytes read back", 1, (u64)same(got, TEXT + 4, sizeof TEXT - 4));
  expect("fstat", 0, (u64)sys_fstat((int)fd, &facts));
  expect("st_size", sizeof TEXT, (u64)facts.st_size);
  expect("st_mode", S_IFREG | 0600, facts.st_mode);
  expect("st_nlink", 1, facts.st_nlink);
  expect("close", 0, (u64)sys_close((int)fd));
  expect("unlink", 0, (u64)sys_unlink(SCRATCH));
  expect("unlink again", (u64)-ENOENT, (u64)sys_unlink(SCRATCH));
}

static void check_failures(void) {
  char byte = 0;
  expect("open of a missing file", (u64)-ENOENT, (u64)sys_open("no/such/file", O_RDONLY, 0));
  expect("close of a bad descriptor", (u64)-EBADF, (u64)sys_close(77));
  expect("read of a bad descriptor", (u64)-EBADF, (u64)sys_read(77, &byte, 1));
}

static void check_ids(void) {
  s64 pid = sys_getpid();
  if (pid <= 0) fail("getpid", 1, (u64)pid);
  expect("getpid twice", (u64)pid, (u64)sys_getpid());
}

static void check_memory(void) {
  const u64 size = 8 * 65536;
  s64 at = sys_mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at < 0) {
    fail("mmap", 0, (u64)at);
    return;
  }
  volatile u64 *words = (u64 *)at;
  for (u64 i = 0; i < size / 8; i += 512) {
    expect("fresh memory", 0, words[i]);
    words[i] = i * 3 + 1;
  }
  for (u64 i = 0; i < size / 8; i += 512) expect("touched memory", i * 3 + 1, words[i]);
  expect("mprotect", 0, (u64)sys_mprotect((void *)at, size, PROT_READ));
  expect("munmap", 0, (u64)sys_munmap((void *)at, size));
}

static void check_clocks(void) {
  struct timespec first, later, wall;
  expect("clock_gettime", 0, (u64)sys_clock(CLOCK_MONOTONIC, &first));
  expect("clock_gettime again", 0, (u64)sys_clock(CLOCK_MONOTONIC, &later));
  s64 passed = (later.tv_sec - first.tv_sec) * 1000000000 + later.tv_nsec - first.tv_nsec;
  if (passed < 0) fail("monotonic clock", 0, (u64)passed);
  expect("clock_gettime of the wall clock", 0, (u64)sys_clock(CLOCK_REALTIME, &wall));
  if (wall.tv_sec <= 0) fail("wall clock", 1, (u64)wall.tv_sec);
  if ((u64)wall.tv_nsec >= 1000000000) fail("nanoseconds", 0, (u64)wall.tv_nsec);
}

int program(u64 *argc, u64 entry_sp) {
  (void)argc, (void)entry_sp;
  ok("print");
  group("stdin", check_stdin);
  group("file", check_file);
  group("failures", check_failures);
  group("ids", check_ids);
  group("memory", check_memory);
  group("clocks", check_clocks);
  return failures ? BROKEN : PASSED;
}
