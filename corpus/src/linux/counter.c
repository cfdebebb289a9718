/* Adds one to the number in a file, often, under a lock: counter FILE TIMES [flock]. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static int lock(int fd, short type, int whole)
{
    struct flock l = {.l_type = type, .l_whence = SEEK_SET};
    if (whole)
        return flock(fd, type == F_UNLCK ? LOCK_UN : LOCK_EX);
    return fcntl(fd, F_SETLKW, &l);
}

int main(int argc, char **argv)
{
    int fd = open(argv[1], O_RDWR), whole = argc > 3;
    for (int i = atoi(argv[2]); i; i--) {
        long value = 0;
        if (lock(fd, F_WRLCK, whole) || pread(fd, &value, sizeof value, 0) < 0)
            return 1;
        value++;
        if (i % 16 == 0)
            usleep(500);
        if (pwrite(fd, &value, sizeof value, 0) != sizeof value || lock(fd, F_UNLCK, whole))
            return 2;
    }
    return 42;
}
