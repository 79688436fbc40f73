/* segment_log.c - writing groups, reading bodies. */
#include "store/driver_local/segment_log.h"

#include "core/base/id.h"
#include "store/crc32c.h"
#include "store/driver_local/segment_files.h"
#include "store/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define SEGMENT_MAGIC UINT64_C(0x3130474553544346) /* "FCTSEG01" */
#define GROUP_MAGIC   0x31524746u                  /* "FGR1" */
#define GROUP_PACKED  0x32524746u                  /* "FGR2": compressed operations */
#define PACK_ABOVE    256                          /* operations: less is not worth the time */
#define PACK_LEVEL    1
#define ALLOCATE_STEP (8u << 20)

struct segment_log {
    char *dir;
    uint64_t segment_size;
    struct segment_files *files;
    int fd; /* the segment being written, or -1 */
    uint32_t salt;
    struct log_position end;
    uint64_t allocated;
    struct iovec *iov;
    size_t iov_room;
    ZSTD_CCtx *packer;
    struct buf packed; /* operations of the group being written */
};

/* ---- heads ---- */

static void put_le(uint8_t *p, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_le(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;

    for (unsigned i = bytes; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

/* magic 8, number 4, salt 4, first sequence 8, zero 4, checksum 4 */
void segment_head_encode(const struct segment_head *head, uint8_t p[SEGMENT_HEAD])
{
    put_le(p, SEGMENT_MAGIC, 8);
    put_le(p + 8, head->number, 4);
    put_le(p + 12, head->salt, 4);
    put_le(p + 16, head->first_sequence, 8);
    put_le(p + 24, 0, 4);
    put_le(p + 28, crc32c(0, p, 28), 4);
}

bool segment_head_decode(const uint8_t p[SEGMENT_HEAD], struct segment_head *head)
{
    *head = (struct segment_head){(uint32_t)get_le(p + 8, 4), (uint32_t)get_le(p + 12, 4),
                                  get_le(p + 16, 8)};
    return get_le(p, 8) == SEGMENT_MAGIC && get_le(p + 28, 4) == crc32c(0, p, 28);
}

/* magic 4, length of operations 4, sequence 8, length of bodies 8, checksum of operations 4,
 * checksum 4 */
void group_head_encode(const struct group_head *head, uint32_t salt, uint8_t p[GROUP_HEAD])
{
    put_le(p, head->packed ? GROUP_PACKED : GROUP_MAGIC, 4);
    put_le(p + 4, head->ops_length, 4);
    put_le(p + 8, head->sequence, 8);
    put_le(p + 16, head->bodies_length, 8);
    put_le(p + 24, head->ops_crc, 4);
    put_le(p + 28, crc32c(salt, p, 28), 4);
}

bool group_head_decode(const uint8_t p[GROUP_HEAD], uint32_t salt, struct group_head *head)
{
    uint64_t magic = get_le(p, 4);

    if ((magic != GROUP_MAGIC && magic != GROUP_PACKED) || get_le(p + 28, 4) != crc32c(salt, p, 28))
        return false;
    *head = (struct group_head){magic == GROUP_PACKED, (uint32_t)get_le(p + 4, 4),
                                (uint32_t)get_le(p + 24, 4), get_le(p + 8, 8), get_le(p + 16, 8)};
    return true;
}

/* ---- opening ---- */

bool segment_log_open(const char *dir, uint64_t segment_size, struct segment_log **out,
                      struct fct_err *err)
{
    struct segment_log *log = calloc(1, sizeof *log);

    (void)err;
    FCT_ASSERT(log);
    log->dir = strdup(dir);
    FCT_ASSERT(log->dir);
    log->segment_size = segment_size;
    log->files = segment_files_new(dir);
    log->fd = -1;
    log->packed = BUF_INIT(ZSTD_COMPRESSBOUND(BATCH_MAX));
    log->packer = ZSTD_createCCtx();
    FCT_ASSERT(log->packer);
    *out = log;
    return true;
}

/* Space allocated ahead goes back. A failure leaves zeros at the end, which recovery takes for the
 * end too. */
static void leave_segment(struct segment_log *log)
{
    if (log->fd < 0)
        return;
    if (log->allocated > log->end.offset && ftruncate(log->fd, (off_t)log->end.offset) != 0)
        log->allocated = log->end.offset;
    close(log->fd);
    log->fd = -1;
}

void segment_log_close(struct segment_log **p)
{
    struct segment_log *log = *p;

    *p = NULL;
    if (!log)
        return;
    leave_segment(log);
    segment_files_free(&log->files);
    free(log->iov);
    buf_free(&log->packed);
    ZSTD_freeCCtx(log->packer);
    free(log->dir);
    free(log);
}

static int by_number(const void *a, const void *b)
{
    uint32_t x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

/* "0000002a.seg"; anything else in the folder is not ours. */
static bool segment_name(const char *name, uint32_t *number)
{
    char again[32];
    unsigned long n = strtoul(name, NULL, 16);

    *number = (uint32_t)n;
    snprintf(again, sizeof again, "%08x.seg", *number);
    return n > 0 && strcmp(again, name) == 0;
}

bool segment_log_list(struct segment_log *log, uint32_t **number, size_t *n, struct fct_err *err)
{
    DIR *d = opendir(log->dir);
    struct dirent *e;
    size_t room = 0;

    *number = NULL;
    *n = 0;
    if (!d)
        return fct_fail(err, FCT_TEMP, "open %s: %s", log->dir, strerror(errno));
    while ((e = readdir(d))) {
        uint32_t one;

        if (!segment_name(e->d_name, &one))
            continue;
        if (*n == room) {
            room = room ? 2 * room : 16;
            *number = realloc(*number, room * sizeof **number);
            FCT_ASSERT(*number);
        }
        (*number)[(*n)++] = one;
    }
    closedir(d);
    if (*n)
        qsort(*number, *n, sizeof **number, by_number);
    return true;
}

/* ---- writing ---- */

static bool start_segment(struct segment_log *log, uint32_t number, struct fct_err *err)
{
    struct segment_head head = {number, 0, log->end.sequence};
    uint8_t bytes[SEGMENT_HEAD];
    struct iovec iov = {bytes, sizeof bytes};
    char path[4096];
    int fd;

    random_bytes(&head.salt, sizeof head.salt);
    segment_head_encode(&head, bytes);
    segment_files_path(log->files, number, path, sizeof path);
    if (!io_open(path, O_RDWR | O_CREAT | O_TRUNC, &fd, err))
        return false;
    if (!io_write_at(fd, &iov, 1, 0, err) || !io_sync(fd, err) || !io_sync_dir(log->dir, err)) {
        close(fd);
        unlink(path); /* it holds no group; left behind, recovery would skip it */
        return false;
    }
    leave_segment(log);
    log->fd = fd;
    log->salt = head.salt;
    log->end.segment = number;
    log->end.offset = log->allocated = SEGMENT_HEAD;
    return true;
}

static bool resume_segment(struct segment_log *log, const struct log_position *at,
                           struct fct_err *err)
{
    uint8_t bytes[SEGMENT_HEAD];
    struct segment_head head;
    char path[4096];

    segment_files_path(log->files, at->segment, path, sizeof path);
    if (!io_open(path, O_RDWR, &log->fd, err) || !io_read_at(log->fd, bytes, sizeof bytes, 0, err))
        return false;
    if (!segment_head_decode(bytes, &head))
        return fct_fail(err, FCT_TEMP, "segment %08x has a damaged head", at->segment);
    log->salt = head.salt;
    log->end = *at;
    log->allocated = at->offset;
    return io_truncate(log->fd, at->offset, err) && io_sync(log->fd, err);
}

bool segment_log_continue(struct segment_log *log, const struct log_position *at,
                          struct fct_err *err)
{
    log->end = *at;
    return at->segment ? resume_segment(log, at, err) : start_segment(log, 1, err);
}

struct log_position segment_log_end(const struct segment_log *log)
{
    return log->end;
}

static void iov_add(struct segment_log *log, int *used, const void *p, size_t n)
{
    struct iovec *v;

    if (n == 0)
        return;
    if ((size_t)*used == log->iov_room) {
        log->iov_room = log->iov_room ? 2 * log->iov_room : 64;
        log->iov = realloc(log->iov, log->iov_room * sizeof *log->iov);
        FCT_ASSERT(log->iov);
    }
    v = &log->iov[(*used)++];
    memcpy(&v->iov_base, &p, sizeof p); /* pwritev only reads */
    v->iov_len = n;
}

/* The operations in the shorter of two forms. Addresses, dates and names repeat from message to
 * message and within one, so that a group shrinks to about half. */
static struct fct_str pack(struct segment_log *log, struct fct_str ops, bool *packed)
{
    size_t n, room = ZSTD_compressBound(ops.n);
    char *to;

    *packed = false;
    buf_clear(&log->packed);
    to = ops.n > PACK_ABOVE ? buf_reserve(&log->packed, room) : NULL;
    if (!to)
        return ops;
    n = ZSTD_compressCCtx(log->packer, to, room, ops.p, ops.n, PACK_LEVEL);
    if (ZSTD_isError(n) || n >= ops.n)
        return ops;
    *packed = true;
    return (struct fct_str){to, n};
}

/* Head, operations, bodies. */
static int gather(struct segment_log *log, struct fct_str ops, struct batch *const *batch, size_t n,
                  struct group_head *head, uint8_t bytes[GROUP_HEAD])
{
    int used = 0;

    *head = (struct group_head){.sequence = log->end.sequence};
    ops = pack(log, ops, &head->packed);
    head->ops_length = (uint32_t)ops.n;
    head->ops_crc = crc32c(0, ops.p, ops.n);
    iov_add(log, &used, bytes, GROUP_HEAD);
    iov_add(log, &used, ops.p, ops.n);
    for (size_t i = 0; i < n; i++)
        for (size_t b = 0; b < batch[i]->nblobs; b++) {
            iov_add(log, &used, batch[i]->blob[b].bytes, batch[i]->blob[b].size);
            head->bodies_length += batch[i]->blob[b].size;
        }
    return used;
}

/* Zero-filled space ahead saves a change of the file's size per group. Without room the write
 * itself will tell. */
static bool allocate_ahead(struct segment_log *log, uint64_t until, struct fct_err *err)
{
    uint64_t more = until - log->allocated;

    if (until <= log->allocated)
        return true;
    if (more < ALLOCATE_STEP)
        more = ALLOCATE_STEP;
    if (io_allocate(log->fd, log->allocated, more, err)) {
        log->allocated += more;
        return true;
    }
    return errno == ENOSPC || errno == EDQUOT;
}

/* A group that was not written whole: with a full disk the log goes on from where it was. */
static void take_back(struct segment_log *log, int reason, bool *lost)
{
    struct fct_err ignored;

    *lost = true;
    if ((reason == ENOSPC || reason == EDQUOT) && io_truncate(log->fd, log->end.offset, &ignored)) {
        log->allocated = log->end.offset;
        *lost = false;
    }
}

/* Is the greater part of it bodies that nobody is expected to read soon? */
static bool is_passing(struct batch *const *batch, size_t n, uint64_t length)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < n; i++)
        for (size_t b = 0; b < batch[i]->nblobs; b++)
            bytes += batch[i]->blob[b].passing ? batch[i]->blob[b].size : 0;
    return bytes > length / 2;
}

static bool write_group(struct segment_log *log, int used, uint64_t length, bool passing,
                        bool *lost, struct fct_err *err)
{
    bool (*write_at)(int fd, struct iovec *iov, int n, uint64_t offset, struct fct_err *err) =
        passing ? io_write_passing_at : io_write_at;

    if (!allocate_ahead(log, log->end.offset + length, err) ||
        !write_at(log->fd, log->iov, used, log->end.offset, err)) {
        take_back(log, errno, lost);
        return false;
    }
    if (!io_sync(log->fd, err)) {
        *lost = true; /* never synced again: a second fdatasync may claim what the first one lost */
        return false;
    }
    return true;
}

bool segment_log_append(struct segment_log *log, struct fct_str ops, struct batch *const *batch,
                        size_t n, struct group_place *place, bool *lost, struct fct_err *err)
{
    uint8_t bytes[GROUP_HEAD] = {0};
    struct group_head head;
    int used = gather(log, ops, batch, n, &head, bytes);
    uint64_t length = GROUP_HEAD + (uint64_t)head.ops_length + head.bodies_length;

    *lost = false;
    if (log->end.offset > SEGMENT_HEAD && log->end.offset + length > log->segment_size &&
        !start_segment(log, log->end.segment + 1, err))
        return false;
    group_head_encode(&head, log->salt, bytes);
    if (!write_group(log, used, length, is_passing(batch, n, length), lost, err))
        return false;
    place->segment = log->end.segment;
    place->bodies = log->end.offset + GROUP_HEAD + head.ops_length;
    log->end.offset += length;
    log->end.sequence++;
    place->next = log->end;
    return true;
}

/* ---- reading ---- */

bool segment_log_read(struct segment_log *log, uint32_t segment, uint64_t offset, void *to,
                      size_t n, bool cached_only, bool *gone, struct fct_err *err)
{
    int fd = segment_files_take(log->files, segment);
    bool ok;

    *gone = fd < 0 && errno == ENOENT;
    if (fd < 0)
        return fct_fail(err, FCT_TEMP, "segment %08x: %s", segment, strerror(errno));
    ok = cached_only ? io_read_cached(fd, to, n, offset) : io_read_at(fd, to, n, offset, err);
    segment_files_give(log->files, segment);
    return ok;
}

bool segment_log_size(struct segment_log *log, uint32_t segment, uint64_t *size,
                      struct fct_err *err)
{
    char path[4096];
    struct stat st;

    segment_files_path(log->files, segment, path, sizeof path);
    if (stat(path, &st) != 0)
        return fct_fail(err, FCT_TEMP, "segment %08x: %s", segment, strerror(errno));
    *size = (uint64_t)st.st_size;
    return true;
}

bool segment_log_remove(struct segment_log *log, uint32_t segment, struct fct_err *err)
{
    char path[4096];

    segment_files_path(log->files, segment, path, sizeof path);
    if (!io_unlink(path, err))
        return false;
    segment_files_forget(log->files, segment);
    return io_sync_dir(log->dir, err);
}

int segment_log_descriptor(struct segment_log *log, uint32_t segment)
{
    return segment_files_take(log->files, segment);
}

void segment_log_descriptor_done(struct segment_log *log, uint32_t segment, int *fd)
{
    if (*fd >= 0)
        segment_files_give(log->files, segment);
    *fd = -1;
}
