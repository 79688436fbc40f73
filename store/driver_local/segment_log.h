/* segment_log.h - the append-only log: groups of batches with the bodies of their blobs, in files
 * of bounded size.
 *
 * It is at once the write-ahead log of the index and the place where blobs live. One thread
 * appends; any thread reads.
 *
 * Segment file `log/00000001.seg`: a head of 32 bytes, then groups back to back, then zeros (space
 * allocated ahead). Group: a head of 32 bytes (magic, length of the operations, sequence, length of
 * the bodies, checksum of the operations, checksum of the head), the operations (batch.h;
 * compressed when the magic says so), the bodies in the order of their operations. Sequences count
 * by one. The head's checksum starts from a secret of the segment, so that a mail cannot contain
 * what looks like a group. */
#ifndef STORE_DRIVER_LOCAL_SEGMENT_LOG_H
#define STORE_DRIVER_LOCAL_SEGMENT_LOG_H

#include "store/driver.h"

#define SEGMENT_HEAD 32
#define GROUP_HEAD   32

struct segment_log;

/* Where a group begins or ends, and the sequence of the next one. */
struct log_position {
    uint32_t segment;
    uint64_t offset, sequence;
};

/* No file is opened for writing yet. */
FCT_MUST_CHECK bool segment_log_open(const char *dir, uint64_t segment_size,
                                     struct segment_log **out, struct fct_err *err);
void segment_log_close(struct segment_log **log); /* gives back the space allocated ahead */

/* Numbers of the segments that exist, ascending; the caller frees. */
FCT_MUST_CHECK bool segment_log_list(struct segment_log *log, uint32_t **number, size_t *n,
                                     struct fct_err *err);
/* Go on writing at `at`; everything behind it in that segment is cut off. segment 0: a new first
 * segment. */
FCT_MUST_CHECK bool segment_log_continue(struct segment_log *log, const struct log_position *at,
                                         struct fct_err *err);
struct log_position segment_log_end(const struct segment_log *log);

struct group_place {
    uint32_t segment;
    uint64_t bodies;          /* offset of the first body */
    struct log_position next; /* where the next group will be */
};
/* Write and sync one group: `ops` are the operations of the batches, one behind the other. False
 * with *lost unset: nothing of it remains; with it set: only recovery can tell. */
FCT_MUST_CHECK bool segment_log_append(struct segment_log *log, struct fct_str ops,
                                       struct batch *const *batch, size_t n,
                                       struct group_place *place, bool *lost, struct fct_err *err);

/* Read from any segment. `gone` is set when the file does not exist (any more). */
FCT_MUST_CHECK bool segment_log_read(struct segment_log *log, uint32_t segment, uint64_t offset,
                                     void *to, size_t n, bool cached_only, bool *gone,
                                     struct fct_err *err);
FCT_MUST_CHECK bool segment_log_size(struct segment_log *log, uint32_t segment, uint64_t *size,
                                     struct fct_err *err);
FCT_MUST_CHECK bool segment_log_remove(struct segment_log *log, uint32_t segment,
                                       struct fct_err *err);

/* For recovery: a descriptor to read from, given back when done (sets it to -1). */
int segment_log_descriptor(struct segment_log *log, uint32_t segment);
void segment_log_descriptor_done(struct segment_log *log, uint32_t segment, int *fd);

/* For recovery: the heads, checked. */
struct segment_head {
    uint32_t number, salt;
    uint64_t first_sequence;
};
struct group_head {
    bool packed; /* the operations are a zstd frame that names its content's size */
    uint32_t ops_length, ops_crc;
    uint64_t sequence, bodies_length;
};
bool segment_head_decode(const uint8_t p[SEGMENT_HEAD], struct segment_head *head);
bool group_head_decode(const uint8_t p[GROUP_HEAD], uint32_t salt, struct group_head *head);
void segment_head_encode(const struct segment_head *head, uint8_t p[SEGMENT_HEAD]);
void group_head_encode(const struct group_head *head, uint32_t salt, uint8_t p[GROUP_HEAD]);

#endif
