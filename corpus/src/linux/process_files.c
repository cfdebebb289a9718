/* What a process finds in /proc about itself, its threads, its children and the machine. */
#define _GNU_SOURCE
#include "check.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static char text[1 << 18], *command;

static const char *get(const char *path)
{
    int fd = open(path, O_RDONLY);
    long size = 0, got;
    while (fd >= 0 && (got = read(fd, text + size, sizeof text - 1 - size)) > 0)
        size += got;
    close(fd);
    text[size] = 0;
    return fd < 0 ? "" : text;
}

/* The word behind "name:" in a text of lines. */
static long word(const char *from, const char *name)
{
    char line[64];
    snprintf(line, sizeof line, "\n%s:", name);
    const char *at = strstr(from, line);
    return at ? atol(at + strlen(line)) : -1;
}

static int has_mapping(void *p, const char *rights)
{
    const char *line = get("/proc/self/maps");
    while (line && *line) {
        unsigned long lo, hi;
        char r[8];
        if (sscanf(line, "%lx-%lx %4s", &lo, &hi, r) == 3 && lo <= (uintptr_t)p && (uintptr_t)p < hi)
            return !strcmp(r, rights);
        line = strchr(line, '\n');
        line += !!line;
    }
    return 0;
}

static void self(void)
{
    char path[64], link[512];
    snprintf(path, sizeof path, "/proc/%d/status", getpid());
    check("status", word(get(path), "Pid") == getpid() && word(text, "PPid") == getppid() && word(text, "Tgid") == getpid());
    check("ids", word(text, "Uid") == (long)getuid() && word(text, "Gid") == (long)getgid() && word(text, "Threads") == 1);
    check("link to self", readlink("/proc/self", link, sizeof link) > 0 && atol(link) == getpid());
    check("command line", !strcmp(get("/proc/self/cmdline"), command));
    prctl(PR_SET_NAME, "renamed");
    check("comm", !strcmp(get("/proc/self/comm"), "renamed\n"));
    int pid = 0, ppid = 0;
    char name[32], state;
    check("stat", sscanf(get("/proc/self/stat"), "%d (%31[^)]) %c %d", &pid, name, &state, &ppid) == 4 && pid == getpid() &&
          ppid == getppid() && state == 'R' && !strcmp(name, "renamed"));
    long fields = 0;
    for (char *c = strrchr(text, ')'); *c; c++)
        fields += *c == ' ';
    check("fields of stat", fields == 50);
    check("statm", atol(get("/proc/self/statm")) > 0);
    char cwd[256], here[256];
    ssize_t n = readlink("/proc/self/cwd", here, sizeof here - 1);
    check("cwd", n > 0 && (here[n] = 0, getcwd(cwd, sizeof cwd)) && !strcmp(cwd, here));
    check("root", readlink("/proc/self/root", here, sizeof here) == 1 && here[0] == '/');
    int exe = open("/proc/self/exe", O_RDONLY);
    check("exe", exe >= 0 && read(exe, here, 4) == 4 && here[1] == 'E' && readlink("/proc/self/exe", here, 256) > 0);
    close(exe);
    check("limits", strstr(get("/proc/self/limits"), "Max open files            ") != 0);
    int adj = open("/proc/self/oom_score_adj", O_RDWR);
    check("score", adj >= 0 && write(adj, "500", 3) == 3 && !strcmp(get("/proc/self/oom_score_adj"), "500\n"));
    close(adj);
    check("not there", open("/proc/self/nothing", O_RDONLY) == -1 && errno == ENOENT && open("/proc/99999999", O_RDONLY) == -1);
}

static void memory(void)
{
    static int variable = 7;
    void *p = mmap(0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *shared;
    int file = open("mapped", O_RDWR | O_CREAT, 0600);
    if (ftruncate(file, 4096))
        abort();
    shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    check("mapped", has_mapping(p, "r--p") && has_mapping(shared, "rw-s") && has_mapping(&variable, "rw-p"));
    check("named", strstr(get("/proc/self/maps"), "/mapped\n") && strstr(text, "[stack]"));
    check("sizes", strstr(get("/proc/self/smaps"), "\nRss: ") && strstr(text, "\nVmFlags: "));
    int mem = open("/proc/self/mem", O_RDWR), value = 0;
    check("memory", pread(mem, &value, 4, (uintptr_t)&variable) == 4 && value == 7);
    value = 9;
    check("written", pwrite(mem, &value, 4, (uintptr_t)&variable) == 4 && *(volatile int *)&variable == 9);
    check("nowhere", pread(mem, &value, 4, 16) == -1 && errno == EIO);
    close(mem);
    uint64_t pair[2] = {1, 0}, entry = 0, page = 0;
    int fd = open("/proc/self/auxv", O_RDONLY);
    while (read(fd, pair, 16) == 16 && pair[0]) {
        entry = pair[0] == AT_ENTRY ? pair[1] : entry;
        page = pair[0] == AT_PAGESZ ? pair[1] : page;
    }
    check("auxv", entry == getauxval(AT_ENTRY) && page == 4096 && pair[0] == 0);
    close(fd);
}

static void descriptors(void)
{
    char path[64], link[300], want[300];
    int p[2], file = open("listed", O_RDWR | O_CREAT | O_APPEND, 0600), counter = eventfd(5, EFD_CLOEXEC), seen = 0;
    if (pipe(p) || write(file, "abcdef", 6) != 6)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", p[0]);
    ssize_t n = readlink(path, link, sizeof link - 1);
    check("pipe", n > 0 && !strncmp(link, "pipe:[", 6));
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    n = readlink(path, link, sizeof link - 1);
    link[n > 0 ? n : 0] = 0;
    if (!getcwd(want, 256))
        abort();
    strcat(want, "/listed");
    check("file", !strcmp(link, want));
    int again = open(path, O_RDONLY);
    check("new position", again >= 0 && lseek(again, 0, SEEK_CUR) == 0 && lseek(file, 0, SEEK_CUR) == 6);
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", file);
    check("position", strstr(get(path), "pos:\t6\n") && strstr(text, "flags:\t0") && (strtol(strstr(text, "flags:") + 7, 0, 8) & O_APPEND));
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 5};
    fcntl(file, F_SETLK, &lock);
    check("lock", strstr(get(path), "POSIX  ADVISORY  WRITE ") && strstr(text, " 10 14\n"));
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", counter);
    check("counter", strstr(get(path), "eventfd-count:") != 0);
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *e;
    while ((e = readdir(dir)))
        seen += atoi(e->d_name) == file || atoi(e->d_name) == counter;
    closedir(dir);
    check("listed", seen == 2);
    unlink("listed");
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    n = readlink(path, link, sizeof link - 1);
    check("deleted", n > 10 && !strncmp(link + n - 10, " (deleted)", 10));
    check("standard", open("/dev/stdout", O_WRONLY) >= 0 && access("/dev/fd/1", W_OK) == 0);
    close(p[0]), close(p[1]), close(file), close(counter), close(again);
}

static int go;

static void *thread(void *arg)
{
    *(int *)arg = syscall(SYS_gettid);
    __atomic_store_n(&go, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&go, __ATOMIC_SEQ_CST) == 1)
        usleep(1000);
    return 0;
}

static void others(void)
{
    pthread_t t;
    int tid = 0, found = 0, tasks = 0, pipefd[2];
    char path[64], link[64];
    pthread_create(&t, 0, thread, &tid);
    while (!__atomic_load_n(&go, __ATOMIC_SEQ_CST))
        usleep(1000);
    snprintf(path, sizeof path, "/proc/self/task/%d/status", tid);
    check("thread", word(get(path), "Pid") == tid && word(text, "Tgid") == getpid() && word(text, "Threads") == 2);
    DIR *dir = opendir("/proc/self/task");
    struct dirent *e;
    while ((e = readdir(dir)))
        tasks += e->d_name[0] != '.';
    closedir(dir);
    check("threads", tasks == 2);
    ssize_t n = readlink("/proc/thread-self", link, 63);
    check("this thread", n > 0 && (link[n] = 0, strstr(link, "/task/")));
    __atomic_store_n(&go, 2, __ATOMIC_SEQ_CST);
    pthread_join(t, 0);
    if (pipe(pipefd))
        abort();
    pid_t pid = fork();
    if (!pid) {
        char c;
        close(pipefd[1]);
        prctl(PR_SET_NAME, "child");
        if (write(1, "", 0) || read(pipefd[0], &c, 1) < 0)
            _exit(1);
        _exit(0);
    }
    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    while (strcmp(get(path), "child\n"))
        usleep(1000);
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    check("child", word(get(path), "PPid") == getpid());
    dir = opendir("/proc");
    while ((e = readdir(dir)))
        found += atoi(e->d_name) == pid || atoi(e->d_name) == getpid();
    closedir(dir);
    check("both are listed", found == 2);
    close(pipefd[1]);
    while (!strstr(get(path), "State:\tZ"))
        usleep(1000);
    check("zombie", word(text, "VmSize") == -1 || word(text, "VmSize") == 0);
    waitpid(pid, 0, 0);
    check("gone", open(path, O_RDONLY) == -1 && errno == ENOENT);
}

static void machine(void)
{
    check("cpuinfo", strstr(get("/proc/cpuinfo"), "processor\t: 0\n") != 0);
    check("meminfo", !strncmp(get("/proc/meminfo"), "MemTotal: ", 10) && word(text, "MemAvailable") > 0);
    check("stat of all", !strncmp(get("/proc/stat"), "cpu  ", 5) && strstr(text, "\nbtime "));
    check("uptime", atof(get("/proc/uptime")) > 0);
    check("load", strchr(get("/proc/loadavg"), '/') != 0);
    check("version", !strncmp(get("/proc/version"), "Linux version ", 14));
    check("file systems", strstr(get("/proc/filesystems"), "\tproc\n") != 0);
    check("mounts", strstr(get("/proc/mounts"), " /proc proc ") && strstr(get("/proc/self/mountinfo"), " /proc "));
    check("settings", atol(get("/proc/sys/kernel/pid_max")) > 0 && atol(get("/proc/sys/vm/max_map_count")) > 0 && atol(get("/proc/sys/fs/nr_open")) > 0);
    check("random", strlen(get("/proc/sys/kernel/random/uuid")) == 37 && strlen(get("/proc/sys/kernel/random/boot_id")) == 37);
    check("huge pages", strchr(get("/sys/kernel/mm/transparent_hugepage/enabled"), '[') && atol(get("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size")) > 0);
    check("processors", get("/sys/devices/system/cpu/online")[0] == '0' && get("/sys/devices/system/cpu/possible")[0] == '0');
    check("no changing", mkdir("/proc/x", 0700) == -1 && unlink("/proc/stat") == -1);
    struct stat st;
    check("devices", stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode) && stat("/dev/shm", &st) == 0 && (st.st_mode & 01777) == 01777);
}

int main(int argc, char **argv)
{
    (void)argc;
    command = argv[0];
    self();
    memory();
    descriptors();
    others();
    machine();
    return failed ? 1 : 42;
}
