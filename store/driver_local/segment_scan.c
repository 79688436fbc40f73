/* segment_scan.c - reading a segment that may be torn or damaged. */
#include "store/driver_local/local.h"

#include "store/crc32c.h"
#include "store/io.h"

#include <zstd.h>

#define WINDOW (256u << 10)

static bool read_head(struct segment_scan *s, uint64_t offset, struct group_head *head)
{
    uint8_t bytes[GROUP_HEAD];

    if (s->size < GROUP_HEAD || offset > s->size - GROUP_HEAD ||
        !io_read_at(s->fd, bytes, sizeof bytes, offset, NULL))
        return false;
    return group_head_decode(bytes, s->salt, head);
}

/* Bounded by what the frame says of itself, and that by the largest group there can be. */
static bool unpack_ops(struct segment_scan *s, struct fct_str packed)
{
    unsigned long long size = ZSTD_getFrameContentSize(packed.p, packed.n);
    char *to;

    if (size > BATCH_MAX) /* unknown and broken are the two largest numbers */
        return false;
    buf_clear(&s->ops);
    to = buf_reserve(&s->ops, (size_t)size);
    if (!to || ZSTD_decompress(to, (size_t)size, packed.p, packed.n) != size)
        return false;
    s->ops.n = (size_t)size;
    return true;
}

static bool read_stored(struct segment_scan *s, struct buf *out)
{
    char *to;

    buf_clear(out);
    to = buf_reserve(out, s->head.ops_length);
    if (!to || !io_read_at(s->fd, to, s->head.ops_length, s->at.offset + GROUP_HEAD, NULL))
        return false;
    out->n = s->head.ops_length;
    return crc32c(0, out->p, out->n) == s->head.ops_crc;
}

static bool read_ops(struct segment_scan *s)
{
    struct buf packed = BUF_INIT(BATCH_MAX);
    bool ok;

    if (!s->head.packed)
        return read_stored(s, &s->ops);
    ok = read_stored(s, &packed) && unpack_ops(s, buf_str(&packed));
    buf_free(&packed);
    return ok;
}

static bool body_is_whole(struct segment_scan *s, uint64_t offset, uint64_t size, uint32_t want,
                          char *window)
{
    uint32_t crc = 0;

    while (size > 0) {
        size_t n = size < WINDOW ? (size_t)size : WINDOW;

        if (!io_read_at(s->fd, window, n, offset, NULL))
            return false;
        crc = crc32c(crc, window, n);
        offset += n;
        size -= n;
    }
    return crc == want;
}

/* The operations must be readable to the end and name bodies of exactly the length of the head. */
static bool bodies_fit(struct segment_scan *s)
{
    struct batch_reader r = batch_reader(buf_str(&s->ops));
    struct batch_item item;
    uint64_t left = s->head.bodies_length;

    while (batch_next(&r, &item)) {
        if (item.op != BATCH_BLOB_NEW && item.op != BATCH_BLOB_MOVE)
            continue;
        if (item.size > left)
            return false;
        left -= item.size;
    }
    return !r.in.bad && left == 0;
}

static bool bodies_are_whole(struct segment_scan *s, uint64_t offset)
{
    struct batch_reader r = batch_reader(buf_str(&s->ops));
    char *window = malloc(WINDOW);
    struct batch_item item;
    bool ok = true;

    FCT_ASSERT(window);
    while (ok && batch_next(&r, &item)) {
        if (item.op != BATCH_BLOB_NEW && item.op != BATCH_BLOB_MOVE)
            continue;
        ok = body_is_whole(s, offset, item.size, item.crc, window);
        offset += item.size;
    }
    free(window);
    return ok;
}

enum group_state segment_scan_group(struct segment_scan *s, struct group_place *place)
{
    uint64_t behind;

    if (!read_head(s, s->at.offset, &s->head) || s->head.sequence != s->at.sequence)
        return GROUP_BAD;
    behind = s->at.offset + GROUP_HEAD + s->head.ops_length;
    if (behind > s->size || s->head.bodies_length > s->size - behind || !read_ops(s) ||
        !bodies_fit(s))
        return GROUP_BAD;
    place->segment = s->at.segment;
    place->bodies = behind;
    place->next =
        (struct log_position){s->at.segment, behind + s->head.bodies_length, s->at.sequence + 1};
    return bodies_are_whole(s, behind) ? GROUP_WHOLE : GROUP_BODY_BAD;
}

/* A head in this window of n bytes at `base`, with a sequence above the expected one. */
static bool head_in_window(struct segment_scan *s, const char *window, size_t n, uint64_t base)
{
    for (size_t i = 0; i + GROUP_HEAD <= n; i++) {
        const char *f = memchr(window + i, 'F', n - i);
        struct group_head head;

        if (!f || (i = (size_t)(f - window)) + GROUP_HEAD > n)
            return false;
        if (!group_head_decode((const uint8_t *)f, s->salt, &head) ||
            head.sequence <= s->at.sequence)
            continue;
        s->at.offset = base + i;
        s->at.sequence = head.sequence;
        return true;
    }
    return false;
}

bool segment_scan_resync(struct segment_scan *s)
{
    char *window = malloc(WINDOW);
    uint64_t at = s->at.offset + 1;
    bool found = false;

    FCT_ASSERT(window);
    while (!found && s->size >= GROUP_HEAD && at <= s->size - GROUP_HEAD) {
        size_t n = s->size - at < WINDOW ? (size_t)(s->size - at) : WINDOW;

        if (!io_read_at(s->fd, window, n, at, NULL))
            break;
        found = head_in_window(s, window, n, at);
        at += n - GROUP_HEAD + 1;
    }
    free(window);
    return found;
}
