/* lmtp_conf.h - the `lmtp` block: the limits of smtp_conf.h with the defaults of a local hand-over.
 */
#ifndef PROTOCOLS_LMTP_LMTP_CONF_H
#define PROTOCOLS_LMTP_LMTP_CONF_H

#include "protocols/smtp/smtp_conf.h"

extern const struct conf_block lmtp_block;

#endif
