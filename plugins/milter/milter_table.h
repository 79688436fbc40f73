/* milter_table.h - the sessions of one filter, one per connection of ours. The host frees what is
 * in a connection's slot with free(): so a slot holds a small handle, and the session lies here. */
#ifndef MILTER_TABLE_H
#define MILTER_TABLE_H

#include "milter_session.h"

struct milter_table {
    struct milter_filter *filter;
    struct milter_entry {
        struct milter_session session;
        uint32_t generation;
        bool used;
    } * *entry;
    size_t n;
};

/* The call's session, made at first use. NULL: no connection state here, or no memory. */
struct milter_session *milter_table_session(struct milter_table *table, struct fct_call *call);
/* The same, without making one. */
struct milter_session *milter_table_find(struct milter_table *table, struct fct_call *call);
void milter_table_release(struct milter_table *table, struct milter_session *session);
void milter_table_free(struct milter_table *table);

#endif
