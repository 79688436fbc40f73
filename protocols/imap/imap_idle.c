/* imap_idle.c - IDLE (RFC 2177, RFC 9051 6.3.13): a state of the session; no fiber waits. */
#include "protocols/imap/imap_session.h"

#include <stdlib.h>

/* Tell what is new, again while notices keep coming. */
static void tell(struct imap_session *s)
{
    struct fct_err err = {0};

    while (s->changed && s->state == IMAP_SELECTED && !s->dead && !s->ending) {
        struct arena *arena = arena_new(NULL);
        bool ok = imap_changes_sync(s, arena, true, false, &err);

        arena_free(&arena);
        if (!ok && err.class == FCT_TEMP)
            imap_check_login(s);
        if (!ok || !imap_flush(s))
            return;
    }
}

bool imap_idle_run(struct imap_session *s, struct imap_command *c, struct fct_err *err)
{
    if (!imap_parse_end(c->args))
        return imap_syntax(err, "IDLE takes no argument");
    free(s->idle_tag);
    s->idle_tag = str_dup_c(c->tag);
    s->mode = IMAP_MODE_IDLE;
    c->done = true;
    imap_put(s, "+ idling\r\n");
    s->changed = true; /* what came since the last command is told at once */
    tell(s);
    return true;
}

/* In the loop: the store has news for an idle session. */
void imap_idle_notice(struct imap_session *s)
{
    if (s->mode == IMAP_MODE_IDLE && !s->busy && !s->ending && !s->dead)
        imap_session_lend(s, tell);
}

/* "DONE" ends it; anything else too, with BAD. */
enum imap_step imap_idle_line(struct imap_session *s)
{
    struct fct_str line;
    int got = stream_line(s->stream, 1024, &line);
    bool done;

    if (got == 0)
        return IMAP_STEP_WAIT;
    done = got > 0 && str_equal_nocase(str_trim(line), FCT_STR("DONE"));
    imap_put(s, s->idle_tag);
    imap_put(s, done ? " OK IDLE completed\r\n" : " BAD Expected DONE\r\n");
    if (got < 0)
        imap_bye(s, "[TOOBIG] Command line too long");
    free(s->idle_tag);
    s->idle_tag = NULL;
    s->mode = IMAP_MODE_COMMAND;
    return IMAP_STEP_AGAIN;
}
