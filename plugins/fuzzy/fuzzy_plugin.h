/* fuzzy_plugin.h - what the files of the plugin share. */
#ifndef PLUGINS_FUZZY_FUZZY_PLUGIN_H
#define PLUGINS_FUZZY_FUZZY_PLUGIN_H

#include "fuzzy_conf.h"
#include "fuzzy_memory.h"
#include "fuzzy_store.h"

#include <time.h>

struct fuzzy_plugin {
    const struct fct_host *host;
    const struct fuzzy_conf *conf;
    uint64_t key;
    struct fuzzy_memory memory;
};

extern const struct fct_symbol fuzzy_symbols[];

enum fct_verdict fuzzy_on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state);
enum fct_verdict fuzzy_on_learn(struct fct_call *call, const struct fct_ev_learn *ev, void *state);

static inline struct fuzzy_reading fuzzy_reading(const struct fuzzy_plugin *plugin,
                                                 struct fct_call *call)
{
    const struct fuzzy_conf *c = plugin->conf;

    return (struct fuzzy_reading){
        plugin->host,      call, plugin->key, c->max_text.bytes, c->min_attachment.bytes,
        c->max_attachments};
}

static inline struct fuzzy_times fuzzy_times(const struct fuzzy_plugin *plugin)
{
    return (struct fuzzy_times){(int64_t)time(NULL), (int64_t)(plugin->conf->keep.ms / 1000)};
}

#endif
