/* remote.c - see remote.h. While its fiber runs the stream is held, so that the last words of a
 * server that hangs up are read before its end is told. */
#include "protocols/relay/remote.h"

#include "core/base/buf.h"
#include "core/base/str.h"

#include <event2/buffer.h>
#include <stdarg.h>

#define INPUT_MAX   65536u
#define OUTPUT_HIGH 262144u
#define QUIT_GRACE  5000u
#define COMMAND_MAX 4096u

/* ---- what the stream tells ---- */

static void readable(void *owner)
{
    struct remote *r = owner;
    int got;

    if (r->heard)
        r->heard(r->arg);
    if (r->has_line)
        return;
    got = stream_line(r->io, REPLY_LINE_MAX, &r->line);
    if (got == 0)
        return;
    r->has_line = got > 0;
    r->too_long = got < 0;
    stream_hold(r->io);
    (void)fiber_wake(r->waiting);
}

static void closed(void *owner, enum stream_end why)
{
    struct remote *r = owner;

    r->ended = true;
    r->end = why;
    (void)fiber_wake(r->waiting);
}

static void tls_is_ready(void *owner)
{
    struct remote *r = owner;

    r->tls_ready = true;
    (void)fiber_wake(r->waiting);
}

/* ---- beginning and end ---- */

void remote_open(struct remote *r, struct event_base *base, int fd, const char *host)
{
    const struct stream_limits limits = {INPUT_MAX, OUTPUT_HIGH};

    r->ext = (struct remote_extensions){0};
    r->has_line = r->too_long = r->ended = r->tls_ready = r->in_doubt = r->given_up = false;
    r->trouble = (struct delivery_result){0};
    str_copy_c(r->trouble.host, sizeof r->trouble.host, str_from(host));
    r->io = stream_new(base, fd, NULL, &limits,
                       &(struct stream_owner){readable, closed, tls_is_ready, r});
    stream_hold(r->io);
}

bool remote_is_open(const struct remote *r)
{
    return r->io && !r->ended;
}

void remote_close(struct remote *r)
{
    stream_free(&r->io);
    r->ended = true;
}

bool remote_fail(struct remote *r, const char *status, const char *fmt, ...)
{
    char text[sizeof r->trouble.text];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    outcome_without_reply(&r->trouble, OUTCOME_HOST, status, text);
    return false;
}

void remote_quit(struct remote *r)
{
    uint64_t deadline = clock_ms() + QUIT_GRACE;

    if (remote_is_open(r) && stream_write(r->io, FCT_STR("QUIT\r\n"))) {
        stream_finish(r->io, QUIT_GRACE);
        r->waiting = fiber_token();
        stream_resume(r->io);
        while (!r->ended && fiber_park(deadline) == FIBER_WOKEN)
            r->waiting = fiber_token();
    }
    remote_close(r);
}

void remote_must_take(struct remote *r, uint64_t ms)
{
    if (remote_is_open(r))
        stream_deadline(r->io, ms);
}

/* ---- saying ---- */

static bool gone_while(struct remote *r, const char *what)
{
    return remote_fail(r, r->end == STREAM_TIMEOUT ? "4.4.1" : "4.4.2", "%s %s",
                       r->end == STREAM_TIMEOUT ? "it took no bytes in time while"
                                                : "the connection was lost while",
                       what);
}

bool remote_say(struct remote *r, struct fct_str bytes)
{
    return (remote_is_open(r) && stream_write(r->io, bytes)) || gone_while(r, "sending");
}

bool remote_printf(struct remote *r, const char *fmt, ...)
{
    char text[COMMAND_MAX];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0 || n >= (int)sizeof text)
        return remote_fail(r, "5.5.4", "a command would be too long");
    return remote_say(r, (struct fct_str){text, (size_t)n});
}

/* ---- hearing ---- */

/* Until readable, closed or tls_is_ready wakes us. */
FCT_MAY_WAIT static enum fiber_wake wait_for_peer(struct remote *r, uint64_t deadline_ms)
{
    enum fiber_wake why;

    r->waiting = fiber_token();
    stream_resume(r->io);
    why = fiber_park(deadline_ms);
    r->waiting = (struct fiber_token){0};
    if (!r->ended)
        stream_hold(r->io);
    return why;
}

/* 1: r->line; 0: it ended; -1: no answer in time. */
FCT_MAY_WAIT static int next_line(struct remote *r, uint64_t deadline_ms)
{
    for (;;) {
        int got;

        if (r->has_line || r->too_long)
            return 1;
        got = r->io ? stream_line(r->io, REPLY_LINE_MAX, &r->line) : 0;
        r->has_line = got > 0;
        r->too_long = got < 0;
        if (got != 0)
            return 1;
        stream_consumed(r->io);
        if (r->ended)
            return 0;
        if (r->given_up)
            return -1;
        if (wait_for_peer(r, deadline_ms) != FIBER_WOKEN)
            return -1;
    }
}

bool remote_reply(struct remote *r, enum outcome_step step, uint64_t timeout_ms,
                  struct remote_reply *reply)
{
    uint64_t deadline = clock_ms() + timeout_ms;
    struct fct_err err = {0};

    reply->code = 0;
    reply->lines = 0;
    reply->n = 0;
    reply->status[0] = '\0';
    for (;;) {
        struct fct_str words;
        enum reply_state state;
        int got = next_line(r, deadline);
        bool given_up = r->given_up || fiber_is_cancelled();

        if (got == 0)
            return remote_fail(r, "4.4.2",
                               "the connection was lost while waiting for the answer to %s",
                               outcome_step_name(step));
        if (got < 0)
            return remote_fail(r, "4.4.1", "%s to %s%s",
                               given_up ? "given up waiting for the answer" : "no answer",
                               outcome_step_name(step), given_up ? "" : " in time");
        if (r->too_long)
            return remote_fail(r, "4.5.0", "a line of over %u bytes in the answer to %s",
                               REPLY_LINE_MAX, outcome_step_name(step));
        r->has_line = false;
        state = reply_line(reply, r->line, &words, &err);
        if (state == REPLY_BAD)
            return remote_fail(r, "4.5.0", "%s, as an answer to %s", err.text,
                               outcome_step_name(step));
        if (step == STEP_EHLO && reply->lines > 1 && reply_class(reply) == 2)
            remote_extension_line(&r->ext, words);
        if (state == REPLY_DONE)
            return true;
    }
}

bool remote_give_up(struct remote *r)
{
    if (!remote_is_open(r) || r->in_doubt || !fiber_wake(r->waiting))
        return false;
    r->given_up = true;
    return true;
}

bool remote_has_input(const struct remote *r)
{
    return r->has_line || r->too_long || r->ended ||
           (r->io && evbuffer_get_length(stream_input(r->io)) > 0);
}

void remote_idle(struct remote *r, struct fiber_token *token, uint64_t ms)
{
    if (remote_has_input(r))
        return;
    r->waiting = fiber_token();
    *token = r->waiting;
    stream_resume(r->io);
    (void)fiber_park(clock_ms() + ms);
    *token = r->waiting = (struct fiber_token){0};
    if (!r->ended)
        stream_hold(r->io);
}

bool remote_start_tls(struct remote *r, struct tls_context *tls,
                      bool (*prepare)(void *arg, struct ssl_st *ssl, struct fct_err *err),
                      void *arg, uint64_t timeout_ms)
{
    uint64_t deadline = clock_ms() + timeout_ms;
    struct fct_err err = {0};

    r->tls_ready = false;
    if (!stream_connect_tls(r->io, tls, prepare, arg, &err))
        return remote_fail(r, "4.7.5", "TLS: %s", err.text);
    while (!r->tls_ready && !r->ended)
        if (wait_for_peer(r, deadline) != FIBER_WOKEN)
            return remote_fail(r, "4.7.5", "TLS: no end of the handshake in time");
    return r->tls_ready || remote_fail(r, "4.7.5", "TLS: the handshake failed");
}
