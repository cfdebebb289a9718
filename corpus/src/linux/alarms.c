/* Alarms and timers reach a program that computes and makes no call. */
#include "check.h"
#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

static void note(int n)
{
    caught = n;
}

static void compute(void)
{
    volatile unsigned long n = 0;
    while (!caught)
        n++;
}

int main(void)
{
    struct itimerval soon = {{0, 0}, {0, 20000}};
    signal(SIGALRM, note);
    alarm(1);
    compute();
    check("alarm", caught == SIGALRM);
    caught = 0;
    setitimer(ITIMER_REAL, &soon, 0);
    compute();
    check("interval timer", caught == SIGALRM);
    return 42;
}
