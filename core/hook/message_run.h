/* message_run.h - a whole message: headers → scan → verdict → edit → deliver. */
#ifndef CORE_HOOK_MESSAGE_RUN_H
#define CORE_HOOK_MESSAGE_RUN_H

#include "core/hook/filter_client.h"
#include "core/hook/hook_run.h"

/* Runs all points under message_timeout and fills the result; everything in it lives in tx->arena.
 * tx->message is set. A message that is refused or discarded has no outcomes. */
FCT_MAY_WAIT void message_run(struct hook_engine *engine, struct transaction *tx,
                              const struct filter_recipient *recipient, size_t n,
                              struct filter_result *result);

#endif
