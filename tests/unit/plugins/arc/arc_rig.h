/* arc_rig.h - for tests of the engine: sets signed from templates, so that also what we would not
 * write can be tried with signatures that fit. */
#ifndef TESTS_ARC_RIG_H
#define TESTS_ARC_RIG_H

#include "plugins/arc/arc_body.h"
#include "plugins/arc/arc_chain.h"
#include "plugins/arc/arc_seal.h"
#include "tests/unit/plugins/dkim/dkim_rig.h"

/* Values of the three fields. "%b" is where the signature goes, "%h" the body hash. NULL: the field
 * is not there. */
struct arc_template {
    const char *results, *message, *seal;
};

struct arc_rig {
    struct dkim_rig dkim;
    struct arc_limits limits;
    struct arc_chain chain;
    EVP_PKEY *key;
};

static inline void arc_rig_start(struct arc_rig *rig)
{
    dkim_rig_start(&rig->dkim);
    rig->limits = (struct arc_limits){ARC_SETS_DEFAULT, ARC_VERIFICATIONS_DEFAULT, 1600000000,
                                      ARC_SKEW_DEFAULT};
    rig->chain = (struct arc_chain){0};
}

static inline void arc_rig_stop(struct arc_rig *rig)
{
    arc_chain_close(&rig->chain);
    dkim_rig_stop(&rig->dkim);
}

static inline struct fct_str arc_rig_join(struct arc_rig *rig, struct fct_str a, struct fct_str b)
{
    return arena_printf(rig->dkim.arena, "%.*s%.*s", FCT_FMT(a), FCT_FMT(b));
}

/* `mark` becomes `with`, wherever it stands. */
static inline struct fct_str arc_rig_fill(struct arc_rig *rig, struct fct_str text,
                                          const char *mark, struct fct_str with)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(64u << 20);
    const char *at;

    while (text.n > 0 && (at = memmem(text.p, text.n, mark, strlen(mark)))) {
        buf_put_str(&out, (struct fct_str){text.p, (size_t)(at - text.p)});
        buf_put_str(&out, with);
        text = str_skip(text, (size_t)(at - text.p) + strlen(mark));
    }
    buf_put_str(&out, text);
    return arena_str(rig->dkim.arena, buf_str(&out));
}

/* b= as it is hashed: without its value and the spaces around it (RFC 6376 3.5). */
static inline struct fct_str arc_rig_blank(struct arc_rig *rig, struct fct_str value)
{
    const char *at = memmem(value.p, value.n, "%b", 2);
    struct fct_str before, after;

    if (!at)
        return value;
    before = (struct fct_str){value.p, (size_t)(at - value.p)};
    after = str_skip(value, before.n + 2);
    while (before.n > 0 && dkim_is_space(before.p[before.n - 1]))
        before.n--;
    while (after.n > 0 && dkim_is_space(*after.p))
        after = str_skip(after, 1);
    return arc_rig_join(rig, before, after);
}

static inline struct fct_str arc_rig_base64(struct arc_rig *rig, const uint8_t *bytes, size_t n)
{
    char letters[(DKIM_SIGNATURE_BYTES + 2) / 3 * 4];

    return arena_str(rig->dkim.arena,
                     (struct fct_str){letters, dkim_base64_encode(bytes, n, letters)});
}

static inline struct fct_header arc_rig_field(struct arc_rig *rig, const char *name,
                                              struct fct_str value)
{
    struct fct_str raw = arena_printf(rig->dkim.arena, "%s:%.*s\r\n", name, FCT_FMT(value));
    size_t head = strlen(name) + 1;

    return (struct fct_header){
        .name = {raw.p, head - 1}, .value = {raw.p + head, raw.n - head - 2}, .raw = raw};
}

static inline struct fct_str arc_rig_signed(struct arc_rig *rig, const uint8_t *hash)
{
    uint8_t bytes[DKIM_SIGNATURE_BYTES];
    size_t n = sizeof bytes;

    ck_assert(dkim_digest_sign(rig->key, hash, bytes, &n));
    return arc_rig_base64(rig, bytes, n);
}

/* As its own tags say: c= and h=. Malformed ones are hashed somehow. */
static inline struct fct_str arc_rig_sign_message(struct arc_rig *rig, const char *name,
                                                  struct fct_str value, struct fct_str message)
{
    struct dkim_message split = dkim_rig_message(&rig->dkim, message);
    struct dkim_signature s = {.relaxed_header = true, .relaxed_body = true};
    struct fct_str unsigned_value, *names = ARENA_ARRAY(rig->dkim.arena, struct fct_str, 100);
    const struct dkim_tag *h, *c;
    struct dkim_tags tags;
    struct dkim_fields fields;
    struct fct_header own;
    struct fct_err err = {0};
    uint8_t hash[DKIM_HASH_BYTES];
    uint64_t length;

    if (dkim_tags_parse(value, &tags, &err)) {
        c = dkim_tags_find(&tags, "c");
        h = dkim_tags_find(&tags, "h");
        if (c) {
            s.relaxed_header = str_starts(c->value, FCT_STR("relaxed"));
            s.relaxed_body = memmem(c->value.p, c->value.n, "/relaxed", 8) != NULL;
        }
        for (struct fct_str rest = h ? h->value : (struct fct_str){NULL, 0}, one;
             s.headers < 100 && dkim_split(&rest, ':', &one);)
            names[s.headers++] = one;
    }
    s.header = names;
    ck_assert(arc_body_hash(split.body, s.relaxed_body, hash, &length));
    value = arc_rig_fill(rig, value, "%h", arc_rig_base64(rig, hash, sizeof hash));
    unsigned_value = arc_rig_blank(rig, value);
    own = arc_rig_field(rig, name, unsigned_value);
    ck_assert(dkim_fields_init(&fields, &rig->dkim.memory, split.field, split.fields));
    ck_assert(dkim_digest_headers(&fields, &s, &own, hash));
    return arc_rig_fill(rig, value, "%b", arc_rig_signed(rig, hash));
}

/* Over all sets that are there, and results and message signature of the new one. */
static inline struct fct_str arc_rig_sign_seal(struct arc_rig *rig, const char *name,
                                               struct fct_str value, struct fct_str message)
{
    struct dkim_message split = dkim_rig_message(&rig->dkim, message);
    struct fct_header own = arc_rig_field(rig, name, arc_rig_blank(rig, value));
    struct dkim_digest digest;
    struct fct_str nothing = {NULL, 0};
    uint8_t hash[DKIM_HASH_BYTES];

    ck_assert(dkim_digest_begin(&digest));
    for (size_t i = split.fields; i-- > 0;) /* the oldest stands at the bottom */
        if (str_starts_nocase(split.field[i].name, FCT_STR("ARC-")))
            dkim_header_put(&digest.sink, true, &split.field[i], nothing, false);
    dkim_header_put(&digest.sink, true, &own, nothing, true);
    ck_assert(dkim_digest_end(&digest, hash));
    return arc_rig_fill(rig, value, "%b", arc_rig_signed(rig, hash));
}

static inline struct fct_str arc_rig_put(struct arc_rig *rig, const char *name,
                                         struct fct_str value, struct fct_str message)
{
    return arc_rig_join(rig, arc_rig_field(rig, name, value).raw, message);
}

/* The message with one more set on top. */
static inline struct fct_str arc_rig_set(struct arc_rig *rig, const struct arc_template *t,
                                         struct fct_str message)
{
    static const char *const name[] = {"ARC-Authentication-Results", "ARC-Message-Signature",
                                       "ARC-Seal"};

    if (t->results)
        message = arc_rig_put(rig, name[0], str_from(t->results), message);
    if (t->message)
        message =
            arc_rig_put(rig, name[1],
                        arc_rig_sign_message(rig, name[1], str_from(t->message), message), message);
    if (t->seal)
        message = arc_rig_put(rig, name[2],
                              arc_rig_sign_seal(rig, name[2], str_from(t->seal), message), message);
    return message;
}

static inline enum arc_result arc_rig_judge(struct arc_rig *rig, struct fct_str text)
{
    struct dkim_message message = dkim_rig_message(&rig->dkim, text);
    struct dkim_check *check;

    arc_chain_close(&rig->chain);
    ck_assert(arc_chain_begin(&rig->chain, &rig->dkim.memory, &rig->limits, &message));
    for (size_t i = 0; (check = arc_chain_check(&rig->chain, i)); i++) {
        struct fct_dns_answer answer;

        if (check->judged)
            continue;
        dkim_rig_answer(&rig->dkim, arc_chain_question(&rig->chain, check), &answer);
        dkim_verify_key(check, &answer, rig->dkim.cache);
    }
    arc_chain_body(&rig->chain);
    arc_chain_end(&rig->chain);
    return rig->chain.result;
}

static inline struct arc_sealing arc_rig_sealing(struct arc_rig *rig, uint32_t instance)
{
    static const struct fct_str names[] = {FCT_STR_INIT("From"), FCT_STR_INIT("To"),
                                           FCT_STR_INIT("Subject")};

    return (struct arc_sealing){.instance = instance,
                                .cv = instance > 1 ? "pass" : "none",
                                .results = FCT_STR("mx.example.org;\r\n\tspf=pass"),
                                .domain = FCT_STR("example.org"),
                                .selector = FCT_STR("s1"),
                                .key = rig->key,
                                .header = names,
                                .headers = FCT_COUNT(names),
                                .time = 1599999999};
}

/* The message with what we make of it on top; or ends the test. */
static inline struct fct_str arc_rig_seal(struct arc_rig *rig, const struct arc_sealing *s,
                                          struct fct_str text)
{
    struct dkim_message message = dkim_rig_message(&rig->dkim, text);
    struct arc_new_set set;
    struct fct_err err = {0};

    ck_assert_msg(arc_seal_message(s, &rig->dkim.memory, &message, &set, &err), "%s", err.text);
    return arena_printf(rig->dkim.arena,
                        "ARC-Seal: %.*s\r\nARC-Message-Signature: %.*s\r\n"
                        "ARC-Authentication-Results: %.*s\r\n%.*s",
                        FCT_FMT(set.seal), FCT_FMT(set.message), FCT_FMT(set.results),
                        FCT_FMT(text));
}

#define ARC_RIG_MESSAGE               \
    "From: Ann <ann@example.org>\r\n" \
    "To: bob@example.net\r\n"         \
    "Subject: two  spaces\r\n"        \
    "\r\n"                            \
    "body \r\n\r\nend\r\n\r\n"

/* The record of a key that signs in these tests. */
static inline struct dkim_record arc_rig_record(struct arc_rig *rig, const char *name,
                                                EVP_PKEY *key)
{
    char *text = dkim_key_record(key);
    struct dkim_record record = {name, arena_cstr(rig->dkim.arena, str_from(text))};

    free(text);
    return record;
}

#endif
