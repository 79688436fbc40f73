/* smtp_deliver.h - one message at the end of its data, on its way from the spool to the store; for
 * smtp_deliver.c, smtp_view.c, smtp_answer.c and smtp_report.c alone. */
#ifndef PROTOCOLS_SMTP_SMTP_DELIVER_H
#define PROTOCOLS_SMTP_SMTP_DELIVER_H

#include "core/message/edit_list.h"
#include "core/message/mime.h"
#include "protocols/smtp/smtp_session.h"
#include "store/store_queue.h"

/* What happens to one target. */
struct fate {
    /* REPORTED: refused, which the sender hears of by a report. */
    enum { FATE_COPY, FATE_DISCARDED, FATE_REFUSED, FATE_REPORTED } what;
    struct smtp_reply reply; /* when refused or reported */
    bool softened; /* it was refused, and gets the message in Junk all the same; elsewhere:
                      its sender a report */
    bool wanted;   /* somebody will be told 250 for it */
    const struct filter_outcome *outcome;
};

/* A view: one edit list and what is derived from it; recipients mostly share one. */
struct view {
    const struct edit_list *asked; /* by the filters */
    struct fct_str edits, summary; /* encoded */
    uint32_t size;
    bool has_attachment;
};

struct delivery {
    struct smtp_session *s;
    struct smtp_transaction *tx;
    struct arena *arena;
    struct fct_str message;
    struct fct_str reverse_path; /* as `edit` left it */
    struct mime_tree tree;
    struct filter_result result;
    struct smtp_recipient added;    /* by `edit`: the client never hears of it */
    struct filter_outcome unjudged; /* theirs: kept, with the edits that all have */
    struct fct_str note;            /* for the ledger: what could not be added */
    struct fate *fate;              /* per target */
    struct view *view;
    size_t views;
    struct store_copy_for *copy;
    uint32_t *copy_target; /* copy[i] is for target[copy_target[i]] */
    size_t copies;
    struct queue_recipient *remote; /* those elsewhere */
    size_t remotes;
    struct queue_send send;
    uint64_t queue_id; /* 0: none */
    size_t stored;
    struct store_delivered *delivered;
};

/* ---- smtp_view.c ---- */

/* The view of a recipient for whom the filters asked these edits. */
FCT_MUST_CHECK const struct view *delivery_view(struct delivery *d, const struct edit_list *asked,
                                                struct fct_err *err);

/* ---- smtp_answer.c ---- */

/* Is every recipient told its own fate: LMTP (RFC 2033 4.2), and SMTP when the client asked for it
 * (draft-hall-prdr)? Else one answer is for all. */
bool delivery_answers_each(const struct delivery *d);
/* Before anything is stored: a target gets its copy only if somebody is told 250 for it, and who
 * refuses what is answered 250 gets it in Junk. */
void delivery_settle(struct delivery *d);
/* Send the answers. `all`: one for every recipient, else each has its fate. Returns the answer for
 * the message, for the log. */
FCT_MAY_WAIT struct smtp_reply delivery_answer(struct delivery *d, const struct smtp_reply *all);
struct smtp_reply delivery_stored_reply(const struct delivery *d);

/* ---- smtp_relay.c ---- */

void delivery_add_remote(struct delivery *d, size_t target);
/* ORCPT of a target: as given, or what an alias made it of. */
struct fct_str delivery_orcpt(struct delivery *d, const struct smtp_target *target);
/* What goes into the queue; NULL: nothing can. */
const struct queue_send *delivery_send(struct delivery *d);

/* ---- smtp_report.c ---- */

/* A line in the ledger of a copy. */
struct fct_str delivery_note(struct delivery *d, struct fct_str ledger, enum fct_hook hook,
                             struct fct_str name, struct fct_str detail);
void delivery_tell(struct delivery *d);
void delivery_log(const struct delivery *d, const struct smtp_reply *r);

#endif
