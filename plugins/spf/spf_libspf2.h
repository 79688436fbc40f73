/* spf_libspf2.h - the same question to libspf2, the library that Exim and others use, over the same
 * DNS. For comparison: it fails a third of the public test suite, lets every client on loopback
 * pass, has no void-lookup limit and knows nothing of IDN. It tells neither the term that decided
 * nor the steps; explanations are left out.
 */
#ifndef PLUGINS_SPF_SPF_LIBSPF2_H
#define PLUGINS_SPF_SPF_LIBSPF2_H

#include "spf.h"

FCT_MAY_WAIT void spf_check_libspf2(const struct spf_query *query, struct spf_outcome *out);

#endif
