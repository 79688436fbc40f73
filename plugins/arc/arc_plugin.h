/* arc_plugin.h - what the parts of the plugin share. */
#ifndef ARC_PLUGIN_H
#define ARC_PLUGIN_H

#include "plugins/arc/arc_chain.h"
#include "plugins/dkim/dkim_host.h"
#include "plugins/dkim/dkim_keys.h"

struct arc_conf {
    uint32_t max_sets, max_verifications, max_results;
    uint32_t min_bits, max_bits;
    fct_duration clock_skew;
    uint32_t key_cache;
    fct_size offload;
    const char *seal;
    struct fct_strings local_domains;
    const char *domain;
    const char *keys;
    struct fct_strings headers, oversign;
};

enum arc_seal_when { ARC_SEAL_NO, ARC_SEAL_FORWARDED, ARC_SEAL_ALL };

struct arc_plugin {
    const struct fct_host *host;
    const struct arc_conf *conf;
    struct dkim_key_cache *cache;
    enum arc_seal_when when;
    struct dkim_keys keys; /* we seal with */
};

/* Fact "arc.chain", from scan to edit: what was found, and the instance of a set on top of it. 0:
 * there must be none, because the chain is full, was ended before, or could not be judged. */
#define ARC_CHAIN_FACT "arc.chain"
#define ARC_CHAIN_FORM "%s next=%u"

/* arc_scan.c: what comes in is validated. */
enum fct_verdict arc_on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state);
extern const struct fct_symbol arc_symbols[];

/* arc_sealer.c: what goes on is sealed. */
enum fct_verdict arc_on_edit(struct fct_call *call, const struct fct_ev_edit *ev, void *state);

#endif
