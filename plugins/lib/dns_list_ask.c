/* dns_list_ask.c - see dns_list_ask.h. */
#include "plugins/lib/dns_list_ask.h"

#include <stdlib.h>
#include <strings.h>
#include <time.h>

#define USES_PER_QUESTION \
    4u                    /* lists that share a question: the same name asked about as two things */
#define FAILURES_MAX 5u   /* in a row, then a list is left alone for a while */
#define DETAIL_MAX   200u /* as much of a symbol's detail is kept */
#define REASON_MAX   120u

/* In memory of the transaction: a task may outlive the callback that began it by its last steps. */
struct question {
    struct dns_lists *lists;
    const struct dns_list_row *row; /* of the list that asked first */
    struct fct_str name;
    struct fct_dns_answer address, reason;
    char text[DNS_LIST_NAME_MAX + 1];
};

/* A list asks about a value; another may ask the same. */
struct use {
    size_t list;
    struct fct_str value;
    struct question *question;
};

struct dns_list_asking {
    struct dns_lists *lists;
    struct fct_call *call;
    struct question *question;
    size_t questions;
    struct use *use;
    size_t uses;
    char **found; /* by row: the detail of the first row with its symbol */
    bool asked;
};

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- the table ---- */

static bool is_first(const struct dns_list_table *table, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (table->row[i].symbol && strcmp(table->row[i].symbol, table->row[at].symbol) == 0)
            return false;
    return true;
}

static bool declare(struct dns_lists *lists, struct fct_self *self, struct fct_err *err)
{
    const struct dns_list_table *table = &lists->table;

    for (size_t i = 0; i < table->n; i++) {
        const struct dns_list_row *row = &table->row[i];
        struct fct_symbol symbol = {row->symbol, row->score, lists->group,
                                    row->about[0] ? row->about : row->zone};

        if (row->symbol && is_first(table, i) && !lists->host->add_symbol(self, &symbol, err))
            return false;
    }
    return true;
}

bool dns_lists_open(struct dns_lists *lists, struct fct_self *self, const struct fct_strings *rows,
                    const struct dns_list_item *items, struct fct_err *err)
{
    if (!dns_list_table_read(rows, items, &lists->table, err))
        return false;
    lists->zone = calloc(lists->table.zones + 1, sizeof *lists->zone);
    return lists->zone && declare(lists, self, err);
}

void dns_lists_close(struct dns_lists *lists)
{
    free(lists->zone);
    dns_list_table_free(&lists->table);
}

bool dns_lists_want(const struct dns_lists *lists, size_t item)
{
    for (size_t i = 0; i < lists->table.n; i++)
        if (lists->table.row[i].item == item)
            return true;
    return false;
}

bool dns_lists_have_symbol(const struct dns_lists *lists, const char *symbol)
{
    for (size_t i = 0; i < lists->table.n; i++)
        if (lists->table.row[i].symbol && strcmp(lists->table.row[i].symbol, symbol) == 0)
            return true;
    return false;
}

/* ---- what to ask ---- */

struct dns_list_asking *dns_list_begin(struct dns_lists *lists, struct fct_call *call)
{
    const struct fct_host *host = lists->host;
    struct dns_list_asking *a = host->alloc(call, sizeof *a);
    size_t questions = lists->max_questions, uses = questions * USES_PER_QUESTION;

    if (!a)
        return NULL;
    *a = (struct dns_list_asking){.lists = lists, .call = call};
    a->question = host->alloc(call, (questions + 1) * sizeof *a->question);
    a->use = host->alloc(call, (uses + 1) * sizeof *a->use);
    a->found = host->alloc(call, (lists->table.n + 1) * sizeof *a->found);
    if (!a->question || !a->use || !a->found)
        return NULL;
    memset(a->found, 0, (lists->table.n + 1) * sizeof *a->found);
    return a;
}

/* The domain itself or something below it. */
static bool is_within(struct fct_str name, const char *domain)
{
    size_t n = strlen(domain);

    return name.n >= n && strncasecmp(name.p + name.n - n, domain, n) == 0 &&
           (name.n == n || name.p[name.n - n - 1] == '.');
}

static bool is_skipped(const struct dns_lists *lists, enum dns_list_kind kind, struct fct_str value)
{
    const char *at = kind == DNS_LIST_MAILBOX && value.n ? memrchr(value.p, '@', value.n) : NULL;
    struct fct_str domain =
        at ? (struct fct_str){at + 1, value.n - (size_t)(at + 1 - value.p)} : value;

    for (size_t i = 0; i < lists->skip_domain.n && kind != DNS_LIST_ADDRESS; i++)
        if (is_within(domain, lists->skip_domain.item[i]))
            return true;
    return false;
}

static struct question *find_question(struct dns_list_asking *a, struct fct_str name)
{
    for (size_t i = 0; i < a->questions; i++)
        if (a->question[i].name.n == name.n && memcmp(a->question[i].name.p, name.p, name.n) == 0)
            return &a->question[i];
    return NULL;
}

static bool is_used(const struct dns_list_asking *a, size_t list, const struct question *question)
{
    for (size_t i = 0; i < a->uses; i++)
        if (a->use[i].list == list && a->use[i].question == question)
            return true;
    return false;
}

static bool has_room(struct dns_list_asking *a, const struct question *question)
{
    if (a->uses < a->lists->max_questions * USES_PER_QUESTION &&
        (question || a->questions < a->lists->max_questions))
        return true;
    a->lists->host->count(a->call, "above_limit", 1);
    return false;
}

static bool add_to_list(struct dns_list_asking *a, size_t list, struct fct_str value)
{
    struct dns_lists *lists = a->lists;
    const struct dns_list_row *row = &lists->table.row[list];
    struct fct_str asked = row->org ? lists->host->org_domain(a->call, value) : value;
    char text[DNS_LIST_NAME_MAX + 1];
    struct fct_str name = dns_list_name(&lists->table, row, asked, text);
    struct question *q = find_question(a, name);

    if (name.n == 0 || (q && is_used(a, list, q)))
        return true;
    if (lists->zone[row->zone_at].paused_until_ms > now_ms()) {
        lists->host->count(a->call, "paused", 1);
        return true;
    }
    if (!has_room(a, q))
        return false;
    if (!q) {
        q = &a->question[a->questions++];
        *q = (struct question){.lists = lists, .row = row, .name = {q->text, name.n}};
        memcpy(q->text, name.p, name.n);
    }
    a->use[a->uses++] = (struct use){list, asked, q};
    return true;
}

bool dns_list_add(struct dns_list_asking *asking, size_t item, struct fct_str value)
{
    const struct dns_list_table *table = &asking->lists->table;
    bool room = true;

    if (value.n == 0 || is_skipped(asking->lists, table->items[item].kind, value))
        return true;
    for (size_t i = 0; i < table->n; i++)
        if (table->row[i].item == item && table->row[i].list == i)
            room = add_to_list(asking, i, value) && room;
    return room;
}

/* ---- asking ---- */

static FCT_MAY_WAIT void ask_one(struct fct_call *call, void *arg)
{
    struct question *q = arg;
    const struct fct_host *host = q->lists->host;

    if (host->dns(call, FCT_DNS_A, q->name, &q->address) && q->lists->reason)
        (void)host->dns(call, FCT_DNS_TXT, q->name, &q->reason);
}

/* A list that does not answer must not hold up every message. */
static void note_health(struct dns_list_asking *a, const struct question *q)
{
    struct dns_list_zone *zone = &a->lists->zone[q->row->zone_at];

    if (q->address.status != FCT_DNS_FAILED && q->address.status != FCT_DNS_BOGUS) {
        zone->failures = 0;
        return;
    }
    a->lists->host->count(a->call, "failed", 1);
    if (++zone->failures < FAILURES_MAX || zone->paused_until_ms > now_ms())
        return;
    zone->failures = 0;
    zone->paused_until_ms = now_ms() + a->lists->pause_ms;
    a->lists->host->log(a->call, FCT_WARNING, "%s does not answer (%.*s): not asked for %u s",
                        q->row->zone, FCT_FMT(q->address.why),
                        (unsigned)(a->lists->pause_ms / 1000));
}

void dns_list_ask(struct dns_list_asking *asking)
{
    const struct fct_host *host = asking->lists->host;
    struct fct_token *token = host->alloc(asking->call, (asking->questions + 1) * sizeof *token);

    for (size_t i = 0; token && i < asking->questions; i++) {
        token[i] = host->start(asking->call, ask_one, &asking->question[i]);
        if (token[i].slot == 0)
            ask_one(asking->call, &asking->question[i]);
    }
    asking->asked =
        token && (asking->questions == 0 || host->wait_all(asking->call, token, asking->questions));
    for (size_t i = 0; asking->asked && i < asking->questions; i++)
        note_health(asking, &asking->question[i]);
}

/* ---- what came ---- */

/* Once per list and pause: the log must not drown. */
static void alert(struct dns_list_asking *a, const struct dns_list_row *row, struct fct_str address,
                  const char *what)
{
    struct dns_list_zone *zone = &a->lists->zone[row->zone_at];

    a->lists->host->count(a->call, "blocked", 1);
    if (zone->paused_until_ms > now_ms())
        return;
    zone->paused_until_ms = now_ms() + a->lists->pause_ms;
    a->lists->host->log(a->call, FCT_WARNING, "%s %s (%.*s): not asked for %u s", row->zone, what,
                        FCT_FMT(address), (unsigned)(a->lists->pause_ms / 1000));
}

static char **place_of(const struct dns_list_asking *a, const char *symbol)
{
    size_t at = 0;

    while (at < a->lists->table.n &&
           (!a->lists->table.row[at].symbol || strcmp(a->lists->table.row[at].symbol, symbol) != 0))
        at++;
    return &a->found[at];
}

static void keep_hit(struct dns_list_asking *a, const struct dns_list_row *row,
                     const struct use *use, struct fct_str address)
{
    const struct fct_dns_answer *reason = &use->question->reason;
    bool explained = reason->size > 0 && reason->status == FCT_DNS_OK && reason->n > 0;
    struct fct_str text = explained ? reason->record[0].data : (struct fct_str){"", 0};
    char **to = place_of(a, row->symbol);
    char *detail;

    if (*to || !(detail = a->lists->host->alloc(a->call, DETAIL_MAX)))
        return;
    text.n = text.n < REASON_MAX ? text.n : REASON_MAX;
    (void)snprintf(detail, DETAIL_MAX, "%.*s in %s (%.*s)%s%.*s",
                   (int)(use->value.n < 80 ? use->value.n : 80), use->value.p, row->zone,
                   FCT_FMT(address), text.n ? ": " : "", FCT_FMT(text));
    *to = detail;
}

static void take_hits(struct dns_list_asking *a, const struct use *use, struct fct_str address)
{
    const struct dns_list_table *table = &a->lists->table;

    for (size_t i = use->list; i < table->n; i++)
        if (table->row[i].list == use->list && dns_list_is_hit(&table->row[i], address))
            keep_hit(a, &table->row[i], use, address);
}

static void judge(struct dns_list_asking *a, const struct use *use, struct fct_str address)
{
    const struct dns_list_row *row = &a->lists->table.row[use->list];

    switch (dns_list_judge(&a->lists->table, use->list, address)) {
    case DNS_LIST_NOTHING:
        break;
    case DNS_LIST_HIT:
        take_hits(a, use, address);
        break;
    case DNS_LIST_BLOCKED:
        alert(a, row, address, "does not serve us");
        break;
    case DNS_LIST_STRANGE:
        alert(a, row, address, "gives an answer that is none of a list");
        break;
    }
}

void dns_list_tell(struct dns_list_asking *asking)
{
    const struct dns_list_table *table = &asking->lists->table;
    const struct fct_host *host = asking->lists->host;

    for (size_t i = 0; asking->asked && i < asking->uses; i++) {
        const struct fct_dns_answer *answer = &asking->use[i].question->address;

        for (size_t k = 0; answer->status == FCT_DNS_OK && k < answer->n; k++)
            judge(asking, &asking->use[i], answer->record[k].data);
    }
    for (size_t i = 0; i < table->n; i++) {
        const char *detail = asking->found[i];

        if (!detail || !host->symbol(asking->call, table->row[i].symbol, 1,
                                     (struct fct_str){detail, strlen(detail)}))
            continue;
        host->count(asking->call, "hits", 1);
    }
}

const char *dns_list_found(const struct dns_list_asking *asking, const char *symbol)
{
    return *place_of(asking, symbol);
}
