/* clamav_conf.h - `plugin clamav { … }`. */
#ifndef PLUGINS_CLAMAV_CLAMAV_CONF_H
#define PLUGINS_CLAMAV_CLAMAV_CONF_H

#include <facteur/conf.h>

struct clamav_conf {
    struct fct_strings server, soft;
    const char *action, *on_unavailable;
    fct_size max_size;
    fct_duration timeout, pause, probe;
    uint32_t rank;
};
extern const struct fct_conf_key clamav_keys[];

enum clamav_action { CLAMAV_SCORE, CLAMAV_QUARANTINE, CLAMAV_DISCARD, CLAMAV_REJECT };

/* The words of the configuration, understood. */
struct clamav_choice {
    enum clamav_action action;
    bool defer; /* while no clamd serves */
};
bool clamav_conf_read(const struct clamav_conf *conf, struct clamav_choice *out,
                      struct fct_err *err);

#endif
