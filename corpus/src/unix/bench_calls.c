// The same three pieces of work as often as the argument says: bench_calls getpid|write|file N
#include "raw.h"

static u64 number(const char *text) {
  u64 value = 0;
  for (; *text >= '0' && *text <= '9'; text++) value = value * 10 + (u64)(*text - '0');
  return value;
}

static void ask_ids(u64 times) {
  for (u64 i = 0; i < times; i++) sys_getpid();
}

static void write_some(u64 times) {
  static const char text[64];
  int fd = (int)sys_open("/dev/null", O_WRONLY, 0);
  for (u64 i = 0; i < times; i++)
    if (sys_write(fd, text, sizeof text) != sizeof text) failures++;
}

static void use_file(u64 times) {
  static const char path[] = "bench.tmp", text[64];
  int made = (int)sys_open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (sys_write(made, text, sizeof text) != sizeof text || sys_close(made)) failures++;
  for (u64 i = 0; i < times; i++) {
    struct stat facts;
    char got[64];
    int fd = (int)sys_open(path, O_RDONLY, 0);
    if (sys_fstat(fd, &facts) || sys_read(fd, got, sizeof got) != sizeof got || sys_close(fd)) failures++;
  }
  sys_unlink(path);
}

int program(u64 *argc, u64 entry_sp) {
  (void)entry_sp;
  char **argv = (char **)(argc + 1);
  if (*argc < 3) return BROKEN;
  u64 times = number(argv[2]);
  switch (argv[1][0]) {
    case 'g': ask_ids(times); break;
    case 'w': write_some(times); break;
    case 'f': use_file(times); break;
    case 'n': break;  // start and stop only
    default: return BROKEN;
  }
  return failures ? BROKEN : PASSED;
}
