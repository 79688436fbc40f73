/* arc_chain.c - see arc_chain.h. */
#include "plugins/arc/arc_chain.h"

#include "plugins/arc/arc_body.h"

const char *arc_result_word(enum arc_result result)
{
    static const char *const words[] = {
        [ARC_NONE] = "none",
        [ARC_FAIL] = "fail",
        [ARC_TEMPERROR] = "temperror",
        [ARC_PASS] = "pass",
    };

    return words[result];
}

/* ---- results ---- */

static void judge(struct arc_chain *chain, enum arc_result result, const char *fmt, ...)
    FCT_PRINTF(3, 4);
static void judge(struct arc_chain *chain, enum arc_result result, const char *fmt, ...)
{
    va_list ap;

    chain->judged = true;
    chain->result = result;
    va_start(ap, fmt);
    (void)vsnprintf(chain->why.text, sizeof chain->why.text, fmt, ap);
    va_end(ap);
}

static enum arc_result result_of(const struct fct_err *err)
{
    return err->class == FCT_TEMP ? ARC_TEMPERROR : ARC_FAIL;
}

static void judge_check(struct dkim_check *check, enum dkim_result result, const char *why)
{
    check->judged = true;
    check->result = result;
    (void)dkim_fail(&check->why, FCT_DENIED, "%s", why);
}

/* ---- taking apart ---- */

/* RFC 6376 6.1.1, last paragraphs */
static void check_times(const struct arc_chain *chain, struct dkim_check *check)
{
    const struct dkim_signature *s = &check->signature;

    if (s->has_expiry && s->expiry < chain->limits.now)
        judge_check(check, DKIM_FAIL, "the signature has expired");
    else if (s->has_time && s->time > chain->limits.now &&
             s->time - chain->limits.now > chain->limits.skew)
        judge_check(check, DKIM_FAIL, "the signature was made in the future");
}

/* Without c= ARC is relaxed: signers and the public suite know nothing else, whatever RFC
 * 8617 4.1.2 inherits from DKIM. */
static void default_form(struct dkim_check *check)
{
    struct dkim_tags tags;
    struct fct_err err = {0};

    if (dkim_tags_parse(check->field->value, &tags, &err) && !dkim_tags_find(&tags, "c"))
        check->signature.relaxed_header = check->signature.relaxed_body = true;
}

static bool take_signature(struct arc_chain *chain, enum dkim_kind kind,
                           const struct fct_header *field, size_t instance,
                           struct dkim_check *check)
{
    struct fct_err err = {0};

    *check = (struct dkim_check){.field = field};
    check->parsed =
        dkim_signature_parse(&chain->memory, kind, field->value, &check->signature, &err);
    if (!check->parsed) {
        judge_check(check, err.class == FCT_TEMP ? DKIM_TEMPERROR : DKIM_NEUTRAL, err.text);
        judge(chain, result_of(&err), "%s %zu: %s",
              kind == DKIM_ARC_SEAL ? "seal" : "message signature", instance, err.text);
        return false;
    }
    default_form(check);
    check_times(chain, check);
    return true;
}

/* A malformed field spoils the form of its set (RFC 8617 5.2 step 1). */
static bool take_links(struct arc_chain *chain)
{
    const struct dkim_memory *memory = &chain->memory;

    chain->link = memory->take(memory->arg, chain->sets.n * sizeof *chain->link);
    if (!chain->link ||
        !dkim_fields_init(&chain->fields, memory, chain->message.field, chain->message.fields))
        return false;
    memset(chain->link, 0, chain->sets.n * sizeof *chain->link);
    chain->links = chain->sets.n;
    for (size_t i = chain->links; i-- > 0;) {
        struct arc_link *link = &chain->link[i];

        link->set = &chain->sets.set[i];
        if (!take_signature(chain, DKIM_ARC_MESSAGE_SIGNATURE, link->set->message, i + 1,
                            &link->message) ||
            !take_signature(chain, DKIM_ARC_SEAL, link->set->seal, i + 1, &link->seal))
            break;
    }
    return true;
}

/* RFC 8617 5.2 step 2, and step 3 C */
static void check_values(struct arc_chain *chain)
{
    for (size_t i = chain->links; i-- > 0;) {
        struct fct_str value = chain->link[i].seal.signature.seal;

        if (dkim_is(value, "fail")) {
            chain->ended = true;
            judge(chain, ARC_FAIL, "seal %zu says that the chain was broken before", i + 1);
            return;
        }
        if (!dkim_is(value, i == 0 ? "none" : "pass")) {
            judge(chain, ARC_FAIL, "seal %zu says cv=%.*s", i + 1, FCT_FMT(value));
            return;
        }
    }
}

/* All seals and the newest message signature must be; what is left of the limit goes to older ones.
 */
static void choose_checks(struct arc_chain *chain)
{
    size_t n = chain->links, room = chain->limits.verifications, older;

    older = room > n + 1 ? room - n - 1 : 0;
    chain->oldest = older < n - 1 ? n - 1 - older : 0;
    for (size_t i = chain->oldest; i < n; i++) {
        const struct dkim_signature *s = &chain->link[i].message.signature;

        chain->body[s->relaxed_body].wanted = true;
        if (s->has_length)
            chain->body[s->relaxed_body].length_wanted = true;
    }
}

bool arc_chain_begin(struct arc_chain *chain, const struct dkim_memory *memory,
                     const struct arc_limits *limits, const struct dkim_message *message)
{
    struct fct_err err = {0};

    *chain = (struct arc_chain){.limits = *limits, .memory = *memory, .message = *message};
    if (!arc_sets_collect(memory, message->field, message->fields, limits->sets, &chain->sets,
                          &err)) {
        judge(chain, result_of(&err), "%s", err.text);
        return err.class != FCT_TEMP;
    }
    if (chain->sets.n == 0) {
        judge(chain, ARC_NONE, "there is no chain");
        return true;
    }
    if (!take_links(chain))
        return false;
    if (!chain->judged)
        check_values(chain);
    if (!chain->judged)
        choose_checks(chain);
    return true;
}

/* ---- the keys ---- */

struct dkim_check *arc_chain_check(struct arc_chain *chain, size_t nth)
{
    size_t n = chain->links;

    if (chain->judged)
        return NULL;
    if (nth < n)
        return &chain->link[n - 1 - nth].seal;
    nth -= n;
    return nth < n - chain->oldest ? &chain->link[n - 1 - nth].message : NULL;
}

struct fct_str arc_chain_question(const struct arc_chain *chain, const struct dkim_check *check)
{
    const struct dkim_verify asking = {.memory = chain->memory};

    return dkim_verify_question(&asking, check);
}

/* ---- the body ---- */

void arc_chain_know_body(struct arc_chain *chain, const uint8_t hash[DKIM_HASH_BYTES])
{
    struct arc_body *relaxed = &chain->body[true];

    if (relaxed->length_wanted)
        return; /* nobody said how long it is */
    memcpy(relaxed->hash, hash, DKIM_HASH_BYTES);
    relaxed->done = true;
}

bool arc_chain_wants_body(const struct arc_chain *chain)
{
    for (size_t form = 0; form < 2; form++)
        if (!chain->judged && chain->body[form].wanted && !chain->body[form].done)
            return true;
    return false;
}

/* l= has no hash of its own: less than the whole body is refused anyway. */
void arc_chain_body(struct arc_chain *chain)
{
    for (size_t form = 0; form < 2; form++) {
        struct arc_body *body = &chain->body[form];

        if (body->wanted && !body->done)
            body->done = arc_body_hash(chain->message.body, form == 1, body->hash, &body->length);
    }
}

/* ---- message signatures ---- */

/* A From field that is not hashed could be the one people see (RFC 6376 8.15). */
static bool leaves_a_from(struct arc_chain *chain)
{
    return dkim_fields_take(&chain->fields, FCT_STR("From")) != NULL;
}

static void end_message(struct arc_chain *chain, struct dkim_check *check)
{
    const struct dkim_signature *s = &check->signature;
    const struct arc_body *body = &chain->body[s->relaxed_body];
    uint8_t hash[DKIM_HASH_BYTES];

    if (check->judged)
        return;
    if (!check->key.key || !body->done ||
        !dkim_digest_headers(&chain->fields, s, check->field, hash))
        judge_check(check, DKIM_TEMPERROR, "there was no time or memory to verify it");
    else if (s->has_length && s->length != body->length)
        judge_check(check, DKIM_FAIL, "l= is not the length of the body");
    else if (memcmp(body->hash, s->body_hash, DKIM_HASH_BYTES) != 0)
        judge_check(check, DKIM_FAIL, "the body was changed");
    else if (leaves_a_from(chain))
        judge_check(check, DKIM_FAIL, "a From field is not covered");
    else if (!dkim_key_verify(&check->key, hash, s->bytes, s->nbytes))
        judge_check(check, DKIM_FAIL, "the header was changed, or the key is another");
    else
        judge_check(check, DKIM_PASS, "");
}

/* RFC 8617 5.2 steps 4 and 5 */
static void end_messages(struct arc_chain *chain)
{
    size_t i = chain->links;

    do
        end_message(chain, &chain->link[--i].message);
    while (i > chain->oldest && chain->link[i].message.result == DKIM_PASS);
    if (chain->link[i].message.result != DKIM_PASS)
        chain->oldest_pass = (uint32_t)i + 2; /* the one above, counted from 1 */
    else
        chain->oldest_pass = i == 0 ? 0 : (uint32_t)i + 1;
}

/* ---- seals ---- */

/* What a seal covers: all sets up to its own, oldest first, each as results, message signature,
 * seal (RFC 8617 5.1.1). Every seal goes on where the one before ended, so that the fields pass
 * once. */
static bool hash_seals(struct arc_chain *chain)
{
    struct dkim_digest all, one;
    const struct fct_str nothing = {NULL, 0};
    bool ok = dkim_digest_begin(&all);

    for (size_t i = 0; ok && i < chain->links; i++) {
        struct arc_link *link = &chain->link[i];

        dkim_header_put(&all.sink, true, link->set->results, nothing, false);
        dkim_header_put(&all.sink, true, link->set->message, nothing, false);
        dkim_sink_flush(&all.sink);
        ok = dkim_digest_begin(&one) && EVP_MD_CTX_copy_ex(one.context, all.context) == 1;
        dkim_header_put(&one.sink, true, link->set->seal, link->seal.signature.blank, true);
        ok = dkim_digest_end(&one, link->seal_hash) && ok;
        dkim_header_put(&all.sink, true, link->set->seal, nothing, false);
    }
    return dkim_digest_end(&all, NULL) && ok;
}

static void end_seal(struct arc_link *link)
{
    struct dkim_check *check = &link->seal;
    const struct dkim_signature *s = &check->signature;

    if (check->judged)
        return;
    if (!check->key.key)
        judge_check(check, DKIM_TEMPERROR, "there was no time or memory to verify it");
    else if (!dkim_key_verify(&check->key, link->seal_hash, s->bytes, s->nbytes))
        judge_check(check, DKIM_FAIL, "an ARC field was changed, or the key is another");
    else
        judge_check(check, DKIM_PASS, "");
}

/* RFC 8617 5.2 step 6 */
static void end_seals(struct arc_chain *chain)
{
    bool hashed = hash_seals(chain);

    for (size_t i = chain->links; i-- > 0;) {
        if (!hashed)
            judge_check(&chain->link[i].seal, DKIM_TEMPERROR, "no memory");
        end_seal(&chain->link[i]);
    }
}

/* ---- the end ---- */

/* What failed for good decides before what may be right tomorrow. */
static void weigh(struct arc_chain *chain, const struct dkim_check *check, const char *what,
                  size_t instance)
{
    enum arc_result result = check->result == DKIM_TEMPERROR ? ARC_TEMPERROR : ARC_FAIL;

    if (check->result == DKIM_PASS || (chain->judged && chain->result <= result))
        return;
    judge(chain, result, "%s %zu (d=%.*s): %s", what, instance, FCT_FMT(check->signature.domain),
          check->why.text);
}

void arc_chain_end(struct arc_chain *chain)
{
    if (chain->judged)
        return;
    end_messages(chain);
    end_seals(chain);
    weigh(chain, &chain->link[chain->links - 1].message, "message signature", chain->links);
    for (size_t i = chain->links; i-- > 0;)
        weigh(chain, &chain->link[i].seal, "seal", i + 1);
    if (!chain->judged)
        judge(chain, ARC_PASS, "%s", "");
}

void arc_chain_close(struct arc_chain *chain)
{
    for (size_t i = 0; i < chain->links; i++) {
        dkim_key_close(&chain->link[i].message.key);
        dkim_key_close(&chain->link[i].seal.key);
    }
    chain->links = 0;
}
