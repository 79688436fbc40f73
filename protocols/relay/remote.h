/* remote.h - a connection to a foreign server, used by the one fiber that owns it: what is said,
 * what is answered, and why it ended.
 *
 * A call that fails leaves the cause in `trouble`; the connection is of no more use then. */
#ifndef PROTOCOLS_RELAY_REMOTE_H
#define PROTOCOLS_RELAY_REMOTE_H

#include "core/net/stream.h"
#include "protocols/relay/outcome.h"
#include "protocols/relay/remote_extensions.h"

struct ssl_st;

struct remote {
    struct stream *io;
    struct remote_extensions ext;
    struct fiber_token waiting; /* of the fiber that reads */
    struct fct_str line;        /* taken in the loop, for the fiber */
    bool has_line, too_long, ended, tls_ready;
    bool in_doubt; /* a whole message was sent, its answer is awaited */
    bool given_up;
    enum stream_end end;
    struct delivery_result trouble;
    void (*heard)(void *arg); /* bytes came; may be NULL */
    void *arg;
};

/* Takes fd. Must not move. host: for people. */
void remote_open(struct remote *r, struct event_base *base, int fd, const char *host);
void remote_close(struct remote *r); /* at once; accepts a closed one */
bool remote_is_open(const struct remote *r);

/* Says QUIT and closes when all is sent, within some seconds. */
FCT_MAY_WAIT void remote_quit(struct remote *r);
/* While bytes of a message go out: the other side must take some of them in this time. 0: over. */
void remote_must_take(struct remote *r, uint64_t ms);

FCT_MAY_WAIT FCT_MUST_CHECK bool remote_say(struct remote *r, struct fct_str bytes);
FCT_MAY_WAIT FCT_MUST_CHECK bool remote_printf(struct remote *r, const char *fmt, ...)
    FCT_PRINTF(2, 3);
/* The next reply, whole. Of EHLO: what its lines announce goes to r->ext. */
FCT_MAY_WAIT FCT_MUST_CHECK bool remote_reply(struct remote *r, enum outcome_step step,
                                              uint64_t timeout_ms, struct remote_reply *reply);
/* What waits for an answer gets none. False: not now (nobody waits, or in_doubt). From the loop or
 * another fiber. */
bool remote_give_up(struct remote *r);
/* Has it sent something that was not read yet? */
bool remote_has_input(const struct remote *r);
/* Wait until it sends something, closes, `token`'s owner wakes us, or the time is over. */
FCT_MAY_WAIT void remote_idle(struct remote *r, struct fiber_token *token, uint64_t ms);

FCT_MAY_WAIT FCT_MUST_CHECK bool remote_start_tls(struct remote *r, struct tls_context *tls,
                                                  bool (*prepare)(void *arg, struct ssl_st *ssl,
                                                                  struct fct_err *err),
                                                  void *arg, uint64_t timeout_ms);

/* Records the cause and returns false. */
bool remote_fail(struct remote *r, const char *status, const char *fmt, ...) FCT_PRINTF(3, 4);

#endif
