/* Paths that end in a slash, a dot or two: what changes names looks at the last one and follows no link there. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

enum call { LINK, MKDIR, SYMLINK, MKNOD, RENAME, RMDIR, UNLINK };

static const struct {
    const char *name, *path, *other;
    enum call call;
    int error;
} cases[] = {
    {"link of a file that should be a directory", "f/", "x", LINK, ENOTDIR},
    {"link of a link to a file, followed by the slash", "lf/", "x", LINK, ENOTDIR},
    {"link of a directory", "d/", "x", LINK, EPERM},
    {"link to a name that should be a directory", "f", "x/", LINK, ENOENT},
    {"link to a dangling link", "f", "l/", LINK, EEXIST},
    {"link to a directory", "f", "d/", LINK, EEXIST},
    {"link to a file", "f", "f/", LINK, EEXIST},
    {"mkdir of a dangling link", "l/", 0, MKDIR, EEXIST},
    {"mkdir of a new name", "n/", 0, MKDIR, 0},
    {"mkdir here", ".", 0, MKDIR, EEXIST},
    {"mkdir there", "n/.", 0, MKDIR, EEXIST},
    {"mkdir above", "n/..", 0, MKDIR, EEXIST},
    {"mkdir nowhere", "q/.", 0, MKDIR, ENOENT},
    {"symlink at a new name", "f", "s/", SYMLINK, ENOENT},
    {"symlink at a dangling link", "f", "l/", SYMLINK, EEXIST},
    {"symlink at a directory", "f", "d/", SYMLINK, EEXIST},
    {"mknod at a new name", "m/", 0, MKNOD, ENOENT},
    {"mknod at a dangling link", "l/", 0, MKNOD, EEXIST},
    {"rename here", ".", "x", RENAME, EBUSY},
    {"rename there", "d/.", "x", RENAME, EBUSY},
    {"rename above", "d/..", "x", RENAME, EBUSY},
    {"rename to there", "d", "n/.", RENAME, EBUSY},
    {"rename to nowhere", "d", "x/.", RENAME, ENOENT},
    {"rename a file that should be a directory", "f/", "x", RENAME, ENOTDIR},
    {"rename a file to what should be a directory", "f", "x/", RENAME, ENOTDIR},
    {"rename a link that should be a directory", "ld/", "x", RENAME, ENOTDIR},
    {"rename to a link that should be a directory", "d", "l/", RENAME, ENOTDIR},
    {"rename nothing", "q/", "x", RENAME, ENOENT},
    {"rename a directory", "d", "x/", RENAME, 0},
    {"rename it back", "x/", "d", RENAME, 0},
    {"rmdir here", ".", 0, RMDIR, EINVAL},
    {"rmdir there", "d/.", 0, RMDIR, EINVAL},
    {"rmdir above", "d/..", 0, RMDIR, ENOTEMPTY},
    {"rmdir the root", "/", 0, RMDIR, EBUSY},
    {"rmdir a link", "ld/", 0, RMDIR, ENOTDIR},
    {"unlink a file that should be a directory", "f/", 0, UNLINK, ENOTDIR},
    {"unlink a directory", "d/", 0, UNLINK, EISDIR},
    {"unlink there", "d/.", 0, UNLINK, EISDIR},
    {"unlink a link to a directory", "ld/", 0, UNLINK, ENOTDIR},
    {"unlink a link to a file", "lf/", 0, UNLINK, ENOTDIR},
    {"unlink a dangling link", "l/", 0, UNLINK, ENOTDIR},
    {"unlink nothing", "q/", 0, UNLINK, ENOENT},
    {"rmdir", "n/", 0, RMDIR, 0},
};

static int make(enum call call, const char *path, const char *other)
{
    switch (call) {
    case LINK: return link(path, other);
    case MKDIR: return mkdir(path, 0755);
    case SYMLINK: return symlink(path, other);
    case MKNOD: return mknod(path, S_IFREG | 0644, 0);
    case RENAME: return rename(path, other);
    case RMDIR: return rmdir(path);
    default: return unlink(path);
    }
}

int main(void)
{
    check("set up", !close(open("f", O_CREAT | O_WRONLY, 0644)) && !mkdir("d", 0755) && !symlink("q", "l") &&
                        !symlink("d", "ld") && !symlink("f", "lf"));
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        int got = make(cases[i].call, cases[i].path, cases[i].other) ? errno : 0;
        check(cases[i].name, got == cases[i].error);
    }
    check("clean up", !unlink("f") && !rmdir("d") && !unlink("l") && !unlink("ld") && !unlink("lf"));
    return failed ? 1 : 42;
}
