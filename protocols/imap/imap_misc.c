/* imap_misc.c - CAPABILITY, NOOP, ID (RFC 2971), ENABLE (RFC 5161), NAMESPACE (RFC 2342). */
#include "core/log/log.h"
#include "protocols/imap/imap_session.h"

#include <stdlib.h>

/* Most commands end here: nothing more may follow. */
static bool no_more(struct imap_command *c, struct fct_err *err)
{
    return imap_parse_end(c->args) || imap_syntax(err, "Unexpected text after the command");
}

bool imap_capability_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    if (!no_more(c, err))
        return false;
    imap_put(s, "* ");
    imap_put_capabilities(s, &s->out);
    imap_put(s, "\r\n");
    return true;
}

/* NOOP is how clients without IDLE poll: it always asks the store (RFC 9051 6.1.2). */
bool imap_noop_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    if (!no_more(c, err))
        return false;
    s->changed = true;
    return true;
}

#define ID_MAX_FIELDS 30 /* RFC 2971 3.3 */

/* id = "ID" SP ("(" [string SP nstring *(SP string SP nstring)] ")" / nil) */
struct id_fields {
    struct buf seen;              /* for the log */
    struct fct_str name, version; /* of the client */
};

static void note_field(struct id_fields *id, struct fct_str field, struct fct_str value)
{
    buf_put_str(&id->seen, str_head(field, 30));
    buf_put_char(&id->seen, '=');
    buf_put_str(&id->seen, str_head(value, 100));
    buf_put_char(&id->seen, ' ');
    if (str_equal_nocase(field, FCT_STR("name")))
        id->name = str_head(value, 100);
    if (str_equal_nocase(field, FCT_STR("version")))
        id->version = str_head(value, 100);
}

static bool parse_id(struct imap_command *c, struct id_fields *id, struct fct_err *err)
{
    struct fct_str field, value;
    unsigned n = 0;

    if (!imap_parse_space(&c->args))
        return imap_syntax(err, "ID needs NIL or a list");
    if (imap_parse_word(&c->args, "NIL"))
        return no_more(c, err);
    if (!imap_parse_char(&c->args, '('))
        return imap_syntax(err, "ID needs NIL or a list");
    while (!imap_parse_char(&c->args, ')')) {
        if (n > 0 && !imap_parse_space(&c->args))
            return imap_syntax(err, "Bad list in ID");
        if (++n > ID_MAX_FIELDS || !imap_parse_string(&c->args, c->arena, &field) ||
            !imap_parse_space(&c->args) || !imap_parse_nstring(&c->args, c->arena, &value))
            return imap_syntax(err, "Bad list in ID");
        note_field(id, field, value);
    }
    return no_more(c, err);
}

/* For the hook `login`, should anybody listen. */
static void keep_client(struct imap_session *s, struct arena *arena, const struct id_fields *id)
{
    if (id->name.n + id->version.n == 0 || !access_wants(&s->access, FCT_HOOK_login))
        return;
    free(s->client);
    s->client = str_dup_c(
        str_trim(arena_printf(arena, "%.*s %.*s", FCT_FMT(id->name), FCT_FMT(id->version))));
}

bool imap_id_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    struct id_fields id = {.seen = BUF_INIT(4096)};
    bool ok = parse_id(c, &id, err);

    if (ok && id.seen.n > 0)
        log_event(EV_DEBUG, str_from(s->id.text), F_STR("imap_id", buf_str(&id.seen)));
    buf_free(&id.seen);
    if (!ok)
        return false;
    keep_client(s, c->arena, &id);
    imap_put(s, "* ID (\"name\" \"Facteur\")\r\n");
    return true;
}

/* Unknown capabilities are ignored (RFC 9051 6.3.1). */
bool imap_enable_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    struct fct_str name;
    bool rev2 = false;

    if (imap_parse_end(c->args))
        return imap_syntax(err, "ENABLE needs the name of a capability");
    while (!imap_parse_end(c->args)) {
        if (!imap_parse_space(&c->args) || !imap_parse_atom(&c->args, &name))
            return imap_syntax(err, "Expected the name of a capability");
        rev2 |= str_equal_nocase(name, FCT_STR("IMAP4rev2"));
    }
    imap_put(s, rev2 && !s->rev2 ? "* ENABLED IMAP4rev2\r\n" : "* ENABLED\r\n");
    s->rev2 |= rev2;
    return true;
}

bool imap_namespace_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    if (!no_more(c, err))
        return false;
    imap_put(s, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
    return true;
}
