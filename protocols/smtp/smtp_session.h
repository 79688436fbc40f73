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
#include "protocols/smtp/smtp_extension.h"
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

/* What filters want to hear again (filter_context.carried) belongs to a stretch of the connection;
 * when a stretch ends, what the one around it left is in force again. */
enum smtp_stretch { STRETCH_CONNECTION, STRETCH_GREETING, STRETCH_MESSAGE, STRETCH_COUNT };

/* One account to deliver to, or an address elsewhere. */
struct smtp_target {
    uint64_t account;       /* 0: elsewhere, name is the address */
    struct fct_str address; /* of the recipient that led here first */
    struct fct_str name, detail;
    struct fct_str profile;  /* asked for by a plugin, or empty */
    struct fct_list setting; /* of the account */
    uint8_t notify;          /* of RCPT: SMTP_NOTIFY_* */
    struct fct_str orcpt;
};

/* The hook `chunk`: what of the message was collected for the next piece. */
struct smtp_chunk {
    bool wanted;
    uint64_t offset; /* of piece in the message */
    struct buf piece;
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
    struct smtp_spool spool;
    bool delivered_to;    /* a field that says so follows our Received (smtp_forward.c) */
    size_t received_size; /* of our Received field, which the spool begins with */
    struct smtp_chunk chunk;
    struct smtp_reply refusal; /* code != 0: the answer at the end of the data, nothing is kept */
    uint64_t data_bytes;       /* from the client, with stuffing */
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
    bool extended;       /* EHLO or LHLO, not HELO */
    bool is_local;       /* at a socket of this machine's users (role local) */
    char local_user[32]; /* "uid:1000", told by the kernel */
    char helo[256];
    unsigned hidden;             /* of enum smtp_extension: a plugin keeps them from this client */
    struct filter_context hooks; /* what every hook sees; envelope of the transaction in hand */
    enum smtp_stretch stretch;
    struct buf carried[STRETCH_COUNT];
    struct smtp_reply refusal;   /* code != 0: the answer to the next command, whatever it is */
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
    struct {
        struct smtp_path path;
        struct smtp_rcpt_params params;
    } rcpt;
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
/* Does the sender have to prove who he is, and has not? */
bool smtp_wants_login(const struct smtp_session *s);
bool smtp_offers_auth(const struct smtp_session *s);    /* AUTH may be used now */
bool smtp_announces_auth(const struct smtp_session *s); /* it will be, perhaps after STARTTLS */
/* May this client use the extension now? What EHLO says, and what commands and parameters obey. */
bool smtp_offers(const struct smtp_session *s, enum smtp_extension extension);

/* The end of what a fiber did: the session waits for its client without one. */
void smtp_session_rest(struct smtp_session *s);

/* ---- smtp_greeting.c ---- */

FCT_MAY_WAIT void smtp_greet_fiber(void *session);
void smtp_tls_ready(void *session); /* the stream's callback: TLS, or the PROXY header, is there */

/* ---- smtp_hook.c ---- */

/* Ask a hook point of the dialogue. False: *r is the refusal. Whether true or false, *answer has
 * the verdict and the changes. */
FCT_MAY_WAIT bool smtp_ask(struct smtp_session *s, enum fct_hook hook, const void *event,
                           enum smtp_stage stage, struct filter_answer *answer,
                           struct smtp_reply *r);
bool smtp_is_hooked(const struct smtp_session *s, enum fct_hook hook);
void smtp_tell(struct smtp_session *s, enum fct_hook hook, const void *event);
/* What filters carry, from here on. enter: what is in force stays so until a filter adds to it. */
void smtp_stretch_enter(struct smtp_session *s, enum smtp_stretch stretch);
void smtp_stretch_leave(struct smtp_session *s, enum smtp_stretch back_to);
void smtp_stretch_end(struct smtp_session *s); /* of all: frees */
/* The last change of that name; false: there is none. */
bool smtp_changed(const struct filter_answer *answer, const char *name, struct fct_str *value);
/* A change that is a path without brackets (null: it may be empty), in the arena; one that is no
 * address is logged and left out. */
bool smtp_changed_path(struct smtp_session *s, const struct filter_answer *answer, const char *name,
                       bool null, struct arena *arena, struct fct_str *address);
/* An address as plugins write it, in our spelling. False: it is none; it was logged. */
bool smtp_plugin_path(struct smtp_session *s, struct fct_str text, bool null, struct arena *arena,
                      struct fct_str *address);
/* The line was no command; *r is our reply, which a plugin may replace. */
FCT_MAY_WAIT void smtp_ask_unknown(struct smtp_session *s, struct fct_str line,
                                   struct smtp_reply *r);

/* ---- smtp_resolve.c ---- */

/* Where an address leads: the hook `resolve`, then the store. True: to->what is RESOLVED_LOCAL and
 * there are targets; else *r is the reply to RCPT, and to->what says whether the address is
 * unknown. Strings live in s->call. */
FCT_MAY_WAIT bool smtp_resolve(struct smtp_session *s, struct fct_str address,
                               struct store_resolution *to, struct smtp_reply *r);

/* ---- smtp_rcpt.c, a row of the table ---- */

bool smtp_rcpt_parse(struct smtp_session *s, struct fct_str argument, union smtp_argument *out,
                     struct smtp_reply *r);
FCT_MAY_WAIT struct smtp_reply smtp_rcpt_run(struct smtp_session *s,
                                             const union smtp_argument *argument);

/* ---- smtp_relay.c ---- */

/* May this client send to other servers: logged in, or from smtp.relay_networks? Its sender then is
 * known, and may get reports. */
bool smtp_may_relay(const struct smtp_session *s);
/* Extensions for those who may send elsewhere, or may after a login. */
unsigned smtp_relay_extensions(const struct smtp_session *s);
/* " 2592000 2026-12-22T10:00:00Z" behind FUTURERELEASE */
void smtp_put_hold_limits(const struct smtp_session *s, struct buf *out);

/* ---- smtp_forward.c ---- */

/* The field by which a message that is forwarded is known when it comes back. */
void smtp_put_delivered_to(struct smtp_session *s, struct buf *out);

/* ---- smtp_verbs.c ---- */

/* Moves past `word` (with its colon) and the spaces that some put behind it. */
bool smtp_take_word(struct fct_str *in, struct fct_str word);
struct smtp_reply smtp_path_error(struct smtp_session *s, const struct fct_err *err,
                                  const char *enhanced);
struct smtp_reply smtp_params_error(struct smtp_session *s, const struct fct_err *err);

/* ---- smtp_transaction.c ---- */

struct smtp_transaction *smtp_transaction_start(struct smtp_session *s);
/* Forget everything of the message; `why` is told to plugins (one word: rset, helo, quit, lost,
 * limit), NULL: it was kept. */
void smtp_transaction_end(struct smtp_session *s, const char *why);
/* What a recipient is to be besides its address. */
struct smtp_wish {
    bool discard;
    struct fct_str profile;
    struct smtp_rcpt_params params;
};
/* How many copies it would add. */
size_t smtp_transaction_new_targets(const struct smtp_transaction *tx,
                                    const struct store_resolution *to);
void smtp_transaction_add(struct smtp_session *s, struct fct_str address,
                          const struct store_resolution *to, const struct smtp_wish *wish);
/* The account as a target of the message, once. */
uint32_t smtp_transaction_target(struct smtp_session *s, struct fct_str address,
                                 const struct store_target *to, const struct smtp_wish *wish);
void smtp_transaction_link(struct smtp_session *s, struct smtp_recipient *r, uint32_t target);

/* ---- smtp_chunk.c ---- */

void smtp_chunk_start(struct smtp_session *s);
void smtp_chunk_end(struct smtp_transaction *tx);
void smtp_chunk_keep(struct smtp_transaction *tx, const char *p, size_t n);
bool smtp_chunk_is_full(const struct smtp_transaction *tx); /* smtp_chunk_ask must come first */
/* Show what is collected: whole pieces, or at the end of the message all. */
FCT_MAY_WAIT void smtp_chunk_ask(struct smtp_session *s, bool all);

/* ---- smtp_data.c ---- */

enum smtp_data_progress { DATA_MORE, DATA_MOVE, DATA_SHOW, DATA_DONE };
/* Take what is in the input buffer. MOVE: the spool must move to a file first (in a fiber). SHOW:
 * plugins must see a piece first. DONE: the message or chunk is whole. */
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
