/* hook_plan.c - Kahn's algorithm over the rows of each point. */
#include "core/hook/hook_plan.h"

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/str.h"

#define ALL_ROLES    ((1u << PLAN_ROLES) - 1)
#define CLIENT_ROLES (FCT_ROLE_IMAP | FCT_ROLE_POP3)

const struct hook_info hook_info[FCT_HOOK_COUNT] = {
#define HOOK(name, text, kind, verdicts, doc) \
    [FCT_HOOK_##name] = {text, HOOK_##kind, verdicts, doc},
#include <facteur/hooks.def>
};

_Static_assert(FCT_HOOK_COUNT <= 64, "the masks of wanted hooks have 64 bits");

/* ---- capabilities ---- */

/* The next word of "spf dkim?"; *optional says whether it had the question mark. */
static bool next_capability(struct fct_str *rest, struct fct_str *word, bool *optional)
{
    while (rest->p) {
        *word = str_trim(str_split(rest, ' '));
        if (word->n == 0)
            continue;
        *optional = word->p[word->n - 1] == '?';
        if (*optional)
            word->n--;
        return true;
    }
    return false;
}

static bool provides(const struct plugin_row *row, struct fct_str capability)
{
    return row->is.provides && str_equal(str_from(row->is.provides), capability);
}

static bool comes_after(const struct plugin_row *row, const struct plugin_row *earlier)
{
    struct fct_str rest = str_from(row->is.after), word;
    bool optional;

    while (rest.n > 0 && next_capability(&rest, &word, &optional))
        if (provides(earlier, word))
            return true;
    return false;
}

/* The earliest point at which somebody provides it; FCT_HOOK_COUNT for nobody. */
static enum fct_hook provided_at(const struct plugin_set *set, struct fct_str capability)
{
    enum fct_hook first = FCT_HOOK_COUNT;

    for (size_t i = 0; i < set->n; i++)
        for (const struct plugin_row *r = set->plugin[i]->row; r; r = r->next)
            if (provides(r, capability) && r->is.hook < first)
                first = r->is.hook;
    return first;
}

/* Message points come in the order of the table up to `edit`; `deliver` and `stored` stand at its
 * end and are later still. */
static bool check_needs(const struct plugin_set *set, const struct plugin_row *row,
                        struct fct_err *err)
{
    struct fct_str rest = str_from(row->is.after), word;
    bool optional;

    while (rest.n > 0 && next_capability(&rest, &word, &optional)) {
        enum fct_hook at = provided_at(set, word);

        if (optional || at <= row->is.hook)
            continue;
        if (at == FCT_HOOK_COUNT)
            return fct_fail(err, FCT_DENIED,
                            "%s at %s needs \"%.*s\", which no enabled plugin provides", row->label,
                            hook_info[row->is.hook].name, FCT_FMT(word));
        return fct_fail(err, FCT_DENIED, "%s at %s needs \"%.*s\", which is known at %s only",
                        row->label, hook_info[row->is.hook].name, FCT_FMT(word),
                        hook_info[at].name);
    }
    return true;
}

/* ---- one point ---- */

struct sorting {
    struct plugin_row **row; /* by label, then as declared */
    unsigned *needs;
    bool *done;
    size_t n;
};

static size_t collect_rows(const struct plugin_set *set, enum fct_hook hook,
                           struct plugin_row **out)
{
    size_t n = 0;

    for (size_t i = 0; i < set->n; i++)
        for (struct plugin_row *r = set->plugin[i]->row; r; r = r->next)
            if (r->is.hook == hook) {
                if (out)
                    out[n] = r;
                n++;
            }
    return n;
}

/* Insertion sort: stable, so equal labels keep the order in which they were declared. */
static void sort_by_label(struct plugin_row **row, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct plugin_row *r = row[i];
        size_t j = i;

        for (; j > 0 && strcmp(row[j - 1]->label, r->label) > 0; j--)
            row[j] = row[j - 1];
        row[j] = r;
    }
}

/* A row that `at` waits for and that waits itself. */
static size_t waits_for(const struct sorting *s, size_t at)
{
    size_t before = 0;

    while (s->done[before] || !comes_after(s->row[at], s->row[before]))
        before++;
    return before;
}

/* Walk back from a waiting row often enough to be inside the cycle, then once round it. */
static bool fail_cycle(const struct sorting *s, enum fct_hook hook, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf chain = BUF_INIT(160);
    size_t at = 0, first;

    while (s->done[at])
        at++;
    for (size_t i = 0; i < s->n; i++)
        at = waits_for(s, at);
    first = at;
    do {
        buf_printf(&chain, "%s after ", s->row[at]->label);
        at = waits_for(s, at);
    } while (at != first && !chain.overflow);
    buf_put_c(&chain, s->row[first]->label);
    return fct_fail(err, FCT_DENIED, "hooks at %s wait for each other: %.*s", hook_info[hook].name,
                    FCT_FMT(buf_str(&chain)));
}

/* Points that mail and mail clients share: a row that names no roles is about mail. A rule against
 * strange clients at `connect` must not lock people out of their mailboxes. */
static uint32_t roles_of(const struct plugin_row *row)
{
    static const bool shared[FCT_HOOK_COUNT] = {
        [FCT_HOOK_connect] = true,
        [FCT_HOOK_tls] = true,
        [FCT_HOOK_auth] = true,
        [FCT_HOOK_disconnect] = true,
    };

    if (row->is.roles)
        return row->is.roles;
    return shared[row->is.hook] ? ALL_ROLES & ~CLIENT_ROLES : ALL_ROLES;
}

static bool sort_rows(struct sorting *s, enum fct_hook hook, struct plan_row *out,
                      struct fct_err *err)
{
    for (size_t placed = 0; placed < s->n; placed++) {
        size_t i = 0;

        while (i < s->n && (s->done[i] || s->needs[i] > 0))
            i++;
        if (i == s->n)
            return fail_cycle(s, hook, err);
        s->done[i] = true;
        out[placed].row = s->row[i];
        out[placed].roles = roles_of(s->row[i]);
        for (size_t j = 0; j < s->n; j++)
            if (!s->done[j] && comes_after(s->row[j], s->row[i]))
                s->needs[j]--;
    }
    return true;
}

/* Who waits for whom, in places of the plan: what lets scan hooks run side by side. */
static void link_rows(struct arena *arena, struct plan_row *row, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t *leads = NULL;

        for (size_t j = i + 1; row[i].row->is.provides && j < n; j++) {
            if (!comes_after(row[j].row, row[i].row))
                continue;
            if (!leads)
                leads = ARENA_ARRAY(arena, uint32_t, n - i);
            leads[row[i].nleads++] = (uint32_t)j;
            row[j].needs++;
        }
        row[i].leads = leads;
    }
}

static bool plan_point(struct arena *arena, const struct plugin_set *set, enum fct_hook hook,
                       struct plan_point *out, struct fct_err *err)
{
    struct sorting s = {.n = collect_rows(set, hook, NULL)};

    if (s.n == 0)
        return true;
    s.row = ARENA_ARRAY(arena, struct plugin_row *, s.n);
    s.needs = ARENA_ARRAY(arena, unsigned, s.n);
    s.done = ARENA_ARRAY(arena, bool, s.n);
    collect_rows(set, hook, s.row);
    sort_by_label(s.row, s.n);
    for (size_t i = 0; i < s.n; i++) {
        if (!check_needs(set, s.row[i], err))
            return false;
        for (size_t j = 0; s.row[i]->is.after && j < s.n; j++)
            s.needs[i] += comes_after(s.row[i], s.row[j]);
    }
    out->row = ARENA_ARRAY(arena, struct plan_row, s.n);
    out->start = ARENA_ARRAY(arena, uint32_t, s.n);
    out->n = s.n;
    for (size_t i = 0; i < s.n; i++)
        out->start[i] = (uint32_t)i;
    if (!sort_rows(&s, hook, out->row, err))
        return false;
    link_rows(arena, out->row, s.n);
    return true;
}

/* ---- what is asked for at all ---- */

#define MAY_EDIT                                                                  \
    (FCT_MAY_ADD_HEADER | FCT_MAY_CHANGE_HEADER | FCT_MAY_BODY | FCT_MAY_SENDER | \
     FCT_MAY_RECIPIENTS)

/* A row that does not say may all that its point allows. */
static uint32_t may_of(enum fct_hook hook, const struct fct_hook_row *row)
{
    uint32_t header_and_body = FCT_MAY_ADD_HEADER | FCT_MAY_CHANGE_HEADER | FCT_MAY_BODY;

    if (row->may != 0)
        return row->may & MAY_EDIT;
    switch ((unsigned)hook) {
    case FCT_HOOK_mail:
        return FCT_MAY_SENDER;
    case FCT_HOOK_rcpt:
        return FCT_MAY_RECIPIENTS;
    case FCT_HOOK_headers:
    case FCT_HOOK_scan:
    case FCT_HOOK_verdict:
    case FCT_HOOK_deliver:
        return header_and_body;
    case FCT_HOOK_edit:
        return MAY_EDIT;
    default:
        return 0;
    }
}

static void take_wishes(struct hook_plan *plan, enum fct_hook hook, const struct plan_row *row)
{
    const struct fct_hook_row *is = &row->row->is;
    bool shadow = row->row->shadow;
    bool decides = hook_info[hook].verdicts != 0 && !(is->may & FCT_MAY_NOTHING) && !shadow;

    for (unsigned r = 0; r < PLAN_ROLES; r++) {
        if (!(row->roles & (1u << r)))
            continue;
        plan->wants[r] |= UINT64_C(1) << hook;
        plan->decides[r] |= (uint64_t)decides << hook;
        plan->may[r] |= shadow ? 0 : may_of(hook, is);
    }
}

bool hook_plan_build(struct arena *arena, const struct plugin_set *set, struct hook_plan *out,
                     struct fct_err *err)
{
    memset(out, 0, sizeof *out);
    for (int h = 0; h < FCT_HOOK_COUNT; h++) {
        struct plan_point *point = &out->point[h];

        if (!plan_point(arena, set, (enum fct_hook)h, point, err))
            return false;
        for (size_t i = 0; i < point->n; i++)
            take_wishes(out, (enum fct_hook)h, &point->row[i]);
    }
    return true;
}
