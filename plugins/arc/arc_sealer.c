/* arc_sealer.c - seals what goes on from here (RFC 8617 5.1): one more ARC set above the message as
 * the plugins before this one have made it at `edit` (host->current). What leaves the site must be
 * that view, with the set on top. */
#include "plugins/arc/arc_body.h"
#include "plugins/arc/arc_plugin.h"
#include "plugins/arc/arc_seal.h"
#include "plugins/authres/authres_resinfo.h"
#include "plugins/lib/view.h"

#include <stdlib.h>
#include <time.h>

#define RESULTS_MAX 60
#define FIELD_MAX   (64u << 10)
#define REMOTE_ROOM 1100
#define ROLES       (FCT_ROLE_MX | FCT_ROLE_LMTP | FCT_ROLE_REPLAY)

struct sealer {
    struct arc_plugin *plugin;
    struct fct_call *call;
    struct dkim_call of;
    struct dkim_memory memory;
    struct dkim_message message;
    struct arc_sealing sealing;
    uint8_t body_hash[DKIM_HASH_BYTES];
    bool hashed;
};

/* ---- which mail ---- */

static bool is_local(const struct arc_conf *conf, struct fct_str address)
{
    struct fct_str domain = view_domain(address);

    return domain.n == 0 || /* postmaster */
           dkim_names_have(&conf->local_domains, domain);
}

static bool goes_on(const struct arc_plugin *plugin, struct fct_call *call)
{
    const struct fct_envelope *envelope = plugin->host->envelope(call);

    if (plugin->when == ARC_SEAL_ALL)
        return true;
    for (size_t i = 0; i < envelope->recipients; i++)
        if (!is_local(plugin->conf, envelope->recipient[i]))
            return true;
    return false;
}

static bool is_wanted(const struct arc_plugin *plugin, struct fct_call *call)
{
    const struct fct_conn *conn = plugin->host->conn(call);

    return plugin->when != ARC_SEAL_NO && (conn->role & ROLES) && conn->login.n == 0 &&
           goes_on(plugin, call);
}

/* ---- over what ---- */

/* Without the fact nobody validated the chain: our word would be worth nothing. */
static bool take_chain(struct sealer *s)
{
    static const char *const values[] = {"none", "pass", "fail"};
    struct fct_str fact = s->plugin->host->fact(s->call, ARC_CHAIN_FACT, 0), word, rest;
    uint64_t next = 0;

    rest = fact;
    if (!dkim_split(&rest, ' ', &word) || rest.n < sizeof "next=" ||
        !dkim_number((struct fct_str){rest.p + sizeof "next=" - 1, rest.n - sizeof "next=" + 1},
                     &next))
        return false;
    for (size_t i = 0; i < FCT_COUNT(values); i++)
        if (dkim_is(word, values[i]))
            s->sealing.cv = values[i];
    s->sealing.instance = (uint32_t)next;
    return s->sealing.cv && next > 0;
}

/* ---- our results ---- */

/* The address that gave us the message stands beside what we found of the chain (RFC 8617 10.2). */
static struct fct_str with_remote(struct sealer *s, struct fct_str arc)
{
    struct fct_str ip = s->plugin->host->conn(s->call)->client_ip;
    char *text = s->plugin->host->alloc(s->call, REMOTE_ROOM);
    int n = text ? snprintf(text, REMOTE_ROOM, "%.*s smtp.remote-ip=\"%.*s\"", FCT_FMT(arc),
                            FCT_FMT(ip))
                 : 0;

    return n > 0 && n < REMOTE_ROOM ? (struct fct_str){text, (size_t)n} : arc;
}

static bool take_results(struct sealer *s)
{
    const struct fct_host *host = s->plugin->host;
    char *out = host->alloc(s->call, FIELD_MAX);
    struct fct_str item[RESULTS_MAX], text;
    size_t n = 0;

    if (!out)
        return false;
    for (size_t i = 0; n < RESULTS_MAX && (text = host->fact(s->call, "auth", i)).p; i++) {
        if (text.n > 4 && memcmp(text.p, "arc=", 4) == 0)
            text = with_remote(s, text);
        if (authres_is_resinfo(text))
            item[n++] = text;
    }
    s->sealing.results =
        (struct fct_str){out, authres_format(host->server_name(s->call), item, n, out, FIELD_MAX)};
    return s->sealing.results.n > 0;
}

/* ---- the body ---- */

static void hash_body(void *arg)
{
    struct sealer *s = arg;
    uint64_t length;

    s->hashed = arc_body_hash(s->message.body, true, s->body_hash, &length);
}

/* Mostly nobody changes it, and its hash is known: comparing is cheaper than hashing again. */
static void take_body(struct sealer *s)
{
    const struct fct_host *host = s->plugin->host;
    struct fct_str original = dkim_message_body(host->raw(s->call)), now = s->message.body;

    if (now.n == original.n && (now.p == original.p || memcmp(now.p, original.p, now.n) == 0))
        s->hashed = dkim_body_fact(&s->of, s->body_hash);
    if (!s->hashed && now.n >= s->plugin->conf->offload.bytes)
        (void)host->offload(s->call, hash_body, s);
    if (s->hashed)
        s->sealing.body_hash = s->body_hash;
}

/* ---- with which key ---- */

/* RSA before Ed25519: RFC 8617 4.1 asks nobody to know the latter. */
static bool take_key(struct sealer *s)
{
    const struct fct_host *host = s->plugin->host;
    const char *domain = s->plugin->conf->domain;
    struct fct_str name = {domain, strlen(domain)}, lower;
    const struct dkim_private_key *key;
    size_t n, chosen = 0;

    if (!dkim_lower_copy(&s->memory, name.n > 0 ? name : host->server_name(s->call), &lower))
        return false;
    n = dkim_keys_find(&s->plugin->keys, lower, &key);
    if (n == 0) {
        host->log(s->call, FCT_ERROR, "not sealed: no key for %.*s", FCT_FMT(lower));
        return false;
    }
    while (chosen + 1 < n && EVP_PKEY_get_base_id(key[chosen].key) != EVP_PKEY_RSA)
        chosen++;
    if (EVP_PKEY_get_base_id(key[chosen].key) != EVP_PKEY_RSA)
        chosen = 0;
    s->sealing.domain = (struct fct_str){key[chosen].domain, strlen(key[chosen].domain)};
    s->sealing.selector = (struct fct_str){key[chosen].selector, strlen(key[chosen].selector)};
    s->sealing.key = key[chosen].key;
    return true;
}

/* ---- the set ---- */

static void add_set(struct sealer *s, const struct arc_new_set *set)
{
    const struct fct_host *host = s->plugin->host;

    if (host->header_add(s->call, FCT_TOP, FCT_STR("ARC-Seal"), set->seal) &&
        host->header_add(s->call, FCT_TOP, FCT_STR("ARC-Message-Signature"), set->message) &&
        host->header_add(s->call, FCT_TOP, FCT_STR("ARC-Authentication-Results"), set->results))
        host->count(s->call, "sealed", 1);
    else
        host->log(s->call, FCT_ERROR, "the ARC set cannot be written");
}

static void seal(struct sealer *s)
{
    const struct fct_host *host = s->plugin->host;
    const struct arc_conf *conf = s->plugin->conf;
    struct arc_new_set set;
    struct fct_err err = {0};

    if (!take_chain(s) || !take_key(s))
        return;
    if (!take_results(s) || !dkim_message_split(&s->memory, host->current(s->call), &s->message) ||
        !arc_sealing_names(&s->sealing, &s->memory, &s->message, &conf->headers, &conf->oversign)) {
        host->log(s->call, FCT_ERROR, "not sealed: no memory");
        return;
    }
    take_body(s);
    if (arc_seal_message(&s->sealing, &s->memory, &s->message, &set, &err))
        add_set(s, &set);
    else
        host->log(s->call, FCT_ERROR, "not sealed: %s", err.text);
}

enum fct_verdict arc_on_edit(struct fct_call *call, const struct fct_ev_edit *ev, void *state)
{
    struct arc_plugin *plugin = state;
    struct sealer *s;

    (void)ev;
    if (!is_wanted(plugin, call))
        return FCT_NEXT;
    s = plugin->host->alloc(call, sizeof *s);
    if (!s)
        return FCT_NEXT;
    *s = (struct sealer){.plugin = plugin, .call = call, .of = {plugin->host, call}};
    s->sealing.time = (uint64_t)time(NULL);
    s->memory = dkim_call_memory(&s->of);
    seal(s);
    return FCT_NEXT;
}
