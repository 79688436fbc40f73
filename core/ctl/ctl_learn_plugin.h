/* ctl_learn_plugin.h - what the learners of `facteurctl learn` share: a plugin's settings, and a
 * message that is read as a filter would. */
#ifndef CORE_CTL_CTL_LEARN_PLUGIN_H
#define CORE_CTL_CTL_LEARN_PLUGIN_H

#include <facteur/conf.h>

struct ctl;
struct fct_call;

/* Of the block that enables the plugin `name`, under whatever name. *found: there is one. False:
 * what stands there is wrong. */
FCT_MUST_CHECK bool learn_plugin_conf(struct ctl *c, const char *name,
                                      const struct fct_conf_key *keys, void *conf, bool *found,
                                      struct fct_err *err);

/* For plugin_host; ends with plugin_host.trial_end. NULL: no memory. */
struct fct_call *learn_read(struct fct_str message);

#endif
