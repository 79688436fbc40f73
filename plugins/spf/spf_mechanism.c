/* spf_mechanism.c - does a term match the client? (RFC 7208 5) */
#include "spf_check.h"
#include "spf_name.h"

/* ---- addresses ---- */

static enum fct_dns_type address_type(const struct check *c)
{
    return c->query->client.v6 ? FCT_DNS_AAAA : FCT_DNS_A;
}

static bool has_client(const struct check *c, const struct fct_dns_answer *answer, unsigned bits4,
                       unsigned bits6)
{
    struct ip_address address;

    for (size_t i = 0; i < answer->n; i++)
        if (ip_address_parse(answer->record[i].data, &address) &&
            ip_address_matches(&c->query->client, &address, address.v6 ? bits6 : bits4))
            return true;
    return false;
}

/* ---- names of the client (RFC 7208 5.5) ---- */

/* "If a DNS error occurs while doing an A RR lookup, then that domain name is skipped" */
static FCT_MAY_WAIT void validate(struct check *c, struct fct_str name)
{
    struct fct_dns_answer answer;
    char *to = c->validated.name[c->validated.n];

    if (!spf_name_is_wellformed(name) || !spf_ask(c, address_type(c), name, &answer) ||
        !has_client(c, &answer, 32, 128))
        return;
    memcpy(to, name.p, name.n);
    to[name.n] = '\0';
    c->validated.n++;
}

static FCT_MAY_WAIT void find_names(struct check *c)
{
    char reverse[IP_ADDRESS_ROOM];
    struct fct_dns_answer answer;
    size_t most = c->query->limits.names;

    if (c->validated.asked)
        return;
    c->validated.asked = true;
    if (most > SPF_NAMES_MAX)
        most = SPF_NAMES_MAX;
    if (!spf_ask(c, FCT_DNS_PTR, ip_address_reverse(&c->query->client, reverse), &answer)) {
        c->validated.is_void = !spf_nobody_can_say(&answer);
        return;
    }
    for (size_t i = 0; i < answer.n && i < most; i++)
        validate(c, answer.record[i].data);
}

/* %{p}: the domain itself if it is one of the names, else one below it, else any. */
FCT_MAY_WAIT struct fct_str spf_name_of_client(void *ctx, struct fct_str domain)
{
    struct check *c = ctx;
    struct fct_str below = {NULL, 0};

    find_names(c);
    for (size_t i = 0; i < c->validated.n; i++) {
        struct fct_str name = spf_view(c->validated.name[i]);

        if (spf_same_nocase(name, domain))
            return name;
        if (!below.p && spf_name_is_within(name, domain))
            below = name;
    }
    if (below.p)
        return below;
    return c->validated.n > 0 ? spf_view(c->validated.name[0]) : FCT_STR("unknown");
}

/* ---- mechanisms (RFC 7208 5) ---- */

FCT_MAY_WAIT bool spf_target_of(struct check *c, const struct frame *f, struct fct_str spec,
                                char out[SPF_NAME_MAX + 1])
{
    if (spec.n == 0) {
        memcpy(out, f->domain, sizeof f->domain);
        return true;
    }
    c->values.domain = spf_view(f->domain);
    if (spf_domain_expand(spec, &c->values, out))
        return true;
    spf_step(c, "%.*s is not a name once its macros are replaced", spf_shown(spec), spec.p);
    return false;
}

static enum match match_all(struct check *c, const struct frame *f, const struct spf_directive *d)
{
    (void)c;
    (void)f;
    (void)d;
    return MATCH;
}

static enum match match_ip(struct check *c, const struct frame *f, const struct spf_directive *d)
{
    (void)f;
    return ip_address_matches(&c->query->client, &d->net.address, d->net.bits) ? MATCH : NO_MATCH;
}

static bool is_beyond_ascii(struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return true;
    return false;
}

/* RFC 7208 5.2, the table of what becomes of the result. What is no name has no record, but one
 * that a local part beyond ASCII spoils matches nothing (RFC 8616 4). */
static FCT_MAY_WAIT enum match match_include(struct check *c, const struct frame *f,
                                             const struct spf_directive *d)
{
    char target[SPF_NAME_MAX + 1];
    enum spf_result result;

    if (!spf_target_of(c, f, d->domain, target)) {
        if (is_beyond_ascii(c->values.local))
            return NO_MATCH;
        spf_because(c, "include of what is not a name: %.*s", spf_shown(d->domain), d->domain.p);
        return MATCH_PERMERROR;
    }
    c->depth++;
    result = spf_check_domain(c, spf_view(target));
    c->depth--;
    if (result == SPF_NONE)
        spf_because(c, "%s is included and has no record", target);
    return result == SPF_PASS                              ? MATCH
           : result == SPF_TEMPERROR                       ? MATCH_TEMPERROR
           : result == SPF_PERMERROR || result == SPF_NONE ? MATCH_PERMERROR
                                                           : NO_MATCH;
}

static FCT_MAY_WAIT enum match match_a(struct check *c, const struct frame *f,
                                       const struct spf_directive *d)
{
    char target[SPF_NAME_MAX + 1];
    struct fct_dns_answer answer;

    if (!spf_target_of(c, f, d->domain, target))
        return NO_MATCH;
    if (!spf_ask(c, address_type(c), spf_view(target), &answer))
        return spf_nobody_can_say(&answer) ? spf_no_answer(c, address_type(c), spf_view(target))
                                           : spf_found_nothing(c);
    return has_client(c, &answer, d->bits4, d->bits6) ? MATCH : NO_MATCH;
}

static FCT_MAY_WAIT enum match match_exchanger(struct check *c, struct fct_str host,
                                               const struct spf_directive *d)
{
    struct fct_dns_answer answer;

    if (!spf_name_is_wellformed(host)) /* as in "MX 0 .": no mail here (RFC 7505) */
        return NO_MATCH;
    if (!spf_ask(c, address_type(c), host, &answer))
        return spf_nobody_can_say(&answer) ? spf_no_answer(c, address_type(c), host) : NO_MATCH;
    return has_client(c, &answer, d->bits4, d->bits6) ? MATCH : NO_MATCH;
}

static FCT_MAY_WAIT enum match match_mx(struct check *c, const struct frame *f,
                                        const struct spf_directive *d)
{
    char target[SPF_NAME_MAX + 1];
    struct fct_dns_answer answer;
    enum match match = NO_MATCH;

    if (!spf_target_of(c, f, d->domain, target))
        return NO_MATCH;
    if (!spf_ask(c, FCT_DNS_MX, spf_view(target), &answer))
        return spf_nobody_can_say(&answer) ? spf_no_answer(c, FCT_DNS_MX, spf_view(target))
                                           : spf_found_nothing(c);
    if (answer.n > c->query->limits.names) {
        spf_because(c, "%s has more than %u MX records", target, c->query->limits.names);
        return MATCH_PERMERROR;
    }
    for (size_t i = 0; i < answer.n && match == NO_MATCH; i++)
        match = match_exchanger(c, answer.record[i].data, d);
    return match;
}

static FCT_MAY_WAIT enum match match_ptr(struct check *c, const struct frame *f,
                                         const struct spf_directive *d)
{
    char target[SPF_NAME_MAX + 1];

    if (!spf_target_of(c, f, d->domain, target))
        return NO_MATCH;
    find_names(c);
    for (size_t i = 0; i < c->validated.n; i++)
        if (spf_name_is_within(spf_view(c->validated.name[i]), spf_view(target)))
            return MATCH;
    return c->validated.is_void ? spf_found_nothing(c) : NO_MATCH;
}

/* "The lookup type is A even when the connection type is IPv6" (RFC 7208 5.7) */
static FCT_MAY_WAIT enum match match_exists(struct check *c, const struct frame *f,
                                            const struct spf_directive *d)
{
    char target[SPF_NAME_MAX + 1];
    struct fct_dns_answer answer;

    if (!spf_target_of(c, f, d->domain, target))
        return NO_MATCH;
    if (spf_ask(c, FCT_DNS_A, spf_view(target), &answer))
        return MATCH;
    return spf_nobody_can_say(&answer) ? spf_no_answer(c, FCT_DNS_A, spf_view(target))
                                       : spf_found_nothing(c);
}

static const struct {
    FCT_MAY_WAIT enum match (*match)(struct check *c, const struct frame *f,
                                     const struct spf_directive *d);
    bool looks_up;
} mechanisms[SPF_MECHANISMS] = {
    [SPF_ALL] = {match_all, false}, [SPF_INCLUDE] = {match_include, true},
    [SPF_A] = {match_a, true},      [SPF_MX] = {match_mx, true},
    [SPF_PTR] = {match_ptr, true},  [SPF_IP4] = {match_ip, false},
    [SPF_IP6] = {match_ip, false},  [SPF_EXISTS] = {match_exists, true},
};

FCT_MAY_WAIT enum match spf_match(struct check *c, const struct frame *f,
                                  const struct spf_directive *d)
{
    if (mechanisms[d->mechanism].looks_up && !spf_may_look_up(c))
        return MATCH_PERMERROR;
    return mechanisms[d->mechanism].match(c, f, d);
}
