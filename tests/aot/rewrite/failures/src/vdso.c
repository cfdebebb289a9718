// Time read through the kernel's own pages, which no rewriter of the file sees, is the time the calls tell.
#include <stddef.h>
#include <stdint.h>

enum { PT_LOAD = 1, PT_DYNAMIC = 2, DT_HASH = 4, DT_STRTAB = 5, DT_SYMTAB = 6, AT_SYSINFO_EHDR = 33 };
typedef struct {
  uint8_t ident[32];
  uint64_t e_phoff, e_shoff;
  uint32_t e_flags;
  uint16_t e_ehsize, e_phentsize, e_phnum;
} Head;
typedef struct {
  uint32_t p_type, p_flags;
  uint64_t p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align;
} Part;
typedef struct {
  int64_t d_tag;
  uint64_t d_ptr;
} Dynamic;
typedef struct {
  uint32_t st_name;
  uint8_t st_info, st_other;
  uint16_t st_shndx;
  uint64_t st_value, st_size;
} Symbol;
struct time {
  int64_t s, ns;
};
typedef int (*gettime)(int, struct time *);

#if defined(__x86_64__)
#define NAME "__vdso_clock_gettime"
static long ask(long number, long a, long b) {
  long result;
  __asm__ volatile("syscall\n nop\n nop\n nop\n" : "=a"(result) : "a"(number), "D"(a), "S"(b) : "rcx", "r11", "memory");
  return result;
}
enum { GETTIME = 228, END = 60 };
__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call begin\n");
__asm__(".text\n.balign 64\n.ascii \"naive stubs here\"\n.fill 4096, 1, 0xcc\n");
#else
#define NAME "__kernel_clock_gettime"
static long ask(long number, long a, long b) {
  register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b;
  __asm__ volatile("svc #0\n nop\n nop\n nop\n" : "+r"(x0) : "r"(x8), "r"(x1) : "memory");
  return x0;
}
enum { GETTIME = 113, END = 93 };
__asm__(".globl _start\n_start: mov x0, sp\n bl begin\n");
__asm__(".text\n.balign 64\n.ascii \"naive stubs here\"\n.fill 1024, 4, 0\n");
#endif

static int same(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

static gettime find(const char *base) {
  const Head *head = (const void *)base;
  const Part *parts = (const void *)(base + head->e_phoff);
  const Dynamic *dynamic = NULL;
  intptr_t bias = 0;
  for (int i = 0; i < head->e_phnum; i++) {
    if (parts[i].p_type == PT_LOAD && !parts[i].p_offset) bias = (intptr_t)base - (intptr_t)parts[i].p_vaddr;
    if (parts[i].p_type == PT_DYNAMIC) dynamic = (const void *)(base + parts[i].p_offset);
  }
  const Symbol *symbols = NULL;
  const char *names = NULL;
  const uint32_t *hash = NULL;
  for (; dynamic && dynamic->d_tag; dynamic++) {
    if (dynamic->d_tag == DT_SYMTAB) symbols = (const void *)(bias + dynamic->d_ptr);
    if (dynamic->d_tag == DT_STRTAB) names = (const void *)(bias + dynamic->d_ptr);
    if (dynamic->d_tag == DT_HASH) hash = (const void *)(bias + dynamic->d_ptr);
  }
  for (uint32_t i = 0; symbols && names && hash && i < hash[1]; i++)
    if (same(names + symbols[i].st_name, NAME)) return (gettime)(bias + (intptr_t)symbols[i].st_value);
  return NULL;
}

static int later(struct time a, struct time b) { return a.s > b.s || (a.s == b.s && a.ns > b.ns); }

__attribute__((used)) void begin(const uint64_t *stack) {
  const uint64_t *at = stack + 1 + stack[0] + 1;
  while (*at++) {}
  gettime mine = NULL;
  for (; at[0]; at += 2)
    if (at[0] == AT_SYSINFO_EHDR) mine = find((const char *)at[1]);
  struct time first = {0}, middle = {0}, last = {0};
  int wrong = ask(GETTIME, 1, (long)&first) != 0;
  if (!mine || mine(1, &middle)) middle = first; // no such pages here: nothing to compare
  wrong |= ask(GETTIME, 1, (long)&last) != 0;
  ask(END, wrong | later(first, middle) | later(middle, last), 0);
  for (;;) {}
}
