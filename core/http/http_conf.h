/* http_conf.h - the `http` block: whom plugins and rules may ask over HTTP. */
#ifndef CORE_HTTP_HTTP_CONF_H
#define CORE_HTTP_HTTP_CONF_H

#include "core/conf/conf.h"

struct http_conf {
    struct fct_strings allow, plain, private_hosts;
    fct_size max;
    fct_duration timeout, connect_timeout;
    uint32_t max_connections, max_host_connections, max_redirects;
    const char *ca_file;
};
extern const struct conf_block http_block;

#endif
