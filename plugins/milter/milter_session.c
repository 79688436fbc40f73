/* milter_session.c - the dialogue before the message; milter_message.c has the message. */
#include "milter_session.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <time.h>

#define REUSED_MS 2000u /* for the first answer on a connection that was used before */

static uint64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void list_clear(struct milter_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->item[i]);
    free(list->item);
    *list = (struct milter_list){0};
}

static void forget_changes(struct milter_session *s)
{
    free(s->sender);
    s->sender = NULL;
    s->has_sender = false;
    list_clear(&s->add);
    list_clear(&s->remove);
}

void milter_session_init(struct milter_session *s, struct milter_filter *filter)
{
    *s = (struct milter_session){.filter = filter, .used_ms = now_ms()};
}

void milter_session_drop(struct milter_session *s)
{
    milter_peer_close(&s->peer);
    forget_changes(s);
}

/* ---- what went wrong ---- */

static const struct {
    enum fct_verdict verdict;
    const char *text;
} on_failure[] = {
    [DEFAULT_TEMPFAIL] = {FCT_TEMPFAIL, "Service unavailable, try again later"},
    [DEFAULT_ACCEPT] = {FCT_NEXT, ""},
    [DEFAULT_REJECT] = {FCT_REJECT, "Service unavailable"},
    [DEFAULT_QUARANTINE] = {FCT_QUARANTINE, ""},
};

static void put_default(const struct milter_session *s, struct milter_verdict *out)
{
    enum milter_default action = s->filter->on_failure;

    *out = (struct milter_verdict){.verdict = on_failure[action].verdict, .failed = true};
    if (on_failure[action].text[0]) {
        out->code = action == DEFAULT_REJECT ? 550 : 451;
        (void)snprintf(out->enhanced, sizeof out->enhanced, "%s",
                       action == DEFAULT_REJECT ? "5.7.1" : "4.7.1");
        (void)snprintf(out->text, sizeof out->text, "%s", on_failure[action].text);
    }
}

/* The filter is not asked again on this connection: as every MTA does, so that one message is
 * never half filtered. */
void milter_session_fail(struct milter_session *s, struct fct_call *call, const struct fct_err *err,
                         struct milter_verdict *out)
{
    s->filter->host->log(call, FCT_WARNING, "filter at %s: %s; %s", s->filter->conf->address,
                         err->text, s->filter->conf->default_action);
    s->filter->host->count(call, "failures", 1);
    milter_peer_close(&s->peer);
    forget_changes(s);
    s->broken = true;
    put_default(s, out);
}

/* ---- answers ---- */

/* libmilter wants every '%' doubled. */
static void copy_text(char *to, size_t size, struct fct_str from)
{
    size_t n = 0;

    for (size_t i = 0; i < from.n && n + 1 < size; i++) {
        to[n++] = from.p[i];
        if (from.p[i] == '%' && i + 1 < from.n && from.p[i + 1] == '%')
            i++;
    }
    to[n] = '\0';
}

static void take_code(const struct milter_reply *reply, struct milter_verdict *out)
{
    out->verdict = reply->code >= 500 ? FCT_REJECT : FCT_TEMPFAIL;
    out->code = reply->code;
    copy_text(out->enhanced, sizeof out->enhanced, reply->enhanced);
    copy_text(out->text, sizeof out->text, reply->text);
    if (reply->code == 421)
        out->verdict = FCT_DISCONNECT;
}

static bool before_mail(const struct milter_session *s)
{
    return s->told < STAGE_MAIL;
}

bool milter_take_verdict(struct milter_session *s, const struct milter_reply *reply,
                         struct milter_verdict *out)
{
    switch (reply->kind) {
    case MILTER_CONTINUE:
        return true;
    case MILTER_ACCEPT:
        if (before_mail(s))
            s->connection_done = true;
        else
            s->message_done = true;
        return true;
    case MILTER_DISCARD:
        out->verdict = FCT_DISCARD;
        s->message_done = true;
        return true;
    case MILTER_REJECT:
        out->verdict = FCT_REJECT;
        return true;
    case MILTER_TEMPFAIL:
        out->verdict = FCT_TEMPFAIL;
        return true;
    case MILTER_SHUTDOWN:
    case MILTER_CONNECTION_FAIL:
        out->verdict = FCT_DISCONNECT;
        out->code = 421;
        return true;
    case MILTER_REPLY_CODE:
        take_code(reply, out);
        return true;
    default:
        return false;
    }
}

bool milter_ask(struct milter_session *s, struct fct_call *call, fct_duration timeout,
                struct milter_reply *reply, struct fct_err *err)
{
    struct fct_str packet;
    const char *why;

    if (!milter_peer_send(s->peer, call, err))
        return false;
    do {
        if (!milter_peer_packet(s->peer, call, timeout, &packet, err))
            return false;
        if (!milter_reply_parse(packet, reply, &why)) {
            err->class = FCT_TEMP;
            (void)snprintf(err->text, sizeof err->text, "%s", why);
            return false;
        }
    } while (reply->kind == MILTER_PROGRESS);
    s->peer->fresh = true;
    return true;
}

/* ---- commands ---- */

static void put_address(struct milter_out *out, struct fct_str address)
{
    milter_put(out, "<", 1);
    milter_put(out, address.p, address.n);
    milter_put(out, ">", 2); /* with its NUL */
}

static void put_connect(struct milter_session *s, struct fct_call *call)
{
    const struct fct_conn *conn = s->filter->host->conn(call);
    struct milter_out *out = &s->peer->out;
    unsigned char port[2] = {(unsigned char)(conn->client_port >> 8),
                             (unsigned char)conn->client_port};
    bool is6 = conn->client_ip.n && memchr(conn->client_ip.p, ':', conn->client_ip.n);

    milter_begin(out, MILTER_CONNECT);
    if (conn->client_name.n) {
        milter_put_string(out, conn->client_name);
    } else {
        milter_put(out, "[", 1);
        milter_put(out, conn->client_ip.p, conn->client_ip.n);
        milter_put(out, "]", 2);
    }
    if (conn->client_ip.n == 0) {
        milter_put(out, "U", 1);
    } else {
        milter_put(out, is6 ? "6" : "4", 1);
        milter_put(out, port, sizeof port);
        if (is6)
            milter_put(out, "IPv6:", 5);
        milter_put_string(out, conn->client_ip);
    }
    milter_end(out);
}

static void put_mail(struct milter_session *s, struct fct_call *call)
{
    const struct fct_envelope *envelope = s->filter->host->envelope(call);
    struct milter_out *out = &s->peer->out;
    char size[40];
    int n = snprintf(size, sizeof size, "SIZE=%llu", (unsigned long long)envelope->declared);

    milter_begin(out, MILTER_MAIL);
    put_address(out, envelope->reverse_path);
    if (envelope->declared > 0)
        milter_put_string(out, (struct fct_str){size, (size_t)n});
    if (envelope->body.n) {
        milter_put(out, "BODY=", 5);
        milter_put_string(out, envelope->body);
    }
    if (envelope->smtputf8)
        milter_put_string(out, FCT_STR("SMTPUTF8"));
    milter_end(out);
}

static void put_rcpt(struct milter_session *s, const struct milter_rcpt *rcpt)
{
    milter_begin(&s->peer->out, MILTER_RCPT);
    put_address(&s->peer->out, rcpt->address);
    milter_end(&s->peer->out);
}

/* ---- stages ---- */

/* One row per stage of the dialogue: when it is not told, when it is not answered. */
static const struct stage {
    enum milter_command command;
    uint32_t untold, silent;
} stages[] = {
    [STAGE_CONNECT] = {MILTER_CONNECT, MILTER_NO_CONNECT, MILTER_SILENT_CONNECT},
    [STAGE_HELO] = {MILTER_HELO, MILTER_NO_HELO, MILTER_SILENT_HELO},
    [STAGE_MAIL] = {MILTER_MAIL, MILTER_NO_MAIL, MILTER_SILENT_MAIL},
    [STAGE_RCPT] = {MILTER_RCPT, MILTER_NO_RCPT, MILTER_SILENT_RCPT},
    [STAGE_DATA] = {MILTER_DATA, MILTER_NO_DATA, MILTER_SILENT_DATA},
};

static void put_stage(struct milter_session *s, struct fct_call *call, enum milter_stage stage,
                      const struct milter_rcpt *rcpt)
{
    struct milter_out *out = &s->peer->out;

    milter_put_macros(s, call, stage, stages[stage].command, rcpt);
    switch (stage) {
    case STAGE_CONNECT:
        put_connect(s, call);
        break;
    case STAGE_HELO:
        milter_begin(out, MILTER_HELO);
        milter_put_string(out, s->filter->host->conn(call)->helo);
        milter_end(out);
        break;
    case STAGE_MAIL:
        put_mail(s, call);
        break;
    case STAGE_RCPT:
        put_rcpt(s, rcpt);
        break;
    case STAGE_DATA:
        milter_begin(out, MILTER_DATA);
        milter_end(out);
        break;
    case STAGE_END_OF_MESSAGE:
    case STAGE_END_OF_HEADER:
    case STAGE_COUNT:
        break;
    }
}

/* DATA came with version 4: older filters do not know it. */
static bool is_told(const struct milter_session *s, enum milter_stage stage)
{
    const struct milter_options *o = &s->peer->options;

    return !(o->protocol & stages[stage].untold) && (stage != STAGE_DATA || o->version >= 4);
}

/* Some filters fall silent on a connection that had a client before (libmilter, after ACCEPT at the
 * end of a message): found out soon, and once. */
static fct_duration patience(const struct milter_session *s)
{
    fct_duration usual = s->filter->conf->command_timeout;

    return s->peer->fresh || usual.ms < REUSED_MS ? usual : (fct_duration){REUSED_MS};
}

static FCT_MAY_WAIT bool tell(struct milter_session *s, struct fct_call *call,
                              enum milter_stage stage, const struct milter_rcpt *rcpt,
                              struct milter_verdict *out, struct fct_err *err)
{
    struct milter_reply reply;

    s->told = stage;
    if (!is_told(s, stage))
        return true;
    put_stage(s, call, stage, rcpt);
    if (s->peer->options.protocol & stages[stage].silent)
        return s->peer->out.n < 65536 || milter_peer_send(s->peer, call, err);
    if (!milter_ask(s, call, patience(s), &reply, err))
        return false;
    if (milter_take_verdict(s, &reply, out))
        return true;
    err->class = FCT_TEMP;
    (void)snprintf(err->text, sizeof err->text, "answered '%c' to '%c'", reply.kind,
                   (char)stages[stage].command);
    return false;
}

/* ---- catching up ---- */

static bool is_over(const struct milter_session *s, enum milter_stage stage,
                    const struct milter_verdict *out)
{
    return out->verdict != FCT_NEXT || s->connection_done ||
           (stage >= STAGE_MAIL && s->message_done);
}

/* A new message: what was said about the last one is taken back. */
static void begin_message(struct milter_session *s, struct fct_call *call)
{
    struct fct_str id = s->filter->host->envelope(call)->id;
    size_t n = id.n < sizeof s->message_id ? id.n : sizeof s->message_id - 1;

    if (strlen(s->message_id) == n && memcmp(s->message_id, id.p, n) == 0)
        return;
    if (s->message_id[0])
        milter_session_abort(s);
    memcpy(s->message_id, id.p, n);
    s->message_id[n] = '\0';
}

void milter_session_abort(struct milter_session *s)
{
    if (s->peer && s->told >= STAGE_MAIL) {
        milter_begin(&s->peer->out, MILTER_ABORT);
        milter_end(&s->peer->out);
        s->told = STAGE_HELO;
    }
    s->message_id[0] = '\0';
    s->message_done = false;
    s->recipients = 0;
    forget_changes(s);
}

void milter_session_greeting(struct milter_session *s)
{
    milter_session_abort(s);
    if (s->peer && s->told >= STAGE_HELO)
        s->told = STAGE_CONNECT;
}

static FCT_MAY_WAIT bool connect_once(struct milter_session *s, struct fct_call *call, bool new_one,
                                      struct milter_verdict *out, struct fct_err *err)
{
    s->peer = milter_peer_take(s->filter, call, new_one, err);
    if (!s->peer)
        return false;
    s->recipients = 0;
    if (tell(s, call, STAGE_CONNECT, NULL, out, err))
        return true;
    milter_peer_close(&s->peer);
    return false;
}

/* A connection that waited may have been closed by the filter meanwhile, or is not heard: a new one
 * then. */
static FCT_MAY_WAIT bool connect_filter(struct milter_session *s, struct fct_call *call,
                                        struct milter_verdict *out, struct fct_err *err)
{
    bool waited = s->filter->idle != NULL;

    if (connect_once(s, call, false, out, err))
        return true;
    if (!waited || !connect_once(s, call, true, out, err))
        return false;
    s->filter->once = true;
    s->filter->host->log(call, FCT_INFO,
                         "filter at %s gets a connection for each client: it does not "
                         "answer on one that was used",
                         s->filter->conf->address);
    return true;
}

static FCT_MAY_WAIT bool tell_envelope(struct milter_session *s, struct fct_call *call,
                                       struct milter_verdict *out, struct fct_err *err)
{
    const struct fct_envelope *envelope = s->filter->host->envelope(call);

    while (s->recipients < envelope->recipients) {
        struct milter_rcpt rcpt = {envelope->recipient[s->recipients++], {"", 0}};

        if (!tell(s, call, STAGE_RCPT, &rcpt, out, err))
            return false;
        if (is_over(s, STAGE_RCPT, out))
            return true;
    }
    return true;
}

/* Every stage up to `stage` that it has not heard of. */
static FCT_MAY_WAIT bool catch_up(struct milter_session *s, struct fct_call *call,
                                  enum milter_stage stage, struct milter_verdict *out,
                                  struct fct_err *err)
{
    if (!s->peer && !connect_filter(s, call, out, err))
        return false;
    if (is_over(s, stage, out))
        return true;
    if (stage >= STAGE_HELO && s->told < STAGE_HELO && s->filter->host->conn(call)->helo.n &&
        !tell(s, call, STAGE_HELO, NULL, out, err))
        return false;
    if (stage >= STAGE_MAIL && s->told < STAGE_MAIL && !is_over(s, stage, out) &&
        !tell(s, call, STAGE_MAIL, NULL, out, err))
        return false;
    if (is_over(s, stage, out) || stage < STAGE_DATA)
        return true;
    if (!tell_envelope(s, call, out, err))
        return false;
    if (is_over(s, stage, out) || s->told >= STAGE_DATA)
        return true;
    return tell(s, call, STAGE_DATA, NULL, out, err);
}

static FCT_MAY_WAIT bool tell_rcpt(struct milter_session *s, struct fct_call *call,
                                   const struct milter_rcpt *rcpt, struct milter_verdict *out,
                                   struct fct_err *err)
{
    if (is_over(s, STAGE_RCPT, out))
        return true;
    if (rcpt->refused.n && !(s->peer->options.protocol & MILTER_REFUSED_RCPT))
        return true;
    if (!tell_envelope(s, call, out, err))
        return false;
    if (is_over(s, STAGE_RCPT, out))
        return true;
    if (!tell(s, call, STAGE_RCPT, rcpt, out, err))
        return false;
    if (!rcpt->refused.n && out->verdict == FCT_NEXT)
        s->recipients++;
    return true;
}

void milter_session_step(struct milter_session *s, struct fct_call *call, enum milter_stage stage,
                         const struct milter_rcpt *rcpt, struct milter_verdict *out)
{
    struct fct_err err = {0};

    *out = (struct milter_verdict){.verdict = FCT_NEXT};
    s->used_ms = now_ms();
    if (stage >= STAGE_MAIL)
        begin_message(s, call);
    if (s->broken) {
        put_default(s, out);
        return;
    }
    if (is_over(s, stage, out))
        return;
    if (!catch_up(s, call, stage, out, &err) ||
        (stage == STAGE_RCPT && !tell_rcpt(s, call, rcpt, out, &err)))
        milter_session_fail(s, call, &err, out);
}

void milter_session_unknown(struct milter_session *s, struct fct_call *call, struct fct_str line,
                            struct milter_verdict *out)
{
    struct milter_reply reply;
    struct fct_err err = {0};

    milter_session_step(s, call, STAGE_HELO, NULL, out);
    if (!s->peer || is_over(s, STAGE_HELO, out) || s->peer->options.version < 3 ||
        (s->peer->options.protocol & MILTER_NO_UNKNOWN))
        return;
    milter_begin(&s->peer->out, MILTER_UNKNOWN);
    milter_put_string(&s->peer->out, line);
    milter_end(&s->peer->out);
    if (s->peer->options.protocol & MILTER_SILENT_UNKNOWN)
        return;
    if (!milter_ask(s, call, s->filter->conf->command_timeout, &reply, &err) ||
        !milter_take_verdict(s, &reply, out))
        milter_session_fail(s, call, &err, out);
}

void milter_session_end(struct milter_session *s, struct fct_call *call)
{
    milter_session_abort(s);
    if (s->peer)
        milter_peer_give_back(&s->peer, call);
    milter_session_drop(s);
}
