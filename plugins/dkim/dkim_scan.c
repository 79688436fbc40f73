/* dkim_scan.c - verifies the signatures of a message as it came, leaves symbols for rules and facts
 * for other plugins.
 *
 * Facts "auth", one for each signature, in the words of RFC 8601 2.2 (examples: README.md). Fact
 * "dkim.body", as soon as it is known: "relaxed sha-256 " and the base64 of that hash of the whole
 * body. The detail of a symbol is of the signature that decided: "d=example.org s=s1 a=rsa-sha256".
 */
#include "plugins/dkim/dkim_plugin.h"

#include <time.h>

/* clang-format off */
const struct fct_symbol dkim_symbols[] = {
    {"DKIM_PASS",        -0.5, "dkim", "A DKIM signature verifies"},
    {"DKIM_POLICY",       0.3, "dkim", "A DKIM signature verifies, but leaves a part of the body or a From field uncovered"},
    {"DKIM_FAIL",         0.8, "dkim", "No DKIM signature verifies, and one of them does not fit the message or is out of date"},
    {"DKIM_TEMPERROR",    0,   "dkim", "The DNS does not give the key now"},
    {"DKIM_PERMERROR",    0.3, "dkim", "A DKIM signature has no key, a revoked one, or one that is refused (RFC 8301)"},
    {"DKIM_NEUTRAL",      0.3, "dkim", "A DKIM signature is malformed"},
    {"DKIM_NONE",         0.2, "dkim", "There is no DKIM signature"},
    {"DKIM_TESTING",      0,   "dkim", "The signer only tries DKIM out (t=y): a signature that fails counts as none"},
    {"DKIM_THIRD_PARTY",  0,   "dkim", "No signature that verifies is of the author's domain"},
    {"DKIM_FLOOD",        1,   "dkim", "There are more signatures than we look at"},
    {NULL, 0, NULL, NULL},
};
/* clang-format on */

static const char *const symbol_of[] = {
    [DKIM_NONE] = "DKIM_NONE",           [DKIM_NEUTRAL] = "DKIM_NEUTRAL",
    [DKIM_PERMERROR] = "DKIM_PERMERROR", [DKIM_FAIL] = "DKIM_FAIL",
    [DKIM_TEMPERROR] = "DKIM_TEMPERROR", [DKIM_POLICY] = "DKIM_POLICY",
    [DKIM_PASS] = "DKIM_PASS",
};

#define SHOWN_SIGNATURE 8 /* letters of b=: tells signatures apart (RFC 6008) */

struct question;
struct scan {
    struct dkim_plugin *plugin;
    struct fct_call *call;
    struct dkim_call of;
    struct dkim_memory memory;
    struct dkim_verify verify;
    struct question *question; /* each key is asked for once */
    struct fct_token *token;
    size_t questions;
    size_t *asked; /* for each signature: which question; NULL: no memory */
};

/* ---- keys, all at once ---- */

struct question {
    const struct dkim_plugin *plugin;
    struct fct_str name;
    struct fct_dns_answer answer;
};

static void ask(struct fct_call *call, void *arg)
{
    struct question *q = arg;

    (void)q->plugin->host->dns(call, FCT_DNS_TXT, q->name, &q->answer);
}

/* Who asked already for the same key? */
static size_t same_question(const struct question *q, size_t n, struct fct_str name)
{
    for (size_t i = 0; i < n; i++)
        if (q[i].name.n == name.n && memcmp(q[i].name.p, name.p, name.n) == 0)
            return i;
    return n;
}

/* Everything is under way when this returns; nothing is waited for. */
static void begin_questions(struct scan *s)
{
    const struct fct_host *host = s->plugin->host;
    const struct dkim_check *check = s->verify.check;
    size_t checks = s->verify.checks, room = checks ? checks : 1;

    s->question = host->alloc(s->call, room * sizeof *s->question);
    s->token = host->alloc(s->call, room * sizeof *s->token);
    s->asked = host->alloc(s->call, room * sizeof *s->asked);
    if (!s->question || !s->token || !s->asked) {
        s->asked = NULL; /* out of memory: without a key they are temperrors */
        return;
    }
    for (size_t i = 0; i < checks; i++) {
        struct fct_str name;

        if (check[i].judged)
            continue;
        name = dkim_verify_question(&s->verify, &check[i]);
        s->asked[i] = same_question(s->question, s->questions, name);
        if (s->asked[i] < s->questions)
            continue;
        s->question[s->questions] = (struct question){s->plugin, name, {.status = FCT_DNS_FAILED}};
        s->token[s->questions] = host->start(s->call, ask, &s->question[s->questions]);
        s->questions++;
    }
}

static void take_keys(struct scan *s)
{
    struct dkim_check *check = s->verify.check;

    if (s->questions > 0)
        (void)s->plugin->host->wait_all(s->call, s->token, s->questions);
    for (size_t i = 0; s->asked && i < s->verify.checks; i++)
        if (!check[i].judged)
            dkim_verify_key(&check[i], &s->question[s->asked[i]].answer, s->plugin->cache);
}

/* ---- the body ---- */

static void hash_body(void *arg)
{
    struct scan *s = arg;

    dkim_verify_body(&s->verify);
}

/* While the DNS is asked. A large one on a thread: others must not wait for it. */
static void hash_bodies(struct scan *s)
{
    if (s->verify.message.body.n < s->plugin->conf->offload.bytes)
        dkim_verify_body(&s->verify);
    else
        (void)s->plugin->host->offload(s->call, hash_body, s);
}

/* ARC need not hash it again. */
static void leave_body_hash(struct scan *s)
{
    const uint8_t *hash = dkim_verify_body_hash(&s->verify, true);

    if (hash)
        dkim_body_fact_leave(&s->of, hash);
}

/* ---- what is said ---- */

/* Our own sentences; a quotation mark would end the quoted string. */
static void put_reason(const struct dkim_check *check, char *out, size_t size)
{
    (void)snprintf(out, size, " reason=\"%s\"", check->why.text);
    if (!check->why.text[0])
        *out = '\0';
    for (char *p = out + sizeof " reason="; *out && p[1]; p++)
        if (*p == '"' || *p == '\\')
            *p = '\'';
}

static struct fct_str fact_of(struct scan *s, const struct dkim_check *check)
{
    const struct dkim_signature *sig = &check->signature;
    char reason[sizeof check->why.text + 16], bits[40] = "",
                                              letters[(DKIM_SIGNATURE_BYTES + 2) / 3 * 4];
    const char *word = dkim_result_word(check->result);

    put_reason(check, reason, sizeof reason);
    if (!check->parsed)
        return dkim_printed(&s->of, "dkim=%s%s", word, reason);
    if (check->bits > 0)
        (void)snprintf(bits, sizeof bits, " (%u bits%s)", check->bits,
                       check->testing ? ", testing" : "");
    (void)dkim_base64_encode(sig->bytes, sig->nbytes, letters);
    return dkim_printed(&s->of,
                        "dkim=%s%s%s header.d=%.*s header.s=%.*s header.a=%s header.b=\"%.*s\"",
                        word, bits, reason, FCT_FMT(sig->domain), FCT_FMT(sig->selector),
                        dkim_algorithm_name(sig->algorithm), SHOWN_SIGNATURE, letters);
}

static struct fct_str detail_of(struct scan *s, const struct dkim_check *check)
{
    const struct dkim_signature *sig = &check->signature;

    if (!check->parsed)
        return (struct fct_str){check->why.text, strlen(check->why.text)};
    return dkim_printed(&s->of, "d=%.*s s=%.*s a=%s%s%s", FCT_FMT(sig->domain),
                        FCT_FMT(sig->selector), dkim_algorithm_name(sig->algorithm),
                        check->why.text[0] ? " " : "", check->why.text);
}

/* The first signature with the message's result. */
static const struct dkim_check *decisive(const struct dkim_verify *v)
{
    enum dkim_result result = dkim_verify_result(v);

    for (size_t i = 0; i < v->checks; i++)
        if (v->check[i].result == result)
            return &v->check[i];
    return NULL;
}

/* A signer who only tries things out is as good as no signer, should it fail (RFC 6376 3.6.1). */
static const char *symbol_for(const struct dkim_check *check, enum dkim_result result)
{
    return check && check->testing && result < DKIM_POLICY ? "DKIM_TESTING" : symbol_of[result];
}

static struct fct_str author_domain(struct scan *s)
{
    const struct fct_host *host = s->plugin->host;
    const struct fct_header *from = host->header(s->call, "From", 0);
    const struct fct_address *address;
    size_t n = from ? host->addresses(s->call, from, &address) : 0;

    for (size_t i = 0; i < n; i++)
        if (address[i].kind == FCT_ADDRESS_MAILBOX && address[i].domain.n > 0)
            return address[i].domain;
    return (struct fct_str){"", 0};
}

static bool is_of_author(struct scan *s)
{
    const struct fct_host *host = s->plugin->host;
    struct fct_str author = author_domain(s), lower;

    if (!dkim_lower_copy(&s->memory, author, &lower))
        return true;
    author = host->org_domain(s->call, lower);
    for (size_t i = 0; i < s->verify.checks; i++) {
        const struct dkim_check *check = &s->verify.check[i];

        if (check->result == DKIM_PASS &&
            dkim_same_nocase(host->org_domain(s->call, check->signature.domain), author))
            return true;
    }
    return false;
}

static void report(struct scan *s)
{
    const struct fct_host *host = s->plugin->host;
    enum dkim_result result = dkim_verify_result(&s->verify);
    const struct dkim_check *check = decisive(&s->verify);

    for (size_t i = 0; i < s->verify.checks; i++)
        (void)host->fact_add(s->call, "auth", fact_of(s, &s->verify.check[i]));
    if (s->verify.checks == 0)
        (void)host->fact_add(s->call, "auth", FCT_STR("dkim=none"));
    (void)host->symbol(s->call, symbol_for(check, result), 1,
                       check ? detail_of(s, check) : (struct fct_str){"", 0});
    if (result == DKIM_PASS && !is_of_author(s))
        (void)host->symbol(s->call, "DKIM_THIRD_PARTY", 1, detail_of(s, check));
    if (s->verify.ignored > 0)
        (void)host->symbol(s->call, "DKIM_FLOOD", 1,
                           dkim_printed(&s->of, "%zu more", s->verify.ignored));
}

static void verify(struct scan *s)
{
    const struct fct_host *host = s->plugin->host;
    const struct dkim_conf *conf = s->plugin->conf;
    struct dkim_limits limits = {conf->max_signatures, (uint64_t)time(NULL),
                                 conf->clock_skew.ms / 1000};
    const struct fct_header *field;
    size_t fields = host->headers(s->call, &field);
    struct dkim_message message = dkim_message_of(host->raw(s->call), field, fields);

    if (dkim_verify_begin(&s->verify, &s->memory, &limits, &message)) {
        begin_questions(s);
        hash_bodies(s);
        leave_body_hash(s);
        take_keys(s);
        dkim_verify_end(&s->verify);
        report(s);
    } else {
        (void)host->symbol(s->call, "DKIM_TEMPERROR", 1, FCT_STR("no memory"));
    }
    dkim_verify_close(&s->verify);
}

enum fct_verdict dkim_on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    struct dkim_plugin *plugin = state;
    struct scan *s;

    (void)ev;
    if (!plugin->conf->verify || plugin->host->conn(call)->login.n > 0)
        return FCT_NEXT; /* our own users' mail is not signed yet */
    s = plugin->host->alloc(call, sizeof *s);
    if (!s)
        return FCT_NEXT;
    *s = (struct scan){.plugin = plugin, .call = call, .of = {plugin->host, call}};
    s->memory = dkim_call_memory(&s->of);
    verify(s);
    return FCT_NEXT;
}
