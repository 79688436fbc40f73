/* dkim_signature.c - see dkim_signature.h. One row per tag. */
#include "plugins/dkim/dkim_signature.h"

#define FIELD_MAX (64u << 10)
#define ARC_LAST  50 /* RFC 8617 5.1.1.1 */

struct reading {
    const struct dkim_memory *memory;
    enum dkim_kind kind;
    struct dkim_signature *out;
};

static bool no_memory(struct fct_err *err)
{
    return dkim_fail(err, FCT_TEMP, "no memory");
}

/* ---- one function per tag ---- */

/* v= "1" (RFC 6376 3.5). Signers of before RFC 4871 write "0.5" or nothing at all, and sign alike:
 * what the public corpus of verifiers has of them is taken. */
static bool take_version(struct reading *r, const struct dkim_tag *tag, struct fct_err *err)
{
    (void)r;
    return dkim_is(tag->value, "1") || dkim_is(tag->value, "0.5") ||
           dkim_fail(err, FCT_SYNTAX, "v= is not 1");
}

/* The historic ones have failed for good, whatever their key would say (RFC 8301 3.1). */
static bool take_algorithm(struct reading *r, const struct dkim_tag *tag, struct fct_err *err)
{
    if (dkim_is(tag->value, "rsa-sha256"))
        r->out->algorithm = DKIM_RSA_SHA256;
    else if (dkim_is(tag->value, "ed25519-sha256"))
        r->out->algorithm = DKIM_ED25519_SHA256;
    else if (dkim_is(tag->value, "rsa-sha1"))
        return dkim_fail(err, FCT_DENIED, "a=rsa-sha1 is not accepted any more (RFC 8301)");
    else
        return dkim_fail(err, FCT_SYNTAX, "a= names an unknown algorithm");
    return true;
}

static bool take_bytes(struct reading *r, const struct dkim_tag *tag, struct fct_err *err)
{
    struct dkim_signature *out = r->out;

    out->blank = tag->whole;
    return (dkim_base64_decode(tag->value, out->bytes, sizeof out->bytes, &out->nbytes) &&
            out->nbytes > 0) ||
           dkim_fail(err, FCT_SYNTAX, "b= is no base64 of at most %zu bytes", sizeof out->bytes);
}

static bool take_body_hash(struct reading *r, const struct dkim_tag *tag, struct fct_err *err)
{
    size_t n;

    return (dkim_base64_decode(tag->value, r->out->body_hash, DKIM_HASH_BYTES, &n) &&
            n == DKIM_HASH_BYTES) ||
           dkim_fail(err, FCT_SYNTAX, "bh= is no base64 of %d bytes", DKIM_HASH_BYTES);
}

/* c= header [ "/" body ], where nothing said is simple */
static bool take_canonical(struct reading *r, const struct dkim_tag *tag, struct fct_err *err)
{
    static const char *const names[2] = {"simple", "relaxed"};
    struct fct_str rest = tag->value, part;
    bool *choice[2] = {&r->out->relaxed_header, &r->out->relaxed_body};
    size_t n = 0;

    *choice[0] = *choice[1] = false;
    while (dkim_split(&rest, '/', &part)) {
        if (n == 2 || (!dkim_is(part, names[0]) && !dkim_is(part, names[1])))
            return dkim_fail(err, FCT_SYNTAX, "c= names an unknown canonicalization");
        *choice[n++] = dkim_is(part, names[1]);
    }
    return true;
}

static bool take_domain(struct reading *r, const struct dkim_tag *tag, struct fct_err *err)
{
    if (!dkim_is_domain(tag->value, 2))
        return dkim_fail(err, FCT_SYNTAX, "d= is no domain");
    return dkim_lower_copy(r->memory, tag->value, &r->out->domain) || no_memory(err);
}

static bool take_selector(struct reading *r, const struct dkim_tag *tag, struct fct_err *err)
{
    if (!dkim_is_domain(tag->value, 1))
        return dkim_fail(err, FCT_SYNTAX, "s= is no selector");
    return dkim_lower_copy(r->memory, tag->value, &r->out->selector) || no_memory(err);
}

/* hdr-name = field-name (RFC 5322 3.6.8) */
static bool is_field_name(struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 0x21 || s.p[i] > 0x7e || s.p[i] == ':')
            return false;
    return s.n > 0;
}

/* Names may be given more than once, and name fields that are not there: oversigning (RFC 6376
 * 8.15). */
static bool take_headers(struct reading *r, const struct dkim_tag *tag, struct fct_err *err)
{
    struct fct_str rest = tag->value, name, found[DKIM_HEADERS_MAX], *list;
    size_t n = 0;

    while (dkim_split(&rest, ':', &name)) {
        if (!is_field_name(name))
            return dkim_fail(err, FCT_SYNTAX, "h= has something that is no field name");
        if (n == DKIM_HEADERS_MAX)
            return dkim_fail(err, FCT_LIMIT, "h= has more than %d names", DKIM_HEADERS_MAX);
        found[n++] = name;
    }
    list = n > 0 ? r->memory->take(r->memory->arg, n * sizeof *list) : NULL;
    if (!list)
        return no_memory(err);
    memcpy(list, found, n * sizeof *list);
    r->out->header = list;
    r->out->headers = n;
    return true;
}

/* i= [ Local-part ] "@" domain-name. Quoted-printable only matters in the local part. */
static bool take_identity(struct reading *r, const struct dkim_tag *tag, struct fct_err *err)
{
    const char *at = memrchr(tag->value.p, '@', tag->value.n);
    struct fct_str domain;

    if (!at)
        return dkim_fail(err, FCT_SYNTAX, "i= has no @");
    domain = (struct fct_str){at + 1, (size_t)(tag->value.p + tag->value.n - at - 1)};
    if (!dkim_is_domain(domain, 2))
        return dkim_fail(err, FCT_SYNTAX, "i= has no domain");
    r->out->identity = tag->value;
    return dkim_lower_copy(r->memory, domain, &r->out->identity_domain) || no_memory(err);
}

/* RFC 8617 4.2.1: 1 to 50, 1 or 2 digits */
static bool take_instance(struct reading *r, const struct dkim_tag *tag, struct fct_err *err)
{
    uint64_t n;

    if (!dkim_number(tag->value, &n) || n < 1 || n > ARC_LAST)
        return dkim_fail(err, FCT_SYNTAX, "i= is not 1 to %d", ARC_LAST);
    r->out->instance = (uint32_t)n;
    return true;
}

static bool take_identity_or_instance(struct reading *r, const struct dkim_tag *tag,
                                      struct fct_err *err)
{
    return r->kind == DKIM_SIGNATURE ? take_identity(r, tag, err) : take_instance(r, tag, err);
}

static bool take_length(struct reading *r, const struct dkim_tag *tag, struct fct_err *err)
{
    r->out->has_length = true;
    return dkim_number(tag->value, &r->out->length) ||
           dkim_fail(err, FCT_SYNTAX, "l= is no number");
}

/* q= lists ways to get the key; there is one that anybody knows. */
static bool take_query(struct reading *r, const struct dkim_tag *tag, struct fct_err *err)
{
    struct fct_str rest = tag->value, one;

    (void)r;
    while (dkim_split(&rest, ':', &one))
        if (dkim_is(one, "dns/txt") || dkim_is(one, "dns"))
            return true;
    return dkim_fail(err, FCT_SYNTAX, "q= offers no dns/txt");
}

static bool take_time(struct reading *r, const struct dkim_tag *tag, struct fct_err *err)
{
    r->out->has_time = true;
    return dkim_number(tag->value, &r->out->time) || dkim_fail(err, FCT_SYNTAX, "t= is no number");
}

static bool take_expiry(struct reading *r, const struct dkim_tag *tag, struct fct_err *err)
{
    r->out->has_expiry = true;
    return dkim_number(tag->value, &r->out->expiry) ||
           dkim_fail(err, FCT_SYNTAX, "x= is no number");
}

/* RFC 8617 4.1.3 */
static bool take_seal(struct reading *r, const struct dkim_tag *tag, struct fct_err *err)
{
    r->out->seal = tag->value;
    return dkim_is(tag->value, "none") || dkim_is(tag->value, "pass") ||
           dkim_is(tag->value, "fail") || dkim_fail(err, FCT_SYNTAX, "cv= is unknown");
}

/* A seal covers the whole ARC set, never fields by choice (RFC 8617 4.1.3). */
static bool refuse_headers(struct reading *r, const struct dkim_tag *tag, struct fct_err *err)
{
    if (r->kind != DKIM_ARC_SEAL)
        return take_headers(r, tag, err);
    return dkim_fail(err, FCT_SYNTAX, "a seal has no h=");
}

/* ---- the table ---- */

#define IN_DKIM (1u << DKIM_SIGNATURE)
#define IN_AMS  (1u << DKIM_ARC_MESSAGE_SIGNATURE)
#define IN_SEAL (1u << DKIM_ARC_SEAL)
#define IN_ALL  (IN_DKIM | IN_AMS | IN_SEAL)

/* clang-format off */
static const struct {
    struct fct_str tag;
    unsigned known, required; /* by kind of field; unknown tags are ignored */
    bool (*take)(struct reading *r, const struct dkim_tag *tag, struct fct_err *err);
} rules[] = {
    {FCT_STR_INIT("v"),  IN_DKIM,          0,                 take_version},
    {FCT_STR_INIT("a"),  IN_ALL,           IN_ALL,            take_algorithm},
    {FCT_STR_INIT("d"),  IN_ALL,           IN_ALL,            take_domain},
    {FCT_STR_INIT("s"),  IN_ALL,           IN_ALL,            take_selector},
    {FCT_STR_INIT("h"),  IN_ALL,           IN_DKIM | IN_AMS,  refuse_headers},
    {FCT_STR_INIT("bh"), IN_DKIM | IN_AMS, IN_DKIM | IN_AMS,  take_body_hash},
    {FCT_STR_INIT("b"),  IN_ALL,           IN_ALL,            take_bytes},
    {FCT_STR_INIT("c"),  IN_DKIM | IN_AMS, 0,                 take_canonical},
    {FCT_STR_INIT("i"),  IN_ALL,           IN_AMS | IN_SEAL,  take_identity_or_instance},
    {FCT_STR_INIT("l"),  IN_DKIM | IN_AMS, 0,                 take_length},
    {FCT_STR_INIT("q"),  IN_DKIM | IN_AMS, 0,                 take_query},
    {FCT_STR_INIT("t"),  IN_ALL,           0,                 take_time},
    {FCT_STR_INIT("x"),  IN_DKIM | IN_AMS, 0,                 take_expiry},
    {FCT_STR_INIT("cv"), IN_SEAL,          IN_SEAL,           take_seal},
};
/* clang-format on */

/* ---- rules that join tags ---- */

static bool signs(const struct dkim_signature *s, const char *name)
{
    struct fct_str wanted = {name, strlen(name)};

    for (size_t i = 0; i < s->headers; i++)
        if (dkim_same_nocase(s->header[i], wanted))
            return true;
    return false;
}

static bool check_together(enum dkim_kind kind, struct dkim_signature *s, struct fct_err *err)
{
    if (s->identity_domain.n == 0)
        s->identity_domain = s->domain;
    if (!dkim_is_below(s->identity_domain, s->domain))
        return dkim_fail(err, FCT_SYNTAX, "i= is not below d=");
    if (s->has_time && s->has_expiry && s->expiry <= s->time)
        return dkim_fail(err, FCT_SYNTAX, "x= is not after t=");
    if (kind == DKIM_SIGNATURE && !signs(s, "From"))
        return dkim_fail(err, FCT_SYNTAX, "h= has no From");
    /* RFC 8617 4.1.2 */
    if (kind == DKIM_ARC_MESSAGE_SIGNATURE && signs(s, "ARC-Seal"))
        return dkim_fail(err, FCT_SYNTAX, "h= has an ARC-Seal");
    return true;
}

bool dkim_signature_parse(const struct dkim_memory *memory, enum dkim_kind kind,
                          struct fct_str value, struct dkim_signature *out, struct fct_err *err)
{
    struct reading r = {memory, kind, out};
    struct dkim_tags tags;

    memset(out, 0, sizeof *out);
    if (value.n > FIELD_MAX)
        return dkim_fail(err, FCT_LIMIT, "the field is longer than %u bytes", FIELD_MAX);
    if (!dkim_tags_parse(value, &tags, err))
        return false;
    for (size_t i = 0; i < FCT_COUNT(rules); i++) {
        const struct dkim_tag *tag =
            rules[i].known & 1u << kind ? dkim_tags_named(&tags, rules[i].tag) : NULL;

        if (!tag && rules[i].required & 1u << kind)
            return dkim_fail(err, FCT_SYNTAX, "%.*s= is missing", FCT_FMT(rules[i].tag));
        if (tag && !rules[i].take(&r, tag, err))
            return false;
    }
    return check_together(kind, out, err);
}

const char *dkim_algorithm_name(enum dkim_algorithm algorithm)
{
    return algorithm == DKIM_RSA_SHA256 ? "rsa-sha256" : "ed25519-sha256";
}
