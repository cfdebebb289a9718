/* POSIX threads: mutexes of every kind, conditions, barriers, keys, cancellation, semaphores, signals to threads. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(what) (void)((what) || (printf("FAILED line %d: %s\n", __LINE__, #what), failures++))
#define WORKERS 8
#define ROUNDS 500
static _Atomic int failures;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ready = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static sem_t slots;
static _Thread_local int mine = 5;
static long plain;
static atomic_long counted;
static int turns, starts, cleaned, destroyed, caught;

static void start(void) { starts++; }
static void destroy(void *p) { destroyed += p == &key; }
static void clean(void *p) { cleaned += *(int *)p; }
static void on_signal(int s) { (void)s; caught += mine; }

static void *work(void *arg) {
    long id = (long)arg;
    pthread_once(&once, start);
    pthread_setspecific(key, &key);
    mine += (int)id;
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&lock);
        plain++;
        pthread_mutex_unlock(&lock);
        atomic_fetch_add(&counted, 1);
        if (i % 100 == 0) { pthread_rwlock_rdlock(&rw); sched_yield(); pthread_rwlock_unlock(&rw); }
        if (i % 250 == 0) { pthread_rwlock_wrlock(&rw); plain += 0; pthread_rwlock_unlock(&rw); }
    }
    sem_wait(&slots);
    sem_post(&slots);
    pthread_mutex_lock(&lock);
    while (turns != id) pthread_cond_wait(&ready, &lock);
    turns++;
    pthread_cond_broadcast(&ready);
    pthread_mutex_unlock(&lock);
    return (void *)(long)mine;
}

static void *endless(void *arg) {
    static int one = 1;
    pthread_cleanup_push(clean, &one);
    if (arg) for (;;) pause();
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
    for (;;) pthread_testcancel(), usleep(1000);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *waits(void *arg) { mine = 40; sem_post(arg); while (!caught) usleep(1000); return NULL; }
static void *leaves(void *arg) { pthread_exit(arg); }

static void kinds(void) {
    pthread_mutexattr_t attr; pthread_mutex_t m; struct timespec soon;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE); pthread_mutex_init(&m, &attr);
    CHECK(!pthread_mutex_lock(&m) && !pthread_mutex_lock(&m) && !pthread_mutex_unlock(&m) && !pthread_mutex_unlock(&m)); pthread_mutex_destroy(&m);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK); pthread_mutex_init(&m, &attr);
    CHECK(!pthread_mutex_lock(&m) && pthread_mutex_lock(&m) == EDEADLK && pthread_mutex_trylock(&m) == EBUSY);
    clock_gettime(CLOCK_REALTIME, &soon); soon.tv_nsec += 2000000; if (soon.tv_nsec >= 1000000000) soon.tv_sec++, soon.tv_nsec -= 1000000000;
    CHECK(pthread_cond_timedwait(&ready, &m, &soon) == ETIMEDOUT && !pthread_mutex_unlock(&m)); pthread_mutex_destroy(&m);
    sem_t s; sem_init(&s, 0, 0); CHECK(sem_trywait(&s) == -1 && errno == EAGAIN && sem_timedwait(&s, &soon) == -1 && errno == ETIMEDOUT); sem_destroy(&s);
}

int main(void) {
    pthread_t threads[WORKERS]; void *got; long sum = 0;
    pthread_barrier_init(&barrier, NULL, WORKERS); pthread_key_create(&key, destroy); sem_init(&slots, 0, 2);
    pthread_attr_t attr; pthread_attr_init(&attr); pthread_attr_setstacksize(&attr, 256 << 10);
    for (long i = 0; i < WORKERS; i++) CHECK(!pthread_create(&threads[i], i % 2 ? &attr : NULL, work, (void *)i));
    for (int i = 0; i < WORKERS; i++) pthread_join(threads[i], &got), sum += (long)got;
    printf("plain %ld atomic %ld turns %d once %d keys %d own %d sum %ld\n", plain, counted, turns, starts, destroyed, mine, sum);
    kinds();
    for (long how = 0; how < 2; how++) {
        pthread_create(&threads[0], NULL, endless, (void *)how); usleep(5000); pthread_cancel(threads[0]);
        pthread_join(threads[0], &got); printf("cancelled %d cleaned %d\n", got == PTHREAD_CANCELED, cleaned);
    }
    signal(SIGUSR1, on_signal); sem_t started; sem_init(&started, 0, 0);
    pthread_create(&threads[0], NULL, waits, &started); sem_wait(&started);
    pthread_kill(threads[0], SIGUSR1); pthread_join(threads[0], NULL); printf("signal in thread %d\n", caught);
    pthread_create(&threads[0], NULL, leaves, &turns); pthread_join(threads[0], &got); CHECK(got == &turns);
    pthread_create(&threads[0], NULL, leaves, NULL); pthread_detach(threads[0]);
    int status; fflush(stdout); pid_t pid = fork();
    if (!pid) { pthread_create(&threads[1], NULL, leaves, (void *)3); pthread_join(threads[1], &got); _exit((int)(long)got + 1); }
    waitpid(pid, &status, 0); printf("thread in child %d\n", WEXITSTATUS(status));
    pthread_setname_np(pthread_self(), "renamed"); char name[16]; pthread_getname_np(pthread_self(), name, 16); puts(name);
    cpu_set_t cpus; CHECK(!sched_getaffinity(0, sizeof cpus, &cpus) && CPU_COUNT(&cpus) >= 1 && sysconf(_SC_NPROCESSORS_ONLN) >= 1);
    printf("%d failures\n", failures);
    fflush(stdout);
    pthread_exit(NULL);
}
