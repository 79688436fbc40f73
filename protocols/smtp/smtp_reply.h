/* smtp_reply.h - replies (RFC 5321 4.2, RFC 2034): one struct, one function that maps errors, one
 * that maps verdicts. */
#ifndef PROTOCOLS_SMTP_SMTP_REPLY_H
#define PROTOCOLS_SMTP_SMTP_REPLY_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/hook/filter_client.h"

struct smtp_reply {
    unsigned code;        /* 0: nothing to send (it was sent, or comes later) */
    const char *enhanced; /* "5.7.1"; NULL: none (RFC 2034 3: 220, EHLO, 354) */
    struct fct_str text;  /* one line; must live until it is sent */
    bool close;           /* end the connection behind it */
};
#define SMTP_NO_REPLY ((struct smtp_reply){0})
#define SMTP_REPLY(c, e, lit) \
    ((struct smtp_reply){.code = (c), .enhanced = (e), .text = FCT_STR(lit)})
#define SMTP_CLOSE(c, e, lit) \
    ((struct smtp_reply){.code = (c), .enhanced = (e), .text = FCT_STR(lit), .close = true})

static inline bool smtp_reply_is_error(const struct smtp_reply *r)
{
    return r->code >= 400;
}

/* "550 5.1.1 text CRLF"; control characters and 8-bit bytes of the text become '?', it is cut so
 * that the line fits 512 octets (RFC 5321 4.5.3.1.5). */
void smtp_reply_format(const struct smtp_reply *r, struct buf *out);

/* The class decides: SYNTAX 501, DENIED 550, TEMP 451, LIMIT 452, BUG 451 (logged). The text is the
 * error's: err must live. */
struct smtp_reply smtp_reply_error(const struct fct_err *err);

/* Where in the dialogue a verdict was given: it decides the default code of a refusal. */
enum smtp_stage {
    SMTP_AT_CONNECT,
    SMTP_AT_TLS,
    SMTP_AT_HELO,
    SMTP_AT_AUTH,
    SMTP_AT_MAIL,
    SMTP_AT_RCPT,
    SMTP_AT_DATA,
    SMTP_AT_MESSAGE,
    SMTP_AT_UNKNOWN
};
/* Is the verdict a refusal (TEMPFAIL, REJECT, DISCONNECT)? Then *r is its reply: what the plugin
 * asked for when that is a legal code of the right class, else the default. Strings stay those of
 * the answer, copies live in the arena. */
bool smtp_reply_verdict(const struct filter_answer *answer, enum smtp_stage stage,
                        struct arena *arena, struct smtp_reply *r);

#endif
