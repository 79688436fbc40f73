/* spf_eval.c - check_host() (RFC 7208 4): the record of a domain, of those it includes and of the
 * one it redirects to, until a term decides. */
#include "spf_check.h"
#include "spf_name.h"

static const char *const words[SPF_RESULTS] = {
    [SPF_NONE] = "none",           [SPF_NEUTRAL] = "neutral",   [SPF_PASS] = "pass",
    [SPF_FAIL] = "fail",           [SPF_SOFTFAIL] = "softfail", [SPF_TEMPERROR] = "temperror",
    [SPF_PERMERROR] = "permerror",
};

const char *spf_result_word(enum spf_result result)
{
    return words[result];
}

/* ---- directives ---- */

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
        enum match match = spf_match(c, f, &d);

        if (match == NO_MATCH) {
            spf_step(c, "%.*s: no match", spf_shown(d.text), d.text.p);
            continue;
        }
        *result = match == MATCH             ? d.qualifier
                  : match == MATCH_TEMPERROR ? SPF_TEMPERROR
                                             : SPF_PERMERROR;
        spf_step(c, "%.*s: %s", spf_shown(d.text), d.text.p,
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
    struct fct_str domain = spf_view(f->domain);
    struct fct_dns_answer answer;
    size_t found = 0;

    *result = SPF_NONE;
    if (!spf_ask(c, FCT_DNS_TXT, domain, &answer) && spf_nobody_can_say(&answer)) {
        (void)spf_no_answer(c, FCT_DNS_TXT, domain);
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
        spf_because(c, "%s has no SPF record", f->domain);
    } else {
        *result = SPF_PERMERROR;
        spf_because(c, "%s has %zu SPF records", f->domain, found);
    }
    return false;
}

static bool read_record(struct check *c, struct frame *f, enum spf_result *result)
{
    struct fct_err err = {0};

    spf_step(c, "%s: %.*s", f->domain, spf_shown(f->text), f->text.p);
    if (spf_record_parse(f->text, &f->record, &err))
        return true;
    spf_because(c, "%s: %s", f->domain, err.text);
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
        !spf_target_of(c, f, f->record.exp, target) ||
        !spf_ask(c, FCT_DNS_TXT, spf_view(target), &answer) || answer.n != 1)
        return;
    c->values.domain = spf_view(f->domain);
    if (!spf_explanation_expand(answer.record[0].data, &c->values, c->out->explanation,
                                sizeof c->out->explanation))
        spf_step(c, "the explanation has mistakes, is not ASCII or is too long");
}

/* ---- check_host() ---- */

/* "The result of this new evaluation of check_host() is then considered the result … except that
 * if no SPF record is found … permerror" (RFC 7208 6.1). The caller goes on with f->domain. */
static FCT_MAY_WAIT bool redirect(struct check *c, struct frame *f, enum spf_result *result)
{
    char target[SPF_NAME_MAX + 1];

    *result = SPF_PERMERROR;
    if (!spf_may_look_up(c))
        return false;
    if (!spf_target_of(c, f, f->record.redirect, target)) {
        spf_because(c, "redirect to what is not a name: %.*s", spf_shown(f->record.redirect),
                    f->record.redirect.p);
        return false;
    }
    spf_step(c, "redirect=%.*s", spf_shown(f->record.redirect), f->record.redirect.p);
    memcpy(f->domain, target, sizeof target);
    return true;
}

/* The record of f->domain. False: there is none to go by, *result says what that means. */
static FCT_MAY_WAIT bool open_record(struct check *c, struct frame *f, enum spf_result *result)
{
    *result = SPF_NONE;
    if (spf_name_is_checkable(spf_view(f->domain)))
        return find_record(c, f, result) && read_record(c, f, result);
    spf_because(c, "\"%s\" is not the name of a domain", f->domain);
    return false;
}

FCT_MAY_WAIT enum spf_result spf_check_domain(struct check *c, struct fct_str domain)
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

bool spf_sender_of(const struct spf_query *query, struct spf_sender *out,
                   char domain[SPF_NAME_MAX + 1])
{
    struct fct_str sender = query->sender, local = FCT_STR("postmaster");
    struct fct_str right = sender.n ? sender : query->helo;
    const char *at = sender.n ? memrchr(sender.p, '@', sender.n) : NULL;

    if (at) {
        right = (struct fct_str){at + 1, (size_t)(sender.p + sender.n - at - 1)};
        if (at > sender.p)
            local = (struct fct_str){sender.p, (size_t)(at - sender.p)};
    }
    if (local.n + 1 + SPF_NAME_MAX > SPF_SENDER_MAX || memchr(local.p, 0, local.n) ||
        !spf_name_ascii(right, domain))
        return false;
    out->local = local.n;
    (void)snprintf(out->text, sizeof out->text, "%.*s@%s", FCT_FMT(local), domain);
    return true;
}

static bool set_sender(struct check *c)
{
    if (!spf_sender_of(c->query, &c->sender, c->out->domain))
        return false;
    c->values.sender = spf_view(c->sender.text);
    c->values.local = (struct fct_str){c->sender.text, c->sender.local};
    c->values.sender_domain = spf_view(c->out->domain);
    return true;
}

void spf_check(const struct spf_query *query, struct spf_outcome *out)
{
    struct check c = {.query = query, .out = out};

    *out = (struct spf_outcome){.result = SPF_NONE};
    c.values = (struct spf_macro_values){.receiver = query->receiver,
                                         .client = &query->client,
                                         .now = query->now,
                                         .validated = spf_name_of_client,
                                         .ctx = &c};
    c.values.helo = spf_name_ascii(query->helo, c.helo) ? spf_view(c.helo) : query->helo;
    if (set_sender(&c))
        out->result = spf_check_domain(&c, spf_view(out->domain));
    else
        spf_because(&c, "the sender has no domain");
    if (out->result != SPF_NONE && out->result != SPF_TEMPERROR && out->result != SPF_PERMERROR)
        out->why[0] = '\0';
    spf_step(&c, "%s", spf_result_word(out->result));
}
