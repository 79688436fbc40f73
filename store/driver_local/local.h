/* local.h - inside the embedded driver: its parts and how they meet. */
#ifndef STORE_DRIVER_LOCAL_LOCAL_H
#define STORE_DRIVER_LOCAL_LOCAL_H

#include "store/driver_local/catalogue.h"
#include "store/driver_local/rocks.h"
#include "store/driver_local/segment_log.h"

struct local {
    struct driver base;
    int lock;
    struct rocks *rocks;
    struct segment_log *log;
    bool broken;              /* what is on disk is known only after a restart */
    uint64_t groups, written; /* since start */
};

/* Put a group's operations into the index, together with the position behind it (recovery.c and
 * commit use the same). */
FCT_MUST_CHECK bool local_apply(struct local *l, struct fct_str ops,
                                const struct group_place *place, struct fct_err *err);
FCT_MUST_CHECK bool local_applied(struct local *l, struct log_position *at, bool *found,
                                  struct fct_err *err);

/* Replay what the index does not know yet, cut off what was never acknowledged, leave the log open
 * for writing. */
FCT_MUST_CHECK bool local_recover(struct local *l, struct buf *report, struct fct_err *err);

/* Rewrite segments that are more than half dead, remove those that are wholly dead. */
FCT_MUST_CHECK bool local_collect(struct local *l,
                                  bool (*commit)(void *arg, struct batch *b, struct fct_err *err),
                                  void *arg, struct buf *text, struct fct_err *err);

/* One segment, read from front to back. */
struct segment_scan {
    int fd;
    uint64_t size;
    uint32_t salt;
    struct log_position at;
    struct buf ops; /* of the group just read */
    struct group_head head;
};
enum group_state {
    GROUP_WHOLE,
    GROUP_BODY_BAD, /* the operations can be trusted, a body cannot */
    GROUP_BAD,      /* torn, damaged or the end */
};
/* Read the group at scan->at; at a good one `next` is where the following begins. */
enum group_state segment_scan_group(struct segment_scan *scan, struct group_place *place);
/* The next group of this segment behind scan->at with a sequence above the expected one: then the
 * bad one was not the tail. */
bool segment_scan_resync(struct segment_scan *scan);

#endif
