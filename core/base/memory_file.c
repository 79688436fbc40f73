/* memory_file.c - see memory_file.h. */
#include "core/base/memory_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

static bool write_all(int fd, struct fct_str bytes)
{
    for (size_t at = 0; at < bytes.n;) {
        ssize_t n = pwrite(fd, bytes.p + at, bytes.n - at, (off_t)at);

        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

int memory_file(const char *name, struct fct_str bytes)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0 || (write_all(fd, bytes) && fcntl(fd, F_ADD_SEALS, SEALS) == 0))
        return fd;
    close(fd);
    return -1;
}
