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

static bool take_value(struct fct_str *in, char *room, struct fct_str *value)
{
    size_t n = 0;

    if (in->n > 0 && *in->p == '"')
        return take_quoted(in, room, value);
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

static bool take_property(struct dmarc_fact *fact, struct fct_str key, struct fct_str value)
{
    bool *which = NULL;

    if (is_text(fact->method, "spf"))
        which = is_text(key, "smtp.mailfrom") ? &fact->spf_mailfrom
                : is_text(key, "smtp.helo")   ? &fact->spf_helo
                                              : NULL;
    else if (is_text(fact->method, "dkim") && is_text(key, "header.d"))
        which = &fact->dkim;
    if (which)
        *which = true;
    return !which || take_domain(value, &fact->domain);
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
    return text.n == 0 && out->spf_mailfrom + out->spf_helo + out->dkim == 1;
}
