/* redis_conf.h - the `redis` block: which server keeps what filters remember together. */
#ifndef CORE_REDIS_REDIS_CONF_H
#define CORE_REDIS_REDIS_CONF_H

#include "core/conf/conf.h"

struct redis_conf {
    const char *url, *user, *password_file, *ca_file;
    const char *sentinel_user, *sentinel_password_file;
    uint32_t database;
    bool spawn; /* without a url: the supervisor runs a private one (redis_spawn.h) */
    const char *program, *data_dir;
    fct_size max_memory;  /* of the private one */
    fct_duration timeout; /* an answer that takes longer: Redis counts as away */
    fct_duration retry;
    uint32_t max_errors;
    uint32_t max_pending;
    fct_size max_reply;
};
extern const struct conf_block redis_block;

#endif
