/* store_conf.h - the `store` block. */
#ifndef STORE_STORE_CONF_H
#define STORE_STORE_CONF_H

#include "core/conf/conf.h"

struct store_conf {
    const char *show_original;
    fct_duration privacy_keep;
    fct_size quota, mailbox_cache, read_cache, write_buffer, block_cache, segment_size, reserve,
        queue_hot, max_message, max_settings_bytes;
    bool login_as;
    uint32_t account_cache, max_mailboxes, hash_threads, login_cache, settings_cache, max_settings,
        learn_words, queue_messages, queue_per_login, queue_domain_jobs, queue_recipients;
    fct_size queue_history;
    fct_duration grace, collect_every, learn_keep, queue_ack_delay, queue_lease;
};
extern const struct conf_block store_block;

#define QUEUE_RECIPIENTS_MAX 5000u /* so that an entry fits into one answer of the store */

#endif
