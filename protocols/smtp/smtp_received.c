/* smtp_received.c - Time-stamp-line = "Received:" FWS Stamp CRLF (RFC 5321 4.4). Lines stay below
 * 998 octets by the limits of their parts (names 255, path 256). */
#include "protocols/smtp/smtp_received.h"
#include "core/base/str.h"
#include "core/message/date.h"

/* The registered protocol words: SMTP, ESMTP, LMTP (RFC 3848), UTF8SMTP, UTF8LMTP (RFC 6531 4.3),
 * each with S for TLS and A for AUTH. HELO is plain SMTP. */
static void put_protocol(const struct smtp_received *r, struct buf *out)
{
    if (!r->extended) {
        buf_put_c(out, "SMTP");
        return;
    }
    if (r->smtputf8)
        buf_put_c(out, r->lmtp ? "UTF8LMTP" : "UTF8SMTP");
    else
        buf_put_c(out, r->lmtp ? "LMTP" : "ESMTP");
    if (r->tls_version.n > 0)
        buf_put_char(out, 'S');
    if (r->authenticated)
        buf_put_char(out, 'A');
}

/* TCP-info = address-literal / ( Domain FWS address-literal ) */
static void put_address(struct fct_str name, struct fct_str ip, struct buf *out)
{
    buf_put_char(out, '(');
    buf_put_str(out, name);
    buf_put_c(out, name.n > 0 ? " [" : "[");
    buf_put_c(out, str_find_char(ip, ':') >= 0 ? "IPv6:" : "");
    buf_put_str(out, ip);
    buf_put_c(out, "])");
}

static void put_client(const struct smtp_received *r, struct buf *out)
{
    buf_put_c(out, "from ");
    buf_put_str(out, str_is_empty(r->helo) ? FCT_STR("unknown") : r->helo);
    buf_put_char(out, ' ');
    put_address(r->client_name, r->client_ip, out);
    buf_put_c(out, "\r\n\t");
}

/* PRIORITY is the clause of RFC 6710 6; RFC 5322 3.6.7 lets the field do without "from". */
void smtp_received_format(const struct smtp_received *r, struct buf *out)
{
    buf_put_c(out, "Received: ");
    if (!r->hides_client && r->local_user.n == 0)
        put_client(r, out);
    buf_put_c(out, "by ");
    buf_put_str(out, r->by);
    if (r->local_user.n > 0)
        buf_printf(out, " (%.*s)", FCT_FMT(r->local_user));
    buf_put_c(out, " with ");
    put_protocol(r, out);
    if (r->tls_version.n > 0) {
        buf_put_c(out, " (");
        buf_put_str(out, r->tls_version);
        buf_put_char(out, ' ');
        buf_put_str(out, r->tls_cipher);
        buf_put_char(out, ')');
    }
    buf_put_c(out, "\r\n\tid ");
    buf_put_str(out, r->id);
    if (r->has_priority)
        buf_printf(out, " PRIORITY %d", r->priority);
    if (r->recipient.n > 0) {
        buf_put_c(out, " for <");
        buf_put_str(out, r->recipient);
        buf_put_char(out, '>');
    }
    buf_put_c(out, ";\r\n\t");
    date_format(r->when, out);
    buf_put_c(out, "\r\n");
}
