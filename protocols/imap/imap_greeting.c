/* imap_greeting.c - the greeting (RFC 9051 7.1), and the filters' say about a connection: hooks
 * connect and tls. */
#include "protocols/imap/imap_session.h"

static void put_greeting(struct imap_session *s, struct fct_str text)
{
    imap_put(s, "* OK [");
    imap_put_capabilities(s, &s->out);
    imap_put(s, "] ");
    buf_put_str(&s->out, text);
    imap_put(s, "\r\n");
}

static void greet(struct imap_session *s)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(1024);

    buf_put_str(&text, s->edge.listener->edge->name);
    buf_put_c(&text, " ready");
    put_greeting(s, buf_str(&text));
}

/* A refused client gets a greeting that says so (RFC 9051 7.1.5). */
static void send_away(struct imap_session *s, enum fct_verdict verdict,
                      const struct filter_answer *answer, struct arena *arena)
{
    bool for_now = verdict == FCT_TEMPFAIL;
    struct fct_str text =
        access_text(answer, for_now ? "Please try again later" : "No access from here", arena);

    imap_bye(s, arena_printf(arena, "%s%.*s", for_now ? "[UNAVAILABLE] " : "", FCT_FMT(text)).p);
}

/* The filters have a say before the greeting. */
static void greet_by_filters(struct imap_session *s)
{
    bool implicit = s->edge.listener->tls_mode == EDGE_TLS_IMPLICIT;
    struct arena *arena = arena_new(NULL);
    struct filter_answer answer;
    struct fct_str banner;
    enum fct_verdict verdict = access_connect(&s->access, implicit, arena, &answer, &banner);

    if (!access_goes_on(verdict))
        send_away(s, verdict, &answer, arena);
    else if (banner.n > 0)
        put_greeting(s, banner);
    else
        greet(s);
    arena_free(&arena);
}

static void ask_about_tls(struct imap_session *s)
{
    struct arena *arena = arena_new(NULL);
    struct filter_answer answer;
    enum fct_verdict verdict = access_tls(&s->access, arena, &answer);

    if (!access_goes_on(verdict))
        send_away(s, verdict, &answer, arena);
    arena_free(&arena);
}

enum imap_step imap_greet(struct imap_session *s)
{
    s->greeted = true;
    if (access_wants(&s->access, FCT_HOOK_connect) ||
        (stream_has_tls(s->stream) && access_wants(&s->access, FCT_HOOK_tls)))
        return imap_session_lend(s, greet_by_filters);
    greet(s);
    return IMAP_STEP_WAIT;
}

void imap_tls_began(struct imap_session *s)
{
    if (access_wants(&s->access, FCT_HOOK_tls))
        (void)imap_session_lend(s, ask_about_tls);
}
