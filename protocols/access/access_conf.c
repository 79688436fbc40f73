/* access_conf.c - settings of what IMAP and POP3 have in common. */
#include "protocols/access/access_conf.h"

/* clang-format off */
static const struct fct_conf_key access_keys[] = {
    FCT_CONF_KEY(struct access_conf, max_learn,   "500",  "Messages of one command (a move into Junk) that learners get; of more, so many are taken, evenly spread"),
    FCT_CONF_KEY(struct access_conf, learn_delay, "1m",   "So long after a message was moved or marked learners are told: who moves it back meanwhile has said nothing"),
    FCT_CONF_KEY(struct access_conf, learn_retry, "1m",   "When learners cannot take anything, as without Redis, they are asked again after this time"),
    FCT_CONF_END,
};
/* clang-format on */

const struct conf_block access_block = {
    .name = "access",
    .doc = "What IMAP and POP3 have in common.",
    .keys = access_keys,
    .size = sizeof(struct access_conf),
    .file = "23-access.conf",
};
