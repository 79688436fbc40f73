/* dkim_tags.c - see dkim_tags.h. */
#include "plugins/dkim/dkim_tags.h"

#include "plugins/dkim/dkim_text.h"

#define SHOWN 20 /* bytes of a bad name that an error repeats */

/* tag-name = ALPHA *ALNUMPUNC; ALNUMPUNC = ALPHA / DIGIT / "_" */
static bool is_name(struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = dkim_lower(s.p[i]);
        bool letter = c >= 'a' && c <= 'z';

        if (!letter && (i == 0 || ((c < '0' || c > '9') && c != '_')))
            return false;
    }
    return s.n > 0;
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* May one of eight bytes be below 0x21, or 0x7f? Hardly ever, in signatures and keys. */
static bool is_suspect(const char *p)
{
    uint64_t word, other;

    memcpy(&word, p, sizeof word);
    other = word ^ EACH(0x7fu);
    return ((~((word | EACH(0x80u)) - EACH(0x21u)) & ~word) | ((other - EACH(1u)) & ~other)) &
           EACH(0x80u);
}

/* tval = 1*VALCHAR; VALCHAR = %x21-3A / %x3C-7E, and UTF-8 (RFC 8616 4) */
static bool is_value(struct fct_str s)
{
    for (size_t i = 0; i < s.n;) {
        size_t end = s.n - i < 8 ? s.n : i + 8;

        if (end == i + 8 && !is_suspect(s.p + i))
            i = end;
        for (; i < end; i++)
            if (((unsigned char)s.p[i] < 0x21 && !dkim_is_space(s.p[i])) || s.p[i] == 0x7f)
                return false;
    }
    return true;
}

static bool refuse(const struct dkim_tag *tag, const char *what, struct fct_err *err)
{
    return dkim_fail(err, FCT_SYNTAX, "%.*s= %s", (int)(tag->name.n < SHOWN ? tag->name.n : SHOWN),
                     tag->name.p, what);
}

/* Nearly all names are told apart by two letters and their length. */
static uint32_t code_of(struct fct_str name)
{
    return (uint32_t)(unsigned char)name.p[0] | (uint32_t)(unsigned char)name.p[name.n - 1] << 8 |
           (uint32_t)name.n << 16;
}

const struct dkim_tag *dkim_tags_named(const struct dkim_tags *tags, struct fct_str name)
{
    uint32_t code = code_of(name);

    for (size_t i = 0; i < tags->n; i++)
        if (tags->tag[i].code == code &&
            (name.n <= 2 || memcmp(tags->tag[i].name.p, name.p, name.n) == 0))
            return &tags->tag[i];
    return NULL;
}

/* tag-spec = [FWS] tag-name [FWS] "=" [FWS] tag-value [FWS] */
static bool take_tag(struct fct_str spec, struct dkim_tags *out, struct fct_err *err)
{
    const char *equals = memchr(spec.p, '=', spec.n);
    struct dkim_tag tag;

    if (!equals)
        return dkim_fail(err, FCT_SYNTAX, "a tag without \"=\"");
    tag.name = dkim_trim((struct fct_str){spec.p, (size_t)(equals - spec.p)});
    tag.whole = (struct fct_str){equals + 1, spec.n - (size_t)(equals - spec.p) - 1};
    tag.value = dkim_trim(tag.whole);
    if (!is_name(tag.name))
        return dkim_fail(err, FCT_SYNTAX, "a tag with a bad name");
    tag.code = code_of(tag.name);
    if (!is_value(tag.value))
        return refuse(&tag, "has a byte that is not allowed", err);
    if (dkim_tags_named(out, tag.name))
        return refuse(&tag, "is given twice", err);
    if (out->n == DKIM_TAGS_MAX)
        return dkim_fail(err, FCT_SYNTAX, "more than %d tags", DKIM_TAGS_MAX);
    out->tag[out->n++] = tag;
    return true;
}

/* tag-list = tag-spec *( ";" tag-spec ) [ ";" ] */
bool dkim_tags_parse(struct fct_str text, struct dkim_tags *out, struct fct_err *err)
{
    out->n = 0;
    for (;;) {
        const char *end = text.n > 0 ? memchr(text.p, ';', text.n) : NULL;
        struct fct_str spec = {text.p, end ? (size_t)(end - text.p) : text.n};

        if (dkim_trim(spec).n == 0) {
            if (end || out->n == 0)
                return dkim_fail(err, FCT_SYNTAX, "an empty tag");
            return true;
        }
        if (!take_tag(spec, out, err))
            return false;
        if (!end)
            return true;
        text = (struct fct_str){end + 1, text.n - spec.n - 1};
    }
}
