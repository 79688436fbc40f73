/* phishing_plugin.h - what the files of the plugin share. */
#ifndef PLUGINS_PHISHING_PHISHING_PLUGIN_H
#define PLUGINS_PHISHING_PHISHING_PLUGIN_H

#include "phishing_brands.h"
#include "phishing_conf.h"
#include "phishing_text.h"

#include <facteur/plugin.h>

struct phishing_plugin {
    const struct fct_host *host;
    const struct phishing_conf *conf;
    struct phishing_look *look;
    struct phishing_brands brands;
};

enum phishing_symbol {
    PHISH_LINK_TEXT,
    PHISH_LINK_BRAND,
    PHISH_LINK_TRACKED,
    PHISH_LOOKALIKE,
    PHISH_TYPO,
    PHISH_BRAND_HOST,
    PHISH_BRAND_WORD,
    PHISH_BRAND_NAME,
    PHISH_NAME_ADDRESS,
    PHISH_MIXED_SCRIPT,
    PHISH_PUNYCODE,
    PHISH_REDIRECT,
    PHISH_SHORTENER,
    PHISH_IP_URL,
    PHISH_URL_USER,
    PHISH_DATA_URL,
    PHISH_SCRIPT_URL,
    PHISH_PASSWORD,
    PHISH_FORM,
    PHISH_BIDI,
    PHISH_SYMBOLS
};
extern const struct fct_symbol phishing_symbols[PHISH_SYMBOLS + 1];

/* Who says to have sent it, and who is known to have. */
#define PHISHING_SIGNERS_MAX 8
struct phishing_sender {
    struct fct_str name;         /* display name of From, decoded */
    struct phishing_host domain; /* of From; empty views: none */
    struct fct_str
        signer[PHISHING_SIGNERS_MAX]; /* registrable domains that DKIM or DMARC vouch for */
    size_t signers;
    bool dmarc_failed;
    const struct phishing_brand *brand; /* the one it is proven to be */
};

/* One message while it is looked at. */
#define PHISHING_DETAIL_MAX 180
struct phishing_scan {
    const struct phishing_plugin *plugin;
    struct fct_call *call;
    struct phishing_sender sender;
    double factor[PHISH_SYMBOLS]; /* the highest of what was found */
    char detail[PHISH_SYMBOLS][PHISHING_DETAIL_MAX];
    size_t hosts;
};

/* Found: the highest factor and its words are told in the end. */
void phishing_found(struct phishing_scan *s, enum phishing_symbol symbol, double factor,
                    const char *fmt, ...) FCT_PRINTF(4, 5);

/* Parsed by the host; false: no URL with a host. */
bool phishing_host_of(struct phishing_scan *s, struct fct_str domain, struct phishing_host *out);
bool phishing_is_skipped(const struct phishing_scan *s, struct fct_str host);
bool phishing_is_signer(const struct phishing_scan *s, struct fct_str org);

/* Compares a host with brands. `where` is named in the details. Returns true for a pretence. */
bool phishing_judge_host(struct phishing_scan *s, const struct phishing_host *host,
                         const char *where);

void phishing_read_sender(struct phishing_scan *s);
void phishing_judge_sender(struct phishing_scan *s);
void phishing_judge_links(struct phishing_scan *s);
void phishing_judge_markup(struct phishing_scan *s);

static inline bool phishing_equal(struct fct_str a, struct fct_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

enum fct_verdict phishing_on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state);

#endif
