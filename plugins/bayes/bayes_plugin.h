/* bayes_plugin.h - what the files of the plugin share. */
#ifndef PLUGINS_BAYES_BAYES_PLUGIN_H
#define PLUGINS_BAYES_BAYES_PLUGIN_H

#include "bayes_cache.h"
#include "bayes_conf.h"
#include "bayes_store.h"
#include "bayes_users.h"

enum { BAYES_DATABASES_MAX = 21 }; /* the site's and those of max_users */

struct bayes_plugin {
    const struct fct_host *host;
    const struct bayes_conf *conf;
    uint64_t key;
    struct bayes_tuning tuning;
    struct bayes_cache *cache;   /* NULL: `cache = 0` */
    struct bayes_users *users;   /* NULL: `users_cache = 0` */
    struct bayes_looking *spare; /* bayes_lookup.c */
    size_t spares;
};

extern const struct fct_symbol bayes_symbols[];

enum fct_verdict bayes_on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state);
enum fct_verdict bayes_on_learn(struct fct_call *call, const struct fct_ev_learn *ev, void *state);
enum fct_verdict bayes_on_verdict(struct fct_call *call, const struct fct_ev_verdict *ev,
                                  void *state);

/* The site's database learns the message because its score says so. */
FCT_MAY_WAIT void bayes_guess(const struct bayes_plugin *plugin, struct fct_call *call, bool spam);

static inline struct bayes_reading bayes_reading(const struct bayes_plugin *plugin,
                                                 struct fct_call *call)
{
    return (struct bayes_reading){plugin->host, call, plugin->key, plugin->conf->max_text.bytes,
                                  plugin->host->server_name(call)};
}

#endif
