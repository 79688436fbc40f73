/* phishing_scan.c - all that is looked at in a message, and what is said of it. */
#include "phishing_plugin.h"

#include "plugins/lib/clients.h"

#include <stdarg.h>
#include <strings.h>

/* clang-format off */
const struct fct_symbol phishing_symbols[PHISH_SYMBOLS + 1] = {
    [PHISH_LINK_TEXT]    = {"PHISH_LINK_TEXT",    0.8, "phishing", "A link shows one site's address and leads to another site"},
    [PHISH_LINK_BRAND]   = {"PHISH_LINK_BRAND",   3.5, "phishing", "A link shows a well-known brand's address and leads elsewhere"},
    [PHISH_LINK_TRACKED] = {"PHISH_LINK_TRACKED", 0.1, "phishing", "A link shows one site's address and leads there by way of the sender or a click counter"},
    [PHISH_LOOKALIKE]    = {"PHISH_LOOKALIKE",    4.0, "phishing", "A domain or the sender's name is written to look like a well-known brand's"},
    [PHISH_TYPO]         = {"PHISH_TYPO",         1.5, "phishing", "A domain differs by one letter from that of a well-known brand"},
    [PHISH_BRAND_HOST]   = {"PHISH_BRAND_HOST",   3.5, "phishing", "A well-known brand's domain is only the front of another host's name"},
    [PHISH_BRAND_WORD]   = {"PHISH_BRAND_WORD",   1.0, "phishing", "A well-known brand's name is a part of another domain's name"},
    [PHISH_BRAND_NAME]   = {"PHISH_BRAND_NAME",   2.5, "phishing", "The sender's name is that of a well-known brand, the address is not"},
    [PHISH_NAME_ADDRESS] = {"PHISH_NAME_ADDRESS", 1.8, "phishing", "The sender's name is an address of another domain than the sender's"},
    [PHISH_MIXED_SCRIPT] = {"PHISH_MIXED_SCRIPT", 3.0, "phishing", "A domain mixes letters of scripts that no language mixes"},
    [PHISH_PUNYCODE]     = {"PHISH_PUNYCODE",     0.3, "phishing", "A link leads to a domain with letters beyond ASCII"},
    [PHISH_REDIRECT]     = {"PHISH_REDIRECT",     1.5, "phishing", "A link leads through another site's redirect to a host that pretends to be a brand"},
    [PHISH_SHORTENER]    = {"PHISH_SHORTENER",    1.5, "phishing", "A message in the name of a well-known brand hides where its links lead by a URL shortener"},
    [PHISH_IP_URL]       = {"PHISH_IP_URL",       1.8, "phishing", "A link leads to a bare IP address"},
    [PHISH_URL_USER]     = {"PHISH_URL_USER",     2.5, "phishing", "A link shows a host before an @ and leads to the one behind it"},
    [PHISH_DATA_URL]     = {"PHISH_DATA_URL",     3.0, "phishing", "A link or frame holds a whole page as a data: URL"},
    [PHISH_SCRIPT_URL]   = {"PHISH_SCRIPT_URL",   0.8, "phishing", "A link runs a script"},
    [PHISH_PASSWORD]     = {"PHISH_PASSWORD",     3.0, "phishing", "The message itself asks for a password"},
    [PHISH_FORM]         = {"PHISH_FORM",         0.1, "phishing", "A form in the message is sent to another site than the sender's"},
    [PHISH_BIDI]         = {"PHISH_BIDI",         1.5, "phishing", "Control characters turn the direction of a name or of a link's text"},
    [PHISH_SYMBOLS]      = {NULL, 0, NULL, NULL},
};
/* clang-format on */

void phishing_found(struct phishing_scan *s, enum phishing_symbol symbol, double factor,
                    const char *fmt, ...)
{
    va_list ap;

    if (factor <= s->factor[symbol])
        return;
    s->factor[symbol] = factor;
    va_start(ap, fmt);
    (void)vsnprintf(s->detail[symbol], sizeof s->detail[symbol], fmt, ap);
    va_end(ap);
}

/* ---- hosts ---- */

bool phishing_host_of(struct phishing_scan *s, struct fct_str domain, struct phishing_host *out)
{
    static const char scheme[] = "http://";
    char *text = s->plugin->host->alloc(s->call, sizeof scheme + domain.n);
    struct fct_url url;

    if (!text)
        return false;
    memcpy(text, scheme, sizeof scheme - 1);
    memcpy(text + sizeof scheme - 1, domain.p, domain.n);
    if (!s->plugin->host->url_parse(s->call, (struct fct_str){text, sizeof scheme - 1 + domain.n},
                                    &url))
        return false;
    *out = (struct phishing_host){url.host, url.display, url.org};
    return true;
}

bool phishing_is_skipped(const struct phishing_scan *s, struct fct_str host)
{
    const struct fct_strings *skip = &s->plugin->conf->skip_domain;

    for (size_t i = 0; i < skip->n; i++) {
        size_t n = strlen(skip->item[i]);

        if (host.n >= n && strncasecmp(host.p + host.n - n, skip->item[i], n) == 0 &&
            (host.n == n || host.p[host.n - n - 1] == '.'))
            return true;
    }
    return false;
}

bool phishing_is_signer(const struct phishing_scan *s, struct fct_str org)
{
    for (size_t i = 0; i < s->sender.signers; i++)
        if (phishing_equal(s->sender.signer[i], org))
            return true;
    return false;
}

static void judge_scripts(struct phishing_scan *s, const struct phishing_host *host,
                          const char *where)
{
    size_t start = 0;

    for (size_t i = 0; i <= host->display.n; i++)
        if (i == host->display.n || host->display.p[i] == '.') {
            if (phishing_is_mixed(s->plugin->look,
                                  (struct fct_str){host->display.p + start, i - start}))
                phishing_found(s, PHISH_MIXED_SCRIPT, 1, "%s %.*s", where, FCT_FMT(host->display));
            start = i + 1;
        }
}

bool phishing_judge_host(struct phishing_scan *s, const struct phishing_host *host,
                         const char *where)
{
    static const enum phishing_symbol symbol_of[] = {
        [PHISHING_LABEL] = PHISH_BRAND_WORD,
        [PHISHING_TYPO] = PHISH_TYPO,
        [PHISHING_FRONT] = PHISH_BRAND_HOST,
        [PHISHING_LOOK_ALIKE] = PHISH_LOOKALIKE,
    };
    const struct phishing_brand *brand;
    enum phishing_pretence pretence;

    if (phishing_is_skipped(s, host->name) || s->hosts++ >= s->plugin->conf->max_hosts)
        return false;
    if (!phishing_equal(host->name, host->display))
        judge_scripts(s, host, where);
    pretence = phishing_pretends(&s->plugin->brands, host, &brand);
    if (pretence == PHISHING_HONEST || brand == s->sender.brand)
        return false;
    phishing_found(s, symbol_of[pretence], 1, "%s %.*s: %.*s", where, FCT_FMT(host->display),
                   FCT_FMT(brand->name));
    return pretence >= PHISHING_TYPO;
}

/* ---- the point ---- */

static void tell(struct phishing_scan *s)
{
    for (unsigned i = 0; i < PHISH_SYMBOLS; i++)
        if (s->factor[i] > 0)
            (void)s->plugin->host->symbol(s->call, phishing_symbols[i].name, s->factor[i],
                                          (struct fct_str){s->detail[i], strlen(s->detail[i])});
}

enum fct_verdict phishing_on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    const struct phishing_plugin *plugin = state;
    const struct fct_conn *conn = plugin->host->conn(call);
    struct phishing_scan *s;

    (void)ev;
    if ((conn->login.n > 0 && !plugin->conf->check_users) ||
        clients_have(&plugin->conf->skip_net, conn->client_ip) ||
        !(s = plugin->host->alloc(call, sizeof *s)))
        return FCT_NEXT;
    *s = (struct phishing_scan){.plugin = plugin, .call = call};
    phishing_read_sender(s);
    phishing_judge_sender(s);
    phishing_judge_links(s);
    phishing_judge_markup(s);
    tell(s);
    return FCT_NEXT;
}
