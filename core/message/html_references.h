/* html_references.h - character references: "&amp;", "&#38;", "&#x26;" (HTML standard 13.2.5.72 and
 * following), for this folder only. */
#ifndef CORE_MESSAGE_HTML_REFERENCES_H
#define CORE_MESSAGE_HTML_REFERENCES_H

#include <facteur/base.h>

#define HTML_REFERENCE_MAX 8 /* bytes of UTF-8: two code points */

/* in.p[0] is '&'. Returns how many bytes of `in` the reference takes, 0 when it is none and the '&'
 * stands for itself. `attribute`: inside a value "&copy=" is text, as URLs are full of such. */
size_t html_reference(struct fct_str in, bool attribute, char out[HTML_REFERENCE_MAX], size_t *n);

#endif
