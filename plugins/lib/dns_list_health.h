/* dns_list_health.h - lists that do not work are left alone for a while: those that refuse us, are
 * silent, or list the whole world. For dns_list_ask.c. */
#ifndef PLUGINS_LIB_DNS_LIST_HEALTH_H
#define PLUGINS_LIB_DNS_LIST_HEALTH_H

#include "plugins/lib/dns_list_ask.h"

bool dns_list_rests(const struct dns_lists *lists, const struct dns_list_row *row);
/* Its answer, "why" of no answer, or what else is wrong: one warning, then it rests. */
void dns_list_rest(struct dns_lists *lists, struct fct_call *call, const struct dns_list_row *row,
                   const char *what, struct fct_str why);
/* What came of a question to it; NULL: nothing before the call's time was over. Silent some times
 * in a row, it rests. */
void dns_list_heard(struct dns_lists *lists, struct fct_call *call, const struct dns_list_row *row,
                    const struct fct_dns_answer *answer);
/* Is it time to ask for what must not be there? True once per interval. */
bool dns_list_is_due(struct dns_lists *lists, const struct dns_list_row *row);

#endif
