/* delivery_text.h - what a report says to people, in each language; for this folder only. All texts
 * are UTF-8 with LF line ends. */
#ifndef CORE_MESSAGE_DELIVERY_TEXT_H
#define CORE_MESSAGE_DELIVERY_TEXT_H

#include "core/message/delivery_report.h"

struct delivery_text {
    const char *from;        /* the display name */
    const char *greeting[2]; /* before and behind the name of this server */
    struct {
        const char *subject, *heading, *closing;
    } action[DELIVERY_ACTIONS];
    const char *answered[2]; /* before and behind the name of the other server */
    const char *until;       /* a date follows */
    const char *reason_unknown;
    const char *returned_full, *returned_header;
};
extern const struct delivery_text delivery_text[LANGUAGES];

/* Why, by the status code (RFC 3463); empty when there is nothing to say beyond the answer. */
const char *delivery_text_reason(enum language language, struct fct_str status);

#endif
