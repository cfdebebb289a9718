/* What a C library does with its kernel: text, floats, sorting, jumps, signals, files, memory, time, children. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ftw.h>
#include <glob.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <poll.h>
#include <regex.h>
#include <search.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#define CHECK(what) (void)((what) || (printf("FAILED line %d: %s (errno %d)\n", __LINE__, #what, errno), failures++))
static int failures;

static int by_value(const void *a, const void *b) {
    return *(const int *)a < *(const int *)b ? -1 : *(const int *)a > *(const int *)b;
}

static void text(void) {
    char line[200], *end;
    printf("%d %5.2f %-8s| %#x %o %e %g %a %c %%\n", -42, 3.14159, "left", 255, 8, 12345.678, 1e-5, 1.0, 'z');
    printf("%.17g %.3g %10.4f %+d %05d %'d\n", 0.1, 1234567.0, -2.5, 7, 42, 1000);
    printf("%*d %-*d| %.*s\n", 6, 1, 4, 2, 3, "abcdef");
    printf("%" PRId64 " %zu %jd %hhd\n", INT64_MIN, (size_t)-1, (intmax_t)INT64_MAX, (signed char)200);
    printf("%g %g %g %g\n", INFINITY, -INFINITY, strtod("1e400", NULL), strtod("0x1.8p3", &end));
    double d; int n; char word[20];
    CHECK(sscanf("12 3.5 word rest", "%d %lf %19s", &n, &d, word) == 3 && n == 12 && d == 3.5);
    CHECK(snprintf(line, 5, "truncated") == 9 && !strcmp(line, "trun"));
    printf("%s|%s|%ld|%lu\n", strstr("haystack", "st"), strrchr("a/b/c", '/'), strtol("-0x1f", NULL, 16), strtoul("777", NULL, 8));
    char list[] = "one,two;three"; char *save, *tokens = strtok_r(list, ",;", &save);
    while (tokens) printf("<%s>", tokens), tokens = strtok_r(NULL, ",;", &save);
    printf("\n%s %s\n", strerror(ENOENT), strsignal(SIGTERM));
    regex_t re; regmatch_t m[3];
    CHECK(!regcomp(&re, "([a-z]+)@([a-z.]+)", REG_EXTENDED) && !regexec(&re, "mail bob@example.org now", 3, m, 0));
    printf("regex %d-%d %d-%d\n", (int)m[1].rm_so, (int)m[1].rm_eo, (int)m[2].rm_so, (int)m[2].rm_eo);
    regfree(&re);
    CHECK(!fnmatch("*.[ch]", "main.c", 0) && fnmatch("*.[ch]", "main.o", 0));
    wchar_t wide[20]; CHECK(swprintf(wide, 20, L"%d %ls", 5, L"wide") == 6); printf("%ls %zu\n", wide, wcslen(wide));
    CHECK(setlocale(LC_ALL, "C") && localeconv()->decimal_point[0] == '.');
    char *made; size_t size; FILE *stream = open_memstream(&made, &size);
    fprintf(stream, "in memory %d", 1); fclose(stream); printf("%s %zu\n", made, size); free(made);
    printf("%.6f %.6f %.6f %.6f\n", sin(1), exp(2), pow(2, 0.5), log(10));
}

static void sorting(void) {
    int numbers[1000]; unsigned seed = 1;
    for (int i = 0; i < 1000; i++) numbers[i] = (int)((seed = seed * 1103515245 + 12345) >> 16 & 0x7fff);
    qsort(numbers, 1000, sizeof(int), by_value);
    int wanted = numbers[500], ok = 1;
    for (int i = 1; i < 1000; i++) ok &= numbers[i - 1] <= numbers[i];
    printf("sorted %d %d\n", ok, *(int *)bsearch(&wanted, numbers, 1000, sizeof(int), by_value) == wanted);
    hcreate(10); ENTRY e = {"key", "value"}; hsearch(e, ENTER); printf("%s\n", (char *)hsearch(e, FIND)->data); hdestroy();
    char *blocks[200];
    for (int i = 0; i < 200; i++) blocks[i] = malloc((size_t)i * 997 + 1), memset(blocks[i], i, (size_t)i * 997 + 1);
    for (int i = 0; i < 200; i += 2) free(blocks[i]);
    for (int i = 1; i < 200; i += 2) CHECK(blocks[i][i * 997] == (char)i), blocks[i] = realloc(blocks[i], (size_t)i * 2000), CHECK(blocks[i][0] == (char)i), free(blocks[i]);
    void *aligned; CHECK(!posix_memalign(&aligned, 4096, 10000) && !((uintptr_t)aligned & 4095)); free(aligned);
    char *big = calloc(1, 50 << 20); CHECK(big && !big[25 << 20]); free(big);
}

static jmp_buf place;
static sigjmp_buf fault;
static volatile sig_atomic_t caught, value;
static void deeper(int n) { if (!n) longjmp(place, 7); deeper(n - 1); }
static void on_fault(int s, siginfo_t *i, void *c) { (void)c; caught = s; value = i->si_addr == (void *)16; siglongjmp(fault, 1); }
static void on_value(int s, siginfo_t *i, void *c) { (void)c; caught = s; value = i->si_value.sival_int; }
static void on_signal(int s) { caught = s; }

static void jumps(void) {
    int got = setjmp(place); if (!got) deeper(5);
    printf("longjmp %d\n", got);
    struct sigaction act = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &act, NULL);
    if (!sigsetjmp(fault, 1)) *(volatile int *)16 = 1;
    printf("SIGSEGV %d at address %d\n", caught == SIGSEGV, value);
    signal(SIGSEGV, SIG_DFL);
    act = (struct sigaction){.sa_sigaction = on_value, .sa_flags = SA_SIGINFO}; sigaction(SIGUSR1, &act, NULL);
    sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 99}); printf("queued %d\n", value);
    sigset_t set, old; sigemptyset(&set); sigaddset(&set, SIGUSR2); sigprocmask(SIG_BLOCK, &set, &old);
    signal(SIGUSR2, on_signal); caught = 0; raise(SIGUSR2); printf("blocked %d ", caught);
    sigpending(&old); printf("pending %d ", sigismember(&old, SIGUSR2)); sigprocmask(SIG_UNBLOCK, &set, NULL); printf("then %d\n", caught == SIGUSR2);
    signal(SIGALRM, on_signal); caught = 0;
    struct itimerval timer = {.it_value.tv_usec = 20000}; setitimer(ITIMER_REAL, &timer, NULL);
    while (!caught) pause();
    printf("alarm %d\n", caught == SIGALRM);
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536}; sigaltstack(&stack, NULL);
    act = (struct sigaction){.sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_RESETHAND}; sigaction(SIGHUP, &act, NULL);
    raise(SIGHUP); sigaction(SIGHUP, NULL, &act); printf("once %d %d\n", caught == SIGHUP, act.sa_handler == SIG_DFL);
    sigemptyset(&set); sigaddset(&set, SIGTERM); sigprocmask(SIG_BLOCK, &set, NULL); raise(SIGTERM); int which; sigwait(&set, &which);
    sigprocmask(SIG_UNBLOCK, &set, NULL); printf("sigwait %d\n", which == SIGTERM);
}

static int visits;
static int visit(const char *p, const struct stat *s, int t, struct FTW *f) { (void)p; (void)s; (void)t; visits += f->level; return 0; }

static void files(void) {
    CHECK(!mkdir("dir", 0755) && !mkdir("dir/sub", 0700)); FILE *f = fopen("dir/file", "w+");
    for (int i = 0; i < 1000; i++) fprintf(f, "line %d\n", i);
    CHECK(!fseek(f, -9, SEEK_END)); char line[100]; CHECK(fgets(line, 100, f)); printf("%s", line);
    rewind(f); char *got = NULL; size_t cap = 0; int lines = 0; while (getline(&got, &cap, f) > 0) lines++;
    free(got); printf("%d lines, %ld bytes\n", lines, ftell(f)); fclose(f);
    int fd = open("dir/file", O_RDWR); struct stat st; CHECK(!fstat(fd, &st));
    char *map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0); CHECK(map != MAP_FAILED);
    memcpy(map, "LINE", 4); CHECK(!msync(map, (size_t)st.st_size, MS_SYNC) && !munmap(map, (size_t)st.st_size));
    CHECK(pread(fd, line, 4, 0) == 4 && !memcmp(line, "LINE", 4));
    struct iovec parts[2] = {{"ab", 2}, {"cde", 3}}; CHECK(pwritev(fd, parts, 2, 10) == 5);
    CHECK(!ftruncate(fd, 100) && lseek(fd, 0, SEEK_END) == 100 && dup2(fd, 20) == 20 && !close(20)); close(fd);
    CHECK(!symlink("file", "dir/link") && readlink("dir/link", line, 100) == 4 && !link("dir/file", "dir/hard"));
    CHECK(!stat("dir/hard", &st) && st.st_nlink == 2 && !chmod("dir/hard", 0640) && !stat("dir/link", &st) && (st.st_mode & 0777) == 0640);
    struct dirent **names; int n = scandir("dir", &names, NULL, alphasort);
    for (int i = 0; i < n; i++) printf("%s ", names[i]->d_name), free(names[i]);
    free(names);
    glob_t g; CHECK(!glob("dir/[fh]*", 0, NULL, &g)); printf("| %zu %s\n", g.gl_pathc, g.gl_pathv[0]); globfree(&g);
    CHECK(!nftw("dir", visit, 8, FTW_PHYS) && visits == 4);
    CHECK(!rename("dir/hard", "dir/moved") && access("dir/hard", F_OK) == -1 && errno == ENOENT);
    char tmpl[] = "tempXXXXXX"; fd = mkstemp(tmpl); CHECK(fd >= 0 && !unlink(tmpl)); close(fd);
    CHECK(!unlink("dir/moved") && !unlink("dir/link") && !unlink("dir/file") && rmdir("dir") == -1 && errno == ENOTEMPTY);
    CHECK(!rmdir("dir/sub") && !rmdir("dir")); char *real = realpath("/proc/../tmp", NULL); printf("%s\n", real); free(real);
    CHECK(open("nowhere/x", O_RDONLY) == -1 && errno == ENOENT); perror("perror says");
    struct timespec times[2] = {{1000000000, 5}, {1000000001, 7}}; fd = open("stamp", O_CREAT | O_WRONLY, 0600);
    CHECK(!futimens(fd, times) && !fstat(fd, &st) && st.st_mtim.tv_sec == 1000000001); close(fd); unlink("stamp");
}

static void times(void) {
    time_t t = 1700000000; char line[100]; struct tm tm;
    strftime(line, 100, "%Y-%m-%d %H:%M:%S %j %a %b", gmtime_r(&t, &tm)); puts(line);
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1); tzset(); localtime_r(&t, &tm); printf("%d %s %ld\n", tm.tm_hour, tm.tm_zone, (long)mktime(&tm));
    struct timespec a, b, wait = {0, 5000000}; clock_gettime(CLOCK_MONOTONIC, &a); nanosleep(&wait, NULL); clock_gettime(CLOCK_MONOTONIC, &b);
    CHECK((b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec >= 5000000);
    timer_t timer; struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2}; struct itimerspec when = {.it_value.tv_nsec = 5000000};
    sigset_t set; siginfo_t info; sigemptyset(&set); sigaddset(&set, SIGUSR2); sigprocmask(SIG_BLOCK, &set, NULL);
    CHECK(!timer_create(CLOCK_MONOTONIC, &ev, &timer) && !timer_settime(timer, 0, &when, NULL));
    CHECK(sigwaitinfo(&set, &info) == SIGUSR2 && info.si_code == SI_TIMER);
    CHECK(!timer_delete(timer)); printf("timer %d\n", info.si_signo == SIGUSR2);
    struct rusage use; struct rlimit lim; CHECK(!getrusage(RUSAGE_SELF, &use) && !getrlimit(RLIMIT_NOFILE, &lim) && lim.rlim_cur > 0);
}

static void children(char *self) {
    int ends[2], status; char line[100]; CHECK(!pipe(ends)); fflush(stdout);
    pid_t pid = fork();
    if (!pid) { dup2(ends[1], 1); close(ends[0]); execl("/proc/self/exe", self, "child", "argument", (char *)NULL); _exit(127); }
    close(ends[1]); FILE *in = fdopen(ends[0], "r"); while (fgets(line, 100, in)) printf("child: %s", line);
    fclose(in); CHECK(waitpid(pid, &status, 0) == pid); printf("exit %d\n", WEXITSTATUS(status)); fflush(stdout);
    if (!(pid = fork())) { pause(); _exit(0); }
    kill(pid, SIGKILL); waitpid(pid, &status, 0); printf("killed %d\n", WTERMSIG(status)); fflush(stdout);
    if (!(pid = fork())) abort();
    waitpid(pid, &status, 0); printf("aborted %d\n", WTERMSIG(status) == SIGABRT); fflush(stdout);
    siginfo_t info; if (!(pid = fork())) _exit(9);
    CHECK(!waitid(P_PID, (id_t)pid, &info, WEXITED)); printf("waitid %d %d\n", info.si_status, info.si_code == CLD_EXITED);
    int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); fflush(stdout);
    if (!(pid = vfork())) _exit(*shared = 5);
    waitpid(pid, &status, 0); printf("shared %d %d\n", *shared, WEXITSTATUS(status));
    CHECK(waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD);
    struct pollfd p = {.fd = 0, .events = POLLIN}; fd_set set; FD_ZERO(&set); struct timeval tv = {0, 1000};
    CHECK(poll(&p, 0, 1) == 0 && select(0, NULL, NULL, NULL, &tv) == 0);
}

int main(int argc, char **argv) {
    if (argc > 1) { printf("%s %s\n", argv[1], argv[2]); return 33; }
    text(); sorting(); jumps(); files(); times(); children(argv[0]);
    struct utsname u; CHECK(!uname(&u)); puts(u.sysname);
    printf("%d failures\n", failures);
    return failures ? 1 : 6;
}
