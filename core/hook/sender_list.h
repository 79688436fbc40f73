/* sender_list.h - allow_from and block_from of an account: who a message is from, how far that is
 * proven, and what the lists say to it. */
#ifndef CORE_HOOK_SENDER_LIST_H
#define CORE_HOOK_SENDER_LIST_H

#include "core/plugin/plugin_call.h"

#define SENDERS_MAX 8u /* addresses of From that are looked at */

struct sender {
    struct fct_str from[SENDERS_MAX]; /* user@domain each */
    size_t froms;
    struct fct_str envelope; /* or empty */
    const char *proof; /* of from[0], where it stands alone: "dmarc", "dkim", "spf", "login"; else
                          NULL */
};

/* From the header, the envelope and what plugins left as facts under "auth". */
void sender_read(struct transaction *tx, struct sender *out);

/* What the account's lists ask for; false: nothing. *why: a sentence for the ledger. */
bool sender_lists_decide(const struct sender *sender, struct fct_list setting, struct arena *arena,
                         enum fct_action *action, struct fct_str *why);

#endif
