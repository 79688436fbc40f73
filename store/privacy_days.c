/* privacy_days.c - see privacy_days.h. */
#include "store/privacy_days.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "core/message/privacy_note.h"
#include "core/message/summary.h"

#define DAY_VERSION 1
#define DAY_MAX     (256u << 10)
#define SENDER_MAX  200u /* bytes */
#define DAY_SECONDS 86400

static struct key day_key(uint32_t day)
{
    struct key k = key_of(PRIVACY_DAY_KEY);

    key_u32(&k, day);
    return k;
}

/* ---- counting ---- */

/* The address in From, in small letters; of a list of them the last, of an unreadable field what
 * there is. */
static struct fct_str sender_of(struct arena *arena, const struct new_mail *mail)
{
    struct summary summary;
    struct fct_err ignored;
    struct fct_str from;
    ptrdiff_t open, end;
    char *to;

    if (mail->summary.n == 0 || !summary_decode(arena, mail->summary, &summary, &ignored))
        return FCT_STR("");
    from = summary.from;
    open = str_find_last_char(from, '<');
    end = str_find_last_char(from, '>');
    if (open >= 0 && end > open)
        from = str_head(str_skip(from, (size_t)open + 1), (size_t)(end - open - 1));
    from = str_head(str_trim(from), SENDER_MAX);
    to = arena_alloc(arena, from.n + 1);
    for (size_t i = 0; i < from.n; i++)
        to[i] = (unsigned char)from.p[i] < ' ' ? '?' : char_lower(from.p[i]);
    return (struct fct_str){to, from.n};
}

static bool has_days(struct server *s, uint64_t account)
{
    uint32_t today = (uint32_t)(clock_wall() / DAY_SECONDS);
    struct fct_err ignored;
    struct privacy_tally t = {.arena = arena_new(NULL)};
    bool any = privacy_sum(s, account, 0, today, &t, &ignored) && t.messages > 0;

    arena_free(&t.arena);
    return any;
}

/* Only once: who deletes it does not want it. */
static void offer_originals(struct change *c, struct account *a)
{
    const struct store_conf *conf = c->s->conf;
    struct fct_err err = {0};

    if (!conf->show_original || !*conf->show_original || mailbox_with_role(a, MAILBOX_ORIGINALS) ||
        mailbox_find(a, str_from(conf->show_original)) || has_days(c->s, a->id))
        return;
    if (!mailbox_make(c, a, str_from(conf->show_original), MAILBOX_ORIGINALS, conf->max_mailboxes,
                      &err))
        log_event(EV_WARNING, FCT_STR(""), F_C("why", err.text), F_C("account", a->name),
                  F_C("setting", "store.show_original"));
}

/* Once a day: every deleted range makes reading slower until the index is written to disk. */
static void trim_days(struct change *c, struct account *a, uint32_t today)
{
    uint32_t keep = (uint32_t)(c->s->conf->privacy_keep.ms / 1000 / DAY_SECONDS);

    if (keep == 0 || keep >= today || a->trimmed == today)
        return;
    batch_del_range(&c->batch, day_key(0), day_key(today - keep));
    a->trimmed = today;
}

static void put_day(struct change *c, struct account *a, const struct privacy_tally *t)
{
    struct buf op = BUF_INIT(DAY_MAX);
    uint32_t today = (uint32_t)(clock_wall() / DAY_SECONDS);

    privacy_tally_encode(t, &op);
    change_account(c, a);
    batch_append(&c->batch, day_key(today), buf_str(&op));
    trim_days(c, a, today);
    buf_free(&op);
}

static void count_note(struct arena *arena, const struct privacy_note *note,
                       struct privacy_tally *t)
{
    uint64_t named = 0;

    t->messages = 1;
    t->removed = note->removed;
    t->links = note->links;
    for (size_t i = 0; i < note->companies; i++) {
        tally_names_add(arena, &t->company,
                        &(struct tally_name){note->company[i].name, 1, note->company[i].n}, 0);
        named += note->company[i].n;
    }
    if (named < note->removed)
        tally_names_add(arena, &t->company,
                        &(struct tally_name){FCT_STR(""), 1, note->removed - named}, 0);
}

void privacy_count(struct change *c, struct account *a, const struct new_mail *mail)
{
    struct arena *arena;
    struct privacy_tally t = {0};
    struct privacy_note note;
    struct edit_list edits;
    struct fct_err ignored;

    if (str_find(mail->edits, FCT_STR("X-Facteur-Privacy:")) < 0)
        return;
    t.arena = arena = arena_new(NULL);
    if (edit_list_decode(arena, mail->edits, mail->size, &edits, &ignored) &&
        privacy_note_find(arena, &edits, &note)) {
        count_note(arena, &note, &t);
        tally_names_add(arena, &t.sender,
                        &(struct tally_name){sender_of(arena, mail), 1, note.removed}, 0);
        offer_originals(c, a);
        put_day(c, a, &t);
    }
    arena_free(&arena);
}

/* ---- the stored day ---- */

static bool read_day(struct arena *arena, struct fct_str value, struct privacy_tally *out)
{
    struct unpack u;

    return record_open(value, DAY_VERSION, &u) && privacy_tally_take(arena, &u, out) &&
           unpack_ok(&u);
}

bool privacy_day_is_good(struct fct_str value)
{
    struct arena *arena = arena_new(NULL);
    struct privacy_tally ignored;
    bool good = read_day(arena, value, &ignored);

    arena_free(&arena);
    return good;
}

bool privacy_day_fold(struct fct_str old, const struct fct_str *piece, size_t n, struct buf *out)
{
    struct privacy_tally sum = {.arena = arena_new(NULL)}, more;
    bool ok = !old.p || read_day(sum.arena, old, &sum);

    for (size_t i = 0; ok && i < n; i++) {
        struct unpack u = unpack_start(piece[i]); /* the driver joins pieces */

        while (ok && unpack_more(&u)) {
            ok = privacy_tally_take(sum.arena, &u, &more);
            if (ok)
                privacy_tally_add(&sum, &more, TALLY_NAMES);
        }
    }
    record_begin(out, DAY_VERSION);
    privacy_tally_encode(&sum, out);
    record_end(out);
    arena_free(&sum.arena);
    return ok;
}

/* ---- summing up ---- */

static bool add_day(void *arg, struct fct_str key, struct fct_str value)
{
    struct privacy_tally *sum = arg, day;

    if (key.n == 5 && read_day(sum->arena, value, &day)) /* store check tells of a damaged one */
        privacy_tally_add(sum, &day, 0);
    return true;
}

bool privacy_sum(struct server *s, uint64_t account, uint32_t first, uint32_t last,
                 struct privacy_tally *out, struct fct_err *err)
{
    struct key from = day_key(first), to = day_key(last);

    to = key_after(&to);
    return s->driver->ops->scan(s->driver, NULL, account, key_str(&from), key_str(&to), add_day,
                                out, err);
}
