/* mailbox.h - a mailbox in memory, its stored records, its name. */
#ifndef STORE_MAILBOX_H
#define STORE_MAILBOX_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include "store/mailbox_index.h"
#include "store/pack.h"
#include "store/store.h"

struct account;
struct change;

struct mailbox {
    uint32_t id, parent; /* parent 0: top level */
    struct fct_str name; /* one level, UTF-8; malloc'd */
    enum mailbox_role role;
    bool subscribed, selectable;
    uint32_t uid_validity;

    uint32_t last_uid;
    uint64_t mod_seq; /* highest of the mailbox */
    uint64_t floor;   /* expunges up to this are forgotten */
    uint32_t exists, unseen, deleted;
    uint64_t bytes;

    uint64_t seq; /* of its last change handed to the committer */
    struct mailbox_index index;
};

/* "a/b/c" → the mailbox; INBOX in any case (RFC 9051 5.1). NULL: none. */
struct mailbox *mailbox_find(const struct account *a, struct fct_str path);
struct mailbox *mailbox_with_role(const struct account *a, enum mailbox_role role);
struct fct_str mailbox_path(const struct account *a, const struct mailbox *m, struct arena *arena);
void mailbox_describe(const struct account *a, const struct mailbox *m, struct arena *arena,
                      struct mailbox_info *out);
/* A name that may be created: FCT_SYNTAX with the reason. */
FCT_MUST_CHECK bool mailbox_name_check(struct fct_str path, struct fct_err *err);

/* Changes of the tree, in memory and in the change. */
struct mailbox *mailbox_make(struct change *c, struct account *a, struct fct_str path,
                             enum mailbox_role role, uint32_t max, struct fct_err *err);
void mailbox_make_default_set(struct change *c, struct account *a);
FCT_MUST_CHECK bool mailbox_remove(struct change *c, struct account *a, struct mailbox *m,
                                   struct fct_err *err);
FCT_MUST_CHECK bool mailbox_rename(struct change *c, struct account *a, struct mailbox *m,
                                   struct fct_str to, uint32_t max, struct fct_err *err);
void mailbox_subscribe(struct change *c, struct account *a, struct mailbox *m, bool on);

void mailbox_free(struct mailbox *m);

/* Stored forms: name and place (key m), counters (key M). */
void mailbox_encode(const struct mailbox *m, struct buf *out);
FCT_MUST_CHECK bool mailbox_decode(struct fct_str value, struct mailbox *m);
void mailbox_encode_counters(const struct mailbox *m, struct buf *out);
FCT_MUST_CHECK bool mailbox_decode_counters(struct fct_str value, struct mailbox *m);

#endif
