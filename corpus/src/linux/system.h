// Linux: -errno in the result register; constants from the system's own headers.
#pragma once
#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

INLINE struct answer trap(s64 number, s64 a, s64 b, s64 c, s64 d, s64 e, s64 f) {
#if defined(__x86_64__)
  register s64 r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
  s64 result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
#else
  register s64 x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c,
               x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = f;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  s64 result = x0;
#endif
  return (struct answer){result, 0, result < 0 && result >= -4095};
}

// The value, or -errno.
INLINE s64 ask(s64 number, s64 a, s64 b, s64 c, s64 d, s64 e, s64 f) {
  return trap(number, a, b, c, d, e, f).value;
}

INLINE void sys_exit(int status) { ask(__NR_exit_group, status, 0, 0, 0, 0, 0); }
INLINE s64 sys_read(int fd, void *to, u64 size) { return ask(__NR_read, fd, (s64)to, (s64)size, 0, 0, 0); }
INLINE s64 sys_write(int fd, const void *from, u64 size) {
  return ask(__NR_write, fd, (s64)from, (s64)size, 0, 0, 0);
}
INLINE s64 sys_open(const char *path, int flags, int mode) {
  return ask(__NR_openat, AT_FDCWD, (s64)path, flags, mode, 0, 0);
}
INLINE s64 sys_close(int fd) { return ask(__NR_close, fd, 0, 0, 0, 0, 0); }
INLINE s64 sys_fstat(int fd, struct stat *to) { return ask(__NR_fstat, fd, (s64)to, 0, 0, 0, 0); }
INLINE s64 sys_unlink(const char *path) { return ask(__NR_unlinkat, AT_FDCWD, (s64)path, 0, 0, 0, 0); }
INLINE s64 sys_seek(int fd, s64 offset, int whence) { return ask(__NR_lseek, fd, offset, whence, 0, 0, 0); }
INLINE s64 sys_getpid(void) { return ask(__NR_getpid, 0, 0, 0, 0, 0, 0); }
INLINE s64 sys_mmap(void *at, u64 size, int protection, int flags, int fd, s64 offset) {
  return ask(__NR_mmap, (s64)at, (s64)size, protection, flags, fd, offset);
}
INLINE s64 sys_munmap(void *at, u64 size) { return ask(__NR_munmap, (s64)at, (s64)size, 0, 0, 0, 0); }
INLINE s64 sys_mprotect(void *at, u64 size, int protection) {
  return ask(__NR_mprotect, (s64)at, (s64)size, protection, 0, 0, 0);
}
INLINE s64 sys_clock(int clock, struct timespec *to) {
  return ask(__NR_clock_gettime, clock, (s64)to, 0, 0, 0, 0);
}
INLINE s64 sys_dup(int fd) { return ask(__NR_dup, fd, 0, 0, 0, 0, 0); }
INLINE s64 sys_symlink(const char *target, const char *path) {
  return ask(__NR_symlinkat, (s64)target, AT_FDCWD, (s64)path, 0, 0, 0);
}

enum { WRITES_WHOLE = 0 };
