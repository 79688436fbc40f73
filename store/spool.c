/* spool.c - see spool.h. */
#include "store/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A file without a name is opened again by its number. */
static int reopen(int fd)
{
    char path[40];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_RDONLY | O_CLOEXEC);
}

bool spool_open(const char *dir, int *fd, int *reader, struct fct_err *err)
{
    char path[4096];

    *reader = -1;
    snprintf(path, sizeof path, "%s/tmp", dir);
    *fd = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (*fd >= 0)
        *reader = reopen(*fd);
    if (*reader >= 0)
        return true;
    fct_fail(err, FCT_TEMP, "spool file: %s", strerror(errno));
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return false;
}
