/* ctl_replay.c - goes through the mail of all accounts, or of one, page by page; some messages at a
 * time, since most of what rules do is to wait for the DNS. Each worker has an arena of its own, so
 * a million messages take no more memory than a page of them. */
#include "core/ctl/ctl_replay.h"

#include "core/base/clock.h"
#include "core/base/id.h"
#include "core/base/str.h"
#include "core/ctl/ctl_child.h"
#include "core/fiber/fiber.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_SINCE "7d"
#define READY_MS      10000u
#define PROGRESS_MS   200u
#define WORKERS       8u

/* A fiber that judges. */
struct worker {
    struct replay *replay;
    struct arena *message;
    /* Settings of the account at hand: mail comes account by account. */
    struct arena *settings;
    struct fct_str account;
    struct fct_list setting;
};

struct replay {
    struct ctl *ctl;
    int64_t since;
    uint64_t limit;   /* of messages; 0: none */
    uint64_t account; /* only this one; 0: all */
    struct arena *page;
    const struct store_history_item *item; /* of the page */
    size_t items, next;
    uint64_t begun; /* messages */
    struct worker worker[WORKERS];
    bool failed; /* with err: nobody begins another one */
    struct fct_err err;
    struct replay_sums sums;
    uint64_t shown_ms;
};

/* ---- what is wanted ---- */

static bool take_limit(struct replay *r, struct fct_err *err)
{
    const char *given = ctl_option(r->ctl, "--limit");
    char *end;

    if (!given)
        return true;
    r->limit = strtoull(given, &end, 10);
    return (*given >= '0' && *given <= '9' && *end == '\0' && r->limit > 0) ||
           fct_fail(err, FCT_SYNTAX, "--limit %s: must be a number of messages", given);
}

static FCT_MAY_WAIT bool take_account(struct replay *r, struct fct_err *err)
{
    const char *given = ctl_option(r->ctl, "--account");
    struct store_account_detail detail;

    if (!given)
        return true;
    if (!store_account_show(r->ctl->store, str_from(given), r->ctl->arena, &detail, err))
        return false;
    r->account = detail.is.id;
    return true;
}

static bool take_options(struct replay *r, struct fct_err *err)
{
    const char *since = ctl_option(r->ctl, "--since");

    return replay_since_parse(str_from(since ? since : DEFAULT_SINCE), (int64_t)time(NULL),
                              &r->since, err) &&
           take_limit(r, err) && take_account(r, err);
}

/* ---- the mail, page by page ---- */

/* Fills `item`; false: there is no more, or err. */
static FCT_MAY_WAIT bool next_page(struct replay *r, struct store_history_place *at)
{
    arena_reset(r->page);
    r->next = r->items = 0;
    if (!store_history(r->ctl->store, r->since, at, r->page, &r->item, &r->items, &r->err)) {
        r->failed = true;
        return false;
    }
    for (size_t i = 0; r->account > 0 && i < r->items; i++)
        if (r->item[i].account_id != r->account) {
            r->items = i;
            return i > 0;
        }
    return r->items > 0;
}

static const struct store_history_item *next_item(struct replay *r)
{
    if (r->failed || r->next == r->items || (r->limit > 0 && r->begun == r->limit))
        return NULL;
    r->begun++;
    return &r->item[r->next++];
}

/* For the bar: what there is, without the bodies. */
static FCT_MAY_WAIT void count_all(struct replay *r)
{
    struct store_history_place at = {.account = r->account};

    while (next_page(r, &at))
        r->sums.total += r->items;
    if (r->limit > 0 && r->sums.total > r->limit)
        r->sums.total = r->limit;
}

/* ---- one message ---- */

/* Nobody's, when the account is gone. */
static FCT_MAY_WAIT struct fct_list settings_of(struct worker *w, struct fct_str account)
{
    struct store_account_detail detail;
    struct fct_err none = {0};

    if (str_equal(w->account, account))
        return w->setting;
    arena_reset(w->settings);
    w->account = arena_str(w->settings, account);
    w->setting = (struct fct_list){0};
    if (store_account_show(w->replay->ctl->store, account, w->settings, &detail, &none))
        w->setting = (struct fct_list){detail.setting, detail.nsettings};
    return w->setting;
}

static struct fct_str detail_of(struct fct_str recipient)
{
    ptrdiff_t at = str_find_char(recipient, '@'), plus = str_find_char(recipient, '+');

    return plus >= 0 && plus < at
               ? str_head(str_skip(recipient, (size_t)plus + 1), (size_t)(at - plus - 1))
               : (struct fct_str){0};
}

/* As it was then. */
static struct filter_context context_of(struct arena *arena, const struct store_history_item *item)
{
    struct filter_context x = {
        .conn = {.size = sizeof x.conn,
                 .role = item->role ? item->role : FCT_ROLE_MX,
                 .id = arena_printf(arena, "%s", id_new().text),
                 .client_ip = item->client_ip,
                 .helo = item->helo,
                 .login = item->login,
                 .local_ip = FCT_STR("192.0.2.2"),
                 .client_port = 49152,
                 .local_port = 25,
                 .frontend = FCT_STR("replay")},
        .envelope = {.size = sizeof x.envelope, .reverse_path = item->reverse_path},
    };

    x.envelope.id = arena_printf(arena, "%.*s.1", FCT_FMT(x.conn.id));
    x.each_answered = x.conn.role == FCT_ROLE_LMTP;
    return x;
}

static FCT_MAY_WAIT bool judge_again(struct worker *w, const struct store_history_item *item,
                                     struct judge *j, struct fct_err *err)
{
    struct filter_recipient *wanted = ARENA_NEW(w->message, struct filter_recipient);
    struct fct_str recipient = item->recipient.n > 0 ? item->recipient : item->account;

    *wanted = (struct filter_recipient){.recipient = recipient,
                                        .account = item->account,
                                        .detail = detail_of(recipient),
                                        .setting = settings_of(w, item->account)};
    *j = (struct judge){.filter = w->replay->ctl->filter,
                        .arena = w->message,
                        .context = context_of(w->message, item),
                        .wanted = wanted,
                        .nwanted = 1};
    if (!store_original_of(w->replay->ctl->store, item->account_id, item->email_id, &j->fd,
                           &j->size, err))
        return false;
    judge_run(j);
    close(j->fd);
    return true;
}

static void progress(struct replay *r)
{
    if (clock_ms() - r->shown_ms < PROGRESS_MS)
        return;
    r->shown_ms = clock_ms();
    replay_show_progress(&r->sums, false);
}

static void compare(struct worker *w, const struct store_history_item *item, const struct judge *j)
{
    struct replay *r = w->replay;
    struct replay_verdict then, now;
    struct fct_err none = {0};

    if (!replay_verdict_of(w->message, item->ledger, &then, &none) ||
        !replay_verdict_now(j, &now, &none)) {
        r->sums.lost++;
        return;
    }
    replay_sums_add(&r->sums, &then, &now);
    if (replay_same(&then, &now))
        return;
    replay_show_progress(&r->sums, true);
    replay_show_change(r->ctl, item, &then, &now, r->sums.changed == 1);
}

static void fail(struct replay *r, enum fct_class class, struct fct_str message,
                 struct fct_str account, const char *why)
{
    if (!r->failed)
        (void)fct_fail(&r->err, class, "message %.*s of %.*s: %s", FCT_FMT(message),
                       FCT_FMT(account), why);
    r->failed = true;
}

/* A filter that died cannot be started anew from here. */
static FCT_MAY_WAIT void replay_one(struct worker *w, const struct store_history_item *item)
{
    struct replay *r = w->replay;
    struct fct_err why = {0};
    struct judge j;

    arena_reset(w->message);
    if (!judge_again(w, item, &j, &why)) {
        if (why.class == FCT_TEMP)
            fail(r, FCT_TEMP, item->log_id, item->account, why.text);
        r->sums.lost++;
    } else if (ctl_child_died(ROLE_FILTER)) {
        fail(r, FCT_TEMP, item->log_id, item->account,
             "the filter process of this command died over it, or over one beside it");
    } else {
        compare(w, item, &j);
    }
    progress(r);
}

/* ---- all ---- */

static FCT_MAY_WAIT void work(void *arg)
{
    struct worker *w = arg;
    const struct store_history_item *item;

    while ((item = next_item(w->replay)))
        replay_one(w, item);
}

static FCT_MAY_WAIT void replay_pages(struct replay *r)
{
    struct store_history_place at = {.account = r->account};

    while (!r->failed && next_page(r, &at) && (r->limit == 0 || r->begun < r->limit)) {
        struct fiber_group group = {0};

        for (size_t i = 0; i < WORKERS; i++)
            fiber_group_run(&group, work, &r->worker[i]);
        fiber_group_wait(&group);
    }
}

static FCT_MAY_WAIT bool replay_all(struct replay *r)
{
    if (!filter_ready(r->ctl->filter, clock_ms() + READY_MS))
        return fct_fail(&r->err, FCT_TEMP, "the filter of this command does not answer");
    if (replay_shows_progress())
        count_all(r);
    if (r->failed)
        return false;
    r->sums.began_ms = clock_ms();
    replay_show_begin(r->ctl);
    replay_pages(r);
    replay_show_progress(&r->sums, true);
    replay_show_end(r->ctl, &r->sums);
    return !r->failed;
}

static void make_workers(struct replay *r)
{
    for (size_t i = 0; i < WORKERS; i++)
        r->worker[i] =
            (struct worker){.replay = r, .message = arena_new(NULL), .settings = arena_new(NULL)};
}

static void free_workers(struct replay *r)
{
    for (size_t i = 0; i < WORKERS; i++) {
        arena_free(&r->worker[i].message);
        arena_free(&r->worker[i].settings);
    }
}

int ctl_replay(struct ctl *c)
{
    struct replay *r = ARENA_NEW(c->arena, struct replay);
    bool ok;

    *r = (struct replay){.ctl = c, .page = arena_new(NULL)};
    make_workers(r);
    ok = take_options(r, &r->err) && replay_all(r);
    free_workers(r);
    arena_free(&r->page);
    return ok ? CTL_OK : ctl_error(&r->err);
}
