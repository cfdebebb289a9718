// NetBSD: carry says that a call failed, the second result register is written by every success; constants from
// the system's headers. arm64 keeps the number in the trap itself, or in x17 behind the indirect call.
#pragma once
#include <sys/param.h>
#include <sys/exec.h>
#include <sys/exec_elf.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

// How the system's own loader knows its programs.
__attribute__((section(".note.netbsd.ident"), used)) static const struct {
  u32 name_size, data_size, type;
  char name[8];
  u32 version;
} abi_note = {ELF_NOTE_NETBSD_NAMESZ, ELF_NOTE_NETBSD_DESCSZ, ELF_NOTE_TYPE_NETBSD_TAG, "NetBSD", __NetBSD_Version__};

#if defined(__aarch64__)
// For the register probes: the number is the trap's operand; 0 asks for the call that x17 names.
#define NUMBER_REGISTER 17
#define SET_NUMBER ""
#define NUMBER_LOADED(number) (void)(number)
#define DOOR "svc %[nr]\n"
#endif

// A seventh argument (an offset, behind its padding) is on amd64's stack, behind a return address.
INLINE struct answer trap(s64 number, s64 a, s64 b, s64 c, s64 d, s64 e, s64 f, s64 g) {
#if defined(__x86_64__)
  register s64 r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
  s64 result = number, second = c;
  u8 carry;
  __asm__ volatile("lea -144(%%rsp), %%rsp\n\tmov %[seventh], 8(%%rsp)\n\tsyscall\n\tsetc %[carry]\n\t"
                   "lea 144(%%rsp), %%rsp"
                   : "+a"(result), "+d"(second), "+r"(r10), "+r"(r8), "+r"(r9), [carry] "=&b"(carry)
                   : "D"(a), "S"(b), [seventh] "r"(g)
                   : "rcx", "r11", "memory", "cc");
#else
  register s64 x17 __asm__("x17") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c,
               x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = f, x6 __asm__("x6") = g;
  u32 carry;
  __asm__ volatile("svc %[indirect]\n\tcset %w[carry], cs"
                   : "+r"(x0), "+r"(x1), [carry] "=&r"(carry)
                   : [indirect] "i"(SYS_syscall), "r"(x17), "r"(x2), "r"(x3), "r"(x4), "r"(x5), "r"(x6)
                   : "memory", "cc");
  s64 result = x0, second = x1;
#endif
  return (struct answer){result, second, carry};
}

// The value, or -errno.
INLINE s64 ask7(s64 number, s64 a, s64 b, s64 c, s64 d, s64 e, s64 f, s64 g) {
  struct answer got = trap(number, a, b, c, d, e, f, g);
  return got.failed ? -got.value : got.value;
}
INLINE s64 ask(s64 number, s64 a, s64 b, s64 c, s64 d, s64 e, s64 f) { return ask7(number, a, b, c, d, e, f, 0); }

// With a constant number, as libc's own stubs have it: arm64's is the operand of the trap.
#if defined(__x86_64__)
#define ASK(number, a, b, c) ask(number, (s64)(a), (s64)(b), (s64)(c), 0, 0, 0)
#else
#define ASK(number, a, b, c)                                                                                  \
  ({                                                                                                          \
    register s64 x0 __asm__("x0") = (s64)(a), x1 __asm__("x1") = (s64)(b), x2 __asm__("x2") = (s64)(c);       \
    u32 carry;                                                                                                \
    __asm__ volatile("svc %[nr]\n\tcset %w[carry], cs"                                                        \
                     : "+r"(x0), "+r"(x1), [carry] "=&r"(carry)                                               \
                     : [nr] "i"(number), "r"(x2)                                                              \
                     : "memory", "cc");                                                                       \
    carry ? -x0 : x0;                                                                                         \
  })
#endif

INLINE void sys_exit(int status) { ASK(SYS_exit, status, 0, 0); }
INLINE s64 sys_read(int fd, void *to, u64 size) { return ASK(SYS_read, fd, to, size); }
INLINE s64 sys_write(int fd, const void *from, u64 size) { return ASK(SYS_write, fd, from, size); }
INLINE s64 sys_open(const char *path, int flags, int mode) { return ASK(SYS_open, path, flags, mode); }
INLINE s64 sys_close(int fd) { return ASK(SYS_close, fd, 0, 0); }
INLINE s64 sys_fstat(int fd, struct stat *to) { return ASK(SYS___fstat50, fd, to, 0); }
INLINE s64 sys_unlink(const char *path) { return ASK(SYS_unlink, path, 0, 0); }
INLINE s64 sys_seek(int fd, s64 offset, int whence) { return ask(SYS_lseek, fd, 0, offset, whence, 0, 0); }
INLINE s64 sys_getpid(void) { return ASK(SYS_getpid, 0, 0, 0); }
INLINE s64 sys_mmap(void *at, u64 size, int protection, int flags, int fd, s64 offset) {
  return ask7(SYS_mmap, (s64)at, (s64)size, protection, flags, fd, 0, offset);
}
INLINE s64 sys_munmap(void *at, u64 size) { return ASK(SYS_munmap, at, size, 0); }
INLINE s64 sys_mprotect(void *at, u64 size, int protection) { return ASK(SYS_mprotect, at, size, protection); }
INLINE s64 sys_clock(int clock, struct timespec *to) { return ASK(SYS___clock_gettime50, clock, to, 0); }
INLINE s64 sys_dup(int fd) { return ASK(SYS_dup, fd, 0, 0); }
INLINE s64 sys_symlink(const char *target, const char *path) { return ASK(SYS_symlink, target, path, 0); }

// Where the system hands over struct ps_strings.
static struct ps_strings *ps_strings_at_entry __attribute__((used));
#if defined(__x86_64__)
#define FIRST_INSTRUCTION "  mov %rbx, ps_strings_at_entry(%rip)\n"
#else
#define FIRST_INSTRUCTION "  adrp x3, ps_strings_at_entry\n  str x2, [x3, :lo12:ps_strings_at_entry]\n"
#endif

enum { WRITES_WHOLE = 0 };
