/* reputation_plugin.h - what the files of the plugin share. */
#ifndef PLUGINS_REPUTATION_REPUTATION_PLUGIN_H
#define PLUGINS_REPUTATION_REPUTATION_PLUGIN_H

#include "reputation_names.h"

struct reputation_plugin {
    const struct fct_host *host;
    const struct reputation_conf *conf;
    struct reputation_asn *asn;
};

extern const struct fct_symbol reputation_symbols[]; /* by enum reputation_kind, then the end */

/* Judges by what is known, and keeps the names for when it is known what became of the message. */
enum fct_verdict reputation_on_scan(struct fct_call *call, const struct fct_ev_scan *ev,
                                    void *state);

/* ---- counting: reputation_tell.c ---- */

/* Begins with a message. What became of the one before, if nobody heard, is counted now. */
FCT_MAY_WAIT void reputation_keep(const struct reputation_plugin *plugin, struct fct_call *call,
                                  const struct reputation_names *names);
enum fct_verdict reputation_on_verdict(struct fct_call *call, const struct fct_ev_verdict *ev,
                                       void *state);
enum fct_verdict reputation_on_accepted(struct fct_call *call, const struct fct_ev_accepted *ev,
                                        void *state);
enum fct_verdict reputation_on_disconnect(struct fct_call *call, const struct fct_ev_disconnect *ev,
                                          void *state);
enum fct_verdict reputation_on_learn(struct fct_call *call, const struct fct_ev_learn *ev,
                                     void *state);

#endif
