/* filter_message.c - pread below COPY_MAX (cheaper than a mapping and its page faults), mmap above.
 */
#include "core/hook/filter_message.h"

#include "core/base/err.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_MAX (128u << 10)

static bool read_all(struct arena *arena, int fd, size_t size, struct fct_str *out,
                     struct fct_err *err)
{
    char *p = arena_alloc(arena, size + 1);

    for (size_t at = 0; at < size;) {
        ssize_t n = pread(fd, p + at, size - at, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fct_fail(err, FCT_TEMP, "the message ends at byte %zu of %zu", at, size);
        at += (size_t)n;
    }
    *out = (struct fct_str){p, size};
    return true;
}

struct mapping {
    void *p;
    size_t n;
};

static void unmap(void *arg)
{
    struct mapping *m = arg;

    munmap(m->p, m->n);
}

static bool map_all(struct arena *arena, int fd, size_t size, struct fct_str *out,
                    struct fct_err *err)
{
    struct mapping *m = ARENA_NEW(arena, struct mapping);

    *m = (struct mapping){mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0), size};
    if (m->p == MAP_FAILED)
        return fct_fail(err, FCT_TEMP, "mmap: %s", strerror(errno));
    arena_defer(arena, unmap, m);
    *out = (struct fct_str){m->p, size};
    return true;
}

bool filter_message_open(struct arena *arena, int fd, uint64_t size, struct fct_str *out,
                         struct fct_err *err)
{
    struct stat st;
    int seals;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return fct_fail(err, FCT_BUG, "the message is no file");
    if (size > SIZE_MAX / 2 || st.st_size < 0 || (uint64_t)st.st_size < size)
        return fct_fail(err, FCT_BUG, "the message has %lld bytes, not the %llu announced",
                        (long long)st.st_size, (unsigned long long)size);
    if (size <= COPY_MAX)
        return read_all(arena, fd, (size_t)size, out, err);
    /* A file on disk knows no seals (-1): its owner, the store, does not cut what it has lent. */
    seals = fcntl(fd, F_GET_SEALS);
    if (seals >= 0 && !(seals & F_SEAL_SHRINK) && !(seals & F_SEAL_SEAL))
        return fct_fail(err, FCT_BUG, "the message is a memfd without seals");
    return map_all(arena, fd, (size_t)size, out, err);
}
