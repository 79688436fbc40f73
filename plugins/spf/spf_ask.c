/* spf_ask.c - questions to the DNS on behalf of an evaluation, and how many there may be. */
#include "spf_check.h"

#include <stdarg.h>

/* ---- telling ---- */

FCT_PRINTF(2, 3) void spf_step(const struct check *c, const char *fmt, ...)
{
    char text[400];
    va_list args;

    if (!c->query->watch.step)
        return;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    c->query->watch.step(c->query->watch.ctx, c->depth, text);
}

FCT_PRINTF(2, 3) void spf_because(const struct check *c, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(c->out->why, sizeof c->out->why, fmt, args);
    va_end(args);
    spf_step(c, "%s", c->out->why);
}

/* ---- asking ---- */

static const char *type_word(enum fct_dns_type type)
{
    return type == FCT_DNS_A      ? "A"
           : type == FCT_DNS_AAAA ? "AAAA"
           : type == FCT_DNS_MX   ? "MX"
           : type == FCT_DNS_PTR  ? "PTR"
                                  : "TXT";
}

bool spf_nobody_can_say(const struct fct_dns_answer *answer)
{
    return answer->status != FCT_DNS_OK && answer->status != FCT_DNS_NO_NAME &&
           answer->status != FCT_DNS_NO_DATA;
}

FCT_MAY_WAIT bool spf_ask(struct check *c, enum fct_dns_type type, struct fct_str name,
                          struct fct_dns_answer *answer)
{
    const struct spf_dns *dns = &c->query->dns;
    bool there;

    *answer = (struct fct_dns_answer){.size = sizeof *answer, .status = FCT_DNS_FAILED};
    there = dns->ask(dns->ctx, type, name, answer) && answer->n > 0;
    if (spf_nobody_can_say(answer)) {
        spf_step(c, "%s %.*s: no answer: %.*s", type_word(type), FCT_FMT(name),
                 spf_shown(answer->why), answer->why.p ? answer->why.p : "");
        return false;
    }
    spf_step(c, "%s %.*s: %zu record%s", type_word(type), FCT_FMT(name), answer->n,
             answer->n == 1 ? "" : "s");
    return there;
}

enum match spf_no_answer(struct check *c, enum fct_dns_type type, struct fct_str name)
{
    spf_because(c, "no answer from the DNS for %s of %.*s", type_word(type), FCT_FMT(name));
    return MATCH_TEMPERROR;
}

/* ---- limits (RFC 7208 4.6.4) ---- */

bool spf_may_look_up(struct check *c)
{
    if (++c->out->lookups <= c->query->limits.lookups)
        return true;
    spf_because(c, "more than %u terms that ask the DNS", c->query->limits.lookups);
    return false;
}

/* The question of a term itself, not those that follow from its answer: of the hosts that an mx
 * names, some have only addresses of the other family. */
enum match spf_found_nothing(struct check *c)
{
    if (++c->out->void_lookups <= c->query->limits.void_lookups)
        return NO_MATCH;
    spf_because(c, "more than %u terms ask for what is not there", c->query->limits.void_lookups);
    return MATCH_PERMERROR;
}
