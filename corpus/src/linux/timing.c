/* Timers of a process, clocks of processor time, and locks that outlive their owners. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#ifndef SIGEV_THREAD_ID
#define SIGEV_THREAD_ID 4
#endif

static volatile int hits, code, value, number, overrun;

static void note(int n, siginfo_t *info, void *context)
{
    (void)context;
    if (!hits++)
        overrun = info->si_overrun;
    number = n;
    code = info->si_code;
    value = info->si_value.sival_int;
}

static void handle(int n)
{
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_sigaction = note;
    a.sa_flags = SA_SIGINFO;
    sigaction(n, &a, 0);
    hits = 0;
}

static long create(clockid_t clock, int how, int n, int word, int *id)
{
    struct { union sigval v; int n, how, tid; char pad[44]; } e;
    memset(&e, 0, sizeof e);
    e.v.sival_int = word, e.n = n, e.how = how, e.tid = syscall(SYS_gettid);
    return syscall(SYS_timer_create, clock, &e, id);
}

static void timers(void)
{
    int id = -1, other = -1;
    struct itimerspec set = {{0, 0}, {0, 5000000}}, left, none = {{0, 0}, {0, 0}};
    handle(SIGRTMIN), handle(SIGALRM);
    check("made", create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN, 77, &id) == 0 && id >= 0);
    check("not armed", syscall(SYS_timer_gettime, id, &left) == 0 && !left.it_value.tv_sec && !left.it_value.tv_nsec);
    check("armed", syscall(SYS_timer_settime, id, 0, &set, 0) == 0);
    while (!hits)
        pause();
    check("its signal", number == SIGRTMIN && code == SI_TIMER && value == 77);
    set.it_value.tv_sec = 1000;
    syscall(SYS_timer_settime, id, 0, &set, 0);
    check("what is left", syscall(SYS_timer_settime, id, 0, &none, &left) == 0 && left.it_value.tv_sec >= 999);
    check("silent", create(CLOCK_REALTIME, SIGEV_NONE, 0, 0, &other) == 0 && other != id);
    set.it_value.tv_sec = 500, set.it_interval.tv_sec = 7;
    syscall(SYS_timer_settime, other, 0, &set, 0);
    check("runs all the same", syscall(SYS_timer_gettime, other, &left) == 0 && left.it_value.tv_sec >= 499
          && left.it_interval.tv_sec == 7);
    check("forgotten", syscall(SYS_timer_delete, other) == 0 && syscall(SYS_timer_delete, other) == -1 && errno == EINVAL);
    check("no clock", create(99, SIGEV_SIGNAL, SIGRTMIN, 0, &other) == -1 && errno == EINVAL);
    check("no notice", create(CLOCK_REALTIME, 3, SIGRTMIN, 0, &other) == -1 && errno == EINVAL);
    check("no signal", create(CLOCK_REALTIME, SIGEV_SIGNAL, 99, 0, &other) == -1 && errno == EINVAL);
    check("no time", syscall(SYS_timer_settime, id, 0, &(struct itimerspec){{0, 0}, {0, 1000000000}}, 0) == -1 && errno == EINVAL);
    sigset_t block, old;
    sigemptyset(&block);
    sigaddset(&block, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &block, &old);
    struct itimerspec fast = {{0, 1000000}, {0, 1000000}};
    struct timespec rest = {0, 30000000};
    syscall(SYS_timer_settime, id, 0, &fast, 0);
    nanosleep(&rest, 0);
    hits = 0;
    sigprocmask(SIG_SETMASK, &old, 0);
    check("overran", hits >= 1 && overrun >= 5 && syscall(SYS_timer_getoverrun, id) >= 0);
    syscall(SYS_timer_delete, id);
    handle(SIGRTMIN);
    check("for one thread", create(CLOCK_MONOTONIC, SIGEV_THREAD_ID, SIGRTMIN, 5, &id) == 0);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    struct itimerspec at = {{0, 0}, {now.tv_sec, now.tv_nsec}};
    syscall(SYS_timer_settime, id, TIMER_ABSTIME, &at, 0);
    while (!hits)
        pause();
    check("at once", value == 5);
    syscall(SYS_timer_delete, id);
}

static void burn(void)
{
    struct timespec t;
    while (!hits)
        syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
}

static void processor(void)
{
    struct itimerval tick = {{0, 0}, {0, 1000}}, none = {{0, 0}, {0, 0}};
    struct timespec t, u;
    struct rusage usage;
    clockid_t own;
    int id;
    handle(SIGVTALRM), handle(SIGPROF), handle(SIGRTMIN);
    setitimer(ITIMER_VIRTUAL, &tick, 0);
    for (struct timespec rest = {0, 30000000}; nanosleep(&rest, 0);)
        ;
    check("asleep it stands still", hits == 0);
    burn();
    check("virtual timer", number == SIGVTALRM);
    hits = 0;
    setitimer(ITIMER_PROF, &tick, 0);
    burn();
    check("profiling timer", number == SIGPROF);
    setitimer(ITIMER_PROF, &none, 0);
    hits = 0;
    check("timer of processor time", create(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, SIGRTMIN, 3, &id) == 0);
    struct itimerspec set = {{0, 0}, {0, 1000000}};
    syscall(SYS_timer_settime, id, 0, &set, 0);
    burn();
    check("its signal", number == SIGRTMIN && value == 3);
    syscall(SYS_timer_delete, id);
    check("clock of a process", !clock_getcpuclockid(0, &own) && !clock_gettime(own, &t) && !clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &u)
          && (u.tv_sec > t.tv_sec || u.tv_nsec >= t.tv_nsec));
    check("clock of a thread", !pthread_getcpuclockid(pthread_self(), &own) && !clock_gettime(own, &t));
    check("of nobody", clock_gettime((clockid_t)(~(1u << 21) << 3 | 2), &t) == -1 && errno == EINVAL);
    check("no thread sleeps by its own", clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &t, 0) != 0);
    check("usage", !getrusage(RUSAGE_SELF, &usage) && !getrusage(RUSAGE_THREAD, &usage));
    struct timex adjust;
    memset(&adjust, 0, sizeof adjust);
    check("the clock is looked at", adjtimex(&adjust) >= 0 && adjust.tick > 0);
    clock_gettime(CLOCK_MONOTONIC, &t);
    check("until an instant", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, 0) == 0);
}

static uint32_t *shared;

static long futex(uint32_t *at, int op, long val, const void *timeout, uint32_t *other, long val3)
{
    return syscall(SYS_futex, at, op, val, timeout, other, val3);
}

static void *dies(void *lock)
{
    pthread_mutex_lock(lock);
    return 0;
}

static void robust(void)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t *lock = (void *)(shared + 64);
    pthread_t thread;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(lock, &attr);
    pthread_create(&thread, 0, dies, lock);
    pthread_join(thread, 0);
    check("a thread left it", pthread_mutex_lock(lock) == EOWNERDEAD && !pthread_mutex_consistent(lock)
          && !pthread_mutex_unlock(lock));
    pid_t child = fork();
    if (!child) {
        pthread_mutex_lock(lock);
        _exit(0);
    }
    waitpid(child, 0, 0);
    check("a process left it", pthread_mutex_lock(lock) == EOWNERDEAD && !pthread_mutex_consistent(lock)
          && !pthread_mutex_unlock(lock));
    child = fork();
    if (child < 0)
        abort();
    if (!child) {
        pthread_mutex_lock(lock);
        shared[0] = 1;
        for (;;)
            pause();
    }
    while (!*(volatile uint32_t *)shared)
        sched_yield();
    kill(child, SIGKILL);
    check("one that was killed", pthread_mutex_lock(lock) == EOWNERDEAD && !pthread_mutex_consistent(lock)
          && !pthread_mutex_unlock(lock));
    waitpid(child, 0, 0);
    shared[0] = 0;
    void *head;
    size_t size = 0;
    check("the list", syscall(SYS_get_robust_list, 0, &head, &size) == 0 && size == 24);
    check("no list of that size", syscall(SYS_set_robust_list, head, 23) == -1 && errno == EINVAL);
}

static void inherited(void)
{
    pid_t tid = syscall(SYS_gettid);
    uint32_t word = 0;
    check("taken", futex(&word, FUTEX_LOCK_PI, 0, 0, 0, 0) == 0 && word == (uint32_t)tid);
    check("mine already", futex(&word, FUTEX_LOCK_PI, 0, 0, 0, 0) == -1 && errno == EDEADLK);
    check("not even tried", futex(&word, FUTEX_TRYLOCK_PI, 0, 0, 0, 0) == -1 && errno == EDEADLK);
    check("given up", futex(&word, FUTEX_UNLOCK_PI, 0, 0, 0, 0) == 0 && word == 0);
    check("not mine", futex(&word, FUTEX_UNLOCK_PI, 0, 0, 0, 0) == -1 && errno == EPERM);
    word = 1 << 21;
    check("nobody's", futex(&word, FUTEX_LOCK_PI, 0, 0, 0, 0) == -1 && errno == ESRCH);
    uint32_t *lock = shared + 8;
    lock[0] = 0, lock[1] = 0;
    futex(lock, FUTEX_LOCK_PI, 0, 0, 0, 0);
    pid_t child = fork();
    if (!child) {
        struct timespec soon = {1, 0};
        int late = futex(lock, FUTEX_LOCK_PI, 0, &soon, 0, 0) == -1 && errno == ETIMEDOUT;
        lock[1] = 1;
        int got = futex(lock, FUTEX_LOCK_PI, 0, 0, 0, 0) == 0;
        int own = (*lock & FUTEX_TID_MASK) == (uint32_t)syscall(SYS_gettid);
        futex(lock, FUTEX_UNLOCK_PI, 0, 0, 0, 0);
        _exit(late | got << 1 | own << 2);
    }
    while (!((volatile uint32_t *)lock)[1] || !(*(volatile uint32_t *)lock & FUTEX_WAITERS))
        sched_yield();
    futex(lock, FUTEX_UNLOCK_PI, 0, 0, 0, 0);
    int status;
    waitpid(child, &status, 0);
    check("handed over", WEXITSTATUS(status) == 7 && *lock == 0);
}

static void *woken(void *at)
{
    uint32_t *words = at;
    __atomic_store_n(words + 2, 1, __ATOMIC_SEQ_CST);
    while (futex(words, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0) == -1 && errno == EINTR)
        ;
    return 0;
}

struct place { uint64_t val, at; uint32_t flags, reserved; };

static void *waits_for_two(void *at)
{
    uint32_t *words = at;
    struct place places[2] = {{0, (uintptr_t)words, 2 | 128, 0}, {0, (uintptr_t)(words + 1), 2 | 128, 0}};
    __atomic_store_n(words + 2, 1, __ATOMIC_SEQ_CST);
    return (void *)syscall(SYS_futex_waitv, places, 2, 0, 0, CLOCK_MONOTONIC);
}

static void wakes(void)
{
    static uint32_t words[4], two[4];
    pthread_t thread;
    void *result;
    long n;
    pthread_create(&thread, 0, woken, words);
    while (!__atomic_load_n(words + 2, __ATOMIC_SEQ_CST))
        sched_yield();
    two[0] = 5;
    do /* add 3 at two[0], wake at words, and at two[0] since 5 > 4 */
        n = futex(words, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1L, two, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_GT, 4));
    while (n == 0 && (two[0] -= 3) == 5 && !sched_yield());
    check("woken with a change", n == 1 && two[0] == 8);
    pthread_join(thread, 0);
    check("no such change", futex(words, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1L, two, 7u << 28) == -1 && errno == ENOSYS);
    struct place place = {7, (uintptr_t)two, 2 | 128, 0};
    n = syscall(SYS_futex_waitv, &place, 1, 0, 0, CLOCK_MONOTONIC);
    if (n == -1 && lacks()) {
        check("another value", 1), check("empty", 1), check("the second", 1);
        return;
    }
    check("another value", n == -1 && errno == EAGAIN);
    check("empty", syscall(SYS_futex_waitv, &place, 0, 0, 0, CLOCK_MONOTONIC) == -1 && errno == EINVAL);
    memset(words, 0, sizeof words);
    pthread_create(&thread, 0, waits_for_two, words);
    while (!__atomic_load_n(words + 2, __ATOMIC_SEQ_CST) || futex(words + 1, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0) != 1)
        sched_yield();
    pthread_join(thread, &result);
    check("the second", (long)result == 1);
}

int main(void)
{
    shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    timers();
    processor();
    robust();
    inherited();
    wakes();
    return failed ? 1 : 42;
}
