/* milter_session.h - one connection of an MTA to us, that is one client of the MTA, and the message
 * in hand.
 *
 * Whoever runs owns it all: the thread of libmilter inside a callback, or the fiber that this
 * thread waits for (milter_post.h). The filters are asked, logs are written and counters are
 * counted only in fibers. */
#ifndef PROTOCOLS_MILTER_MILTER_SESSION_H
#define PROTOCOLS_MILTER_MILTER_SESSION_H

#include "core/base/id.h"
#include "core/hook/filter_client.h"
#include "protocols/milter/milter_message.h"
#include "protocols/milter/milter_negotiate.h"
#include "protocols/milter/milter_post.h"
#include "protocols/milter/milter_role_conf.h"
#include "protocols/smtp/smtp_reply.h"

#include <libmilter/mfapi.h>

/* What the filters want: the same as long as the process lives, since a reload makes another one.
 */
struct milter_agenda {
    struct milter_plan mx, submission;
};

struct milter {
    struct role_env *env;
    const struct milter_role_conf *conf;
    struct filter_client *filter; /* the loop's */
    struct milter_post *post;
    struct milter_spool *spool;
    struct milter_agenda *_Atomic agenda; /* NULL: not known yet */
    /* Touched by threads and loop alike. open: connections that are not closed or parked (QUIT_NC).
     */
    _Atomic bool draining;
    _Atomic uint32_t open;
    void (*closed)(struct milter *role); /* in the loop: the last one was closed while draining */
    struct {
        uint64_t messages, refused, discarded, held, edited, unavailable;
    } count;
};

struct milter_recipient {
    const char *given;      /* as the MTA wrote it, "<a@b>": what it wants back to remove it */
    struct fct_str address; /* without brackets, as plugins see it */
    struct fct_str profile; /* asked for at rcpt, or empty */
    bool changed;           /* a plugin made another address of it */
    bool discarded;
};

struct milter_transaction {
    struct fct_str id, queue_id;
    uint64_t started_ms;
    struct milter_recipient *recipient;
    struct fct_str *address; /* of those that are not discarded: the envelope */
    size_t recipients, room, addresses;
    bool sender_changed;
    struct milter_message message;
    uint64_t chunked; /* bytes that hooks of `chunk` have seen */
    bool chunks_end;  /* nobody wants more */
};

struct milter_session {
    struct milter *role;
    SMFICTX *ctx;
    struct milter_terms terms;
    struct milter_plan mx, submission, plan; /* plan: of this connection's role */
    bool ready;                              /* the filters had said what they want */
    struct id id;                            /* empty until some hook is asked */
    struct arena *arena, *call, *message;    /* connection; one callback before MAIL; transaction */
    struct filter_context hooks;
    struct buf carried; /* hooks.carried as the points up to auth left it */
    struct milter_transaction *tx;
    uint32_t transactions, messages;
    uint64_t bytes_in;
};

/* milter_callbacks.c: what libmilter calls. */
extern const struct smfiDesc milter_callbacks;
extern struct milter *milter_role_of_process; /* callbacks get no argument of ours */

/* milter_session.c, in a thread of libmilter: */

/* The session of this connection; made when it is new, or when an MTA goes on with the next client
 * on the same one (QUIT_NC): then with the terms of its negotiation. NULL: it never negotiated. */
struct milter_session *milter_session_of(SMFICTX *ctx);
struct milter_session *milter_session_negotiate(SMFICTX *ctx); /* waits for the first filters */
void milter_session_agree(struct milter_session *s, const struct milter_terms *terms);
void milter_session_close(SMFICTX *ctx);
void milter_session_name(struct milter_session *s); /* in a fiber: give it its id */

struct milter_transaction *milter_transaction_start(struct milter_session *s);
/* why: told to hooks of `abort`; NULL: the message was taken. */
void milter_transaction_end(struct milter_session *s, const char *why);
void milter_transaction_add(struct milter_session *s, const struct milter_recipient *recipient);

/* milter_ask.c: one hook of the dialogue, in a fiber; the caller is a thread of libmilter. */
bool milter_wants(const struct milter_session *s, enum fct_hook hook);
void milter_ask(struct milter_session *s, enum fct_hook hook, const void *event,
                struct filter_answer *answer);
void milter_tell(struct milter_session *s, enum fct_hook hook, const void *event);

/* milter_reply.c: status and text for libmilter. SMFIS_CONTINUE when it is no refusal. */
sfsistat milter_reply(struct milter_session *s, const struct filter_answer *answer,
                      enum smtp_stage stage);

/* milter_eom.c: the message is whole. */
sfsistat milter_end_of_message(struct milter_session *s);

#endif
