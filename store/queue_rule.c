/* queue_rule.c - which of the administrator's rules a destination has; the store holds mail back by
 * it, the relay finds host and rate. See store_queue.h. */
#include "core/base/str.h"
#include "store/store_queue.h"

/* How well a pattern names a domain; 0: not at all. */
static size_t fit(struct fct_str pattern, struct fct_str domain)
{
    if (str_equal(pattern, domain))
        return SIZE_MAX;
    if (str_equal(pattern, FCT_STR("*")))
        return 1;
    return pattern.n > 0 && pattern.p[0] == '.' && domain.n > pattern.n &&
                   str_ends_nocase(domain, pattern)
               ? pattern.n
               : 0;
}

const struct queue_rule *queue_rule_find(const struct queue_rule *rule, size_t n,
                                         struct fct_str domain)
{
    const struct queue_rule *found = NULL;
    size_t best = 0;

    for (size_t i = 0; domain.n > 0 && i < n; i++) {
        size_t how = fit(rule[i].pattern, domain);

        if (how > best) {
            best = how;
            found = &rule[i];
        }
    }
    return found;
}
