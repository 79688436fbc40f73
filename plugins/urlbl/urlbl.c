/* urlbl.c - asks DNS lists (RFC 5782) about the hosts of a message's URLs, as the table in its
 * block says. All questions of a message go out at once, at scan, beside the other checks. */
#include "urlbl_conf.h"

#include "plugins/lib/clients.h"
#include "plugins/lib/conf_check.h"
#include "plugins/lib/dns_list_ask.h"
#include "plugins/lib/ip_address.h"

#include <stdlib.h>

#define QUESTIONS_MAX 200u
#define ROLES         (FCT_ROLE_MX | FCT_ROLE_REPLAY)

static const struct fct_host *host;

struct urlbl {
    const struct urlbl_conf *conf;
    struct dns_lists lists;
};

/* ---- hosts ---- */

struct hosts {
    struct fct_str *item;
    size_t n, max;
};

static bool is_known(const struct hosts *hosts, struct fct_str name)
{
    for (size_t i = 0; i < hosts->n; i++)
        if (hosts->item[i].n == name.n && memcmp(hosts->item[i].p, name.p, name.n) == 0)
            return true;
    return false;
}

/* What people click on: where a message wants to lead them. */
static bool is_clicked(const struct fct_link *link)
{
    return link->from == FCT_LINK_ANCHOR || link->from == FCT_LINK_AREA ||
           link->from == FCT_LINK_FORM || link->from == FCT_LINK_TEXT;
}

static void collect(struct fct_call *call, struct hosts *hosts, bool clicked)
{
    const struct fct_link *link;
    size_t n = host->links(call, &link);

    for (size_t i = 0; i < n && hosts->n < hosts->max; i++)
        if (is_clicked(&link[i]) == clicked && link[i].url.host.n > 0 &&
            !is_known(hosts, link[i].url.host))
            hosts->item[hosts->n++] = link[i].url.host;
}

static void add_hosts(struct dns_list_asking *asking, const struct hosts *hosts)
{
    struct ip_address address;

    for (size_t i = 0; i < hosts->n; i++)
        (void)dns_list_add(asking,
                           ip_address_parse(hosts->item[i], &address) ? URLBL_URL_IP : URLBL_URL,
                           hosts->item[i]);
}

/* ---- the point ---- */

static FCT_MAY_WAIT enum fct_verdict on_scan(struct fct_call *call, const struct fct_ev_scan *ev,
                                             void *state)
{
    struct urlbl *u = state;
    struct hosts hosts = {.max = u->conf->max_hosts};
    struct dns_list_asking *asking;

    (void)ev;
    if (!clients_are_strangers(host->conn(call), &u->conf->skip_net) ||
        !(hosts.item = host->alloc(call, hosts.max * sizeof *hosts.item)))
        return FCT_NEXT;
    collect(call, &hosts, true);
    collect(call, &hosts, false);
    if (hosts.n == 0 || !(asking = dns_list_begin(&u->lists, call)))
        return FCT_NEXT;
    add_hosts(asking, &hosts);
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

static bool check(const struct urlbl_conf *conf, struct fct_err *err)
{
    return conf_check_number("max_hosts", conf->max_hosts, 1, QUESTIONS_MAX, err) &&
           conf_check_number("max_questions", conf->max_questions, 1, QUESTIONS_MAX, err) &&
           clients_check("skip_net", &conf->skip_net, err);
}

static void stop(void *state)
{
    struct urlbl *u = state;

    if (u)
        dns_lists_close(&u->lists);
    free(u);
}

static bool start(struct fct_self *self, const struct fct_host *given, const void *conf,
                  void **state, struct fct_err *err)
{
    struct fct_hook_row scan =
        FCT_ON(scan, on_scan, .provides = "urlbl", .roles = ROLES, .may = FCT_MAY_NOTHING);
    struct urlbl *u = calloc(1, sizeof *u);

    host = given;
    if (!u || !FCT_HAS(given, links)) {
        free(u);
        return fail(err, "urlbl", "no memory, or this server is older than the plugin");
    }
    u->conf = conf;
    u->lists = (struct dns_lists){.host = given,
                                  .group = "urlbl",
                                  .skip_domain = u->conf->skip_domain,
                                  .max_questions = u->conf->max_questions,
                                  .pause_ms = u->conf->pause.ms,
                                  .test_ms = u->conf->self_test.ms,
                                  .reason = u->conf->reason};
    if (!check(u->conf, err) ||
        !dns_lists_open(&u->lists, self, &u->conf->list, urlbl_items, err) ||
        (u->lists.table.n > 0 && !host->add_hook(self, &scan, err))) {
        stop(u);
        return false;
    }
    *state = u;
    return true;
}

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "urlbl",
    .version = "1.0",
    .summary = "asks DNS lists about the hosts of URLs (RFC 5782)",
    .license = "Apache-2.0",
    .keys = urlbl_keys,
    .conf_size = sizeof(struct urlbl_conf),
    .start = start,
    .stop = stop,
};
