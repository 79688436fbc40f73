/* milter_message.c - the message to the filter, its edits to the host. */
#include "milter_fields.h"
#include "milter_session.h"

#include <stdlib.h>

struct message {
    struct milter_session *session;
    struct fct_call *call;
    struct milter_fields fields;
    struct milter_verdict *out;
    struct milter_out body; /* REPLACE_BODY, put together */
    bool has_body, quarantine;
    char reason[200];
    size_t refused; /* edits that could not be made */
};

static bool fail(struct fct_err *err, const char *text)
{
    err->class = FCT_TEMP;
    (void)snprintf(err->text, sizeof err->text, "%s", text);
    return false;
}

/* ---- header ---- */

/* On the wire folded lines end with CRLF, in the protocol with LF. Without LEADING_SPACE one space
 * behind the colon is the MTA's. */
static void put_value(struct milter_out *out, struct fct_str value, bool leading_space)
{
    size_t from = !leading_space && value.n > 0 && value.p[0] == ' ', at = from;

    for (size_t i = from; i < value.n; i++)
        if (value.p[i] == '\r' || value.p[i] == '\0') {
            milter_put(out, value.p + at, i - at);
            at = i + 1;
        }
    milter_put(out, value.p + at, value.n - at);
    milter_put(out, "", 1);
}

static FCT_MAY_WAIT bool answered(struct message *m, uint32_t silent, struct fct_err *err)
{
    struct milter_session *s = m->session;
    struct milter_reply reply;

    if (s->peer->options.protocol & silent)
        return s->peer->out.n < 262144 || milter_peer_send(s->peer, m->call, err);
    if (!milter_ask(s, m->call, s->filter->conf->command_timeout, &reply, err))
        return false;
    return milter_take_verdict(s, &reply, m->out) ||
           fail(err, "an answer that does not belong here");
}

static bool is_over(const struct message *m)
{
    return m->out->verdict != FCT_NEXT || m->session->message_done || m->session->connection_done;
}

static FCT_MAY_WAIT bool tell_header(struct message *m, struct fct_err *err)
{
    struct milter_peer *peer = m->session->peer;
    bool space = peer->options.protocol & MILTER_LEADING_SPACE;

    for (size_t i = 0; i < m->fields.n; i++) {
        const struct milter_field *field = &m->fields.field[i];

        if (field->hidden)
            continue;
        milter_begin(&peer->out, MILTER_HEADER);
        milter_put_string(&peer->out, field->name);
        put_value(&peer->out, field->value, space);
        milter_end(&peer->out);
        if (!answered(m, MILTER_SILENT_HEADER, err))
            return false;
        if (is_over(m))
            return true;
    }
    return true;
}

static FCT_MAY_WAIT bool tell_end_of_header(struct message *m, struct fct_err *err)
{
    struct milter_session *s = m->session;

    milter_put_macros(s, m->call, STAGE_END_OF_HEADER, MILTER_END_OF_HEADER, NULL);
    milter_begin(&s->peer->out, MILTER_END_OF_HEADER);
    milter_end(&s->peer->out);
    return answered(m, MILTER_SILENT_EOH, err);
}

/* ---- body ---- */

static size_t chunk_of(const struct milter_peer *peer)
{
    return peer->options.protocol & MILTER_CHUNK_1M     ? (1u << 20) - 1
           : peer->options.protocol & MILTER_CHUNK_256K ? (256u << 10) - 1
                                                        : MILTER_CHUNK;
}

/* *skip: the filter has seen enough of it. */
static FCT_MAY_WAIT bool tell_chunk(struct message *m, struct fct_str piece, bool *skip,
                                    struct fct_err *err)
{
    struct milter_session *s = m->session;
    struct milter_reply reply;

    milter_begin(&s->peer->out, MILTER_BODY);
    milter_put(&s->peer->out, piece.p, piece.n);
    milter_end(&s->peer->out);
    if (s->peer->options.protocol & MILTER_SILENT_BODY)
        return milter_peer_send(s->peer, m->call, err);
    if (!milter_ask(s, m->call, s->filter->conf->command_timeout, &reply, err))
        return false;
    *skip = reply.kind == MILTER_SKIP && (s->peer->options.protocol & MILTER_CAN_SKIP);
    return *skip || milter_take_verdict(s, &reply, m->out) ||
           fail(err, "an answer that does not belong to a piece of the body");
}

static FCT_MAY_WAIT bool tell_body(struct message *m, struct fct_err *err)
{
    struct fct_str rest = m->fields.body;
    size_t chunk = chunk_of(m->session->peer);
    bool skip = false;

    while (rest.n > 0 && !skip && !is_over(m)) {
        struct fct_str piece = {rest.p, rest.n < chunk ? rest.n : chunk};

        rest.p += piece.n;
        rest.n -= piece.n;
        if (!tell_chunk(m, piece, &skip, err))
            return false;
    }
    return true;
}

/* ---- edits ---- */

static bool keep(struct milter_list *list, struct fct_str address)
{
    char **item = list->item;

    if (list->n == list->room) {
        list->room = list->room ? 2 * list->room : 8;
        item = realloc(list->item, list->room * sizeof *item);
        if (!item)
            return false;
        list->item = item;
    }
    item[list->n] = strndup(address.p, address.n);
    return item[list->n] && ++list->n;
}

static bool keep_sender(struct milter_session *s, struct fct_str address)
{
    free(s->sender);
    s->sender = strndup(address.n ? address.p : "", address.n);
    s->has_sender = s->sender != NULL;
    return s->has_sender;
}

static bool keep_body(struct message *m, struct fct_str piece)
{
    m->has_body = true;
    milter_put(&m->body, piece.p, piece.n);
    return !m->body.failed;
}

static bool keep_reason(struct message *m, struct fct_str reason)
{
    m->quarantine = true;
    (void)snprintf(m->reason, sizeof m->reason, "%.*s", FCT_FMT(reason));
    return true;
}

/* What each edit needs to have been negotiated. */
static uint32_t needs(char kind)
{
    switch (kind) {
    case MILTER_ADD_HEADER:
    case MILTER_INSERT_HEADER:
        return MILTER_MAY_ADD_HEADERS;
    case MILTER_CHANGE_HEADER:
        return MILTER_MAY_CHANGE_HEADERS;
    case MILTER_REPLACE_BODY:
        return MILTER_MAY_CHANGE_BODY;
    case MILTER_ADD_RECIPIENT:
        return MILTER_MAY_ADD_RECIPIENTS;
    case MILTER_ADD_RECIPIENT_WITH:
        return MILTER_MAY_ADD_RECIPIENT_WITH;
    case MILTER_DELETE_RECIPIENT:
        return MILTER_MAY_DELETE_RECIPIENTS;
    case MILTER_CHANGE_SENDER:
        return MILTER_MAY_CHANGE_SENDER;
    case MILTER_QUARANTINE:
        return MILTER_MAY_QUARANTINE;
    default:
        return 0;
    }
}

static bool make_edit(struct message *m, const struct milter_reply *r)
{
    switch (r->kind) {
    case MILTER_ADD_HEADER:
        return milter_fields_add(&m->fields, r->name, r->value);
    case MILTER_INSERT_HEADER:
        return milter_fields_insert(&m->fields, r->index, r->name, r->value);
    case MILTER_CHANGE_HEADER:
        return milter_fields_change(&m->fields, r->index, r->name, r->value);
    case MILTER_REPLACE_BODY:
        return keep_body(m, r->text);
    case MILTER_ADD_RECIPIENT:
    case MILTER_ADD_RECIPIENT_WITH:
        return keep(&m->session->add, r->text);
    case MILTER_DELETE_RECIPIENT:
        return keep(&m->session->remove, r->text);
    case MILTER_CHANGE_SENDER:
        return keep_sender(m->session, r->text);
    case MILTER_QUARANTINE:
        return keep_reason(m, r->text);
    default:
        return false;
    }
}

/* ---- the end of the message ---- */

/* Edits, then one final answer. An edit that was not negotiated breaks the protocol: nothing of
 * this filter is believed then. */
static FCT_MAY_WAIT bool take_end(struct message *m, struct fct_err *err)
{
    struct milter_session *s = m->session;
    struct milter_reply reply;

    for (;;) {
        uint32_t needed;

        if (!milter_ask(s, m->call, s->filter->conf->content_timeout, &reply, err))
            return false;
        needed = needs(reply.kind);
        if (needed == 0)
            return milter_take_verdict(s, &reply, m->out) ||
                   fail(err, "an answer that does not belong to the end of the message");
        if (!(s->peer->options.actions & needed))
            return fail(err, "an edit that it did not ask for when negotiating");
        m->refused += !make_edit(m, &reply);
    }
}

static FCT_MAY_WAIT bool tell_end(struct message *m, struct fct_err *err)
{
    struct milter_session *s = m->session;

    milter_put_macros(s, m->call, STAGE_END_OF_MESSAGE, MILTER_END_OF_BODY, NULL);
    milter_begin(&s->peer->out, MILTER_END_OF_BODY);
    milter_end(&s->peer->out);
    if (!take_end(m, err))
        return false;
    s->told = STAGE_HELO; /* done with this message: MAIL comes next, no ABORT */
    return true;
}

static FCT_MAY_WAIT bool tell_message(struct message *m, struct fct_err *err)
{
    uint32_t protocol = m->session->peer->options.protocol;

    if (!(protocol & MILTER_NO_HEADERS) && !tell_header(m, err))
        return false;
    if (!is_over(m) && !(protocol & MILTER_NO_END_OF_HEADER) && !tell_end_of_header(m, err))
        return false;
    if (!is_over(m) && !(protocol & MILTER_NO_BODY) && !tell_body(m, err))
        return false;
    return is_over(m) || tell_end(m, err);
}

static bool commit_body(struct message *m)
{
    struct fct_str body = {m->body.p ? m->body.p : "", m->body.n};

    return !m->has_body || m->session->filter->host->body_replace(m->call, body);
}

/* Kept messages only: what is refused needs no edits. */
static void commit(struct message *m)
{
    const struct fct_host *host = m->session->filter->host;

    if (m->out->verdict != FCT_NEXT)
        return;
    m->refused += milter_fields_commit(&m->fields);
    m->refused += !commit_body(m);
    if (m->refused > 0) {
        host->log(m->call, FCT_WARNING, "filter at %s: %zu edits could not be made",
                  m->session->filter->conf->address, m->refused);
        host->count(m->call, "refused_edits", (double)m->refused);
    }
    if (m->quarantine) {
        m->out->verdict = FCT_QUARANTINE;
        (void)snprintf(m->out->text, sizeof m->out->text, "%s", m->reason);
    }
}

void milter_session_message(struct milter_session *s, struct fct_call *call,
                            struct milter_verdict *out)
{
    struct message m = {.session = s, .call = call, .out = out, .body = {.max = 256u << 20}};
    struct fct_err err = {0};

    milter_session_step(s, call, STAGE_DATA, NULL, out);
    if (out->verdict != FCT_NEXT || s->message_done || s->connection_done || !s->peer)
        return;
    s->told = STAGE_END_OF_MESSAGE;
    if (!milter_fields_read(&m.fields, s->filter->host, call)
            ? fail(&err, "no memory for the header")
            : tell_message(&m, &err))
        commit(&m);
    else
        milter_session_fail(s, call, &err, out);
    milter_out_free(&m.body);
}
