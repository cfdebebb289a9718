// Passes wild pointers to every pointer argument of every call: each must fail with EFAULT and change nothing.
#include "raw.h"

#include "cases.h"

// Each kind of wild pointer.
enum { NULL_POINTER, UNMAPPED, READ_ONLY, LAST_BYTE, WRAPPING, KERNEL_HALF, BEYOND, TAGGED, KINDS };
static const char *const KIND_NAMES[] = {"null",        "unmapped", "read-only", "last byte",
                                         "wrapping",    "kernel",   "beyond",    "tagged"};

static u64 wild_pointer(int kind) {
  switch (kind) {
    case UNMAPPED: return (u64)(pages + PAGE);
    case READ_ONLY: return (u64)(pages + 2 * PAGE);
    case LAST_BYTE: return (u64)(pages + PAGE - 1);
    case WRAPPING: return (u64)-8;
    case KERNEL_HALF: return 0xffff800000000000;
    case BEYOND: return 0x0001000000000000;
    case TAGGED: return (u64)(pages + PAGE) | (u64)0x5a << 56;
    default: return 0;
  }
}

static int applies(const struct wild_case *c, int kind) {
  switch (kind) {
    case NULL_POINTER: return !c->optional;
    case READ_ONLY: return c->out;
    case LAST_BYTE: return c->size > 1;
    default: return 1;
  }
}

static void report(const struct wild_case *c, int kind, const char *what, u64 expected, u64 got) {
  put(c->name);
  put(" ");
  put(KIND_NAMES[kind]);
  put(": ");
  fail(what, expected, got);
}

// Nothing may have changed: the file's position and size, the descriptors, the byte before the unmapped page.
static void check_untouched(const struct wild_case *c, int kind, int moved) {
  struct stat facts;
  s64 spare = sys_dup(file), at = sys_seek(file, 0, 1);
  sys_close((int)spare);
  if (spare != next_descriptor) report(c, kind, "next descriptor", (u64)next_descriptor, (u64)spare);
  if (at != 5 + moved && at != 5) report(c, kind, "file position", 5, (u64)at);
  if (at != 5) sys_seek(file, 5, 0);
  if (sys_fstat(file, &facts) || facts.st_size != 64) report(c, kind, "file size", 64, (u64)facts.st_size);
  // kernels copy results out byte by byte until they fault; ours checks first
  if (!moved && (!c->out || WRITES_WHOLE) && pages[PAGE - 1] != 'x') report(c, kind, "last byte", 'x', pages[PAGE - 1]);
  pages[PAGE - 1] = 'x';
  if (pages[2 * PAGE] != 'r') report(c, kind, "read-only byte", 'r', pages[2 * PAGE]);
}

static void check_case(const struct wild_case *c, int kind) {
  s64 words[WORDS];
  u64 wild = wild_pointer(kind);
  memset(zeros, 0, sizeof zeros);
  room = 4;
  vector = (struct iovec_like){zeros, 64};
  for (int i = 0; i < WORDS; i++) words[i] = given(c, i);
  if (c->base) vector.base = (void *)wild;
  else words[c->at] = (s64)wild;
  s64 got = any_call((s64)c->number, words);
  int partly = c->soft && kind == LAST_BYTE && got == 1;
  if (!partly && got != -EFAULT && got != -c->also) report(c, kind, "result", (u64)-EFAULT, (u64)got);
  check_untouched(c, kind, partly);
}

int program(u64 *argc, u64 entry_sp) {
  (void)argc, (void)entry_sp;
  if (!prepare()) return BROKEN;
  for (u64 i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    int before = failures;
    for (int kind = 0; kind < KINDS; kind++)
      if (applies(&CASES[i], kind)) check_case(&CASES[i], kind);
    if (failures == before) ok(CASES[i].name);
  }
  finish();
  if (failures) return BROKEN;
  ok("every pointer");
  return PASSED;
}
