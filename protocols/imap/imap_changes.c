/* imap_changes.c - the store's changes become the client's: EXPUNGE, EXISTS, FETCH (RFC
 * 9051 5.2, 7.4, 7.5). */
#include "protocols/imap/imap_response.h"
#include "protocols/imap/imap_session.h"

static struct store *store_of(const struct imap_session *s)
{
    return s->edge.listener->edge->store;
}

/* The store forgot what happened since: compare with a new snapshot. */
static bool select_again(struct imap_session *s, struct arena *arena, struct store_changes *changes,
                         struct fct_err *err)
{
    struct store_view *now = ARENA_NEW(arena, struct store_view);
    struct fct_str name = arena_str(arena, str_from(s->view.name));

    if (!store_select(store_of(s), s->principal.handle, name, true, arena, now, err))
        return false;
    arena_defer(arena, (void (*)(void *))store_view_free, now);
    if (now->info.id != s->view.mailbox || now->info.uid_validity != s->view.uid_validity) {
        *changes = (struct store_changes){.gone = true};
        return true;
    }
    imap_view_compare(&s->view, now, arena, changes);
    return true;
}

bool imap_changes_take(struct imap_session *s, struct arena *arena, struct store_changes *changes,
                       struct fct_err *err)
{
    s->changed = false; /* a notice that comes while we wait counts again */
    if (!store_sync(store_of(s), s->principal.handle, s->view.mailbox, s->view.mod_seq, arena,
                    changes, err))
        return false;
    if (changes->too_old && !changes->gone && !select_again(s, arena, changes, err))
        return false;
    if (!changes->gone)
        return true;
    imap_bye(s, "The selected mailbox was deleted");
    return fct_fail(err, FCT_DENIED, "The selected mailbox was deleted");
}

/* flag-keywords that may be set: the table, and new ones as long as it has room (PERMANENTFLAGS'
 * "\*"). */
static void put_flag_names(struct imap_session *s)
{
    imap_put(s, "\\Answered \\Flagged \\Deleted \\Seen \\Draft");
    for (uint32_t i = 0; i < s->view.nkeywords; i++) {
        buf_put_char(&s->out, ' ');
        buf_put_str(&s->out, s->view.keyword[i]);
    }
}

void imap_put_flags_line(struct imap_session *s)
{
    imap_put(s, "* FLAGS (");
    put_flag_names(s);
    imap_put(s, ")\r\n* OK [PERMANENTFLAGS (");
    if (!s->view.read_only) {
        put_flag_names(s);
        if (s->view.nkeywords < STORE_MAX_KEYWORDS)
            imap_put(s, " \\*");
    }
    imap_put(s, ")] Flags that last\r\n");
}

void imap_put_fetch_flags(struct imap_session *s, uint32_t index, bool with_uid)
{
    const struct hot_record *r = imap_view_at(&s->view, index);
    char *start = buf_reserve(&s->out, 64 + IMAP_WRITE_FLAGS + s->view.keyword_bytes), *to = start;

    if (!to)
        return;
    memcpy(to, "* ", 2);
    to = imap_write_u32(to + 2, index + 1);
    memcpy(to, " FETCH (", 8);
    to += 8;
    if (with_uid) {
        memcpy(to, "UID ", 4);
        to = imap_write_u32(to + 4, r->uid);
        *to++ = ' ';
    }
    memcpy(to, "FLAGS ", 6);
    to = imap_write_flags(to + 6, r->flags, r->keywords, s->view.keyword, s->view.nkeywords);
    memcpy(to, ")\r\n", 3);
    s->out.n += (size_t)(to + 3 - start);
}

static void put_number(struct imap_session *s, uint32_t number, const char *what)
{
    buf_put(&s->out, "* ", 2);
    buf_put_u64(&s->out, number);
    buf_put_c(&s->out, what);
}

static void tell_expunges(struct imap_session *s, struct arena *arena)
{
    size_t n;
    const uint32_t *number = imap_view_expunge(&s->view, arena, &n);

    for (size_t i = 0; i < n && imap_room(s); i++)
        put_number(s, number[i], " EXPUNGE\r\n");
}

static void tell_exists(struct imap_session *s)
{
    put_number(s, imap_view_count(&s->view), " EXISTS\r\n");
    if (!s->rev2)
        imap_put(s, "* 0 RECENT\r\n"); /* RFC 3501 7.3.2; nobody gets \Recent here */
}

void imap_changes_tell(struct imap_session *s, struct arena *arena, struct imap_news *news,
                       bool expunges, bool with_uid)
{
    uint32_t index;

    if (news->keywords)
        imap_put_flags_line(s);
    if (expunges && s->view.nvanished > 0)
        tell_expunges(s, arena);
    if (news->exists)
        tell_exists(s);
    for (uint32_t i = 0; i < news->nchanged && imap_room(s); i++)
        if (imap_view_find(&s->view, news->changed[i], &index))
            imap_put_fetch_flags(s, index, with_uid);
}

bool imap_changes_sync(struct imap_session *s, struct arena *arena, bool expunges, bool with_uid,
                       struct fct_err *err)
{
    struct store_changes changes;
    struct imap_news news;

    if (s->state != IMAP_SELECTED)
        return true;
    if (!imap_changes_take(s, arena, &changes, err))
        return false;
    imap_view_apply(&s->view, &changes, arena, &news);
    imap_changes_tell(s, arena, &news, expunges, with_uid);
    return true;
}
