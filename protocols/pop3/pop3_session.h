/* pop3_session.h - one POP3 connection, shared by the files of this folder.
 *
 * Idle it is this struct and a stream. When a line is complete a fiber is lent; it answers that
 * line and all complete ones behind it in order (PIPELINING, RFC 2449 6.6), then goes back. */
#ifndef PROTOCOLS_POP3_POP3_SESSION_H
#define PROTOCOLS_POP3_POP3_SESSION_H

#include "core/base/id.h"
#include "protocols/access/access.h"
#include "protocols/pop3/pop3_conf.h"
#include "protocols/pop3/pop3_maildrop.h"
#include "protocols/pop3/pop3_parse.h"
#include "protocols/sasl/sasl.h"

struct evbuffer;

/* RFC 1939 3; UPDATE is a part of QUIT. Bits, for the table of verbs. */
enum pop3_state { POP3_AUTHORIZATION = 1, POP3_TRANSACTION = 2 };

struct pop3_session {
    struct edge_session edge; /* first */
    struct stream *stream;
    struct id id;
    struct access access;
    const struct pop3_conf *conf;

    enum pop3_state state;
    bool busy;   /* a fiber is lent */
    bool dead;   /* the client has gone: only clean up */
    bool ending; /* say no more, close */
    bool draining;
    bool greeted;
    struct fiber_id fiber;
    struct fct_str line; /* the one to start with; the stream's */

    char *user;             /* given with USER, waiting for PASS */
    struct arena *exchange; /* of AUTH; NULL: none under way */
    struct sasl sasl;
    struct store_principal principal; /* its name: `login` */
    char *login;
    unsigned early_commands, errors, login_failures;

    struct pop3_maildrop *drop;
    uint32_t retrieved, deleted;
};

/* What a command does. True: answered. False: err is answered by pop3_session.c. */
typedef bool pop3_run_fn(struct pop3_session *s, const struct pop3_arguments *a,
                         struct fct_err *err);

/* What a filter's verdict means for the command: true to go on, else it is answered. */
FCT_MAY_WAIT FCT_MUST_CHECK bool pop3_verdict(struct pop3_session *s, enum fct_verdict verdict,
                                              const struct filter_answer *answer);
/* "+OK text" and "-ERR text". */
FCT_MAY_WAIT bool pop3_ok(struct pop3_session *s, const char *fmt, ...) FCT_PRINTF(2, 3);
FCT_MAY_WAIT bool pop3_refuse(struct pop3_session *s, const char *fmt, ...) FCT_PRINTF(2, 3);

/* pop3_login.c */
FCT_MAY_WAIT bool pop3_user_run(struct pop3_session *s, const struct pop3_arguments *a,
                                struct fct_err *err);
FCT_MAY_WAIT bool pop3_pass_run(struct pop3_session *s, const struct pop3_arguments *a,
                                struct fct_err *err);
FCT_MAY_WAIT bool pop3_auth_run(struct pop3_session *s, const struct pop3_arguments *a,
                                struct fct_err *err);
FCT_MAY_WAIT bool pop3_stls_run(struct pop3_session *s, const struct pop3_arguments *a,
                                struct fct_err *err);
FCT_MAY_WAIT bool pop3_capa_run(struct pop3_session *s, const struct pop3_arguments *a,
                                struct fct_err *err);
FCT_MAY_WAIT bool pop3_auth_line(struct pop3_session *s, struct fct_str line, struct fct_err *err);
void pop3_auth_abort(struct pop3_session *s);

/* pop3_transaction.c */
FCT_MAY_WAIT bool pop3_stat_run(struct pop3_session *s, const struct pop3_arguments *a,
                                struct fct_err *err);
FCT_MAY_WAIT bool pop3_list_run(struct pop3_session *s, const struct pop3_arguments *a,
                                struct fct_err *err);
FCT_MAY_WAIT bool pop3_uidl_run(struct pop3_session *s, const struct pop3_arguments *a,
                                struct fct_err *err);
FCT_MAY_WAIT bool pop3_retr_run(struct pop3_session *s, const struct pop3_arguments *a,
                                struct fct_err *err);
FCT_MAY_WAIT bool pop3_top_run(struct pop3_session *s, const struct pop3_arguments *a,
                               struct fct_err *err);
FCT_MAY_WAIT bool pop3_dele_run(struct pop3_session *s, const struct pop3_arguments *a,
                                struct fct_err *err);
FCT_MAY_WAIT bool pop3_rset_run(struct pop3_session *s, const struct pop3_arguments *a,
                                struct fct_err *err);
FCT_MAY_WAIT bool pop3_quit_run(struct pop3_session *s, const struct pop3_arguments *a,
                                struct fct_err *err);

#endif
