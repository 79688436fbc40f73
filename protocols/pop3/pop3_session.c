/* pop3_session.c - the table of verbs and the loop of a connection (RFC 1939; RFC 2449; RFC 6856).
 */
#include "protocols/pop3/pop3_session.h"

#include "core/base/str.h"
#include "core/log/log.h"

#include <event2/buffer.h>
#include <stdlib.h>

#define INPUT_MAX       (64u << 10)
#define OUTPUT_MAX      (256u << 10)
#define LINE_MAX_OCTETS (SASL_MAX_LINE + 64u)
#define FINISH_MS       5000u

/* ---- verbs ---- */

static bool noop_run(struct pop3_session *s, const struct pop3_arguments *a, struct fct_err *err)
{
    (void)a, (void)err;
    return pop3_ok(s, "nothing done");
}

/* RFC 6856 2.1. Headers are sent as they are in either mode: what is in UTF-8 came from a sender
 * that may use it (RFC 6532), and a client that does not ask for it was never better off with an
 * -ERR. */
static bool utf8_run(struct pop3_session *s, const struct pop3_arguments *a, struct fct_err *err)
{
    (void)a, (void)err;
    return pop3_ok(s, "UTF8 enabled");
}

#define ANY (POP3_AUTHORIZATION | POP3_TRANSACTION)

/* clang-format off */
static const struct pop3_verb {
    const char *name;
    unsigned states; /* allowed in */
    enum pop3_shape shape;
    pop3_run_fn *run;
} verbs[] = {
    {"CAPA", ANY,                POP3_NOTHING,         pop3_capa_run},
    {"STLS", POP3_AUTHORIZATION, POP3_NOTHING,         pop3_stls_run},
    {"UTF8", POP3_AUTHORIZATION, POP3_NOTHING,         utf8_run},
    {"USER", POP3_AUTHORIZATION, POP3_TEXT,            pop3_user_run},
    {"PASS", POP3_AUTHORIZATION, POP3_TEXT,            pop3_pass_run},
    {"AUTH", POP3_AUTHORIZATION, POP3_MECHANISM,       pop3_auth_run},
    {"STAT", POP3_TRANSACTION,   POP3_NOTHING,         pop3_stat_run},
    {"LIST", POP3_TRANSACTION,   POP3_OPTIONAL_NUMBER, pop3_list_run},
    {"UIDL", POP3_TRANSACTION,   POP3_OPTIONAL_NUMBER, pop3_uidl_run},
    {"RETR", POP3_TRANSACTION,   POP3_NUMBER,          pop3_retr_run},
    {"TOP",  POP3_TRANSACTION,   POP3_NUMBER_LINES,    pop3_top_run},
    {"DELE", POP3_TRANSACTION,   POP3_NUMBER,          pop3_dele_run},
    {"NOOP", POP3_TRANSACTION,   POP3_NOTHING,         noop_run},
    {"RSET", POP3_TRANSACTION,   POP3_NOTHING,         pop3_rset_run},
    {"QUIT", ANY,                POP3_NOTHING,         pop3_quit_run},
};
/* clang-format on */

static const struct pop3_verb *find_verb(struct fct_str word)
{
    for (size_t i = 0; i < FCT_COUNT(verbs); i++)
        if (str_equal_nocase(word, str_from(verbs[i].name)))
            return &verbs[i];
    return NULL;
}

/* ---- answers ---- */

FCT_PRINTF(3, 0)
static FCT_PRINTF(3, 0) bool answer(struct pop3_session *s, const char *word, const char *fmt,
                                    va_list args)
{
    char text[400];

    vsnprintf(text, sizeof text, fmt, args);
    return stream_printf(s->stream, "%s %s\r\n", word, text);
}

bool pop3_ok(struct pop3_session *s, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    bool sent = answer(s, "+OK", fmt, args);

    va_end(args);
    return sent;
}

bool pop3_refuse(struct pop3_session *s, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    answer(s, "-ERR", fmt, args);
    va_end(args);
    return true;
}

bool pop3_verdict(struct pop3_session *s, enum fct_verdict verdict,
                  const struct filter_answer *answer)
{
    struct arena *arena;

    if (access_goes_on(verdict))
        return true;
    arena = arena_new(NULL);
    s->ending |= verdict == FCT_DISCONNECT;
    if (verdict == FCT_TEMPFAIL)
        pop3_refuse(s, "[SYS/TEMP] %.*s",
                    FCT_FMT(access_text(answer, "this is not possible right now", arena)));
    else
        pop3_refuse(s, "%.*s", FCT_FMT(access_text(answer, "refused by policy", arena)));
    arena_free(&arena);
    return false;
}

/* The one place where a class of error becomes an answer (RFC 2449 8, RFC 3206). */
static void refuse_error(struct pop3_session *s, const struct fct_err *err)
{
    switch (err->class) {
    case FCT_SYNTAX:
    case FCT_LIMIT:
        pop3_refuse(s, "%s", err->text);
        return;
    case FCT_DENIED: /* another session has expunged it */
        pop3_refuse(s, "this message is gone");
        return;
    case FCT_OK:
    case FCT_TEMP:
    case FCT_BUG:
        break;
    }
    log_event(EV_COMMAND_REFUSED, str_from(s->id.text), F_C("why", err->text));
    pop3_refuse(s, "[SYS/TEMP] this is not possible right now, please try again later");
}

/* ---- one line ---- */

static void malformed(struct pop3_session *s, const char *text)
{
    if (++s->errors > s->conf->max_errors) {
        s->ending = true;
        text = "too many errors, goodbye";
    }
    pop3_refuse(s, "%s", text);
}

/* False: it was answered already. */
static bool is_acceptable(struct pop3_session *s, const struct pop3_verb *v, size_t length)
{
    if (s->state == POP3_AUTHORIZATION && ++s->early_commands > s->conf->max_early_commands) {
        s->ending = true;
        pop3_refuse(s, "too many commands without a login, goodbye");
    } else if (!v) {
        malformed(s, "unknown command");
    } else if (length > s->conf->max_command && v->shape != POP3_MECHANISM) {
        malformed(s, "line too long");
    } else if (!(v->states & s->state)) {
        malformed(s, s->state == POP3_AUTHORIZATION ? "log in first" : "you are logged in already");
    } else {
        return true;
    }
    return false;
}

FCT_MAY_WAIT static void run_line(struct pop3_session *s, struct fct_str line)
{
    size_t length = line.n;
    struct fct_str rest = pop3_strip(line);
    const struct pop3_verb *v;
    struct pop3_arguments arguments;
    struct fct_err err = {0};

    if (s->exchange) {
        if (!pop3_auth_line(s, rest, &err))
            refuse_error(s, &err);
        return;
    }
    v = find_verb(pop3_keyword(&rest));
    if (!is_acceptable(s, v, length))
        return;
    if (!pop3_arguments(v->shape, rest, &arguments, &err))
        malformed(s, err.text);
    else if (!v->run(s, &arguments, &err))
        refuse_error(s, &err);
}

/* ---- life ---- */

static void session_free(struct pop3_session *s)
{
    log_event(EV_DISCONNECT, str_from(s->id.text), F_C("login", s->login),
              F_U64("retrieved", s->retrieved), F_U64("deleted", s->deleted),
              F_U64("in", stream_bytes_in(s->stream)), F_U64("out", stream_bytes_out(s->stream)));
    access_end(&s->access);
    pop3_auth_abort(s);
    pop3_maildrop_free(&s->drop);
    if (s->principal.handle)
        store_logout(s->edge.listener->edge->store, &s->principal);
    free(s->login);
    free(s->user);
    stream_free(&s->stream);
    edge_session_remove(&s->edge);
    free(s);
}

static void set_deadline(struct pop3_session *s)
{
    uint64_t since = clock_ms() - s->access.opened, wait = s->conf->login_timeout.ms;

    if (s->state == POP3_TRANSACTION)
        stream_deadline(s->stream, s->conf->idle_timeout.ms);
    else /* bytes that trickle in win no time before the login */
        stream_deadline(s->stream, since < wait ? wait - since : 1);
}

static void finish(struct pop3_session *s)
{
    s->ending = true;
    stream_finish(s->stream, FINISH_MS);
}

/* All complete lines are answered: the fiber goes back. */
static void session_rest(struct pop3_session *s)
{
    s->busy = false;
    if (s->dead) {
        session_free(s);
        return;
    }
    if (s->ending || s->draining) {
        finish(s);
        return;
    }
    set_deadline(s);
    stream_resume(s->stream);
}

FCT_MAY_WAIT static void session_work(void *arg)
{
    struct pop3_session *s = arg;
    int more = 1;

    s->fiber = fiber_self();
    while (more > 0 && !s->dead && !s->ending) {
        run_line(s, s->line);
        more = s->dead || s->ending ? 0 : stream_line(s->stream, LINE_MAX_OCTETS, &s->line);
    }
    if (more < 0) {
        pop3_refuse(s, "line too long");
        s->ending = true;
    }
    session_rest(s);
}

/* A fiber has the session until it rests; s may be gone behind this. */
static void lend(struct pop3_session *s, void (*work)(void *session))
{
    s->busy = true;
    stream_deadline(s->stream, s->conf->stall_timeout.ms);
    stream_hold(s->stream);
    fiber_start(work, s);
}

static void session_readable(void *owner)
{
    struct pop3_session *s = owner;

    if (s->busy || s->ending)
        return;
    switch (stream_line(s->stream, LINE_MAX_OCTETS, &s->line)) {
    case 1:
        lend(s, session_work);
        return;
    case -1:
        pop3_refuse(s, "line too long");
        finish(s);
        return;
    default:
        stream_consumed(s->stream);
    }
}

static void session_closed(void *owner, enum stream_end why)
{
    struct pop3_session *s = owner;

    (void)why;
    s->dead = true;
    if (s->busy)
        fiber_cancel(s->fiber); /* what it was doing fails, then it frees the session */
    else
        session_free(s);
}

/* Marks of an open session are dropped, as when its connection breaks: the client will be back. */
static void session_drain(struct edge_session *edge)
{
    struct pop3_session *s = (struct pop3_session *)edge;

    s->draining = true;
    if (!s->busy && !s->ending)
        finish(s);
}

/* ---- beginning ---- */

/* No "<" in it: that would offer APOP (RFC 1939 7), whose server must keep passwords in clear. */
static void greet(struct pop3_session *s, struct fct_str banner)
{
    char text[200];

    if (banner.n == 0) {
        pop3_ok(s, "%.*s POP3 ready", FCT_FMT(s->edge.listener->edge->name));
        return;
    }
    str_copy_c(text, sizeof text, banner);
    for (char *at = text; (at = strchr(at, '<')) != NULL;)
        *at = '(';
    pop3_ok(s, "%s", text);
}

/* The filters have a say before the greeting. */
FCT_MAY_WAIT static void greet_by_filters(void *arg)
{
    struct pop3_session *s = arg;
    struct arena *arena = arena_new(NULL);
    struct filter_answer answer;
    struct fct_str banner;
    enum fct_verdict verdict;

    s->fiber = fiber_self();
    verdict = access_connect(&s->access, s->edge.listener->tls_mode == EDGE_TLS_IMPLICIT, arena,
                             &answer, &banner);
    if (pop3_verdict(s, verdict, &answer))
        greet(s, banner);
    else
        s->ending = true;
    arena_free(&arena);
    session_rest(s);
}

FCT_MAY_WAIT static void ask_about_tls(void *arg)
{
    struct pop3_session *s = arg;
    struct arena *arena = arena_new(NULL);
    struct filter_answer answer;

    s->fiber = fiber_self();
    if (!pop3_verdict(s, access_tls(&s->access, arena, &answer), &answer))
        s->ending = true;
    arena_free(&arena);
    session_rest(s);
}

static bool asks_at_first(const struct pop3_session *s)
{
    return access_wants(&s->access, FCT_HOOK_connect) ||
           (s->edge.listener->tls_mode == EDGE_TLS_IMPLICIT &&
            access_wants(&s->access, FCT_HOOK_tls));
}

/* After the handshake, or the PROXY header: now it is known who the client is. */
static void session_tls_ready(void *owner)
{
    struct pop3_session *s = owner;

    if (s->ending)
        return;
    if (!s->greeted) {
        s->greeted = true;
        lend(s, greet_by_filters);
    } else if (stream_has_tls(s->stream) && access_wants(&s->access, FCT_HOOK_tls)) {
        lend(s, ask_about_tls);
    }
}

static void session_accepted(struct edge_listener *listener, int fd)
{
    const struct stream_limits limits = {.input_max = INPUT_MAX, .output_high = OUTPUT_MAX};
    struct pop3_session *s = calloc(1, sizeof *s);
    const struct stream_owner owner = {session_readable, session_closed, session_tls_ready, s};

    FCT_ASSERT(s);
    s->id = id_new();
    s->conf = config_get(listener->edge->conf, &pop3_block);
    s->state = POP3_AUTHORIZATION;
    s->stream = edge_stream(listener, fd, &limits, &owner);
    access_start(&s->access, &s->edge, s->stream, &s->id, "pop3");
    edge_session_add(&s->edge, listener, session_drain);
    log_event(EV_CONNECT, str_from(s->id.text), F_C("peer", stream_peer(s->stream)->text));
    set_deadline(s);
    if (!asks_at_first(s)) {
        s->greeted = true;
        greet(s, (struct fct_str){0});
    } else if (listener->tls_mode != EDGE_TLS_IMPLICIT && !listener->conf->proxy) {
        s->greeted = true;
        lend(s, greet_by_filters);
    }
}

const struct edge_protocol pop3_protocol = {.name = "pop3", .accepted = session_accepted};
