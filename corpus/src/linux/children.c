/* Processes: copies of this one, pipes between them, their ends and their signals. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

static volatile int ended, status_told;

static void child_ended(int n, siginfo_t *info, void *context)
{
    (void)n;
    (void)context;
    ended++;
    status_told = info->si_status;
}

static int shared = 1;

static void copies(void)
{
    int status = 0, p[2], back[2];
    char buf[16] = {0};
    if (pipe(p) || pipe(back))
        abort();
    pid_t parent = getpid(), child = fork();
    if (!child) {
        shared = 2;
        int size = read(p[0], buf, sizeof buf);
        if (write(back[1], buf, size) != size || getppid() != parent || getpid() == parent)
            _exit(1);
        _exit(shared + 5);
    }
    check("written", write(p[1], "across", 6) == 6);
    check("read back", read(back[0], buf, sizeof buf) == 6 && !memcmp(buf, "across", 6));
    check("waited", waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
    check("own memory", shared == 1);
    check("no more", waitpid(-1, &status, 0) == -1 && errno == ECHILD);
    close(p[0]), close(p[1]), close(back[0]), close(back[1]);
}

static void ends(void)
{
    struct sigaction a;
    int status = 0, p[2];
    char c;
    memset(&a, 0, sizeof a);
    a.sa_sigaction = child_ended;
    a.sa_flags = SA_SIGINFO | SA_RESTART;
    sigaction(SIGCHLD, &a, 0);
    pid_t child = fork();
    if (!child)
        abort();
    check("aborted", waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    check("told", ended == 1 && status_told == SIGABRT);
    child = fork();
    if (!child)
        for (;;)
            pause();
    check("alive", waitpid(child, &status, WNOHANG) == 0 && kill(child, 0) == 0);
    kill(child, SIGTERM);
    check("killed", waitpid(-1, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    if (pipe(p))
        abort();
    child = fork();
    if (!child) {
        close(p[0]);
        _exit(3);
    }
    close(p[1]);
    check("end of a pipe", read(p[0], &c, 1) == 0);
    check("status", wait(&status) == child && WEXITSTATUS(status) == 3);
    close(p[0]);
}

static void many(void)
{
    int p[2], sum = 0, status;
    unsigned char c;
    if (pipe(p))
        abort();
    for (int i = 1; i <= 8; i++)
        if (!fork()) {
            struct timespec wait = {0, (9 - i) * 2000000};
            c = i;
            nanosleep(&wait, 0);
            _exit(write(p[1], &c, 1) != 1);
        }
    close(p[1]);
    while (read(p[0], &c, 1) == 1)
        sum += c;
    check("eight", sum == 36);
    int reaped = 0;
    while (wait(&status) > 0)
        reaped += status == 0;
    check("reaped", reaped == 8);
}

int main(void)
{
    copies();
    ends();
    many();
    return failed ? 1 : 42;
}
