/* dmarc_facts.c - resinfo = methodspec *( CFWS reasonspec / CFWS propspec )       RFC 8601 2.2 */
#include "dmarc_facts.h"

#define VALUE_MAX 1024

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_text(struct fct_str s, const char *text)
{
    return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

static void skip(struct fct_str *in, size_t n)
{
    in->p += n;
    in->n -= n;
}

/* comment = "(" *([FWS] ccontent) [FWS] ")"; they nest            RFC 5322 3.2.2 */
static bool skip_comment(struct fct_str *in)
{
    size_t depth = 0;

    for (size_t i = 0; i < in->n; i++) {
        if (in->p[i] == '\\')
            i++;
        else if (in->p[i] == '(')
            depth++;
        else if (in->p[i] == ')' && --depth == 0) {
            skip(in, i + 1);
            return true;
        }
    }
    return false;
}

static bool skip_cfws(struct fct_str *in)
{
    while (in->n > 0 && (is_space(*in->p) || *in->p == '(')) {
        if (*in->p != '(')
            skip(in, 1);
        else if (!skip_comment(in))
            return false;
    }
    return true;
}

/* Up to the '=', which is taken as well. */
static bool take_key(struct fct_str *in, struct fct_str *key)
{
    size_t n = 0;

    while (n < in->n && !is_space(in->p[n]) && !strchr("=()\";", in->p[n]))
        n++;
    *key = (struct fct_str){in->p, n};
    if (n == 0 || n == in->n || in->p[n] != '=')
        return false;
    skip(in, n + 1);
    return true;
}

/* value = token / quoted-string; quotes and quoted pairs are undone. */
static bool take_quoted(struct fct_str *in, char *room, struct fct_str *value)
{
    size_t n = 0;

    for (size_t i = 1; i < in->n && n < VALUE_MAX; i++) {
        if (in->p[i] == '"') {
            *value = (struct fct_str){room, n};
            skip(in, i + 1);
            return true;
        }
        if (in->p[i] == '\\' && ++i == in->n)
            return false;
        room[n++] = in->p[i];
    }
    return false;
}

/* room: for what was quoted; NULL: nothing may be. */
static bool take_value(struct fct_str *in, char *room, struct fct_str *value)
{
    size_t n = 0;

    if (in->n > 0 && *in->p == '"')
        return room && take_quoted(in, room, value);
    while (n < in->n && !is_space(in->p[n]) && !strchr("()\";", in->p[n]))
        n++;
    *value = (struct fct_str){in->p, n};
    skip(in, n);
    return n > 0;
}

/* pvalue may be an address: its domain counts                     RFC 8601 2.2 */
static bool take_domain(struct fct_str value, struct dmarc_domain *out)
{
    const char *at = value.n > 0 ? memrchr(value.p, '@', value.n) : NULL;

    if (at)
        skip(&value, (size_t)(at + 1 - value.p));
    return dmarc_domain_parse(value, out);
}

/* THE table of properties that name a domain. */
static const struct {
    const char *method, *key;
    enum dmarc_property property;
} properties[] = {
    {"spf", "smtp.mailfrom", DMARC_MAILFROM},
    {"spf", "smtp.helo", DMARC_HELO},
    {"dkim", "header.d", DMARC_SIGNER},
    {"dmarc", "header.from", DMARC_AUTHOR},
};

static bool take_property(struct dmarc_fact *fact, struct fct_str key, struct fct_str value)
{
    if (is_text(fact->method, "dkim") && is_text(key, "header.s") &&
        value.n < sizeof fact->selector)
        (void)snprintf(fact->selector, sizeof fact->selector, "%.*s", FCT_FMT(value));
    for (size_t i = 0; i < FCT_COUNT(properties); i++) {
        if (!is_text(fact->method, properties[i].method) || !is_text(key, properties[i].key))
            continue;
        if (fact->property != DMARC_NOBODY)
            return false;
        fact->property = properties[i].property;
        return take_domain(value, &fact->domain);
    }
    return true;
}

bool dmarc_fact_parse(struct fct_str text, struct dmarc_fact *out)
{
    char room[VALUE_MAX];
    struct fct_str key, value;

    *out = (struct dmarc_fact){0};
    if (!take_key(&text, &out->method) || !take_value(&text, room, &value) || value.p == room)
        return false;
    out->result = value;
    while (skip_cfws(&text) && text.n > 0)
        if (!take_key(&text, &key) || !take_value(&text, room, &value) ||
            !take_property(out, key, value))
            return false;
    return text.n == 0;
}

/* ---- ARC ---- */

/* "i=12": up to 50 (RFC 8617 4.2.1) */
static bool take_instance(struct fct_str *text, unsigned *out)
{
    struct fct_str key, value;

    *out = 0;
    if (!take_key(text, &key) || !is_text(key, "i") || !take_value(text, NULL, &value) ||
        value.n > 2)
        return false;
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] < '0' || value.p[i] > '9')
            return false;
        *out = *out * 10 + (unsigned)(value.p[i] - '0');
    }
    return *out > 0 && skip_cfws(text);
}

bool dmarc_seal_parse(struct fct_str text, struct dmarc_seal *out)
{
    struct fct_str key, value;

    *out = (struct dmarc_seal){0};
    return take_instance(&text, &out->instance) && take_key(&text, &key) && is_text(key, "d") &&
           take_value(&text, NULL, &value) && dmarc_domain_parse(value, &out->domain);
}

bool dmarc_recorded_parse(struct fct_str text, unsigned *instance, struct dmarc_fact *out)
{
    return take_instance(&text, instance) && dmarc_fact_parse(text, out);
}
