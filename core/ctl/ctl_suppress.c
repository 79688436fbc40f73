/* ctl_suppress.c - addresses elsewhere that do not exist: who submits mail to them is refused. */
#include "core/ctl/ctl_suppress.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/conf/account_setting.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_replay.h"
#include "store/store_suppress.h"

#define TEXT_MAX (256u << 20)

static json_t *as_json(const struct suppressed *one)
{
    return json_pack("{s:o, s:I, s:I, s:o}", "address", ctl_json_str(one->address), "since",
                     (json_int_t)one->since, "until", (json_int_t)one->until, "reason",
                     ctl_json_str(one->reason));
}

static bool read_all(struct ctl *c, struct ctl_table *t, json_t *all, struct fct_err *err)
{
    struct fct_str after = FCT_STR("");
    const struct suppressed *one;
    size_t n;

    for (;;) {
        if (!store_suppressions(c->store, &after, c->arena, &one, &n, err))
            return false;
        if (n == 0)
            return true;
        for (size_t i = 0; i < n; i++) {
            ctl_table_row(t, (const struct fct_str[]){
                                 one[i].address, ctl_time(c->arena, one[i].since),
                                 one[i].until ? ctl_time(c->arena, one[i].until) : FCT_STR("-"),
                                 one[i].reason});
            json_array_append_new(all, as_json(&one[i]));
        }
    }
}

int ctl_suppress_list(struct ctl *c)
{
    struct ctl_table t = {
        .arena = c->arena, .column = {"ADDRESS", "SINCE", "UNTIL", "REASON"}, .columns = 4};
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(TEXT_MAX);
    struct fct_err err = {0};
    json_t *all = json_array();

    if (!read_all(c, &t, all, &err)) {
        json_decref(all);
        return ctl_error(&err);
    }
    if (c->json) {
        ctl_print_json(all);
        return CTL_OK;
    }
    json_decref(all);
    ctl_table_print(&t, ctl_wants_colour(), &text);
    ctl_print(&text);
    return CTL_OK;
}

static int done(struct ctl *c, const char *what)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(4096);

    if (c->json) {
        ctl_print_json(
            json_pack("{s:o, s:s}", "address", ctl_json_str(str_from(c->word[0])), "done", what));
        return CTL_OK;
    }
    ctl_put_safe(str_from(c->word[0]), &text);
    buf_printf(&text, " %s\n", what);
    ctl_print(&text);
    return CTL_OK;
}

/* --for 30d, 10s; without it for ever. */
static bool read_until(const struct ctl *c, int64_t *until, struct fct_err *err)
{
    const char *text = ctl_option(c, "--for");
    int64_t now = clock_wall(), since;
    uint32_t seconds;

    *until = 0;
    if (!text)
        return true;
    if (setting_duration_parse(str_from(text), &seconds)) {
        *until = now + (int64_t)seconds;
        return true;
    }
    if (!replay_since_parse(str_from(text), now, &since, err))
        return fct_fail(err, FCT_SYNTAX, "--for %s: must be as 30d or 12h", text);
    *until = now + (now - since);
    return true;
}

int ctl_suppress_add(struct ctl *c)
{
    struct suppressed one = {.address = str_from(c->word[0]),
                             .reason = str_from(ctl_option(c, "--reason"))};
    struct fct_err err = {0};
    ptrdiff_t at = str_find_char(one.address, '@');

    if (!read_until(c, &one.until, &err) ||
        (at <= 0 && !fct_fail(&err, FCT_SYNTAX, "%s is no address", c->word[0]))) {
        (void)ctl_error(&err);
        return CTL_USAGE;
    }
    if (one.reason.n == 0)
        one.reason = FCT_STR("by the administrator");
    return store_suppress(c->store, &one, 1, &err) ? done(c, "suppressed") : ctl_error(&err);
}

int ctl_suppress_remove(struct ctl *c)
{
    struct fct_err err = {0};

    return store_unsuppress(c->store, str_from(c->word[0]), &err) ? done(c, "removed")
                                                                  : ctl_error(&err);
}
