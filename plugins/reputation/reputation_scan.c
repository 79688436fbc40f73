/* reputation_scan.c - what is known of those a message stands for: one question to Redis, at most
 * one symbol of each kind. Without Redis nothing is said. */
#include "reputation_count.h"
#include "reputation_plugin.h"

#include "plugins/lib/clients.h"

#include <math.h>
#include <time.h>

#define DETAIL_MAX 200

/* clang-format off */
const struct fct_symbol reputation_symbols[] = {
    [REPUTATION_NET]    = {"REPUTATION_NET",    1.2, "reputation", "What came from the client's network before: more for spam, less for wanted mail"},
    [REPUTATION_ASN]    = {"REPUTATION_ASN",    0.5, "reputation", "What came from the provider's networks (autonomous system) before"},
    [REPUTATION_DKIM]   = {"REPUTATION_DKIM",   1.5, "reputation", "What this domain, which has signed the message (DKIM), sent before"},
    [REPUTATION_SPF]    = {"REPUTATION_SPF",    1.0, "reputation", "What this domain, which SPF vouches for, sent before"},
    [REPUTATION_URL]    = {"REPUTATION_URL",    1.5, "reputation", "What linked to this domain before: the worst of all links counts"},
    [REPUTATION_SENDER] = {"REPUTATION_SENDER", 1.5, "reputation", "What this sender, whom SPF or DKIM vouches for, sent before"},
    [REPUTATION_KINDS]  = {NULL, 0, NULL, NULL},
};
/* clang-format on */

/* Of all names of a kind the worst: a good one is easily put beside it. */
struct worst {
    const struct reputation_name *name;
    struct reputation_counts counts;
    double odds;
};

/* One message: what is known of its names in general (row 0), and to each of its recipients. */
struct scan {
    const struct reputation_plugin *plugin;
    struct fct_call *call;
    struct reputation_names names;
    struct fct_str account[1 + REPUTATION_USERS]; /* of row 0: nobody's */
    char tag[1 + REPUTATION_USERS][REPUTATION_TAG_ROOM];
    size_t rows;
    char key[(1 + REPUTATION_USERS) * REPUTATION_NAMES][REPUTATION_KEY_ROOM];
    struct fct_str word[1 + (1 + REPUTATION_USERS) * REPUTATION_NAMES];
    const struct fct_redis_reply *reply;
    int64_t now;
};

static void add_user(struct scan *s, struct fct_str account)
{
    for (size_t i = 1; i < s->rows; i++)
        if (s->account[i].n == account.n && memcmp(s->account[i].p, account.p, account.n) == 0)
            return;
    if (reputation_user_tag(s->plugin->conf->secret, account, s->tag[s->rows]))
        s->account[s->rows++] = account;
}

static void add_users(struct scan *s)
{
    const struct fct_recipient *r;

    if (s->plugin->conf->users_teach_site)
        return;
    for (size_t i = 0; s->rows <= REPUTATION_USERS && (r = s->plugin->host->recipient(s->call, i));
         i++)
        if (r->account.n > 0)
            add_user(s, r->account);
}

/* One question for all rows. */
static FCT_MAY_WAIT bool ask(struct scan *s)
{
    size_t n = s->names.n, all = s->rows * n;

    s->word[0] = FCT_STR("MGET");
    for (size_t i = 0; i < all; i++) {
        int length = snprintf(s->key[i], sizeof s->key[i], "%.43s%s", s->names.name[i % n].key,
                              s->tag[i / n]);

        s->word[1 + i] = (struct fct_str){s->key[i], (size_t)length};
    }
    s->reply = s->plugin->host->redis(s->call, s->word, 1 + all, NULL);
    return s->reply && s->reply->kind == FCT_REDIS_ARRAY && s->reply->n == all;
}

static bool read_counts(const struct scan *s, size_t row, size_t i, struct reputation_counts *out)
{
    const struct fct_redis_reply *item = &s->reply->item[row * s->names.n + i];

    *out = (struct reputation_counts){{0}, {0}};
    return item->kind == FCT_REDIS_STRING && reputation_counts_read(item->string, s->now, out);
}

/* What is known to everybody and what this user has said, together. True: he has said something. */
static bool find_worst(const struct scan *s, size_t row, enum reputation_kind kind,
                       struct worst *worst)
{
    bool any = false;

    *worst = (struct worst){.name = NULL};
    for (size_t i = 0; i < s->names.n; i++) {
        struct reputation_counts counts, own;
        double odds;

        if (s->names.name[i].kind != kind)
            continue;
        (void)read_counts(s, 0, i, &counts);
        if (row > 0 && read_counts(s, row, i, &own)) {
            any = true;
            for (unsigned h = 0; h < REPUTATION_HORIZONS; h++) {
                counts.spam[h] += own.spam[h];
                counts.ham[h] += own.ham[h];
            }
        }
        odds = reputation_odds(&counts, s->plugin->conf->strength);
        if (!worst->name || odds > worst->odds)
            *worst = (struct worst){&s->names.name[i], counts, odds};
    }
    return any;
}

static double factor_of(const struct scan *s, const struct worst *w)
{
    double factor = reputation_factor(w->odds);

    return factor < 0 ? factor * s->plugin->conf->good_share : factor;
}

static void tell(const struct scan *s, size_t row, enum reputation_kind kind)
{
    const struct fct_host *host = s->plugin->host;
    const char *symbol = reputation_symbols[kind].name;
    struct fct_str detail;
    struct worst w;
    bool own = find_worst(s, row, kind, &w);
    char text[DETAIL_MAX];
    int n;

    if (!w.name || (row > 0 && !own))
        return;
    n = snprintf(text, sizeof text, "%.*s: %.1f spam, %.1f ham%s",
                 w.name->text.n < 120 ? (int)w.name->text.n : 120, w.name->text.p,
                 w.counts.spam[REPUTATION_SEASON], w.counts.ham[REPUTATION_SEASON],
                 own ? ", with own" : "");
    detail = (struct fct_str){text, n > 0 ? (size_t)n : 0};
    if (row > 0)
        (void)host->symbol_for(s->call, s->account[row], symbol, factor_of(s, &w), detail);
    else if (factor_of(s, &w) != 0)
        (void)host->symbol(s->call, symbol, factor_of(s, &w), detail);
}

enum fct_verdict reputation_on_scan(struct fct_call *call, const struct fct_ev_scan *ev,
                                    void *state)
{
    const struct reputation_plugin *plugin = state;
    struct reputation_reading reading = {plugin->host, call, plugin->conf, plugin->asn};
    struct scan *s;

    (void)ev;
    if (!clients_are_strangers(plugin->host->conn(call), &plugin->conf->skip_net) ||
        !(s = plugin->host->alloc(call, sizeof *s)))
        return FCT_NEXT;
    s->plugin = plugin;
    s->call = call;
    s->rows = 1;
    s->tag[0][0] = '\0';
    s->now = (int64_t)time(NULL);
    reputation_names_read(&reading, &s->names);
    if (s->names.n == 0)
        return FCT_NEXT;
    reputation_keep(plugin, call, &s->names);
    add_users(s);
    if (!ask(s))
        return FCT_NEXT;
    for (size_t row = 0; row < s->rows; row++)
        for (unsigned kind = 0; kind < REPUTATION_KINDS; kind++)
            tell(s, row, (enum reputation_kind)kind);
    return FCT_NEXT;
}
