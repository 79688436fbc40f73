/* spf_conf.h - `plugin spf { … }`. */
#ifndef PLUGINS_SPF_SPF_CONF_H
#define PLUGINS_SPF_SPF_CONF_H

#include "spf.h"

struct spf_conf {
    const char *engine;
    bool helo;
    struct fct_strings skip_net;
    bool reject_fail, reject_helo_fail, defer_temperror;
    bool explanation;
    bool received_spf;
    fct_duration time_limit;
    uint32_t max_lookups, max_void_lookups, max_names;
};
extern const struct fct_conf_key spf_keys[];

FCT_MUST_CHECK bool spf_conf_check(const struct spf_conf *conf, struct fct_err *err);
/* native: spf_check(), libspf2: spf_check_libspf2(). */
bool spf_conf_is_native(const struct spf_conf *conf);
/* Will somebody read what the domain explains? */
bool spf_conf_explains(const struct spf_conf *conf);

#endif
