/* outside.c - asks others about the client: block lists, all at once; whether it was here before;
 * a service by HTTP. */
#include <facteur/plugin.h>

#include <arpa/inet.h>
#include <stdio.h>

#define MAX_LISTS 8

static const struct fct_host *host;

struct outside_conf {
    struct fct_strings list;
    const char *service;
    fct_duration remember;
};
static const struct fct_conf_key keys[] = {
    FCT_CONF_KEY(struct outside_conf, list, "[]", "DNS block lists, at most 8"),
    FCT_CONF_KEY(struct outside_conf, service, "", "URL that says \"bad\" or something else"),
    FCT_CONF_KEY(struct outside_conf, remember, "30d", "How long a client stays known"),
    FCT_CONF_END,
};

static const struct fct_symbol symbols[] = {
    {"OUTSIDE_LISTED", 2.0, "rbl", "the client is on a block list"},
    {"OUTSIDE_NEW", 0.5, "reputation", "the client was never here before"},
    {"OUTSIDE_BAD", 4.0, "reputation", "the service says the client is bad"},
    {0},
};

/* One question. Lives in the transaction's memory. */
struct question {
    struct fct_str name;
    bool listed;
};

/* Runs in a fiber of its own beside the others. */
static void ask(struct fct_call *call, void *arg)
{
    struct question *question = arg;
    struct fct_dns_answer answer;

    question->listed = host->dns(call, FCT_DNS_A, question->name, &answer);
}

static struct fct_str str(const char *text)
{
    return (struct fct_str){text, strlen(text)};
}

/* 192.0.2.7 on rbl.example: 7.2.0.192.rbl.example */
static bool make_name(struct fct_call *call, const char *list, struct fct_str *name)
{
    struct fct_str ip = host->conn(call)->client_ip;
    char text[46], *out = host->alloc(call, 300);
    unsigned char b[4];

    snprintf(text, sizeof text, "%.*s", FCT_FMT(ip));
    if (!out || inet_pton(AF_INET, text, b) != 1)
        return false;
    snprintf(out, 300, "%u.%u.%u.%u.%.250s", b[3], b[2], b[1], b[0], list);
    *name = str(out);
    return true;
}

static enum fct_verdict on_lists(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    const struct outside_conf *conf = state;
    struct question *question = host->alloc(call, MAX_LISTS * sizeof *question);
    struct fct_token token[MAX_LISTS];
    size_t n = 0;

    (void)ev;
    for (size_t i = 0; question && i < conf->list.n && i < MAX_LISTS; i++) {
        question[n].listed = false;
        if (!make_name(call, conf->list.item[i], &question[n].name))
            continue;
        token[n] = host->start(call, ask, &question[n]);
        n++;
    }
    if (!host->wait_all(call, token, n))
        return FCT_NEXT; /* the deadline passed: an answer that came too late is none */
    for (size_t i = 0; i < n; i++)
        if (question[i].listed)
            host->symbol(call, "OUTSIDE_LISTED", 1.0, question[i].name);
    return FCT_NEXT;
}

static enum fct_verdict on_known(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    const struct outside_conf *conf = state;
    struct fct_str ip = host->conn(call)->client_ip;

    (void)ev;
    if (!host->kv_seen(call, ip, (uint32_t)(conf->remember.ms / 1000)))
        host->symbol(call, "OUTSIDE_NEW", 1.0, ip);
    return FCT_NEXT;
}

static enum fct_verdict on_service(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    const struct outside_conf *conf = state;
    struct fct_http_request request = {
        .size = sizeof request,
        .url = str(conf->service),
        .body = host->conn(call)->client_ip,
        .timeout_ms = 2000,
    };
    struct fct_http_reply reply;
    struct fct_err err;

    (void)ev;
    if (!*conf->service)
        return FCT_NEXT;
    if (!host->http(call, &request, &reply, &err))
        host->log(call, FCT_WARNING, "the service: %s", err.text);
    else if (reply.status == 200 && reply.body.n >= 3 && memcmp(reply.body.p, "bad", 3) == 0)
        host->symbol(call, "OUTSIDE_BAD", 1.0, str(conf->service));
    return FCT_NEXT;
}

static bool start(struct fct_self *self, const struct fct_host *given, const void *conf,
                  void **state, struct fct_err *err)
{
    (void)self, (void)err;
    host = given;
    memcpy(state, &conf, sizeof conf);
    return true;
}

/* Three rows at one point run side by side; the ledger names each by its label. */
static const struct fct_hook_row hooks[] = {
    FCT_ON(scan, on_lists, .label = "outside:lists", .deadline_ms = 5000),
    FCT_ON(scan, on_known, .label = "outside:known"),
    FCT_ON(scan, on_service, .label = "outside:service", .deadline_ms = 3000),
};

const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "outside",
    .version = "1.0",
    .summary = "asks block lists and a service about the client",
    .license = "Apache-2.0",
    .keys = keys,
    .conf_size = sizeof(struct outside_conf),
    .symbols = symbols,
    .hooks = hooks,
    .nhooks = FCT_COUNT(hooks),
    .start = start,
};
