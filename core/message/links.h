/* links.h - every URL of a text part, where it stands and what people see in its place.
 *
 * HTML: attributes that a click or a display would follow (a, area, img, srcset, forms, frames,
 * media, backgrounds, meta refresh, svg and what it animates), url(…) in style attributes, style
 * elements and attributes of svg; attributes in comments that Outlook shows; relative ones by
 * <base>. Plain text: what mail programs make clickable. Only URLs with a host: no mailto, cid or
 * data. */
#ifndef CORE_MESSAGE_LINKS_H
#define CORE_MESSAGE_LINKS_H

#include "core/message/html_tokens.h"

struct link_limits {
    size_t max_html_tokens, max_urls; /* of a message */
};
extern const struct link_limits link_default_limits;

struct link_list {
    struct fct_link *link;
    size_t n, room, max;
    bool truncated; /* there were more than max */
};

/* What a part is made of. `bytes` must outlive the links. */
struct link_source {
    const struct fct_part *part; /* stands in each link; may be NULL */
    struct fct_str bytes, charset;
    bool joins_lines; /* format=flowed with DelSp=yes: a space before a line end joins (RFC
                         3676 4.1) */
};

/* Append to `out`, which starts as {.max = …} and whose memory is the arena's. org stays empty. */
void links_from_html(struct arena *arena, const struct link_source *source,
                     const struct html_tokens *tokens, struct link_list *out);
void links_from_text(struct arena *arena, const struct link_source *source, struct link_list *out);

/* One more, empty, with its part; NULL when the limit is reached. For this folder. */
struct fct_link *links_add(struct arena *arena, struct link_list *out,
                           const struct link_source *source);

#endif
