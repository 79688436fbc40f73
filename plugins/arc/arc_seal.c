/* arc_seal.c - see arc_seal.h. Tags stand in the order of the alphabet: then the same message, key
 * and time give the same signature everywhere, and public suites can compare. */
#include "plugins/arc/arc_seal.h"

#include "plugins/arc/arc_body.h"

#define LINE_WIDTH   76
#define WIDE         990
#define FIXED_ROOM   2048 /* of all but names and results */
#define FOLD         "\r\n\t"
#define RESULTS_NAME "ARC-Authentication-Results"
#define MESSAGE_NAME "ARC-Message-Signature"
#define SEAL_NAME    "ARC-Seal"

static bool no_memory(struct fct_err *err)
{
    return dkim_fail(err, FCT_TEMP, "no memory");
}

static struct fct_str view(const char *s)
{
    return (struct fct_str){s, strlen(s)};
}

/* A set in the making. */
struct signing {
    const struct arc_sealing *sealing;
    const struct dkim_memory *memory;
    const struct dkim_message *message;
    struct arc_sets older;
    struct fct_header results, signature; /* of the new set */
    struct fct_err *err;
};

/* ---- text that grows in room counted beforehand ---- */

struct text {
    char *p;
    size_t n, room;
    size_t column, width;
};

static bool text_begin(struct text *t, const struct signing *g, size_t room)
{
    *t = (struct text){.p = g->memory->take(g->memory->arg, room),
                       .room = room,
                       .width = g->sealing->wide ? WIDE : LINE_WIDTH};
    return t->p != NULL;
}

static void put(struct text *t, struct fct_str s)
{
    if (s.n > t->room - t->n)
        s.n = t->room - t->n;
    memcpy(t->p + t->n, s.p, s.n);
    t->n += s.n;
    t->column += s.n;
}

static void put_fold(struct text *t)
{
    put(t, FCT_STR(FOLD));
    t->column = 1;
}

static bool fits(const struct text *t, size_t n)
{
    return t->column + n <= t->width;
}

static void put_tag(struct text *t, const char *fmt, ...) FCT_PRINTF(2, 3);
static void put_tag(struct text *t, const char *fmt, ...)
{
    char tag[700];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(tag, sizeof tag, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof tag)
        n = 0;
    if (!fits(t, (size_t)n + 1))
        put_fold(t);
    else if (t->column > 1)
        put(t, FCT_STR(" "));
    put(t, (struct fct_str){tag, (size_t)n});
}

static void put_names(struct text *t, const struct arc_sealing *s)
{
    size_t all = sizeof "h=;";

    for (size_t i = 0; i < s->headers; i++)
        all += s->header[i].n + 1;
    if (!fits(t, all) && all < t->width)
        put_fold(t); /* in one piece */
    put_tag(t, "h=");
    for (size_t i = 0; i < s->headers; i++) {
        if (i > 0)
            put(t, FCT_STR(":"));
        if (!fits(t, s->header[i].n + 1))
            put_fold(t);
        put(t, s->header[i]);
    }
    put(t, FCT_STR(";"));
}

static void put_base64(struct text *t, const uint8_t *bytes, size_t n)
{
    char letters[(DKIM_SIGNATURE_BYTES + 2) / 3 * 4];
    size_t all = dkim_base64_encode(bytes, n, letters), at = 0;

    while (at < all) {
        size_t room = t->column < t->width ? t->width - t->column : 0;
        size_t part = room < all - at ? room : all - at;

        put(t, (struct fct_str){letters + at, part});
        at += part;
        if (at < all)
            put_fold(t);
    }
}

/* ---- which fields ---- */

struct names {
    struct fct_str *name;
    size_t n;
};

static void add_name(struct names *names, struct fct_str name)
{
    if (names->n < DKIM_HEADERS_MAX)
        names->name[names->n++] = name;
}

static bool is_listed(const struct fct_strings *list, struct fct_str name)
{
    for (size_t i = 0; i < list->n; i++)
        if (dkim_same_nocase(view(list->item[i]), name))
            return true;
    return false;
}

bool arc_sealing_names(struct arc_sealing *s, const struct dkim_memory *memory,
                       const struct dkim_message *message, const struct fct_strings *headers,
                       const struct fct_strings *oversign)
{
    struct names names = {memory->take(memory->arg, DKIM_HEADERS_MAX * sizeof *names.name), 0};
    struct dkim_fields fields;

    if (!names.name || !dkim_fields_init(&fields, memory, message->field, message->fields))
        return false;
    for (size_t i = 0; i < oversign->n; i++) {
        while (dkim_fields_take(&fields, view(oversign->item[i])))
            add_name(&names, view(oversign->item[i]));
        add_name(&names, view(oversign->item[i]));
    }
    for (size_t i = 0; i < headers->n; i++)
        while (!is_listed(oversign, view(headers->item[i])) &&
               dkim_fields_take(&fields, view(headers->item[i])))
            add_name(&names, view(headers->item[i]));
    s->header = names.name;
    s->headers = names.n;
    return true;
}

/* ---- a signed field ---- */

static struct fct_header field_of(const char *name, const struct text *t)
{
    size_t head = strlen(name) + 1;

    return (struct fct_header){
        .name = view(name), .value = {t->p + head, t->n - head}, .raw = {t->p, t->n}};
}

static void put_head(struct text *t, const struct arc_sealing *s, const char *name)
{
    bool ed25519 = EVP_PKEY_get_base_id(s->key) == EVP_PKEY_ED25519;

    put(t, view(name));
    put(t, FCT_STR(":"));
    put_tag(t, "a=%s;", dkim_algorithm_name(ed25519 ? DKIM_ED25519_SHA256 : DKIM_RSA_SHA256));
    put_tag(t, "b=");
}

/* The finished field: `t` has it without the signature, of which `head` bytes stand in front. */
static bool finish(struct signing *g, const char *name, const struct text *t, size_t head,
                   const uint8_t hash[DKIM_HASH_BYTES], struct fct_header *out)
{
    uint8_t bytes[DKIM_SIGNATURE_BYTES];
    size_t n = sizeof bytes;
    struct text whole;

    if (t->n == t->room)
        return dkim_fail(g->err, FCT_LIMIT, "%s is too long", name);
    if (!dkim_digest_sign(g->sealing->key, hash, bytes, &n))
        return dkim_fail(g->err, FCT_BUG, "the key does not sign");
    if (!text_begin(&whole, g, t->n + 2 * sizeof bytes))
        return no_memory(g->err);
    put(&whole, (struct fct_str){t->p, head});
    put_base64(&whole, bytes, n);
    put(&whole, (struct fct_str){t->p + head, t->n - head});
    *out = field_of(name, &whole);
    return true;
}

/* ---- the three fields ---- */

static bool make_results(struct signing *g)
{
    struct text t;

    if (!text_begin(&t, g, g->sealing->results.n + 64))
        return no_memory(g->err);
    put(&t, FCT_STR(RESULTS_NAME ":"));
    put_tag(&t, "i=%u;", g->sealing->instance);
    put(&t, FCT_STR(" "));
    put(&t, g->sealing->results);
    g->results = field_of(RESULTS_NAME, &t);
    return true;
}

/* The new results are part of the message by now: h= may name them. */
static bool hash_message(struct signing *g, const struct fct_header *own,
                         uint8_t out[DKIM_HASH_BYTES])
{
    const struct dkim_signature signature = {
        .relaxed_header = true, .header = g->sealing->header, .headers = g->sealing->headers};
    size_t n = g->message->fields;
    struct fct_header *field = g->memory->take(g->memory->arg, (n + 1) * sizeof *field);
    struct dkim_fields fields;

    if (!field)
        return no_memory(g->err);
    field[0] = g->results;
    if (n > 0)
        memcpy(field + 1, g->message->field, n * sizeof *field);
    if (!dkim_fields_init(&fields, g->memory, field, n + 1))
        return no_memory(g->err);
    return dkim_digest_headers(&fields, &signature, own, out) ||
           dkim_fail(g->err, FCT_BUG, "the header cannot be hashed");
}

static bool hash_body(const struct signing *g, uint8_t out[DKIM_HASH_BYTES])
{
    uint64_t length;

    if (!g->sealing->body_hash)
        return arc_body_hash(g->message->body, true, out, &length);
    memcpy(out, g->sealing->body_hash, DKIM_HASH_BYTES);
    return true;
}

static bool make_signature(struct signing *g)
{
    const struct arc_sealing *s = g->sealing;
    size_t room = FIXED_ROOM, head;
    struct text t;
    struct fct_header own;
    uint8_t hash[DKIM_HASH_BYTES];

    for (size_t i = 0; i < s->headers; i++)
        room += s->header[i].n + sizeof FOLD ":";
    if (!hash_body(g, hash))
        return dkim_fail(g->err, FCT_BUG, "the body cannot be hashed");
    if (!text_begin(&t, g, room))
        return no_memory(g->err);
    put_head(&t, s, MESSAGE_NAME);
    head = t.n;
    put(&t, FCT_STR(";"));
    put_fold(&t);
    put(&t, FCT_STR("bh="));
    put_base64(&t, hash, sizeof hash);
    put(&t, FCT_STR(";"));
    put_tag(&t, "c=relaxed/relaxed;");
    put_tag(&t, "d=%.*s;", FCT_FMT(s->domain));
    put_names(&t, s);
    put_tag(&t, "i=%u;", s->instance);
    put_tag(&t, "s=%.*s;", FCT_FMT(s->selector));
    put_tag(&t, "t=%llu", (unsigned long long)s->time);
    own = field_of(MESSAGE_NAME, &t);
    return hash_message(g, &own, hash) && finish(g, MESSAGE_NAME, &t, head, hash, &g->signature);
}

static void put_field(struct dkim_sink *sink, const struct fct_header *field, bool last)
{
    dkim_header_put(sink, true, field, (struct fct_str){NULL, 0}, last);
}

/* RFC 8617 5.1.1 */
static bool hash_seal(const struct signing *g, const struct fct_header *own,
                      uint8_t out[DKIM_HASH_BYTES])
{
    struct dkim_digest digest;

    if (!dkim_digest_begin(&digest))
        return dkim_digest_end(&digest, NULL) && false;
    for (size_t i = 0; i < g->older.n; i++) {
        put_field(&digest.sink, g->older.set[i].results, false);
        put_field(&digest.sink, g->older.set[i].message, false);
        put_field(&digest.sink, g->older.set[i].seal, false);
    }
    put_field(&digest.sink, &g->results, false);
    put_field(&digest.sink, &g->signature, false);
    put_field(&digest.sink, own, true);
    return dkim_digest_end(&digest, out);
}

static bool make_seal(struct signing *g, struct fct_header *out)
{
    const struct arc_sealing *s = g->sealing;
    struct text t;
    struct fct_header own;
    uint8_t hash[DKIM_HASH_BYTES];
    size_t head;

    if (!text_begin(&t, g, FIXED_ROOM))
        return no_memory(g->err);
    put_head(&t, s, SEAL_NAME);
    head = t.n;
    put(&t, FCT_STR(";"));
    put_fold(&t);
    put(&t, FCT_STR("cv="));
    put(&t, view(s->cv));
    put(&t, FCT_STR(";"));
    put_tag(&t, "d=%.*s;", FCT_FMT(s->domain));
    put_tag(&t, "i=%u;", s->instance);
    put_tag(&t, "s=%.*s;", FCT_FMT(s->selector));
    put_tag(&t, "t=%llu", (unsigned long long)s->time);
    own = field_of(SEAL_NAME, &t);
    if (!hash_seal(g, &own, hash))
        return dkim_fail(g->err, FCT_BUG, "the sets cannot be hashed");
    return finish(g, SEAL_NAME, &t, head, hash, out);
}

/* ---- all together ---- */

/* Nobody goes on over cv=fail (RFC 8617 5.1). */
static bool has_ended(const struct signing *g)
{
    struct dkim_tags tags;
    const struct dkim_tag *cv;
    struct fct_err err = {0};

    if (g->older.n == 0 || !dkim_tags_parse(g->older.set[g->older.n - 1].seal->value, &tags, &err))
        return false;
    cv = dkim_tags_find(&tags, "cv");
    return cv && dkim_is(cv->value, "fail");
}

/* Whoever changed the sets since they were judged must not be covered by our word. */
static bool take_older(struct signing *g)
{
    const struct arc_sealing *s = g->sealing;
    bool formed, failed = strcmp(s->cv, "fail") == 0, first = strcmp(s->cv, "none") == 0;

    if (s->instance < 1 || s->instance > ARC_INSTANCES)
        return dkim_fail(g->err, FCT_LIMIT, "no more than %d sets", ARC_INSTANCES);
    formed = arc_sets_collect(g->memory, g->message->field, g->message->fields, ARC_INSTANCES,
                              &g->older, g->err);
    if (!formed && !failed)
        return false;
    if (formed && has_ended(g))
        return dkim_fail(g->err, FCT_DENIED, "the newest seal says that the chain was broken");
    if (formed && (g->older.n != s->instance - 1 || first != (g->older.n == 0)))
        return dkim_fail(g->err, FCT_DENIED, "cv=%s and set %u do not fit a message with %zu sets",
                         s->cv, s->instance, g->older.n);
    if (failed)
        g->older.n = 0; /* the new set is alone */
    return true;
}

/* Behind "NAME: " */
static struct fct_str value_of(const struct fct_header *field)
{
    return (struct fct_str){field->value.p + 1, field->value.n - 1};
}

bool arc_seal_message(const struct arc_sealing *s, const struct dkim_memory *memory,
                      const struct dkim_message *message, struct arc_new_set *out,
                      struct fct_err *err)
{
    struct signing g = {.sealing = s, .memory = memory, .message = message, .err = err};
    struct fct_header seal;

    if (!take_older(&g) || !make_results(&g) || !make_signature(&g) || !make_seal(&g, &seal))
        return false;
    *out = (struct arc_new_set){value_of(&g.results), value_of(&g.signature), value_of(&seal)};
    return true;
}
