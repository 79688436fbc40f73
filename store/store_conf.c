/* store_conf.c - the rows of the `store` block. */
#include "store/store_conf.h"

/* clang-format off */
static const struct fct_conf_key keys[] = {
    FCT_CONF_KEY(struct store_conf, quota,         "0",     "Bytes of mail an account may hold; 0 for no limit (RFC 9208 5.1 STORAGE)"),
    FCT_CONF_KEY(struct store_conf, max_message,   "128M",  "Largest message the store accepts; protocols have smaller limits of their own"),
    FCT_CONF_KEY(struct store_conf, max_mailboxes, "10000", "Mailboxes an account may have"),
    FCT_CONF_KEY(struct store_conf, max_settings,  "64",    "Settings an account may have (facteurctl account set)"),
    FCT_CONF_KEY(struct store_conf, max_settings_bytes, "8K", "All settings of an account together"),
    FCT_CONF_KEY(struct store_conf, login_as,      "no",    "A plugin may open another account than the one whose password was proved (hook auth, change user); a broken edge process could then do so, too"),
    FCT_CONF_KEY(struct store_conf, grace,         "10m",   "How long the data of an expunged message is kept before its space may be used again"),
    FCT_CONF_KEY(struct store_conf, collect_every, "15m",   "How often segments of which more than half is dead are rewritten"),
    FCT_CONF_KEY(struct store_conf, reserve,       "64M",   "With less free space on the disk than this, new mail is refused while reading and deleting go on"),
    FCT_CONF_KEY(struct store_conf, mailbox_cache, "64M",   "Memory for the records of mailboxes in use (64 bytes a message); more is used while more are selected"),
    FCT_CONF_KEY(struct store_conf, read_cache,    "8M",    "Memory for what reading a message needs to know (about 400 bytes a message), of those read last"),
    FCT_CONF_KEY(struct store_conf, account_cache, "10000", "Accounts kept in memory (about 2 KiB each)"),
    FCT_CONF_KEY(struct store_conf, settings_cache, "10000", "Addresses whose account and settings are kept in memory for the next RCPT; 0 for none"),
    FCT_CONF_KEY(struct store_conf, login_cache,   "10000", "Verified logins remembered in memory, so that a repeated login costs no password hash; 0 for none"),
    FCT_CONF_KEY(struct store_conf, hash_threads,  "2",     "Passwords hashed at the same time (about 16 MiB of memory each)"),
    FCT_CONF_KEY(struct store_conf, write_buffer,  "16M",   "Memory of the index for changes before they are written to a table"),
    FCT_CONF_KEY(struct store_conf, block_cache,   "32M",   "Memory of the index for blocks read from the disk"),
    FCT_CONF_KEY(struct store_conf, learn_words,   "100000", "Messages about which people said something (moved into Junk) that no learner has heard yet; what comes above it is not learned"),
    FCT_CONF_KEY(struct store_conf, learn_keep,    "14d",   "How long such a message is told again and again while learners cannot take it, as without Redis"),
    FCT_CONF_KEY(struct store_conf, show_original, "Show original", "Mailbox that shows the originals of what is copied or moved there; an account gets it with its first message that was cleaned of trackers (docs/privacy.md); empty: none"),
    FCT_CONF_KEY(struct store_conf, privacy_keep,  "400d",  "How long is known how many trackers were taken out of an account's mail, by day, company and sender (facteurctl privacy report)"),
    FCT_CONF_KEY(struct store_conf, queue_messages, "1000000", "Messages that may wait to be sent to other servers (about 200 bytes of memory each); more are refused with 452"),
    FCT_CONF_KEY(struct store_conf, queue_per_login, "20000", "Messages of one login that may wait to be sent; 0 for no limit"),
    FCT_CONF_KEY(struct store_conf, queue_domain_jobs, "20",  "Messages to one domain that are handed to the relay at one time, until it has learned what the domain takes"),
    FCT_CONF_KEY(struct store_conf, queue_recipients, "5000", "Recipients of one entry of the queue, 1 to 5000; a message for more elsewhere (aliases count as what they lead to) becomes several entries. How many a client may name is smtp.max_recipients"),
    FCT_CONF_KEY(struct store_conf, queue_history,   "64M",   "File of what became of sent mail, for facteurctl trace; the older half goes when it is full. 0: none"),
    FCT_CONF_KEY(struct store_conf, queue_ack_delay, "50ms",  "How long the note that a message was sent waits for other changes that it can be written with"),
    FCT_CONF_KEY(struct store_conf, queue_lease,    "4h",     "After this time a message that the relay has in hand is handed out again, if it was not heard of"),
    FCT_CONF_KEY(struct store_conf, queue_hot,      "32M",    "Memory in which large messages for other servers stay for up to a minute until the relay takes them, which saves reading them again; 0 for none"),
    FCT_CONF_KEY(struct store_conf, segment_size,  "256M",  "Size of a file of the log that holds message bodies"),
    FCT_CONF_END,
};
/* clang-format on */

static bool check(const void *values, struct fct_err *err)
{
    const struct store_conf *conf = values;

    if (conf->queue_recipients == 0 || conf->queue_recipients > QUEUE_RECIPIENTS_MAX)
        return fct_fail(err, FCT_SYNTAX, "queue_recipients: must be 1 to %u", QUEUE_RECIPIENTS_MAX);
    return true;
}

const struct conf_block store_block = {
    .name = "store",
    .doc = "Where mail is kept: limits, memory, and how space is reclaimed.",
    .keys = keys,
    .size = sizeof(struct store_conf),
    .file = "30-store.conf",
    .check = check,
};
