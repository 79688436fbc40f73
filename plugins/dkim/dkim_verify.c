/* dkim_verify.c - see dkim_verify.h. */
#include "plugins/dkim/dkim_verify.h"

#define NO_LIMIT   UINT64_MAX
#define BLOCK      (64u << 10) /* every hash sees a block while the processor's cache has it */
#define KEYS_TRIED 4           /* records at one name: the signer's mistake */

const char *dkim_result_word(enum dkim_result result)
{
    static const char *const words[] = {
        [DKIM_NONE] = "none", [DKIM_NEUTRAL] = "neutral",     [DKIM_PERMERROR] = "permerror",
        [DKIM_FAIL] = "fail", [DKIM_TEMPERROR] = "temperror", [DKIM_POLICY] = "policy",
        [DKIM_PASS] = "pass",
    };

    return words[result];
}

/* ---- results ---- */

static void judge(struct dkim_check *check, enum dkim_result result, const char *why)
{
    check->judged = true;
    check->result = result;
    if (why)
        (void)dkim_fail(&check->why, FCT_DENIED, "%s", why);
}

static void judge_by(struct dkim_check *check, const struct fct_err *err)
{
    check->judged = true;
    check->why = *err;
    check->result = err->class == FCT_SYNTAX ? DKIM_NEUTRAL
                    : err->class == FCT_TEMP ? DKIM_TEMPERROR
                                             : DKIM_PERMERROR;
}

/* ---- taking apart ---- */

static bool is_signature(const struct fct_header *field)
{
    return field->name.n >= sizeof "DKIM-Signature" - 1 && dkim_lower(*field->name.p) == 'd' &&
           dkim_same_nocase(dkim_trim(field->name), FCT_STR("DKIM-Signature"));
}

/* RFC 6376 6.1.1, last paragraphs */
static void check_times(const struct dkim_verify *v, struct dkim_check *check)
{
    const struct dkim_signature *s = &check->signature;

    if (s->has_expiry && s->expiry < v->limits.now)
        judge(check, DKIM_FAIL, "the signature has expired");
    else if (s->has_time && s->time > v->limits.now && s->time - v->limits.now > v->limits.skew)
        judge(check, DKIM_FAIL, "the signature was made in the future");
}

static size_t find_hash(struct dkim_verify *v, const struct dkim_signature *s)
{
    uint64_t limit = s->has_length ? s->length : NO_LIMIT;

    for (size_t i = 0; i < v->hashes; i++)
        if (v->hash[i].relaxed == s->relaxed_body && v->hash[i].limit == limit)
            return i;
    v->hash[v->hashes] = (struct dkim_hash){.relaxed = s->relaxed_body, .limit = limit};
    return v->hashes++;
}

static void take_signature(struct dkim_verify *v, const struct fct_header *field)
{
    struct dkim_check *check = &v->check[v->checks++];
    struct fct_err err = {0};

    memset(check, 0, sizeof *check);
    check->field = field;
    check->parsed =
        dkim_signature_parse(&v->memory, DKIM_SIGNATURE, field->value, &check->signature, &err);
    if (check->parsed)
        check_times(v, check);
    else
        judge_by(check, &err);
}

bool dkim_verify_begin(struct dkim_verify *v, const struct dkim_memory *memory,
                       const struct dkim_limits *limits, const struct dkim_message *message)
{
    size_t wanted = 0;

    *v = (struct dkim_verify){.limits = *limits, .memory = *memory, .message = *message};
    for (size_t i = 0; i < message->fields; i++)
        wanted += is_signature(&message->field[i]);
    if (wanted > limits->signatures) {
        v->ignored = wanted - limits->signatures;
        wanted = limits->signatures;
    }
    if (wanted == 0)
        return true;
    v->check = memory->take(memory->arg, wanted * sizeof *v->check);
    v->hash = memory->take(memory->arg, wanted * sizeof *v->hash);
    if (!v->check || !v->hash ||
        !dkim_fields_init(&v->fields, memory, message->field, message->fields))
        return false;
    memset(v->hash, 0, wanted * sizeof *v->hash);
    for (size_t i = 0; i < message->fields && v->checks < wanted; i++)
        if (is_signature(&message->field[i]))
            take_signature(v, &message->field[i]);
    return true;
}

/* ---- the key ---- */

static char *put(char *to, struct fct_str s)
{
    memcpy(to, s.p, s.n);
    return to + s.n;
}

struct fct_str dkim_verify_question(const struct dkim_verify *v, const struct dkim_check *check)
{
    const struct dkim_signature *s = &check->signature;
    const struct fct_str middle = FCT_STR("._domainkey.");
    size_t n = s->selector.n + middle.n + s->domain.n;
    char *name = v->memory.take(v->memory.arg, n + 1);

    if (!name)
        return (struct fct_str){"", 0};
    *put(put(put(name, s->selector), middle), s->domain) = '\0';
    return (struct fct_str){name, n};
}

/* The first record that is a key. Several are the signer's mistake (RFC 6376 3.6.2.2). */
static bool choose_key(struct dkim_check *check, const struct fct_dns_answer *answer,
                       struct dkim_key_cache *cache, struct fct_err *err)
{
    struct fct_err first = {0};

    for (size_t i = 0; i < answer->n && i < KEYS_TRIED; i++) {
        if (dkim_key_cache_get(cache, answer->record[i].data, &check->key, err))
            return true;
        if (i == 0)
            first = *err;
    }
    *err = first;
    if (err->class == FCT_SYNTAX) /* of the key, not of the signature */
        err->class = FCT_DENIED;
    return false;
}

/* RFC 6376 6.1.2 */
static bool key_fits(struct dkim_check *check, struct fct_err *err)
{
    const struct dkim_signature *s = &check->signature;

    if (check->key.algorithm != s->algorithm)
        return dkim_fail(err, FCT_DENIED, "the key is not for a=%s",
                         dkim_algorithm_name(s->algorithm));
    if (check->key.strict && (s->identity_domain.n != s->domain.n))
        return dkim_fail(err, FCT_DENIED, "the key allows no i= below d=");
    return true;
}

void dkim_verify_key(struct dkim_check *check, const struct fct_dns_answer *answer,
                     struct dkim_key_cache *cache)
{
    struct fct_err err = {0};

    if (check->judged)
        return;
    if (answer->status == FCT_DNS_NO_NAME || answer->status == FCT_DNS_NO_DATA ||
        (answer->status == FCT_DNS_OK && answer->n == 0)) {
        judge(check, DKIM_PERMERROR, "there is no key");
        return;
    }
    if (answer->status != FCT_DNS_OK) {
        judge(check, DKIM_TEMPERROR, "the DNS does not say the key now");
        return;
    }
    if (choose_key(check, answer, cache, &err)) {
        check->testing = check->key.testing;
        check->bits = check->key.bits;
        if (key_fits(check, &err))
            return;
    }
    judge_by(check, &err);
}

/* ---- the body ---- */

struct feed {
    struct dkim_verify *v;
    bool relaxed;
};

/* A block of a canonical body to every hash of that form, as far as its l= goes. */
static void feed_hashes(void *arg, const char *bytes, size_t n)
{
    struct feed *feed = arg;

    for (size_t i = 0; i < feed->v->hashes; i++) {
        struct dkim_hash *h = &feed->v->hash[i];
        uint64_t room = h->limit - h->taken;
        size_t part = room < n ? (size_t)room : n;

        if (h->relaxed != feed->relaxed || !h->context || part == 0)
            continue;
        EVP_DigestUpdate(h->context, bytes, part);
        h->taken += part;
    }
}

/* Hashes that somebody still waits for. */
static void open_hashes(struct dkim_verify *v, bool wanted[2])
{
    for (size_t i = 0; i < v->checks; i++)
        if (!v->check[i].judged)
            v->check[i].hash = find_hash(v, &v->check[i].signature);
    for (size_t i = 0; i < v->hashes; i++) {
        wanted[v->hash[i].relaxed] = true;
        v->hash[i].context = dkim_digest_context();
    }
}

static void close_hashes(struct dkim_verify *v)
{
    for (size_t i = 0; i < v->hashes; i++) {
        struct dkim_hash *h = &v->hash[i];

        h->done = h->context && EVP_DigestFinal_ex(h->context, h->value, NULL) == 1;
        dkim_digest_give_back(h->context);
        h->context = NULL;
    }
}

void dkim_verify_body(struct dkim_verify *v)
{
    struct feed feed[2] = {{v, false}, {v, true}};
    struct dkim_sink sink[2];
    struct dkim_body body[2];
    bool wanted[2] = {false, false};
    struct fct_str rest = v->message.body;

    open_hashes(v, wanted);
    for (size_t form = 0; form < 2; form++) {
        sink[form].put = feed_hashes;
        sink[form].arg = &feed[form];
        sink[form].held = 0;
        dkim_body_begin(&body[form], &sink[form], form == 1);
    }
    while (rest.n > 0) {
        size_t n = rest.n < BLOCK ? rest.n : BLOCK;

        for (size_t form = 0; form < 2; form++)
            if (wanted[form])
                dkim_body_put(&body[form], rest.p, n);
        rest = (struct fct_str){rest.p + n, rest.n - n};
    }
    for (size_t form = 0; form < 2; form++) {
        if (wanted[form])
            dkim_body_end(&body[form]);
        v->body_length[form] = body[form].length;
    }
    close_hashes(v);
}

const uint8_t *dkim_verify_body_hash(const struct dkim_verify *v, bool relaxed)
{
    for (size_t i = 0; i < v->hashes; i++)
        if (v->hash[i].done && v->hash[i].relaxed == relaxed && v->hash[i].limit == NO_LIMIT)
            return v->hash[i].value;
    return NULL;
}

/* ---- the end ---- */

/* A From field that is not hashed could be the one people see (RFC 6376 8.15). */
static bool leaves_a_from(struct dkim_verify *v)
{
    return dkim_fields_take(&v->fields, FCT_STR("From")) != NULL;
}

static void judge_passed(struct dkim_verify *v, struct dkim_check *check)
{
    const struct dkim_signature *s = &check->signature;
    uint64_t length = v->body_length[s->relaxed_body];

    check->uncovered = s->has_length ? length - s->length : 0;
    judge(check, DKIM_PASS, NULL);
    if (check->uncovered > 0)
        judge(check, DKIM_POLICY, "l= leaves the end of the body uncovered");
    else if (leaves_a_from(v))
        judge(check, DKIM_POLICY, "a From field is not covered");
}

static void end_one(struct dkim_verify *v, struct dkim_check *check)
{
    const struct dkim_signature *s = &check->signature;
    const struct dkim_hash *h = &v->hash[check->hash];
    uint8_t hash[DKIM_HASH_BYTES];

    if (!check->key.key || !h->done)
        judge(check, DKIM_TEMPERROR, "there was no time or memory to verify it");
    else if (!dkim_digest_headers(&v->fields, s, check->field, hash))
        judge(check, DKIM_TEMPERROR, "no memory");
    else if (s->has_length && s->length > v->body_length[s->relaxed_body])
        judge(check, DKIM_FAIL, "l= is longer than the body");
    else if (memcmp(h->value, s->body_hash, DKIM_HASH_BYTES) != 0)
        judge(check, DKIM_FAIL, "the body was changed");
    else if (!dkim_key_verify(&check->key, hash, s->bytes, s->nbytes))
        judge(check, DKIM_FAIL, "the header was changed, or the key is another");
    else
        judge_passed(v, check);
}

void dkim_verify_end(struct dkim_verify *v)
{
    for (size_t i = 0; i < v->checks; i++)
        if (!v->check[i].judged)
            end_one(v, &v->check[i]);
}

void dkim_verify_close(struct dkim_verify *v)
{
    for (size_t i = 0; i < v->checks; i++)
        dkim_key_close(&v->check[i].key);
    v->checks = 0;
}

enum dkim_result dkim_verify_result(const struct dkim_verify *v)
{
    enum dkim_result best = DKIM_NONE;

    for (size_t i = 0; i < v->checks; i++)
        if (v->check[i].result > best)
            best = v->check[i].result;
    return best;
}
