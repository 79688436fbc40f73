/* html_recode.h - charsets in which '<' may be something else than the byte 0x3C: the text in
 * UTF-8, and for each of its bytes where it came from. For this folder only.
 *
 * UTF-16 and UTF-32 are mapped character by character. ISO-2022-JP, ISO-2022-KR and UTF-7 switch
 * between ASCII and something else: ASCII is mapped byte by byte, the rest run by run. */
#ifndef CORE_MESSAGE_HTML_RECODE_H
#define CORE_MESSAGE_HTML_RECODE_H

#include "core/base/arena.h"
#include <facteur/plugin.h>

struct html_recoded {
    struct fct_str text;
    const uint32_t *from; /* text.n + 1 offsets in the original, rising */
};

/* False: the charset is a superset of ASCII and nothing was done. A byte order mark of UTF-16 beats
 * the charset's name, as in browsers. */
bool html_recode(struct arena *arena, struct fct_str charset, struct fct_str bytes,
                 struct html_recoded *out);
/* Offsets of the token and its attributes from the text's to the original's. */
void html_recoded_map(const struct html_recoded *r, struct fct_html_token *token);

#endif
