/* spool.c - see spool.h. */
#include "store/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A file without a name is opened again by its number. */
static bool open_nameless(const char *dir, int *fd, int *reader)
{
    char again[40];

    *fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (*fd < 0)
        return false;
    snprintf(again, sizeof again, "/proc/self/fd/%d", *fd);
    *reader = open(again, O_RDONLY | O_CLOEXEC);
    return *reader >= 0;
}

/* Where there is no /proc: a name for as long as it takes to open it twice. */
static bool open_named(const char *dir, int *fd, int *reader)
{
    char path[4200];

    snprintf(path, sizeof path, "%s/spool.XXXXXX", dir);
    *fd = mkostemp(path, O_CLOEXEC);
    if (*fd < 0)
        return false;
    *reader = open(path, O_RDONLY | O_CLOEXEC);
    (void)unlink(path);
    return *reader >= 0;
}

static void close_both(int *fd, int *reader)
{
    if (*fd >= 0)
        close(*fd);
    if (*reader >= 0)
        close(*reader);
    *fd = *reader = -1;
}

bool spool_open(const char *dir, int *fd, int *reader, struct fct_err *err)
{
    char tmp[4096];

    *fd = *reader = -1;
    snprintf(tmp, sizeof tmp, "%s/tmp", dir);
    if (open_nameless(tmp, fd, reader))
        return true;
    close_both(fd, reader);
    if (open_named(tmp, fd, reader))
        return true;
    fct_fail(err, FCT_TEMP, "spool file: %s", strerror(errno));
    close_both(fd, reader);
    return false;
}
