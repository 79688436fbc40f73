/* phishing_sender.c - the name in From, the address beside it, and who is proven to stand behind
 * it. */
#include "phishing_plugin.h"

#include <strings.h>

/* ---- reading ---- */

/* "dkim=pass header.d=example.org header.b=…": the value behind `property`; empty: none. */
static struct fct_str value_of(struct fct_str fact, const char *property)
{
    size_t n = strlen(property), i = 0, end;

    while (i + n <= fact.n &&
           (memcmp(fact.p + i, property, n) != 0 || i == 0 || fact.p[i - 1] != ' '))
        i++;
    if (i + n > fact.n)
        return (struct fct_str){"", 0};
    for (end = i += n; end < fact.n && fact.p[end] != ' ' && fact.p[end] != ';';)
        end++;
    return (struct fct_str){fact.p + i, end - i};
}

static bool begins(struct fct_str s, const char *with)
{
    return s.n >= strlen(with) && memcmp(s.p, with, strlen(with)) == 0;
}

static void read_results(struct phishing_scan *s)
{
    const struct fct_host *host = s->plugin->host;
    struct phishing_sender *sender = &s->sender;
    struct fct_str fact;

    for (size_t i = 0; (fact = host->fact(s->call, "auth", i)).p; i++) {
        bool by_dkim = begins(fact, "dkim=pass"), by_dmarc = begins(fact, "dmarc=pass");
        struct fct_str domain = value_of(fact, by_dkim ? "header.d=" : "header.from=");

        if (begins(fact, "dmarc=fail"))
            sender->dmarc_failed = true;
        if ((by_dkim || by_dmarc) && domain.n > 0 && sender->signers < PHISHING_SIGNERS_MAX)
            sender->signer[sender->signers++] = host->org_domain(s->call, domain);
        if (by_dmarc && domain.n > 0)
            sender->brand = phishing_brand_of(&s->plugin->brands, domain);
    }
}

void phishing_read_sender(struct phishing_scan *s)
{
    const struct fct_host *host = s->plugin->host;
    const struct fct_header *from = host->header(s->call, "From", 0);
    const struct fct_address *address;
    size_t n = from ? host->addresses(s->call, from, &address) : 0;

    read_results(s);
    for (size_t i = 0; i < n; i++) {
        struct fct_header name = {.name = FCT_STR("From"), .value = address[i].name};

        if (address[i].kind != FCT_ADDRESS_MAILBOX)
            continue;
        s->sender.name = host->header_text(s->call, &name);
        if (address[i].domain.n > 0)
            (void)phishing_host_of(s, address[i].domain, &s->sender.domain);
        return;
    }
}

/* ---- judging ---- */

static bool has_label(const struct phishing_brand *brand, struct fct_str org)
{
    const char *dot = org.n > 0 ? memchr(org.p, '.', org.n) : NULL;
    struct fct_str label = {org.p, dot ? (size_t)(dot - org.p) : org.n};

    for (size_t i = 0; i < brand->domains; i++)
        if (phishing_equal(brand->domain[i].label, label))
            return true;
    return false;
}

/* "PayPal" <x@example.net>. A brand's own domain that DMARC says is forged counts half: a
 * forwarder may have broken it. */
static void judge_name(struct phishing_scan *s)
{
    const struct phishing_sender *from = &s->sender;
    const struct phishing_brand *brand = phishing_brand_in_name(&s->plugin->brands, from->name);

    if (!brand || from->domain.name.n == 0 || phishing_is_skipped(s, from->domain.name))
        return;
    if (phishing_brand_owns(brand, from->domain.name)) {
        if (from->dmarc_failed)
            phishing_found(s, PHISH_BRAND_NAME, 0.5, "%.*s from %.*s, which DMARC denies",
                           FCT_FMT(brand->name), FCT_FMT(from->domain.name));
    } else if (!has_label(brand, from->domain.org)) {
        phishing_found(s, PHISH_BRAND_NAME, 1, "%.*s from %.*s", FCT_FMT(brand->name),
                       FCT_FMT(from->domain.name));
    }
}

/* "service@paypal.com" <x@example.net> */
static void judge_address_in_name(struct phishing_scan *s)
{
    struct fct_str name = s->sender.name;
    const char *at = name.n > 0 ? memchr(name.p, '@', name.n) : NULL;
    struct phishing_host other;
    struct fct_str domain;

    if (!at || s->sender.domain.org.n == 0)
        return;
    domain = (struct fct_str){at + 1, (size_t)(name.p + name.n - at - 1)};
    for (size_t i = 0; i < domain.n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-",
                    domain.p[i]))
            domain.n = i;
    if (phishing_looks_like_host(domain) && phishing_host_of(s, domain, &other) &&
        !phishing_equal(other.org, s->sender.domain.org) && !phishing_is_signer(s, other.org))
        phishing_found(s, PHISH_NAME_ADDRESS, 1, "%.*s from %.*s", FCT_FMT(domain),
                       FCT_FMT(s->sender.domain.name));
}

/* "PayPa1", or with a Cyrillic a. */
static void judge_look_of_name(struct phishing_scan *s)
{
    const struct phishing_sender *from = &s->sender;
    const struct phishing_brand *brand = phishing_brand_like_name(&s->plugin->brands, from->name);

    if (brand && brand != from->brand && !phishing_brand_owns(brand, from->domain.name) &&
        !phishing_is_skipped(s, from->domain.name))
        phishing_found(s, PHISH_LOOKALIKE, 1, "the sender's name: %.*s", FCT_FMT(brand->name));
}

void phishing_judge_sender(struct phishing_scan *s)
{
    if (phishing_turns_text(s->sender.name))
        phishing_found(s, PHISH_BIDI, 1, "the sender's name");
    if (s->sender.domain.name.n > 0)
        (void)phishing_judge_host(s, &s->sender.domain, "sender");
    judge_name(s);
    judge_look_of_name(s);
    judge_address_in_name(s);
}
