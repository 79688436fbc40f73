/* address.h - address lists of header fields (RFC 5322 3.4, 6854), lenient as real mail needs,
 * linear, bounded. */
#ifndef CORE_MESSAGE_ADDRESS_H
#define CORE_MESSAGE_ADDRESS_H

#include "core/base/arena.h"

struct address {
    struct fct_str name;   /* display name as written, quotes and comments removed, encoded words
                              kept; may be empty */
    struct fct_str local;  /* unquoted */
    struct fct_str domain; /* empty: none was given */
    struct fct_str route;  /* obs-route without the colon, "@a,@b"; nearly always empty */
    enum {
        ADDRESS_MAILBOX,
        ADDRESS_GROUP_START,
        ADDRESS_GROUP_END
    } kind;       /* group start: local = the group's name */
    bool broken;  /* the angle address had no end or no address: what could be read is given */
    bool garbage; /* something behind it, up to the comma, is no part of any address */
};

/* At most `max` entries; returns how many. `value` is the unfolded field value. */
size_t address_list_parse(struct arena *arena, struct fct_str value, struct address *out,
                          size_t max);

#endif
