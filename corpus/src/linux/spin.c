/* Computes until a signal it was told to handle arrives. */
#include "check.h"
#include <signal.h>

static volatile sig_atomic_t caught;

static void note(int n)
{
    caught = n;
}

int main(int argc, char **argv)
{
    volatile unsigned long n = 0;
    (void)argv;
    if (argc > 1)
        signal(SIGTERM, note);
    check("started", 1);
    while (!caught)
        n++;
    check("stopped", caught == SIGTERM);
    return 42;
}
