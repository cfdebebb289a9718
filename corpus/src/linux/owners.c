/* Whose a file is, and who may open it: judged by the ids of the process that asks. Needs root; says ok without. */
#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "check.h"

enum { OTHER = 12345 };

static int makes(const char *name)
{
    struct stat st;
    int fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0600);
    int owner = fd < 0 || fstat(fd, &st) ? -1 : (int)st.st_uid;
    close(fd);
    return owner;
}

static void file_ids(void)
{
    check("by root", makes("a") == 0);
    check("set", setfsuid(OTHER) == 0 && setfsuid(-1) == OTHER && geteuid() == 0);
    check("by the other", makes("b") == OTHER);
    check("refused", open("a", O_RDONLY) == -1 && errno == EACCES);
    check("back", setfsuid(0) == OTHER && makes("c") == 0);
    check("with the effective id", !seteuid(OTHER) && setfsuid(-1) == OTHER && makes("d") == OTHER);
    check("and back", !seteuid(0) && setfsuid(-1) == 0);
    check("group", setfsgid(OTHER) == 0 && setfsgid(0) == OTHER);
}

/* An open that waits goes on under the ids of its own process, whoever let it. */
static void waits(void)
{
    struct timespec little = {0, 20000000};
    check("fifo", !mkfifo("fifo", 0600));
    pid_t child = fork();
    if (!child)
        _exit(open("fifo", O_RDONLY) < 0);
    int fd, status;
    while ((fd = open("fifo", O_WRONLY | O_NONBLOCK)) < 0)
        nanosleep(&little, 0);
    setfsuid(OTHER);
    check("opened", waitpid(child, &status, 0) == child && !status);
    setfsuid(0);
    close(fd);
}

int main(void)
{
    static const char *all[] = {"by root", "set", "by the other", "refused", "back", "with the effective id",
                                "and back", "group", "fifo", "opened"};
    if (geteuid() == 0 && !mkdir("shared", 0777) && !chmod("shared", 0777) && !chdir("shared")) {
        file_ids();
        waits();
    } else {
        for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
            check(all[i], 1);
    }
    return failed ? 1 : 42;
}
