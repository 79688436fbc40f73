/* phishing_links.c - where links lead, beside what they show. Only those that people click on. */
#include "phishing_plugin.h"

enum { EMBEDDED_MAX = 1000, EMBEDDED_EACH = 3 };

static bool is_clicked(const struct fct_link *link)
{
    return link->from == FCT_LINK_ANCHOR || link->from == FCT_LINK_AREA ||
           link->from == FCT_LINK_FORM || link->from == FCT_LINK_TEXT;
}

static bool is_address(struct fct_str host)
{
    bool has_letter = false;

    for (size_t i = 0; i < host.n; i++)
        has_letter |= host.p[i] >= 'a' && host.p[i] <= 'z';
    return (host.n > 0 && !has_letter) || memchr(host.p ? host.p : "", ':', host.n);
}

static bool is_web(const struct fct_url *url)
{
    return phishing_equal(url->scheme, FCT_STR("http")) ||
           phishing_equal(url->scheme, FCT_STR("https"));
}

/* ---- a text that names another host ---- */

/* "amazon.de" for "amazon.com": the same name under another ending. */
static bool has_same_word(struct fct_str a, struct fct_str b)
{
    const char *end_a = memchr(a.p, '.', a.n), *end_b = memchr(b.p, '.', b.n);

    return end_a && end_b &&
           phishing_equal((struct fct_str){a.p, (size_t)(end_a - a.p)},
                          (struct fct_str){b.p, (size_t)(end_b - b.p)});
}

/* Somebody known is between the text and its host: a click counter, a guard, or who sent it. */
static bool is_on_the_way(const struct phishing_scan *s, const struct fct_url *url)
{
    return phishing_is_tracker(url->host) || phishing_is_signer(s, url->org) ||
           (s->sender.signers == 0 && !s->sender.dmarc_failed &&
            phishing_equal(url->org, s->sender.domain.org));
}

static void judge_text(struct phishing_scan *s, const struct fct_link *link)
{
    const struct phishing_brand *brand;
    struct phishing_host shown;
    struct fct_str name;
    bool between;

    if (!phishing_shown_host(link->shown, &name) || !phishing_host_of(s, name, &shown) ||
        phishing_equal(shown.org, link->url.org) || has_same_word(shown.org, link->url.org) ||
        phishing_is_skipped(s, link->url.host) || phishing_is_skipped(s, shown.name))
        return;
    brand = phishing_brand_of(&s->plugin->brands, shown.name);
    if (brand && phishing_brand_owns(brand, link->url.host))
        return;
    between = is_on_the_way(s, &link->url);
    if (brand && brand != s->sender.brand)
        phishing_found(s, PHISH_LINK_BRAND,
                       between || phishing_is_shortener(link->url.host) ? 0.3 : 1,
                       "%.*s leads to %.*s", FCT_FMT(shown.name), FCT_FMT(link->url.host));
    else
        phishing_found(s, between || brand ? PHISH_LINK_TRACKED : PHISH_LINK_TEXT, 1,
                       "%.*s leads to %.*s", FCT_FMT(shown.name), FCT_FMT(link->url.host));
}

/* ---- URLs in URLs ---- */

static void judge_embedded(struct phishing_scan *s, const struct fct_link *link,
                           struct fct_str text)
{
    size_t at = 0, n;

    for (unsigned i = 0; i < EMBEDDED_EACH; i++) {
        char *copy = s->plugin->host->alloc(s->call, EMBEDDED_MAX);
        struct phishing_host host;
        struct fct_url url;

        if (!copy || (n = phishing_embedded_url(text, &at, copy, EMBEDDED_MAX)) == 0)
            return;
        if (!s->plugin->host->url_parse(s->call, (struct fct_str){copy, n}, &url) ||
            phishing_equal(url.org, link->url.org))
            continue;
        host = (struct phishing_host){url.host, url.display, url.org};
        if (phishing_judge_host(s, &host, "redirect to"))
            phishing_found(s, PHISH_REDIRECT, 1, "%.*s to %.*s", FCT_FMT(link->url.host),
                           FCT_FMT(url.display));
    }
}

/* ---- one link ---- */

static void judge_shortener(struct phishing_scan *s, const struct fct_link *link)
{
    const struct phishing_brands *brands = &s->plugin->brands;
    const struct phishing_brand *brand = phishing_brand_in_text(brands, link->url.path);

    if (!brand)
        brand = phishing_brand_in_name(brands, s->sender.name);
    if (brand && brand != s->sender.brand && !phishing_brand_owns(brand, link->url.host) &&
        !phishing_brand_owns(brand, s->sender.domain.name))
        phishing_found(s, PHISH_SHORTENER, 1, "%.*s: %.*s", FCT_FMT(link->url.host),
                       FCT_FMT(brand->name));
}

static void judge_link(struct phishing_scan *s, const struct fct_link *link)
{
    const struct fct_url *url = &link->url;

    if (link->from == FCT_LINK_ANCHOR) {
        judge_text(s, link);
        if (phishing_turns_text(link->shown))
            phishing_found(s, PHISH_BIDI, 1, "a link's text");
    }
    if (is_address(url->host))
        phishing_found(s, PHISH_IP_URL, 1, "%.*s", FCT_FMT(url->host));
    if (phishing_looks_like_host(url->user) && is_web(url))
        phishing_found(s, PHISH_URL_USER, 1, "%.*s@%.*s",
                       (int)(url->user.n < 60 ? url->user.n : 60), url->user.p, FCT_FMT(url->host));
    else if (url->user.n > 0 && is_web(url))
        phishing_found(s, PHISH_URL_USER, 0.3, "%.*s", FCT_FMT(url->host));
    if (phishing_is_shortener(url->host))
        judge_shortener(s, link);
    judge_embedded(s, link, url->path);
    judge_embedded(s, link, url->query);
}

/* Each once: `seen` are those before. */
static bool is_new(const struct fct_link *link, size_t n, struct fct_str host)
{
    for (size_t i = n < 64 ? 0 : n - 64; i < n; i++)
        if (phishing_equal(link[i].url.host, host) && is_clicked(&link[i]))
            return false;
    return true;
}

void phishing_judge_links(struct phishing_scan *s)
{
    const struct fct_link *link;
    size_t n = s->plugin->host->links(s->call, &link), most = s->plugin->conf->max_links;

    for (size_t i = 0; i < n && i < most; i++) {
        struct phishing_host host = {link[i].url.host, link[i].url.display, link[i].url.org};

        if (!is_clicked(&link[i]))
            continue;
        judge_link(s, &link[i]);
        if (is_address(host.name) || !is_new(link, i, host.name))
            continue;
        (void)phishing_judge_host(s, &host, "link to");
        if (!phishing_equal(host.name, host.display))
            phishing_found(s, PHISH_PUNYCODE, 1, "%.*s", FCT_FMT(host.display));
    }
}
