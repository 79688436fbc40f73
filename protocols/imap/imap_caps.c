/* imap_caps.c - what is announced: only what is built and tested (RFC 9051 6.1.1). */
#include "protocols/imap/imap_session.h"
#include "protocols/sasl/sasl.h"

static void put_login_capabilities(struct imap_session *s, struct buf *out)
{
    if (edge_may_starttls(s->edge.listener, s->stream))
        buf_put_c(out, " STARTTLS");
    if (edge_may_login(s->edge.listener, s->stream))
        sasl_list(" AUTH=", out);
    else
        buf_put_c(out, " LOGINDISABLED");
}

void imap_put_capabilities(struct imap_session *s, struct buf *out)
{
    buf_put_c(out, "CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE");
    if (s->state == IMAP_NOT_AUTHENTICATED)
        put_login_capabilities(s, out);
    else
        buf_put_c(out, " IDLE NAMESPACE UIDPLUS UNSELECT CHILDREN SPECIAL-USE CREATE-SPECIAL-USE "
                       "LIST-EXTENDED LIST-STATUS STATUS=SIZE MOVE ESEARCH SEARCHRES BINARY "
                       "MULTIAPPEND");
}
