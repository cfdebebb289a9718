/* Processes among others: what a parent is told, stops, groups and sessions, orphans, descriptors of processes. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#define PARENT_FLAG 0x8000

static volatile int told, told_code, told_status, told_pid;

static void child_news(int n, siginfo_t *info, void *context)
{
    (void)n;
    (void)context;
    told++;
    told_code = info->si_code;
    told_status = info->si_status;
    told_pid = info->si_pid;
}

static void on_chld(int flags)
{
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_sigaction = child_news;
    a.sa_flags = SA_SIGINFO | SA_RESTART | flags;
    sigaction(SIGCHLD, &a, 0);
    told = 0;
}

static void rest(void)
{
    struct timespec t = {0, 20000000};
    while (nanosleep(&t, &t) && errno == EINTR)
        ;
}

static pid_t sleeper(void)
{
    pid_t child = fork();
    if (child < 0)
        abort(); /* everybody would be meant by what follows */
    if (!child)
        for (;;)
            pause();
    return child;
}

static void stops(void)
{
    siginfo_t info;
    int status = 0;
    on_chld(0);
    pid_t child = sleeper();
    check("nothing yet", waitpid(child, &status, WNOHANG | WUNTRACED | WCONTINUED) == 0);
    kill(child, SIGSTOP);
    check("stopped", waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    check("said once", waitpid(child, &status, WUNTRACED | WNOHANG) == 0);
    check("told of the stop", told == 1 && told_code == CLD_STOPPED && told_status == SIGSTOP && told_pid == child);
    kill(child, SIGCONT);
    memset(&info, 0, sizeof info);
    check("goes on, looked at", !waitid(P_PID, child, &info, WCONTINUED | WNOWAIT) && info.si_code == CLD_CONTINUED
          && info.si_status == SIGCONT && info.si_pid == child && info.si_signo == SIGCHLD);
    check("goes on", waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
    rest();
    check("told of that", told == 2 && told_code == CLD_CONTINUED);
    kill(child, SIGSTOP);
    check("stopped again", waitpid(child, &status, WUNTRACED) == child && WSTOPSIG(status) == SIGSTOP);
    kill(child, SIGTERM);
    rest();
    check("waits while it is stopped", waitpid(child, &status, WNOHANG) == 0);
    kill(child, SIGCONT);
    check("and ends then", waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    child = sleeper();
    kill(child, SIGSTOP);
    waitpid(child, &status, WUNTRACED);
    kill(child, SIGKILL);
    check("killed while stopped", waitpid(child, &status, 0) == child && WTERMSIG(status) == SIGKILL);
    on_chld(SA_NOCLDSTOP);
    child = sleeper();
    kill(child, SIGSTOP);
    waitpid(child, &status, WUNTRACED);
    check("no word of stops", told == 0);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    check("but of the end", told == 1 && told_code == CLD_KILLED && told_status == SIGKILL);
}

static void selections(void)
{
    siginfo_t info;
    struct rusage usage;
    int status = 0;
    on_chld(0);
    pid_t a = fork();
    if (!a)
        _exit(3);
    memset(&info, 0xff, sizeof info);
    check("kept", !waitid(P_PID, a, &info, WEXITED | WNOWAIT) && info.si_pid == a && info.si_status == 3
          && info.si_code == CLD_EXITED && info.si_uid == getuid());
    check("still there", kill(a, 0) == 0 && waitpid(a, &status, WNOHANG) == a && WEXITSTATUS(status) == 3);
    check("gone", kill(a, 0) == -1 && errno == ESRCH);
    check("no child", waitid(P_ALL, 0, &info, WEXITED) == -1 && errno == ECHILD);
    check("no kind of news", waitid(P_ALL, 0, &info, 0) == -1 && errno == EINVAL);
    check("no such selection", waitid(9, 0, &info, WEXITED) == -1 && errno == EINVAL);
    pid_t b = sleeper();
    setpgid(b, b);
    check("another group", waitpid(0, &status, WNOHANG) == -1 && errno == ECHILD);
    check("its group", waitpid(-b, &status, WNOHANG) == 0);
    memset(&info, 0xff, sizeof info);
    check("nothing is nothing", !waitid(P_PGID, b, &info, WEXITED | WNOHANG) && !info.si_pid && !info.si_signo);
    kill(-b, SIGKILL);
    check("by group", wait4(-b, &status, 0, &usage) == b && WTERMSIG(status) == SIGKILL && usage.ru_utime.tv_sec >= 0);
    a = syscall(SYS_clone, 0, 0, 0, 0, 0);
    if (!a)
        _exit(5);
    check("silent child", waitpid(a, &status, 0) == -1 && errno == ECHILD);
    check("waited as a clone", waitpid(a, &status, __WCLONE) == a && WEXITSTATUS(status) == 5);
    signal(SIGCHLD, SIG_IGN);
    if (!fork())
        _exit(0);
    check("ignored children vanish", wait(&status) == -1 && errno == ECHILD);
    on_chld(SA_NOCLDWAIT);
    if (!fork())
        _exit(0);
    check("so do unwaited ones", wait(&status) == -1 && errno == ECHILD && told == 1);
    on_chld(0);
}

static void groups(void)
{
    int status, go[2], back[2];
    char c;
    if (pipe(go) || pipe(back))
        abort();
    pid_t child = fork();
    if (!child) {
        int bad = 0;
        bad |= (getpgrp() != getppid() && getpgrp() == getpid()) << 0;
        bad |= (setsid() != getpid()) << 1;
        bad |= (getsid(0) != getpid() || getpgrp() != getpid()) << 2;
        bad |= (setsid() != -1 || errno != EPERM) << 3;
        bad |= (setpgid(0, 0) != -1 || errno != EPERM) << 4;
        c = bad;
        if (write(back[1], &c, 1) != 1 || read(go[0], &c, 1) != 1)
            _exit(99);
        pid_t grandchild = fork();
        if (grandchild < 0)
            _exit(98);
        if (!grandchild)
            for (;;)
                pause();
        bad |= (setpgid(grandchild, grandchild) != 0 || getpgid(grandchild) != grandchild) << 5;
        kill(grandchild, SIGTSTP);
        bad |= (waitpid(grandchild, &status, WUNTRACED) != grandchild || WSTOPSIG(status) != SIGTSTP) << 6;
        kill(grandchild, SIGCONT);
        waitpid(grandchild, &status, WCONTINUED);
        bad |= (setpgid(grandchild, getpid()) != 0) << 6;
        kill(grandchild, SIGTSTP); /* nobody of this session could let an orphaned group go on */
        rest();
        bad |= (waitpid(grandchild, &status, WUNTRACED | WNOHANG) != 0) << 7;
        kill(0, SIGCONT);
        kill(grandchild, SIGKILL);
        waitpid(grandchild, 0, 0);
        _exit(bad);
    }
    check("a session of its own", read(back[0], &c, 1) == 1 && c == 0);
    check("seen from outside", getsid(child) == child && getpgid(child) == child);
    check("not across sessions", setpgid(child, 0) == -1 && errno == EPERM);
    check("no such group", setpgid(0, child) == -1 && errno == EPERM);
    check("no such process", setpgid(1 << 21, 0) == -1 && errno == ESRCH && getsid(1 << 21) == -1 && errno == ESRCH);
    check("no group at all", setpgid(0, -3) == -1 && errno == EINVAL);
    if (write(go[1], "g", 1) != 1)
        abort();
    check("groups in a session", waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(go[0]), close(go[1]), close(back[0]), close(back[1]);
}

static void orphans(void)
{
    int status, p[2];
    pid_t got = 0, middle;
    check("takes orphans", !prctl(PR_SET_CHILD_SUBREAPER, 1) && !prctl(PR_GET_CHILD_SUBREAPER, &status) && status == 1);
    if (pipe(p))
        abort();
    middle = fork();
    if (!middle) {
        pid_t mine = getpid(), last = fork();
        if (!last) {
            prctl(PR_SET_PDEATHSIG, 0);
            while (getppid() == mine)
                sched_yield();
            pid_t now = getppid();
            if (write(p[1], &now, sizeof now) != sizeof now)
                _exit(1);
            _exit(9);
        }
        _exit(0);
    }
    waitpid(middle, &status, 0);
    check("a new parent", read(p[0], &got, sizeof got) == sizeof got && got == getpid());
    check("waits for it", wait(&status) > 0 && WEXITSTATUS(status) == 9);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    middle = fork();
    if (!middle) {
        pid_t last = fork();
        if (!last) {
            prctl(PR_SET_PDEATHSIG, SIGUSR1);
            signal(SIGUSR1, SIG_DFL);
            if (write(p[1], "x", 1) != 1)
                _exit(1);
            for (;;)
                pause();
        }
        char c;
        if (read(p[0], &c, 1) != 1)
            _exit(1);
        _exit(0);
    }
    check("its parent ends", waitpid(middle, &status, 0) == middle && status == 0);
    close(p[1]);
    char c;
    check("and it with it", read(p[0], &c, 1) == 0);
    close(p[0]);
}

/* A sibling: its parent is ours, who is told nothing special. */
static void siblings(void)
{
    int status;
    pid_t child = fork();
    if (!child) {
        pid_t sibling = syscall(SYS_clone, PARENT_FLAG | SIGCHLD, 0, 0, 0, 0);
        if (!sibling)
            _exit(12);
        _exit(wait(&status) == -1 && errno == ECHILD ? 11 : 1);
    }
    int sum = 0;
    for (int i = 0; i < 2; i++)
        if (wait(&status) > 0)
            sum += WEXITSTATUS(status);
    check("siblings", sum == 23);
}

static void descriptors(void)
{
    siginfo_t info;
    int status, p[2];
    char c = 0;
    pid_t child;
    if (pipe(p))
        abort();
    child = fork();
    if (!child) {
        int mine = open("/dev/null", O_RDONLY);
        dup2(p[1], 40);
        close(mine);
        for (;;)
            pause();
    }
    int fd = syscall(SYS_pidfd_open, child, 0);
    struct pollfd poller = {fd, POLLIN, 0};
    check("a process as a file", fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
    check("not readable while it lives", poll(&poller, 1, 0) == 0 && read(fd, &c, 1) == -1 && errno == EINVAL);
    check("no such", syscall(SYS_pidfd_open, 1 << 21, 0) == -1 && errno == ESRCH);
    check("no flags like that", syscall(SYS_pidfd_open, child, 1 << 20) == -1 && errno == EINVAL);
    rest();
    int stolen = syscall(SYS_pidfd_getfd, fd, 40, 0);
    check("its descriptor", stolen >= 0 && write(stolen, "z", 1) == 1 && read(p[0], &c, 1) == 1 && c == 'z');
    check("not that one", syscall(SYS_pidfd_getfd, fd, 500, 0) == -1 && errno == EBADF);
    check("a signal", syscall(SYS_pidfd_send_signal, fd, SIGTERM, 0, 0) == 0 && poll(&poller, 1, -1) == 1);
    memset(&info, 0, sizeof info);
    check("waited for by it", !waitid(P_PIDFD, fd, &info, WEXITED) && info.si_pid == child && info.si_status == SIGTERM);
    check("gone now", syscall(SYS_pidfd_send_signal, fd, 0, 0, 0) == -1 && errno == ESRCH);
    check("no process", syscall(SYS_pidfd_send_signal, p[0], 0, 0, 0) == -1 && errno == EBADF);
    close(fd), close(p[0]), close(p[1]), close(stolen);
    (void)status;
}

static void signals_as_file(void)
{
    struct signalfd_siginfo got[3];
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, &old);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), group = epoll_create1(0);
    struct epoll_event e = {EPOLLIN | EPOLLET, {.u32 = 7}}, out;
    epoll_ctl(group, EPOLL_CTL_ADD, fd, &e);
    check("no signal", read(fd, got, sizeof got) == -1 && errno == EAGAIN && epoll_wait(group, &out, 1, 0) == 0);
    sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 5});
    sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = -6});
    kill(getpid(), SIGUSR1);
    check("an edge", epoll_wait(group, &out, 1, 0) == 1 && out.data.u32 == 7 && epoll_wait(group, &out, 1, 0) == 0);
    check("three records", read(fd, got, sizeof got) == sizeof got);
    check("in order", got[0].ssi_signo == SIGUSR1 && got[0].ssi_pid == (unsigned)getpid() && got[1].ssi_int == 5
          && got[2].ssi_int == -6 && got[1].ssi_code == SI_QUEUE);
    check("too small", read(fd, got, 64) == -1 && errno == EINVAL);
    sigdelset(&set, SIGUSR1);
    check("another mask", signalfd(fd, &set, 0) == fd);
    kill(getpid(), SIGUSR1);
    check("not for it", read(fd, got, sizeof got) == -1 && errno == EAGAIN);
    sigtimedwait(&(sigset_t){{1UL << (SIGUSR1 - 1)}}, 0, &(struct timespec){0, 0});
    sigprocmask(SIG_SETMASK, &old, 0);
    close(fd), close(group);
}

static void times_of_children(void)
{
    struct rusage before, after;
    struct tms t;
    int status;
    getrusage(RUSAGE_CHILDREN, &before);
    pid_t child = fork();
    if (!child) {
        volatile unsigned n = 0;
        for (int i = 0; i < 3000000; i++)
            n += i;
        _exit(n == 1);
    }
    waitpid(child, &status, 0);
    getrusage(RUSAGE_CHILDREN, &after);
    long us = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 + after.ru_utime.tv_usec - before.ru_utime.tv_usec
              + (after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1000000 + after.ru_stime.tv_usec - before.ru_stime.tv_usec;
    check("children's time", us >= 0 && times(&t) != (clock_t)-1);
}

int main(void)
{
    stops();
    selections();
    groups();
    orphans();
    siblings();
    descriptors();
    signals_as_file();
    times_of_children();
    return failed ? 1 : 42;
}
