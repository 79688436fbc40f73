/* mailbox_index.h - the records of one mailbox: as an array in memory, as hot chunks on disk.
 *
 * A chunk holds the records of 512 successive UIDs (key h mailbox chunk); changes are appended to
 * it as small operations and folded when it is read. The array serves SELECT, FETCH of flags, SYNC;
 * it is loaded when first needed. */
#ifndef STORE_MAILBOX_INDEX_H
#define STORE_MAILBOX_INDEX_H

#include "core/fiber/fiber.h"
#include "store/hot_chunk.h"
#include "store/store.h"

struct account;
struct driver;
struct driver_snap;
struct mailbox;
struct server;

/* UIDs expunged by one change. */
struct vanished {
    uint64_t mod_seq;
    struct uid_range uids;
};

struct mailbox_index {
    enum { INDEX_NONE, INDEX_LOADING, INDEX_READY } state;
    struct hot_record *record; /* by UID. While LOADING: only what was added since */
    size_t n, room;
    struct vanished *vanished; /* by mod_seq */
    size_t nvanished, vanished_room;
    int snapshot; /* sealed memfd of the array, or -1 */
    uint64_t snapshot_mod_seq;
    uint64_t used;
};

/* The mailbox with its index ready; waits for loading. Pointers are good until the next wait.
 * FCT_DENIED: no such mailbox. */
FCT_MAY_WAIT FCT_MUST_CHECK bool mailbox_index_open(struct server *s, uint64_t account,
                                                    uint32_t mailbox, struct account **a,
                                                    struct mailbox **m, struct fct_err *err);
/* Straight from the driver, for `store check`, from any thread. */
FCT_MUST_CHECK bool mailbox_index_read(struct driver *d, struct driver_snap *snap, uint64_t account,
                                       uint32_t mailbox, struct mailbox_index *out,
                                       struct fct_err *err);
void mailbox_index_free(struct mailbox_index *ix);
void mailbox_index_forget_unused(struct server *s);

struct hot_record *mailbox_index_find(const struct mailbox_index *ix,
                                      uint32_t uid); /* NULL: none */
size_t mailbox_index_first(const struct mailbox_index *ix,
                           uint32_t uid); /* position of the first record >= uid */
/* Changes in memory only. add does nothing unless the index is loaded or loading. */
void mailbox_index_add(struct server *s, struct mailbox_index *ix, const struct hot_record *r);
void mailbox_index_vanish(struct mailbox_index *ix, uint64_t mod_seq, struct uid_range uids);
/* Drop those with uid in `gone`, an ascending list. */
void mailbox_index_drop(struct mailbox_index *ix, const uint32_t *gone, size_t n);

/* A sealed memfd with the array as of now; stays the index's. -1: no memory. */
int mailbox_index_snapshot(struct mailbox *m);

#endif
