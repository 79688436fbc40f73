/* dmarc_check_row.c - what the owner of the author's domain is told of a message (RFC 9990
 * 3.1.1). */
#include "dmarc_check.h"

#include "plugins/lib/view.h"

#define COMMENT_MAX 320

/* ---- what was done ---- */

static const struct {
    const char *word; /* of the action at verdict */
    enum dmarc_disposition done;
} actions[] = {
    {"keep", DMARC_DONE_NONE},
    {"tag", DMARC_DONE_NONE},
    {"greylist", DMARC_DONE_NONE},
    {"junk", DMARC_DONE_QUARANTINE},
    {"quarantine", DMARC_DONE_QUARANTINE},
    {"discard", DMARC_DONE_REJECT},
    {"reject", DMARC_DONE_REJECT},
};

static enum dmarc_disposition done_by(struct fct_str action)
{
    for (size_t i = 0; i < FCT_COUNT(actions); i++)
        if (view_is(action, actions[i].word))
            return actions[i].done;
    return DMARC_DONE_NONE;
}

static enum dmarc_disposition done_by_us(enum fct_action wish)
{
    if (wish >= FCT_DROP)
        return DMARC_DONE_REJECT;
    return wish >= FCT_JUNK ? DMARC_DONE_QUARANTINE : DMARC_DONE_NONE;
}

static enum dmarc_disposition asked_for(enum dmarc_policy policy)
{
    static const enum dmarc_disposition done[] = {
        [DMARC_POLICY_NONE] = DMARC_DONE_NONE,
        [DMARC_POLICY_QUARANTINE] = DMARC_DONE_QUARANTINE,
        [DMARC_POLICY_REJECT] = DMARC_DONE_REJECT,
    };

    return done[policy];
}

/* ---- why ---- */

static FCT_PRINTF(4, 5) void add_reason(const struct dmarc_check *c, struct dmarc_row *row,
                                        enum dmarc_override type, const char *fmt, ...)
{
    char *text = c->host->alloc(c->call, COMMENT_MAX);
    va_list ap;

    if (!text || row->reasons == DMARC_REASONS_MAX)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(text, COMMENT_MAX, fmt, ap);
    va_end(ap);
    row->reason[row->reasons++] = (struct dmarc_reason){type, {text, strlen(text)}};
}

/* The policy that t=y made milder; with p=none there was nothing to make milder. */
static bool was_milder(const struct dmarc_outcome *o)
{
    return o->testing && (o->policy != DMARC_POLICY_NONE || o->record->p != DMARC_POLICY_NONE);
}

static void add_excuse(const struct dmarc_check *c, struct dmarc_row *row)
{
    const char *by = c->excused_by.text;

    switch (c->outcome.policy == DMARC_POLICY_NONE ? DMARC_EXCUSE_NONE : c->excuse) {
    case DMARC_EXCUSE_NONE:
        break;
    case DMARC_EXCUSE_FORWARDER:
        add_reason(c, row, DMARC_TRUSTED_FORWARDER, "%s", by);
        break;
    case DMARC_EXCUSE_SEALER:
        add_reason(c, row, DMARC_TRUSTED_FORWARDER, "arc=pass arc.chain=%s", by);
        break;
    case DMARC_EXCUSE_LIST:
        add_reason(c, row, DMARC_MAILING_LIST, "%s", by);
        break;
    }
}

/* The disposition of a message that fails, and each reason why it is not what the owner asks for.
 */
static void take_failure(const struct dmarc_check *c, struct fct_str action, struct dmarc_row *row)
{
    enum dmarc_disposition became = done_by(action);

    row->disposition = done_by_us(c->wish);
    if (was_milder(&c->outcome))
        add_reason(c, row, DMARC_POLICY_TEST_MODE, "t=y");
    add_excuse(c, row);
    if (became < row->disposition) {
        row->disposition = became;
        add_reason(c, row, DMARC_LOCAL_POLICY, "another rule had precedence");
    } else if (row->disposition != asked_for(row->asked) && c->excuse == DMARC_EXCUSE_NONE) {
        add_reason(c, row, DMARC_LOCAL_POLICY, "%s",
                   c->plan->mode == DMARC_ENFORCE ? "other actions are configured"
                                                  : "policies are not enforced");
    }
}

/* ---- results ---- */

static struct fct_str keep(const struct dmarc_check *c, struct fct_str text)
{
    char *copy = c->host->alloc(c->call, text.n + 1);

    if (!copy)
        return (struct fct_str){"", 0};
    if (text.n > 0)
        memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    return (struct fct_str){copy, text.n};
}

static void add_auth(const struct dmarc_check *c, const struct dmarc_fact *fact,
                     struct dmarc_row *row)
{
    if (row->auths == DMARC_AUTHS_MAX ||
        (fact->property != DMARC_SIGNER && fact->property != DMARC_MAILFROM &&
         fact->property != DMARC_HELO))
        return;
    row->auth[row->auths++] = (struct dmarc_auth){
        .method = fact->property == DMARC_SIGNER ? DMARC_AUTH_DKIM : DMARC_AUTH_SPF,
        .helo = fact->property == DMARC_HELO,
        .domain = keep(c, dmarc_domain_str(&fact->domain)),
        .selector = keep(c, (struct fct_str){fact->selector, strlen(fact->selector)}),
        .result = fact->result,
    };
}

static void take_auths(const struct dmarc_check *c, struct dmarc_row *row)
{
    struct dmarc_fact fact;
    struct fct_str text;

    for (size_t i = 0; (text = c->host->fact(c->call, "auth", i)).p; i++)
        if (dmarc_fact_parse(text, &fact))
            add_auth(c, &fact, row);
}

/* ---- names ---- */

/* False: no domain in it, or none of the DNS. */
static bool domain_of(struct fct_str address, struct dmarc_domain *out)
{
    return dmarc_domain_parse(view_domain(address), out);
}

static void take_envelope(const struct dmarc_check *c, struct dmarc_row *row)
{
    const struct fct_envelope *envelope = c->host->envelope(c->call);
    struct dmarc_domain first, next;
    bool same = envelope->recipients > 0 && domain_of(envelope->recipient[0], &first);

    for (size_t i = 1; same && i < envelope->recipients; i++)
        same = domain_of(envelope->recipient[i], &next) &&
               dmarc_domain_same(dmarc_domain_str(&first), dmarc_domain_str(&next));
    if (same)
        row->envelope_to = keep(c, dmarc_domain_str(&first));
    if (domain_of(envelope->reverse_path, &first))
        row->envelope_from = keep(c, dmarc_domain_str(&first));
}

/* Not what somebody only tries out (facteurctl scan, replay). */
static bool came_by_mail(const struct fct_conn *conn)
{
    return conn->role == FCT_ROLE_MX && !view_is(conn->frontend, "scan") &&
           !view_is(conn->frontend, "replay");
}

bool dmarc_check_row(const struct dmarc_check *c, struct fct_str action, struct dmarc_row *out)
{
    const struct dmarc_outcome *o = &c->outcome;
    const struct fct_conn *conn = c->host->conn(c->call);

    *out = (struct dmarc_row){
        .source_ip = conn->client_ip,
        .dkim_aligned = o->dkim_aligned,
        .spf_aligned = o->spf_aligned,
        .header_from = dmarc_domain_str(&o->author),
        .envelope_from = {"", 0},
        .envelope_to = {"", 0},
        .policy_domain = dmarc_domain_str(&o->found),
        .policy_text = o->text,
        .policy = o->record,
        .discovery = c->plan->discovery,
        .result = o->result,
        .asked = o->policy,
    };
    if (!o->record || o->result == DMARC_PERMERROR || !came_by_mail(conn))
        return false;
    take_envelope(c, out);
    take_auths(c, out);
    if (o->result == DMARC_PASS)
        out->disposition = DMARC_DONE_PASS;
    else if (o->result == DMARC_FAIL)
        take_failure(c, action, out);
    else
        add_reason(c, out, DMARC_OTHER, "%s", o->why);
    return true;
}
