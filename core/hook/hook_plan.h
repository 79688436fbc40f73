/* hook_plan.h - which callbacks run at a point, in which order: from `provides` and `after`, never
 * from file order.
 *
 * Ties are broken by label, then by declaration: the plan of a given set of plugins is always the
 * same. */
#ifndef CORE_HOOK_HOOK_PLAN_H
#define CORE_HOOK_HOOK_PLAN_H

#include "core/plugin/plugin_load.h"

enum hook_kind { HOOK_DECIDE, HOOK_SCAN, HOOK_OBSERVE };

/* The table of hooks.def, one entry per point. */
struct hook_info {
    const char *name;
    enum hook_kind kind;
    uint32_t verdicts; /* FCT_V_* allowed besides NEXT */
    const char *doc;
};
extern const struct hook_info hook_info[FCT_HOOK_COUNT];

#define PLAN_ROLES 7 /* FCT_ROLE_MX … FCT_ROLE_POP3 */

struct plan_row {
    struct plugin_row *row;
    uint32_t roles;        /* FCT_ROLE_*; never 0 */
    unsigned needs;        /* rows of this point that must have ended before */
    const uint32_t *leads; /* rows (their places in the plan) that wait for this one */
    size_t nleads;
};

struct hook_plan {
    struct plan_point {
        struct plan_row *row;
        size_t n;
        uint32_t *start; /* scan: places in the order in which they start */
        uint32_t runs;
    } point[FCT_HOOK_COUNT];
    /* Per role: bit h is set when somebody hooks point h; when somebody there can give a verdict.
     */
    uint64_t wants[PLAN_ROLES], decides[PLAN_ROLES];
    uint32_t may[PLAN_ROLES]; /* FCT_MAY_* of all rows of the role: what edits there can be */
};

/* Fails, naming the chain, when a capability is missing, comes too late, or waits for itself. */
FCT_MUST_CHECK bool hook_plan_build(struct arena *arena, const struct plugin_set *set,
                                    struct hook_plan *out, struct fct_err *err);

#endif
