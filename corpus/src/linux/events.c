/* Event descriptors of Linux: epoll with levels, edges and one-shots, counters, timers, non-blocking pipes. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>

static struct epoll_event found[8];

static int set(int group, int action, int fd, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.u64 = 0x1122334400000000u + fd};
    return epoll_ctl(group, action, fd, &e);
}

static int now(int group)
{
    return epoll_wait(group, found, 8, 0);
}

static void pipes(int group)
{
    int p[2];
    char buf[4];
    if (pipe2(p, O_NONBLOCK | O_CLOEXEC))
        abort();
    check("would block", read(p[0], buf, 1) == -1 && errno == EAGAIN);
    check("added", set(group, EPOLL_CTL_ADD, p[0], EPOLLIN) == 0);
    check("twice", set(group, EPOLL_CTL_ADD, p[0], EPOLLIN) == -1 && errno == EEXIST);
    check("unknown", set(group, EPOLL_CTL_MOD, p[1], EPOLLOUT) == -1 && errno == ENOENT);
    check("nothing", now(group) == 0);
    check("written", write(p[1], "ab", 2) == 2);
    check("level", now(group) == 1 && now(group) == 1 && found[0].events == EPOLLIN);
    check("data", found[0].data.u64 == 0x1122334400000000u + p[0]);
    set(group, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLET);
    check("edge", now(group) == 1 && now(group) == 0);
    check("next edge", write(p[1], "c", 1) == 1 && now(group) == 1 && now(group) == 0);
    set(group, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT);
    check("one shot", now(group) == 1 && now(group) == 0);
    set(group, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT);
    check("armed again", now(group) == 1);
    check("read", read(p[0], buf, 4) == 3);
    close(p[1]);
    set(group, EPOLL_CTL_MOD, p[0], EPOLLIN);
    check("hang-up", now(group) == 1 && found[0].events == EPOLLHUP);
    check("end", read(p[0], buf, 4) == 0);
    close(p[0]);
    check("closed", now(group) == 0);
}

static void counters(int group)
{
    uint64_t n = 5;
    int fd = eventfd(3, EFD_NONBLOCK), semaphore = eventfd(2, EFD_NONBLOCK | EFD_SEMAPHORE);
    set(group, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET);
    check("counter", write(fd, &n, 8) == 8 && now(group) == 1 && read(fd, &n, 8) == 8 && n == 8);
    check("empty", read(fd, &n, 8) == -1 && errno == EAGAIN);
    check("short", read(fd, &n, 4) == -1 && errno == EINVAL);
    check("semaphore", read(semaphore, &n, 8) == 8 && n == 1 && read(semaphore, &n, 8) == 8 &&
          read(semaphore, &n, 8) == -1);
    check("removed", epoll_ctl(group, EPOLL_CTL_DEL, fd, 0) == 0);
    close(fd);
    close(semaphore);
}

static void timers(int group)
{
    uint64_t n = 0;
    struct itimerspec soon = {{0, 0}, {0, 20000000}}, every = {{0, 5000000}, {0, 5000000}}, left;
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    set(group, EPOLL_CTL_ADD, fd, EPOLLIN);
    check("not yet", now(group) == 0);
    timerfd_settime(fd, 0, &soon, 0);
    timerfd_gettime(fd, &left);
    check("time left", left.it_value.tv_sec == 0 && left.it_value.tv_nsec > 0 &&
          left.it_value.tv_nsec <= 20000000);
    check("timer", epoll_wait(group, found, 8, 5000) == 1 && read(fd, &n, 8) == 8 && n == 1);
    timerfd_settime(fd, 0, &every, 0);
    check("periodic", read(fd, &n, 8) == 8 && n >= 1 && read(fd, &n, 8) == 8 && n >= 1);
    close(fd);
}

static int bell[2];

static void *ring(void *unused)
{
    struct timespec wait = {0, 20000000};
    (void)unused;
    nanosleep(&wait, 0);
    return (void *)(intptr_t)write(bell[1], "x", 1);
}

static void waiting(int group)
{
    pthread_t thread;
    int inner = epoll_create1(EPOLL_CLOEXEC);
    if (pipe(bell))
        abort();
    set(inner, EPOLL_CTL_ADD, bell[0], EPOLLIN);
    check("nested", set(group, EPOLL_CTL_ADD, inner, EPOLLIN) == 0);
    pthread_create(&thread, 0, ring, 0);
    check("woken", epoll_wait(group, found, 8, -1) == 1 && found[0].data.u64 == 0x1122334400000000u + inner);
    pthread_join(thread, 0);
    check("timeout", read(bell[0], &(char){0}, 1) == 1 && epoll_wait(group, found, 8, 10) == 0);
    check("bad size", epoll_wait(group, found, 0, 0) == -1 && errno == EINVAL);
    check("no set", epoll_wait(bell[0], found, 1, 0) == -1 && errno == EINVAL);
}

int main(void)
{
    int group = epoll_create1(EPOLL_CLOEXEC);
    pipes(group);
    counters(group);
    timers(group);
    waiting(group);
    return failed ? 1 : 42;
}
