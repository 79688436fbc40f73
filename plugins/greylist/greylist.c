/* greylist.c - what scores in the uncertain band is asked to come back: a mail server does, and by
 * then lists and hashes know more about a campaign.
 *
 * Only at `verdict`, where the score is known: nobody else waits. Remembered is who sent for whom
 * (the domain that SPF vouches for, else the network; the sender's domain; the recipient's), and
 * which authenticated domains sent mail that was kept: they need not wait. All of it lives in
 * Redis; while that is away everybody passes. */
#include "plugins/dmarc/dmarc_facts.h"
#include "plugins/lib/ip_address.h"
#include "plugins/lib/view.h"

#include <facteur/plugin.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define KEY_MAX     64
#define NAMES_MAX   900
#define HASH_BYTES  16
#define TEXT_MAX    120
#define DOMAINS_MAX 6
#define ROLES       (FCT_ROLE_MX | FCT_ROLE_REPLAY)

static const struct fct_host *host;

struct greylist_conf {
    fct_duration delay, forget_new, forget_known;
    const char *passed;
    bool known_pass;
};

/* clang-format off */
static const struct fct_conf_key greylist_keys[] = {
    FCT_CONF_KEY(struct greylist_conf, delay,        "5m",   "Who comes back earlier is asked again"),
    FCT_CONF_KEY(struct greylist_conf, forget_new,   "2d",   "Who does not come back within this time begins anew"),
    FCT_CONF_KEY(struct greylist_conf, forget_known, "35d",  "Who came back need not do so again for so long after his last message"),
    FCT_CONF_KEY(struct greylist_conf, passed,       "keep", "What becomes of a message that came back: keep or tag"),
    FCT_CONF_KEY(struct greylist_conf, known_pass,   "yes",  "A domain that SPF or DKIM vouches for, and whose mail was kept before, need not come back"),
    FCT_CONF_END,
};
/* clang-format on */

/* KEYS: the meeting, then domains whose mail was kept. ARGV: delay, forget_new, forget_known, in
 * seconds. Returns how long to wait still; 0: passed. */
static const struct fct_redis_script meet_script = {
    "greylist_meet", "local now = tonumber(redis.call('TIME')[1])\n"
                     "for i = 2, #KEYS do\n"
                     "  if redis.call('EXISTS', KEYS[i]) == 1 then return 0 end\n"
                     "end\n"
                     "local first = tonumber(redis.call('GET', KEYS[1]))\n"
                     "if not first then\n"
                     "  redis.call('SET', KEYS[1], now, 'EX', ARGV[2])\n"
                     "  return tonumber(ARGV[1])\n"
                     "end\n"
                     "if now - first < tonumber(ARGV[1]) then return ARGV[1] - (now - first) end\n"
                     "redis.call('EXPIRE', KEYS[1], ARGV[3])\n"
                     "return 0\n"};

/* KEYS: domains. ARGV: seconds. */
static const struct fct_redis_script keep_script = {
    "greylist_keep", "for i = 1, #KEYS do redis.call('SET', KEYS[i], 1, 'EX', ARGV[1]) end\n"
                     "return 0\n"};

/* ---- names in Redis ---- */

/* Hashed: whoever reads the database learns no addresses. One tag: a cluster keeps them together.
 */
static struct fct_str key_for(struct fct_call *call, const char *kind, struct fct_str name)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t hash[EVP_MAX_MD_SIZE];
    char *key = host->alloc(call, KEY_MAX);
    size_t n;

    if (!key || EVP_Digest(name.p, name.n, hash, NULL, EVP_sha256(), NULL) != 1)
        return (struct fct_str){NULL, 0};
    n = (size_t)snprintf(key, KEY_MAX, "fct:{g}:%s:", kind);
    for (size_t i = 0; i < HASH_BYTES; i++) {
        key[n++] = hex[hash[i] >> 4];
        key[n++] = hex[hash[i] & 15];
    }
    return (struct fct_str){key, n};
}

static struct fct_str lower_domain(struct fct_call *call, struct fct_str address)
{
    struct fct_str domain = view_domain(address);
    char *out = host->alloc(call, domain.n + 1);

    for (size_t i = 0; out && i < domain.n; i++)
        out[i] = (char)(domain.p[i] >= 'A' && domain.p[i] <= 'Z' ? domain.p[i] - 'A' + 'a'
                                                                 : domain.p[i]);
    return (struct fct_str){out ? out : "", out ? domain.n : 0};
}

/* ---- who vouches ---- */

struct vouched {
    struct dmarc_domain domain[DOMAINS_MAX];
    size_t n;
    const struct dmarc_domain *spf; /* of MAIL FROM; NULL: none passed */
};

static bool passes(const struct dmarc_fact *fact)
{
    return view_is(fact->result, "pass") &&
           (fact->property == DMARC_MAILFROM || fact->property == DMARC_SIGNER);
}

static void read_vouched(struct fct_call *call, struct vouched *out)
{
    struct dmarc_fact fact;
    struct fct_str text;

    for (size_t i = 0; out->n < DOMAINS_MAX && (text = host->fact(call, "auth", i)).p; i++) {
        if (!dmarc_fact_parse(text, &fact) || !passes(&fact))
            continue;
        out->domain[out->n] = fact.domain;
        if (fact.property == DMARC_MAILFROM)
            out->spf = &out->domain[out->n];
        out->n++;
    }
}

static bool network(struct fct_call *call, char out[IP_ADDRESS_ROOM])
{
    struct ip_address ip;

    return ip_address_parse(host->conn(call)->client_ip, &ip) && ip_address_network(&ip, out).n > 0;
}

/* Who sends for whom. */
static struct fct_str meeting(struct fct_call *call, const struct vouched *vouched)
{
    const struct fct_envelope *e = host->envelope(call);
    struct fct_str from = lower_domain(call, e->reverse_path);
    struct fct_str to = e->recipients > 0 ? lower_domain(call, e->recipient[0]) : from;
    char net[IP_ADDRESS_ROOM] = "", name[NAMES_MAX];
    int n;

    if (!vouched->spf && !network(call, net))
        return (struct fct_str){NULL, 0};
    n = snprintf(name, sizeof name, "%s %.*s %.*s", vouched->spf ? vouched->spf->text : net,
                 FCT_FMT(from), FCT_FMT(to));
    return n > 0 && n < NAMES_MAX ? key_for(call, "met", (struct fct_str){name, (size_t)n})
                                  : (struct fct_str){NULL, 0};
}

static size_t domain_keys(struct fct_call *call, const struct vouched *vouched, struct fct_str *key)
{
    size_t n = 0;

    for (size_t i = 0; i < vouched->n; i++) {
        key[n] = key_for(call, "kept", dmarc_domain_str(&vouched->domain[i]));
        n += key[n].p != NULL;
    }
    return n;
}

/* ---- the decision ---- */

static struct fct_str seconds(struct fct_call *call, const fct_duration *d)
{
    char *text = host->alloc(call, 24);
    int n = text ? snprintf(text, 24, "%llu", (unsigned long long)(d->ms / 1000)) : 0;

    return (struct fct_str){text ? text : "0", text ? (size_t)n : 1};
}

/* 0: it may pass. */
static FCT_MAY_WAIT int64_t wait_s(struct fct_call *call, const struct greylist_conf *conf,
                                   const struct vouched *vouched)
{
    const struct fct_str arg[] = {seconds(call, &conf->delay), seconds(call, &conf->forget_new),
                                  seconds(call, &conf->forget_known)};
    struct fct_str key[1 + DOMAINS_MAX] = {meeting(call, vouched)};
    const struct fct_redis_reply *reply;
    struct fct_err err = {0};
    size_t n = 1;

    if (!key[0].p)
        return 0;
    if (conf->known_pass)
        n += domain_keys(call, vouched, key + 1);
    reply = host->redis_script(call, &meet_script, key, n, arg, FCT_COUNT(arg), &err);
    if (!reply)
        host->count(call, "passed_without_redis", 1);
    return reply && reply->kind == FCT_REDIS_INTEGER && reply->integer > 0 ? reply->integer : 0;
}

static FCT_MAY_WAIT enum fct_verdict meet(struct fct_call *call, const struct greylist_conf *conf,
                                          const struct vouched *vouched)
{
    int64_t wait = wait_s(call, conf, vouched);
    char text[TEXT_MAX];

    if (wait == 0) {
        host->count(call, "passed", 1);
        (void)host->set(call, "action", (struct fct_str){conf->passed, strlen(conf->passed)});
        return FCT_NEXT;
    }
    host->count(call, "deferred", 1);
    (void)snprintf(text, sizeof text, "Greylisted, please come back in %lld s", (long long)wait);
    (void)host->reply(call, 451, "4.7.1", text);
    return FCT_TEMPFAIL;
}

static FCT_MAY_WAIT void remember_kept(struct fct_call *call, const struct greylist_conf *conf,
                                       const struct vouched *vouched)
{
    const struct fct_str arg = seconds(call, &conf->forget_known);
    struct fct_str key[DOMAINS_MAX];
    struct fct_err err = {0};
    size_t n = conf->known_pass ? domain_keys(call, vouched, key) : 0;

    if (n > 0)
        (void)host->redis_script(call, &keep_script, key, n, &arg, 1, &err);
}

static FCT_MAY_WAIT enum fct_verdict on_verdict(struct fct_call *call,
                                                const struct fct_ev_verdict *ev, void *state)
{
    const struct greylist_conf *conf = state;
    struct vouched vouched = {.n = 0};
    bool greylist = view_is(ev->action, "greylist");

    if (host->conn(call)->login.n > 0 || (!greylist && !view_is(ev->action, "keep")))
        return FCT_NEXT;
    read_vouched(call, &vouched);
    if (greylist)
        return meet(call, conf, &vouched);
    remember_kept(call, conf, &vouched);
    return FCT_NEXT;
}

/* ---- the plugin ---- */

static bool start(struct fct_self *self, const struct fct_host *given, const void *conf,
                  void **state, struct fct_err *err)
{
    const struct greylist_conf *c = conf;

    (void)self;
    host = given;
    memcpy(state, &conf, sizeof conf); /* read-only for us as well, but state is a plain pointer */
    if (FCT_HAS(given, fact) && (strcmp(c->passed, "keep") == 0 || strcmp(c->passed, "tag") == 0))
        return true;
    err->class = FCT_SYNTAX;
    (void)snprintf(err->text, sizeof err->text, "%s",
                   FCT_HAS(given, fact) ? "passed: must be keep or tag"
                                        : "this server is older than the plugin");
    return false;
}

/* `provides` is what makes the thresholds named greylist act. */
static const struct fct_hook_row hooks[] = {
    FCT_ON(verdict, on_verdict, .provides = "greylist", .roles = ROLES),
};

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "greylist",
    .version = "1.0",
    .summary = "asks senders of uncertain mail to come back later",
    .license = "Apache-2.0",
    .keys = greylist_keys,
    .conf_size = sizeof(struct greylist_conf),
    .hooks = hooks,
    .nhooks = FCT_COUNT(hooks),
    .start = start,
};
