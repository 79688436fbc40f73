/* dnsbl.c - asks DNS lists (RFC 5782) about a message's client, names and addresses, as the table
 * in its block says.
 *
 * All questions of a message go out at once, at scan, beside the other checks. With `reject` those
 * about the connection and MAIL FROM are asked at `mail` already; at scan they come out of the
 * cache. */
#include "dnsbl_conf.h"

#include "plugins/lib/clients.h"
#include "plugins/lib/conf_check.h"
#include "plugins/lib/dns_list_ask.h"
#include "plugins/lib/view.h"

#include <stdlib.h>

#define MAILBOXES_MAX 10u /* of one field */
#define REPLY_MAX     400
#define QUESTIONS_MAX 200u
#define ROLES         (FCT_ROLE_MX | FCT_ROLE_REPLAY)

static const struct fct_host *host;

struct dnsbl {
    const struct dnsbl_conf *conf;
    struct dns_lists lists;
};

/* ---- what to ask about ---- */

static void add_connection(struct fct_call *call, struct dns_list_asking *asking)
{
    const struct fct_conn *conn = host->conn(call);
    struct fct_str sender = host->envelope(call)->reverse_path;

    (void)dns_list_add(asking, DNSBL_IP, conn->client_ip);
    (void)dns_list_add(asking, DNSBL_HELO, conn->helo);
    (void)dns_list_add(asking, DNSBL_CLIENT_NAME, conn->client_name);
    (void)dns_list_add(asking, DNSBL_SENDER, view_domain(sender));
    (void)dns_list_add(asking, DNSBL_SENDER_ADDRESS, sender);
}

static struct fct_str mailbox_of(struct fct_call *call, const struct fct_address *address)
{
    size_t n = address->local.n + 1 + address->domain.n;
    char *text = host->alloc(call, n);

    if (!text || address->local.n == 0 || address->domain.n == 0)
        return (struct fct_str){"", 0};
    memcpy(text, address->local.p, address->local.n);
    text[address->local.n] = '@';
    memcpy(text + address->local.n + 1, address->domain.p, address->domain.n);
    return (struct fct_str){text, n};
}

static void add_field(struct fct_call *call, struct dns_list_asking *asking, const char *name,
                      enum dnsbl_item domain, enum dnsbl_item mailbox)
{
    const struct fct_header *field = host->header(call, name, 0);
    const struct fct_address *address;
    size_t n = field ? host->addresses(call, field, &address) : 0;

    for (size_t i = 0; i < n && i < MAILBOXES_MAX; i++) {
        (void)dns_list_add(asking, domain, address[i].domain);
        (void)dns_list_add(asking, mailbox, mailbox_of(call, &address[i]));
    }
}

/* "dkim=pass header.d=example.org header.s=…" */
static void add_signers(struct fct_call *call, struct dns_list_asking *asking)
{
    static const char pass[] = "dkim=pass", mark[] = " header.d=";
    struct fct_str fact;

    for (size_t i = 0; (fact = host->fact(call, "auth", i)).p; i++) {
        const char *at = memmem(fact.p, fact.n, mark, sizeof mark - 1);
        struct fct_str domain;

        if (!at || fact.n < sizeof pass || memcmp(fact.p, pass, sizeof pass - 1) != 0)
            continue;
        domain.p = at + sizeof mark - 1;
        domain.n = fact.n - (size_t)(domain.p - fact.p);
        for (size_t k = 0; k < domain.n; k++)
            if (domain.p[k] == ' ')
                domain.n = k;
        (void)dns_list_add(asking, DNSBL_DKIM, domain);
    }
}

/* ---- points ---- */

static bool wants(const struct dnsbl *d, struct fct_call *call)
{
    return clients_are_strangers(host->conn(call), &d->conf->skip_net);
}

static enum fct_verdict refuse(struct fct_call *call, const char *found)
{
    char text[REPLY_MAX];

    (void)snprintf(text, sizeof text, "refused: %s", found);
    (void)host->reply(call, 550, "5.7.1", text);
    return FCT_REJECT;
}

static FCT_MAY_WAIT enum fct_verdict on_mail(struct fct_call *call, const struct fct_ev_mail *ev,
                                             void *state)
{
    struct dnsbl *d = state;
    struct dns_list_asking *asking = wants(d, call) ? dns_list_begin(&d->lists, call) : NULL;

    (void)ev;
    if (!asking)
        return FCT_NEXT;
    add_connection(call, asking);
    dns_list_ask(asking);
    dns_list_tell(asking);
    for (size_t i = 0; i < d->conf->reject.n; i++) {
        const char *found = dns_list_found(asking, d->conf->reject.item[i]);

        if (found)
            return refuse(call, found);
    }
    return FCT_NEXT;
}

static FCT_MAY_WAIT enum fct_verdict on_scan(struct fct_call *call, const struct fct_ev_scan *ev,
                                             void *state)
{
    struct dnsbl *d = state;
    struct dns_list_asking *asking = wants(d, call) ? dns_list_begin(&d->lists, call) : NULL;

    (void)ev;
    if (!asking)
        return FCT_NEXT;
    add_connection(call, asking);
    add_field(call, asking, "From", DNSBL_FROM, DNSBL_FROM_ADDRESS);
    add_field(call, asking, "Reply-To", DNSBL_REPLY_TO, DNSBL_REPLY_TO_ADDRESS);
    add_signers(call, asking);
    dns_list_ask(asking);
    dns_list_tell(asking);
    return FCT_NEXT;
}

/* ---- the plugin ---- */

static bool fail(struct fct_err *err, const char *key, const char *what)
{
    err->class = FCT_SYNTAX;
    (void)snprintf(err->text, sizeof err->text, "%s: %s", key, what);
    return false;
}

static bool check(const struct dnsbl *d, struct fct_err *err)
{
    const struct dnsbl_conf *conf = d->conf;

    for (size_t i = 0; i < conf->reject.n; i++)
        if (!dns_lists_have_symbol(&d->lists, conf->reject.item[i]))
            return fail(err, conf->reject.item[i], "reject names a symbol that no row has");
    return conf_check_number("max_questions", conf->max_questions, 1, QUESTIONS_MAX, err) &&
           clients_check("skip_net", &conf->skip_net, err);
}

/* Nobody waits for signatures whom no row asks about. */
static bool add_hooks(struct fct_self *self, const struct dnsbl *d, struct fct_err *err)
{
    bool signers = dns_lists_want(&d->lists, DNSBL_DKIM);
    struct fct_hook_row mail = FCT_ON(mail, on_mail, .after = "iprev?", .roles = ROLES);
    struct fct_hook_row scan =
        FCT_ON(scan, on_scan, .provides = "dnsbl", .after = signers ? "dkim?" : NULL,
               .roles = ROLES, .may = FCT_MAY_NOTHING);

    return (d->conf->reject.n == 0 || host->add_hook(self, &mail, err)) &&
           (d->lists.table.n == 0 || host->add_hook(self, &scan, err));
}

static void stop(void *state)
{
    struct dnsbl *d = state;

    if (d)
        dns_lists_close(&d->lists);
    free(d);
}

static bool start(struct fct_self *self, const struct fct_host *given, const void *conf,
                  void **state, struct fct_err *err)
{
    struct dnsbl *d = calloc(1, sizeof *d);

    host = given;
    if (!d || !FCT_HAS(given, fact)) {
        free(d);
        return fail(err, "dnsbl", "no memory, or this server is older than the plugin");
    }
    d->conf = conf;
    d->lists = (struct dns_lists){.host = given,
                                  .group = "dnsbl",
                                  .skip_domain = d->conf->skip_domain,
                                  .max_questions = d->conf->max_questions,
                                  .pause_ms = d->conf->pause.ms,
                                  .test_ms = d->conf->self_test.ms,
                                  .reason = d->conf->reason};
    if (!dns_lists_open(&d->lists, self, &d->conf->list, dnsbl_items, err) || !check(d, err) ||
        !add_hooks(self, d, err)) {
        stop(d);
        return false;
    }
    *state = d;
    return true;
}

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "dnsbl",
    .version = "1.0",
    .summary = "asks DNS lists about the client, the sender and the author (RFC 5782)",
    .license = "Apache-2.0",
    .keys = dnsbl_keys,
    .conf_size = sizeof(struct dnsbl_conf),
    .start = start,
    .stop = stop,
};
