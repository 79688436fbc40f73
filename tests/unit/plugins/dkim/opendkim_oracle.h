/* opendkim_oracle.h - libopendkim signs and verifies, for comparison. A file of its own: its header
 * and ours use the same names. */
#ifndef TESTS_OPENDKIM_ORACLE_H
#define TESTS_OPENDKIM_ORACLE_H

#include <facteur/base.h>

struct opendkim_oracle;
struct opendkim_oracle *opendkim_oracle_new(void);
void opendkim_oracle_free(struct opendkim_oracle *oracle);

struct opendkim_signing {
    const char *pem; /* RSA */
    bool relaxed_header, relaxed_body;
    int64_t length; /* l=: so many bytes of the canonical body; -1: all, without l= */
};
/* The value of a DKIM-Signature by example.org, selector s1; NULL: it refuses. The caller frees it.
 */
char *opendkim_oracle_sign(struct opendkim_oracle *oracle, const struct opendkim_signing *signing,
                           struct fct_str message);
/* Does the signature pass? record: what the DNS says about every key. */
bool opendkim_oracle_verify(struct opendkim_oracle *oracle, const char *record,
                            struct fct_str message);

#endif
