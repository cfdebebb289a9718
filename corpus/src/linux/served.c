/* Calls that no other program of the corpus makes with success, or only through a libc that prefers another. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#ifndef SYS_futex_wake
#define SYS_futex_wake 454
#define SYS_futex_wait 455
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#define HERE AT_FDCWD
static volatile int caught;
static void on_signal(int signal) { caught = signal; }

static void names(void) {
    struct stat st;
    struct statfs fs;
    int fd = syscall(SYS_openat, HERE, "file", O_CREAT | O_RDWR, 0600);
    check("write", write(fd, "0123456789", 10) == 10);
    check("fchmodat", !syscall(SYS_fchmodat, HERE, "file", 0640) && !stat("file", &st) && (st.st_mode & 0777) == 0640);
    long result = syscall(SYS_fchmodat2, HERE, "file", 0600, 0);
    check("fchmodat2", !result || lacks());
    check("fchownat", !syscall(SYS_fchownat, HERE, "file", -1, -1, 0));
    check("faccessat", !syscall(SYS_faccessat, HERE, "file", R_OK) && !syscall(SYS_faccessat2, HERE, "file", W_OK, 0));
    check("newfstatat", !fstatat(HERE, "file", &st, AT_SYMLINK_NOFOLLOW) && !syscall(SYS_newfstatat, HERE, "file", &st, 0));
    check("mkdirat", !syscall(SYS_mkdirat, HERE, "dir", 0700) && !rmdir("dir"));
    check("mknodat", !syscall(SYS_mknodat, HERE, "queue", S_IFIFO | 0600, 0) && !stat("queue", &st) && S_ISFIFO(st.st_mode) && !unlink("queue"));
    struct timespec times[2] = {{1000, 1}, {2000, 2}};
    check("utimensat", !syscall(SYS_utimensat, HERE, "file", times, 0) && !stat("file", &st) && st.st_mtim.tv_sec == 2000 && st.st_mtim.tv_nsec == 2);
    check("truncate", !syscall(SYS_truncate, "file", 8) && !stat("file", &st) && st.st_size == 8);
    check("fstatfs", !syscall(SYS_fstatfs, fd, &fs) && fs.f_bsize > 0);
    check("statfs", !syscall(SYS_statfs, "/", &fs) && fs.f_namelen >= 255);
    int kept = !lsetxattr("file", "user.name", "value", 5, 0) || errno == EOPNOTSUPP; /* not every file system has them */
    char value[8];
    check("attributes", kept && (lgetxattr("file", "user.name", value, 8) == 5 || errno == EOPNOTSUPP));
    check("removing them", !lremovexattr("file", "user.name") || errno == EOPNOTSUPP);
    kept = fsetxattr(fd, "user.other", "", 0, 0);
    check("by descriptor", (kept == -1 && errno == EOPNOTSUPP) || !fremovexattr(fd, "user.other"));
    check("none", fremovexattr(fd, "user.none") == -1 && (errno == ENODATA || errno == EOPNOTSUPP));
#ifdef SYS_chmod
    check("renameat", !syscall(SYS_renameat, HERE, "file", HERE, "moved") && !syscall(SYS_renameat, HERE, "moved", HERE, "file"));
    check("chmod", !syscall(SYS_chmod, "file", 0644) && !syscall(SYS_stat, "file", &st) && (st.st_mode & 0777) == 0644);
    check("chown", !syscall(SYS_chown, "file", -1, -1) && !syscall(SYS_lchown, "file", -1, -1));
    int made = syscall(SYS_creat, "made", 0600);
    check("creat", made >= 0 && !close(made));
    check("lstat", !syscall(SYS_symlink, "file", "link") && !syscall(SYS_lstat, "link", &st) && S_ISLNK(st.st_mode) && !unlink("link"));
    check("mknod", !syscall(SYS_mknod, "plain", S_IFREG | 0600, 0) && !unlink("plain"));
    struct utimbuf old = {10, 20};
    struct timeval vals[2] = {{30, 0}, {40, 0}};
    check("utime", !syscall(SYS_utime, "made", &old) && !stat("made", &st) && st.st_mtime == 20);
    check("utimes", !syscall(SYS_utimes, "made", vals) && !stat("made", &st) && st.st_mtime == 40);
    check("futimesat", !syscall(SYS_futimesat, HERE, "made", vals) && !unlink("made"));
    char entries[1024];
    int folder = open(".", O_RDONLY | O_DIRECTORY);
    check("getdents", syscall(SYS_getdents, folder, entries, sizeof entries) > 0 && !close(folder));
#endif
    close(fd);
}

static void transfers(void) {
    int fd = open("file", O_RDWR), other = open("other", O_RDWR | O_CREAT, 0600), ends[2];
    char a[4], b[4];
    struct iovec parts[2] = {{a, 4}, {b, 4}};
    check("readv", syscall(SYS_readv, fd, parts, 2) == 8 && !memcmp(b, "4567", 4));
    check("preadv", syscall(SYS_preadv, fd, parts, 2, 2, 0) == 6 && !memcmp(a, "2345", 4));
    check("preadv2", syscall(SYS_preadv2, fd, parts, 1, 1, 0, 0) == 4 && !memcmp(a, "1234", 4));
    check("pwritev", syscall(SYS_pwritev, fd, parts, 2, 100, 0) == 8 && syscall(SYS_pwritev2, fd, parts, 1, 0, 0, 0) == 4);
    long from = 0, to = 5;
    check("copy_file_range", syscall(SYS_copy_file_range, fd, &from, other, &to, 6, 0) == 6 && from == 6 && to == 11);
    from = 1;
    check("sendfile", syscall(SYS_sendfile, other, fd, &from, 3) == 3 && from == 4);
    pipe(ends);
    parts[0] = (struct iovec){"vm", 2};
    check("vmsplice", syscall(SYS_vmsplice, ends[1], parts, 1, 0) == 2 && read(ends[0], a, 4) == 2 && a[1] == 'm');
    struct pollfd poll = {ends[0], POLLIN, 0};
    struct timespec soon = {0, 1000000};
    check("ppoll", syscall(SYS_ppoll, &poll, 1, &soon, 0, 8) == 0 && write(ends[1], "x", 1) == 1 && syscall(SYS_ppoll, &poll, 1, 0, 0, 8) == 1);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    check("pselect6", syscall(SYS_pselect6, ends[0] + 1, &set, 0, 0, 0, 0) == 1 && FD_ISSET(ends[0], &set));
    struct epoll_event event = {EPOLLIN, {.u32 = 7}}, got;
    int epoll = epoll_create1(0);
    epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event);
    check("epoll_pwait2", syscall(SYS_epoll_pwait2, epoll, &got, 1, 0, 0, 8) == 1 && got.data.u32 == 7);
#ifdef SYS_select
    struct timeval now = {0, 0};
    check("select", syscall(SYS_select, ends[0] + 1, &set, 0, 0, &now) == 1);
    check("epoll_wait", syscall(SYS_epoll_wait, epoll, &got, 1, 0) == 1);
    unsigned long mask = 1ul << (SIGUSR1 - 1);
    check("signalfd", syscall(SYS_signalfd, -1, &mask, 8) >= 0);
#endif
    unlink("file"), unlink("other");
}

static void process(void) {
    unsigned a, b, c;
    check("getresuid", !syscall(SYS_getresuid, &a, &b, &c) && a == getuid() && b == geteuid() && c == b);
    check("getresgid", !syscall(SYS_getresgid, &a, &b, &c) && a == getgid() && b == getegid());
    struct rlimit limit;
    check("getrlimit", !syscall(SYS_getrlimit, RLIMIT_NOFILE, &limit) && limit.rlim_cur > 2 && !syscall(SYS_setrlimit, RLIMIT_NOFILE, &limit));
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct caps[2];
    check("capget", !syscall(SYS_capget, &head, caps) && !syscall(SYS_capset, &head, caps));
    struct utsname uts;
    struct sysinfo info;
    check("uname", !syscall(SYS_uname, &uts) && !strcmp(uts.sysname, "Linux"));
    check("sysinfo", !syscall(SYS_sysinfo, &info) && info.totalram > 0 && info.procs > 0);
    check("ioprio", syscall(SYS_ioprio_get, 1, 0) >= 0 && !syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 4) && syscall(SYS_ioprio_get, 1, 0) == (2 << 13 | 4));
    struct sched_param param = {0};
    struct timespec turn;
    unsigned attributes[14] = {56};
    check("sched_getparam", !syscall(SYS_sched_getparam, 0, &param) && param.sched_priority == 0);
    check("sched_setscheduler", !syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, &param) && !syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &param));
    check("sched_setparam", !syscall(SYS_sched_setparam, 0, &param) && !syscall(SYS_sched_rr_get_interval, 0, &turn));
    check("sched_getattr", !syscall(SYS_sched_getattr, 0, attributes, sizeof attributes, 0) && !syscall(SYS_sched_setattr, 0, attributes, 0));
    unsigned long cpus[16] = {0};
    long bytes = syscall(SYS_sched_getaffinity, 0, sizeof cpus, cpus);
    check("sched_setaffinity", bytes > 0 && !syscall(SYS_sched_setaffinity, 0, bytes, cpus));
    int id = semget(IPC_PRIVATE, 1, 0600);
    struct sembuf up = {0, 1, 0};
    check("semtimedop", syscall(SYS_semtimedop, id, &up, 1ul, 0) == 0 && semctl(id, 0, GETVAL) == 1 && !semctl(id, 0, IPC_RMID));
    check("setgroups", getuid() || (!syscall(SYS_setgroups, 0ul, 0) || errno == EPERM));
}

static void waiting(void) {
    struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGALRM, &act, 0), sigaction(SIGUSR1, &act, 0);
    unsigned long all = ~(1ul << (SIGALRM - 1));
    struct itimerval timer = {{0, 0}, {0, 10000}};
    sigset_t block;
    sigemptyset(&block), sigaddset(&block, SIGALRM), sigprocmask(SIG_BLOCK, &block, 0);
    setitimer(ITIMER_REAL, &timer, 0);
    check("rt_sigsuspend", syscall(SYS_rt_sigsuspend, &all, 8) == -1 && errno == EINTR && caught == SIGALRM);
    sigprocmask(SIG_UNBLOCK, &block, 0);
    siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
    info.si_pid = getpid();
    check("rt_tgsigqueueinfo", !syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), SIGUSR1, &info) && caught == SIGUSR1);
    caught = 0;
    check("tgkill", !syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1) && caught == SIGUSR1);
    unsigned word = 1;
    long woken = syscall(SYS_futex_wake, &word, 0xfffffffful, 1, 2);
    check("futex_wake", woken == 0 || lacks());
    woken = syscall(SYS_futex_wait, &word, 2ul, 0xfffffffful, 2, 0, CLOCK_MONOTONIC);
    check("futex_wait", woken == -1 && (errno == EAGAIN || lacks()));
    unsigned *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = fork();
    if (!child)
        _exit(syscall(SYS_futex_wait, shared, 0ul, 0xfffffffful, 2, 0, CLOCK_MONOTONIC) == -1 && !lacks());
    do
        usleep(1000);
    while ((woken = syscall(SYS_futex_wake, shared, 0xfffffffful, 1, 2)) == 0);
    int status;
    check("woken", (woken == 1 || lacks()) && waitpid(child, &status, 0) == child && !status);
    struct timex timex = {0};
    check("clock_adjtime", syscall(SYS_clock_adjtime, CLOCK_REALTIME, &timex) >= 0);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_nsec = -1;
    check("clock_settime", syscall(SYS_clock_settime, CLOCK_REALTIME, &now) == -1 && (errno == EINVAL || errno == EPERM));
#ifdef SYS_pause
    pid_t parent = getpid(), pid = fork();
    if (!pid) {
        usleep(20000);
        kill(parent, SIGUSR1);
        _exit(0);
    }
    check("pause", syscall(SYS_pause) == -1 && errno == EINTR);
    waitpid(pid, 0, 0);
    time_t t;
    check("time", syscall(SYS_time, &t) > 0 && t > 1000000000);
#endif

}

int main(void) {
    names(), transfers(), process(), waiting();
    syscall(SYS_sync);
    return failed ? 1 : 42;
}
