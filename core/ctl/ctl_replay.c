/* ctl_replay.c - goes through the mail of all accounts, or of one, page by page; each message has
 * an arena of its own, so a million of them take no more memory than one. */
#include "core/ctl/ctl_replay.h"

#include "core/base/clock.h"
#include "core/base/id.h"
#include "core/base/str.h"
#include "core/ctl/ctl_child.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_SINCE "7d"
#define READY_MS      10000u
#define PROGRESS_MS   200u

struct replay {
    struct ctl *ctl;
    int64_t since;
    uint64_t limit;   /* of messages; 0: none */
    uint64_t account; /* only this one; 0: all */
    struct arena *page, *message;
    /* Settings of the account at hand: mail comes account by account. */
    struct arena *settings;
    struct fct_str account_name;
    struct fct_list setting;
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

/* `each` says whether to go on. */
static FCT_MAY_WAIT bool go_through(struct replay *r,
                                    bool (*each)(struct replay *r,
                                                 const struct store_history_item *item, bool *more,
                                                 struct fct_err *err),
                                    struct fct_err *err)
{
    struct store_history_place at = {.account = r->account};
    const struct store_history_item *item;
    bool more = true;
    size_t n;

    while (more) {
        arena_reset(r->page);
        if (!store_history(r->ctl->store, r->since, &at, r->page, &item, &n, err))
            return false;
        if (n == 0)
            return true;
        for (size_t i = 0; i < n && more; i++) {
            more = r->account == 0 || item[i].account_id == r->account;
            if (more && !each(r, &item[i], &more, err))
                return false;
        }
    }
    return true;
}

static bool count_one(struct replay *r, const struct store_history_item *item, bool *more,
                      struct fct_err *err)
{
    (void)item;
    (void)err;
    *more = ++r->sums.total != r->limit;
    return true;
}

/* ---- one message ---- */

/* Nobody's, when the account is gone. */
static FCT_MAY_WAIT struct fct_list settings_of(struct replay *r, struct fct_str account)
{
    struct store_account_detail detail;
    struct fct_err none = {0};

    if (str_equal(r->account_name, account))
        return r->setting;
    arena_reset(r->settings);
    r->account_name = arena_str(r->settings, account);
    r->setting = (struct fct_list){0};
    if (store_account_show(r->ctl->store, account, r->settings, &detail, &none))
        r->setting = (struct fct_list){detail.setting, detail.nsettings};
    return r->setting;
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

static FCT_MAY_WAIT bool judge_again(struct replay *r, const struct store_history_item *item,
                                     struct judge *j, struct fct_err *err)
{
    struct filter_recipient *wanted = ARENA_NEW(r->message, struct filter_recipient);
    struct fct_str recipient = item->recipient.n > 0 ? item->recipient : item->account;

    *wanted = (struct filter_recipient){.recipient = recipient,
                                        .account = item->account,
                                        .detail = detail_of(recipient),
                                        .setting = settings_of(r, item->account)};
    *j = (struct judge){.filter = r->ctl->filter,
                        .arena = r->message,
                        .context = context_of(r->message, item),
                        .wanted = wanted,
                        .nwanted = 1};
    if (!store_original_of(r->ctl->store, item->account_id, item->email_id, &j->fd, &j->size, err))
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

static void compare(struct replay *r, const struct store_history_item *item, const struct judge *j)
{
    struct replay_verdict then, now;
    struct fct_err none = {0};

    if (!replay_verdict_of(r->message, item->ledger, &then, &none) ||
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

/* A filter that died cannot be started anew from here: whose fault it was is told. */
static FCT_MAY_WAIT bool replay_one(struct replay *r, const struct store_history_item *item,
                                    bool *more, struct fct_err *err)
{
    struct fct_err why = {0};
    struct judge j;

    arena_reset(r->message);
    if (judge_again(r, item, &j, &why)) {
        if (ctl_child_died(ROLE_FILTER))
            return fct_fail(err, FCT_TEMP,
                            "the filter process of this command died over message %.*s of %.*s; "
                            "the log above names the plugin",
                            FCT_FMT(item->log_id), FCT_FMT(item->account));
        compare(r, item, &j);
    } else if (why.class == FCT_TEMP) {
        return fct_fail(err, FCT_TEMP, "%s", why.text);
    } else {
        r->sums.lost++;
    }
    *more = r->sums.judged + r->sums.lost != r->limit;
    progress(r);
    return true;
}

/* ---- all ---- */

static FCT_MAY_WAIT bool replay_all(struct replay *r, struct fct_err *err)
{
    bool ok;

    if (!filter_ready(r->ctl->filter, clock_ms() + READY_MS))
        return fct_fail(err, FCT_TEMP, "the filter of this command does not answer");
    if (replay_shows_progress() && !go_through(r, count_one, err))
        return false;
    r->sums.began_ms = clock_ms();
    replay_show_begin(r->ctl);
    ok = go_through(r, replay_one, err);
    replay_show_progress(&r->sums, true);
    replay_show_end(r->ctl, &r->sums);
    return ok;
}

int ctl_replay(struct ctl *c)
{
    struct replay r = {
        .ctl = c, .page = arena_new(NULL), .message = arena_new(NULL), .settings = arena_new(NULL)};
    struct fct_err err = {0};
    bool ok = take_options(&r, &err) && replay_all(&r, &err);

    arena_free(&r.page);
    arena_free(&r.message);
    arena_free(&r.settings);
    return ok ? CTL_OK : ctl_error(&err);
}
