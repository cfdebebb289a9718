// Passes wild pointers to every pointer argument of every call: each must fail with EFAULT and change nothing.
// The cases are printed from the rows (corpus/wild.py).
#include "raw.h"

enum { WORDS = 6, PAGE = 65536 };

struct wild_case {
  const char *name;
  u32 number, at, size;
  u8 out, optional, soft, base;
  s64 also;
  u8 give[WORDS];
  s64 value[WORDS];
};
#include "wild.h"

struct iovec_like {
  void *base;
  u64 size;
};

static const char FILE_NAME[] = "wild.tmp", LINK_NAME[] = "wild.link", NEW_NAME[] = "wild.new";
static u8 zeros[4096] __attribute__((aligned(4096)));
static struct iovec_like vector;
static u32 mib[2] = {6, 7};
static u64 room;
static int file, folder, next_descriptor;
static u8 *pages;  // [read-write][unmapped][read-only][unmapped]

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

static s64 given(const struct wild_case *c, int at) {
  switch (c->give[at]) {
    case GIVE_FILE: return file;
    case GIVE_FOLDER: return folder;
    case GIVE_PATH: return (s64)FILE_NAME;
    case GIVE_LINK: return (s64)LINK_NAME;
    case GIVE_NEW: return (s64)NEW_NAME;
    case GIVE_HERE: return (s64) ".";
    case GIVE_BUFFER: return (s64)zeros;
    case GIVE_IOV: return (s64)&vector;
    case GIVE_MIB: return (s64)mib;
    case GIVE_ROOM: return (s64)&room;
    default: return c->value[at];
  }
}

static NOINLINE s64 any_call(s64 number, const s64 *w) {
  return ask(number, w[0], w[1], w[2], w[3], w[4], w[5]);
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

static int prepare(void) {
  static const char text[64] = "sixty-four bytes";
  s64 at = sys_mmap(0, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (!expect("mmap", 1, at > 0)) return 0;
  pages = (u8 *)at;
  pages[PAGE - 1] = 'x', pages[2 * PAGE] = 'r';
  for (int i = 1; i < 64; i++) pages[2 * PAGE + i] = 0;
  expect("munmap", 0, (u64)sys_munmap(pages + PAGE, PAGE));
  expect("munmap", 0, (u64)sys_munmap(pages + 3 * PAGE, PAGE));
  expect("mprotect", 0, (u64)sys_mprotect(pages + 2 * PAGE, PAGE, PROT_READ));
  sys_unlink(LINK_NAME);
  file = (int)sys_open(FILE_NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);
  folder = (int)sys_open(".", O_RDONLY, 0);
  expect("write", 64, (u64)sys_write(file, text, 64));
  expect("lseek", 5, (u64)sys_seek(file, 5, 0));
  expect("symlink", 0, (u64)sys_symlink(FILE_NAME, LINK_NAME));
  next_descriptor = (int)sys_dup(file);
  sys_close(next_descriptor);
  return !failures;
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
  sys_close(file), sys_close(folder);
  sys_unlink(FILE_NAME), sys_unlink(LINK_NAME);
  if (failures) return BROKEN;
  ok("every pointer");
  return PASSED;
}
