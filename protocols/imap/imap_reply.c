/* imap_reply.c - tagged answers, and the one place where classes of errors become BAD, NO and
 * response codes (RFC 5530). */
#include "protocols/imap/imap_session.h"

/* A class to what the client is told, unless the command had a better code. */
static const char *imap_no_error(enum fct_class class, const char **code)
{
    switch (class) {
    case FCT_SYNTAX:
        *code = "";
        return " BAD ";
    case FCT_DENIED:
        *code = "";
        return " NO ";
    case FCT_LIMIT:
        *code = "LIMIT";
        return " NO ";
    case FCT_TEMP:
        *code = "UNAVAILABLE";
        return " NO ";
    case FCT_OK:
    case FCT_BUG:
        break;
    }
    *code = "SERVERBUG";
    return " NO ";
}

static void put_code(struct buf *out, struct fct_str code)
{
    if (code.n == 0)
        return;
    buf_put_char(out, '[');
    buf_put_str(out, code);
    buf_put(out, "] ", 2);
}

static void put_ok(struct imap_session *s, struct imap_command *c)
{
    imap_put(s, " OK ");
    put_code(&s->out, c->code);
    if (c->text) {
        imap_put(s, c->text);
        return;
    }
    if (c->uid)
        imap_put(s, "UID ");
    imap_put(s, c->verb->name);
    imap_put(s, " completed");
}

void imap_reply(struct imap_session *s, struct imap_command *c, bool ok, const struct fct_err *err)
{
    const char *code, *status;

    if (c->tag.n > 0)
        buf_put_str(&s->out, c->tag);
    else
        buf_put_char(&s->out, '*');
    if (ok) {
        put_ok(s, c);
    } else {
        status = imap_no_error(err->class, &code);
        imap_put(s, status);
        put_code(&s->out, c->code.n ? c->code : str_from(code));
        imap_put(s, err->text[0] ? err->text : "Failed");
    }
    imap_put(s, "\r\n");
}

bool imap_syntax(struct fct_err *err, const char *text)
{
    return fct_fail(err, FCT_SYNTAX, "%s", text);
}

bool imap_fail(struct imap_command *c, const char *code, struct fct_err *err, const char *text)
{
    c->code = str_from(code);
    return fct_fail(err, FCT_DENIED, "%s", text);
}

bool imap_store_failed(struct imap_command *c, struct fct_err *err)
{
    if (err->class == FCT_SYNTAX) {
        err->class = FCT_DENIED;
        c->code = FCT_STR("CANNOT");
    }
    if (err->class == FCT_LIMIT && c->code.n == 0)
        c->code = FCT_STR("OVERQUOTA");
    return false;
}
