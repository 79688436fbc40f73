/* ctl_learn_reputation.h - facteurctl learn teaches the plugin reputation, too, where it is
 * enabled: of messages that came here within its `remember`. */
#ifndef CORE_CTL_CTL_LEARN_REPUTATION_H
#define CORE_CTL_CTL_LEARN_REPUTATION_H

#include "core/base/arena.h"
#include "core/redis/redis.h"
#include "plugins/reputation/reputation_conf.h"
#include "plugins/reputation/reputation_store.h"

struct ctl;

struct learn_reputation {
    bool is_enabled;
    struct reputation_conf conf;
    char tag[REPUTATION_TAG_ROOM]; /* empty: everybody's */
};

/* account: NULL for everybody. */
FCT_MUST_CHECK bool learn_reputation_prepare(struct ctl *c, const char *account,
                                             struct learn_reputation *out, struct fct_err *err);
/* message: as on the wire. False: Redis does not want any more. */
FCT_MUST_CHECK FCT_MAY_WAIT bool learn_reputation_message(const struct learn_reputation *r,
                                                          struct redis *redis, struct arena *arena,
                                                          bool spam, struct fct_str message,
                                                          enum reputation_learned *what,
                                                          struct fct_err *err);
/* All that the account has said; *names: networks, domains and senders that was about. */
FCT_MUST_CHECK FCT_MAY_WAIT bool learn_reputation_forget(const struct learn_reputation *r,
                                                         struct redis *redis, struct arena *arena,
                                                         uint64_t *names, struct fct_err *err);

#endif
