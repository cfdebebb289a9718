// The cases printed from the rows (corpus/wild.py) and the things their arguments name.
#pragma once

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

static void finish(void) {
  sys_close(file), sys_close(folder);
  sys_unlink(FILE_NAME), sys_unlink(LINK_NAME), sys_unlink(NEW_NAME);
}
