/* spf_name.h - domain names on their way to check_host(). */
#ifndef PLUGINS_SPF_SPF_NAME_H
#define PLUGINS_SPF_SPF_NAME_H

#include "spf.h"

/* U-labels become A-labels (RFC 8616 4, RFC 5891), one final dot goes. False: not valid IDN, or
 * longer than a name may be. */
FCT_MUST_CHECK bool spf_name_ascii(struct fct_str text, char out[SPF_NAME_MAX + 1]);
/* Labels of 1 to 63 bytes (RFC 1035 2.3.4). */
bool spf_name_is_wellformed(struct fct_str name);
/* Well-formed, more than one label and no address in brackets (RFC 7208 4.3). */
bool spf_name_is_checkable(struct fct_str name);

bool spf_same_nocase(struct fct_str a, struct fct_str b);
/* `name` is `domain` or below it. */
bool spf_name_is_within(struct fct_str name, struct fct_str domain);

#endif
