/* io.h - every disk operation whose failure decides whether a message is safe, in one small place.
 *
 * All calls restart after EINTR and finish short transfers. A test sets io_fault to make the n-th
 * call fail: that is how tests/unit/store/test_faults.c shows that nothing acknowledged is lost
 * whatever the disk does. */
#ifndef STORE_IO_H
#define STORE_IO_H

#include "core/base/err.h"
#include <sys/types.h>
#include <sys/uio.h>

enum io_call {
    IO_OPEN,
    IO_WRITE,
    IO_SYNC,
    IO_SYNC_DIR,
    IO_ALLOCATE,
    IO_TRUNCATE,
    IO_READ,
    IO_UNLINK
};

/* Returns 0 to go on, or the errno that the call shall fail with. NULL outside tests. For IO_WRITE
 * half of the bytes are written before the failure, as a disk would. */
extern int (*io_fault)(enum io_call call);

/* Errors are FCT_TEMP; `errno` keeps the reason. `what` names the thing in the text. */
FCT_MUST_CHECK bool io_open(const char *path, int flags, int *fd, struct fct_err *err);
FCT_MUST_CHECK bool io_write_at(int fd, struct iovec *iov, int n, uint64_t offset,
                                struct fct_err *err);
/* The same for bytes that nobody is expected to read soon: once they are on the disk their memory
 * serves what comes next (RWF_DONTCACHE; older kernels keep them). */
FCT_MUST_CHECK bool io_write_passing_at(int fd, struct iovec *iov, int n, uint64_t offset,
                                        struct fct_err *err); /* iov is used up */
FCT_MUST_CHECK bool io_sync(int fd, struct fct_err *err);
FCT_MUST_CHECK bool io_sync_dir(const char *path, struct fct_err *err);
FCT_MUST_CHECK bool io_truncate(int fd, uint64_t size, struct fct_err *err);
FCT_MUST_CHECK bool io_unlink(const char *path, struct fct_err *err);
/* Space ahead, zero-filled; a file system that cannot do that is no error. */
FCT_MUST_CHECK bool io_allocate(int fd, uint64_t offset, uint64_t size, struct fct_err *err);
/* Exactly n bytes, or FCT_TEMP "… is cut short". */
FCT_MUST_CHECK bool io_read_at(int fd, void *p, size_t n, uint64_t offset, struct fct_err *err);
/* What is in the page cache now, without waiting for the disk: true when all n bytes were there. */
bool io_read_cached(int fd, void *p, size_t n, uint64_t offset);

#endif
