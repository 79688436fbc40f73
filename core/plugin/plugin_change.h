/* plugin_change.h - what a callback may change besides its verdict: the CHANGE rows of hooks.def,
 * as a table, and host->set(). */
#ifndef CORE_PLUGIN_PLUGIN_CHANGE_H
#define CORE_PLUGIN_PLUGIN_CHANGE_H

#include "core/plugin/plugin_call.h"

enum change_type { CHANGE_STR, CHANGE_U64, CHANGE_BOOL, CHANGE_LIST };

struct change_info {
    enum fct_hook hook;
    const char *name;
    enum change_type type;
    const char *doc;
};

/* Of one answer: as many fit into a message between processes beside everything else. */
#define CHANGE_VALUE_MAX  1000u
#define CHANGES_MAX       1000u
#define CHANGES_BYTES_MAX (32u << 10)

/* The nth row of the table; NULL behind its end. */
const struct change_info *change_row(size_t n);
/* NULL: that point offers no such thing. */
const struct change_info *change_find(enum fct_hook hook, struct fct_str name);
/* A number in decimal, "yes" or "no", or one line of UTF-8. */
bool change_fits(const struct change_info *info, struct fct_str value);

/* host->set(): the transaction keeps the changes of the point that runs; a later value replaces an
 * earlier one, lists grow. */
bool change_set(struct fct_call *call, const char *name, struct fct_str value);

#endif
