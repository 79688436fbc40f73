/* sasl.h - one authentication exchange (RFC 4422), the same for SMTP AUTH, IMAP AUTHENTICATE and
 * POP3 AUTH.
 *
 * The protocol reads and writes the lines, this module everything inside them, base64 included:
 *
 *     switch (sasl_start(&x, store, arena, mechanism, has_initial ? &initial : NULL)) {
 *     case SASL_CHALLENGE: send "334 " or "+ " and x.challenge; on the next line: sasl_respond(&x,
 * line) case SASL_DONE:      x.principal is logged in and yours (store_logout) case SASL_FAILED:
 * x.err says why; nothing is left to release
 *     }
 * An exchange that is given up half way (client gone) must be ended by sasl_abort. Secrets are
 * wiped when an exchange ends. */
#ifndef PROTOCOLS_SASL_SASL_H
#define PROTOCOLS_SASL_SASL_H

#include "core/base/arena.h"
#include "store/store_client.h"

enum sasl_state { SASL_CHALLENGE, SASL_DONE, SASL_FAILED };

struct sasl;

/* What one mechanism does with a decoded message. It may set `challenge` (decoded), `principal`,
 * `err`. */
struct sasl_mechanism {
    const char *name;
    const char *doc;
    /* The first challenge when there is no initial response: "" for mechanisms in which the client
     * speaks first. */
    const char *greeting;
    FCT_MAY_WAIT enum sasl_state (*step)(struct sasl *x, struct fct_str message);
};
/* In order of preference; ends with a NULL name. */
extern const struct sasl_mechanism *const sasl_mechanisms[];
const struct sasl_mechanism *sasl_find(struct fct_str name); /* NULL: unknown */
/* "SCRAM-SHA-256 PLAIN LOGIN", each with `prefix` in front: " " for EHLO, " AUTH=" for CAPABILITY.
 */
void sasl_list(const char *prefix, struct buf *out);

#define SASL_MAX_LINE \
    12288 /* of base64 from the client (RFC 4954 4); longer ones fail with FCT_LIMIT */
#define SASL_MAX_MESSAGE 9216

struct sasl {
    const struct sasl_mechanism *mechanism;
    struct store *store;
    struct arena *arena;      /* for all strings below; of the connection or of the command */
    struct fct_str challenge; /* base64, may be empty; send it when SASL_CHALLENGE */
    struct fct_str user;      /* who is asked for, once known; for the log. May be any bytes */
    struct store_principal principal; /* SASL_DONE: the caller's */
    struct fct_err err; /* SASL_FAILED: SYNTAX malformed or cancelled, DENIED wrong, TEMP the store
                           is away, LIMIT too long */
    bool cancelled;     /* SASL_FAILED because the client sent "*" */
    unsigned step;      /* messages from the client so far */
    struct store_principal
        pending; /* SCRAM: proved, but the client has not seen our signature yet */
    void *state; /* of the mechanism, in the arena */
};

/* `initial`: the initial response as sent, base64, "=" for an empty one (RFC 4954 4, RFC 4959 3);
 * NULL when there was none. An unknown mechanism fails with FCT_SYNTAX: ask sasl_find first when
 * that has its own reply. */
FCT_MAY_WAIT enum sasl_state sasl_start(struct sasl *x, struct store *store, struct arena *arena,
                                        struct fct_str mechanism, const struct fct_str *initial);
/* The next line of the client, line end removed: base64 or "*". */
FCT_MAY_WAIT enum sasl_state sasl_respond(struct sasl *x, struct fct_str line);
void sasl_abort(struct sasl *x); /* on any exchange, ended or not */

#endif
