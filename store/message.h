/* message.h - messages come and go: adding, copying, moving, expunging, and sweeping up what nobody
 * refers to any more.
 *
 * Everything here changes memory and the change together and does not wait; open the index of a
 * mailbox first where records are needed (mailbox_index_open). */
#ifndef STORE_MESSAGE_H
#define STORE_MESSAGE_H

#include "store/change.h"
#include "store/mail_record.h"

struct new_mail {
    struct blob_id blob;
    uint64_t size; /* of the original */
    uint32_t view_size;
    uint16_t flags;
    uint64_t keywords;
    uint32_t internal_date;
    struct fct_str summary, edits, ledger, reverse_path, log_id;
    struct mail_origin origin;
    int64_t received; /* 0: now */
    bool shown_anew;  /* see struct mail_view */
    struct fct_str aside;
};

/* Is what a neighbour sent consistent: sizes, edit list, summary? Reads the sent date and
 * attachment flag from the summary. */
struct mail_facts {
    uint32_t sent_date;
    bool has_attachment;
};
FCT_MUST_CHECK bool message_check(const struct new_mail *mail, struct mail_facts *facts,
                                  struct fct_err *err);
/* Room for one more message of that size. */
FCT_MUST_CHECK bool message_fits(const struct account *a, const struct mailbox *m, uint64_t bytes,
                                 struct fct_err *err);
uint32_t message_add(struct change *c, struct account *a, struct mailbox *m,
                     const struct new_mail *mail, const struct mail_facts *facts);

/* Flags of the messages uids[0..n), ascending and all there, become (old & ~clear) | set. */
void message_flags(struct change *c, struct account *a, struct mailbox *m, const uint32_t *uid,
                   size_t n, struct flag_change *change);

/* Copies of the messages uid[0..n) at the end of `to`: their UIDs go to target[n]. */
FCT_MUST_CHECK bool message_copy(struct change *c, struct account *a, struct mailbox *from,
                                 struct mailbox *to, const uint32_t *uid, size_t n, bool move,
                                 uint32_t *target, struct fct_err *err);
/* The same for messages that shall be shown otherwise: a new e-mail of the same original each,
 * since the bytes of one never change (RFC 9051 2.3.1.1, RFC 8474 4). uid ascending and all there.
 */
struct shown_mail {
    uint32_t uid;
    bool same; /* it is shown so already: copied as it is */
    struct new_mail mail;
    struct mail_facts facts;
    uint64_t clear_keywords, set_keywords;
};
FCT_MUST_CHECK bool message_show(struct change *c, struct account *a, struct mailbox *from,
                                 struct mailbox *to, const struct shown_mail *shown, size_t n,
                                 bool move, uint32_t *target, struct fct_err *err);
/* uid[0..n) ascending and all there. */
void message_expunge(struct change *c, struct account *a, struct mailbox *m, const uint32_t *uid,
                     size_t n);

/* Remove for good what was expunged before `older_than`. */
FCT_MAY_WAIT FCT_MUST_CHECK bool message_sweep(struct server *s, uint64_t account,
                                               int64_t older_than, struct fct_err *err);

/* The trace index: log id → account and e-mail, in the directory partition. */
struct key trace_key(struct fct_str log_id, uint64_t account, uint64_t email);

#endif
