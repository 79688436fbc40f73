/* phishing_brands.h - the names that forgers borrow: brands.def, with what the configuration adds
 * and takes out; and what a host name has to do with them. */
#ifndef PLUGINS_PHISHING_PHISHING_BRANDS_H
#define PLUGINS_PHISHING_PHISHING_BRANDS_H

#include "phishing_look.h"

#include <facteur/conf.h>

#define PHISHING_DOMAINS_MAX 24

struct phishing_domain {
    struct fct_str name;  /* "paypal.com" */
    struct fct_str label; /* "paypal" */
    struct fct_str skeleton;
};

struct phishing_brand {
    struct fct_str name;
    bool is_common; /* the name is a word or a person's, too: see brands.def */
    struct phishing_domain domain[PHISHING_DOMAINS_MAX];
    size_t domains;
};

/* Where a domain's owner is found without going through all of them. */
struct phishing_owner {
    struct fct_str domain; /* empty: a free place */
    uint32_t brand;
};

struct phishing_brands {
    const struct phishing_look *look;
    struct phishing_brand *brand;
    size_t n, room;
    struct phishing_owner *owner; /* a table of 1 << owner_bits places, half of them free */
    unsigned owner_bits;
    void *text; /* what the views point into */
};

/* more: "Name: domain domain …" each, "Name (common): …" for such; without: names not to look for.
 * Fails: FCT_SYNTAX for an entry that is written wrong, or names nothing that is there. */
FCT_MUST_CHECK bool phishing_brands_open(struct phishing_brands *b,
                                         const struct phishing_look *look,
                                         const struct fct_strings *more,
                                         const struct fct_strings *without, struct fct_err *err);
void phishing_brands_close(struct phishing_brands *b);

/* Is `host` one of its domains, or below one? */
bool phishing_brand_owns(const struct phishing_brand *brand, struct fct_str host);
/* The brand whose host this is; NULL: none. */
const struct phishing_brand *phishing_brand_of(const struct phishing_brands *b,
                                               struct fct_str host);

/* ---- what a host pretends ---- */

struct phishing_host {
    struct fct_str name;    /* A-labels */
    struct fct_str display; /* U-labels, as many */
    struct fct_str org;     /* registrable domain, the end of name */
};

enum phishing_pretence {
    PHISHING_HONEST,
    PHISHING_LABEL, /* the brand's word is one of its labels: paypal.example.com, paypal-x.com */
    PHISHING_TYPO,  /* paypall.com */
    PHISHING_FRONT, /* paypal.com.example.com, paypal-com.example.net */
    PHISHING_LOOK_ALIKE, /* a name that reads the same: paypa1.com */
};
/* The worst, and of which brand. A brand's own hosts are honest. */
enum phishing_pretence phishing_pretends(const struct phishing_brands *b,
                                         const struct phishing_host *host,
                                         const struct phishing_brand **brand);

/* ---- what a display name pretends ---- */

/* The brand that stands in the name as words of its own; NULL: none. */
const struct phishing_brand *phishing_brand_in_name(const struct phishing_brands *b,
                                                    struct fct_str name);
/* The brand that a word of the name looks like without being it: with letters of other scripts,
 * marks, digits for letters, invisible characters inside. NULL: none. */
const struct phishing_brand *phishing_brand_like_name(const struct phishing_brands *b,
                                                      struct fct_str name);
/* A brand in running text, where only names that mean one brand alone count. */
const struct phishing_brand *phishing_brand_in_text(const struct phishing_brands *b,
                                                    struct fct_str text);

#endif
