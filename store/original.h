/* original.h - the original of an e-mail as a descriptor in a request's answer. */
#ifndef STORE_ORIGINAL_H
#define STORE_ORIGINAL_H

#include "store/client.h"

/* Its size goes into the answer, the descriptor goes with it: a sealed memfd, or a file that can
 * only be read. */
FCT_MAY_WAIT FCT_MUST_CHECK bool original_give(struct request *rq, uint64_t account,
                                               uint64_t email);

#endif
