/* fuzz_segment_log: a segment as the disk may hand it back: torn, damaged, hostile. Scanning ends,
 * finds only whole groups, and every operation of such a group can be read. */
#include "store/crc32c.h"
#include "store/driver_local/local.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SALT 0x12345678u

/* Make the heads right, so that the fuzzer gets behind the checksums: the first byte says how
 * often. */
static void mend(uint8_t *p, size_t size, unsigned heads)
{
    size_t at = SEGMENT_HEAD;

    for (uint64_t sequence = 1; heads-- > 0 && at + GROUP_HEAD <= size; sequence++) {
        struct group_head h = {.packed = p[at] & 1,
                               .ops_length = p[at + 4],
                               .sequence = sequence,
                               .bodies_length = p[at + 16]};
        size_t left = size - at - GROUP_HEAD;

        if (h.ops_length > left)
            h.ops_length = (uint32_t)left;
        if (h.bodies_length > left - h.ops_length)
            h.bodies_length = left - h.ops_length;
        h.ops_crc = crc32c(0, p + at + GROUP_HEAD, h.ops_length);
        group_head_encode(&h, SALT, p + at);
        at += GROUP_HEAD + h.ops_length + (size_t)h.bodies_length;
    }
}

static void read_group(struct segment_scan *s)
{
    struct batch_reader r = batch_reader(buf_str(&s->ops));
    struct batch_item item;

    while (batch_next(&r, &item))
        continue;
    if (r.in.bad)
        abort(); /* a whole group is readable to the end */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct segment_scan s = {
        .size = size, .salt = SALT, .at = {1, SEGMENT_HEAD, 1}, .ops = BUF_INIT(BATCH_MAX)};
    struct group_place place;
    uint8_t *copy = malloc(size + 1);

    memcpy(copy, data, size);
    mend(copy, size, size ? data[0] % 4 : 0);
    s.fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (s.fd < 0 || write(s.fd, copy, size) != (ssize_t)size)
        abort();
    for (;;) {
        uint64_t before = s.at.offset;

        if (segment_scan_group(&s, &place) == GROUP_WHOLE) {
            read_group(&s);
            s.at = place.next;
        } else if (!segment_scan_resync(&s)) {
            break;
        }
        if (s.at.offset <= before)
            abort(); /* no progress */
    }
    buf_free(&s.ops);
    close(s.fd);
    free(copy);
    return 0;
}
