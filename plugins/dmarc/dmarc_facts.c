/* dmarc_facts.c - resinfo = methodspec *( CFWS reasonspec / CFWS propspec )       RFC 8601 2.2 */
#include "dmarc_facts.h"

#include "plugins/lib/view.h"

#define VALUE_MAX 1024

/* Up to the '=', which is taken as well. */
static bool take_key(struct fct_str *in, struct fct_str *key)
{
    size_t n = 0;

    while (n < in->n && !view_is_wsp(in->p[n]) && !strchr("=()\";", in->p[n]))
        n++;
    *key = (struct fct_str){in->p, n};
    if (n == 0 || n == in->n || in->p[n] != '=')
        return false;
    view_skip(in, n + 1);
    return true;
}

/* value = token / quoted-string; quotes and quoted pairs are undone. */
static bool take_quoted(struct fct_str *in, char *room, struct fct_str *value)
{
    size_t n = 0;

    for (size_t i = 1; i < in->n && n < VALUE_MAX; i++) {
        if (in->p[i] == '"') {
            *value = (struct fct_str){room, n};
            view_skip(in, i + 1);
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
    while (n < in->n && !view_is_wsp(in->p[n]) && !strchr("()\";", in->p[n]))
        n++;
    *value = (struct fct_str){in->p, n};
    view_skip(in, n);
    return n > 0;
}

/* pvalue may be an address: its domain counts                     RFC 8601 2.2 */
static bool take_domain(struct fct_str value, struct dmarc_domain *out)
{
    bool mailbox = value.n > 0 && memchr(value.p, '@', value.n);

    return dmarc_domain_parse(mailbox ? view_domain(value) : value, out);
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
    if (view_is(fact->method, "dkim") && view_is(key, "header.s") &&
        value.n < sizeof fact->selector)
        (void)snprintf(fact->selector, sizeof fact->selector, "%.*s", FCT_FMT(value));
    for (size_t i = 0; i < FCT_COUNT(properties); i++) {
        if (!view_is(fact->method, properties[i].method) || !view_is(key, properties[i].key))
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
    while (view_skip_cfws(&text) && text.n > 0)
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
    if (!take_key(text, &key) || !view_is(key, "i") || !take_value(text, NULL, &value) ||
        value.n > 2)
        return false;
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] < '0' || value.p[i] > '9')
            return false;
        *out = *out * 10 + (unsigned)(value.p[i] - '0');
    }
    return *out > 0 && view_skip_cfws(text);
}

bool dmarc_seal_parse(struct fct_str text, struct dmarc_seal *out)
{
    struct fct_str key, value;

    *out = (struct dmarc_seal){0};
    return take_instance(&text, &out->instance) && take_key(&text, &key) && view_is(key, "d") &&
           take_value(&text, NULL, &value) && dmarc_domain_parse(value, &out->domain);
}

bool dmarc_recorded_parse(struct fct_str text, unsigned *instance, struct dmarc_fact *out)
{
    return take_instance(&text, instance) && dmarc_fact_parse(text, out);
}
