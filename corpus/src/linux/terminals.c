/* Pseudo-terminals: both sides, modes, keys that send signals, sessions, sizes, hang-ups. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>

static char text[256];

static const char *get(int fd)
{
    struct pollfd p = {fd, POLLIN, 0};
    ssize_t size = poll(&p, 1, 5000) == 1 ? read(fd, text, sizeof text - 1) : 0;
    text[size > 0 ? size : 0] = 0;
    return text;
}

/* Read until `want` has come. */
static int hear(int fd, const char *want)
{
    for (int i = 0; i < 20; i++)
        if (strstr(get(fd), want))
            return 1;
    return 0;
}

static int put(int fd, const char *s)
{
    return write(fd, s, strlen(s)) == (ssize_t)strlen(s);
}

static int opened(int *slave, char *name)
{
    int number, unlock = 0, master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    if (master < 0 || ioctl(master, TIOCGPTN, &number))
        return -1;
    sprintf(name, "/dev/pts/%d", number);
    check("locked", open(name, O_RDWR | O_NOCTTY) == -1 && errno == EIO);
    check("unlocked", ioctl(master, TIOCSPTLCK, &unlock) == 0);
    *slave = open(name, O_RDWR | O_NOCTTY);
    return master;
}

static void modes(int master, int slave, const char *name)
{
    struct termios t, back;
    struct stat st, there;
    char link[64], proc[64];
    check("terminal", isatty(slave) && isatty(master));
    sprintf(proc, "/proc/self/fd/%d", slave);
    ssize_t n = readlink(proc, link, sizeof link - 1);
    check("name", n > 0 && (link[n] = 0, !strcmp(link, name)));
    check("node", fstat(slave, &st) == 0 && stat(name, &there) == 0 && st.st_rdev == there.st_rdev && st.st_ino == there.st_ino);
    check("typed", put(master, "hello\n") && !strcmp(get(slave), "hello\n") && !strcmp(get(master), "hello\r\n"));
    check("shown", put(slave, "a\nb") && !strcmp(get(master), "a\r\nb"));
    check("erased", put(master, "ab\177c\n") && !strcmp(get(slave), "ac\n"));
    hear(master, "c\r\n");
    tcgetattr(slave, &t);
    back = t;
    unsigned short old[9] = {0};
    int unsent = -1;
    check("old form", ioctl(slave, 0x5405, old) == 0 && old[3] == (t.c_lflag & 0xffff) && ioctl(slave, 0x5406, old) == 0);
    check("all shown", ioctl(slave, TIOCOUTQ, &unsent) == 0 && unsent == 0);
    cfmakeraw(&t);
    check("raw", tcsetattr(slave, TCSANOW, &t) == 0 && put(master, "x\3") && !strcmp(get(slave), "x\3"));
    check("not shown", ioctl(master, FIONREAD, &n) == 0 && (int)n == 0);
    check("dropped", put(master, "gone") && tcflush(slave, TCIFLUSH) == 0 && ioctl(slave, FIONREAD, &n) == 0 && (int)n == 0);
    tcsetattr(slave, TCSAFLUSH, &back);
    struct winsize size = {33, 99, 0, 0}, seen = {0};
    check("size", ioctl(master, TIOCSWINSZ, &size) == 0 && ioctl(slave, TIOCGWINSZ, &seen) == 0 && seen.ws_row == 33 && seen.ws_col == 99);
    check("not mine", tcgetpgrp(slave) == -1 && errno == ENOTTY);
    int peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    check("peer", peer >= 0 && put(peer, "p") && !strcmp(get(master), "p"));
    close(peer);
    fcntl(slave, F_SETFL, O_NONBLOCK);
    check("would block", read(slave, text, 1) == -1 && errno == EAGAIN);
    fcntl(slave, F_SETFL, 0);
    check("no pair", ioctl(1, TIOCGPTN, &n) == -1 && ioctl(slave, TIOCSPTLCK, &(int){1}) == -1);
}

static volatile int interrupted, resized, hung;

static void note(int signal)
{
    interrupted += signal == SIGINT;
    resized += signal == SIGWINCH;
    hung += signal == SIGHUP;
}

static int session(const char *name)
{
    setsid();
    alarm(20);
    int fd = open(name, O_RDWR);
    struct sigaction act = {.sa_handler = note};
    sigaction(SIGINT, &act, 0);
    sigaction(SIGWINCH, &act, 0);
    sigaction(SIGHUP, &act, 0);
    if (fd < 0 || tcgetsid(fd) != getpid() || tcgetpgrp(fd) != getpgrp())
        return 1;
    int tty = open("/dev/tty", O_RDWR);
    if (tty < 0 || !isatty(tty) || !put(tty, "ready\n"))
        return 2;
    while (!interrupted)
        usleep(2000);
    put(fd, "int\n");
    while (!resized)
        usleep(2000);
    put(fd, "size\n");
    while (!hung)
        usleep(2000);
    return put(fd, "x") ? 3 : 9;
}

static void sessions(int master, int slave, const char *name)
{
    int status;
    struct winsize size = {10, 20, 0, 0};
    pid_t pid = fork();
    if (!pid) {
        close(master);
        close(slave);
        _exit(session(name));
    }
    check("controlling", hear(master, "ready\r\n"));
    close(slave);
    check("foreground", tcgetpgrp(master) == pid);
    put(master, "\3");
    check("interrupted", hear(master, "int"));
    ioctl(master, TIOCSWINSZ, &size);
    check("told of its size", hear(master, "size"));
    close(master);
    check("hung up", waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 9);
    check("gone", open(name, O_RDWR | O_NOCTTY) == -1);
}

int main(void)
{
    alarm(60);
    char name[32];
    int slave, master = opened(&slave, name);
    if (master < 0)
        abort();
    modes(master, slave, name);
    sessions(master, slave, name);
    return failed ? 1 : 42;
}
