/* io.c - disk operations with complete transfers and, in tests, faults. */
#include "store/io.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int (*io_fault)(enum io_call call);

static bool fault(enum io_call call)
{
    int error = io_fault ? io_fault(call) : 0;

    if (error)
        errno = error;
    return error != 0;
}

static bool failed(struct fct_err *err, const char *what)
{
    int saved = errno;

    if (saved == ENOSPC || saved == EDQUOT)
        fct_fail(err, FCT_TEMP, "disk full");
    else
        fct_fail(err, FCT_TEMP, "%s: %s", what, strerror(saved));
    errno = saved;
    return false;
}

bool io_open(const char *path, int flags, int *fd, struct fct_err *err)
{
    if (fault(IO_OPEN) || (*fd = open(path, flags | O_CLOEXEC, 0600)) < 0)
        return failed(err, "open in the data directory");
    return true;
}

/* Move past `done` bytes; returns how many entries are used up. */
static int iov_advance(struct iovec *iov, int n, size_t done)
{
    int used = 0;

    while (used < n && done >= iov[used].iov_len)
        done -= iov[used++].iov_len;
    if (used < n) {
        iov[used].iov_base = (char *)iov[used].iov_base + done;
        iov[used].iov_len -= done;
    }
    return used;
}

#define IOV_AT_ONCE 1024 /* IOV_MAX of Linux */

static bool write_half(int fd, struct iovec *iov, uint64_t offset, struct fct_err *err)
{
    int saved = errno;

    if (pwrite(fd, iov->iov_base, iov->iov_len / 2, (off_t)offset) < 0)
        return failed(err, "write");
    errno = saved;
    return failed(err, "write");
}

#ifndef RWF_DONTCACHE
#define RWF_DONTCACHE 0x80 /* since Linux 6.14 */
#endif

/* Flags are a wish: a kernel or file system that does not know them writes without. */
static ssize_t write_some(int fd, const struct iovec *iov, int n, uint64_t offset, int *flags)
{
    int now = n < IOV_AT_ONCE ? n : IOV_AT_ONCE;
    ssize_t done = *flags ? pwritev2(fd, iov, now, (off_t)offset, *flags)
                          : pwritev(fd, iov, now, (off_t)offset);

    if (done >= 0 || *flags == 0 || (errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS))
        return done;
    *flags = 0;
    return pwritev(fd, iov, now, (off_t)offset);
}

static bool write_all(int fd, struct iovec *iov, int n, uint64_t offset, int flags,
                      struct fct_err *err)
{
    if (n > 0 && fault(IO_WRITE))
        return write_half(fd, iov, offset, err);
    while (n > 0) {
        ssize_t done = write_some(fd, iov, n, offset, &flags);
        int used;

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return failed(err, "write");
        used = iov_advance(iov, n, (size_t)done);
        iov += used;
        n -= used;
        offset += (uint64_t)done;
    }
    return true;
}

bool io_write_at(int fd, struct iovec *iov, int n, uint64_t offset, struct fct_err *err)
{
    return write_all(fd, iov, n, offset, 0, err);
}

bool io_write_passing_at(int fd, struct iovec *iov, int n, uint64_t offset, struct fct_err *err)
{
    return write_all(fd, iov, n, offset, RWF_DONTCACHE, err);
}

bool io_sync(int fd, struct fct_err *err)
{
    if (fault(IO_SYNC) || fdatasync(fd) != 0)
        return failed(err, "fdatasync");
    return true;
}

bool io_sync_dir(const char *path, struct fct_err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok;

    if (fd < 0)
        return failed(err, "open directory");
    ok = !fault(IO_SYNC_DIR) && fsync(fd) == 0;
    if (!ok)
        failed(err, "fsync of a directory");
    close(fd);
    return ok;
}

bool io_truncate(int fd, uint64_t size, struct fct_err *err)
{
    if (fault(IO_TRUNCATE) || ftruncate(fd, (off_t)size) != 0)
        return failed(err, "truncate");
    return true;
}

bool io_unlink(const char *path, struct fct_err *err)
{
    if (fault(IO_UNLINK) || unlink(path) != 0)
        return failed(err, "unlink");
    return true;
}

bool io_allocate(int fd, uint64_t offset, uint64_t size, struct fct_err *err)
{
    if (!fault(IO_ALLOCATE)) {
        if (fallocate(fd, 0, (off_t)offset, (off_t)size) == 0)
            return true;
        if (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINTR)
            return true;
    }
    return failed(err, "allocate");
}

bool io_read_at(int fd, void *p, size_t n, uint64_t offset, struct fct_err *err)
{
    char *to = p;

    if (fault(IO_READ))
        return failed(err, "read");
    while (n > 0) {
        ssize_t got = pread(fd, to, n, (off_t)offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return failed(err, "read");
        if (got == 0)
            return fct_fail(err, FCT_TEMP, "a file is cut short");
        to += got;
        n -= (size_t)got;
        offset += (uint64_t)got;
    }
    return true;
}

bool io_read_cached(int fd, void *p, size_t n, uint64_t offset)
{
    struct iovec iov = {p, n};

    return preadv2(fd, &iov, 1, (off_t)offset, RWF_NOWAIT) == (ssize_t)n;
}
