/* arc_scan.c - validates the chain of a message as it came, leaves symbols for rules and facts for
 * other plugins: "auth" as RFC 8601 2.2 writes it, and of a chain that passes "arc.seal" and
 * "arc.results" (README.md). */
#include "plugins/arc/arc_plugin.h"
#include "plugins/arc/arc_recorded.h"

#include <time.h>

/* No scores: a chain says who vouches, and whose word counts is DMARC's business (RFC 8617 7.2). */
/* clang-format off */
const struct fct_symbol arc_symbols[] = {
    {"ARC_PASS",      0, "arc", "The Authenticated Received Chain is valid"},
    {"ARC_FAIL",      0, "arc", "The Authenticated Received Chain is broken: worth as much as none"},
    {"ARC_TEMPERROR", 0, "arc", "The DNS does not give a key of the Authenticated Received Chain now"},
    {"ARC_NONE",      0, "arc", "There is no Authenticated Received Chain"},
    {NULL, 0, NULL, NULL},
};
/* clang-format on */

static const char *const symbol_of[] = {
    [ARC_NONE] = "ARC_NONE",
    [ARC_FAIL] = "ARC_FAIL",
    [ARC_TEMPERROR] = "ARC_TEMPERROR",
    [ARC_PASS] = "ARC_PASS",
};

struct question;
struct scan {
    struct arc_plugin *plugin;
    struct fct_call *call;
    struct dkim_call of;
    struct dkim_memory memory;
    struct arc_chain chain;
    struct question *question; /* each key is asked for once */
    struct fct_token *token;
    size_t questions;
    size_t *asked; /* for each check: which question */
};

/* ---- keys, all at once ---- */

struct question {
    const struct arc_plugin *plugin;
    struct fct_str name;
    struct fct_dns_answer answer;
};

static void ask(struct fct_call *call, void *arg)
{
    struct question *q = arg;

    (void)q->plugin->host->dns(call, FCT_DNS_TXT, q->name, &q->answer);
}

/* A hop that seals and signs with one key is asked for once. */
static size_t find_question(const struct scan *s, struct fct_str name)
{
    for (size_t i = 0; i < s->questions; i++)
        if (s->question[i].name.n == name.n && memcmp(s->question[i].name.p, name.p, name.n) == 0)
            return i;
    return s->questions;
}

static void begin_question(struct scan *s, struct fct_str name)
{
    struct question *q = &s->question[s->questions];

    *q = (struct question){s->plugin, name, {.status = FCT_DNS_FAILED}};
    s->token[s->questions++] = s->plugin->host->start(s->call, ask, q);
}

static bool ask_keys(struct scan *s)
{
    const struct fct_host *host = s->plugin->host;
    struct dkim_check *check;
    size_t room = 2 * s->chain.links + 1;

    s->question = host->alloc(s->call, room * sizeof *s->question);
    s->token = host->alloc(s->call, room * sizeof *s->token);
    s->asked = host->alloc(s->call, room * sizeof *s->asked);
    if (!s->question || !s->token || !s->asked)
        return false;
    for (size_t i = 0; (check = arc_chain_check(&s->chain, i)); i++) {
        struct fct_str name;

        if (check->judged)
            continue;
        name = arc_chain_question(&s->chain, check);
        s->asked[i] = find_question(s, name);
        if (s->asked[i] == s->questions)
            begin_question(s, name);
    }
    if (s->questions > 0)
        (void)host->wait_all(s->call, s->token, s->questions);
    for (size_t i = 0; (check = arc_chain_check(&s->chain, i)); i++)
        if (!check->judged)
            dkim_verify_key(check, &s->question[s->asked[i]].answer, s->plugin->cache);
    return true;
}

/* ---- the body ---- */

static void hash_body(void *arg)
{
    struct scan *s = arg;

    arc_chain_body(&s->chain);
}

/* Plugin dkim has hashed it while we waited for keys, unless it has nothing to verify in this form.
 * A large one on a thread: others must not wait for it. */
static void take_body(struct scan *s)
{
    const struct fct_host *host = s->plugin->host;
    uint8_t hash[DKIM_HASH_BYTES];
    bool known = dkim_body_fact(&s->of, hash);

    if (known)
        arc_chain_know_body(&s->chain, hash);
    if (!arc_chain_wants_body(&s->chain)) {
        if (known && s->chain.links > 0)
            host->count(s->call, "body_shared", 1);
        return;
    }
    host->count(s->call, "body_hashed", 1);
    if (s->chain.message.body.n < s->plugin->conf->offload.bytes)
        arc_chain_body(&s->chain);
    else
        (void)host->offload(s->call, hash_body, s);
    if (!known && s->chain.body[true].done)
        dkim_body_fact_leave(&s->of, s->chain.body[true].hash);
}

/* ---- what is said ---- */

/* Our own sentences, but a domain may stand in them; a quotation mark would end the string. */
static struct fct_str quoted(struct scan *s, struct fct_str text)
{
    char *copy = s->plugin->host->alloc(s->call, text.n + 1);

    for (size_t i = 0; copy && i < text.n; i++)
        copy[i] = text.p[i] == '"' || text.p[i] == '\\' || (unsigned char)text.p[i] < 0x20
                      ? '\''
                      : text.p[i];
    return (struct fct_str){copy ? copy : "", copy ? text.n : 0};
}

/* The registered words are none, pass and fail; every error counts as a fail (RFC 8617 5.2.1). */
static struct fct_str resinfo(struct scan *s)
{
    const struct arc_chain *chain = &s->chain;
    struct fct_str why = {chain->why.text, strlen(chain->why.text)};
    const char *plural = chain->sets.highest == 1 ? "" : "s";

    if (chain->result == ARC_NONE)
        return FCT_STR("arc=none");
    if (chain->result == ARC_PASS)
        return dkim_printed(&s->of, "arc=pass (%zu instance%s) header.oldest-pass=%u", chain->links,
                            plural, chain->oldest_pass);
    return dkim_printed(&s->of, "arc=fail (%u instance%s) reason=\"%.*s\"", chain->sets.highest,
                        plural, FCT_FMT(quoted(s, why)));
}

static struct fct_str detail(struct scan *s)
{
    const struct arc_chain *chain = &s->chain;

    if (chain->result == ARC_PASS)
        return dkim_printed(&s->of, "i=%zu d=%.*s oldest-pass=%u", chain->links,
                            FCT_FMT(chain->link[chain->links - 1].seal.signature.domain),
                            chain->oldest_pass);
    return (struct fct_str){chain->why.text, strlen(chain->why.text)};
}

static void leave_seals(struct scan *s)
{
    for (size_t i = s->chain.links; i-- > 0;) {
        const struct dkim_signature *seal = &s->chain.link[i].seal.signature;

        (void)s->plugin->host->fact_add(s->call, "arc.seal",
                                        dkim_printed(&s->of, "i=%zu d=%.*s cv=%.*s", i + 1,
                                                     FCT_FMT(seal->domain), FCT_FMT(seal->seal)));
    }
}

/* Newest first: there are those whose word counts. */
static void leave_results(struct scan *s)
{
    uint32_t left = s->plugin->conf->max_results;
    char text[DKIM_PRINTED_MAX - 8];

    for (size_t i = s->chain.links; i-- > 0;) {
        struct arc_recorded recorded;
        struct fct_str id;
        size_t n;

        arc_recorded_begin(&recorded, s->chain.sets.set[i].recorded, &id);
        while (left > 0 && arc_recorded_next(&recorded, text, sizeof text, &n)) {
            (void)s->plugin->host->fact_add(
                s->call, "arc.results", dkim_printed(&s->of, "i=%zu %.*s", i + 1, (int)n, text));
            left--;
        }
    }
}

static uint32_t next_instance(const struct arc_chain *chain)
{
    bool may =
        chain->result != ARC_TEMPERROR && !chain->ended && chain->sets.highest < ARC_INSTANCES;

    return may ? chain->sets.highest + 1 : 0;
}

static void report(struct scan *s)
{
    const struct fct_host *host = s->plugin->host;
    enum arc_result result = s->chain.result;

    (void)host->fact_add(s->call, "auth", resinfo(s));
    (void)host->symbol(s->call, symbol_of[result], 1, detail(s));
    (void)host->fact_add(
        s->call, ARC_CHAIN_FACT,
        dkim_printed(&s->of, ARC_CHAIN_FORM, arc_result_word(result), next_instance(&s->chain)));
    if (result == ARC_PASS) {
        leave_seals(s);
        leave_results(s);
    }
}

/* ---- the hook ---- */

static void validate(struct scan *s)
{
    const struct fct_host *host = s->plugin->host;
    const struct arc_conf *conf = s->plugin->conf;
    struct arc_limits limits = {conf->max_sets, conf->max_verifications, (uint64_t)time(NULL),
                                conf->clock_skew.ms / 1000};
    struct dkim_message message = {.body = dkim_message_body(host->raw(s->call))};

    message.fields = host->headers(s->call, &message.field);
    if (arc_chain_begin(&s->chain, &s->memory, &limits, &message) && ask_keys(s)) {
        take_body(s);
        arc_chain_end(&s->chain);
        report(s);
    } else {
        (void)host->symbol(s->call, "ARC_TEMPERROR", 1, FCT_STR("no memory"));
    }
    arc_chain_close(&s->chain);
}

enum fct_verdict arc_on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    struct arc_plugin *plugin = state;
    struct scan *s;

    (void)ev;
    if (plugin->host->conn(call)->login.n > 0)
        return FCT_NEXT; /* our own users' mail begins here */
    s = plugin->host->alloc(call, sizeof *s);
    if (!s)
        return FCT_NEXT;
    *s = (struct scan){.plugin = plugin, .call = call, .of = {plugin->host, call}};
    s->memory = dkim_call_memory(&s->of);
    validate(s);
    return FCT_NEXT;
}
