/* spf_macro.h - "%{ir}.%{v}.example.org": macros of SPF, their syntax and what they stand for
 * (RFC 7208 7). */
#ifndef PLUGINS_SPF_SPF_MACRO_H
#define PLUGINS_SPF_SPF_MACRO_H

#include "spf.h"

/* macro-string. `more` allows %{c}, %{r} and %{t}, which only an explanation may have. */
bool spf_macro_check(struct fct_str text, bool more);
/* domain-spec = macro-string domain-end */
bool spf_domain_spec_check(struct fct_str text);

/* What the letters stand for. */
struct spf_macro_values {
    struct fct_str sender, local, sender_domain, domain, helo, receiver;
    const struct ip_address *client;
    time_t now;
    /* %{p}: asked only when it is there; the view must live during the expansion. */
    FCT_MAY_WAIT struct fct_str (*validated)(void *ctx, struct fct_str domain);
    void *ctx;
};

/* A domain-spec that was checked, expanded: a name to ask for, cut from the left to 253 characters
 * at a dot, without its final dot. False: it is no name, labels being empty or too long, or there
 * are bytes in it beyond ASCII (RFC 8616 4: such terms match nothing). */
FCT_MAY_WAIT bool spf_domain_expand(struct fct_str text, const struct spf_macro_values *values,
                                    char out[SPF_NAME_MAX + 1]);
/* The text of an explanation, expanded. False: a mistake in it, not ASCII, or longer than `room`.
 */
FCT_MAY_WAIT bool spf_explanation_expand(struct fct_str text, const struct spf_macro_values *values,
                                         char *out, size_t room);

#endif
