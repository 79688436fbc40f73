/* dns_list_ask.c - see dns_list_ask.h. */
#include "plugins/lib/dns_list_ask.h"

#include "plugins/lib/dns_list_health.h"

#include <stdlib.h>
#include <strings.h>

/* Lists that share a question: the same name asked about as several things. */
#define USES_PER_QUESTION 4u
#define DETAIL_MAX        200u /* as much of a symbol's detail is kept */
#define REASON_MAX        120u

/* In memory of the transaction: a task may outlive the callback that began it by its last steps. */
struct question {
    struct dns_lists *lists;
    const struct dns_list_row *row; /* of the list that asked first */
    struct fct_str name;
    bool test; /* for what must not be there */
    bool answered;
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
    size_t questions, tests;
    struct use *use;
    size_t uses;
    char **found; /* by row: the detail of the first row with its symbol */
    bool asked;
};

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
    if (!lists->zone) {
        err->class = FCT_TEMP;
        (void)snprintf(err->text, sizeof err->text, "no memory");
        return false;
    }
    return declare(lists, self, err);
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
    size_t questions = lists->max_questions + lists->table.n; /* and tests */
    size_t uses = lists->max_questions * USES_PER_QUESTION;

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
        (question || a->questions - a->tests < a->lists->max_questions))
        return true;
    a->lists->host->count(a->call, "above_limit", 1);
    return false;
}

static struct question *new_question(struct dns_list_asking *a, const struct dns_list_row *row,
                                     struct fct_str name)
{
    struct question *q = &a->question[a->questions++];

    *q = (struct question){.lists = a->lists, .row = row, .name = {q->text, name.n}};
    memcpy(q->text, name.p, name.n);
    return q;
}

static void add_test(struct dns_list_asking *a, const struct dns_list_row *row)
{
    char text[DNS_LIST_NAME_MAX + 1];
    struct fct_str name = dns_list_test_name(&a->lists->table, row, false, text);

    if (name.n == 0 || a->tests == a->lists->table.n || !dns_list_is_due(a->lists, row))
        return;
    new_question(a, row, name)->test = true;
    a->tests++;
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
    if (dns_list_rests(lists, row)) {
        lists->host->count(a->call, "paused", 1);
        return true;
    }
    if (!has_room(a, q))
        return false;
    if (!q)
        q = new_question(a, row, name);
    a->use[a->uses++] = (struct use){list, asked, q};
    add_test(a, row);
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

    (void)host->dns(call, FCT_DNS_A, q->name, &q->address);
    q->answered = host->time_left_ms(call) > 0;
    if (q->answered && q->address.status == FCT_DNS_OK && q->lists->reason)
        (void)host->dns(call, FCT_DNS_TXT, q->name, &q->reason);
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
    for (size_t i = 0; token && i < asking->questions; i++)
        dns_list_heard(asking->lists, asking->call, asking->question[i].row,
                       asking->question[i].answered ? &asking->question[i].address : NULL);
}

/* ---- what came ---- */

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
    if (dns_list_judge(&a->lists->table, use->list, address) == DNS_LIST_HIT)
        take_hits(a, use, address);
}

/* An answer that says something about the list itself: what, or NULL. */
static const char *complaint(const struct dns_list_asking *a, const struct use *use,
                             struct fct_str address)
{
    switch (dns_list_judge(&a->lists->table, use->list, address)) {
    case DNS_LIST_NOTHING:
    case DNS_LIST_HIT:
        break;
    case DNS_LIST_BLOCKED:
        return "does not serve us";
    case DNS_LIST_STRANGE:
        return "gives an answer that is none of a list";
    }
    return NULL;
}

static void complain(struct dns_list_asking *a, const struct use *use)
{
    const struct fct_dns_answer *answer = &use->question->address;

    for (size_t i = 0; answer->status == FCT_DNS_OK && i < answer->n; i++) {
        const char *what = complaint(a, use, answer->record[i].data);

        if (!what)
            continue;
        a->lists->host->count(a->call, "blocked", 1);
        dns_list_rest(a->lists, a->call, use->question->row, what, answer->record[i].data);
    }
}

/* What must not be there is: the list has the whole world in it (RFC 5782 5). */
static void check_test(struct dns_list_asking *a, const struct question *q)
{
    if (!q->test || q->address.status != FCT_DNS_OK || q->address.n == 0)
        return;
    a->lists->host->count(a->call, "broken", 1);
    dns_list_rest(a->lists, a->call, q->row, "lists what no list may", q->name);
}

static void tell(struct dns_list_asking *a, const struct dns_list_row *row, const char *detail)
{
    const struct fct_host *host = a->lists->host;

    if (!host->has_symbol(a->call, row->symbol, NULL) &&
        host->symbol(a->call, row->symbol, 1, (struct fct_str){detail, strlen(detail)}))
        host->count(a->call, "hits", 1);
}

void dns_list_tell(struct dns_list_asking *asking)
{
    const struct dns_list_table *table = &asking->lists->table;

    for (size_t i = 0; asking->asked && i < asking->uses; i++)
        complain(asking, &asking->use[i]);
    for (size_t i = 0; asking->asked && i < asking->questions; i++)
        check_test(asking, &asking->question[i]);
    for (size_t i = 0; asking->asked && i < asking->uses; i++) {
        const struct fct_dns_answer *answer = &asking->use[i].question->address;

        if (dns_list_rests(asking->lists, asking->use[i].question->row))
            continue; /* since just now: what it says is worth nothing */
        for (size_t k = 0; answer->status == FCT_DNS_OK && k < answer->n; k++)
            judge(asking, &asking->use[i], answer->record[k].data);
    }
    for (size_t i = 0; i < table->n; i++)
        if (asking->found[i])
            tell(asking, &table->row[i], asking->found[i]);
}

const char *dns_list_found(const struct dns_list_asking *asking, const char *symbol)
{
    return *place_of(asking, symbol);
}
