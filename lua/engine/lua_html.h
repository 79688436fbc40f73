/* lua_html.h - going through the HTML of a message. */
#ifndef LUA_HTML_H
#define LUA_HTML_H

#include "lua_engine.h"

/* Tokens of all text/html parts, or of one. */
struct lua_html_walk {
    const struct fct_host *host;
    struct fct_call *call;
    const struct fct_part *part, *end; /* being looked at; behind the last */
    const struct fct_html_token *token;
    size_t tokens, at;
    bool one;
};

void lua_html_start(struct lua_html_walk *w, const struct fct_host *host, struct fct_call *call,
                    const struct fct_part *only);
/* The next token, NULL at the end; w->part is its part. */
const struct fct_html_token *lua_html_next(struct lua_html_walk *w);
/* An attribute's value; .p is NULL when it is not there. */
struct fct_str lua_html_attribute(const struct fct_html_token *t, const char *name);
/* Whole pixels of "1", "1px" or "1.5"; -1: nothing of the kind. */
int lua_html_pixels(struct fct_str value);
/* The value of a property of an inline style, lower case, without spaces around; .n is 0 when it is
 * not there. Points into `style`. */
struct fct_str lua_html_style(struct fct_str style, const char *property);
bool lua_html_is_hidden(const struct fct_html_token *t);

#endif
