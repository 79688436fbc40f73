/* plugin_personal.h - the recipients of a message as plugins see them, and symbols that were found
 * for one of them alone. core/hook fills in the list before `headers` and reads the symbols when it
 * judges. */
#ifndef CORE_PLUGIN_PLUGIN_PERSONAL_H
#define CORE_PLUGIN_PLUGIN_PERSONAL_H

#include "core/plugin/plugin_call.h"

struct personal_hit {
    struct symbol_hit hit; /* hit.next is the judge's */
    const struct plugin_row *row;
    enum fct_hook hook;
    struct fct_str detail;
    uint32_t took_us; /* by the call that found it */
    bool shadow;
    struct personal_hit *next; /* the last found comes first */
};

struct call_person {
    struct fct_recipient is;
    struct fct_list setting; /* of the account, "name=value" */
    struct personal_hit *hit;
    unsigned hits, shadow_hits;
};

const struct fct_recipient *personal_recipient(struct fct_call *call, size_t nth);
struct fct_str personal_setting(struct fct_call *call, size_t nth, const char *name);
bool personal_symbol(struct fct_call *call, struct fct_str account, const char *name, double factor,
                     struct fct_str detail);

#endif
