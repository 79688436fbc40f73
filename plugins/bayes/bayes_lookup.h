/* bayes_lookup.h - asks Redis what the databases know of a message. */
#ifndef PLUGINS_BAYES_BAYES_LOOKUP_H
#define PLUGINS_BAYES_BAYES_LOOKUP_H

#include "bayes_plugin.h"

/* The site's, or a user's own. */
struct bayes_database {
    struct bayes_db db;
    struct fct_str account;               /* empty: the site's */
    struct bayes_counts messages, *token; /* of each token, when it knows */
    const struct fct_redis_reply *near;   /* of users, for bayes_near_find; may be NULL */
    bool knows;                           /* it answered, and has learned enough to say something */
};

/* All databases at once. */
FCT_MAY_WAIT void bayes_look_up(struct bayes_plugin *plugin, struct fct_call *call,
                                struct bayes_database *const *database, size_t databases,
                                const uint64_t *token, size_t n);
/* What was kept for the next one. */
void bayes_look_free(struct bayes_plugin *plugin);

#endif
