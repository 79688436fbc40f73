/* smtp_received.h - the Received field that every message gets from us (RFC 5321 4.4). */
#ifndef PROTOCOLS_SMTP_SMTP_RECEIVED_H
#define PROTOCOLS_SMTP_SMTP_RECEIVED_H

#include "core/base/buf.h"

struct smtp_received {
    struct fct_str helo;        /* checked by smtp_domain_is_valid; empty: none was given */
    struct fct_str client_ip;   /* textual, IPv6 without brackets */
    struct fct_str client_name; /* by DNS, confirmed; empty: unknown */
    struct fct_str by;          /* our name */
    struct fct_str tls_version; /* empty: no TLS */
    struct fct_str tls_cipher;
    struct fct_str local_user; /* "uid:1000" of this machine; else empty */
    struct fct_str id;
    struct fct_str recipient; /* of a message with one; empty: the clause is left out, it would tell
                                 others of the rest */
    bool lmtp, extended, authenticated, smtputf8;
    bool hides_client; /* no word of where it came from: who submits mail is at home */
    bool has_priority; /* RFC 6710 */
    int priority;
    int64_t when;
};

/* Appends the folded field with its CRLF. */
void smtp_received_format(const struct smtp_received *r, struct buf *out);

#endif
