/* What a guest may not do for ever: bombs of processes, threads, files and memory, and a loop. Argument: which. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static int forks(void)
{
    int made = 0;
    while (made < 1000) {
        pid_t child = fork();
        if (child < 0)
            return printf("forks %d %d\n", made, errno == EAGAIN) < 0;
        if (!child) {
            pause();
            _exit(0);
        }
        made++;
    }
    return puts("forks without bound") < 0;
}

static void *sleeps(void *unused)
{
    pause();
    return unused;
}

static int threads(void)
{
    pthread_t t;
    int made = 0, error = 0;
    while (made < 1000 && !(error = pthread_create(&t, 0, sleeps, 0)))
        made++;
    return printf("threads %d %d\n", made, error == EAGAIN) < 0;
}

static int files(void)
{
    int made = 0, fd;
    while (made < 1000 && (fd = open("/dev/null", O_RDONLY)) >= 0)
        made++;
    int error = errno;
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    close(3);
    int again = open("/dev/null", O_RDONLY);
    return printf("files %d %d %d %d\n", made, error == ENFILE, s, again) < 0;
}

static int memory(void)
{
    for (;;) {
        char *p = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED)
            return puts("no more") < 0;
        memset(p, 1, 1 << 20);
    }
}

static int polite(void)
{
    size_t made = 0;
    while (made < 1 << 12) {
        char *p = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            return printf("polite %d\n", made > 16 && made < 64 && errno == ENOMEM) < 0;
        memset(p, 1, 1 << 20);
        made++;
    }
    return puts("memory without bound") < 0;
}

static int loop(void)
{
    signal(SIGTERM, SIG_IGN);
    for (volatile unsigned i = 0;; i++) {
    }
}

static int sleeping(void)
{
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } bombs[] = {{"forks", forks}, {"threads", threads}, {"files", files}, {"memory", memory}, {"polite", polite},
                 {"loop", loop}, {"sleeping", sleeping}};
    for (unsigned i = 0; argc > 1 && i < sizeof bombs / sizeof *bombs; i++)
        if (!strcmp(argv[1], bombs[i].name)) {
            int failed = bombs[i].run();
            fflush(stdout);
            return failed;
        }
    return 2;
}
