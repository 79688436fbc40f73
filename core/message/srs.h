/* srs.h - the sender rewriting scheme: a message that is sent on to another server gets a
 * reverse-path of ours, so that SPF passes there, and what bounces comes back to us, who know from
 * the address alone whom it is for. Compatible with Mail::SRS and libsrs2 ("guarded" scheme).
 *
 *   SRS0=HHHH=TT=example.org=alice            alice@example.org, sent on by us
 *   SRS1=HHHH=hop.example==GGGG=TT=example.org=alice   the same, when hop.example sent it on before
 *
 * HHHH is a keyed hash: nobody but us makes such addresses, so they are no open relay. TT is the
 * day. An address never grows beyond two hops: SRS1 names the first one only. */
#ifndef CORE_MESSAGE_SRS_H
#define CORE_MESSAGE_SRS_H

#include "core/base/arena.h"
#include "core/base/err.h"

#define SRS_HASH_MIN  4u
#define SRS_HASH_MAX  20u
#define SRS_LOCAL_MAX 64u /* RFC 5321 4.5.3.1.1 */

struct srs_conf {
    const struct fct_str *secret; /* the first one signs, all are believed: that is how to change */
    size_t secrets;
    struct fct_str domain; /* ours, of the new address; bounces to it must reach us */
    uint32_t hash_length;  /* characters, SRS_HASH_MIN … SRS_HASH_MAX */
    uint32_t max_age_days; /* 1 … 1000; a bounce that comes later is not believed */
};

/* Is this local part one of such addresses, of anybody? */
bool srs_is_address(struct fct_str local);

/* The reverse-path for sending on what came from `sender` ("local@domain"); a null one stays null
 * and one of conf->domain stays itself. *out is in `arena`. Fails FCT_LIMIT: longer than a local
 * part may be; FCT_SYNTAX: no address, or an SRS address that is broken. */
FCT_MUST_CHECK bool srs_forward(struct arena *arena, const struct srs_conf *conf,
                                struct fct_str sender, int64_t now, struct fct_str *out,
                                struct fct_err *err);

/* Where a bounce to `recipient` goes on to. Fails FCT_SYNTAX: no SRS address; FCT_DENIED: not made
 * by us, or too long ago (550 5.7.1 is a good answer, before DATA). */
FCT_MUST_CHECK bool srs_reverse(struct arena *arena, const struct srs_conf *conf,
                                struct fct_str recipient, int64_t now, struct fct_str *out,
                                struct fct_err *err);

#endif
