/* Locks on files: ranges by process and by description, whole files, waiting, deadlock, what closing gives up. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>

static const char *FILE_NAME = "locked";

static int lock(int fd, int command, short type, long start, long length)
{
    struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    return fcntl(fd, command, &l);
}

/* Who is in the way, as "type start length mine". */
static const char *test(int fd, int command, short type, long start, long length)
{
    static char text[64];
    struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    if (fcntl(fd, command, &l))
        return "error";
    if (l.l_type == F_UNLCK)
        return "free";
    snprintf(text, sizeof text, "%c %ld %ld %s", l.l_type == F_RDLCK ? 'r' : 'w', (long)l.l_start, (long)l.l_len,
             l.l_pid == getppid() ? "parent" : l.l_pid == -1 ? "description" : "other");
    return text;
}

static int same(const char *a, const char *b)
{
    return !strcmp(a, b);
}

/* Run `what` in a child with the file opened anew: its status. */
static int child(int (*what)(int fd))
{
    int status;
    pid_t pid = fork();
    if (!pid) {
        int fd = open(FILE_NAME, O_RDWR);
        _exit(what(fd));
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int sees_middle(int fd)
{
    return same(test(fd, F_GETLK, F_WRLCK, 0, 0), "w 0 10 parent") &&
           same(test(fd, F_GETLK, F_RDLCK, 10, 5), "free") &&
           same(test(fd, F_GETLK, F_WRLCK, 12, 8), "r 15 15 parent") &&
           same(test(fd, F_GETLK, F_RDLCK, 15, 10), "free") &&
           lock(fd, F_SETLK, F_WRLCK, 9, 1) == -1 && errno == EAGAIN && lock(fd, F_SETLK, F_RDLCK, 16, 4) == 0 &&
           same(test(fd, F_GETLK, F_WRLCK, 10, 0), "r 15 15 parent");
}

static int sees_nothing(int fd)
{
    return same(test(fd, F_GETLK, F_WRLCK, 0, 0), "free");
}

static int sees_description(int fd)
{
    return same(test(fd, F_GETLK, F_WRLCK, 0, 0), "w 100 50 description") &&
           same(test(fd, F_OFD_GETLK, F_RDLCK, 120, 1), "w 100 50 description") &&
           lock(fd, F_OFD_SETLK, F_RDLCK, 149, 1) == -1 && errno == EAGAIN;
}

static void ranges(int fd)
{
    check("locked", lock(fd, F_SETLK, F_WRLCK, 0, 30) == 0);
    check("again", lock(fd, F_SETLK, F_WRLCK, 5, 5) == 0);
    check("split", lock(fd, F_SETLK, F_UNLCK, 10, 5) == 0);
    check("turned down", lock(fd, F_SETLK, F_RDLCK, 15, 15) == 0);
    check("own locks are free", same(test(fd, F_GETLK, F_WRLCK, 0, 0), "free"));
    check("seen by a child", child(sees_middle));
    check("given up", lock(fd, F_SETLK, F_UNLCK, 0, 0) == 0);
    check("nothing left", child(sees_nothing));
    struct flock back = {.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = 0, .l_len = -20};
    check("from the end", ftruncate(fd, 120) == 0 && fcntl(fd, F_SETLK, &back) == 0);
    close(open(FILE_NAME, O_RDONLY));
    check("closing any gives up", child(sees_nothing));
}

static void descriptions(int fd)
{
    int other = open(FILE_NAME, O_RDWR), same_file = dup(fd);
    check("of a description", lock(fd, F_OFD_SETLK, F_WRLCK, 100, 50) == 0);
    check("other description", lock(other, F_OFD_SETLK, F_WRLCK, 110, 1) == -1 && errno == EAGAIN);
    check("own description", lock(same_file, F_OFD_SETLK, F_WRLCK, 110, 1) == 0);
    check("against the process", lock(fd, F_SETLK, F_RDLCK, 110, 1) == -1 && errno == EAGAIN);
    close(other);
    close(same_file);
    check("survives closing others", child(sees_description));
    struct flock bad = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_pid = 1};
    check("with a process", fcntl(fd, F_OFD_SETLK, &bad) == -1 && errno == EINVAL);
    check("gone", lock(fd, F_OFD_SETLK, F_UNLCK, 0, 0) == 0 && child(sees_nothing));
}

static void refusals(void)
{
    int r = open(FILE_NAME, O_RDONLY), w = open(FILE_NAME, O_WRONLY);
    check("write lock without writing", lock(r, F_SETLK, F_WRLCK, 0, 1) == -1 && errno == EBADF);
    check("read lock without reading", lock(w, F_SETLK, F_RDLCK, 0, 1) == -1 && errno == EBADF);
    check("bad type", lock(r, F_SETLK, 9, 0, 1) == -1 && errno == EINVAL);
    check("before the file", lock(r, F_SETLK, F_RDLCK, -1, 1) == -1 && errno == EINVAL);
    check("not open", lock(99, F_SETLK, F_RDLCK, 0, 1) == -1 && errno == EBADF);
    close(r);
    close(w);
}

static int told[2], answered[2];

static void tell(int *pipe, char what)
{
    if (write(pipe[1], &what, 1) != 1)
        abort();
}

static char hear(int *pipe)
{
    char what = 0;
    return read(pipe[0], &what, 1) == 1 ? what : '?';
}

static void waits(int fd)
{
    int status;
    lock(fd, F_SETLK, F_WRLCK, 0, 1);
    pid_t pid = fork();
    if (!pid) {
        int mine = open(FILE_NAME, O_RDWR);
        lock(mine, F_SETLK, F_WRLCK, 1, 1);
        tell(told, 'a');
        int got = lock(mine, F_SETLKW, F_WRLCK, 0, 1);
        tell(told, got ? 'n' : 'y');
        _exit(0);
    }
    hear(told);
    usleep(30000);
    check("deadlock", lock(fd, F_SETLKW, F_WRLCK, 1, 1) == -1 && errno == EDEADLK);
    lock(fd, F_SETLK, F_UNLCK, 0, 1);
    check("waited for", hear(told) == 'y');
    waitpid(pid, &status, 0);
    check("ending gives up", lock(fd, F_SETLK, F_WRLCK, 0, 0) == 0);
    lock(fd, F_SETLK, F_UNLCK, 0, 0);
}

static void nothing(int signal)
{
    (void)signal;
}

static void interrupted(int fd)
{
    int status;
    struct sigaction act = {.sa_handler = nothing};
    pid_t pid = fork();
    if (!pid) {
        int mine = open(FILE_NAME, O_RDWR);
        lock(mine, F_SETLK, F_WRLCK, 0, 1);
        tell(told, 'a');
        hear(answered);
        _exit(0);
    }
    hear(told);
    sigaction(SIGALRM, &act, 0);
    alarm(1);
    check("a signal ends waiting", lock(fd, F_SETLKW, F_RDLCK, 0, 1) == -1 && errno == EINTR);
    tell(answered, 'x');
    waitpid(pid, &status, 0);
}

static int whole_busy(int fd)
{
    return flock(fd, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK && flock(fd, LOCK_SH | LOCK_NB) == 0;
}

static int whole_waits(int fd)
{
    tell(told, 'r');
    return flock(fd, LOCK_EX) == 0;
}

static void whole(int fd)
{
    int other = open(FILE_NAME, O_RDONLY), copy = dup(fd);
    check("shared", flock(fd, LOCK_SH) == 0 && flock(other, LOCK_SH) == 0);
    check("exclusive", flock(other, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK);
    check("child", child(whole_busy));
    check("let go", flock(other, LOCK_UN) == 0 && flock(fd, LOCK_EX | LOCK_NB) == 0);
    check("not both", flock(fd, LOCK_SH | LOCK_EX) == -1 && errno == EINVAL);
    check("range locks are others", lock(other, F_SETLK, F_RDLCK, 0, 0) == 0);
    int status;
    pid_t pid = fork();
    if (!pid) {
        close(fd);
        close(copy);
        _exit(whole_waits(open(FILE_NAME, O_RDONLY)));
    }
    hear(told);
    usleep(20000);
    close(fd);
    check("a copy keeps it", waitpid(pid, &status, WNOHANG) == 0);
    close(copy);
    check("the last gives up", waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 1);
    close(other);
    int folder = open(".", O_RDONLY | O_DIRECTORY);
    check("directories", flock(folder, LOCK_EX | LOCK_NB) == 0 && close(folder) == 0);
}

int main(void)
{
    int fd = open(FILE_NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || pipe(told) || pipe(answered))
        abort();
    ranges(fd);
    descriptions(fd);
    refusals();
    waits(fd);
    interrupted(fd);
    whole(fd);
    unlink(FILE_NAME);
    return failed ? 1 : 42;
}
