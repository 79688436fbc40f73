/* ctl_check_dnsbl.c - asks the lists of the plugins dnsbl and urlbl about an address, a domain or a
 * mailbox, and prints each question and answer; without one, whether the lists work at all (RFC
 * 5782 5). */
#include "core/ctl/ctl_check_dnsbl.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_resolver.h"
#include "core/dns/dns_answer.h"
#include "core/dns/psl.h"
#include "core/dns/resolver.h"
#include "core/fiber/fiber.h"
#include "core/plugin/plugin_conf.h"
#include "plugins/dnsbl/dnsbl_conf.h"
#include "plugins/lib/ip_address.h"
#include "plugins/urlbl/urlbl_conf.h"

#define TEXT_MAX      (4u << 20)
#define QUESTIONS_MAX 1000u

enum outcome { UNLISTED, LISTED, NOT_SERVED, STRANGE, NO_ANSWER, BROKEN, OUTCOMES };
static const char *const outcome_word[OUTCOMES] = {
    [UNLISTED] = "not listed", [LISTED] = "listed",       [NOT_SERVED] = "not served",
    [STRANGE] = "strange",     [NO_ANSWER] = "no answer", [BROKEN] = "broken",
};

/* Tests ask for what must be there, or must not. */
enum expected { WHATEVER, THERE, MAYBE_THERE, NOT_THERE };

struct question {
    struct check *check;
    const struct dns_list_table *table;
    const struct dns_list_row *row; /* of the list */
    struct fct_str name;
    enum expected expected;
    struct fct_dns_answer address, reason;
    enum outcome outcome;
};

struct check {
    struct ctl *ctl;
    struct dns_resolver *resolver;
    struct question question[QUESTIONS_MAX];
    size_t questions;
    size_t lists;
};

/* ---- the configured tables ---- */

static const struct {
    const char *plugin;
    const struct fct_conf_key *keys;
    const struct dns_list_item *items;
    size_t size, list; /* of the plugin's struct; where its table is in it */
} plugins[] = {
    {"dnsbl", dnsbl_keys, dnsbl_items, sizeof(struct dnsbl_conf),
     offsetof(struct dnsbl_conf, list)},
    {"urlbl", urlbl_keys, urlbl_items, sizeof(struct urlbl_conf),
     offsetof(struct urlbl_conf, list)},
};

static void free_table(void *table)
{
    dns_list_table_free(table);
}

/* The table of block i of the configuration, when it is about plugin p. NULL: it is not, or err. */
static struct dns_list_table *read_table(struct ctl *c, size_t i, size_t p, struct fct_err *err)
{
    struct dns_list_table *table = ARENA_NEW(c->arena, struct dns_list_table);
    char *values = arena_alloc(c->arena, plugins[p].size);
    const struct plugin_conf *conf;
    const struct conf_pair *pair;
    const char *label = "";
    struct fct_strings rows;
    size_t n;

    conf = config_each(c->config, &plugin_block, i, &label);
    n = config_extra(c->config, &plugin_block, i, &pair);
    if (strcmp(conf->use[0] ? conf->use : label, plugins[p].plugin) != 0 ||
        !config_fill(c->config, plugins[p].keys, values, pair, n, err))
        return NULL;
    memcpy(&rows, values + plugins[p].list, sizeof rows);
    if (!dns_list_table_read(&rows, plugins[p].items, table, err))
        return NULL;
    arena_defer(c->arena, free_table, table);
    return table;
}

/* ---- questions ---- */

static void add(struct check *check, const struct dns_list_table *table,
                const struct dns_list_row *row, struct fct_str name, enum expected expected)
{
    if (name.n > 0 && check->questions < QUESTIONS_MAX)
        check->question[check->questions++] = (struct question){
            .check = check,
            .table = table,
            .row = row,
            .name = arena_str(check->ctl->arena, name),
            .expected = expected,
        };
}

/* A mailbox is asked about itself and about its domain. */
static void add_value(struct check *check, const struct dns_list_table *table,
                      const struct dns_list_row *row, struct fct_str value)
{
    ptrdiff_t at = str_find_char(value, '@');
    enum dns_list_kind kind = table->items[row->item].kind;
    char name[DNS_LIST_NAME_MAX + 1];
    struct ip_address address;

    if ((kind == DNS_LIST_ADDRESS) != ip_address_parse(value, &address))
        return;
    if (kind == DNS_LIST_NAME && at >= 0)
        value = str_skip(value, (size_t)at + 1);
    if (row->org)
        value = psl_org(value);
    add(check, table, row, dns_list_name(table, row, value, name), WHATEVER);
}

/* Of names there is nothing that all lists have: that TEST is missing says nothing. */
static void add_tests(struct check *check, const struct dns_list_table *table,
                      const struct dns_list_row *row)
{
    bool address = table->items[row->item].kind == DNS_LIST_ADDRESS;
    char name[DNS_LIST_NAME_MAX + 1];

    add(check, table, row, dns_list_test_name(table, row, true, name),
        address ? THERE : MAYBE_THERE);
    add(check, table, row, dns_list_test_name(table, row, false, name), NOT_THERE);
}

static void add_table(struct check *check, const struct dns_list_table *table)
{
    for (size_t i = 0; i < table->n; i++) {
        if (table->row[i].list != i)
            continue;
        check->lists++;
        if (check->ctl->words > 0)
            add_value(check, table, &table->row[i], str_from(check->ctl->word[0]));
        else
            add_tests(check, table, &table->row[i]);
    }
}

static bool collect(struct check *check, struct fct_err *err)
{
    struct ctl *c = check->ctl;

    psl_setup();
    for (size_t i = 0; config_each(c->config, &plugin_block, i, NULL); i++)
        for (size_t p = 0; p < FCT_COUNT(plugins); p++) {
            const struct dns_list_table *table = read_table(c, i, p, err);

            if (err->class != FCT_OK)
                return false;
            if (table)
                add_table(check, table);
        }
    if (check->lists == 0)
        return fct_fail(err, FCT_DENIED,
                        "no list is configured: `list` of the plugins dnsbl and urlbl is empty");
    return check->questions > 0 ||
           fct_fail(err, FCT_DENIED, "no configured list can be asked about %s",
                    c->words > 0 ? c->word[0] : "a test entry");
}

/* ---- asking ---- */

static enum outcome read_outcome(const struct question *q)
{
    static const enum outcome of[] = {
        [DNS_LIST_NOTHING] = UNLISTED,
        [DNS_LIST_HIT] = LISTED,
        [DNS_LIST_BLOCKED] = NOT_SERVED,
        [DNS_LIST_STRANGE] = STRANGE,
    };
    enum outcome worst = UNLISTED;

    if (q->address.status != FCT_DNS_OK)
        return q->address.status == FCT_DNS_NO_NAME || q->address.status == FCT_DNS_NO_DATA
                   ? UNLISTED
                   : NO_ANSWER;
    for (size_t i = 0; i < q->address.n; i++) {
        enum outcome one = of[dns_list_judge(q->table, q->row->list, q->address.record[i].data)];

        worst = one > worst ? one : worst;
    }
    if (q->expected == NOT_THERE && worst == LISTED)
        return BROKEN;
    return worst;
}

static FCT_MAY_WAIT void ask_one(void *arg)
{
    struct question *q = arg;
    struct check *check = q->check;

    if (dns_resolve(check->resolver, check->ctl->arena, FCT_DNS_A, q->name, CLOCK_NEVER,
                    &q->address))
        (void)dns_resolve(check->resolver, check->ctl->arena, FCT_DNS_TXT, q->name, CLOCK_NEVER,
                          &q->reason);
    q->outcome = read_outcome(q);
    if (q->expected != WHATEVER && q->address.status == FCT_DNS_OK && q->outcome == UNLISTED)
        q->outcome = q->expected == NOT_THERE ? BROKEN : LISTED; /* which no row is about */
    if (q->expected == THERE && q->outcome == UNLISTED)
        q->outcome = BROKEN;
}

static FCT_MAY_WAIT void ask_all(void *arg)
{
    struct check *check = arg;
    struct fiber_group group = {0};

    for (size_t i = 0; i < check->questions; i++)
        fiber_group_run(&group, ask_one, &check->question[i]);
    fiber_group_wait(&group);
}

/* ---- printing ---- */

static struct fct_str join_records(struct arena *arena, const struct fct_dns_answer *answer)
{
    struct fct_str text = FCT_STR("");

    for (size_t i = 0; answer->size > 0 && i < answer->n; i++)
        text = arena_printf(arena, "%.*s%s%.*s", FCT_FMT(text), i ? ", " : "",
                            FCT_FMT(answer->record[i].data));
    return text;
}

static bool is_hit(const struct question *q, const struct dns_list_row *row)
{
    for (size_t i = 0; q->outcome == LISTED && i < q->address.n; i++)
        if (row->list == q->row->list && dns_list_is_hit(row, q->address.record[i].data))
            return true;
    return false;
}

/* "SYMBOL (3.5)" of every row that the answer hits. */
static struct fct_str symbols(struct arena *arena, const struct question *q)
{
    struct fct_str text = FCT_STR("");

    for (size_t i = q->row->list; i < q->table->n; i++)
        if (is_hit(q, &q->table->row[i]))
            text = arena_printf(arena, "%.*s%s%s (%g)", FCT_FMT(text), text.n ? ", " : "",
                                q->table->row[i].symbol, q->table->row[i].score);
    return text;
}

static struct fct_str answer_of(struct arena *arena, const struct question *q)
{
    return q->outcome == NO_ANSWER ? q->address.why : join_records(arena, &q->address);
}

static void print_table(struct check *check)
{
    struct arena *arena = check->ctl->arena;
    struct ctl_table t = {.arena = arena,
                          .column = {"RESULT", "ITEM", "QUESTION", "ANSWER", "SYMBOLS", "REASON"},
                          .columns = 6};
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(TEXT_MAX);

    for (size_t i = 0; i < check->questions; i++) {
        const struct question *q = &check->question[i];

        ctl_table_row(&t, (struct fct_str[]){str_from(outcome_word[q->outcome]),
                                             str_from(q->table->items[q->row->item].word), q->name,
                                             answer_of(arena, q), symbols(arena, q),
                                             join_records(arena, &q->reason)});
    }
    ctl_table_print(&t, ctl_wants_colour(), &out);
    ctl_print(&out);
}

static void print_json(struct check *check)
{
    struct arena *arena = check->ctl->arena;
    json_t *all = json_array();

    for (size_t i = 0; i < check->questions; i++) {
        const struct question *q = &check->question[i];

        json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "result",
                                             outcome_word[q->outcome], "zone", q->row->zone, "item",
                                             q->table->items[q->row->item].word, "question",
                                             ctl_json_str(q->name), "answer",
                                             ctl_json_str(answer_of(arena, q)), "symbols",
                                             ctl_json_str(symbols(arena, q)), "reason",
                                             ctl_json_str(join_records(arena, &q->reason))));
    }
    ctl_print_json(all);
}

/* Listed by rows that speak against it; of tests: a list that is not as it must be. */
static int exit_status(const struct check *check)
{
    int status = CTL_OK;

    for (size_t i = 0; i < check->questions; i++) {
        const struct question *q = &check->question[i];

        for (size_t k = q->row->list; k < q->table->n && q->expected == WHATEVER; k++)
            if (is_hit(q, &q->table->row[k]) && q->table->row[k].score > 0)
                return CTL_NO;
        if (q->expected != WHATEVER && q->outcome >= NOT_SERVED)
            return CTL_NO;
        if (q->outcome >= NOT_SERVED)
            status = CTL_TEMPORARY;
    }
    return status;
}

int ctl_check_dnsbl(struct ctl *c)
{
    struct check *check = ARENA_NEW(c->arena, struct check);
    struct fct_err err = {0};

    *check = (struct check){.ctl = c};
    if (!collect(check, &err) || !ctl_resolver_run(c, ask_all, check, &check->resolver, &err))
        return ctl_error(&err);
    if (c->json)
        print_json(check);
    else
        print_table(check);
    return exit_status(check);
}
