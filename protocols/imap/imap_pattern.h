/* imap_pattern.h - does a mailbox name match a pattern of LIST (RFC 9051 6.3.9)? '*' stands for any
 * characters, '%' for any but the separator. Both are UTF-8; nothing else is special. */
#ifndef PROTOCOLS_IMAP_IMAP_PATTERN_H
#define PROTOCOLS_IMAP_IMAP_PATTERN_H

#include <facteur/base.h>

bool imap_pattern_match(struct fct_str pattern, struct fct_str name);

#endif
