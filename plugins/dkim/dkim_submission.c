/* dkim_submission.c - signs what users who have logged in send, for the domain of From.
 *
 * What is signed is the message as the plugins before this one have made it at `edit`
 * (host->current): what leaves the site must be that view, with the signature on top. */
#include "plugins/dkim/dkim_plugin.h"

#include <time.h>

struct submission {
    struct dkim_plugin *plugin;
    struct dkim_call of;
    struct dkim_memory memory;
    struct dkim_message message;
    const struct dkim_private_key *key;
    size_t keys;
    struct fct_str value[DKIM_KEYS_OF_DOMAIN];
    struct fct_err err[DKIM_KEYS_OF_DOMAIN];
    uint64_t now;
};

/* ---- for whom ---- */

/* The domain of the one author; empty when there is none, or several fields that say who. */
static struct fct_str author_domain(struct fct_call *call, const struct fct_host *host)
{
    const struct fct_header *from = host->header(call, "From", 0);
    const struct fct_address *address;
    size_t n = from && !host->header(call, "From", 1) ? host->addresses(call, from, &address) : 0;

    for (size_t i = 0; i < n; i++)
        if (address[i].kind == FCT_ADDRESS_MAILBOX)
            return address[i].domain;
    return (struct fct_str){"", 0};
}

static bool find_keys(struct submission *s, struct fct_call *call)
{
    struct fct_str domain = author_domain(call, s->plugin->host);

    s->keys = domain.n > 0 ? dkim_keys_find(&s->plugin->keys, domain, &s->key) : 0;
    return s->keys > 0;
}

/* ---- signing ---- */

static void sign_all(struct submission *s)
{
    const struct dkim_conf *conf = s->plugin->conf;

    for (size_t i = 0; i < s->keys; i++) {
        const struct dkim_private_key *key = &s->key[i];
        const struct dkim_signing signing = {
            .domain = {key->domain, strlen(key->domain)},
            .selector = {key->selector, strlen(key->selector)},
            .key = key->key,
            .relaxed_header = s->plugin->relaxed_header,
            .relaxed_body = s->plugin->relaxed_body,
            .headers = conf->headers,
            .oversign = conf->oversign,
            .time = s->now,
            .expiry = conf->lifetime.ms ? s->now + conf->lifetime.ms / 1000 : 0,
        };

        if (!dkim_sign_message(&signing, &s->memory, &s->message, &s->value[i], &s->err[i]))
            s->value[i] = (struct fct_str){NULL, 0};
    }
}

static void add_all(struct submission *s, struct fct_call *call)
{
    const struct fct_host *host = s->plugin->host;

    for (size_t i = 0; i < s->keys; i++) {
        if (s->value[i].p &&
            host->header_add(call, FCT_TOP, FCT_STR("DKIM-Signature"), s->value[i])) {
            host->count(call, "signed", 1);
            continue;
        }
        host->log(call, FCT_ERROR, "not signed for %s by %s: %s", s->key[i].domain,
                  s->key[i].selector, s->err[i].text);
    }
}

enum fct_verdict dkim_on_edit(struct fct_call *call, const struct fct_ev_edit *ev, void *state)
{
    struct dkim_plugin *plugin = state;
    const struct fct_host *host = plugin->host;
    const struct fct_conn *conn = host->conn(call);
    struct submission *s;

    (void)ev;
    if (!plugin->conf->sign || conn->role != FCT_ROLE_SUBMISSION || conn->login.n == 0)
        return FCT_NEXT;
    s = host->alloc(call, sizeof *s);
    if (!s)
        return FCT_NEXT;
    *s = (struct submission){.plugin = plugin, .of = {host, call}, .now = (uint64_t)time(NULL)};
    s->memory = dkim_call_memory(&s->of);
    if (!find_keys(s, call))
        return FCT_NEXT;
    if (dkim_message_split(&s->memory, host->current(call), &s->message)) {
        sign_all(s);
        add_all(s, call);
    } else {
        host->log(call, FCT_ERROR, "not signed for %s: no memory", s->key->domain);
    }
    return FCT_NEXT;
}
