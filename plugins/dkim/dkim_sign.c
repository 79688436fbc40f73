/* dkim_sign.c - see dkim_sign.h. */
#include "plugins/dkim/dkim_sign.h"

#define FIELD      "DKIM-Signature"
#define IN_FRONT   (sizeof FIELD + 1) /* the name, ": " */
#define LINE_WIDTH 76
#define FIXED_ROOM 2048 /* of all but h= */
#define FOLD       "\r\n\t"

/* Text that grows in room counted beforehand. */
struct text {
    char *p;
    size_t n, room;
    size_t column;
};

static void put(struct text *t, struct fct_str s)
{
    if (s.n > t->room - t->n)
        s.n = t->room - t->n;
    memcpy(t->p + t->n, s.p, s.n);
    t->n += s.n;
    t->column += s.n;
}

/* A word behind `gap`, or at the beginning of a new line. */
static void put_word(struct text *t, const char *gap, struct fct_str s)
{
    if (t->column + strlen(gap) + s.n > LINE_WIDTH && t->n > IN_FRONT) {
        put(t, FCT_STR(FOLD));
        t->column = 1;
    } else {
        put(t, (struct fct_str){gap, strlen(gap)});
    }
    put(t, s);
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
    put_word(t, t->n > IN_FRONT ? " " : "",
             (struct fct_str){tag, n > 0 && (size_t)n < sizeof tag ? (size_t)n : 0});
}

static void put_base64(struct text *t, const uint8_t *bytes, size_t n)
{
    char letters[(DKIM_SIGNATURE_BYTES + 2) / 3 * 4];
    size_t all = dkim_base64_encode(bytes, n, letters), at = 0;

    while (at < all) {
        size_t room = t->column < LINE_WIDTH ? LINE_WIDTH - t->column : 0;
        size_t part = room < all - at ? room : all - at;

        put(t, (struct fct_str){letters + at, part});
        at += part;
        if (at < all) {
            put(t, FCT_STR(FOLD));
            t->column = 1;
        }
    }
}

/* ---- which fields ---- */

struct names {
    struct fct_str *name;
    size_t n, room;
    size_t bytes;
};

static void add_name(struct names *names, struct fct_str name)
{
    if (names->n == names->room)
        return;
    names->name[names->n++] = name;
    names->bytes += name.n + sizeof FOLD ":";
}

static bool is_listed(const struct fct_strings *list, struct fct_str name)
{
    for (size_t i = 0; i < list->n; i++)
        if (dkim_same_nocase((struct fct_str){list->item[i], strlen(list->item[i])}, name))
            return true;
    return false;
}

static void add_list(struct names *names, struct dkim_fields *fields,
                     const struct fct_strings *list, const struct fct_strings *done, bool over)
{
    for (size_t i = 0; i < list->n; i++) {
        struct fct_str name = {list->item[i], strlen(list->item[i])};

        if (done && is_listed(done, name))
            continue;
        while (dkim_fields_take(fields, name))
            add_name(names, name);
        if (over)
            add_name(names, name);
    }
}

static bool choose_names(const struct dkim_signing *s, const struct dkim_memory *memory,
                         struct dkim_fields *fields, struct names *names)
{
    *names = (struct names){.room = DKIM_HEADERS_MAX};
    names->name = memory->take(memory->arg, names->room * sizeof *names->name);
    if (!names->name)
        return false;
    add_list(names, fields, &s->oversign, NULL, true);
    add_list(names, fields, &s->headers, &s->oversign, false);
    return true;
}

/* ---- the field ---- */

static bool hash_body(const struct dkim_signing *s, struct fct_str body,
                      uint8_t out[DKIM_HASH_BYTES], uint64_t *length)
{
    struct dkim_digest digest;
    struct dkim_body canonical;

    if (!dkim_digest_begin(&digest)) {
        (void)dkim_digest_end(&digest, NULL);
        return false;
    }
    dkim_body_begin(&canonical, &digest.sink, s->relaxed_body);
    dkim_body_put(&canonical, body.p, body.n);
    dkim_body_end(&canonical);
    *length = canonical.length;
    return dkim_digest_end(&digest, out);
}

static void put_head(struct text *t, const struct dkim_signing *s, uint64_t length)
{
    static const char *const form[2] = {"simple", "relaxed"};
    bool ed25519 = EVP_PKEY_get_base_id(s->key) == EVP_PKEY_ED25519;

    put_tag(t, "v=1;");
    put_tag(t, "a=%s;", dkim_algorithm_name(ed25519 ? DKIM_ED25519_SHA256 : DKIM_RSA_SHA256));
    put_tag(t, "c=%s/%s;", form[s->relaxed_header], form[s->relaxed_body]);
    put_tag(t, "d=%.*s;", FCT_FMT(s->domain));
    put_tag(t, "s=%.*s;", FCT_FMT(s->selector));
    if (s->identity.n > 0)
        put_tag(t, "i=%.*s;", FCT_FMT(s->identity));
    put_tag(t, "t=%llu;", (unsigned long long)s->time);
    if (s->expiry > 0)
        put_tag(t, "x=%llu;", (unsigned long long)s->expiry);
    if (s->has_length)
        put_tag(t, "l=%llu;", (unsigned long long)length);
}

static void put_names(struct text *t, const struct names *names)
{
    put_tag(t, "h=");
    for (size_t i = 0; i < names->n; i++) {
        if (i > 0)
            put(t, FCT_STR(":"));
        put_word(t, "", names->name[i]);
    }
    put(t, FCT_STR(";"));
}

static bool put_signature(struct text *t, const struct dkim_signing *s, struct dkim_fields *fields,
                          const struct names *names)
{
    struct dkim_signature signature = {
        .relaxed_header = s->relaxed_header, .header = names->name, .headers = names->n};
    struct fct_header own = {
        .name = FCT_STR(FIELD), .value = {t->p + IN_FRONT, t->n - IN_FRONT}, .raw = {t->p, t->n}};
    uint8_t hash[DKIM_HASH_BYTES], bytes[DKIM_SIGNATURE_BYTES];
    size_t n = sizeof bytes;

    if (!dkim_digest_headers(fields, &signature, &own, hash) ||
        !dkim_digest_sign(s->key, hash, bytes, &n))
        return false;
    put_base64(t, bytes, n);
    return true;
}

bool dkim_sign_message(const struct dkim_signing *s, const struct dkim_memory *memory,
                       const struct dkim_message *message, struct fct_str *value,
                       struct fct_err *err)
{
    struct dkim_fields fields;
    struct names names;
    uint8_t hash[DKIM_HASH_BYTES];
    struct text t = {0};
    uint64_t length;

    if (!dkim_fields_init(&fields, memory, message->field, message->fields) ||
        !choose_names(s, memory, &fields, &names))
        return dkim_fail(err, FCT_TEMP, "no memory");
    if (!hash_body(s, message->body, hash, &length))
        return dkim_fail(err, FCT_BUG, "the body cannot be hashed");
    t.room = FIXED_ROOM + names.bytes;
    t.p = memory->take(memory->arg, t.room);
    if (!t.p)
        return dkim_fail(err, FCT_TEMP, "no memory");
    put(&t, FCT_STR(FIELD ": "));
    put_head(&t, s, length);
    put_names(&t, &names);
    put_tag(&t, "bh=");
    put_base64(&t, hash, sizeof hash);
    put(&t, FCT_STR(";"));
    put_tag(&t, "b=");
    if (!put_signature(&t, s, &fields, &names))
        return dkim_fail(err, FCT_BUG, "the key does not sign");
    if (t.n == t.room)
        return dkim_fail(err, FCT_LIMIT, "the field is too long");
    *value = (struct fct_str){t.p + IN_FRONT, t.n - IN_FRONT};
    return true;
}
