/* smtp_session.c - the loop of a connection: bytes → line → row of the table → reply (RFC
 * 5321 4.1.4, 4.3). */
#include "protocols/smtp/smtp_session.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include <event2/buffer.h>
#include <sys/socket.h>

#define INPUT_MAX     (128u << 10) /* unread bytes of one connection */
#define OUTPUT_HIGH   (32u << 10)
#define AUTH_LINE_MAX (SASL_MAX_LINE + 64u)
#define FINISH_MS     5000u
#define REFUSED_MS \
    10000u /* how long the rest of refused data is read before the connection is cut */

static void session_fiber(void *arg);

/* ---- questions ---- */

bool smtp_is_submission(const struct smtp_session *s)
{
    return s->edge.listener->role == FCT_ROLE_SUBMISSION;
}

bool smtp_wants_login(const struct smtp_session *s)
{
    return smtp_is_submission(s) && s->principal.handle == 0 && !s->is_local;
}

bool smtp_announces_auth(const struct smtp_session *s)
{
    return s->kind == SMTP_KIND && !s->is_local && (smtp_is_submission(s) || s->conf->mx_auth) &&
           !(s->hidden & SMTP_EXT_AUTH);
}

bool smtp_offers_auth(const struct smtp_session *s)
{
    return smtp_announces_auth(s) && s->principal.handle == 0 &&
           edge_may_login(s->edge.listener, s->stream);
}

/* ---- sending ---- */

static void session_finish(struct smtp_session *s)
{
    if (s->ending || s->lost)
        return;
    s->ending = true;
    stream_finish(s->stream, FINISH_MS);
}

void smtp_send(struct smtp_session *s, const struct smtp_reply *r)
{
    FCT_CLEANUP(buf_free) struct buf line = BUF_INIT(1024);
    struct smtp_reply shown = *r;

    if (r->code == 0 || s->lost || s->ending)
        return;
    if (s->hidden & SMTP_EXT_CODES)
        shown.enhanced = NULL;
    smtp_reply_format(&shown, &line);
    (void)stream_write(s->stream, buf_str(&line)); /* a client that has gone is told by `closed` */
    if (r->close && s->input != INPUT_REFUSED)
        session_finish(s);
}

void smtp_count_error(struct smtp_session *s, struct smtp_reply *r)
{
    unsigned refused = s->errors + s->unknown_recipients;

    if (s->errors > s->conf->max_errors ||
        s->unknown_recipients > s->conf->max_unknown_recipients ||
        (s->auth_failures > 0 && s->auth_failures >= s->conf->max_auth_failures)) {
        *r = SMTP_CLOSE(421, "4.7.0", "too many errors, closing");
        return;
    }
    if (refused > s->conf->free_errors)
        (void)fiber_sleep(s->conf->error_delay.ms);
}

/* Syntax and sequence errors count at once; refused recipients and passwords are counted where they
 * happen. */
static void count_reply(struct smtp_session *s, struct smtp_reply *r)
{
    if ((r->code < 500 || r->code > 504) && r->code != 555)
        return;
    s->errors++;
    smtp_count_error(s, r);
}

/* ---- commands ---- */

static const struct smtp_verb *find_verb(const struct smtp_session *s, struct fct_str word)
{
    for (const struct smtp_verb *v = smtp_verbs; v->name; v++)
        if ((v->kinds & s->kind) && str_equal_nocase(word, str_from(v->name)))
            return v;
    return NULL;
}

static struct smtp_reply wrong_state(const struct smtp_session *s)
{
    switch (s->state) {
    case SMTP_NEW:
        return s->kind == LMTP_KIND ? SMTP_REPLY(503, "5.5.1", "say LHLO first")
                                    : SMTP_REPLY(503, "5.5.1", "say EHLO first");
    case SMTP_READY:
        return SMTP_REPLY(503, "5.5.1", "say MAIL first");
    case SMTP_IN_MAIL:
        return SMTP_REPLY(503, "5.5.1", "no valid recipients yet, or not inside a transaction");
    case SMTP_IN_BDAT:
        return SMTP_REPLY(503, "5.5.1", "the message is being sent by BDAT");
    case SMTP_IN_RCPT:
        break;
    }
    return SMTP_REPLY(503, "5.5.1", "not inside a transaction");
}

/* *malformed: the line is no command, or not in its form. */
static struct smtp_reply run_command(struct smtp_session *s, struct fct_str line, bool *malformed)
{
    struct fct_str argument = line, word = str_split(&argument, ' ');
    const struct smtp_verb *verb = find_verb(s, word);
    union smtp_argument parsed = {0};
    struct smtp_reply r = SMTP_NO_REPLY;

    *malformed = true;
    if (!verb)
        return SMTP_REPLY(500, "5.5.1", "unknown command");
    *malformed = false;
    if (!(verb->allowed & s->state))
        return wrong_state(s);
    if (!argument.p)
        argument = FCT_STR("");
    if (!verb->parse(s, argument, &parsed, &r)) {
        *malformed = r.code == 501;
        return r;
    }
    return verb->run(s, &parsed);
}

/* A line that may be run: CRLF at its end and neither CR, LF nor NUL inside (RFC 5321 2.3.8).
 * Spaces before the CRLF are forgiven (RFC 5321 4.1.1). */
static bool line_is_clean(struct fct_str *line)
{
    if (line->n < 2 || line->p[line->n - 2] != '\r')
        return false;
    line->n -= 2;
    while (line->n > 0 && (line->p[line->n - 1] == ' ' || line->p[line->n - 1] == '\t'))
        line->n--;
    return !memchr(line->p, '\r', line->n) && !memchr(line->p, '\0', line->n);
}

static bool is_auth_line(struct fct_str line)
{
    return str_starts_nocase(line, FCT_STR("AUTH "));
}

static struct smtp_reply answer_line(struct smtp_session *s, struct fct_str line, bool *malformed)
{
    bool clean = line_is_clean(&line);

    if (s->refusal.code != 0 && !str_equal_nocase(line, FCT_STR("QUIT")))
        return s->refusal;
    if (clean && s->input == INPUT_AUTH)
        return smtp_auth_line(s, line);
    if (clean)
        return run_command(s, line, malformed);
    *malformed = s->input == INPUT_COMMAND;
    return SMTP_REPLY(500, "5.5.2", "lines end in CRLF and hold no CR, LF or NUL");
}

static void serve_line(struct smtp_session *s, struct fct_str line)
{
    bool malformed = false;
    struct smtp_reply r;

    arena_reset(s->call);
    r = answer_line(s, line, &malformed);
    count_reply(s, &r);
    /* A password never goes to a plugin. */
    if (malformed && r.code != 421 && !is_auth_line(line))
        smtp_ask_unknown(s, str_trim(line), &r);
    smtp_send(s, &r);
}

static struct smtp_reply too_long(struct smtp_session *s)
{
    struct smtp_reply r = SMTP_REPLY(500, "5.5.6", "line too long");

    if (s->input == INPUT_AUTH)
        smtp_auth_abort(s);
    return r;
}

/* How long the next line may be (RFC 4954 4 for AUTH). */
static size_t line_max(const struct smtp_session *s)
{
    bool auth = s->input == INPUT_AUTH || (s->state == SMTP_READY && smtp_offers_auth(s));

    return auth ? AUTH_LINE_MAX : (size_t)s->conf->max_command_line.bytes;
}

/* One command, or one line of AUTH. False: none is complete. */
static bool step_line(struct smtp_session *s)
{
    size_t command_max = (size_t)s->conf->max_command_line.bytes;
    struct fct_str line;
    struct smtp_reply r;
    int got = stream_line(s->stream, line_max(s), &line);

    if (got == 0)
        return false;
    if (got < 0 || (line.n > command_max && s->input == INPUT_COMMAND && !is_auth_line(line))) {
        r = too_long(s);
        s->input = got < 0 ? INPUT_LONG : INPUT_COMMAND;
        count_reply(s, &r);
        smtp_send(s, &r);
        return true;
    }
    serve_line(s, line);
    return true;
}

/* Throw away the rest of a line that was too long, with its LF. */
static bool step_long(struct smtp_session *s)
{
    struct evbuffer *in = stream_input(s->stream);
    struct evbuffer_ptr lf = evbuffer_search(in, "\n", 1, NULL);

    evbuffer_drain(in, lf.pos < 0 ? evbuffer_get_length(in) : (size_t)lf.pos + 1);
    stream_consumed(s->stream);
    if (lf.pos < 0)
        return false;
    s->input = INPUT_COMMAND;
    return true;
}

static bool step_data(struct smtp_session *s)
{
    switch (smtp_data_take(s)) {
    case DATA_MOVE:
        smtp_data_move(s);
        return true;
    case DATA_SHOW:
        smtp_chunk_ask(s, false);
        return true;
    case DATA_DONE:
        smtp_data_done(s);
        return true;
    case DATA_MORE:
        break;
    }
    return false;
}

static void say_goodbye(struct smtp_session *s)
{
    smtp_send(s, &SMTP_CLOSE(421, "4.3.2", "this server is restarting, please come back"));
}

/* One step of work. False: nothing to do until more bytes come. */
static bool session_step(struct smtp_session *s)
{
    switch (s->input) {
    case INPUT_COMMAND:
        if (!s->draining)
            return step_line(s);
        say_goodbye(s);
        return false;
    case INPUT_AUTH:
        return step_line(s);
    case INPUT_LONG:
        return step_long(s);
    case INPUT_DATA:
    case INPUT_CHUNK:
        return step_data(s);
    case INPUT_REFUSED:
        if (smtp_data_discard(s))
            session_finish(s);
        return false;
    case INPUT_TLS:
        break;
    }
    return false;
}

/* ---- life ---- */

static void tell_disconnect(struct smtp_session *s)
{
    struct fct_ev_disconnect event = {.messages = s->messages,
                                      .bytes_in = stream_bytes_in(s->stream)};

    smtp_tell(s, FCT_HOOK_disconnect, &event);
}

static void session_free(struct smtp_session *s)
{
    struct arena *arena = s->arena;

    smtp_transaction_end(s, s->quit ? "quit" : "lost");
    tell_disconnect(s);
    log_event(EV_DISCONNECT, str_from(s->id.text), F_STR("client", s->hooks.conn.client_ip),
              F_U64("messages", s->messages), F_U64("bytes_in", stream_bytes_in(s->stream)),
              F_U64("errors", s->errors), F_BOOL("quit", s->quit));
    smtp_auth_abort(s);
    smtp_stretch_end(s);
    store_logout(s->edge.listener->edge->store, &s->principal);
    stream_free(&s->stream);
    edge_session_remove(&s->edge);
    arena_free(&arena);
}

static uint64_t time_to_wait(const struct smtp_session *s)
{
    uint64_t now = clock_ms(), wait = s->conf->command_timeout.ms;

    if (s->input == INPUT_REFUSED)
        return REFUSED_MS;
    if (s->input == INPUT_TLS || s->state == SMTP_NEW)
        wait = s->conf->greeting_timeout.ms;
    else if (s->input == INPUT_DATA || s->input == INPUT_CHUNK)
        wait = s->conf->data_timeout.ms;
    if (s->tx && s->tx->deadline_ms < now + wait)
        wait = s->tx->deadline_ms > now ? s->tx->deadline_ms - now : 1;
    return wait;
}

/* No work is left: wait for the client without a fiber, and without the memory of the last command.
 */
void smtp_session_rest(struct smtp_session *s)
{
    s->running = false;
    if (s->input == INPUT_COMMAND &&
        arena_bytes(s->call) > 0) { /* a refusal may wait for its chunk */
        arena_free(&s->call);
        s->call = arena_new(s->arena);
    }
    if (s->lost) {
        session_free(s);
        return;
    }
    if (s->ending)
        return;
    stream_deadline(s->stream, time_to_wait(s));
    stream_resume(s->stream);
}

static void session_fiber(void *arg)
{
    struct smtp_session *s = arg;

    s->running = true;
    s->fiber = fiber_self();
    while (!s->lost && !s->ending && session_step(s))
        ;
    smtp_session_rest(s);
}

/* Is there something that needs a fiber? Message data goes to its spool right here. */
static bool needs_fiber(struct smtp_session *s)
{
    struct evbuffer *in = stream_input(s->stream);

    switch (s->input) {
    case INPUT_DATA:
    case INPUT_CHUNK:
        return smtp_data_take(s) != DATA_MORE;
    case INPUT_COMMAND:
    case INPUT_AUTH:
        return evbuffer_get_length(in) >= line_max(s) ||
               evbuffer_search(in, "\n", 1, NULL).pos >= 0;
    case INPUT_LONG:
    case INPUT_REFUSED:
        return true;
    case INPUT_TLS:
        break;
    }
    return false;
}

static void session_readable(void *owner)
{
    struct smtp_session *s = owner;

    if (s->running || s->lost || s->ending)
        return;
    if (!needs_fiber(s)) {
        if (s->input == INPUT_DATA || s->input == INPUT_CHUNK)
            stream_deadline(s->stream, time_to_wait(s));
        return;
    }
    stream_deadline(s->stream, 0);
    stream_hold(s->stream);
    fiber_start(session_fiber, s);
}

static void session_closed(void *owner, enum stream_end why)
{
    struct smtp_session *s = owner;

    (void)why;
    s->lost = true;
    if (!s->running)
        session_free(s);
    else if (!s->uninterruptible)
        fiber_cancel(s->fiber);
}

static void session_drain(struct edge_session *edge)
{
    struct smtp_session *s = (struct smtp_session *)edge;

    s->draining = true;
    if (!s->running && !s->lost && (s->input == INPUT_COMMAND || s->input == INPUT_AUTH))
        say_goodbye(s);
}

/* ---- start ---- */

/* The kernel's word, which no client can change. */
static void learn_user(struct smtp_session *s, const struct edge_listener *listener, int fd)
{
    struct ucred who;
    socklen_t n = sizeof who;

    if (listener_kind(listener->conf) != LISTENER_LOCAL ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) != 0)
        return;
    s->is_local = true;
    (void)snprintf(s->local_user, sizeof s->local_user, "uid:%u", (unsigned)who.uid);
}

void smtp_session_start(struct edge_listener *listener, int fd, enum smtp_kind kind,
                        const struct smtp_conf *conf)
{
    struct stream_limits limits = {.input_max = INPUT_MAX, .output_high = OUTPUT_HIGH};
    struct arena *arena = arena_new(NULL);
    struct smtp_session *s = ARENA_NEW(arena, struct smtp_session);
    struct stream_owner owner = {session_readable, session_closed, smtp_tls_ready, s};

    s->arena = arena;
    s->call = arena_new(arena);
    s->message = arena_new(arena);
    s->kind = kind;
    s->conf = conf;
    s->id = id_new();
    s->state = SMTP_NEW;
    learn_user(s, listener, fd);
    edge_session_add(&s->edge, listener, session_drain);
    s->stream = edge_stream(listener, fd, &limits, &owner);
    stream_deadline(s->stream, conf->greeting_timeout.ms);
    stream_hold(s->stream);
    /* Else after the handshake, or when the PROXY header has said who it is. */
    if (listener->tls_mode != EDGE_TLS_IMPLICIT && !listener->conf->proxy)
        fiber_start(smtp_greet_fiber, s);
}

static void smtp_accepted(struct edge_listener *listener, int fd)
{
    smtp_session_start(listener, fd, SMTP_KIND, config_get(listener->edge->conf, &smtp_block));
}

const struct edge_protocol smtp_protocol = {.name = "smtp", .accepted = smtp_accepted};
