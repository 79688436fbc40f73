/* dmarc_discover.c - the walk up the tree of names, and what is chosen from it. */
#include "dmarc_discover.h"

#define WALK_MAX 8 /* questions of one walk (RFC 9989 4.10) */
#define TEXT_MAX 512
#define PREFIX   "_dmarc."
#define PREFIX_N (sizeof PREFIX - 1)

void dmarc_watch(const struct dmarc_watch *watch, const char *fmt, ...)
{
    char text[TEXT_MAX];
    va_list ap;

    if (!watch->step)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    watch->step(watch->ctx, text);
}

/* ---- one name ---- */

/* Several records are as good as none (RFC 9989 4.10). */
static void choose_record(struct dmarc_search *s, struct dmarc_entry *entry,
                          const struct fct_dns_answer *answer)
{
    size_t n = 0, at = 0;

    for (size_t i = 0; i < answer->n; i++)
        if (dmarc_record_is(answer->record[i].data)) {
            n++;
            at = i;
        }
    if (n != 1) {
        dmarc_watch(&s->watch, PREFIX "%s: %s", entry->name.text,
                    n ? "several records, so none counts" : "no record of DMARC");
        return;
    }
    entry->look = DMARC_THERE;
    entry->text = answer->record[at].data;
    dmarc_record_parse(entry->text, &entry->record);
    dmarc_watch(&s->watch, PREFIX "%s: %.*s", entry->name.text, FCT_FMT(entry->text));
    if (entry->record.mistake[0])
        dmarc_watch(&s->watch, "  mistake: %s", entry->record.mistake);
}

static FCT_MAY_WAIT void ask(struct dmarc_search *s, struct dmarc_entry *entry)
{
    char name[PREFIX_N + DMARC_NAME_MAX + 1];
    int n = snprintf(name, sizeof name, PREFIX "%s", entry->name.text);
    struct fct_dns_answer answer = {0};

    entry->look = DMARC_ABSENT;
    if (n > DMARC_NAME_MAX) /* no such name can be there */
        return;
    (void)s->dns.ask(s->dns.ctx, FCT_DNS_TXT, (struct fct_str){name, (size_t)n}, &answer);
    if (answer.status == FCT_DNS_OK) {
        choose_record(s, entry, &answer);
    } else if (answer.status == FCT_DNS_NO_NAME || answer.status == FCT_DNS_NO_DATA) {
        dmarc_watch(&s->watch, "%s: nothing", name);
    } else {
        entry->look = DMARC_UNKNOWN;
        dmarc_watch(&s->watch, "%s: no answer: %.*s", name, FCT_FMT(answer.why));
    }
}

/* NULL: too many names for one message. */
static FCT_MAY_WAIT const struct dmarc_entry *look_up(struct dmarc_search *s, struct fct_str name)
{
    struct dmarc_entry *entry;

    for (size_t i = 0; i < s->n; i++)
        if (dmarc_domain_same(dmarc_domain_str(&s->entry[i].name), name))
            return &s->entry[i];
    if (s->n == DMARC_NAMES_MAX)
        return NULL;
    entry = &s->entry[s->n];
    *entry = (struct dmarc_entry){.look = DMARC_UNKNOWN};
    if (!dmarc_domain_parse(name, &entry->name))
        return NULL;
    s->n++;
    ask(s, entry);
    return entry;
}

/* ---- the walk                                                   RFC 9989 4.10 ---- */

struct walk {
    struct fct_str name[WALK_MAX];             /* views into the domain, from long to short */
    const struct dmarc_entry *entry[WALK_MAX]; /* NULL: no record there */
    size_t n;
    bool unknown; /* something above could not be asked */
};

static struct fct_str shorter(struct fct_str name)
{
    size_t labels = dmarc_domain_labels(name);

    return dmarc_domain_last(name, labels >= WALK_MAX ? WALK_MAX - 1 : labels - 1);
}

static FCT_MAY_WAIT void walk_up(struct dmarc_search *s, struct fct_str domain, struct walk *w)
{
    *w = (struct walk){0};
    for (;;) {
        const struct dmarc_entry *entry = look_up(s, domain);

        w->unknown = w->unknown || !entry || entry->look == DMARC_UNKNOWN;
        w->name[w->n] = domain;
        w->entry[w->n] = entry && entry->look == DMARC_THERE ? entry : NULL;
        w->n++;
        if ((w->entry[w->n - 1] && w->entry[w->n - 1]->record.psd != DMARC_PSD_UNKNOWN) ||
            w->unknown || w->n == WALK_MAX || dmarc_domain_labels(domain) == 1)
            return;
        domain = shorter(domain);
    }
}

/* The shortest name with a record; a walk ends at psd=y or psd=n, so that one is the last. */
static bool last_found(const struct walk *w, size_t *at)
{
    for (size_t i = w->n; i > 0; i--)
        if (w->entry[i - 1]) {
            *at = i - 1;
            return true;
        }
    return false;
}

/* RFC 9989 4.10.2 */
static struct fct_str walk_org(const struct walk *w)
{
    size_t at;

    if (!last_found(w, &at))
        return w->name[0];
    if (w->entry[at]->record.psd == DMARC_PSD_YES && at > 0)
        return dmarc_domain_last(w->name[0], dmarc_domain_labels(w->name[at]) + 1);
    return w->name[at];
}

static void take_found(struct dmarc_found *out, struct fct_str name,
                       const struct dmarc_entry *entry)
{
    *out = (struct dmarc_found){DMARC_THERE, name, entry->text, &entry->record};
}

/* Of the organizational domain, else of the public suffix domain above it. */
static void walk_policy(const struct walk *w, struct dmarc_found *out)
{
    struct fct_str org = walk_org(w);
    size_t at;

    if (w->unknown)
        out->look = DMARC_UNKNOWN;
    if (w->unknown || !last_found(w, &at))
        return;
    for (size_t i = 0; i < w->n; i++)
        if (w->entry[i] && dmarc_domain_same(w->name[i], org))
            at = i;
    take_found(out, w->name[at], w->entry[at]);
}

/* ---- both ways ---- */

static FCT_MAY_WAIT void list_policy(struct dmarc_search *s, struct fct_str domain,
                                     struct dmarc_found *out)
{
    struct fct_str org = s->dns.org(s->dns.ctx, domain);
    const struct dmarc_entry *entry;

    if (dmarc_domain_same(org, domain))
        return;
    dmarc_watch(&s->watch, "organizational domain by the list: %.*s", FCT_FMT(org));
    entry = look_up(s, org);
    out->look = entry ? entry->look : DMARC_UNKNOWN;
    if (out->look == DMARC_THERE)
        take_found(out, org, entry);
}

void dmarc_find_policy(struct dmarc_search *s, struct fct_str domain, struct dmarc_found *out)
{
    const struct dmarc_entry *own = look_up(s, domain);
    struct walk walk;

    *out = (struct dmarc_found){.look = own ? own->look : DMARC_UNKNOWN, .name = domain};
    if (out->look == DMARC_THERE)
        take_found(out, domain, own);
    if (out->look != DMARC_ABSENT)
        return;
    if (s->discovery == DMARC_BY_LIST) {
        list_policy(s, domain, out);
        return;
    }
    walk_up(s, domain, &walk);
    walk_policy(&walk, out);
}

bool dmarc_find_org(struct dmarc_search *s, struct fct_str domain, struct fct_str *org)
{
    struct walk walk;

    if (s->discovery == DMARC_BY_LIST) {
        *org = s->dns.org(s->dns.ctx, domain);
    } else {
        walk_up(s, domain, &walk);
        if (walk.unknown)
            return false;
        *org = walk_org(&walk);
    }
    dmarc_watch(&s->watch, "organizational domain of %.*s: %.*s", FCT_FMT(domain), FCT_FMT(*org));
    return true;
}
