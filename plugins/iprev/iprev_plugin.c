/* iprev_plugin.c - has the client's address a name that the DNS confirms? As a plugin.
 *
 * At `connect` the name is looked up and given to the server, which shows it to everybody from then
 * on; or at `scan`, where nobody waits for it. What is known is kept with the connection: its
 * messages are told the same. A connection whose filter process was replaced since is looked at
 * again, out of the cache as a rule. Who already knows a confirmed name (an MTA that hands us mail
 * by the milter protocol) is believed. */
#include "iprev_conf.h"

#include "plugins/lib/clients.h"

#include <stdlib.h>

#define FACT_MAX  700
#define REPLY_MAX 400
#define ROLES     (FCT_ROLE_MX | FCT_ROLE_REPLAY)

static const struct fct_host *host;

/* clang-format off */
static const struct fct_symbol symbols[IPREV_RESULTS + 1] = {
    [IPREV_PASS]      = {"IPREV_PASS",      0.0, "iprev", "The client's address has a name in the DNS that leads back to it"},
    [IPREV_FAIL]      = {"IPREV_FAIL",      0.7, "iprev", "The client's address has a name in the DNS that does not lead back to it"},
    [IPREV_PERMERROR] = {"IPREV_NONE",      1.2, "iprev", "The client's address has no name in the DNS"},
    [IPREV_TEMPERROR] = {"IPREV_TEMPERROR", 0.0, "iprev", "The DNS could not say what the client's name is"},
    {0},
};
/* clang-format on */

/* ---- asking, all at once ---- */

/* In memory of the transaction: a task may outlive the callback that began it by its last steps. */
struct question {
    enum fct_dns_type type;
    struct fct_str name;
    struct fct_dns_answer answer;
};

static FCT_MAY_WAIT void ask_one(struct fct_call *call, void *arg)
{
    struct question *question = arg;

    (void)host->dns(call, question->type, question->name, &question->answer);
}

static FCT_MAY_WAIT void ask_all(void *ctx, enum fct_dns_type type, const struct fct_str *name,
                                 size_t n, struct fct_dns_answer *answer)
{
    struct fct_call *call = ctx;
    struct question *question = host->alloc(call, n * sizeof *question);
    struct fct_token token[IPREV_NAMES_MAX];
    bool done = question != NULL;

    for (size_t i = 0; question && i < n; i++) {
        question[i] = (struct question){.type = type, .name = name[i]};
        token[i] = n > 1 ? host->start(call, ask_one, &question[i]) : (struct fct_token){0, 0};
        if (token[i].slot == 0)
            ask_one(call, &question[i]);
    }
    if (question && n > 1)
        done = host->wait_all(call, token, n);
    for (size_t i = 0; i < n; i++)
        answer[i] = done ? question[i].answer
                         : (struct fct_dns_answer){.size = sizeof *answer,
                                                   .status = FCT_DNS_FAILED,
                                                   .why = FCT_STR("the time is up")};
}

/* ---- what is known of a connection ---- */

static const struct iprev_outcome *recall(struct fct_call *call)
{
    void **slot = host->slot(call);

    return slot ? *slot : NULL;
}

static void remember(struct fct_call *call, const struct iprev_outcome *found)
{
    void **slot = host->slot(call);

    if (slot && !*slot)
        *slot = malloc(sizeof *found);
    if (slot && *slot)
        memcpy(*slot, found, sizeof *found);
}

static FCT_MAY_WAIT bool look_up(struct fct_call *call, const struct iprev_conf *conf,
                                 struct iprev_outcome *out)
{
    struct iprev_query query = {.max_names = conf->max_names, .dns = {ask_all, call}};

    if (!ip_address_parse(host->conn(call)->client_ip, &query.client))
        return false;
    iprev_check(&query, out);
    if (host->time_left_ms(call) == 0)
        return false;
    remember(call, out);
    return true;
}

/* False: nothing is known, as the call is over. */
static FCT_MAY_WAIT bool find(struct fct_call *call, const struct iprev_conf *conf,
                              struct iprev_outcome *out)
{
    const struct iprev_outcome *known = recall(call);
    struct fct_str name = host->conn(call)->client_name;

    if (name.n > 0 && iprev_is_host(name)) {
        *out = (struct iprev_outcome){.result = IPREV_PASS};
        memcpy(out->name, name.p, name.n);
        return true;
    }
    if (known) {
        *out = *known;
        return true;
    }
    return look_up(call, conf, out);
}

/* ---- telling ---- */

static struct fct_str detail_of(const struct iprev_outcome *found)
{
    const char *text = found->result == IPREV_PASS ? found->name : found->why;

    return (struct fct_str){text, strlen(text)};
}

static void add_symbol(struct fct_call *call, const struct iprev_outcome *found)
{
    for (size_t i = 0; symbols[i].name; i++)
        if (host->has_symbol(call, symbols[i].name, NULL))
            return; /* said at an earlier point */
    (void)host->symbol(call, symbols[found->result].name, 1, detail_of(found));
}

/* policy.iprev is the address that was checked (RFC 8601 2.7.3); the colons of IPv6 need quotes
 * (RFC 2045 5.1). Without a result to explain, the comment is the name. */
static void add_fact(struct fct_call *call, const struct iprev_outcome *found)
{
    struct fct_str ip = host->conn(call)->client_ip;
    const char *quote = memchr(ip.p, ':', ip.n) ? "\"" : "";
    char text[FACT_MAX];
    int n = snprintf(text, sizeof text, "iprev=%s%s%s%s policy.iprev=%s%.*s%s",
                     iprev_result_word(found->result), found->name[0] ? " (" : "", found->name,
                     found->name[0] ? ")" : "", quote, FCT_FMT(ip), quote);

    if (n > 0 && (size_t)n < sizeof text)
        (void)host->fact_add(call, "auth", (struct fct_str){text, (size_t)n});
}

static void tell_server(struct fct_call *call, const struct iprev_outcome *found)
{
    if (found->result == IPREV_PASS && host->conn(call)->client_name.n == 0)
        (void)host->set(call, "client_name", detail_of(found));
}

/* ---- points ---- */

static FCT_MAY_WAIT enum fct_verdict on_connect(struct fct_call *call,
                                                const struct fct_ev_connect *ev, void *state)
{
    const struct iprev_conf *conf = state;
    struct iprev_outcome found;

    (void)ev;
    if (!clients_are_strangers(host->conn(call), &conf->skip_net) || !find(call, conf, &found))
        return FCT_NEXT;
    add_symbol(call, &found);
    tell_server(call, &found);
    return FCT_NEXT;
}

static enum fct_verdict refuse(struct fct_call *call, const struct iprev_outcome *found)
{
    bool later = found->result == IPREV_TEMPERROR;
    struct fct_str ip = host->conn(call)->client_ip;
    char text[REPLY_MAX];

    (void)snprintf(text, sizeof text,
                   "your address %.*s must have a name that leads back to it: %s", FCT_FMT(ip),
                   found->why);
    (void)host->reply(call, later ? 451 : 550, later ? "4.7.25" : "5.7.25", text);
    return later ? FCT_TEMPFAIL : FCT_REJECT;
}

static FCT_MAY_WAIT enum fct_verdict on_mail(struct fct_call *call, const struct fct_ev_mail *ev,
                                             void *state)
{
    const struct iprev_conf *conf = state;
    const bool refused[IPREV_RESULTS] = {
        [IPREV_FAIL] = conf->reject_fail,
        [IPREV_PERMERROR] = conf->reject_none,
        [IPREV_TEMPERROR] = conf->defer_temperror,
    };
    struct iprev_outcome found;

    (void)ev;
    if (!clients_are_strangers(host->conn(call), &conf->skip_net) || !find(call, conf, &found))
        return FCT_NEXT;
    return refused[found.result] ? refuse(call, &found) : FCT_NEXT;
}

static FCT_MAY_WAIT void judge(struct fct_call *call, const struct iprev_conf *conf)
{
    struct iprev_outcome found;

    if (!clients_are_strangers(host->conn(call), &conf->skip_net) || !find(call, conf, &found))
        return;
    add_symbol(call, &found);
    add_fact(call, &found);
}

static FCT_MAY_WAIT enum fct_verdict on_headers(struct fct_call *call,
                                                const struct fct_ev_headers *ev, void *state)
{
    (void)ev;
    judge(call, state);
    return FCT_NEXT;
}

static FCT_MAY_WAIT enum fct_verdict on_scan(struct fct_call *call, const struct fct_ev_scan *ev,
                                             void *state)
{
    (void)ev;
    judge(call, state);
    return FCT_NEXT;
}

/* ---- the plugin ---- */

static bool add_hooks(struct fct_self *self, const struct iprev_conf *conf, struct fct_err *err)
{
    struct fct_hook_row connect =
        FCT_ON(connect, on_connect, .provides = "iprev", .roles = ROLES, .may = FCT_MAY_NOTHING);
    struct fct_hook_row mail = FCT_ON(mail, on_mail, .roles = ROLES);
    struct fct_hook_row headers =
        FCT_ON(headers, on_headers, .provides = "iprev", .roles = ROLES, .may = FCT_MAY_NOTHING);
    struct fct_hook_row scan =
        FCT_ON(scan, on_scan, .provides = "iprev", .roles = ROLES, .may = FCT_MAY_NOTHING);

    if (!iprev_conf_is_early(conf))
        return host->add_hook(self, &scan, err);
    return host->add_hook(self, &connect, err) &&
           (!iprev_conf_refuses(conf) || host->add_hook(self, &mail, err)) &&
           host->add_hook(self, &headers, err);
}

static bool start(struct fct_self *self, const struct fct_host *given, const void *conf,
                  void **state, struct fct_err *err)
{
    host = given;
    if (!FCT_HAS(given, fact)) {
        err->class = FCT_DENIED;
        (void)snprintf(err->text, sizeof err->text, "this server is older than the plugin");
        return false;
    }
    memcpy(state, &conf, sizeof conf); /* read-only for us as well, but state is a plain pointer */
    return iprev_conf_check(conf, err) && add_hooks(self, conf, err);
}

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "iprev",
    .version = "1.0",
    .summary = "has the client's address a name that the DNS confirms? (RFC 8601 3)",
    .license = "Apache-2.0",
    .keys = iprev_keys,
    .conf_size = sizeof(struct iprev_conf),
    .symbols = symbols,
    .start = start,
};
