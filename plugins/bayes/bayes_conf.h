/* bayes_conf.h - the block `plugin bayes`: for the plugin, and for facteurctl, whose tokens must be
 * the same. */
#ifndef PLUGINS_BAYES_BAYES_CONF_H
#define PLUGINS_BAYES_BAYES_CONF_H

#include "bayes_judge.h"

#include <facteur/conf.h>

struct bayes_conf {
    const char *secret;
    uint32_t min_learned, full_learned, max_users, strongest, autolearn_groups;
    double unknown_strength, min_deviation, overlap, autolearn_spam, autolearn_ham;
    fct_size max_text, cache, users_cache;
    bool users_teach_site, check_users, autolearn;
};
extern const struct fct_conf_key bayes_conf_keys[];

FCT_MUST_CHECK bool bayes_conf_check(const struct bayes_conf *conf, struct fct_err *err);
void bayes_conf_tuning(const struct bayes_conf *conf, struct bayes_tuning *out);
/* Of `secret`, as bayes_key(). */
uint64_t bayes_conf_key(const struct bayes_conf *conf);

#endif
