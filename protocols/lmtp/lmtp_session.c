/* lmtp_session.c - LMTP (RFC 2033): the SMTP session with LHLO in place of EHLO and one reply per
 * recipient after the data. Both differences are rows and a branch in protocols/smtp; here is only
 * the door. */
#include "protocols/lmtp/lmtp_conf.h"
#include "protocols/smtp/smtp_session.h"

static void lmtp_accepted(struct edge_listener *listener, int fd)
{
    smtp_session_start(listener, fd, LMTP_KIND, config_get(listener->edge->conf, &lmtp_block));
}

const struct edge_protocol lmtp_protocol = {.name = "lmtp", .accepted = lmtp_accepted};
