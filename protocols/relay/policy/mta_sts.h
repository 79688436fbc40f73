/* mta_sts.h - a domain's word, given over HTTPS, that its servers speak TLS (RFC 8461): the record
 * that says there is one, the policy, and which servers it names. Values only; mta_sts_cache.h
 * remembers, mta_sts_fetch.h asks. */
#ifndef PROTOCOLS_RELAY_POLICY_MTA_STS_H
#define PROTOCOLS_RELAY_POLICY_MTA_STS_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include <facteur/plugin.h>

#define MTA_STS_POLICY_BYTES 65536u    /* RFC 8461 3.3 suggests 64 KiB */
#define MTA_STS_MX_MAX       200u      /* patterns of one policy */
#define MTA_STS_AGE_MAX      31557600u /* RFC 8461 3.2: one year */
#define MTA_STS_ID_MAX       32u       /* RFC 8461 3.1 */

enum mta_sts_mode { MTA_STS_NONE, MTA_STS_TESTING, MTA_STS_ENFORCE, MTA_STS_MODES };
const char *mta_sts_mode_word(enum mta_sts_mode mode);

struct mta_sts_policy {
    enum mta_sts_mode mode;
    uint32_t max_age;         /* seconds */
    const struct fct_str *mx; /* "mx.example.org", "*.example.org", in lower case */
    size_t n;
    struct fct_str text; /* as published: reports quote it line by line (RFC 8460 4.4) */
};

/* The body of https://mta-sts.DOMAIN/.well-known/mta-sts.txt, into `arena`. Of a key that is there
 * twice the first counts, except mx; unknown keys are passed over (RFC 8461 3.2). Fails FCT_SYNTAX,
 * FCT_LIMIT. */
FCT_MUST_CHECK bool mta_sts_policy_parse(struct arena *arena, struct fct_str text,
                                         struct mta_sts_policy *out, struct fct_err *err);
/* With all that it points to in `arena`. */
void mta_sts_policy_copy(struct arena *arena, const struct mta_sts_policy *from,
                         struct mta_sts_policy *to);
/* The text of a policy of ours. */
FCT_MUST_CHECK bool mta_sts_policy_write(const struct mta_sts_policy *policy, struct buf *out);
/* May a server of this name have the domain's mail? (RFC 8461 4.1) */
bool mta_sts_names(const struct mta_sts_policy *policy, struct fct_str host);

/* What the TXT records of _mta-sts.DOMAIN say. None, or several that begin with "v=STSv1;", is as
 * if there were no policy (RFC 8461 3.1): FCT_SYNTAX with the reason. *id is a view into the
 * answer. */
FCT_MUST_CHECK bool mta_sts_record(const struct fct_dns_answer *answer, struct fct_str *id,
                                   struct fct_err *err);

#endif
