// OpenBSD: carry says that a call failed; arm64 traps are followed by two barriers that the kernel steps over. The
// programs are position independent and relocate themselves, as static programs of this system do.
#pragma once
#include <sys/param.h>
#define _DYN_LOADER
#include <sys/exec_elf.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

enum {  // the headers have an enumeration of the same values under other names
  AT_ENTRY = AUX_entry, AT_PHDR = AUX_phdr, AT_PHENT = AUX_phent, AT_PHNUM = AUX_phnum,
#ifndef AT_PAGESZ
  AT_PAGESZ = AUX_pagesz,
#endif
};

// How the system's own loader knows its programs.
__attribute__((section(".note.openbsd.ident"), used)) static const struct {
  u32 name_size, data_size, type;
  char name[8];
  u32 version;
} abi_note = {8, 4, 1, "OpenBSD", 0};

#if defined(__aarch64__)
#define DOOR "svc #0\n\tdsb nsh\n\tisb\n\t"
#endif

INLINE struct answer trap(s64 number, s64 a, s64 b, s64 c, s64 d, s64 e, s64 f) {
#if defined(__x86_64__)
  register s64 r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
  s64 result = number;
  u8 carry;
  __asm__ volatile("syscall\n\tsetc %[carry]"
                   : "+a"(result), [carry] "=&q"(carry)
                   : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory", "cc");
#else
  register s64 x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c,
               x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = f;
  u32 carry;
  __asm__ volatile(DOOR "cset %w[carry], cs"
                   : "+r"(x0), [carry] "=&r"(carry)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory", "cc");
  s64 result = x0;
#endif
  return (struct answer){result, 0, carry};
}

// The value, or -errno.
INLINE s64 ask(s64 number, s64 a, s64 b, s64 c, s64 d, s64 e, s64 f) {
  struct answer got = trap(number, a, b, c, d, e, f);
  return got.failed ? -got.value : got.value;
}

INLINE void sys_exit(int status) { ask(SYS_exit, status, 0, 0, 0, 0, 0); }
INLINE s64 sys_read(int fd, void *to, u64 size) { return ask(SYS_read, fd, (s64)to, (s64)size, 0, 0, 0); }
INLINE s64 sys_write(int fd, const void *from, u64 size) {
  return ask(SYS_write, fd, (s64)from, (s64)size, 0, 0, 0);
}
INLINE s64 sys_open(const char *path, int flags, int mode) {
  return ask(SYS_open, (s64)path, flags, mode, 0, 0, 0);
}
INLINE s64 sys_close(int fd) { return ask(SYS_close, fd, 0, 0, 0, 0, 0); }
INLINE s64 sys_fstat(int fd, struct stat *to) { return ask(SYS_fstat, fd, (s64)to, 0, 0, 0, 0); }
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
INLINE s64 sys_clock(int clock, struct timespec *to) {
  return ask(SYS_clock_gettime, clock, (s64)to, 0, 0, 0, 0);
}
INLINE s64 sys_dup(int fd) { return ask(SYS_dup, fd, 0, 0, 0, 0, 0); }
INLINE s64 sys_symlink(const char *target, const char *path) {
  return ask(SYS_symlink, (s64)target, (s64)path, 0, 0, 0, 0);
}

// Adds the load address to every address in the image's data. Nothing in it may need relocation itself.
#define RELOCATES_ITSELF
INLINE void relocate_itself(u64 *argc) {
  extern Elf64_Dyn _DYNAMIC[] __attribute__((visibility("hidden")));
  u64 *entry = argc + 2 + *argc, base = 0, size = 0;
  while (*entry) entry++;
  for (entry++; entry[0]; entry += 2)
    if (entry[0] == AUX_base) base = entry[1];
  const Elf64_Rela *table = 0;
  for (const Elf64_Dyn *d = _DYNAMIC; d->d_tag; d++) {
    if (d->d_tag == DT_RELA) table = (const Elf64_Rela *)(base + d->d_un.d_ptr);
    if (d->d_tag == DT_RELASZ) size = d->d_un.d_val;
  }
  for (u64 i = 0; i < size / sizeof *table; i++) *(u64 *)(base + table[i].r_offset) = base + table[i].r_addend;
}

enum { WRITES_WHOLE = 0 };
