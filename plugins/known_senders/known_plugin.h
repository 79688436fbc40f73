/* known_plugin.h - what the files of the plugin share. */
#ifndef PLUGINS_KNOWN_SENDERS_KNOWN_PLUGIN_H
#define PLUGINS_KNOWN_SENDERS_KNOWN_PLUGIN_H

#include "known_conf.h"
#include "known_names.h"

#include <facteur/plugin.h>

enum { KNOWN_AT_ONCE = 32 }; /* questions to Redis in flight; filter.max_tasks is 64 */

struct known_plugin {
    const struct fct_host *host;
    const struct known_conf *conf;
};

static inline bool known_is(struct fct_str word, const char *other)
{
    return word.n == strlen(other) && strncasecmp(word.p, other, word.n) == 0;
}

/* ---- remembering: known_remember.c ---- */

enum fct_verdict known_on_submission(struct fct_call *call, const struct fct_ev_scan *ev,
                                     void *state);
enum fct_verdict known_on_accepted(struct fct_call *call, const struct fct_ev_accepted *ev,
                                   void *state);
enum fct_verdict known_on_append(struct fct_call *call, const struct fct_ev_store_append *ev,
                                 void *state);

/* ---- recognizing: known_scan.c ---- */

extern const struct fct_symbol known_symbols[];
enum fct_verdict known_on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state);

#endif
