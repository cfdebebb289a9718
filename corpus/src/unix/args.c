// What a program finds when it starts: arguments, environment, auxiliary vector, stack alignment; then static
// TLS set up through the system's own call. Run as: CORPUS=check args one "two words" ""
#include "raw.h"
#include "start.h"

struct phdr {
  u32 type, flags;
  u64 offset, address, physical, file_size, memory_size, align;
};
#ifndef IMAGE_BIAS
#define IMAGE_BIAS 0
#endif
enum { SEGMENT_LOAD = 1, SEGMENT_TLS = 7 };

static u64 *start_argc, stack_at_entry;
static char **environment;
static u64 auxv[64];  // value by type
static u8 present[64];
extern void _start(void);

static int equal(const char *left, const char *right) {
  return length(left) == length(right) && same(left, right, length(left));
}

static void check_arguments(void) {
  char **argv = (char **)(start_argc + 1);
  if (!expect("argc", 4, *start_argc)) return;
  expect("argv[0]", 1, length(argv[0]) > 0);
  expect("argv[1]", 1, (u64)equal(argv[1], "one"));
  expect("argv[2]", 1, (u64)equal(argv[2], "two words"));
  expect("argv[3]", 0, length(argv[3]));
  expect("argv[argc]", 0, (u64)argv[4]);
}

static void check_environment(void) {
  int found = 0;
  for (char **e = environment; *e; e++) found += equal(*e, "CORPUS=check");
  expect("CORPUS=check", 1, (u64)found);
}

static void check_auxv(void) {
  expect("AT_PAGESZ", 0, auxv[AT_PAGESZ] & (auxv[AT_PAGESZ] - 1));
  expect("AT_PAGESZ", 1, auxv[AT_PAGESZ] >= 4096);
  expect("AT_ENTRY", (u64)_start, auxv[AT_ENTRY]);
  expect("AT_PHENT", sizeof(struct phdr), auxv[AT_PHENT]);
  expect("AT_PHNUM", 1, auxv[AT_PHNUM] > 0 && auxv[AT_PHNUM] < 32);
  const struct phdr *table = (const struct phdr *)auxv[AT_PHDR];
  if (!expect("AT_PHDR", 1, table != 0)) return;
  int covered = 0;
  for (u64 i = 0; i < auxv[AT_PHNUM]; i++)
    covered += table[i].type == SEGMENT_LOAD && (u64)_start - IMAGE_BIAS - table[i].address < table[i].memory_size;
  expect("AT_PHDR names the segment of the entry", 1, (u64)covered);
  check_own_entries(auxv, present, start_argc, environment);
}

static void check_stack_alignment(void) { expect("stack pointer at entry, mod 16", ENTRY_SP, stack_at_entry & 15); }

static __thread u64 initialised = 0x1122334455667788, zero[3];
static __thread __attribute__((aligned(64))) u64 aligned_word = 7;
static u8 block[1024] __attribute__((aligned(64)));

// Variant II puts the block below the thread pointer, variant I behind a header of 16 bytes.
static void check_tls(void) {
  const struct phdr *tls = 0, *table = (const struct phdr *)auxv[AT_PHDR];
  for (u64 i = 0; table && i < auxv[AT_PHNUM]; i++)
    if (table[i].type == SEGMENT_TLS) tls = &table[i];
  if (!expect("PT_TLS", 1, tls != 0)) return;
  u64 align = tls->align < 16 ? 16 : tls->align;
#if defined(__x86_64__)
  u8 *pointer = block + 512, *data = pointer - ((tls->memory_size + align - 1) & -align);
  *(u8 **)pointer = pointer;
  s64 set = set_thread_pointer(pointer);
#else
  u8 *pointer = block, *data = pointer + ((16 + align - 1) & -align);
  __asm__ volatile("msr tpidr_el0, %0" ::"r"(pointer) : "memory");
  s64 set = 0;
#endif
  if (!expect("setting the thread pointer", 0, (u64)set)) return;
  memcpy(data, (const void *)(IMAGE_BIAS + tls->address), tls->file_size);
  volatile u64 *first = &initialised, *second = zero, *third = &aligned_word;
  expect("initialised thread variable", 0x1122334455667788, *first);
  expect("zero thread variable", 0, second[2]);
  expect("aligned thread variable", 7, *third);
  expect("its alignment", 0, (u64)third & 63);
  *first = 5, second[2] = 6;
  sys_getpid();
  expect("thread variable after a call", 5, *first);
  expect("its place", 1, (u64)((u8 *)first >= block && (u8 *)first < block + sizeof block));
}

int program(u64 *argc, u64 entry_sp) {
  start_argc = argc, stack_at_entry = entry_sp;
  environment = (char **)(argc + 2 + *argc);
  char **past = environment;
  while (*past) past++;
  for (u64 *entry = (u64 *)(past + 1); entry[0]; entry += 2)
    if (entry[0] < 64) auxv[entry[0]] = entry[1], present[entry[0]] = 1;
  group("arguments", check_arguments);
  group("environment", check_environment);
  group("auxiliary vector", check_auxv);
  group("stack alignment", check_stack_alignment);
  group("static tls", check_tls);
  return failures ? BROKEN : PASSED;
}
