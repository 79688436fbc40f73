/* spf_eval.c - check_host() (RFC 7208 4): the records of a domain, of those it includes and of the
 * one it redirects to, until a term decides. */
#include "spf.h"

#include "spf_macro.h"
#include "spf_name.h"
#include "spf_record.h"

#include <stdarg.h>

#define SENDER_MAX 1000 /* longer ones are nobody's address (RFC 5321 4.5.3.1.3) */

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
    char sender[SENDER_MAX + 1];
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

static const char *const words[SPF_RESULTS] = {
    [SPF_NONE] = "none",           [SPF_NEUTRAL] = "neutral",   [SPF_PASS] = "pass",
    [SPF_FAIL] = "fail",           [SPF_SOFTFAIL] = "softfail", [SPF_TEMPERROR] = "temperror",
    [SPF_PERMERROR] = "permerror",
};

const char *spf_result_word(enum spf_result result)
{
    return words[result];
}

static struct fct_str view(const char *s)
{
    return (struct fct_str){s, strlen(s)};
}

/* ---- telling ---- */

static FCT_PRINTF(2, 3) void step(const struct check *c, const char *fmt, ...)
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

static FCT_PRINTF(2, 3) void because(const struct check *c, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(c->out->why, sizeof c->out->why, fmt, args);
    va_end(args);
    step(c, "%s", c->out->why);
}

/* What is shown of a text of the record. */
static int shown(struct fct_str s)
{
    return s.n > 120 ? 120 : (int)s.n;
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

static bool nobody_can_say(const struct fct_dns_answer *answer)
{
    return answer->status != FCT_DNS_OK && answer->status != FCT_DNS_NO_NAME &&
           answer->status != FCT_DNS_NO_DATA;
}

/* False: there is nothing, or nobody can say (see nobody_can_say). */
static FCT_MAY_WAIT bool ask(struct check *c, enum fct_dns_type type, struct fct_str name,
                             struct fct_dns_answer *answer)
{
    const struct spf_dns *dns = &c->query->dns;
    bool there;

    *answer = (struct fct_dns_answer){.size = sizeof *answer, .status = FCT_DNS_FAILED};
    there = dns->ask(dns->ctx, type, name, answer) && answer->n > 0;
    if (nobody_can_say(answer)) {
        step(c, "%s %.*s: no answer: %.*s", type_word(type), FCT_FMT(name), shown(answer->why),
             answer->why.p ? answer->why.p : "");
        return false;
    }
    step(c, "%s %.*s: %zu record%s", type_word(type), FCT_FMT(name), answer->n,
         answer->n == 1 ? "" : "s");
    return there;
}

static enum match no_answer(struct check *c, enum fct_dns_type type, struct fct_str name)
{
    because(c, "no answer from the DNS for %s of %.*s", type_word(type), FCT_FMT(name));
    return MATCH_TEMPERROR;
}

/* ---- limits (RFC 7208 4.6.4) ---- */

static bool may_look_up(struct check *c)
{
    if (++c->out->lookups <= c->query->limits.lookups)
        return true;
    because(c, "more than %u terms that ask the DNS", c->query->limits.lookups);
    return false;
}

/* The question of a term itself, not those that follow from its answer: of the hosts that an mx
 * names, some have only addresses of the other family. */
static enum match found_nothing(struct check *c)
{
    if (++c->out->void_lookups <= c->query->limits.void_lookups)
        return NO_MATCH;
    because(c, "more than %u terms ask for what is not there", c->query->limits.void_lookups);
    return MATCH_PERMERROR;
}

/* ---- addresses ---- */

static enum fct_dns_type address_type(const struct check *c)
{
    return c->query->client.v6 ? FCT_DNS_AAAA : FCT_DNS_A;
}

static bool has_client(const struct check *c, const struct fct_dns_answer *answer, unsigned bits4,
                       unsigned bits6)
{
    struct spf_address address;

    for (size_t i = 0; i < answer->n; i++)
        if (spf_address_parse(answer->record[i].data, &address) &&
            spf_address_matches(&c->query->client, &address, address.v6 ? bits6 : bits4))
            return true;
    return false;
}

/* ---- names of the client (RFC 7208 5.5) ---- */

/* "If a DNS error occurs while doing an A RR lookup, then that domain name is skipped" */
static FCT_MAY_WAIT void validate(struct check *c, struct fct_str name)
{
    struct fct_dns_answer answer;
    char *to = c->validated.name[c->validated.n];

    if (name.n > SPF_NAME_MAX || !ask(c, address_type(c), name, &answer) ||
        !has_client(c, &answer, 32, 128))
        return;
    memcpy(to, name.p, name.n);
    to[name.n] = '\0';
    c->validated.n++;
}

static FCT_MAY_WAIT void find_names(struct check *c)
{
    char reverse[SPF_ADDRESS_ROOM];
    struct fct_dns_answer answer;
    size_t most = c->query->limits.names;

    if (c->validated.asked)
        return;
    c->validated.asked = true;
    if (most > SPF_NAMES_MAX)
        most = SPF_NAMES_MAX;
    if (!ask(c, FCT_DNS_PTR, spf_address_reverse(&c->query->client, reverse), &answer)) {
        c->validated.is_void = !nobody_can_say(&answer);
        return;
    }
    for (size_t i = 0; i < answer.n && i < most; i++)
        validate(c, answer.record[i].data);
}

/* %{p}: the domain itself if it is one of the names, else one below it, else any. */
static FCT_MAY_WAIT struct fct_str name_of_client(void *ctx, struct fct_str domain)
{
    struct check *c = ctx;
    struct fct_str below = {NULL, 0};

    find_names(c);
    for (size_t i = 0; i < c->validated.n; i++) {
        struct fct_str name = view(c->validated.name[i]);

        if (spf_same_nocase(name, domain))
            return name;
        if (!below.p && spf_name_is_within(name, domain))
            below = name;
    }
    if (below.p)
        return below;
    return c->validated.n > 0 ? view(c->validated.name[0]) : FCT_STR("unknown");
}

/* ---- mechanisms (RFC 7208 5) ---- */

static FCT_MAY_WAIT enum spf_result check_domain(struct check *c, struct fct_str domain);

/* The name that a term is about. False: it is none, so the term matches nothing. */
static FCT_MAY_WAIT bool target_of(struct check *c, const struct frame *f, struct fct_str spec,
                                   char out[SPF_NAME_MAX + 1])
{
    if (spec.n == 0) {
        memcpy(out, f->domain, sizeof f->domain);
        return true;
    }
    c->values.domain = view(f->domain);
    if (spf_domain_expand(spec, &c->values, out))
        return true;
    step(c, "%.*s is not a name once its macros are replaced", shown(spec), spec.p);
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
    return spf_address_matches(&c->query->client, &d->net.address, d->net.bits) ? MATCH : NO_MATCH;
}

/* RFC 7208 5.2, the table of what becomes of the result */
static FCT_MAY_WAIT enum match match_include(struct check *c, const struct frame *f,
                                             const struct spf_directive *d)
{
    char target[SPF_NAME_MAX + 1];
    enum spf_result result;

    if (!target_of(c, f, d->domain, target)) {
        because(c, "include of what is not a name: %.*s", shown(d->domain), d->domain.p);
        return MATCH_PERMERROR;
    }
    c->depth++;
    result = check_domain(c, view(target));
    c->depth--;
    if (result == SPF_NONE)
        because(c, "%s is included and has no record", target);
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

    if (!target_of(c, f, d->domain, target))
        return NO_MATCH;
    if (!ask(c, address_type(c), view(target), &answer))
        return nobody_can_say(&answer) ? no_answer(c, address_type(c), view(target))
                                       : found_nothing(c);
    return has_client(c, &answer, d->bits4, d->bits6) ? MATCH : NO_MATCH;
}

static FCT_MAY_WAIT enum match match_exchanger(struct check *c, struct fct_str host,
                                               const struct spf_directive *d)
{
    struct fct_dns_answer answer;

    if (host.n == 0) /* "MX 0 .": no mail here (RFC 7505) */
        return NO_MATCH;
    if (!ask(c, address_type(c), host, &answer))
        return nobody_can_say(&answer) ? no_answer(c, address_type(c), host) : NO_MATCH;
    return has_client(c, &answer, d->bits4, d->bits6) ? MATCH : NO_MATCH;
}

static FCT_MAY_WAIT enum match match_mx(struct check *c, const struct frame *f,
                                        const struct spf_directive *d)
{
    char target[SPF_NAME_MAX + 1];
    struct fct_dns_answer answer;
    enum match match = NO_MATCH;

    if (!target_of(c, f, d->domain, target))
        return NO_MATCH;
    if (!ask(c, FCT_DNS_MX, view(target), &answer))
        return nobody_can_say(&answer) ? no_answer(c, FCT_DNS_MX, view(target)) : found_nothing(c);
    if (answer.n > c->query->limits.names) {
        because(c, "%s has more than %u MX records", target, c->query->limits.names);
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

    if (!target_of(c, f, d->domain, target))
        return NO_MATCH;
    find_names(c);
    for (size_t i = 0; i < c->validated.n; i++)
        if (spf_name_is_within(view(c->validated.name[i]), view(target)))
            return MATCH;
    return c->validated.is_void ? found_nothing(c) : NO_MATCH;
}

/* "The lookup type is A even when the connection type is IPv6" (RFC 7208 5.7) */
static FCT_MAY_WAIT enum match match_exists(struct check *c, const struct frame *f,
                                            const struct spf_directive *d)
{
    char target[SPF_NAME_MAX + 1];
    struct fct_dns_answer answer;

    if (!target_of(c, f, d->domain, target))
        return NO_MATCH;
    if (ask(c, FCT_DNS_A, view(target), &answer))
        return MATCH;
    return nobody_can_say(&answer) ? no_answer(c, FCT_DNS_A, view(target)) : found_nothing(c);
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

static void decided(struct check *c, struct fct_str term)
{
    int n = term.n < sizeof c->out->term ? (int)term.n : (int)sizeof c->out->term - 1;

    if (c->depth == 0)
        (void)snprintf(c->out->term, sizeof c->out->term, "%.*s", n, term.p);
}

/* The first directive that matches decides. False: none does. */
static FCT_MAY_WAIT bool run_directives(struct check *c, const struct frame *f,
                                        enum spf_result *result)
{
    struct fct_str rest = f->record.terms;
    struct spf_directive d;

    while (spf_record_next(&rest, &d)) {
        enum match match = MATCH_PERMERROR;

        if (!mechanisms[d.mechanism].looks_up || may_look_up(c))
            match = mechanisms[d.mechanism].match(c, f, &d);
        if (match == NO_MATCH) {
            step(c, "%.*s: no match", shown(d.text), d.text.p);
            continue;
        }
        *result = match == MATCH             ? d.qualifier
                  : match == MATCH_TEMPERROR ? SPF_TEMPERROR
                                             : SPF_PERMERROR;
        step(c, "%.*s: %s", shown(d.text), d.text.p,
             match == MATCH ? "match" : spf_result_word(*result));
        decided(c, d.text);
        return true;
    }
    return false;
}

/* ---- records (RFC 7208 4.4, 4.5) ---- */

/* The one record among the texts of a name. False: *result says why not. */
static FCT_MAY_WAIT bool find_record(struct check *c, struct frame *f, enum spf_result *result)
{
    struct fct_str domain = view(f->domain);
    struct fct_dns_answer answer;
    size_t found = 0;

    *result = SPF_NONE;
    if (!ask(c, FCT_DNS_TXT, domain, &answer) && nobody_can_say(&answer)) {
        (void)no_answer(c, FCT_DNS_TXT, domain);
        *result = SPF_TEMPERROR;
        return false;
    }
    for (size_t i = 0; i < answer.n; i++)
        if (spf_record_is(answer.record[i].data)) {
            f->text = answer.record[i].data;
            found++;
        }
    if (found == 1)
        return true;
    if (found == 0) {
        because(c, "%s has no SPF record", f->domain);
    } else {
        *result = SPF_PERMERROR;
        because(c, "%s has %zu SPF records", f->domain, found);
    }
    return false;
}

static bool read_record(struct check *c, struct frame *f, enum spf_result *result)
{
    struct fct_err err = {0};

    step(c, "%s: %.*s", f->domain, shown(f->text), f->text.p);
    if (spf_record_parse(f->text, &f->record, &err))
        return true;
    because(c, "%s: %s", f->domain, err.text);
    *result = SPF_PERMERROR;
    return false;
}

/* ---- the explanation (RFC 7208 6.2) ---- */

/* Of the domain asked about or redirected to, not of one that was included; whatever goes wrong,
 * there is none. */
static FCT_MAY_WAIT void explain(struct check *c, const struct frame *f)
{
    char target[SPF_NAME_MAX + 1];
    struct fct_dns_answer answer;

    if (!c->query->explain || c->depth > 0 || !f->record.exp.p ||
        !target_of(c, f, f->record.exp, target) || !ask(c, FCT_DNS_TXT, view(target), &answer) ||
        answer.n != 1)
        return;
    c->values.domain = view(f->domain);
    if (!spf_explanation_expand(answer.record[0].data, &c->values, c->out->explanation,
                                sizeof c->out->explanation))
        step(c, "the explanation has mistakes, is not ASCII or is too long");
}

/* ---- check_host() ---- */

/* "The result of this new evaluation of check_host() is then considered the result … except that
 * if no SPF record is found … permerror" (RFC 7208 6.1). The caller goes on with f->domain. */
static FCT_MAY_WAIT bool redirect(struct check *c, struct frame *f, enum spf_result *result)
{
    char target[SPF_NAME_MAX + 1];

    *result = SPF_PERMERROR;
    if (!may_look_up(c))
        return false;
    if (!target_of(c, f, f->record.redirect, target)) {
        because(c, "redirect to what is not a name: %.*s", shown(f->record.redirect),
                f->record.redirect.p);
        return false;
    }
    step(c, "redirect=%.*s", shown(f->record.redirect), f->record.redirect.p);
    memcpy(f->domain, target, sizeof target);
    return true;
}

/* The record of f->domain. False: there is none to go by, *result says what that means. */
static FCT_MAY_WAIT bool open_record(struct check *c, struct frame *f, enum spf_result *result)
{
    *result = SPF_NONE;
    if (spf_name_is_checkable(view(f->domain)))
        return find_record(c, f, result) && read_record(c, f, result);
    because(c, "\"%s\" is not the name of a domain", f->domain);
    return false;
}

static FCT_MAY_WAIT enum spf_result check_domain(struct check *c, struct fct_str domain)
{
    enum spf_result result;
    struct frame f;

    (void)snprintf(f.domain, sizeof f.domain, "%.*s", FCT_FMT(domain));
    if (!open_record(c, &f, &result))
        return result;
    while (!run_directives(c, &f, &result)) {
        decided(c, FCT_STR("default"));
        if (!f.record.redirect.p)
            return SPF_NEUTRAL; /* RFC 7208 4.7 */
        if (!redirect(c, &f, &result))
            return result;
        if (!open_record(c, &f, &result))
            return result == SPF_NONE ? SPF_PERMERROR : result;
    }
    if (result == SPF_FAIL)
        explain(c, &f);
    return result;
}

/* ---- who is asked about (RFC 7208 2.4, 4.3) ---- */

/* sender := local "@" domain in A-labels; "postmaster" stands for a missing local part. */
static bool set_sender(struct check *c)
{
    struct fct_str sender = c->query->sender, local = FCT_STR("postmaster");
    struct fct_str domain = sender.n ? sender : c->query->helo;
    const char *at = sender.n ? memrchr(sender.p, '@', sender.n) : NULL;
    int n;

    if (at) {
        domain = (struct fct_str){at + 1, (size_t)(sender.p + sender.n - at - 1)};
        if (at > sender.p)
            local = (struct fct_str){sender.p, (size_t)(at - sender.p)};
    }
    if (local.n + 1 + SPF_NAME_MAX > SENDER_MAX || memchr(local.p, 0, local.n) ||
        !spf_name_ascii(domain, c->out->domain))
        return false;
    n = snprintf(c->sender, sizeof c->sender, "%.*s@%s", FCT_FMT(local), c->out->domain);
    c->values.sender = (struct fct_str){c->sender, (size_t)n};
    c->values.local = (struct fct_str){c->sender, local.n};
    c->values.sender_domain = view(c->out->domain);
    return true;
}

void spf_check(const struct spf_query *query, struct spf_outcome *out)
{
    struct check c = {.query = query, .out = out};

    *out = (struct spf_outcome){.result = SPF_NONE};
    c.values = (struct spf_macro_values){.receiver = query->receiver,
                                         .client = &query->client,
                                         .now = query->now,
                                         .validated = name_of_client,
                                         .ctx = &c};
    c.values.helo = spf_name_ascii(query->helo, c.helo) ? view(c.helo) : query->helo;
    if (set_sender(&c))
        out->result = check_domain(&c, view(out->domain));
    else
        because(&c, "the sender has no domain");
    if (out->result != SPF_NONE && out->result != SPF_TEMPERROR && out->result != SPF_PERMERROR)
        out->why[0] = '\0';
    step(&c, "%s", spf_result_word(out->result));
}
