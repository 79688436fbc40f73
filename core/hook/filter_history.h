/* filter_history.h - the history in a filter process: entries written down after the reply, sent to
 * Redis by one filter for all, and looked through for facteurctl. */
#ifndef CORE_HOOK_FILTER_HISTORY_H
#define CORE_HOOK_FILTER_HISTORY_H

#include "core/hook/filter_codec.h"
#include "core/hook/filter_slot.h"
#include "core/hook/history_conf.h"
#include "core/hook/history_ring.h"
#include "core/plugin/plugin_call.h"
#include "core/supervisor/role.h"

struct event;
struct redis;

struct filter_history {
    struct history_ring *ring; /* NULL: nothing is written (a command of facteurctl) */
    const struct history_conf *conf;
    struct redis *redis; /* NULL: none */
    struct lease_entry *lease;
    struct event *timer;
    bool sending;
    unsigned eager;  /* so many more times the key is asked for soon */
    uint64_t key_of; /* the connection to Redis on which both agreed on the key */
};

void filter_history_start(struct filter_history *h, struct role_env *env, struct redis *redis);
void filter_history_stop(struct filter_history *h);

/* One message. Its reply has left; `tx` and the result still live. */
void filter_history_add(struct filter_history *h, const struct transaction *tx,
                        const struct filter_message_request *request,
                        const struct filter_result *result, uint64_t begun_ms);

/* `name value` lines for facteurctl status. */
void filter_history_status(const struct filter_history *h, struct buf *out);

/* Answer to FILTER_HISTORY: what matches among the next entries, newest first, and where to go on.
 */
FCT_MAY_WAIT FCT_MUST_CHECK bool filter_history_answer(struct filter_history *h,
                                                       struct arena *arena, struct fct_str request,
                                                       struct buf *out, struct fct_err *err);

#endif
