/* dmarc.c - DMARC as a plugin: what SPF and DKIM found is held against the domain that people see
 * in From, and against what its owner asks for (RFC 9989).
 *
 * At `scan`, when spf, dkim and arc have left their facts: symbols, a fact for
 * Authentication-Results, and the owner's wish as a forced action. At `verdict` a refusal gets
 * words that say why, and it is known what to tell the owner. */
#include "dmarc_check.h"
#include "dmarc_collect.h"
#include "dmarc_opendmarc.h"

#include "plugins/lib/clients.h"
#include "plugins/lib/view.h"

#include <stdlib.h>

#define DETAIL_MAX 200 /* as much of a symbol's detail is kept */
#define FACT_MAX   800
#define ROLES      (FCT_ROLE_MX | FCT_ROLE_REPLAY)

static const struct fct_host *host;

/* clang-format off */
static const struct fct_symbol symbols[] = {
    {"DMARC_PASS",            -0.5, "dmarc", "SPF or DKIM proves that the message comes from the author's domain"},
    {"DMARC_FAIL",             0.5, "dmarc", "Neither SPF nor DKIM proves that the message comes from the author's domain, which has a DMARC policy"},
    {"DMARC_FAIL_QUARANTINE",  2.0, "dmarc", "The author's domain asks to quarantine what fails"},
    {"DMARC_FAIL_REJECT",      4.0, "dmarc", "The author's domain asks to reject what fails"},
    {"DMARC_NONE",             0.0, "dmarc", "The author's domain has no DMARC policy"},
    {"DMARC_TEMPERROR",        0.0, "dmarc", "The DNS could not say what the author's domain asks for"},
    {"DMARC_PERMERROR",        0.5, "dmarc", "The DMARC record of the author's domain has mistakes, or there is no one author to check"},
    {"DMARC_TESTING",          0.0, "dmarc", "The author's domain tries its policy out (t=y): it counts one step milder"},
    {"DMARC_FORWARDED",        0.0, "dmarc", "It fails, but came by a forwarder that the configuration trusts, or one that it trusts sealed that it passed before"},
    {"DMARC_LIST",             0.0, "dmarc", "It fails, but came by a mailing list that proves to be who it says"},
    {"MULTIPLE_FROM",          3.0, "dmarc", "There are several From fields, or authors of several domains"},
    {"BAD_FROM",               2.0, "dmarc", "There is no From field, or one that cannot be read for certain"},
    {0},
};
/* clang-format on */

/* ---- asking ---- */

static FCT_MAY_WAIT bool ask(void *ctx, enum fct_dns_type type, struct fct_str name,
                             struct fct_dns_answer *out)
{
    return host->dns(ctx, type, name, out);
}

static struct fct_str org(void *ctx, struct fct_str name)
{
    return host->org_domain(ctx, name);
}

static FCT_MAY_WAIT void evaluate(struct dmarc_check *c)
{
    struct dmarc_query query = {dmarc_domain_str(&c->author.domain), c->identifier, c->identifiers};

    c->search.discovery = c->plan->discovery;
    c->search.dns = (struct dmarc_dns){ask, org, c->call};
    (c->plan->opendmarc ? dmarc_evaluate_opendmarc : dmarc_evaluate)(&c->search, &query,
                                                                     &c->outcome);
    if (c->outcome.result != DMARC_FAIL || (c->has_spf && c->has_dkim))
        return;
    /* What was not asked cannot have failed: a plugin that is off, or ran into its deadline. */
    c->outcome.result = DMARC_TEMPERROR;
    (void)snprintf(c->outcome.why, sizeof c->outcome.why, "%s was not checked",
                   c->has_spf ? "DKIM" : "SPF");
}

/* ---- telling ---- */

static FCT_PRINTF(3, 4) void tell(struct dmarc_check *c, const char *symbol, const char *fmt, ...)
{
    double factor = c->plan->mode == DMARC_IGNORE ? 0 : 1;
    char detail[DETAIL_MAX + 1];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(detail, sizeof detail, fmt, ap);
    va_end(ap);
    (void)host->symbol(c->call, symbol, factor, (struct fct_str){detail, strlen(detail)});
}

static FCT_PRINTF(3, 4) void leave(struct dmarc_check *c, const char *name, const char *fmt, ...)
{
    char text[FACT_MAX];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    (void)host->fact_add(c->call, name, (struct fct_str){text, strlen(text)});
}

/* The words of a mistake may come from somebody's record: none of them ends a quoted string. */
static const char *reason(char text[DETAIL_MAX])
{
    for (char *p = text; *p; p++)
        if (*p == '"' || *p == '\\')
            *p = '\'';
    return text;
}

/* RFC 8601 2.2; policy.dmarc: what the owner asks for (RFC 7489 11.1) */
static void leave_result(struct dmarc_check *c)
{
    const struct dmarc_outcome *o = &c->outcome;
    const char *word = dmarc_result_word(o->result);
    char why[DETAIL_MAX];

    (void)snprintf(why, sizeof why, "%s", o->why);
    if (o->result == DMARC_FAIL)
        leave(c, "auth", "dmarc=%s header.from=%s policy.dmarc=%s", word, o->author.text,
              dmarc_policy_word(o->policy));
    else if (o->why[0])
        leave(c, "auth", "dmarc=%s reason=\"%s\" header.from=%s", word, reason(why),
              o->author.text);
    else
        leave(c, "auth", "dmarc=%s header.from=%s", word, o->author.text);
}

static void tell_result(struct dmarc_check *c)
{
    const struct dmarc_outcome *o = &c->outcome;

    switch (o->result) {
    case DMARC_NONE:
        tell(c, "DMARC_NONE", "%s", o->author.text);
        break;
    case DMARC_PASS:
        tell(c, "DMARC_PASS", "%s by %s of %s", o->author.text, o->by_dkim ? "DKIM" : "SPF",
             o->aligned.text);
        break;
    case DMARC_FAIL:
        tell(c, "DMARC_FAIL", "%s asks for %s", o->author.text, dmarc_policy_word(o->policy));
        break;
    case DMARC_TEMPERROR:
        tell(c, "DMARC_TEMPERROR", "%s: %s", o->author.text, o->why);
        break;
    case DMARC_PERMERROR:
        tell(c, "DMARC_PERMERROR", "%s: %s", o->author.text, o->why);
        break;
    }
}

/* ---- doing ---- */

static void wish(struct dmarc_check *c, enum fct_action action, const char *why)
{
    if (c->plan->mode != DMARC_ENFORCE || action == FCT_KEEP)
        return;
    c->wish = action;
    (void)host->force(c->call, action, c->plan->conf->rank, (struct fct_str){why, strlen(why)});
    if (action == FCT_REFUSE)
        (void)snprintf(c->reply, sizeof c->reply, "%s", why);
}

/* What the policy leads to, milder for mail of a list. */
static enum fct_action action_for(const struct dmarc_check *c)
{
    enum fct_action action = c->plan->action[c->outcome.policy];

    return c->excuse == DMARC_EXCUSE_LIST && c->plan->on_list < action ? c->plan->on_list : action;
}

static void apply_policy(struct dmarc_check *c)
{
    const struct dmarc_outcome *o = &c->outcome;
    char why[DMARC_REPLY_MAX];

    if (c->excuse == DMARC_EXCUSE_LIST)
        tell(c, "DMARC_LIST", "%s", c->excused_by.text);
    else
        tell(c, o->policy == DMARC_POLICY_REJECT ? "DMARC_FAIL_REJECT" : "DMARC_FAIL_QUARANTINE",
             "%s, by the record of %s", o->author.text, o->found.text);
    (void)snprintf(why, sizeof why, "DMARC fails for %s, which asks to %s such mail",
                   o->author.text, dmarc_policy_word(o->policy));
    wish(c, action_for(c), why);
}

static FCT_MAY_WAIT void treat_failure(struct dmarc_check *c)
{
    const struct dmarc_outcome *o = &c->outcome;

    dmarc_check_excuse(c);
    if (c->excuse == DMARC_EXCUSE_FORWARDER) {
        tell(c, "DMARC_FORWARDED", "by %s", c->excused_by.text);
        return;
    }
    if (c->excuse == DMARC_EXCUSE_SEALER) {
        tell(c, "DMARC_FORWARDED", "%s sealed that it passed", c->excused_by.text);
        return;
    }
    if (o->testing)
        tell(c, "DMARC_TESTING", "%s", o->found.text);
    if (o->policy != DMARC_POLICY_NONE)
        apply_policy(c);
}

/* Nobody can say whom to check: such a message must not fare better than one that fails. */
static void treat_bad_from(struct dmarc_check *c)
{
    bool many = c->author.kind == DMARC_MANY_FIELDS || c->author.kind == DMARC_MANY_DOMAINS;
    const char *text = dmarc_author_text(c->author.kind);

    tell(c, many ? "MULTIPLE_FROM" : "BAD_FROM", "%s", text);
    tell(c, "DMARC_PERMERROR", "%s", text);
    leave(c, "auth", "dmarc=permerror reason=\"%s\"", text);
    wish(c, c->plan->bad_from, text);
}

/* ---- from scan to verdict ---- */

/* Where the check of the message is until `verdict`: in the connection's slot, which outlives
 * it. */
struct kept {
    char envelope_id[64];
    struct dmarc_check *check;
};

static void remember(struct dmarc_check *c)
{
    struct fct_str id = host->envelope(c->call)->id;
    void **slot = host->slot(c->call);
    struct kept *kept;

    if (!slot || id.n == 0 || id.n >= sizeof kept->envelope_id)
        return;
    if (!*slot)
        *slot = calloc(1, sizeof *kept);
    kept = *slot;
    if (!kept)
        return;
    (void)snprintf(kept->envelope_id, sizeof kept->envelope_id, "%.*s", FCT_FMT(id));
    kept->check = c;
}

static struct dmarc_check *recall(struct fct_call *call)
{
    void **slot = host->slot(call);
    struct kept *kept = slot ? *slot : NULL;
    struct dmarc_check *c;

    if (!kept || !view_is(host->envelope(call)->id, kept->envelope_id))
        return NULL;
    c = kept->check;
    c->call = call;
    return c;
}

/* ---- points ---- */

static struct dmarc_check *begin(struct fct_call *call, const struct dmarc_plan *plan)
{
    struct dmarc_check *c = host->alloc(call, sizeof *c);

    if (!c)
        return NULL;
    c->host = host;
    c->call = call;
    c->plan = plan;
    remember(c);
    return c;
}

static FCT_MAY_WAIT enum fct_verdict on_scan(struct fct_call *call, const struct fct_ev_scan *ev,
                                             void *state)
{
    const struct dmarc_plan *plan = state;
    struct dmarc_check *c;

    (void)ev;
    if (!clients_are_strangers(host->conn(call), &plan->conf->skip_net) || !(c = begin(call, plan)))
        return FCT_NEXT;
    dmarc_check_author(c);
    if (c->author.kind == DMARC_NO_DOMAIN) {
        tell(c, "DMARC_NONE", "%s", dmarc_author_text(c->author.kind));
        leave(c, "auth", "dmarc=none");
    } else if (c->author.kind != DMARC_ONE_DOMAIN) {
        treat_bad_from(c);
    } else {
        dmarc_check_facts(c);
        evaluate(c);
        tell_result(c);
        leave_result(c);
        if (c->outcome.result == DMARC_FAIL)
            treat_failure(c);
    }
    return FCT_NEXT;
}

/* Once for each message, though the point is asked once per profile; one that is sent away to come
 * back is counted then. */
static void report(struct dmarc_check *c, struct fct_str action)
{
    struct dmarc_row row;

    if (!c->plan->collect || c->reported || view_is(action, "greylist"))
        return;
    c->reported = true;
    if (dmarc_check_row(c, action, &row))
        dmarc_collect_row(c->plan->collect, c->call, &row);
}

/* The wish is in `action` by now; here it gets its words (RFC 7372 3.3: 5.7.26). */
static enum fct_verdict on_verdict(struct fct_call *call, const struct fct_ev_verdict *ev,
                                   void *state)
{
    struct dmarc_check *c = recall(call);

    (void)state;
    if (!c)
        return FCT_NEXT;
    report(c, ev->action);
    if (!c->reply[0] || !view_is(ev->action, "reject"))
        return FCT_NEXT;
    (void)host->reply(call, 550, "5.7.26", c->reply);
    return FCT_REJECT;
}

/* ---- the plugin ---- */

static bool may_refuse(const struct dmarc_plan *plan)
{
    return plan->mode == DMARC_ENFORCE &&
           (plan->bad_from == FCT_REFUSE || plan->action[DMARC_POLICY_REJECT] == FCT_REFUSE ||
            plan->action[DMARC_POLICY_QUARANTINE] == FCT_REFUSE);
}

static void stop(void *state)
{
    struct dmarc_plan *plan = state;

    if (!plan)
        return;
    dmarc_collect_free(&plan->collect);
    if (plan->opened)
        dmarc_opendmarc_close();
    free(plan);
}

static bool open_engine(struct dmarc_plan *plan, struct fct_err *err)
{
    if (plan->opendmarc)
        plan->opened = dmarc_opendmarc_open(plan->conf->public_suffix_list, err);
    return plan->opened == plan->opendmarc;
}

static bool add_hooks(struct fct_self *self, const struct dmarc_plan *plan, struct fct_err *err)
{
    struct fct_hook_row scan =
        FCT_ON(scan, on_scan, .provides = "dmarc", .after = "spf? dkim? arc?", .roles = ROLES,
               .may = plan->mode == DMARC_ENFORCE ? 0 : FCT_MAY_NOTHING);
    struct fct_hook_row verdict =
        FCT_ON(verdict, on_verdict, .roles = ROLES, .may = may_refuse(plan) ? 0 : FCT_MAY_NOTHING);

    return host->add_hook(self, &scan, err) &&
           ((!may_refuse(plan) && !plan->collect) || host->add_hook(self, &verdict, err));
}

static bool start(struct fct_self *self, const struct fct_host *given, const void *conf,
                  void **state, struct fct_err *err)
{
    struct dmarc_plan *plan = calloc(1, sizeof *plan);

    host = given;
    if (!plan || !FCT_HAS(given, fact)) {
        err->class = FCT_DENIED;
        (void)snprintf(err->text, sizeof err->text, "%s",
                       plan ? "this server is older than the plugin" : "no memory");
        free(plan);
        return false;
    }
    *state = plan;
    if (dmarc_conf_read(conf, plan, err) && open_engine(plan, err) &&
        dmarc_collect_start(self, given, conf, &plan->collect, err) && add_hooks(self, plan, err))
        return true;
    stop(plan);
    *state = NULL;
    return false;
}

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "dmarc",
    .version = "1.0",
    .summary =
        "does the message come from its author's domain, and what does that ask for? (RFC 9989)",
    .license = "Apache-2.0",
    .keys = dmarc_keys,
    .conf_size = sizeof(struct dmarc_conf),
    .symbols = symbols,
    .start = start,
    .stop = stop,
};
