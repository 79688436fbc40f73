/* ctl_store.c - the store as a whole: is everything in it readable, and how much is there. */
#include "core/ctl/ctl_store.h"

#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_output.h"
#include "store/store_client.h"

#include <unistd.h>

#define REPORT_MAX (16u << 20)

static void print_check(struct ctl *c, const struct store_check_result *r, const struct buf *report)
{
    struct buf text = BUF_INIT(2 * REPORT_MAX);
    struct fct_str rest = buf_str(report);
    bool colour = ctl_wants_colour();

    while (rest.p && rest.n > 0) {
        ctl_put_safe(str_split(&rest, '\n'), &text);
        buf_put_char(&text, '\n');
    }
    buf_printf(&text,
               "%llu accounts, %llu mailboxes, %llu messages, %llu bodies (%s) read and verified\n",
               (unsigned long long)r->accounts, (unsigned long long)r->mailboxes,
               (unsigned long long)r->messages, (unsigned long long)r->blobs,
               ctl_bytes(c->arena, r->bytes).p);
    if (r->queued > 0)
        buf_printf(&text, "%llu queue entries, likewise\n", (unsigned long long)r->queued);
    if (r->orphans > 0)
        buf_printf(&text,
                   "%llu bodies belong to nobody; they are given back by the store in time\n",
                   (unsigned long long)r->orphans);
    if (r->damaged > 0)
        buf_printf(&text, "%s%llu damaged%s: restore these from a backup\n", colour ? CTL_RED : "",
                   (unsigned long long)r->damaged, colour ? CTL_PLAIN : "");
    else
        buf_printf(&text, "%sno damage%s\n", colour ? CTL_GREEN : "", colour ? CTL_PLAIN : "");
    ctl_print(&text);
    buf_free(&text);
}

static void print_check_json(const struct store_check_result *r, const struct buf *report)
{
    ctl_print_json(json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "accounts",
                             (json_int_t)r->accounts, "mailboxes", (json_int_t)r->mailboxes,
                             "messages", (json_int_t)r->messages, "blobs", (json_int_t)r->blobs,
                             "bytes", (json_int_t)r->bytes, "damaged", (json_int_t)r->damaged,
                             "orphans", (json_int_t)r->orphans, "queued", (json_int_t)r->queued,
                             "report", ctl_json_str(buf_str(report))));
}

int ctl_store_check(struct ctl *c)
{
    struct store_check_result result = {0};
    struct buf report = BUF_INIT(REPORT_MAX);
    struct fct_err err = {0};

    if (isatty(STDERR_FILENO) && !c->json)
        (void)fprintf(stderr, "reading every record and every body …\n");
    if (!store_check(c->store, &result, &report, &err)) {
        buf_free(&report);
        return ctl_error(&err);
    }
    if (c->json)
        print_check_json(&result, &report);
    else
        print_check(c, &result, &report);
    buf_free(&report);
    return result.damaged > 0 ? CTL_NO : CTL_OK;
}

/* `name value` lines: a table, or an object whose values are numbers where they can be. */
int ctl_store_status(struct ctl *c)
{
    struct ctl_table t = {.arena = c->arena, .column = {"WHAT", "VALUE>"}, .columns = 2};
    struct buf lines = BUF_INIT(REPORT_MAX), text = BUF_INIT(2 * REPORT_MAX);
    struct fct_err err = {0};
    json_t *all;

    if (!store_statistics(c->store, &lines, &err)) {
        buf_free(&lines);
        return ctl_error(&err);
    }
    all = json_object();
    for (struct fct_str rest = buf_str(&lines); rest.p && rest.n > 0;) {
        struct fct_str value = str_split(&rest, '\n'), name = str_split(&value, ' ');
        uint64_t number;

        value = str_trim(value);
        if (name.n == 0)
            continue;
        ctl_table_row(&t, (const struct fct_str[]){name, value});
        json_object_set_new(all, arena_cstr(c->arena, name),
                            str_to_u64(value, &number) && number <= INT64_MAX
                                ? json_integer((json_int_t)number)
                                : ctl_json_str(value));
    }
    if (c->json) {
        ctl_print_json(all);
    } else {
        ctl_table_print(&t, ctl_wants_colour(), &text);
        ctl_print(&text);
        json_decref(all);
    }
    buf_free(&lines);
    buf_free(&text);
    return CTL_OK;
}
