/* dns_list_ask.h - asks the lists of a table about one message: every question once and all of
 * them at the same time; then symbols, counters, and a warning when a list does not serve us.
 *
 *   struct dns_list_asking *a = dns_list_begin(lists, call);
 *   dns_list_add(a, ITEM_IP, conn->client_ip);  …
 *   dns_list_ask(a);
 *   dns_list_tell(a); */
#ifndef PLUGINS_LIB_DNS_LIST_ASK_H
#define PLUGINS_LIB_DNS_LIST_ASK_H

#include "plugins/lib/dns_list.h"

/* What is known of a list in this process. */
struct dns_list_zone {
    uint64_t rests_until_ms;
    uint64_t tests_again_ms;
    unsigned failures; /* in a row */
};

/* Of a plugin: in its state. */
struct dns_lists {
    const struct fct_host *host;
    struct dns_list_table table;
    struct dns_list_zone *zone; /* table.zones of them */
    const char *group;          /* of the symbols */
    struct fct_strings skip_domain;
    uint32_t max_questions; /* of a message */
    uint64_t pause_ms;
    uint64_t test_ms; /* how often a list is asked for what it must not have; 0: never */
    bool reason;      /* ask listed ones for their TXT record too */
};

/* Reads `rows` and declares the symbols: inside start(). `lists` has host, group and limits
 * already.
 */
FCT_MUST_CHECK bool dns_lists_open(struct dns_lists *lists, struct fct_self *self,
                                   const struct fct_strings *rows,
                                   const struct dns_list_item *items, struct fct_err *err);
void dns_lists_close(struct dns_lists *lists);
/* Does any row ask about it? */
bool dns_lists_want(const struct dns_lists *lists, size_t item);
bool dns_lists_have_symbol(const struct dns_lists *lists, const char *symbol);

struct dns_list_asking;

/* In memory of the transaction. NULL: there is none left. */
struct dns_list_asking *dns_list_begin(struct dns_lists *lists, struct fct_call *call);
/* One more thing to ask about; what was added before, domains of skip_domain and what is above the
 * limit are passed over. `value` must live until dns_list_tell. False: the limit is reached. */
bool dns_list_add(struct dns_list_asking *asking, size_t item, struct fct_str value);
FCT_MAY_WAIT void dns_list_ask(struct dns_list_asking *asking);
void dns_list_tell(struct dns_list_asking *asking);
/* After dns_list_tell: what was found under this symbol, or NULL; "192.0.2.1 in zen.example.org
 * (127.0.0.2): reason". */
const char *dns_list_found(const struct dns_list_asking *asking, const char *symbol);

#endif
