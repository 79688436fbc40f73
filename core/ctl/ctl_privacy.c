/* ctl_privacy.c - how much was taken out of people's mail, which companies would have watched, in
 * whose mail. Summed up from what the store counted at delivery, so that it does not matter what
 * became of the messages. */
#include "core/ctl/ctl_privacy.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_replay.h"
#include "store/store_client.h"

#include <stdlib.h>
#include <time.h>

#define DEFAULT_SINCE "30d"
#define DEFAULT_LIMIT 20u
#define DAY_SECONDS   86400
#define TEXT_MAX      (16u << 20)

struct report {
    uint32_t first, last; /* days since 1970, in UTC, both included */
    uint64_t limit;       /* names of each kind */
    uint64_t accounts;    /* that had such mail */
    struct privacy_tally sum;
};

static bool take_options(const struct ctl *c, struct report *r, struct fct_err *err)
{
    const char *since = ctl_option(c, "--since"), *limit = ctl_option(c, "--limit");
    int64_t from;
    char *end = NULL;

    if (!replay_since_parse(str_from(since ? since : DEFAULT_SINCE), clock_wall(), &from, err))
        return false;
    r->first = (uint32_t)(from / DAY_SECONDS);
    r->last = (uint32_t)(clock_wall() / DAY_SECONDS);
    r->limit = limit ? strtoull(limit, &end, 10) : DEFAULT_LIMIT;
    return !limit || (*limit >= '0' && *limit <= '9' && *end == '\0' && r->limit > 0) ||
           fct_fail(err, FCT_SYNTAX, "--limit %s: must be a number of names", limit);
}

/* ---- summing up ---- */

static FCT_MAY_WAIT bool add_account(struct ctl *c, struct report *r, uint64_t id,
                                     struct fct_err *err)
{
    struct arena *arena = arena_new(NULL);
    struct privacy_tally one;
    bool ok = store_privacy(c->store, id, r->first, r->last, arena, &one, err);

    if (ok && one.messages > 0) {
        r->accounts++;
        privacy_tally_add(&r->sum, &one, 0);
    }
    arena_free(&arena);
    return ok;
}

static FCT_MAY_WAIT bool add_all(struct ctl *c, struct report *r, struct fct_err *err)
{
    const struct store_account *list;
    struct fct_err gone;
    size_t n;

    if (!store_accounts(c->store, c->arena, &list, &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!add_account(c, r, list[i].id, &gone) && gone.class != FCT_DENIED) {
            *err = gone;
            return false;
        }
    return true;
}

static FCT_MAY_WAIT bool sum_up(struct ctl *c, struct report *r, struct fct_err *err)
{
    const char *user = ctl_option(c, "--user");
    struct store_account_detail account;

    r->sum.arena = c->arena;
    if (!user ? !add_all(c, r, err)
              : !store_account_show(c->store, str_from(user), c->arena, &account, err) ||
                    !add_account(c, r, account.is.id, err))
        return false;
    privacy_tally_sort(&r->sum);
    return true;
}

/* ---- showing ---- */

static struct fct_str day_text(struct arena *arena, uint32_t day)
{
    time_t at = (time_t)day * DAY_SECONDS;
    char text[32];
    struct tm tm;

    if (!gmtime_r(&at, &tm))
        return FCT_STR("?");
    return arena_str(arena, (struct fct_str){text, strftime(text, sizeof text, "%Y-%m-%d", &tm)});
}

static struct fct_str name_text(struct fct_str name)
{
    return name.n > 0 ? name : FCT_STR("others");
}

static void put_table(struct ctl *c, const struct report *r, const char *what,
                      const struct tally_names *names, struct buf *out)
{
    struct ctl_table t = {
        .arena = c->arena, .column = {what, "TRACKERS>", "MESSAGES>"}, .columns = 3};

    if (names->n == 0)
        return;
    buf_put_char(out, '\n');
    for (size_t i = 0; i < names->n && i < r->limit; i++)
        ctl_table_row(&t, (const struct fct_str[]){name_text(names->name[i].name),
                                                   ctl_number(c->arena, names->name[i].removed),
                                                   ctl_number(c->arena, names->name[i].messages)});
    ctl_table_print(&t, ctl_wants_colour(), out);
    if (names->n > r->limit)
        buf_printf(out, "and %llu more\n", (unsigned long long)(names->n - r->limit));
}

static void print_text(struct ctl *c, const struct report *r)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(TEXT_MAX);

    buf_printf(&text,
               "%.*s to %.*s: %llu messages cleaned, %llu trackers removed, %llu links cleaned",
               FCT_FMT(day_text(c->arena, r->first)), FCT_FMT(day_text(c->arena, r->last)),
               (unsigned long long)r->sum.messages, (unsigned long long)r->sum.removed,
               (unsigned long long)r->sum.links);
    if (!ctl_option(c, "--user"))
        buf_printf(&text, ", in %llu accounts", (unsigned long long)r->accounts);
    buf_put_char(&text, '\n');
    put_table(c, r, "COMPANY", &r->sum.company, &text);
    put_table(c, r, "SENDER", &r->sum.sender, &text);
    ctl_print(&text);
}

static json_t *names_json(const struct report *r, const struct tally_names *names)
{
    json_t *all = json_array();

    for (size_t i = 0; i < names->n && i < r->limit; i++)
        json_array_append_new(all, json_pack("{s:o, s:I, s:I}", "name",
                                             ctl_json_str(name_text(names->name[i].name)),
                                             "trackers", (json_int_t)names->name[i].removed,
                                             "messages", (json_int_t)names->name[i].messages));
    return all;
}

static void print_json(struct ctl *c, const struct report *r)
{
    ctl_print_json(json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:o, s:o}", "since",
                             ctl_json_str(day_text(c->arena, r->first)), "until",
                             ctl_json_str(day_text(c->arena, r->last)), "accounts",
                             (json_int_t)r->accounts, "messages", (json_int_t)r->sum.messages,
                             "trackers_removed", (json_int_t)r->sum.removed, "links_cleaned",
                             (json_int_t)r->sum.links, "companies", names_json(r, &r->sum.company),
                             "senders", names_json(r, &r->sum.sender)));
}

int ctl_privacy_report(struct ctl *c)
{
    struct report r = {0};
    struct fct_err err = {0};

    if (!take_options(c, &r, &err) || !sum_up(c, &r, &err))
        return ctl_error(&err);
    if (c->json)
        print_json(c, &r);
    else
        print_text(c, &r);
    return CTL_OK;
}

/* ---- digest ---- */

static bool wants_digest(const struct store_account_detail *a)
{
    for (size_t i = 0; i < a->nsettings; i++)
        if (str_equal(a->setting[i], FCT_STR("privacy_digest=weekly")))
            return true;
    return false;
}

static FCT_MAY_WAIT bool digest_one(struct ctl *c, struct fct_str address, json_t *all,
                                    struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(4096);
    bool sent;

    if (!store_digest(c->store, address, &sent, err))
        return false;
    json_array_append_new(all,
                          json_pack("{s:o, s:b}", "account", ctl_json_str(address), "sent", sent));
    if (c->json)
        return true;
    ctl_put_safe(address, &text);
    buf_put_c(&text, sent ? " got a digest\n" : ": nothing was taken out in the last seven days\n");
    ctl_print(&text);
    return true;
}

/* Those who asked for one. */
static FCT_MAY_WAIT bool digest_all(struct ctl *c, json_t *all, struct fct_err *err)
{
    struct store_account_detail detail;
    const struct store_account *list;
    size_t n;

    if (!store_accounts(c->store, c->arena, &list, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!store_account_show(c->store, list[i].name, c->arena, &detail, err))
            return false;
        if (wants_digest(&detail) && !digest_one(c, list[i].name, all, err))
            return false;
    }
    return true;
}

int ctl_privacy_digest(struct ctl *c)
{
    const char *user = ctl_option(c, "--user");
    struct fct_err err = {0};
    json_t *all;
    bool ok;

    if (!ctl_option(c, "--now")) {
        (void)fct_fail(&err, FCT_SYNTAX,
                       "the server sends digests by itself, once a week (setting "
                       "privacy_digest=weekly of an account); --now sends one without waiting");
        return ctl_error(&err);
    }
    all = json_array();
    ok = user ? digest_one(c, str_from(user), all, &err) : digest_all(c, all, &err);
    if (ok && c->json)
        ctl_print_json(json_incref(all));
    json_decref(all);
    return ok ? CTL_OK : ctl_error(&err);
}
