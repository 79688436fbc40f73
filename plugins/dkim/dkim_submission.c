/* dkim_submission.c - signs what users who have logged in send, and reports of this server, for the
 * domain of From.
 *
 * What leaves is signed when it enters the queue: those bytes go out, and whoever gets it here gets
 * the same. What stays here, and what the MTA before a milter sends on, is signed at `edit`, as the
 * plugins before this one have made it there (host->current). Never at both. */
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

/* ---- when ---- */

static bool is_submitted(const struct fct_conn *conn)
{
    return conn->role == FCT_ROLE_SUBMISSION && conn->login.n > 0;
}

/* Does it come by again, on its way into the queue? Only where this server delivers: recipients
 * without an account are elsewhere. */
static bool will_be_queued(struct dkim_plugin *plugin, struct fct_call *call)
{
    const struct fct_host *host = plugin->host;
    const struct fct_recipient *r;

    if (!dkim_is(host->conn(call)->frontend, "smtp"))
        return false;
    for (size_t i = 0; (r = host->recipient(call, i)) != NULL; i++)
        if (r->account.n == 0)
            return true;
    return false;
}

static enum fct_verdict sign(struct dkim_plugin *plugin, struct fct_call *call)
{
    const struct fct_host *host = plugin->host;
    struct submission *s = host->alloc(call, sizeof *s);

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

enum fct_verdict dkim_on_edit(struct fct_call *call, const struct fct_ev_edit *ev, void *state)
{
    struct dkim_plugin *plugin = state;

    (void)ev;
    if (!plugin->conf->sign || !is_submitted(plugin->host->conn(call)) ||
        will_be_queued(plugin, call))
        return FCT_NEXT;
    return sign(plugin, call);
}

enum fct_verdict dkim_on_queue_in(struct fct_call *call, const struct fct_ev_queue_in *ev,
                                  void *state)
{
    struct dkim_plugin *plugin = state;

    if (!plugin->conf->sign ||
        (!is_submitted(plugin->host->conn(call)) && !dkim_is(ev->origin, "report")))
        return FCT_NEXT;
    return sign(plugin, call);
}
