/* imap_session.c - the session: its table of commands and the loop that reads one, lends a fiber,
 * answers (RFC 9051 3, 5.5).
 *
 * Order of a command: imap_readable → imap_input_take → lend → run_command → verb->run →
 * imap_changes_sync → imap_reply. */
#include "protocols/imap/imap_session.h"

#include "core/log/log.h"
#include "protocols/imap/imap_response.h"

#include <event2/buffer.h>
#include <stdlib.h>

/* clang-format off */
#define NOT_AUTH IMAP_NOT_AUTHENTICATED
#define AUTH     (IMAP_AUTHENTICATED | IMAP_SELECTED)
#define SELECTED IMAP_SELECTED
#define ANY      (NOT_AUTH | AUTH)

/* RFC 9051 6, in its order. */
static const struct imap_verb verbs[] = {
/*   name            allowed in  UID    keeps  run                                                      */
    {"CAPABILITY",   ANY,        false, false, imap_capability_run,  },
    {"NOOP",         ANY,        false, false, imap_noop_run,        },
    {"LOGOUT",       ANY,        false, false, imap_logout_run,      },
    {"ID",           ANY,        false, false, imap_id_run,          },
    {"STARTTLS",     NOT_AUTH,   false, false, imap_starttls_run,    },
    {"AUTHENTICATE", NOT_AUTH,   false, false, imap_authenticate_run,},
    {"LOGIN",        NOT_AUTH,   false, false, imap_login_run,       },
    {"ENABLE",       AUTH,       false, false, imap_enable_run,      },
    {"SELECT",       AUTH,       false, false, imap_select_run,      },
    {"EXAMINE",      AUTH,       false, false, imap_examine_run,     },
    {"CREATE",       AUTH,       false, false, imap_create_run,      },
    {"DELETE",       AUTH,       false, false, imap_delete_run,      },
    {"RENAME",       AUTH,       false, false, imap_rename_run,      },
    {"SUBSCRIBE",    AUTH,       false, false, imap_subscribe_run,   },
    {"UNSUBSCRIBE",  AUTH,       false, false, imap_unsubscribe_run, },
    {"LIST",         AUTH,       false, false, imap_list_run,        },
    {"LSUB",         AUTH,       false, false, imap_lsub_run,        }, /* RFC 3501 6.3.9 */
    {"NAMESPACE",    AUTH,       false, false, imap_namespace_run,   },
    {"STATUS",       AUTH,       false, false, imap_status_run,      },
    {"APPEND",       AUTH,       false, false, imap_append_run,      },
    {"IDLE",         AUTH,       false, false, imap_idle_run,        },
    {"CHECK",        SELECTED,   false, false, imap_noop_run,        }, /* RFC 3501 6.4.1 */
    {"CLOSE",        SELECTED,   false, false, imap_close_run,       },
    {"UNSELECT",     SELECTED,   false, false, imap_unselect_run,    },
    {"EXPUNGE",      SELECTED,   true,  false, imap_expunge_run,     },
    {"SEARCH",       SELECTED,   true,  true,  imap_search_run,      },
    {"FETCH",        SELECTED,   true,  true,  imap_fetch_run,       },
    {"STORE",        SELECTED,   true,  true,  imap_store_run,       },
    {"COPY",         SELECTED,   true,  false, imap_copy_run,        },
    {"MOVE",         SELECTED,   true,  false, imap_move_run,        },
};
/* clang-format on */

const struct imap_verb *imap_verb_find(struct fct_str name)
{
    for (size_t i = 0; i < FCT_COUNT(verbs); i++)
        if (str_equal_nocase(name, str_from(verbs[i].name)))
            return &verbs[i];
    return NULL;
}

/* ---- output ---- */

static void free_output(const void *data, size_t n, void *p)
{
    (void)data;
    (void)n;
    free(p);
}

/* Small answers are copied; the memory of large ones goes to the stream as it is. */
bool imap_flush(struct imap_session *s)
{
    FCT_CLEANUP(buf_free) struct buf taken = s->out;
    struct evbuffer *chain;
    bool alive = !s->dead;

    s->out = BUF_INIT(taken.max);
    if (taken.overflow) {
        log_event(EV_BUG, str_from(s->id.text), F_C("what", "imap: one answer above its maximum"));
        imap_bye(s, "[SERVERBUG] Internal error");
        return false;
    }
    if (taken.n == 0 || !alive)
        return alive;
    if (taken.n < 4096)
        return stream_write(s->stream, buf_str(&taken)) && !s->dead;
    chain = evbuffer_new();
    FCT_ASSERT(chain);
    if (evbuffer_add_reference(chain, taken.p, taken.n, free_output, taken.p) == 0)
        taken.p = NULL;
    alive = stream_write_buffer(s->stream, chain) && !s->dead;
    evbuffer_free(chain);
    return alive;
}

void imap_bye(struct imap_session *s, const char *text)
{
    if (s->ending)
        return;
    imap_put(s, "* BYE ");
    imap_put(s, text);
    imap_put(s, "\r\n");
    s->ending = true;
}

/* ---- life ---- */

static void session_free(struct imap_session *s)
{
    struct store *store = s->edge.listener->edge->store;

    log_event(EV_DISCONNECT, str_from(s->id.text), F_C("login", s->login),
              F_U64("in", stream_bytes_in(s->stream)), F_U64("out", stream_bytes_out(s->stream)));
    access_end(&s->access);
    imap_unselect(s);
    imap_authentication_free(s);
    imap_upload_free(s);
    if (s->principal.handle) {
        store_watch(store, s->principal.handle, NULL, NULL);
        store_logout(store, &s->principal);
    }
    free(s->login);
    free(s->client);
    imap_input_reset(&s->input);
    buf_free(&s->out);
    free(s->saved);
    free(s->idle_tag);
    stream_free(&s->stream);
    edge_session_remove(&s->edge);
    free(s);
}

void imap_unselect(struct imap_session *s)
{
    if (s->view.mailbox)
        store_unselect(s->edge.listener->edge->store, s->principal.handle, s->view.mailbox);
    imap_view_close(&s->view);
    free(s->saved);
    s->saved = NULL;
    s->nsaved = 0;
    s->changed = false;
    if (s->state == IMAP_SELECTED)
        s->state = IMAP_AUTHENTICATED;
}

void imap_set_deadline(struct imap_session *s)
{
    bool inside = s->mode == IMAP_MODE_MESSAGE || s->input.command.n > 0 || s->busy;
    uint64_t since, wait;

    if (s->state != IMAP_NOT_AUTHENTICATED) {
        stream_deadline(s->stream, inside ? s->conf->stall_timeout.ms : s->conf->idle_timeout.ms);
        return;
    }
    since = clock_ms() - s->access.opened; /* bytes that trickle in win no time before login */
    wait = s->conf->login_timeout.ms;
    stream_deadline(s->stream, since < wait ? wait - since : 1);
}

/* What was collected goes out; a session that said BYE ends. In the loop, or at the end of a fiber.
 */
static void session_settle(struct imap_session *s)
{
    if (s->draining)
        imap_bye(s, "[UNAVAILABLE] The server restarts, please come back");
    imap_flush(s);
    buf_free(&s->out);
    if (s->ending) {
        stream_finish(s->stream, s->conf->stall_timeout.ms);
        return;
    }
    imap_set_deadline(s);
    stream_consumed(s->stream);
}

static void session_closed(void *owner, enum stream_end why)
{
    struct imap_session *s = owner;

    (void)why;
    s->dead = true;
    if (s->busy)
        fiber_cancel(s->fiber);
    else
        session_free(s);
}

/* ---- lending a fiber ---- */

/* The end of a piece of work: the fiber goes back, the session rests or ends. */
static void session_rest(struct imap_session *s)
{
    if (!s->dead)
        session_settle(s);
    s->busy = false;
    if (s->dead)
        session_free(s);
    else if (!s->ending)
        stream_resume(s->stream);
}

static void session_work(void *arg)
{
    struct imap_session *s = arg;

    s->fiber = fiber_self();
    s->work(s);
    session_rest(s);
}

enum imap_step imap_session_lend(struct imap_session *s, void (*work)(struct imap_session *s))
{
    FCT_ASSERT(!s->busy);
    s->busy = true;
    s->work = work;
    imap_set_deadline(s);
    stream_hold(s->stream);
    fiber_start(session_work, s);
    return IMAP_STEP_LENT; /* s may be gone */
}

/* ---- one command ---- */

/* command = tag SP ["UID" SP] name … ; the rest of the line stays in c->args. */
static bool parse_command(struct imap_command *c, struct fct_str line, struct fct_err *err)
{
    struct fct_str name;

    if (!imap_parse_tag(&line, &c->tag) || !imap_parse_space(&line) || c->tag.n > 128) {
        c->tag = (struct fct_str){0};
        return imap_syntax(err, "A command starts with a tag and a space");
    }
    if (!imap_parse_atom(&line, &name))
        return imap_syntax(err, "No command after the tag");
    if (str_equal_nocase(name, FCT_STR("UID"))) {
        c->uid = true;
        if (!imap_parse_space(&line) || !imap_parse_atom(&line, &name))
            return imap_syntax(err, "No command after UID");
    }
    c->verb = imap_verb_find(name);
    c->args = line;
    if (!c->verb || (c->uid && !c->verb->uid))
        return imap_syntax(err, "Unknown command");
    return true;
}

static bool check_state(const struct imap_session *s, const struct imap_command *c,
                        struct fct_err *err)
{
    if (s->state & c->verb->allowed)
        return true;
    return imap_syntax(err, s->state == IMAP_NOT_AUTHENTICATED ? "Please log in first"
                            : c->verb->allowed & NOT_AUTH      ? "Already logged in"
                                                               : "No mailbox is selected");
}

/* After a restart of the store our login leads nowhere, whatever comes: the client must log in
 * again. */
void imap_check_login(struct imap_session *s)
{
    struct store *store = s->edge.listener->edge->store;
    struct arena *arena = arena_new(NULL);
    struct mailbox_info info;
    struct fct_err err = {0};

    if (s->principal.handle && store_is_up(store) &&
        !store_mailbox(store, s->principal.handle, FCT_STR("INBOX"), arena, &info, &err) &&
        err.class == FCT_TEMP)
        imap_bye(s, "[UNAVAILABLE] The store was restarted, please log in again");
    arena_free(&arena);
}

/* Untagged news are told before the tagged answer, as far as the command allows (RFC 9051 5.5). */
static void tell_news(struct imap_session *s, struct imap_command *c)
{
    bool expunges = !c->verb->keeps_numbers || c->uid;
    struct fct_err err = {0};

    if (s->state != IMAP_SELECTED || s->dead || s->ending)
        return;
    if ((!s->changed && (!expunges || s->view.nvanished == 0)) ||
        imap_changes_sync(s, c->arena, expunges, c->uid, &err))
        return;
    s->changed = true; /* the store is away: at the next command */
    if (err.class == FCT_TEMP)
        imap_check_login(s);
}

static void count_error(struct imap_session *s, const struct fct_err *err)
{
    if (err->class == FCT_SYNTAX && ++s->errors >= s->conf->max_errors)
        imap_bye(s, "Too many errors");
}

static void run_command(struct imap_session *s)
{
    struct imap_command c = {.arena = arena_new(NULL)};
    struct fct_err err = {0};
    bool ok = parse_command(&c, imap_input_command(&s->input), &err) && check_state(s, &c, &err) &&
              c.verb->run(s, &c, &err);

    if (!c.done && !s->dead) {
        if (c.verb && (ok || err.class != FCT_SYNTAX))
            tell_news(s, &c);
        imap_reply(s, &c, ok, &err);
    }
    if (!ok)
        count_error(s, &err);
    if (!ok && err.class == FCT_TEMP && !s->dead)
        imap_check_login(s);
    imap_upload_free(s);
    arena_free(&c.arena);
    imap_input_reset(&s->input);
}

/* ---- reading ---- */

static void refuse_line(struct imap_session *s)
{
    struct fct_err err = {.class = FCT_SYNTAX};

    imap_put(s, "* BAD [TOOBIG] Command line too long\r\n");
    count_error(s, &err);
    imap_input_reset(&s->input);
}

/* A literal over the limit: the command is refused before the client sends it; one that comes
 * without asking cannot be told from the commands behind it, so the connection ends (RFC 7888 4).
 */
static void refuse_literal(struct imap_session *s, const struct imap_literal *literal)
{
    struct fct_str line = imap_input_command(&s->input), tag;
    struct fct_err err = {.class = FCT_SYNTAX};

    if (imap_parse_tag(&line, &tag) && imap_parse_space(&line)) {
        buf_put_str(&s->out, tag);
        imap_put(s, " BAD [TOOBIG] Literal too large\r\n");
    } else {
        imap_put(s, "* BAD [TOOBIG] Literal too large\r\n");
    }
    count_error(s, &err);
    if (!literal->waits)
        imap_bye(s, "[TOOBIG] A literal over the limit was sent without waiting");
    imap_input_reset(&s->input);
}

static struct imap_input_limits input_limits(const struct imap_session *s)
{
    size_t literal = (size_t)s->conf->max_literal.bytes;

    return (struct imap_input_limits){
        .max_line = (size_t)s->conf->max_command.bytes,
        .max_literal = s->state == IMAP_NOT_AUTHENTICATED ? literal / 16 : literal,
    };
}

static enum imap_step literal_asked(struct imap_session *s, const struct imap_literal *literal)
{
    const struct imap_input_limits limits = input_limits(s);
    enum imap_step step;

    if (imap_append_asked(s, literal, &step))
        return step;
    if (!imap_input_accept(&s->input, literal, &limits))
        refuse_literal(s, literal);
    else if (literal->waits)
        imap_put(s, "+ OK\r\n");
    return IMAP_STEP_AGAIN;
}

static enum imap_step read_command(struct imap_session *s)
{
    const struct imap_input_limits limits = input_limits(s);
    struct imap_literal literal;

    switch (imap_input_take(&s->input, stream_input(s->stream), &limits, &literal)) {
    case INPUT_MORE:
        break;
    case INPUT_COMMAND:
        return imap_session_lend(s, run_command);
    case INPUT_ASKS:
        return literal_asked(s, &literal);
    case INPUT_TOO_LONG:
        refuse_line(s);
        return IMAP_STEP_AGAIN;
    }
    return IMAP_STEP_WAIT;
}

static enum imap_step session_step(struct imap_session *s)
{
    if (s->ending)
        return IMAP_STEP_WAIT;
    switch ((enum imap_mode)s->mode) {
    case IMAP_MODE_COMMAND:
        return read_command(s);
    case IMAP_MODE_MESSAGE:
        return imap_append_bytes(s);
    case IMAP_MODE_AUTHENTICATE:
        return imap_authenticate_line(s);
    case IMAP_MODE_IDLE:
        return imap_idle_line(s);
    }
    return IMAP_STEP_WAIT;
}

/* Bytes came: until they are used up or a fiber has taken over. */
static void session_readable(void *owner)
{
    struct imap_session *s = owner;
    enum imap_step step;

    if (s->busy || s->ending || s->dead)
        return;
    do
        step = session_step(s);
    while (step == IMAP_STEP_AGAIN);
    if (step == IMAP_STEP_WAIT)
        session_settle(s);
}

/* ---- beginning and drain ---- */

static void begin(struct imap_session *s)
{
    if (imap_greet(s) != IMAP_STEP_LENT)
        session_settle(s);
}

/* After the handshake, or the PROXY header: a greeting, whose capabilities depend on who the client
 * is; none after STARTTLS (RFC 9051 6.2.1). */
static void session_tls_ready(void *owner)
{
    struct imap_session *s = owner;

    if (s->ending)
        return;
    if (!s->greeted)
        begin(s);
    else
        imap_tls_began(s);
}

static void session_drain(struct edge_session *edge)
{
    struct imap_session *s =
        (struct imap_session *)(void *)((char *)edge - offsetof(struct imap_session, edge));

    s->draining = true;
    if (!s->busy && !s->ending)
        session_settle(s);
}

static void session_accepted(struct edge_listener *listener, int fd)
{
    struct imap_session *s = calloc(1, sizeof *s);
    const struct stream_limits limits = {.input_max = 64u << 10, .output_high = 256u << 10};
    const struct stream_owner owner = {session_readable, session_closed, session_tls_ready, s};

    FCT_ASSERT(s);
    s->conf = config_get(listener->edge->conf, &imap_block);
    s->id = id_new();
    s->state = IMAP_NOT_AUTHENTICATED;
    s->out = BUF_INIT(IMAP_OUTPUT_MAX);
    s->stream = edge_stream(listener, fd, &limits, &owner);
    access_start(&s->access, &s->edge, s->stream, &s->id, "imap");
    edge_session_add(&s->edge, listener, session_drain);
    log_event(EV_CONNECT, str_from(s->id.text), F_C("peer", stream_peer(s->stream)->text));
    if (listener->tls_mode == EDGE_TLS_IMPLICIT || listener->conf->proxy) {
        imap_set_deadline(s);
        return;
    }
    begin(s);
}

const struct edge_protocol imap_protocol = {.name = "imap", .accepted = session_accepted};
