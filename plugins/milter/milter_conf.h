/* milter_conf.h - the block of one filter, and whom it is asked about. */
#ifndef MILTER_CONF_H
#define MILTER_CONF_H

#include <facteur/plugin.h>

struct milter_conf {
    const char *address;
    fct_duration connect_timeout, command_timeout, content_timeout;
    const char *default_action;
    uint32_t version;
    uint32_t idle_connections;
    fct_duration idle_time;
    fct_size max_packet;
    struct fct_strings when_role, when_net, when_domain;
    struct fct_strings macros; /* NAME=value */
};

/* What is done when the filter cannot be asked. */
enum milter_default { DEFAULT_TEMPFAIL, DEFAULT_ACCEPT, DEFAULT_REJECT, DEFAULT_QUARANTINE };

extern const struct fct_conf_key milter_keys[];
FCT_MUST_CHECK bool milter_conf_check(const struct milter_conf *conf, enum milter_default *action,
                                      struct fct_err *err);
/* Shall this connection be shown to the filter? */
bool milter_conf_wants(const struct milter_conf *conf, const struct fct_conn *conn);
/* Does one of the recipients' domains ask for it? */
bool milter_conf_wants_domain(const struct milter_conf *conf, const struct fct_envelope *envelope);

#endif
