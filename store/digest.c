/* digest.c - see digest.h. The text is our own (digest_text.c): describing it is no parsing of
 * somebody's mail. */
#include "store/digest.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "core/message/summary.h"
#include "store/digest_text.h"
#include "store/directory.h"
#include "store/message.h"
#include "store/privacy_days.h"

#define VERSION     1
#define DAY_SECONDS 86400
#define WEEK        7
#define TEXT_MAX    (64u << 10)
#define SUMMARY_MAX (64u << 10)
#define PAGE        1000u /* addresses looked at between other work */

struct sending {
    struct server *s;
    struct arena *arena;
    struct fct_str address;
    uint64_t account;
    struct settings settings;
    uint32_t first, last; /* days */
    bool on_time;         /* noted as this week's */
};

static struct fct_str setting_of(struct settings settings, struct fct_str name)
{
    for (size_t i = 0; i < settings.n; i++) {
        struct fct_str value = settings.item[i];

        if (str_equal(str_split(&value, '='), name))
            return value;
    }
    return FCT_STR("");
}

/* ---- when ---- */

static bool last_sent(struct server *s, uint64_t account, int64_t *when, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf value = BUF_INIT(64);
    struct key key = key_of(DIGEST_KEY);
    struct unpack u;
    bool found;

    *when = 0;
    if (!s->driver->ops->get(s->driver, NULL, account, key_str(&key), &value, &found, err))
        return false;
    if (found && record_open(buf_str(&value), VERSION, &u))
        *when = (int64_t)unpack_uint(&u);
    return true;
}

static void note_sent(struct change *c, struct account *a)
{
    struct buf value = BUF_INIT(64);

    record_begin(&value, VERSION);
    pack_uint(&value, (uint64_t)clock_wall());
    record_end(&value);
    change_account(c, a);
    batch_put(&c->batch, key_of(DIGEST_KEY), buf_str(&value));
    buf_free(&value);
}

/* ---- one message ---- */

static bool describe(struct sending *g, struct fct_str text, struct new_mail *mail,
                     struct mail_facts *facts, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(SUMMARY_MAX);
    const struct edit_list none = {0};
    struct mime_tree tree;

    mime_scan(g->arena, text, &mime_default_limits, &tree);
    if (!summary_build(g->arena, text, &tree, &none, &out))
        return fct_fail(err, FCT_BUG, "a digest cannot be described");
    *mail = (struct new_mail){.size = text.n,
                              .view_size = (uint32_t)text.n,
                              .internal_date = (uint32_t)clock_wall(),
                              .summary = arena_str(g->arena, buf_str(&out))};
    return message_check(mail, facts, err);
}

/* The message and the note in one change. */
static FCT_MAY_WAIT bool deliver(struct sending *g, struct new_mail *mail,
                                 const struct mail_facts *facts, struct body *body,
                                 struct fct_err *err)
{
    struct account *a;
    struct mailbox *inbox;
    struct change c;
    bool exists;

    if (!blob_exists(g->s, &body->id, &exists, err) || !account_find(g->s, g->account, &a, err))
        return false;
    inbox = mailbox_with_role(a, MAILBOX_INBOX);
    if (!inbox || !message_fits(a, inbox, mail->view_size, err))
        return inbox ? false : fct_fail(err, FCT_TEMP, "no INBOX");
    mail->blob = body->id;
    change_begin(&c, g->s);
    blob_put(&c.batch, body, exists, 1);
    change_account(&c, a);
    (void)message_add(&c, a, inbox, mail, facts);
    if (g->on_time)
        note_sent(&c, a);
    return commit_wait(g->s->commit, change_commit(&c), err);
}

static FCT_MAY_WAIT bool send_text(struct sending *g, const struct privacy_tally *tally,
                                   struct fct_str originals, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(TEXT_MAX);
    struct mail_facts facts;
    struct new_mail mail;
    struct body body = {0};
    bool ok;

    digest_compose(
        &(struct digest){
            .address = g->address,
            .languages = setting_of(g->settings, FCT_STR("languages")),
            .first = g->first,
            .last = g->last,
            .now = clock_wall(),
            .originals = originals,
            .tally = tally,
        },
        &text);
    ok = describe(g, buf_str(&text), &mail, &facts, err) &&
         body_of_text(g->s, buf_str(&text), &body, err) && deliver(g, &mail, &facts, &body, err);
    body_free(&body);
    return ok;
}

static FCT_MAY_WAIT bool send(struct sending *g, bool *sent, struct fct_err *err)
{
    struct privacy_tally tally = {.arena = g->arena};
    const struct mailbox *originals;
    struct account *a;

    *sent = false;
    if (g->s->disk_low)
        return fct_fail(err, FCT_TEMP, "disk full");
    if (!account_find(g->s, g->account, &a, err) || !commit_wait(g->s->commit, a->seq, err) ||
        !privacy_sum(g->s, g->account, g->first, g->last, &tally, err) ||
        !account_find(g->s, g->account, &a, err))
        return false;
    if (tally.messages == 0)
        return true;
    privacy_tally_sort(&tally);
    originals = mailbox_with_role(a, MAILBOX_ORIGINALS);
    *sent = true;
    return send_text(g, &tally, originals ? mailbox_path(a, originals, g->arena) : FCT_STR(""),
                     err);
}

bool digest_send_now(struct server *s, struct fct_str address, bool *sent, struct fct_err *err)
{
    uint32_t today = (uint32_t)(clock_wall() / DAY_SECONDS);
    struct sending g = {.s = s, .arena = arena_new(NULL), .first = today - WEEK + 1, .last = today};
    bool ok = directory_fold(address, false, g.arena, &g.address, err) &&
              directory_account_settings(s, g.address, g.arena, &g.account, &g.settings, err) &&
              (g.account || fct_fail(err, FCT_DENIED, "no account %.*s", FCT_FMT(g.address))) &&
              send(&g, sent, err);

    arena_free(&g.arena);
    return ok;
}

/* ---- all that are due ---- */

struct page {
    struct arena *arena;
    struct fct_str next; /* key to go on with; empty: the end */
    size_t seen, n;
    struct sending wanted[PAGE];
};

static bool look(void *arg, struct fct_str key, struct fct_str value)
{
    struct page *p = arg;
    struct sending *g = &p->wanted[p->n];

    if (p->seen++ == PAGE) { /* below: at most PAGE of them are wanted */
        p->next = arena_str(p->arena, key);
        return false;
    }
    *g = (struct sending){.address = arena_str(p->arena, str_skip(key, 1))};
    if (directory_decode_account(arena_str(p->arena, value), p->arena, &g->account, &g->settings) &&
        str_equal(setting_of(g->settings, FCT_STR("privacy_digest")), FCT_STR("weekly")))
        p->n++;
    return true;
}

static FCT_MAY_WAIT void send_if_due(struct server *s, struct sending *g)
{
    int64_t now = clock_wall(), when;
    struct fct_err err = {0};
    bool sent = false;

    if (!last_sent(s, g->account, &when, &err) || now - when < (int64_t)WEEK * DAY_SECONDS)
        return;
    g->s = s;
    g->on_time = true;
    g->last = (uint32_t)(now / DAY_SECONDS) - 1; /* whole days, none of them twice */
    g->first = g->last - WEEK + 1;
    g->arena = arena_new(NULL);
    if (!send(g, &sent, &err))
        log_event(EV_WARNING, FCT_STR(""), F_C("why", err.text), F_STR("account", g->address),
                  F_C("what", "weekly digest"));
    arena_free(&g->arena);
}

void digest_round(struct server *s)
{
    struct arena *arena = arena_new(NULL);
    struct buf from = BUF_INIT(4096);
    struct fct_err err = {0};
    bool more = true;

    buf_put_char(&from, 'a');
    while (more && !s->draining) {
        struct page *p = arena_alloc(arena, sizeof *p);

        *p = (struct page){.arena = arena};
        more = s->driver->ops->scan(s->driver, NULL, PART_DIRECTORY, buf_str(&from), FCT_STR("b"),
                                    look, p, &err) &&
               p->next.n > 0;
        for (size_t i = 0; i < p->n && !s->draining; i++)
            send_if_due(s, &p->wanted[i]);
        buf_clear(&from);
        buf_put_str(&from, p->next);
        arena_reset(arena);
        fiber_sleep(1); /* others first */
    }
    buf_free(&from);
    arena_free(&arena);
}
