/* arc_set.c - see arc_set.h. */
#include "plugins/arc/arc_set.h"

#include "plugins/dkim/dkim_tags.h"
#include "plugins/lib/view.h"

/* ---- instances ---- */

/* 1*2DIGIT, 1 to 50                                                   RFC 8617 4.1.1, 4.2.1 */
static bool take_instance(struct fct_str digits, uint32_t *out, struct fct_err *err)
{
    uint64_t n = 0;

    if (digits.n == 0 || digits.n > 2 || !dkim_number(digits, &n) || n < 1 || n > ARC_INSTANCES)
        return dkim_fail(err, FCT_SYNTAX, "i= is not 1 to %d", ARC_INSTANCES);
    *out = (uint32_t)n;
    return true;
}

static bool instance_of_tags(struct fct_str value, uint32_t *instance, struct fct_str *recorded,
                             struct fct_err *err)
{
    struct dkim_tags tags;
    const struct dkim_tag *tag;

    (void)recorded;
    if (!dkim_tags_parse(value, &tags, err))
        return false;
    tag = dkim_tags_find(&tags, "i");
    return tag ? take_instance(tag->value, instance, err)
               : dkim_fail(err, FCT_SYNTAX, "i= is missing");
}

static bool take_mark(struct fct_str *in, char mark)
{
    if (!view_skip_cfws(in) || in->n == 0 || *in->p != mark)
        return false;
    view_skip(in, 1);
    return view_skip_cfws(in);
}

/* instance = [CFWS] %s"i" [CFWS] "=" [CFWS] 1*2DIGIT [CFWS] */
bool arc_info_parse(struct fct_str value, uint32_t *instance, struct fct_str *recorded,
                    struct fct_err *err)
{
    struct fct_str in = value, digits;

    if (!take_mark(&in, 'i') || !take_mark(&in, '='))
        return dkim_fail(err, FCT_SYNTAX, "it does not begin with i=");
    digits = (struct fct_str){in.p, 0};
    while (digits.n < in.n && in.p[digits.n] >= '0' && in.p[digits.n] <= '9')
        digits.n++;
    view_skip(&in, digits.n);
    if (!take_instance(digits, instance, err))
        return false;
    if (!take_mark(&in, ';'))
        return dkim_fail(err, FCT_SYNTAX, "no \";\" follows i=");
    *recorded = in;
    return true;
}

/* ---- sets ---- */

static const struct kind {
    const char *name;
    const char *in_short;
    bool (*instance)(struct fct_str value, uint32_t *instance, struct fct_str *recorded,
                     struct fct_err *err);
} kinds[] = {
    {"ARC-Authentication-Results", "results", arc_info_parse},
    {"ARC-Message-Signature", "message signature", instance_of_tags},
    {"ARC-Seal", "seal", instance_of_tags},
};
#define KINDS FCT_COUNT(kinds)

static const struct fct_header **place_in(struct arc_set *set, size_t kind)
{
    const struct fct_header **place[KINDS] = {&set->results, &set->message, &set->seal};

    return place[kind];
}

static size_t kind_of(const struct fct_header *field)
{
    struct fct_str name = dkim_trim(field->name);
    size_t kind = 0;

    while (kind < KINDS &&
           !dkim_same_nocase(name, (struct fct_str){kinds[kind].name, strlen(kinds[kind].name)}))
        kind++;
    return kind;
}

struct collecting {
    struct arc_sets *out;
    struct fct_err first; /* what is wrong with the topmost that is */
};

static void blame(struct collecting *c, enum fct_class class, const char *fmt, ...)
    FCT_PRINTF(3, 4);
static void blame(struct collecting *c, enum fct_class class, const char *fmt, ...)
{
    char text[sizeof c->first.text];
    va_list ap;

    if (c->first.text[0])
        return;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    (void)dkim_fail(&c->first, class, "%s", text);
}

static void take_field(struct collecting *c, const struct fct_header *field, size_t kind)
{
    struct fct_err err = {0};
    struct fct_str recorded = {NULL, 0};
    const struct fct_header **place;
    uint32_t instance;

    if (!kinds[kind].instance(field->value, &instance, &recorded, &err)) {
        blame(c, err.class, "%s: %s", kinds[kind].in_short, err.text);
        return;
    }
    if (instance > c->out->highest)
        c->out->highest = instance;
    place = place_in(&c->out->set[instance - 1], kind);
    if (*place) {
        blame(c, FCT_SYNTAX, "set %u has its %s twice", instance, kinds[kind].in_short);
        return;
    }
    *place = field;
    if (kind == 0)
        c->out->set[instance - 1].recorded = recorded;
}

static void find_gaps(struct collecting *c)
{
    for (size_t i = 0; i < c->out->highest; i++)
        for (size_t kind = 0; kind < KINDS; kind++)
            if (!*place_in(&c->out->set[i], kind))
                blame(c, FCT_SYNTAX, "set %zu has no %s", i + 1, kinds[kind].in_short);
}

bool arc_sets_collect(const struct dkim_memory *memory, const struct fct_header *field, size_t n,
                      uint32_t most, struct arc_sets *out, struct fct_err *err)
{
    struct collecting c = {.out = out};
    size_t taken = 0;

    *out = (struct arc_sets){0};
    for (size_t i = 0; i < n; i++) {
        size_t kind = kind_of(&field[i]);

        if (kind == KINDS)
            continue;
        if (!out->set) {
            out->set = memory->take(memory->arg, ARC_INSTANCES * sizeof *out->set);
            if (!out->set)
                return dkim_fail(err, FCT_TEMP, "no memory");
            memset(out->set, 0, ARC_INSTANCES * sizeof *out->set);
        }
        if (taken++ == KINDS * ARC_INSTANCES) {
            blame(&c, FCT_LIMIT, "there are more than %d sets", ARC_INSTANCES);
            break;
        }
        take_field(&c, &field[i], kind);
    }
    if (out->highest > most)
        blame(&c, FCT_LIMIT, "there are more than %u sets", most);
    find_gaps(&c);
    if (c.first.text[0]) {
        *err = c.first;
        return false;
    }
    out->n = out->highest;
    return true;
}
