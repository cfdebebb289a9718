/* Many of everything at once: threads that are signalled, cancelled, forked under; ids changed in all of them. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#ifndef SCALE
#define SCALE 1
#endif
enum { WORKERS = 6, ROUNDS = 400 * SCALE, MANY = 200 * SCALE, FORKS = 12 * SCALE };

static atomic_int hits, done, entered;
static pid_t tids[WORKERS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn = PTHREAD_COND_INITIALIZER;
static int whose, shared_count;

static void count(int n)
{
    int kept = errno;
    (void)n;
    hits++;
    errno = kept;
}

static void *work(void *at)
{
    int me = (int)(long)at;
    volatile double x = me;
    tids[me] = syscall(SYS_gettid);
    entered++;
    while (!done) {
        x = x * 1.5 - x / 2;
        pthread_mutex_lock(&lock);
        shared_count++;
        pthread_mutex_unlock(&lock);
        sched_yield();
    }
    return (void *)(long)(x == me ? me : -1); /* x * 1.5 - x / 2 is x: the registers survived every handler */
}

/* What Go does to stop its goroutines: one signal after another to threads that compute. */
static void preempted(void)
{
    pthread_t thread[WORKERS];
    struct sigaction a;
    void *result;
    int right = 0, sent = 0;
    memset(&a, 0, sizeof a);
    a.sa_handler = count;
    a.sa_flags = SA_RESTART | SA_ONSTACK;
    sigaction(SIGURG, &a, 0);
    for (long i = 0; i < WORKERS; i++)
        pthread_create(&thread[i], 0, work, (void *)i);
    while (entered < WORKERS)
        sched_yield();
    for (int round = 0; round < ROUNDS; round++) {
        int before = hits;
        for (int i = 0; i < WORKERS; i++)
            sent += syscall(SYS_tgkill, getpid(), tids[i], SIGURG) == 0;
        for (int tries = 0; hits == before && tries < 1000; tries++)
            sched_yield();
    }
    done = 1;
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(thread[i], &result);
        right += (long)result == i;
    }
    check("sent", sent == WORKERS * ROUNDS);
    check("handled", hits >= ROUNDS && hits <= sent);
    check("registers kept", right == WORKERS);
    check("counted", shared_count > 0);
}

static void *passes(void *at)
{
    long me = (long)at;
    for (int i = 0; i < 50; i++) {
        pthread_mutex_lock(&lock);
        while (whose != me)
            pthread_cond_wait(&turn, &lock);
        whose = (whose + 1) % 4;
        pthread_cond_broadcast(&turn);
        pthread_mutex_unlock(&lock);
    }
    return 0;
}

static sem_t gate;

static void *waits(void *unused)
{
    (void)unused;
    sem_wait(&gate);
    return 0;
}

static void *cancelled(void *unused)
{
    struct timespec long_time = {1000, 0};
    (void)unused;
    nanosleep(&long_time, 0);
    return 0;
}

static void crowds(void)
{
    static pthread_t thread[MANY];
    pthread_attr_t small;
    void *result;
    int made = 0, ended = 0;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    for (long i = 0; i < 4; i++)
        pthread_create(&thread[i], 0, passes, (void *)i);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], 0);
    check("taking turns", whose == 0);
    sem_init(&gate, 0, 0);
    for (int i = 0; i < MANY; i++)
        made += pthread_create(&thread[i], &small, waits, 0) == 0;
    for (int i = 0; i < MANY; i++)
        sem_post(&gate);
    for (int i = 0; i < MANY; i++)
        ended += pthread_join(thread[i], 0) == 0;
    check("many at once", made == MANY && ended == MANY);
    ended = 0;
    for (int i = 0; i < 20; i++)
        pthread_create(&thread[i], &small, cancelled, 0);
    for (int i = 0; i < 20; i++)
        pthread_cancel(thread[i]);
    for (int i = 0; i < 20; i++)
        ended += pthread_join(thread[i], &result) == 0 && result == PTHREAD_CANCELED;
    check("cancelled", ended == 20);
    for (int i = 0; i < 20; i++)
        pthread_create(&thread[i], &small, waits, 0);
    check("ids of all threads", !setgid(getgid()) && !setuid(getuid()));
    for (int i = 0; i < 20; i++)
        sem_post(&gate);
    for (int i = 0; i < 20; i++)
        pthread_join(thread[i], 0);
}

static void *forks(void *unused)
{
    long good = 0;
    (void)unused;
    for (int i = 0; i < FORKS; i++) {
        int status = -1;
        pid_t child = fork();
        if (!child)
            _exit(i + 1);
        while (child > 0 && waitpid(child, &status, 0) == -1 && errno == EINTR)
            ;
        good += WIFEXITED(status) && WEXITSTATUS(status) == i + 1;
    }
    return (void *)good;
}

/* Processes made by several threads while signals arrive. */
static void families(void)
{
    pthread_t thread[3];
    void *result;
    long good = 0;
    entered = done = 0;
    signal(SIGUSR1, count);
    for (int i = 0; i < 3; i++)
        pthread_create(&thread[i], 0, forks, 0);
    for (int i = 0; i < 200; i++) {
        kill(getpid(), SIGUSR1);
        sched_yield();
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(thread[i], &result);
        good += (long)result;
    }
    check("children of threads", good == 3 * FORKS);
    check("all waited for", wait(0) == -1 && errno == ECHILD);
}

static void *never(void *unused)
{
    while (!unused)
        pause();
    return 0;
}

static void *ends_all(void *unused)
{
    (void)unused;
    syscall(SYS_exit_group, 17);
    return 0;
}

/* A process ends as a whole, whatever its threads are doing, and a program replaces it from any of them. */
static void *runs(void *argv)
{
    char **words = argv, *again[] = {words[0], "again", 0};
    execv("/proc/self/exe", again);
    return 0;
}

static void ends(char **argv)
{
    pthread_t thread;
    int status;
    pid_t child = fork();
    if (!child) {
        for (int i = 0; i < 5; i++)
            pthread_create(&thread, 0, i % 2 ? work : never, (void *)(long)i);
        pthread_create(&thread, 0, ends_all, 0);
        for (;;)
            pause();
    }
    check("ended by one thread", waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 17);
    child = fork();
    if (!child) {
        pthread_create(&thread, 0, never, 0);
        pthread_create(&thread, 0, runs, argv);
        for (;;)
            pause();
    }
    check("replaced by one thread", waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 33);
    child = fork();
    if (!child) {
        pthread_create(&thread, 0, ends_all, 0);
        pthread_exit(0);
    }
    check("outlived its first", waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 17);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return 33;
    preempted();
    crowds();
    families();
    ends(argv);
    return failed ? 1 : 42;
}
