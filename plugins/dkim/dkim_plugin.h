/* dkim_plugin.h - what the parts of the plugin share. */
#ifndef DKIM_PLUGIN_H
#define DKIM_PLUGIN_H

#include "plugins/dkim/dkim_host.h"
#include "plugins/dkim/dkim_keys.h"
#include "plugins/dkim/dkim_sign.h"
#include "plugins/dkim/dkim_verify.h"

struct dkim_conf {
    bool verify;
    uint32_t max_signatures;
    uint32_t min_bits, max_bits;
    fct_duration clock_skew;
    uint32_t key_cache;
    fct_size offload;
    bool sign;
    const char *keys;
    const char *canonicalization;
    struct fct_strings headers, oversign;
    fct_duration lifetime;
};

struct dkim_plugin {
    const struct fct_host *host;
    const struct dkim_conf *conf;
    struct dkim_key_cache *cache;
    struct dkim_keys keys; /* we sign with */
    bool relaxed_header, relaxed_body;
};

/* dkim_scan.c: what comes in is verified. */
enum fct_verdict dkim_on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state);
extern const struct fct_symbol dkim_symbols[];

/* dkim_submission.c: what our users send is signed. */
enum fct_verdict dkim_on_edit(struct fct_call *call, const struct fct_ev_edit *ev, void *state);
enum fct_verdict dkim_on_queue_in(struct fct_call *call, const struct fct_ev_queue_in *ev,
                                  void *state);

#endif
