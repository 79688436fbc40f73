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
    bool stays;    /* queue.in lets it not go on to where its account forwards */
    const struct filter_outcome *outcome;
};

/* A view: one edit list and what is derived from it; recipients mostly share one. */
struct view {
    const struct edit_list *asked; /* by the filters */
    struct fct_str edits, summary; /* encoded */
    uint32_t size;
    bool has_attachment;
};

/* What the settings of the account that submits ask for. */
struct wishes {
    bool save_sent;   /* a copy into its mailbox Sent: copy[copies] */
    uint64_t account; /* its */
    bool holds;       /* nothing leaves before tx->params.hold_until, local mail neither */
};

struct delivery {
    struct smtp_session *s;
    struct smtp_transaction *tx;
    struct arena *arena;
    struct fct_str message;
    uint64_t received_at;        /* in it: our Received field */
    struct fct_str reverse_path; /* as `edit` left it */
    struct header_list header;
    struct mime_tree tree; /* when copies are made, not before */
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
    struct queue_recipient *remote; /* those elsewhere, and those here who have to wait */
    size_t remotes;
    struct store_copy_for *later; /* copies of the latter */
    size_t laters;
    struct fct_str class; /* of routes, as queue.in gave it */
    struct fct_str *more; /* whom it added; what became of them nobody is told */
    size_t nmore;
    struct queue_send send;
    uint64_t queue_id; /* 0: none */
    size_t stored;
    struct store_delivered *delivered;
    struct wishes wishes;
};

/* ---- smtp_deliver.c ---- */

/* Seals the spool and reads the header. */
FCT_MAY_WAIT FCT_MUST_CHECK bool delivery_read(struct delivery *d, struct fct_err *err);

/* ---- smtp_queue_in.c ---- */

/* Asks plugins when somebody elsewhere will get it, every target being judged; does what they say
 * with message, sender, recipients and fates. */
FCT_MAY_WAIT FCT_MUST_CHECK bool delivery_enter_queue(struct delivery *d, struct fct_err *err);

/* ---- smtp_view.c ---- */

/* The view of a recipient for whom the filters asked these edits. */
FCT_MUST_CHECK const struct view *delivery_view(struct delivery *d, const struct edit_list *asked,
                                                struct fct_err *err);

/* As the sender wrote it: without Return-Path, without our Received. */
FCT_MUST_CHECK bool delivery_sent_view(struct delivery *d, struct view *out, struct fct_err *err);

/* ---- smtp_sent.c ---- */

/* Asks what the sender's account wants; before the copies are made. */
FCT_MAY_WAIT FCT_MUST_CHECK bool delivery_ask_wishes(struct delivery *d, struct fct_err *err);
/* Does this target's mail wait in the queue, local as it is? */
bool delivery_holds(const struct delivery *d, size_t target);
/* The copy for Sent, behind the others. */
FCT_MUST_CHECK bool delivery_add_sent(struct delivery *d, struct fct_err *err);
/* What became of it, for the log. */
void delivery_note_sent(const struct delivery *d);

/* ---- smtp_forward.c ---- */

/* A target that leads elsewhere from here is refused when the message goes in circles or is spam.
 */
void delivery_judge_forward(struct delivery *d, size_t target);
/* Where else a target's mail goes: its own address, or what its account forwards to; empty: it
 * stays. */
struct fct_str delivery_elsewhere(const struct delivery *d, size_t target);
/* The recipient elsewhere that the account of a target forwards to, if any. True: no copy is kept
 * here. */
bool delivery_forward(struct delivery *d, size_t target);
/* Does its sender hear when what was forwarded is refused? */
bool delivery_may_bounce(const struct delivery *d);
/* A target that stands for a yes to forwarding is *taken: it gets no copy. */
FCT_MAY_WAIT FCT_MUST_CHECK bool delivery_take_consent(struct delivery *d, size_t target,
                                                       bool *taken, struct fct_err *err);

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
/* Those whom queue.in added, when anybody else gets it there. */
void delivery_add_more(struct delivery *d);
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
