/* dmarc_domain.c - see dmarc_domain.h. */
#include "dmarc_domain.h"

#include <idn2.h>

#define LABEL_MAX    63   /* RFC 1035 2.3.4 */
#define WRITTEN_MAX  1020 /* in UTF-8: four bytes for each character */
#define NOT_ASCII(c) ((unsigned char)(c) >= 0x80)

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Letters, digits, hyphens, and the underscore that names of the DNS have besides. */
static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* ASCII alone, without a final dot. */
static bool take_ascii(struct fct_str text, struct dmarc_domain *out)
{
    size_t label = 0;

    if (text.n == 0 || text.n > DMARC_NAME_MAX)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        char c = lower(text.p[i]);

        if (c == '.' ? label == 0 : !is_name_char(c))
            return false;
        label = c == '.' ? 0 : label + 1;
        if (label > LABEL_MAX)
            return false;
        out->text[i] = c;
    }
    out->text[text.n] = '\0';
    out->n = text.n;
    return label > 0;
}

static bool take_unicode(struct fct_str text, struct dmarc_domain *out)
{
    char written[WRITTEN_MAX + 1];
    uint8_t *ascii = NULL;
    bool ok;

    if (text.n > WRITTEN_MAX || memchr(text.p, 0, text.n))
        return false;
    memcpy(written, text.p, text.n);
    written[text.n] = '\0';
    if (idn2_lookup_u8((const uint8_t *)written, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) !=
        IDN2_OK)
        return false;
    ok = take_ascii((struct fct_str){(const char *)ascii, strlen((const char *)ascii)}, out);
    idn2_free(ascii);
    return ok;
}

bool dmarc_domain_parse(struct fct_str text, struct dmarc_domain *out)
{
    if (text.n > 0 && text.p[text.n - 1] == '.')
        text.n--;
    for (size_t i = 0; i < text.n; i++)
        if (NOT_ASCII(text.p[i]))
            return take_unicode(text, out);
    return take_ascii(text, out);
}

bool dmarc_domain_same(struct fct_str a, struct fct_str b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

bool dmarc_domain_within(struct fct_str name, struct fct_str parent)
{
    struct fct_str end;

    if (parent.n == 0 || name.n < parent.n)
        return false;
    end = (struct fct_str){name.p + (name.n - parent.n), parent.n};
    return dmarc_domain_same(end, parent) && (name.n == parent.n || end.p[-1] == '.');
}

size_t dmarc_domain_labels(struct fct_str name)
{
    size_t n = name.n > 0;

    for (size_t i = 0; i < name.n; i++)
        n += name.p[i] == '.';
    return n;
}

struct fct_str dmarc_domain_last(struct fct_str name, size_t n)
{
    for (size_t at = name.n; at > 0; at--)
        if (name.p[at - 1] == '.' && n-- == 1)
            return (struct fct_str){name.p + at, name.n - at};
    return name;
}

/* ---- patterns ---- */

static bool read_pattern(const char *pattern, bool *below, struct dmarc_domain *out)
{
    *below = strncmp(pattern, "*.", 2) == 0;
    if (*below)
        pattern += 2;
    return dmarc_domain_parse((struct fct_str){pattern, strlen(pattern)}, out);
}

bool dmarc_pattern_is(const char *pattern)
{
    struct dmarc_domain domain;
    bool below;

    return read_pattern(pattern, &below, &domain);
}

bool dmarc_pattern_fits(const char *pattern, struct fct_str name)
{
    struct dmarc_domain domain;
    bool below;

    if (!read_pattern(pattern, &below, &domain))
        return false;
    return below ? name.n > domain.n && dmarc_domain_within(name, dmarc_domain_str(&domain))
                 : dmarc_domain_same(name, dmarc_domain_str(&domain));
}
