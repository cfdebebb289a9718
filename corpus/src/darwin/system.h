// Darwin: carry says that a BSD call failed, the second result register is written; numbers come from the tables
// (numbers.h), everything else from the system's headers. -DIMPORT makes the same calls through libSystem.
#pragma once
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>
#include "numbers.h"

#define MAP_ANONYMOUS MAP_ANON
#if defined(__aarch64__)
// For the register probes.
#define NUMBER_REGISTER 16
#define SET_NUMBER "mov x16, #%c[nr]\n"
#define DOOR "svc #0x80\n"
#endif

INLINE struct answer trap(s64 number, s64 a, s64 b, s64 c, s64 d, s64 e, s64 f) {
#if defined(__x86_64__)
  register s64 r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
  s64 result = number, second = c;
  u8 carry;
  __asm__ volatile("syscall\n\tsetc %[carry]"
                   : "+a"(result), "+d"(second), "+r"(r10), "+r"(r8), "+r"(r9), [carry] "=&q"(carry)
                   : "D"(a), "S"(b)
                   : "rcx", "r11", "memory", "cc");
#else
  register s64 x16 __asm__("x16") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c,
               x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = f;
  u32 carry;
  __asm__ volatile("svc #0x80\n\tcset %w[carry], cs"
                   : "+r"(x0), "+r"(x1), [carry] "=&r"(carry)
                   : "r"(x16), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory", "cc");
  s64 result = x0, second = x1;
#endif
  return (struct answer){result, second, carry};
}

// The value, or -errno.
INLINE s64 ask(s64 number, s64 a, s64 b, s64 c, s64 d, s64 e, s64 f) {
  struct answer got = trap(number, a, b, c, d, e, f);
  return got.failed ? -got.value : got.value;
}

#ifdef IMPORT
#define CALL(name, ...) ({ s64 made = (s64)name(__VA_ARGS__); made == -1 ? -(s64)errno : made; })
INLINE void sys_exit(int status) { _exit(status); }
INLINE s64 sys_read(int fd, void *to, u64 size) { return CALL(read, fd, to, size); }
INLINE s64 sys_write(int fd, const void *from, u64 size) { return CALL(write, fd, from, size); }
INLINE s64 sys_open(const char *path, int flags, int mode) { return CALL(open, path, flags, mode); }
INLINE s64 sys_close(int fd) { return CALL(close, fd); }
INLINE s64 sys_fstat(int fd, struct stat *to) { return CALL(fstat, fd, to); }
INLINE s64 sys_unlink(const char *path) { return CALL(unlink, path); }
INLINE s64 sys_seek(int fd, s64 offset, int whence) { return CALL(lseek, fd, offset, whence); }
INLINE s64 sys_getpid(void) { return getpid(); }
INLINE s64 sys_mmap(void *at, u64 size, int protection, int flags, int fd, s64 offset) {
  return CALL(mmap, at, size, protection, flags, fd, offset);
}
INLINE s64 sys_munmap(void *at, u64 size) { return CALL(munmap, at, size); }
INLINE s64 sys_mprotect(void *at, u64 size, int protection) { return CALL(mprotect, at, size, protection); }
INLINE s64 sys_clock(clockid_t clock, struct timespec *to) { return CALL(clock_gettime, clock, to); }
INLINE s64 sys_dup(int fd) { return CALL(dup, fd); }
INLINE s64 sys_symlink(const char *target, const char *path) { return CALL(symlink, target, path); }
#else
INLINE void sys_exit(int status) { ask(SYS_exit, status, 0, 0, 0, 0, 0); }
INLINE s64 sys_read(int fd, void *to, u64 size) { return ask(SYS_read, fd, (s64)to, (s64)size, 0, 0, 0); }
INLINE s64 sys_write(int fd, const void *from, u64 size) {
  return ask(SYS_write, fd, (s64)from, (s64)size, 0, 0, 0);
}
INLINE s64 sys_open(const char *path, int flags, int mode) {
  return ask(SYS_open, (s64)path, flags, mode, 0, 0, 0);
}
INLINE s64 sys_close(int fd) { return ask(SYS_close, fd, 0, 0, 0, 0, 0); }
INLINE s64 sys_fstat(int fd, struct stat *to) { return ask(SYS_fstat64, fd, (s64)to, 0, 0, 0, 0); }
INLINE s64 sys_unlink(const char *path) { return ask(SYS_unlink, (s64)path, 0, 0, 0, 0, 0); }
INLINE s64 sys_seek(int fd, s64 offset, int whence) { return ask(SYS_lseek, fd, offset, whence, 0, 0, 0); }
INLINE s64 sys_getpid(void) { return ask(SYS_getpid, 0, 0, 0, 0, 0, 0); }
INLINE s64 sys_mmap(void *at, u64 size, int protection, int flags, int fd, s64 offset) {
  return ask(SYS_mmap, (s64)at, (s64)size, protection, flags, fd, offset);
}
INLINE s64 sys_munmap(void *at, u64 size) { return ask(SYS_munmap, (s64)at, (s64)size, 0, 0, 0, 0); }
INLINE s64 sys_mprotect(void *at, u64 size, int protection) {
  return ask(SYS_mprotect, (s64)at, (s64)size, protection, 0, 0, 0);
}
// No system call tells the monotonic clock.
INLINE s64 sys_clock(clockid_t clock, struct timespec *to) {
  struct timeval now;
  s64 failed = ask(SYS_gettimeofday, (s64)&now, 0, 0, 0, 0, 0);
  (void)clock, to->tv_sec = now.tv_sec, to->tv_nsec = now.tv_usec * 1000;
  return failed;
}
INLINE s64 sys_dup(int fd) { return ask(SYS_dup, fd, 0, 0, 0, 0, 0); }
INLINE s64 sys_symlink(const char *target, const char *path) {
  return ask(SYS_symlink, (s64)target, (s64)path, 0, 0, 0, 0);
}
#endif

enum { WRITES_WHOLE = 0 };
