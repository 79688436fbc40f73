/* filter_describe.h - what a filter process says of itself: the plan that really runs, the plugins
 * and their counts. */
#ifndef CORE_HOOK_FILTER_DESCRIBE_H
#define CORE_HOOK_FILTER_DESCRIBE_H

#include "core/base/buf.h"
#include "core/hook/hook_run.h"

struct filter_facts {
    unsigned index;
    uint64_t requests, age_ms;
};
/* Text, one JSON object, or samples for Prometheus. */
void filter_describe_engine(const struct hook_engine *engine, const struct filter_facts *facts,
                            enum filter_format format, struct buf *out);
void filter_describe_metrics(const struct hook_engine *engine, const struct filter_facts *facts,
                             struct buf *out);
/* As JSON and Prometheus quote what plugins call things: text, in one line. */
void filter_put_quoted(const char *s, struct buf *out);
void plugin_counts_add(struct plugin_counts *sum, const struct plugin_counts *more);
const char *plugin_operation_name(enum plugin_operation what);
/* A line `plugin NAME …` each, for facteurctl status. */
void filter_describe_status(const struct hook_engine *engine, struct buf *out);

#endif
