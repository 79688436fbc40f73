/* images_conf.h - the `images` block: the image proxy. It runs where a listener has `protocol =
 * images`. */
#ifndef PROTOCOLS_IMAGES_IMAGES_CONF_H
#define PROTOCOLS_IMAGES_IMAGES_CONF_H

#include "core/conf/conf.h"

struct images_conf {
    const char *key_file, *cache;
    fct_size cache_size;
    fct_duration keep, keep_failure, keep_browser;
    fct_size max_image;
    fct_duration timeout, connect_timeout;
    uint32_t max_redirects;
    struct fct_strings ports, private_hosts;
    uint32_t max_fetches, max_host_fetches;
    uint32_t max_connections;
    fct_duration idle_timeout;
    fct_size max_request;
    const char *ca_file;
};
extern const struct conf_block images_block;

#endif
