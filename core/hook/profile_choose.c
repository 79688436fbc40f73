/* profile_choose.c - which profile judges whom, and which action its thresholds propose. */
#include "core/base/str.h"
#include "core/hook/profile_int.h"

struct profile profile_builtin = {
    .name = "default",
    .threshold_milli = {[FCT_JUNK] = 6000, [FCT_REFUSE] = 15000},
    .shared = FCT_JUNK,
    .greylists_not = true,
};

/* ---- patterns ---- */

static const struct {
    const char *name;
    uint32_t role;
} roles[] = {
    {"role:mx", FCT_ROLE_MX},
    {"role:submission", FCT_ROLE_SUBMISSION},
    {"role:lmtp", FCT_ROLE_LMTP},
    {"role:local", FCT_ROLE_LOCAL},
};

uint32_t profile_role_of(const char *pattern)
{
    for (size_t i = 0; i < FCT_COUNT(roles); i++)
        if (strcmp(roles[i].name, pattern) == 0)
            return roles[i].role;
    return 0;
}

/* '*' stands for any bytes; letters of either case are the same. In time pattern times text. */
static bool glob_matches(struct fct_str pattern, struct fct_str text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, back = 0;

    while (t < text.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            back = t;
        } else if (p < pattern.n && char_lower(pattern.p[p]) == char_lower(text.p[t])) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++back;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}

/* 0: does not match; 1 a role; then by letters; SIZE_MAX a whole address. */
static size_t specificity(const char *text, const struct profile_wish *wish)
{
    struct fct_str pattern = str_from(text);
    size_t letters = 0;

    if (profile_role_of(text))
        return profile_role_of(text) & wish->role ? 1 : 0;
    if (!glob_matches(pattern, wish->recipient) && !glob_matches(pattern, wish->account))
        return 0;
    for (size_t i = 0; i < pattern.n; i++)
        letters += pattern.p[i] != '*';
    return letters == pattern.n ? SIZE_MAX : letters + 2;
}

static struct profile *named(struct profile *list, size_t n, struct fct_str name)
{
    for (size_t i = 0; i < n; i++)
        if (!list[i].shadow && str_equal(str_from(list[i].name), name))
            return &list[i];
    return NULL;
}

/* ---- choosing ---- */

static const struct profile *most_specific(const struct profile_set *set,
                                           const struct profile_wish *wish)
{
    const struct profile *best = &set->profile[0];
    size_t most = 0;

    for (size_t i = 0; i < set->n; i++)
        for (size_t k = 0; k < set->profile[i].match.n && !set->profile[i].shadow; k++) {
            size_t s = specificity(set->profile[i].match.item[k], wish);

            if (s > most) {
                most = s;
                best = &set->profile[i];
            }
        }
    return best;
}

const struct profile *profile_choose(const struct profile_set *set, const struct profile_wish *wish,
                                     bool *unknown)
{
    struct profile *list = set->n > 0 ? set->profile : &profile_builtin;
    size_t n = set->n > 0 ? set->n : 1;
    const struct fct_str by_name[] = {wish->asked, wish->setting};

    for (size_t i = 0; i < FCT_COUNT(by_name); i++) {
        const struct profile *p = by_name[i].n > 0 ? named(list, n, by_name[i]) : NULL;

        if (p)
            return p;
        if (by_name[i].n > 0 && unknown)
            *unknown = true;
    }
    return set->n > 0 ? most_specific(set, wish) : &profile_builtin;
}

bool profile_shadows(const struct profile *profile, const struct profile_wish *wish)
{
    bool matches = profile->match.n == 0;

    for (size_t i = 0; i < profile->match.n && !matches; i++)
        matches = specificity(profile->match.item[i], wish) > 0;
    return profile->shadow && matches;
}

enum fct_action profile_action(const struct profile *profile, int32_t score_milli)
{
    for (unsigned a = FCT_REFUSE; a > FCT_KEEP; a--)
        if (profile->threshold_milli[a] > 0 && score_milli >= profile->threshold_milli[a])
            return (enum fct_action)a;
    return FCT_KEEP;
}
