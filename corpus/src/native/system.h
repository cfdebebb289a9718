// The native interface: -errno in the result register; constants printed from the kernel's own table.
#pragma once
#include "native.h"
#include <stddef.h>

#define O_RDONLY HELCTIC_OPEN_READ
#define O_RDWR (HELCTIC_OPEN_READ | HELCTIC_OPEN_WRITE)
#define O_WRONLY HELCTIC_OPEN_WRITE
#define O_CREAT HELCTIC_OPEN_CREATE
#define O_TRUNC HELCTIC_OPEN_TRUNCATE
#define PROT_NONE 0
#define PROT_READ HELCTIC_PROT_READ
#define PROT_WRITE HELCTIC_PROT_WRITE
#define PROT_EXEC HELCTIC_PROT_EXEC
#define MAP_PRIVATE HELCTIC_MAPFLAG_PRIVATE
#define MAP_ANONYMOUS HELCTIC_MAPFLAG_ANONYMOUS
#define CLOCK_MONOTONIC HELCTIC_CLOCK_MONOTONIC
#define CLOCK_REALTIME HELCTIC_CLOCK_REALTIME
#define ENOENT HELCTIC_ENOENT
#define EBADF HELCTIC_EBADF
#define EFAULT HELCTIC_EFAULT
#define EINVAL HELCTIC_EINVAL
#define ENOSYS HELCTIC_ENOSYS
#define ENOTTY HELCTIC_ENOTTY
#define S_IFREG 0100000

#define AT_PHDR 3
#define AT_PHENT 4
#define AT_PHNUM 5
#define AT_PAGESZ 6
#define AT_ENTRY 9
#define AT_RANDOM 25

// Fields under the names that the shared programs use.
struct stat {
  struct helctic_stat native;
};
#define st_size native.size
#define st_mode native.mode
#define st_nlink native.nlink
struct timespec {
  long tv_sec, tv_nsec;
};

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

INLINE void sys_exit(int status) { ask(HELCTIC_OP_EXIT, status, 0, 0, 0, 0, 0); }
INLINE s64 sys_read(int fd, void *to, u64 size) { return ask(HELCTIC_OP_READ, fd, (s64)to, (s64)size, 0, 0, 0); }
INLINE s64 sys_write(int fd, const void *from, u64 size) {
  return ask(HELCTIC_OP_WRITE, fd, (s64)from, (s64)size, 0, 0, 0);
}
INLINE s64 sys_open(const char *path, int flags, int mode) {
  return ask(HELCTIC_OP_OPENAT, -100, (s64)path, flags, mode, 0, 0);
}
INLINE s64 sys_close(int fd) { return ask(HELCTIC_OP_CLOSE, fd, 0, 0, 0, 0, 0); }
INLINE s64 sys_fstat(int fd, struct stat *to) { return ask(HELCTIC_OP_FSTAT, fd, (s64)to, 0, 0, 0, 0); }
INLINE s64 sys_unlink(const char *path) { return ask(HELCTIC_OP_UNLINKAT, -100, (s64)path, 0, 0, 0, 0); }
INLINE s64 sys_seek(int fd, s64 offset, int whence) { return ask(HELCTIC_OP_SEEK, fd, offset, whence, 0, 0, 0); }
INLINE s64 sys_getpid(void) { return ask(HELCTIC_OP_GETPID, 0, 0, 0, 0, 0, 0); }
INLINE s64 sys_mmap(void *at, u64 size, int protection, int flags, int fd, s64 offset) {
  return ask(HELCTIC_OP_MMAP, (s64)at, (s64)size, protection, flags, fd, offset);
}
INLINE s64 sys_munmap(void *at, u64 size) { return ask(HELCTIC_OP_MUNMAP, (s64)at, (s64)size, 0, 0, 0, 0); }
INLINE s64 sys_mprotect(void *at, u64 size, int protection) {
  return ask(HELCTIC_OP_MPROTECT, (s64)at, (s64)size, protection, 0, 0, 0);
}
INLINE s64 sys_clock(int clock, struct timespec *to) {
  return ask(HELCTIC_OP_CLOCK_GETTIME, clock, (s64)to, 0, 0, 0, 0);
}
INLINE s64 sys_dup(int fd) { return ask(HELCTIC_OP_DUP, fd, 0, 0, 0, 0, 0); }
INLINE s64 sys_symlink(const char *target, const char *path) {
  return ask(HELCTIC_OP_SYMLINKAT, (s64)target, -100, (s64)path, 0, 0, 0);
}

enum { WRITES_WHOLE = 1 };
