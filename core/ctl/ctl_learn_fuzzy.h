/* ctl_learn_fuzzy.h - facteurctl learn teaches the plugin fuzzy, too, where it is enabled. */
#ifndef CORE_CTL_CTL_LEARN_FUZZY_H
#define CORE_CTL_CTL_LEARN_FUZZY_H

#include "core/base/arena.h"
#include "core/redis/redis.h"
#include "plugins/fuzzy/fuzzy_conf.h"
#include "plugins/fuzzy/fuzzy_store.h"

struct ctl;

struct learn_fuzzy {
    bool is_enabled;
    struct fuzzy_conf conf;
    uint64_t key;
    struct fuzzy_who who;
};

/* account: NULL for the site's own word, which goes before that of users. */
FCT_MUST_CHECK bool learn_fuzzy_prepare(struct ctl *c, const char *account, struct learn_fuzzy *out,
                                        struct fct_err *err);
/* message: as on the wire. *could: there was something to compare it by; *what came of it. False:
 * Redis does not want any more. */
FCT_MUST_CHECK FCT_MAY_WAIT bool learn_fuzzy_message(const struct learn_fuzzy *f,
                                                     struct redis *redis, struct arena *arena,
                                                     bool spam, struct fct_str message, bool *could,
                                                     enum fuzzy_learned *what, struct fct_err *err);
/* All that the account has said; *messages: how many that was about. */
FCT_MUST_CHECK FCT_MAY_WAIT bool learn_fuzzy_forget(const struct learn_fuzzy *f,
                                                    struct redis *redis, struct arena *arena,
                                                    uint64_t *messages, struct fct_err *err);

#endif
