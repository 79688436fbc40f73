/* plugin_trial.h - a transaction that a plugin makes for itself, to test its rules before it
 * serves.
 *
 * Why: rules are tested at load (a set whose tests fail is refused), and by facteurctl, where no
 * client and no hook point exist; the message must be read by the same functions as in service. */
#ifndef CORE_PLUGIN_PLUGIN_TRIAL_H
#define CORE_PLUGIN_PLUGIN_TRIAL_H

#include "core/plugin/plugin_call.h"

/* The functions of the same names in struct fct_host. */
FCT_MUST_CHECK struct fct_call *
plugin_trial_begin(struct fct_self *self, const struct fct_trial *trial, struct fct_err *err);
void plugin_trial_end(struct fct_call *call);

#endif
