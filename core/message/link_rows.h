/* link_rows.h - which attributes hold URLs, of which elements, and how. For this folder only. */
#ifndef CORE_MESSAGE_LINK_ROWS_H
#define CORE_MESSAGE_LINK_ROWS_H

#include "core/message/html_tokens.h"

/* How a value holds its URLs. */
enum link_form { LINK_ONE, LINK_SRCSET, LINK_WORDS, LINK_REFRESH, LINK_STYLE, LINK_ANIMATED };

struct link_row {
    struct fct_str attribute, tag; /* tag: empty for any */
    enum fct_link_from from;
    enum link_form form;
};

/* NULL: the attribute `name` of `tag` holds no URL. */
const struct link_row *link_row_find(const struct fct_html_token *tag, struct fct_str name);

#endif
