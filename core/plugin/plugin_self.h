/* plugin_self.h - a loaded plugin as the host knows it: its object, its rows, its policies, what it
 * did so far.
 *
 * The plugin holds the same thing as an opaque `struct fct_self *`. */
#ifndef CORE_PLUGIN_PLUGIN_SELF_H
#define CORE_PLUGIN_PLUGIN_SELF_H

#include "core/base/arena.h"
#include "core/plugin/plugin_conf.h"
#include <facteur/plugin.h>
#include <stdatomic.h>

/* What a callback made others do. */
enum plugin_operation {
    OPERATION_DNS,
    OPERATION_REDIS,
    OPERATION_HTTP,
    OPERATION_STREAM,
    OPERATION_OFFLOAD,
    OPERATION_COUNT
};

#define PLUGIN_TIMES 24 /* [0]: below 1 us; [i]: below 2^i us; the last one: all longer ones */

/* Of one row: its hook and its plugin. */
struct plugin_counts {
    uint64_t calls, timeouts, errors;
    uint64_t verdict[FCT_SKIP + 1];
    uint64_t busy_us;             /* on the processor, as far as the clock tells */
    uint64_t waited_us;           /* between its begin and its end besides */
    uint32_t times[PLUGIN_TIMES]; /* calls by their busy time, log2 */
    uint64_t operation[OPERATION_COUNT], bytes;
    uint64_t symbols;
    int64_t score_milli; /* sum of them; of a shadow: the difference it would have made */
    uint64_t edits;
    uint32_t usual_us; /* moving average of busy and waited time: who starts first at scan */
    uint32_t hit_rate; /* moving average of calls that found something, in 65536ths */
};

/* A hook row with its owner. The row is a copy: tables of older plugins have shorter rows. */
struct plugin_row {
    struct fct_hook_row is;
    struct fct_self *self;
    const char *label;
    bool shadow; /* only tries: what it says goes to the ledger and nowhere else */
    struct plugin_counts counts;
    struct plugin_row *next; /* of the same plugin, in the order it declared them */
};

struct plugin_symbol {
    const char *name, *group, *doc;
    int32_t score_milli;
    struct fct_self *self;
    struct plugin_symbol *next;
    const char *expression; /* of a composite (core/hook/composite.h); else NULL */
    bool consume;
    const char *origin; /* "FILE:LINE" where it is written; NULL: the plugin's file knows no more */
};

/* host.count(): what a plugin counts of its own. */
struct plugin_metric {
    const char *name;
    double value;
    struct plugin_metric *next;
};

struct fct_self {
    const char *name;
    unsigned index; /* in its set */
    const struct fct_plugin *object;
    const char *version, *summary;
    void *library; /* dlopen's handle; NULL for a plugin linked into a test */
    struct arena *arena;
    enum plugin_policy on_error, on_timeout;
    uint64_t deadline_ms, memory_bytes;
    bool shadow; /* of all its rows */
    void *conf;  /* the plugin's own, conf_size bytes */
    void *state; /* what start() gave */
    bool starting, started;
    struct plugin_row *row, **row_end;
    struct plugin_symbol *symbol, **symbol_end;
    const struct plugin_symbol *timeout; /* NAME_TIMEOUT, for plugins that scan */
    struct plugin_metric *metric;
    const char *path; /* of the file; "" for a plugin linked into a test */
    /* In memory that all filters share, NULL in tests: switched off after its strikes, so many of
     * them. */
    const _Atomic uint32_t *off, *strikes;
};

static inline bool plugin_is_off(const struct fct_self *self)
{
    return self->off && atomic_load_explicit(self->off, memory_order_relaxed) != 0;
}

#endif
