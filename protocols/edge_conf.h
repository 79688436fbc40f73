/* edge_conf.h - the `listener` and `tls` blocks, read by the supervisor (to open sockets: the row
 * `address`) and by edge. */
#ifndef PROTOCOLS_EDGE_CONF_H
#define PROTOCOLS_EDGE_CONF_H

#include "core/conf/conf.h"
#include "core/supervisor/server_conf.h" /* the `server` block */

/* listener mx { address = ["*:25"]  protocol = smtp  role = mx } */
struct listener_conf {
    struct fct_strings address; /* "*:25", "127.0.0.1:25", "[::1]:25" */
    const char *protocol;       /* smtp, lmtp, imap, pop3, milter, images */
    const char *role;           /* smtp only: mx, submission or local */
    const char *tls;            /* starttls, implicit, none */
    bool proxy;                 /* a PROXY protocol header comes first */
    bool plain_login;           /* passwords without TLS, on loopback only */
    const char *mode, *owner;   /* of a Unix socket */
};
extern const struct conf_block listener_block; /* labelled */

enum listener_kind {
    LISTENER_MX,
    LISTENER_SUBMISSION,
    LISTENER_LMTP,
    LISTENER_IMAP,
    LISTENER_POP3,
    LISTENER_MILTER,
    LISTENER_IMAGES,
    LISTENER_LOCAL,
    LISTENER_KINDS
};
enum edge_tls { EDGE_TLS_NONE, EDGE_TLS_STARTTLS, EDGE_TLS_IMPLICIT, EDGE_TLS_WORDS };

/* What the words of a loaded configuration mean; they are known. */
enum listener_kind listener_kind(const struct listener_conf *conf);
enum edge_tls listener_tls(const struct listener_conf *conf);

/* tls { certificate = "…"  key = "…" } */
struct tls_block_conf {
    const char *certificate, *key;
};
extern const struct conf_block tls_block;

#endif
