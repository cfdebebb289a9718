/* Where files are and what is said of them: attributes, openat2, O_PATH, O_TMPFILE, exchanging, holes, statx. */
#define _GNU_SOURCE
#include "check.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>

struct how {
    uint64_t flags, mode, resolve, more;
};

static int fails(long result, int error)
{
    return result == -1 && errno == error;
}

static void put(const char *name, const char *text)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        abort();
    close(fd);
}

static int holds(int fd, const char *text)
{
    char buf[64] = {0};
    return pread(fd, buf, sizeof buf - 1, 0) == (ssize_t)strlen(text) && !strcmp(buf, text);
}

static int file_holds(const char *name, const char *text)
{
    int fd = open(name, O_RDONLY), same = fd >= 0 && holds(fd, text);
    close(fd);
    return same;
}

static void attributes(void)
{
    char buf[256];
    put("a", "x");
    symlink("a", "link");
    int fd = open("a", O_RDONLY);
    check("set", setxattr("a", "user.one", "first", 5, 0) == 0);
    check("set again", fails(setxattr("a", "user.one", "x", 1, XATTR_CREATE), EEXIST));
    check("replace none", fails(setxattr("a", "user.two", "x", 1, XATTR_REPLACE), ENODATA));
    check("by descriptor", fsetxattr(fd, "user.two", "", 0, XATTR_CREATE) == 0);
    check("length", getxattr("link", "user.one", 0, 0) == 5);
    check("too short", fails(getxattr("a", "user.one", buf, 3), ERANGE));
    check("get", fgetxattr(fd, "user.one", buf, sizeof buf) == 5 && !memcmp(buf, "first", 5));
    check("empty", getxattr("a", "user.two", buf, sizeof buf) == 0);
    check("none", fails(getxattr("a", "user.three", buf, sizeof buf), ENODATA));
    check("list", listxattr("a", 0, 0) == 18 && flistxattr(fd, buf, sizeof buf) == 18);
    check("of a link", fails(lsetxattr("link", "user.x", "1", 1, 0), EPERM));
    check("other names", fails(setxattr("a", "other.x", "1", 1, 0), EOPNOTSUPP));
    check("no name", fails(setxattr("a", "", "1", 1, 0), ERANGE));
    check("bad flags", fails(setxattr("a", "user.q", "1", 1, 4), EINVAL));
    check("remove", removexattr("link", "user.two") == 0 && fails(removexattr("a", "user.two"), ENODATA));
    check("not there", fails(getxattr("b", "user.one", buf, 9), ENOENT));
    check("pipe", fails(fgetxattr(99, "user.one", buf, 9), EBADF));
    close(fd);
}

static long open2(int dir, const char *path, uint64_t flags, uint64_t resolve, size_t size)
{
    struct how how = {flags, 0, resolve, 0};
    long fd = syscall(SYS_openat2, dir, path, &how, size);
    if (fd >= 0)
        close(fd);
    return fd < 0 ? -errno : 0;
}

static void resolving(void)
{
    enum { XDEV = 1, MAGIC = 2, SYM = 4, BENEATH = 8, ROOT = 16 };
    mkdir("d", 0755);
    mkdir("d/e", 0755);
    put("d/f", "inside");
    put("outside", "o");
    symlink("../outside", "d/up");
    symlink("/outside", "d/abs");
    symlink("f", "d/near");
    int dir = open("d", O_RDONLY | O_DIRECTORY);
    check("plain", open2(dir, "e/../f", 0, 0, 24) == 0);
    check("beneath", open2(dir, "e/../near", 0, BENEATH, 24) == 0);
    check("above", open2(dir, "../outside", 0, BENEATH, 24) == -EXDEV);
    check("link above", open2(dir, "up", 0, BENEATH, 24) == -EXDEV);
    check("absolute link", open2(dir, "abs", 0, BENEATH, 24) == -EXDEV);
    check("absolute", open2(dir, "/", 0, BENEATH, 24) == -EXDEV);
    check("in root", open2(dir, "/../../f", 0, ROOT, 24) == 0);
    check("link in root", open2(dir, "abs", 0, ROOT, 24) == -ENOENT);
    check("no links", open2(dir, "near", 0, SYM, 24) == -ELOOP);
    check("link itself", open2(dir, "near", O_PATH | O_NOFOLLOW, SYM, 24) == 0);
    check("no magic", open2(dir, "/proc/self/exe", 0, MAGIC, 24) == -ELOOP);
    check("one mount", open2(dir, "/proc/self/status", 0, XDEV, 24) == -EXDEV);
    check("both", open2(dir, "f", 0, BENEATH | ROOT, 24) == -EINVAL);
    check("unknown", open2(dir, "f", 0, 0x1000, 24) == -EINVAL);
    check("unknown flag", open2(dir, "f", 1ul << 33, 0, 24) == -EINVAL);
    check("small", open2(dir, "f", 0, 0, 16) == -EINVAL);
    check("large and zero", open2(dir, "f", 0, 0, 32) == 0);
    close(dir);
}

static void only_places(void)
{
    char buf[64] = {0}, name[64];
    struct stat st;
    int fd = open("d/f", O_PATH), link = open("d/near", O_PATH | O_NOFOLLOW), dir = open("d", O_PATH);
    check("no reading", fails(read(fd, buf, 1), EBADF) && fails(lseek(fd, 0, SEEK_SET), EBADF));
    check("no changing", fails(syscall(SYS_fchmod, fd, 0600), EBADF) && fails(ftruncate(fd, 0), EBADF));
    check("no attributes", fails(fgetxattr(fd, "user.x", buf, 1), EBADF));
    check("facts", fstat(fd, &st) == 0 && st.st_size == 6 && (fcntl(fd, F_GETFL) & O_PATH));
    check("link", fstat(link, &st) == 0 && S_ISLNK(st.st_mode) && readlinkat(link, "", buf, 64) == 1 && buf[0] == 'f');
    check("from it", openat(dir, "f", O_RDONLY) >= 0 && fchdir(dir) == 0 && chdir("..") == 0);
    check("not listed", syscall(SYS_getdents64, dir, buf, sizeof buf) == -1 && errno == EBADF);
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    int again = open(name, O_RDONLY);
    check("opened through it", again >= 0 && holds(again, "inside"));
    check("no directory", fails(open("d/f", O_PATH | O_DIRECTORY), ENOTDIR));
    close(fd), close(link), close(dir), close(again);
}

static void unnamed(void)
{
    char name[64];
    struct stat st;
    int fd = open("d", O_TMPFILE | O_RDWR, 0640);
    check("unnamed", fd >= 0 && write(fd, "temp", 4) == 4 && fstat(fd, &st) == 0 && st.st_nlink == 0);
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    check("named", linkat(AT_FDCWD, name, AT_FDCWD, "d/named", AT_SYMLINK_FOLLOW) == 0);
    check("found", file_holds("d/named", "temp") && fstat(fd, &st) == 0 && st.st_nlink == 1);
    check("for reading", fails(open("d", O_TMPFILE | O_RDONLY, 0600), EINVAL));
    check("in a file", fails(open("d/f", O_TMPFILE | O_RDWR, 0600), ENOTDIR));
    close(fd);
}

static void exchanging(void)
{
    put("one", "1");
    put("two", "2");
    check("exchange", syscall(SYS_renameat2, AT_FDCWD, "one", AT_FDCWD, "two", 2) == 0);
    check("exchanged", file_holds("one", "2") && file_holds("two", "1"));
    check("with nothing", fails(syscall(SYS_renameat2, AT_FDCWD, "one", AT_FDCWD, "three", 2), ENOENT));
    check("no replacing", fails(syscall(SYS_renameat2, AT_FDCWD, "one", AT_FDCWD, "two", 1), EEXIST));
    check("unknown way", fails(syscall(SYS_renameat2, AT_FDCWD, "one", AT_FDCWD, "two", 8), EINVAL));
}

static void holes(void)
{
    struct stat st;
    char buf[16];
    int fd = open("holes", O_RDWR | O_CREAT | O_TRUNC, 0600);
    check("grow", fallocate(fd, 0, 0, 20000) == 0 && fstat(fd, &st) == 0 && st.st_size == 20000);
    check("keep size", fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 40000) == 0 && fstat(fd, &st) == 0 && st.st_size == 20000);
    check("write", pwrite(fd, "abcdefgh", 8, 8190) == 8);
    check("punch", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 8192, 4096) == 0);
    check("punched", pread(fd, buf, 8, 8190) == 8 && !memcmp(buf, "ab\0\0\0\0\0\0", 8));
    check("punch alone", fails(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 1), EOPNOTSUPP));
    check("nothing", fails(fallocate(fd, 0, 0, 0), EINVAL) && fails(fallocate(fd, 0, -1, 5), EINVAL));
    check("huge", fails(fallocate(fd, 0, INT64_MAX, 5), EFBIG));
    int r = open("holes", O_RDONLY);
    check("for reading", fails(fallocate(r, 0, 0, 5), EBADF));
    check("flush", fsync(r) == 0 && fdatasync(fd) == 0 && sync_file_range(fd, 0, 0, 7) == 0);
    check("advice", syscall(SYS_fadvise64, fd, 0, 0, 4) == 0 && fails(syscall(SYS_fadvise64, fd, 0, 0, 77), EINVAL));
    check("ahead", readahead(fd, 0, 4096) == 0);
    int dir = open(".", O_RDONLY | O_DIRECTORY), p[2];
    check("flush a directory", fsync(dir) == 0 && syscall(SYS_syncfs, dir) == 0);
    if (pipe(p))
        abort();
    check("flush a pipe", fails(fsync(p[0]), EINVAL) && fails(fallocate(p[1], 0, 0, 5), ESPIPE));
    check("no clone", ioctl(fd, 0x40049409, r) == -1);
    close(fd), close(r), close(dir), close(p[0]), close(p[1]);
}

static void facts(void)
{
    struct stat st;
    struct {
        uint32_t mask, blksize;
        uint64_t attributes;
        uint32_t nlink, uid, gid;
        uint16_t mode, pad;
        uint64_t ino, size, blocks, attributes_mask;
        struct {
            int64_t sec;
            uint32_t nsec, pad;
        } atime, btime, ctime, mtime;
        uint64_t rest[16];
    } x;
    stat("a", &st);
    check("statx", syscall(SYS_statx, AT_FDCWD, "a", 0, 0xfff, &x) == 0);
    check("same", x.size == (uint64_t)st.st_size && x.ino == st.st_ino && x.mode == st.st_mode && (x.mask & 0x7ff) == 0x7ff);
    check("birth", !(x.mask & 0x800) || x.btime.sec <= x.ctime.sec);
    check("reserved", fails(syscall(SYS_statx, AT_FDCWD, "a", 0, 0x80000000u, &x), EINVAL));
    struct statfs fs;
    check("file system", statfs(".", &fs) == 0 && fs.f_type && fs.f_bsize && fs.f_namelen == 255);
}

static int told;

static void count(int signal)
{
    told += signal == SIGXFSZ;
}

static void limits(void)
{
    struct rlimit old, small = {10, RLIM_INFINITY};
    int fd = open("big", O_RDWR | O_CREAT | O_TRUNC, 0600);
    getrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, count);
    setrlimit(RLIMIT_FSIZE, &small);
    check("up to the limit", write(fd, "0123456789abc", 13) == 10);
    check("over the limit", fails(write(fd, "x", 1), EFBIG) && told == 1);
    check("cut off", fails(ftruncate(fd, 11), EFBIG) && told == 2);
    check("below", pwrite(fd, "abc", 3, 2) == 3 && pwrite(fd, "abc", 3, 9) == 1);
    setrlimit(RLIMIT_FSIZE, &old);
    check("no limit", write(fd, "x", 1) == 1);
    close(fd);
    getrlimit(RLIMIT_NOFILE, &old);
    struct rlimit few = {8, old.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
    int last = -1, next;
    while ((next = dup(1)) >= 0)
        last = next;
    check("too many", errno == EMFILE && last == 7 && fails(fcntl(1, F_DUPFD, 8), EINVAL));
    check("close range", syscall(SYS_close_range, 3, 20, 4) == 0 && (fcntl(3, F_GETFD) & FD_CLOEXEC));
    check("closed range", syscall(SYS_close_range, 3, ~0u, 0) == 0 && fails(fcntl(3, F_GETFD), EBADF));
    check("backwards", fails(syscall(SYS_close_range, 9, 3, 0), EINVAL));
    setrlimit(RLIMIT_NOFILE, &old);
}

static void listing(void)
{
    char names[64] = "";
    mkdir("list", 0755);
    for (char c = 'a'; c < 'g'; c++) {
        char name[] = {'l', 'i', 's', 't', '/', c, 0};
        put(name, "");
    }
    DIR *dir = opendir("list");
    struct dirent *e;
    int count = 0, kinds = 0;
    long third = 0;
    while ((e = readdir(dir))) {
        kinds += e->d_type == DT_REG ? 1 : e->d_type == DT_DIR ? 100 : 0;
        if (++count == 3)
            third = telldir(dir);
    }
    check("listed", count == 8 && kinds == 206);
    seekdir(dir, third);
    for (count = 0; (e = readdir(dir)); count++)
        strncat(names, e->d_name, 8);
    check("from the third", count == 5);
    rewinddir(dir);
    for (count = 0; (e = readdir(dir));)
        if (e->d_name[0] != '.') {
            char name[300];
            snprintf(name, sizeof name, "list/%s", e->d_name);
            count += unlink(name) == 0;
        }
    check("removed while reading", count == 6 && rmdir("list") == 0);
    closedir(dir);
    struct stat here, above;
    DIR *d = opendir("d");
    ino_t up = 0;
    while ((e = readdir(d)))
        if (!strcmp(e->d_name, ".."))
            up = e->d_ino;
    stat("d", &here);
    stat(".", &above);
    check("inode of the one above", up == above.st_ino);
    closedir(d);
}

static void prison(void)
{
    int status;
    pid_t pid = fork();
    if (!pid) {
        if (getuid() != 0)
            _exit(fails(chroot("d"), EPERM) ? 7 : 1);
        char cwd[64];
        if (chroot("d") || chdir("/"))
            _exit(2);
        if (!file_holds("/f", "inside") || !file_holds("../../f", "inside") || !getcwd(cwd, 64) || strcmp(cwd, "/"))
            _exit(3);
        if (!fails(open("/outside", O_RDONLY), ENOENT) || !fails(open("/up", O_RDONLY), ENOENT))
            _exit(4);
        _exit(7);
    }
    waitpid(pid, &status, 0);
    check("another root", WEXITSTATUS(status) == 7);
}

static void handles(void)
{
    struct {
        unsigned bytes;
        int type;
        unsigned char data[128];
    } handle = {0, 0, {0}};
    int mount = -1, fd = open(".", O_RDONLY);
    check("how long", fails(syscall(SYS_name_to_handle_at, AT_FDCWD, "d/f", &handle, &mount, 0), EOVERFLOW) && handle.bytes > 0);
    check("handle", syscall(SYS_name_to_handle_at, AT_FDCWD, "d/f", &handle, &mount, 0) == 0);
    int again = syscall(SYS_open_by_handle_at, fd, &handle, O_RDONLY);
    check("opened by it", getuid() ? again == -1 : again >= 0 && holds(again, "inside"));
    check("too long", (handle.bytes = 200, fails(syscall(SYS_name_to_handle_at, AT_FDCWD, "d/f", &handle, &mount, 0), EINVAL)));
    close(fd), close(again);
}

static void seals(void)
{
    int fd = memfd_create("sealed", MFD_ALLOW_SEALING | MFD_CLOEXEC), plain = memfd_create("plain", 0);
    char path[64], link[64] = {0};
    check("write", write(fd, "abc", 3) == 3 && fcntl(fd, F_GET_SEALS) == 0);
    check("sealed", fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0 && fcntl(fd, F_GET_SEALS) == (F_SEAL_SHRINK | F_SEAL_GROW));
    check("holds", fails(ftruncate(fd, 1), EPERM) && fails(ftruncate(fd, 9), EPERM) && pwrite(fd, "x", 1, 0) == 1);
    check("no writing", fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL) == 0 && fails(pwrite(fd, "x", 1, 0), EPERM));
    check("no more seals", fails(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM));
    check("not sealable", fcntl(plain, F_GET_SEALS) == F_SEAL_SEAL && fails(fcntl(plain, F_ADD_SEALS, F_SEAL_GROW), EPERM));
    snprintf(path, sizeof path, "/proc/self/fd/%d", plain);
    check("its name", readlink(path, link, sizeof link - 1) > 0 && !strcmp(link, "/memfd:plain (deleted)"));
    check("no pipe seals", fails(fcntl(0, F_GET_SEALS), EINVAL));
    close(fd), close(plain);
}

static void words(void)
{
    int fd = open("a", O_RDWR), p[2], on = 1, flags = 0;
    if (pipe(p))
        abort();
    check("append", fcntl(fd, F_SETFL, O_APPEND) == 0 && (fcntl(fd, F_GETFL) & (O_APPEND | O_ACCMODE)) == (O_APPEND | O_RDWR));
    check("non-blocking", ioctl(p[0], FIONBIO, &on) == 0 && (fcntl(p[0], F_GETFL) & O_NONBLOCK) && fails(read(p[0], &on, 1), EAGAIN));
    check("pipe size", fcntl(p[0], F_SETPIPE_SZ, 8192) == 8192 && fcntl(p[1], F_GETPIPE_SZ) == 8192);
    check("no pipe", fails(fcntl(fd, F_GETPIPE_SZ), EBADF));
    check("owner", fcntl(p[0], F_SETOWN, getpid()) == 0 && fcntl(p[0], F_GETOWN) == getpid());
    struct f_owner_ex owner = {F_OWNER_TID, getpid()}, back = {0, 0};
    check("owner of a kind", fcntl(p[0], F_SETOWN_EX, &owner) == 0 && fcntl(p[0], F_GETOWN_EX, &back) == 0 && back.type == F_OWNER_TID);
    check("signal", fcntl(p[0], F_SETSIG, SIGUSR1) == 0 && fcntl(p[0], F_GETSIG) == SIGUSR1 && fails(fcntl(p[0], F_SETSIG, 99), EINVAL));
    check("no lease", fcntl(fd, F_GETLEASE) == F_UNLCK);
    check("flags of the inode", ioctl(fd, 0x80086601, &flags) == 0 || errno == ENOTTY || errno == EOPNOTSUPP);
    check("sync flags", (fcntl(open("a", O_WRONLY | O_SYNC), F_GETFL) & O_SYNC) == O_SYNC);
    signal(SIGPIPE, SIG_IGN);
    check("before the pointer", fails(read(99, (void *)1, 1), EBADF) && fails(fcntl(99, F_GETLK, (void *)1), EBADF) &&
          fails(ioctl(99, 0x5401, (void *)1), EBADF) && fails(write(p[0], (void *)1, 1), EBADF) && fails(fcntl(99, 12345), EBADF) &&
          fails(lseek(99, 0, 77), EBADF) && fails(ioctl(99, 0x12345), EBADF));
}

int main(void)
{
    attributes();
    resolving();
    only_places();
    unnamed();
    exchanging();
    holes();
    facts();
    limits();
    listing();
    prison();
    handles();
    seals();
    words();
    return failed ? 1 : 42;
}
