/* smtp_session.h - one SMTP or LMTP connection: what it remembers, and the table of verbs that is
 * the session.
 *
 * Bytes come in through smtp_session.c: a complete command (or the end of a message) borrows a
 * fiber, message data flows to the spool without one. Everything that belongs to one message is in
 * struct smtp_transaction, which is destroyed and made anew, never cleaned (the lesson of many
 * "state not reset" bugs). */
#ifndef PROTOCOLS_SMTP_SMTP_SESSION_H
#define PROTOCOLS_SMTP_SMTP_SESSION_H

#include "core/base/arena.h"
#include "core/base/id.h"
#include "protocols/edge.h"
#include "protocols/sasl/sasl.h"
#include "protocols/smtp/smtp_conf.h"
#include "protocols/smtp/smtp_frame.h"
#include "protocols/smtp/smtp_params.h"
#include "protocols/smtp/smtp_path.h"
#include "protocols/smtp/smtp_reply.h"
#include "protocols/smtp/smtp_spool.h"

/* Where the dialogue is (RFC 5321 4.1.4); one bit each, so that a row of the table can allow
 * several. */
enum smtp_state {
    SMTP_NEW = 1,      /* before EHLO */
    SMTP_READY = 2,    /* no transaction */
    SMTP_IN_MAIL = 4,  /* a sender, no recipient yet */
    SMTP_IN_RCPT = 8,  /* at least one recipient */
    SMTP_IN_BDAT = 16, /* between chunks */
};

/* What the next bytes of the client are. */
enum smtp_input {
    INPUT_COMMAND,
    INPUT_AUTH,    /* a line of the running AUTH exchange */
    INPUT_LONG,    /* the rest of a line that was too long: thrown away */
    INPUT_DATA,    /* message data up to CRLF.CRLF */
    INPUT_CHUNK,   /* chunk_left bytes of BDAT */
    INPUT_REFUSED, /* data of a message that was refused with closing: thrown away up to its end */
    INPUT_TLS,     /* the handshake runs */
};

/* SMTP or LMTP: rows of the verb table carry these bits. */
enum smtp_kind { SMTP_KIND = 1, LMTP_KIND = 2 };

struct smtp_recipient {
    bool discard; /* a plugin said so: accepted, not delivered */
    size_t first_link, links;
};

/* One account to deliver to. */
struct smtp_target {
    uint64_t account;
    struct fct_str address; /* of the recipient that led here first */
    struct fct_str name, detail;
};

struct smtp_transaction {
    struct fct_str id; /* connection id, dot, number */
    uint64_t started_ms, deadline_ms;
    struct smtp_mail_params params;
    struct smtp_recipient *recipient; /* these arrays grow in the arena */
    struct fct_str *address;          /* of recipient[i]: what struct fct_envelope shows */
    size_t recipients, recipients_room;
    struct smtp_target *target;
    size_t targets, targets_room;
    uint32_t *link; /* recipient[i] leads to target[link[first_link …]] */
    size_t links, links_room;
    bool discard; /* a plugin said so: answer as if all were well, keep nothing */
    bool too_big;
    bool has_data; /* the spool is in use */
    struct smtp_spool spool;
    uint64_t data_bytes; /* from the client, with stuffing */
};

struct smtp_session {
    struct edge_session edge; /* first: edge_role.c knows only this */
    enum smtp_kind kind;
    const struct smtp_conf *conf;
    struct stream *stream;
    struct arena *arena;   /* connection */
    struct arena *call;    /* one command: reset behind it */
    struct arena *message; /* one transaction: reset behind it */
    struct id id;
    enum smtp_state state;
    enum smtp_input input;
    struct fiber_id fiber;
    bool running;         /* a fiber serves this session */
    bool uninterruptible; /* it commits a message: the client's leaving changes nothing any more */
    bool lost;            /* the client is gone: end as soon as no fiber runs */
    bool ending;          /* the last reply was queued */
    bool draining;
    bool extended; /* EHLO or LHLO, not HELO */
    char helo[256];
    struct filter_context hooks; /* what every hook sees; envelope of the transaction in hand */
    struct smtp_transaction *tx; /* NULL outside MAIL … end */
    struct store_principal principal;
    struct sasl *sasl; /* AUTH in progress */
    struct smtp_frame
        frame; /* outlives its transaction: refused data still has to be read to its end */
    uint64_t chunk_size, chunk_left;
    bool chunk_last;
    struct smtp_reply
        chunk_refused; /* code != 0: the chunk is read and thrown away, then this is said */
    unsigned errors, unknown_recipients, auth_failures;
    uint32_t messages;     /* accepted */
    uint32_t transactions; /* numbers the ids */
    bool quit;             /* the client said goodbye */
};

/* ---- the table ---- */

union smtp_argument {
    struct fct_str text;
    struct {
        struct smtp_path path;
        struct smtp_mail_params params;
    } mail;
    struct smtp_path rcpt;
    struct {
        uint64_t size;
        bool last;
    } chunk;
    struct {
        struct fct_str mechanism, initial;
        bool has_initial;
    } auth;
};

struct smtp_verb {
    const char *name;
    unsigned kinds;   /* of enum smtp_kind */
    unsigned allowed; /* in which states */
    /* Reads the argument (without the space before it). Never waits, keeps only views into the
     * line. False: *r is the reply. */
    bool (*parse)(struct smtp_session *s, struct fct_str argument, union smtp_argument *out,
                  struct smtp_reply *r);
    FCT_MAY_WAIT struct smtp_reply (*run)(struct smtp_session *s,
                                          const union smtp_argument *argument);
    const char *usage; /* for HELP and 501 */
};
extern const struct smtp_verb smtp_verbs[]; /* ends with a NULL name */

/* ---- smtp_session.c ---- */

/* A connection of a listener; takes fd. conf outlives the session. */
void smtp_session_start(struct edge_listener *listener, int fd, enum smtp_kind kind,
                        const struct smtp_conf *conf);
FCT_MAY_WAIT void smtp_send(struct smtp_session *s, const struct smtp_reply *r);
/* Count a refusal; slows the client down, and closes above the limit by changing *r into 421. */
FCT_MAY_WAIT void smtp_count_error(struct smtp_session *s, struct smtp_reply *r);
bool smtp_is_submission(const struct smtp_session *s);
bool smtp_offers_auth(const struct smtp_session *s);    /* AUTH may be used now */
bool smtp_announces_auth(const struct smtp_session *s); /* it will be, perhaps after STARTTLS */
/* Ask a hook point of the dialogue. False: *r is the refusal. ACCEPT and DISCARD are left in
 * *verdict. */
FCT_MAY_WAIT bool smtp_ask(struct smtp_session *s, enum fct_hook hook, const void *event,
                           enum smtp_stage stage, enum fct_verdict *verdict, struct smtp_reply *r);

/* ---- smtp_transaction.c ---- */

struct smtp_transaction *smtp_transaction_start(struct smtp_session *s);
/* Forget everything of the message; `why` is told to plugins (one word: rset, helo, quit, lost,
 * limit), NULL: it was kept. */
void smtp_transaction_end(struct smtp_session *s, const char *why);
void smtp_transaction_add(struct smtp_session *s, struct fct_str address,
                          const struct store_resolution *to, bool discard);

/* ---- smtp_data.c ---- */

enum smtp_data_progress { DATA_MORE, DATA_MOVE, DATA_DONE };
/* Take what is in the input buffer. MOVE: the spool must move to a file first (in a fiber). DONE:
 * the message or chunk is whole. */
enum smtp_data_progress smtp_data_take(struct smtp_session *s);
FCT_MAY_WAIT void smtp_data_move(struct smtp_session *s);
FCT_MAY_WAIT void smtp_data_done(struct smtp_session *s);
bool smtp_data_discard(struct smtp_session *s); /* INPUT_REFUSED: true at the end of the data */

/* ---- smtp_deliver.c ---- */

/* The whole message is in the spool: filters, store, replies. Ends the transaction. */
FCT_MAY_WAIT void smtp_deliver(struct smtp_session *s);

/* ---- smtp_auth.c ---- */

bool smtp_auth_parse(struct smtp_session *s, struct fct_str argument, union smtp_argument *out,
                     struct smtp_reply *r);
FCT_MAY_WAIT struct smtp_reply smtp_auth_run(struct smtp_session *s,
                                             const union smtp_argument *argument);
FCT_MAY_WAIT struct smtp_reply smtp_auth_line(struct smtp_session *s, struct fct_str line);
void smtp_auth_abort(struct smtp_session *s);

/* ---- smtp_data.c, rows of the table ---- */

FCT_MAY_WAIT struct smtp_reply smtp_data_run(struct smtp_session *s,
                                             const union smtp_argument *argument);
bool smtp_bdat_parse(struct smtp_session *s, struct fct_str argument, union smtp_argument *out,
                     struct smtp_reply *r);
FCT_MAY_WAIT struct smtp_reply smtp_bdat_run(struct smtp_session *s,
                                             const union smtp_argument *argument);

#endif
