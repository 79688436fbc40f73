/* plugin_facts.h - the host functions addresses, fact_add and fact: what is read once and what
 * plugins leave for each other. */
#ifndef CORE_PLUGIN_PLUGIN_FACTS_H
#define CORE_PLUGIN_PLUGIN_FACTS_H

#include "core/plugin/plugin_call.h"

size_t facts_addresses(struct fct_call *call, const struct fct_header *header,
                       const struct fct_address **first);
bool facts_add(struct fct_call *call, const char *name, struct fct_str value);
struct fct_str facts_get(struct fct_call *call, const char *name, size_t nth);
/* The nth that live rows left; p is NULL: no more. */
struct fct_str facts_of(const struct transaction *tx, const char *name, size_t nth);

#endif
