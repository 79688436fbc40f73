/* html_tokens.h - what a browser's tokenizer would see in a text/html part (HTML standard 13.2.5),
 * as spans over the part's bytes: no tree, nothing is written anew, time and memory grow with the
 * input's length and no faster.
 *
 * Content of title and textarea is text with character references, of style, xmp, iframe, noembed,
 * noframes and script text without, as the standard's tree construction asks for; noscript is plain
 * HTML, since mail programs run no scripts. Inside svg and math, where these elements are ordinary
 * and CDATA exists, a short stack stands in for the tree (html_foreign.h).
 *
 * Not tokens: "</>", a tag that the input ends in, attributes of end tags, second attributes of the
 * same name. Line ends in text are LF. NUL is kept in plain text and is U+FFFD elsewhere.
 *
 * Offsets count in `bytes`, in any charset. Charsets that are no superset of ASCII (UTF-16, UTF-7,
 * ISO-2022) are tokenized as converted text and offsets mapped back; whoever replaces such a span
 * must write that charset. */
#ifndef CORE_MESSAGE_HTML_TOKENS_H
#define CORE_MESSAGE_HTML_TOKENS_H

#include "core/base/arena.h"
#include <facteur/plugin.h>

struct html_tokens {
    const struct fct_html_token *token;
    size_t n;
    size_t counted; /* tokens and attributes: what the limit is about */
    bool truncated; /* the limit was reached: nothing behind the last token was looked at */
    bool has_base;  /* there is a base element, which changes what URLs mean */
    bool recoded;   /* offsets were mapped back from converted text */
    uint64_t steps; /* bytes looked at, for tests: linear in the input */
};

/* `bytes` must outlive the tokens, whose text is a view of it wherever it can be. max: tokens and
 * attributes together. charset: of the part, may be empty. */
void html_tokenize(struct arena *arena, struct fct_str bytes, struct fct_str charset, size_t max,
                   struct html_tokens *out);

/* From places in a value to places in the raw bytes it was made of, forward only. Exact when the
 * raw bytes are UTF-8. */
struct html_source {
    struct fct_str raw;
    bool references;      /* an attribute's value, not the text of style */
    size_t offset, value; /* where we are in raw and in the value; both 0 at first */
};
size_t html_source_offset(struct html_source *s, size_t at);

/* The attribute of that name (lower case), or NULL. */
const struct fct_html_attribute *html_attribute(const struct fct_html_token *token,
                                                const char *name);

#endif
