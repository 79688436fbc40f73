/* imap_session.h - one IMAP connection, for the files of this folder.
 *
 * A session that waits for its client is this struct and a stream. When a command is whole, a fiber
 * is lent to it until the tagged answer (architecture.md 3). IDLE holds no fiber: a change notice
 * lends one for the moment of telling. */
#ifndef PROTOCOLS_IMAP_IMAP_SESSION_H
#define PROTOCOLS_IMAP_IMAP_SESSION_H

#include "core/base/id.h"
#include "protocols/access/access.h"
#include "protocols/imap/imap_conf.h"
#include "protocols/imap/imap_input.h"
#include "protocols/imap/imap_view.h"

/* States of RFC 9051 3, as bits for the command table. */
#define IMAP_NOT_AUTHENTICATED 1u
#define IMAP_AUTHENTICATED     2u
#define IMAP_SELECTED          4u

/* What the next bytes of the client are. */
enum imap_mode { IMAP_MODE_COMMAND, IMAP_MODE_MESSAGE, IMAP_MODE_AUTHENTICATE, IMAP_MODE_IDLE };

#define IMAP_FLUSH_ABOVE (48u << 10) /* collected output is handed to the stream above this */
#define IMAP_OUTPUT_MAX  (16u << 20) /* no single line of an answer is as large */

struct imap_authentication; /* imap_login.c */
struct imap_upload;         /* imap_append.c */

struct imap_session {
    struct edge_session edge;
    struct stream *stream;
    const struct imap_conf *conf;
    struct id id;
    struct access access;
    uint8_t state; /* one of the bits above */
    uint8_t mode;  /* enum imap_mode */
    bool rev2;     /* ENABLE IMAP4rev2 */
    bool changed;  /* the store said that the selected mailbox changed */
    bool busy;     /* a fiber runs for this session */
    bool ending;   /* BYE is queued: nothing more is read */
    bool dead;     /* the peer is gone; freed when the fiber ends */
    bool draining;
    bool greeted;
    uint32_t errors, login_failures;
    struct fiber_id fiber;
    void (*work)(struct imap_session *s);
    struct store_principal principal; /* .name is not kept */
    char *login;                      /* the account's address, NULL before login */
    char *client;                     /* "name version" from ID, NULL when nobody asks for it */
    struct imap_input input;
    struct buf out; /* collected answers; empty when idle */
    struct imap_view view;
    struct uid_range *saved; /* SEARCH's result variable "$" (RFC 9051 6.4.4.1) */
    size_t nsaved;
    struct imap_authentication *authentication;
    struct imap_upload *upload;
    char *idle_tag;
};

struct imap_verb;

/* One command while it runs. */
struct imap_command {
    struct arena *arena; /* freed with the tagged answer */
    const struct imap_verb *verb;
    struct fct_str tag;
    struct fct_str args; /* behind the command's name, starting with its space; parsers move it */
    bool uid;            /* with the prefix UID: numbers are UIDs */
    bool done; /* `run` has answered, or will later (IDLE, AUTHENTICATE): no tagged answer now */
    struct fct_str code; /* response code of the tagged answer without brackets, or empty */
    const char *text;    /* of the tagged OK; NULL: "… completed" */
};

/* A row of the command table (imap_session.c). `run` answers what is untagged and returns true for
 * OK; on false, err's class says BAD or NO and c->code may say more (imap_no_error). */
struct imap_verb {
    const char *name;
    unsigned allowed;   /* IMAP_* states */
    bool uid;           /* may have the prefix UID (RFC 9051 6.4.9) */
    bool keeps_numbers; /* no EXPUNGE may be sent while it runs, unless with UID (RFC 9051 7.5.1) */
    FCT_MAY_WAIT bool (*run)(struct imap_session *s, struct imap_command *c, struct fct_err *err);
};
const struct imap_verb *imap_verb_find(struct fct_str name);

/* ---- imap_session.c ---- */

/* What the loop does next. */
enum imap_step {
    IMAP_STEP_AGAIN, /* there may be more input to use */
    IMAP_STEP_WAIT,  /* for the client */
    IMAP_STEP_LENT,  /* a fiber has the session, or had: it may be gone */
};

/* Lend a fiber to work(s). The session rests when it returns. Always IMAP_STEP_LENT. */
enum imap_step imap_session_lend(struct imap_session *s, void (*work)(struct imap_session *s));
/* Hand collected output to the stream; waits while the client does not read. False: the client is
 * gone. */
FCT_MAY_WAIT bool imap_flush(struct imap_session *s);
/* The same when much is collected: call it once per line of a long answer. */
FCT_MAY_WAIT static inline bool imap_room(struct imap_session *s)
{
    return s->out.n < IMAP_FLUSH_ABOVE || imap_flush(s);
}
/* "* BYE text", then the connection ends as soon as the command does. */
void imap_bye(struct imap_session *s, const char *text);
/* Something failed for the time being: end the session if its login is gone for good. */
FCT_MAY_WAIT void imap_check_login(struct imap_session *s);
void imap_set_deadline(struct imap_session *s);
/* Out of the selected state (CLOSE, UNSELECT, another SELECT). */
void imap_unselect(struct imap_session *s);

/* ---- answers ---- */

/* "tag OK [code] text". ok: from c->verb; or by the class of err: the one place where classes
 * become BAD, NO and codes. */
void imap_reply(struct imap_session *s, struct imap_command *c, bool ok, const struct fct_err *err);
static inline void imap_put(struct imap_session *s, const char *text)
{
    buf_put_c(&s->out, text);
}
/* err comes from the store: a name it finds malformed is no fault of the command's grammar. Returns
 * false. */
bool imap_store_failed(struct imap_command *c, struct fct_err *err);
/* Fail with a response code. */
bool imap_fail(struct imap_command *c, const char *code, struct fct_err *err, const char *text);
bool imap_syntax(struct fct_err *err, const char *text);

/* ---- imap_changes.c ---- */

/* One store_sync; the view follows. */
FCT_MAY_WAIT FCT_MUST_CHECK bool imap_changes_take(struct imap_session *s, struct arena *arena,
                                                   struct store_changes *changes,
                                                   struct fct_err *err);
/* Tell the client: FLAGS, EXPUNGE when allowed, EXISTS, FETCH for the changed. */
FCT_MAY_WAIT void imap_changes_tell(struct imap_session *s, struct arena *arena,
                                    struct imap_news *news, bool expunges, bool with_uid);
/* Both; does nothing when nothing is selected. Ends the session when the mailbox is gone. */
FCT_MAY_WAIT FCT_MUST_CHECK bool imap_changes_sync(struct imap_session *s, struct arena *arena,
                                                   bool expunges, bool with_uid,
                                                   struct fct_err *err);
void imap_put_fetch_flags(struct imap_session *s, uint32_t index, bool with_uid);
void imap_put_flags_line(struct imap_session *s); /* "* FLAGS (…)" */

/* ---- imap_caps.c ---- */

void imap_put_capabilities(struct imap_session *s, struct buf *out); /* "CAPABILITY IMAP4rev1 …" */

/* ---- imap_mailbox.c: names ---- */

/* mailbox = "INBOX" / astring, as the store writes it: UTF-8, INBOX in capitals. Names that cannot
 * exist fail with [CANNOT]. */
FCT_MUST_CHECK bool imap_mailbox_parse(struct imap_session *s, struct imap_command *c,
                                       struct fct_str *out, struct fct_err *err);
/* The decoding alone; false: not a legal encoding. */
FCT_MUST_CHECK bool imap_mailbox_decode(struct imap_session *s, struct arena *arena,
                                        struct fct_str name, struct fct_str *out);
/* May a mailbox be made with that name? */
FCT_MUST_CHECK bool imap_mailbox_check(struct imap_command *c, struct fct_str name,
                                       struct fct_err *err);
void imap_put_mailbox(struct imap_session *s, struct fct_str name);

/* ---- STATUS items, for STATUS itself and for LIST RETURN (STATUS …) (imap_select.c) ---- */

#define IMAP_STATUS_MESSAGES    1u
#define IMAP_STATUS_RECENT      2u
#define IMAP_STATUS_UIDNEXT     4u
#define IMAP_STATUS_UIDVALIDITY 8u
#define IMAP_STATUS_UNSEEN      16u
#define IMAP_STATUS_DELETED     32u
#define IMAP_STATUS_SIZE        64u
FCT_MUST_CHECK bool imap_status_parse(struct fct_str *in, unsigned *items);
void imap_status_put(struct imap_session *s, const struct mailbox_info *m, unsigned items);

/* ---- sequence sets ---- */

/* A parsed set as indexes of the view; "$" is the saved search (RFC 9051 6.4.4.1). */
FCT_MUST_CHECK bool imap_resolve(struct imap_session *s, struct imap_command *c,
                                 const struct imap_sequence_set *set, struct imap_indexes *out,
                                 struct fct_err *err);
/* SP sequence-set */
FCT_MUST_CHECK bool imap_take_messages(struct imap_session *s, struct imap_command *c,
                                       struct imap_indexes *out, struct fct_err *err);

/* ---- imap_greeting.c ---- */

/* LENT: a fiber greets when the filters have answered. */
enum imap_step imap_greet(struct imap_session *s);
void imap_tls_began(struct imap_session *s); /* behind STARTTLS */

/* ---- imap_expunge.c ---- */

/* Remove what is marked \Deleted; `named`: of the messages that the command's arguments name. */
FCT_MAY_WAIT FCT_MUST_CHECK bool imap_expunge_deleted(struct imap_session *s,
                                                      struct imap_command *c, bool named,
                                                      struct fct_err *err);

/* ---- modes (called from the loop) ---- */

enum imap_step imap_authenticate_line(struct imap_session *s); /* imap_login.c */
void imap_authentication_free(struct imap_session *s);
enum imap_step imap_idle_line(struct imap_session *s); /* imap_idle.c */
void imap_idle_notice(struct imap_session *s);         /* the store has news */
/* A literal in the command being read. False: it is not a message of APPEND. */
bool imap_append_asked(struct imap_session *s, const struct imap_literal *literal,
                       enum imap_step *step);
enum imap_step imap_append_bytes(struct imap_session *s); /* in IMAP_MODE_MESSAGE */
void imap_upload_free(struct imap_session *s);

/* ---- commands, one file each ---- */

#define IMAP_RUN(name)                                                                  \
    FCT_MAY_WAIT bool imap_##name##_run(struct imap_session *s, struct imap_command *c, \
                                        struct fct_err *err)
IMAP_RUN(capability);
IMAP_RUN(noop);
IMAP_RUN(id);
IMAP_RUN(enable);
IMAP_RUN(logout);
IMAP_RUN(starttls);
IMAP_RUN(login);
IMAP_RUN(authenticate);
IMAP_RUN(select);
IMAP_RUN(examine);
IMAP_RUN(close);
IMAP_RUN(unselect);
IMAP_RUN(status);
IMAP_RUN(list);
IMAP_RUN(lsub);
IMAP_RUN(namespace);
IMAP_RUN(create);
IMAP_RUN(delete);
IMAP_RUN(rename);
IMAP_RUN(subscribe);
IMAP_RUN(unsubscribe);
IMAP_RUN(append);
IMAP_RUN(idle);
IMAP_RUN(fetch);
IMAP_RUN(store);
IMAP_RUN(search);
IMAP_RUN(copy);
IMAP_RUN(move);
IMAP_RUN(expunge);

#endif
