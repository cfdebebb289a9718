// lutimes(2): the times of a symbolic link itself.
#include "raw.h"
#include <sys/time.h>

static const char LINK[] = "lutimes.tmp";

static void check_link(void) {
  const struct timeval times[2] = {{1000000, 5}, {2000000, 7}};
  struct stat facts;
  expect("symlink", 0, (u64)sys_symlink("nowhere", LINK));
  expect("lutimes", 0, (u64)ASK(SYS___lutimes50, LINK, times, 0));
  expect("lstat", 0, (u64)ASK(SYS___lstat50, LINK, &facts, 0));
  expect("st_atim", 1000000, (u64)facts.st_atim.tv_sec);
  expect("st_mtim", 2000000, (u64)facts.st_mtim.tv_sec);
  expect("st_mtim in nanoseconds", 7000, (u64)facts.st_mtim.tv_nsec);
  expect("unlink", 0, (u64)sys_unlink(LINK));
  expect("lutimes of nothing", (u64)-ENOENT, (u64)ASK(SYS___lutimes50, LINK, times, 0));
}

int program(u64 *argc, u64 entry_sp) {
  (void)argc, (void)entry_sp;
  group("times of a link", check_link);
  return failures ? BROKEN : PASSED;
}
