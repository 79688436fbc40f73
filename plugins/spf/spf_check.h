/* spf_check.h - one evaluation at work, for the files of the evaluator only. */
#ifndef PLUGINS_SPF_SPF_CHECK_H
#define PLUGINS_SPF_SPF_CHECK_H

#include "spf_macro.h"
#include "spf_record.h"

#define SPF_SENDER_MAX 1000 /* longer ones are nobody's address (RFC 5321 4.5.3.1.3) */

/* Who is asked about: local "@" domain in A-labels; "postmaster" stands for a missing local part
 * (RFC 7208 4.3), the HELO name for a missing sender (RFC 7208 2.4). */
struct spf_sender {
    char text[SPF_SENDER_MAX + 1];
    size_t local; /* length of the local part */
};

/* Names of the client by the DNS that lead back to it (RFC 7208 5.5). Asked for once: the client
 * is the same for every ptr and every %{p}. */
struct validated {
    bool asked, is_void;
    size_t n;
    char name[SPF_NAMES_MAX][SPF_NAME_MAX + 1];
};

/* One evaluation. */
struct check {
    const struct spf_query *query;
    struct spf_outcome *out;
    struct spf_sender sender;
    char helo[SPF_NAME_MAX + 1];
    struct spf_macro_values values;
    struct validated validated;
    unsigned depth; /* of includes */
};

enum match { NO_MATCH, MATCH, MATCH_TEMPERROR, MATCH_PERMERROR };

/* A record at work. */
struct frame {
    char domain[SPF_NAME_MAX + 1];
    struct spf_record record;
    struct fct_str text;
};

static inline struct fct_str spf_view(const char *s)
{
    return (struct fct_str){s, strlen(s)};
}

/* spf_ask.c: a step for whoever watches; the same, kept as the reason of the result. */
FCT_PRINTF(2, 3) void spf_step(const struct check *c, const char *fmt, ...);
FCT_PRINTF(2, 3) void spf_because(const struct check *c, const char *fmt, ...);
/* How much of a text of the record is shown. */
static inline int spf_shown(struct fct_str s)
{
    return s.n > 120 ? 120 : (int)s.n;
}

/* spf_ask.c. False: there is nothing, or nobody can say. */
FCT_MAY_WAIT bool spf_ask(struct check *c, enum fct_dns_type type, struct fct_str name,
                          struct fct_dns_answer *answer);
bool spf_nobody_can_say(const struct fct_dns_answer *answer);
enum match spf_no_answer(struct check *c, enum fct_dns_type type, struct fct_str name);

/* spf_ask.c, the limits of RFC 7208 4.6.4. */
bool spf_may_look_up(struct check *c);
enum match spf_found_nothing(struct check *c);

/* spf_mechanism.c. The name that a term is about. False: it is none, so the term matches nothing.
 */
FCT_MAY_WAIT bool spf_target_of(struct check *c, const struct frame *f, struct fct_str spec,
                                char out[SPF_NAME_MAX + 1]);
/* %{p}, for struct spf_macro_values. */
FCT_MAY_WAIT struct fct_str spf_name_of_client(void *ctx, struct fct_str domain);
/* Does the directive match? Counts its lookups. */
FCT_MAY_WAIT enum match spf_match(struct check *c, const struct frame *f,
                                  const struct spf_directive *d);

/* spf_eval.c. False: there is no domain to ask about. */
bool spf_sender_of(const struct spf_query *query, struct spf_sender *out,
                   char domain[SPF_NAME_MAX + 1]);
/* spf_eval.c: check_host() for a domain that is included. */
FCT_MAY_WAIT enum spf_result spf_check_domain(struct check *c, struct fct_str domain);

#endif
