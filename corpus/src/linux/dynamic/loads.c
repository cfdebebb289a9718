/* A dynamic program: its linker, libraries with traps of their own, threads, signals, copies, another program. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static long (*parent)(void), (*read_from)(int, void *, unsigned long), (*sleep_for)(long), (*used)(void);
static long (*any)(long, long, long, long);
static void *plugin;
static char place[4096];
static volatile uintptr_t interrupted_at;
static int pipe_ends[2];

#ifdef __GLIBC__
#define CLOSES 1
#else
#define CLOSES 0 /* musl never unmaps a library */
#endif

static void say(const char *what, int good) { printf("%s %s\n", good ? "ok" : "NOT", what); }

static void open_plugin(void)
{
    plugin = dlopen(place, RTLD_NOW);
    if (!plugin) {
        printf("NOT dlopen: %s\n", dlerror());
        exit(1);
    }
    *(void **)&parent = dlsym(plugin, "plugin_parent");
    *(void **)&read_from = dlsym(plugin, "plugin_read");
    *(void **)&sleep_for = dlsym(plugin, "plugin_sleep");
    *(void **)&any = dlsym(plugin, "plugin_any");
    *(void **)&used = dlsym(plugin, "plugin_used");
}

static int mapped(const char *name)
{
    char line[4600];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps))
        found += strstr(line, name) != NULL;
    if (maps)
        fclose(maps);
    return found;
}

static void noted(int signal, siginfo_t *info, void *context)
{
    ucontext_t *state = context;
#ifdef __x86_64__
    interrupted_at = state->uc_mcontext.gregs[REG_RIP];
#else
    interrupted_at = state->uc_mcontext.pc;
#endif
    (void)signal, (void)info;
}

static void alarm_in(int milliseconds)
{
    struct itimerval timer = {{0, 0}, {0, milliseconds * 1000}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

static const char *owner(uintptr_t pc)
{
    Dl_info info;
    const char *file = dladdr((void *)pc, &info) && info.dli_fname ? info.dli_fname : "";
    const char *name = strrchr(file, '/');
    return name ? name + 1 : file;
}

static void signals(void)
{
    struct sigaction action = {0};
    char byte = 0;
    action.sa_sigaction = noted;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGALRM, &action, NULL);
    alarm_in(5);
    long result = sleep_for(100);
    say("a signal ends a library's wait", result == -EINTR && used() == 1);
    say("at a place of the library", strcmp(owner(interrupted_at), "libplugin.so") == 0);
    action.sa_flags |= SA_RESTART;
    sigaction(SIGALRM, &action, NULL);
    if (pipe(pipe_ends))
        exit(1);
    interrupted_at = 0;
    pid_t child = fork();
    if (!child) {
        usleep(20000);
        _exit(write(pipe_ends[1], "x", 1) != 1);
    }
    alarm_in(5);
    result = read_from(pipe_ends[0], &byte, 1);
    say("a library's call is made again", result == 1 && byte == 'x' && interrupted_at != 0);
    say("as if it had not been made", strcmp(owner(interrupted_at), "libplugin.so") == 0);
    waitpid(child, NULL, 0);
}

static void *in_thread(void *unused)
{
    (void)unused;
    sleep_for(0);
    return (void *)(used() == 1 && parent() == getppid() ? 1L : 0L);
}

static void copies(void)
{
    int status;
    pid_t here = getpid(), child = fork();
    if (!child) {
        int good = parent() == here && any(SYS_getpid, 0, 0, 0) == getpid() && getpid() != here;
        dlclose(plugin);
        open_plugin();
        _exit(good && parent() == here ? 7 : 1);
    }
    waitpid(child, &status, 0);
    say("in a copy of the process", WIFEXITED(status) && WEXITSTATUS(status) == 7);
    say("the original is as it was", parent() == getppid() && any(SYS_getpid, 0, 0, 0) == here);
}

int main(int argc, char **argv)
{
    char self[4096] = "";
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 2) {
        say("another program in the process", strcmp(argv[2], "again") == 0);
        say("LD_PRELOAD comes first", rand() == 42 && rand() == 42);
        return 42;
    }
    snprintf(place, sizeof place, "%s/libplugin.so", argv[1]);
    say("the identity calls agree", syscall(SYS_getpid) == getpid() && syscall(SYS_getuid) == (long)getuid());
    say("its name", readlink("/proc/self/exe", self, sizeof self - 1) > 0 && mapped("[stack]"));
    say("the C library is mapped by name", mapped("/lib") > 0);
    open_plugin();
    int (*constructed)(void);
    *(void **)&constructed = dlsym(plugin, "plugin_constructed");
    say("a library is opened", constructed() == 1 && parent() == getppid());
    say("it is mapped by name", mapped("libplugin.so") > 0);
    say("a number that is known late", any(SYS_getpid, 0, 0, 0) == getpid() && any(100000, 0, 0, 0) == -ENOSYS);
    signals();
    pthread_t thread;
    void *result = NULL;
    if (!pthread_create(&thread, NULL, in_thread, NULL))
        pthread_join(thread, &result);
    say("in a thread", result != NULL && used() == 2);
    copies();
    for (int i = 0; i < 20; i++) {
        dlclose(plugin);
        open_plugin();
        if (parent() != getppid())
            say("closed and opened", 0);
    }
    say("closed and opened", used() == 0 || !CLOSES);
    setenv("LD_PRELOAD", argc > 1 ? strcat(strcpy(place, argv[1]), "/libpreload.so") : "", 1);
    execl(self, "loads", argv[1], "again", (char *)NULL);
    say("exec", 0);
    return 1;
}
