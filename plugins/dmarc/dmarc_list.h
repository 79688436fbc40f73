/* dmarc_list.h - mail of a mailing list, by what lists write into it (RFC 2919, RFC 2369). */
#ifndef PLUGINS_DMARC_DMARC_LIST_H
#define PLUGINS_DMARC_DMARC_LIST_H

#include "dmarc_domain.h"

/* The name of the list out of the value of List-Id, as "dev.lists.example.org": its first label is
 * left out when it is no label of the DNS. False: not written as it should be. */
FCT_MUST_CHECK bool dmarc_list_id(struct fct_str value, struct dmarc_domain *out);
/* Precedence: list, what lists wrote before there was a standard. */
bool dmarc_list_precedence(struct fct_str value);

#endif
