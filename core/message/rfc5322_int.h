/* rfc5322_int.h - the header scan with a stop line, for the MIME scanner (a part's header ends at a
 * boundary too). */
#ifndef CORE_MESSAGE_RFC5322_INT_H
#define CORE_MESSAGE_RFC5322_INT_H

#include "core/message/rfc5322.h"

/* Asked for each line that begins with '-'; `next` is behind its line end. */
typedef bool (*header_stop)(void *arg, const char *line, const char *next);

/* As header_list_parse from `start` on; offsets are those of `message`. */
void header_list_scan(struct arena *arena, struct fct_str message, size_t start,
                      const struct header_limits *limits, header_stop stop, void *arg,
                      struct header_list *out);

#endif
