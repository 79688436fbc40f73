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

static const struct fct_redis_reply *ask(const struct reputation_plugin *plugin,
                                         struct fct_call *call,
                                         const struct reputation_names *names)
{
    struct fct_str word[1 + REPUTATION_NAMES] = {FCT_STR("MGET")};
    const struct fct_redis_reply *reply;

    for (size_t i = 0; i < names->n; i++)
        word[1 + i] = (struct fct_str){names->name[i].key, strlen(names->name[i].key)};
    reply = plugin->host->redis(call, word, 1 + names->n, NULL);
    return reply && reply->kind == FCT_REDIS_ARRAY && reply->n == names->n ? reply : NULL;
}

static void find_worst(const struct reputation_plugin *plugin, const struct reputation_names *names,
                       const struct fct_redis_reply *reply, struct worst worst[REPUTATION_KINDS])
{
    int64_t now = (int64_t)time(NULL);

    for (size_t i = 0; i < names->n; i++) {
        const struct reputation_name *name = &names->name[i];
        struct worst *w = &worst[name->kind];
        struct reputation_counts counts = {{0}, {0}};
        double odds = 0;

        if (reply->item[i].kind == FCT_REDIS_STRING &&
            reputation_counts_read(reply->item[i].string, now, &counts))
            odds = reputation_odds(&counts, plugin->conf->strength);
        if (!w->name || odds > w->odds)
            *w = (struct worst){name, counts, odds};
    }
}

static void tell(const struct reputation_plugin *plugin, struct fct_call *call,
                 enum reputation_kind kind, const struct worst *w)
{
    double factor = reputation_factor(w->odds);
    char detail[DETAIL_MAX];
    int n;

    if (factor < 0)
        factor *= plugin->conf->good_share;
    if (!w->name || factor == 0)
        return;
    n = snprintf(detail, sizeof detail, "%.*s: %.1f spam, %.1f ham",
                 w->name->text.n < 120 ? (int)w->name->text.n : 120, w->name->text.p,
                 w->counts.spam[REPUTATION_SEASON], w->counts.ham[REPUTATION_SEASON]);
    (void)plugin->host->symbol(call, reputation_symbols[kind].name, factor,
                               (struct fct_str){detail, n > 0 ? (size_t)n : 0});
}

enum fct_verdict reputation_on_scan(struct fct_call *call, const struct fct_ev_scan *ev,
                                    void *state)
{
    const struct reputation_plugin *plugin = state;
    struct reputation_reading reading = {plugin->host, call, plugin->conf, plugin->asn};
    struct worst worst[REPUTATION_KINDS] = {{NULL, {{0}, {0}}, 0}};
    const struct fct_redis_reply *reply;
    struct reputation_names *names;

    (void)ev;
    if (!clients_are_strangers(plugin->host->conn(call), &plugin->conf->skip_net) ||
        !(names = plugin->host->alloc(call, sizeof *names)))
        return FCT_NEXT;
    reputation_names_read(&reading, names);
    if (names->n == 0)
        return FCT_NEXT;
    reputation_keep(plugin, call, names);
    reply = ask(plugin, call, names);
    if (!reply)
        return FCT_NEXT;
    find_worst(plugin, names, reply, worst);
    for (unsigned kind = 0; kind < REPUTATION_KINDS; kind++)
        tell(plugin, call, (enum reputation_kind)kind, &worst[kind]);
    return FCT_NEXT;
}
