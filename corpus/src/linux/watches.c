/* inotify: what is told of files and directories, by whom, and what is refused. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int set;
static uint32_t cookie;

/* The next events as "wd:mask:name ". */
static const char *told(int wd)
{
    static char text[2048], buf[4096] __attribute__((aligned(8)));
    ssize_t size = read(set, buf, sizeof buf);
    text[0] = 0;
    for (ssize_t at = 0; at < size;) {
        struct inotify_event *e = (void *)(buf + at);
        cookie = e->cookie ? e->cookie : cookie;
        snprintf(text + strlen(text), 100, "%s%x:%s ", e->wd == wd ? "" : "?", e->mask, e->len ? e->name : "");
        at += sizeof *e + e->len;
    }
    return text;
}

static int is(const char *name, const char *got, const char *want)
{
    check(name, !strcmp(got, want));
    if (strcmp(got, want))
        dprintf(2, "%s: got '%s' want '%s'\n", name, got, want);
    return 0;
}

static void directory(const char *path)
{
    char buf[64];
    mkdir(path, 0755);
    if (chdir(path))
        abort();
    int wd = inotify_add_watch(set, ".", IN_CREATE | IN_DELETE | IN_MOVE | IN_MODIFY);
    check("watch", wd > 0 && inotify_add_watch(set, ".", IN_CREATE | IN_DELETE | IN_MOVE | IN_MODIFY) == wd);
    check("nothing yet", read(set, buf, sizeof buf) == -1 && errno == EAGAIN);
    int fd = open("a", O_WRONLY | O_CREAT, 0600);
    is("created", told(wd), "100:a ");
    check("written", write(fd, "x", 1) == 1);
    is("modified", told(wd), "2:a ");
    close(fd);
    mkdir("d", 0700);
    is("directory", told(wd), "40000100:d ");
    rename("a", "b");
    is("moved", told(wd), "40:a 80:b ");
    check("cookie", cookie != 0);
    rename("b", "d/c");
    is("moved out", told(wd), "40:b ");
    rename("d/c", "e");
    is("moved in", told(wd), "80:e ");
    symlink("e", "l");
    link("e", "f");
    is("links", told(wd), "100:l 100:f ");
    unlink("l"), unlink("f"), unlink("e"), rmdir("d");
    is("deleted", told(wd), "200:l 200:f 200:e 40000200:d ");
    check("stop", inotify_rm_watch(set, wd) == 0);
    is("stopped", told(wd), "8000: ");
    check("twice", inotify_rm_watch(set, wd) == -1 && errno == EINVAL);
}

static void file(void)
{
    int fd = open("one", O_RDWR | O_CREAT, 0600), status, waiting;
    int wd = inotify_add_watch(set, "one", IN_ALL_EVENTS);
    check("write", write(fd, "abc", 3) == 3);
    is("modified file", told(wd), "2: ");
    fchmod(fd, 0640);
    is("attributes", told(wd), "4: ");
    close(fd);
    is("closed", told(wd), "8: ");
    pid_t pid = fork();
    if (!pid) {
        char c;
        int r = open("one", O_RDONLY);
        _exit(read(r, &c, 1) != 1);
    }
    waitpid(pid, &status, 0);
    is("read by a child", told(wd), "20: 1: 10: ");
    fd = open("one", O_WRONLY);
    struct pollfd p = {set, POLLIN, 0};
    check("poll", poll(&p, 1, 1000) == 1 && p.revents == POLLIN && ioctl(set, FIONREAD, &waiting) == 0 && waiting == 16);
    told(wd);
    char small[8];
    check("more", write(fd, "q", 1) == 1 && read(set, small, sizeof small) == -1 && errno == EINVAL);
    close(fd);
    told(wd);
    unlink("one");
    is("removed", told(wd), "4: 400: 8000: ");
}

static void refusals(void)
{
    check("no events", inotify_add_watch(set, ".", 0) == -1 && errno == EINVAL);
    check("not there", inotify_add_watch(set, "nothing", IN_OPEN) == -1 && errno == ENOENT);
    check("no set", inotify_add_watch(1, ".", IN_OPEN) == -1 && errno == EINVAL);
    check("not open", inotify_add_watch(99, ".", IN_OPEN) == -1 && errno == EBADF);
    check("wild path", inotify_add_watch(set, (const char *)1, IN_OPEN) == -1 && errno == EFAULT);
    close(open("plain", O_CREAT | O_WRONLY, 0600));
    check("only directories", inotify_add_watch(set, "plain", IN_OPEN | IN_ONLYDIR) == -1 && errno == ENOTDIR);
    check("flags", inotify_init1(7) == -1 && errno == EINVAL);
    unlink("plain");
}

int main(void)
{
    set = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    check("set", set >= 0 && fcntl(set, F_GETFD) == FD_CLOEXEC);
    directory("watched");
    file();
    refusals();
    mkdir("/tmp/watched", 0700);
    directory("/tmp/watched");
    if (chdir("/") == 0)
        rmdir("/tmp/watched");
    return failed ? 1 : 42;
}
