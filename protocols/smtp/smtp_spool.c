/* smtp_spool.c - see smtp_spool.h. */
#include "protocols/smtp/smtp_spool.h"
#include "core/base/str.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define TAIL_MAX    (64u << 10) /* collected before a write; up to that nothing is mapped */
#define PIECE_MIN   (8u << 10)  /* of a larger one: written as it came */
#define CROWDED_MIN (16u << 10) /* a file for less would save nothing */
#define SEALS       (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* Memory of all spools of this process: buffers and memfds. */
static uint64_t total;

static void charge(struct smtp_spool *s)
{
    uint64_t now = s->tail.n + (s->in_file ? 0 : s->written);

    total = total - s->charged + now;
    s->charged = now;
}

uint64_t smtp_spool_total(void)
{
    return total;
}

bool smtp_spool_has_room(uint64_t total_max)
{
    return total < 2 * total_max;
}

void smtp_spool_start(struct smtp_spool *s, uint64_t memory_max, uint64_t total_max)
{
    *s = (struct smtp_spool){.fd = -1,
                             .reader = -1,
                             .memory_max = memory_max,
                             .total_max = total_max,
                             .tail = BUF_INIT(TAIL_MAX)};
}

void smtp_spool_end(struct smtp_spool *s)
{
    if (s->map)
        munmap(s->map, s->size);
    if (s->fd >= 0)
        close(s->fd);
    if (s->in_file)
        close(s->reader);
    buf_free(&s->tail);
    total -= s->charged;
    *s = (struct smtp_spool){.fd = -1, .reader = -1};
}

static bool write_all(int fd, struct iovec *iov, int n, struct fct_err *err)
{
    while (n > 0) {
        ssize_t done = writev(fd, iov, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return fct_fail(err, errno == ENOSPC ? FCT_LIMIT : FCT_TEMP, "writing the message: %s",
                            strerror(errno));
        for (; n > 0 && (size_t)done >= iov->iov_len; iov++, n--)
            done -= (ssize_t)iov->iov_len;
        if (n > 0) {
            iov->iov_base = (char *)iov->iov_base + done;
            iov->iov_len -= (size_t)done;
        }
    }
    return true;
}

/* What was collected, and more. */
static bool write_tail(struct smtp_spool *s, const char *p, size_t n, struct fct_err *err)
{
    struct iovec iov[2] = {{s->tail.p, s->tail.n}, {.iov_len = n}};

    memcpy(&iov[1].iov_base, &p, sizeof p); /* writev only reads */
    if (s->fd < 0)
        s->fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (s->fd < 0)
        return fct_fail(err, FCT_TEMP, "memfd_create: %s", strerror(errno));
    if (!write_all(s->fd, iov, n > 0 ? 2 : 1, err))
        return false;
    s->written += s->tail.n + n;
    return true;
}

/* Collected are the whole of a small message and the small pieces of a large one. */
static bool is_collected(const struct smtp_spool *s, size_t n)
{
    return s->tail.n + n <= TAIL_MAX && (s->written == 0 || n < PIECE_MIN);
}

void smtp_spool_add(struct smtp_spool *s, const char *p, size_t n)
{
    if (s->err.class != FCT_OK)
        return;
    s->size += n;
    if (is_collected(s, n))
        buf_put(&s->tail, p, n);
    else if (write_tail(s, p, n, &s->err))
        buf_clear(&s->tail);
    charge(s);
}

bool smtp_spool_must_move(const struct smtp_spool *s)
{
    bool crowded = total > s->total_max && s->size > CROWDED_MIN;

    return !s->in_file && (s->size > s->memory_max || crowded) && s->err.class == FCT_OK;
}

/* From the memfd into the file, by way of a mapping. */
static bool copy_to(struct smtp_spool *s, int file, struct fct_err *err)
{
    struct iovec all;
    void *map;
    bool ok;

    if (s->written == 0)
        return true;
    map = mmap(NULL, s->written, PROT_READ, MAP_PRIVATE, s->fd, 0);
    if (map == MAP_FAILED)
        return fct_fail(err, FCT_TEMP, "mapping the message: %s", strerror(errno));
    all = (struct iovec){map, s->written};
    ok = write_all(file, &all, 1, err);
    munmap(map, s->written);
    return ok;
}

bool smtp_spool_move(struct smtp_spool *s, struct store *store, struct fct_err *err)
{
    int file, reader;

    if (!store_spool_pair(store, &file, &reader, err))
        return false;
    if (!copy_to(s, file, err)) {
        close(file);
        close(reader);
        return false;
    }
    if (s->fd >= 0)
        close(s->fd);
    s->fd = file;
    s->reader = reader;
    s->in_file = true;
    charge(s);
    return true;
}

/* MAP_PRIVATE: older kernels refuse a shared mapping of a memfd that is sealed against writing. */
static bool map_all(struct smtp_spool *s, struct fct_str *bytes, struct fct_err *err)
{
    void *map = mmap(NULL, s->size, PROT_READ, MAP_PRIVATE, s->fd, 0);

    if (map == MAP_FAILED)
        return fct_fail(err, FCT_TEMP, "mapping the message: %s", strerror(errno));
    s->map = map;
    *bytes = (struct fct_str){s->map, s->size};
    return true;
}

bool smtp_spool_seal(struct smtp_spool *s, struct fct_str *bytes, struct fct_err *err)
{
    if (s->err.class != FCT_OK)
        return fct_fail(err, s->err.class, "%s", s->err.text);
    if (!write_tail(s, NULL, 0, err))
        return false;
    charge(s); /* `tail` still holds what is in the file now: it is what the MIME pass reads */
    if (!s->in_file && fcntl(s->fd, F_ADD_SEALS, SEALS) != 0)
        return fct_fail(err, FCT_TEMP, "sealing the message: %s", strerror(errno));
    if (s->size > s->tail.n)
        return map_all(s, bytes, err);
    *bytes = buf_str(&s->tail);
    return true;
}
