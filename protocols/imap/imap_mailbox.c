/* imap_mailbox.c - mailbox names: what the client writes and what the store keeps (RFC 9051 5.1).
 *
 * The store's names are UTF-8 paths with '/'. IMAP4rev1 clients write modified UTF-7, a client that
 * enabled IMAP4rev2 UTF-8. */
#include "core/base/utf8.h"
#include "protocols/imap/imap_response.h"
#include "protocols/imap/imap_session.h"
#include "protocols/imap/imap_utf7.h"

/* INBOX in any case is one mailbox, and so is its place as a parent. */
static struct fct_str fold_inbox(struct arena *arena, struct fct_str name)
{
    if (!str_starts_nocase(name, FCT_STR("INBOX")) || (name.n > 5 && name.p[5] != '/'))
        return name;
    return arena_printf(arena, "INBOX%.*s", FCT_FMT(str_skip(name, 5)));
}

bool imap_mailbox_decode(struct imap_session *s, struct arena *arena, struct fct_str name,
                         struct fct_str *out)
{
    FCT_CLEANUP(buf_free) struct buf utf8 = BUF_INIT(4 * STORE_NAME_MAX);

    if (name.n > 3 * STORE_NAME_MAX)
        return false;
    if (s->rev2) {
        if (!utf8_is_valid(name))
            return false;
        *out = fold_inbox(arena, name);
        return true;
    }
    if (!imap_utf7_decode(name, &utf8))
        return false;
    *out = fold_inbox(arena, arena_str(arena, buf_str(&utf8)));
    return true;
}

bool imap_mailbox_parse(struct imap_session *s, struct imap_command *c, struct fct_str *out,
                        struct fct_err *err)
{
    struct fct_str name;

    if (!imap_parse_space(&c->args) || !imap_parse_astring(&c->args, c->arena, &name))
        return imap_syntax(err, "Expected a mailbox name");
    if (!imap_mailbox_decode(s, c->arena, name, out))
        return imap_fail(c, "CANNOT", err, "The mailbox name is not encoded as it must be");
    return true;
}

static bool is_unsafe(struct fct_str name)
{
    for (size_t i = 0; i < name.n; i++) {
        unsigned char byte = (unsigned char)name.p[i];

        if (byte < 0x20 || byte == 0x7f || byte == '%' || byte == '*')
            return true;
        if (byte == 0xc2 && i + 1 < name.n && (unsigned char)name.p[i + 1] < 0xa0)
            return true; /* U+0080 … U+009F, controls too (RFC 5198 2) */
    }
    return false;
}

/* No empty part, not too many, none that is only dots. */
static bool parts_are_fine(struct fct_str name)
{
    unsigned depth = 0;

    for (struct fct_str rest = name; rest.p;) {
        struct fct_str part = str_split(&rest, '/');

        if (part.n == 0 || part.p[0] == ' ' || part.p[part.n - 1] == ' ' ||
            str_equal(part, FCT_STR(".")) || str_equal(part, FCT_STR("..")) ||
            ++depth > STORE_DEPTH_MAX)
            return false;
    }
    return true;
}

static bool is_nfc(struct fct_str name)
{
    FCT_CLEANUP(buf_free) struct buf nfc = BUF_INIT(4 * STORE_NAME_MAX);

    return str_is_ascii(name) || (utf8_nfc(name, &nfc) && str_equal(buf_str(&nfc), name));
}

bool imap_mailbox_check(struct imap_command *c, struct fct_str name, struct fct_err *err)
{
    if (name.n == 0 || name.n > STORE_NAME_MAX)
        return imap_fail(c, "CANNOT", err, "The mailbox name is empty or too long");
    if (is_unsafe(name))
        return imap_fail(c, "CANNOT", err, "The mailbox name has characters that may not be used");
    if (!parts_are_fine(name))
        return imap_fail(c, "CANNOT", err, "A level of the mailbox name is not allowed");
    if (!is_nfc(name))
        return imap_fail(c, "CANNOT", err, "The mailbox name is not in Unicode form NFC");
    return true;
}

void imap_put_mailbox(struct imap_session *s, struct fct_str name)
{
    FCT_CLEANUP(buf_free) struct buf utf7 = BUF_INIT(4 * STORE_NAME_MAX);

    if (s->rev2) {
        imap_response_string(&s->out, name, true);
        return;
    }
    imap_utf7_encode(name, &utf7);
    imap_response_astring(&s->out, buf_str(&utf7), false);
}
