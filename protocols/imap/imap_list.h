/* imap_list.h - the pattern of LIST, for its test. */
#ifndef PROTOCOLS_IMAP_IMAP_LIST_H
#define PROTOCOLS_IMAP_IMAP_LIST_H

#include <facteur/base.h>

bool imap_list_match(struct fct_str pattern, struct fct_str name);

#endif
