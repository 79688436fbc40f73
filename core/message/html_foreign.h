/* html_foreign.h - are we inside svg or math? There style and title are ordinary elements and CDATA
 * sections exist (HTML standard 13.2.6.5), so a tokenizer without a tree must know; for this folder
 * only.
 *
 * A stack of the few elements that matter: svg, math, and the elements in them that hold HTML
 * again. Unlike a tree it does not see that the end tag of an HTML element around svg closes svg
 * too. */
#ifndef CORE_MESSAGE_HTML_FOREIGN_H
#define CORE_MESSAGE_HTML_FOREIGN_H

#include <facteur/plugin.h>

enum { HTML_FOREIGN_DEPTH = 64 }; /* deeper ones are not followed */

struct html_foreign {
    const char *open[HTML_FOREIGN_DEPTH];
    unsigned n;
};

bool html_foreign_inside(const struct html_foreign *f);
/* True: the element itself belongs to svg or math. */
bool html_foreign_start(struct html_foreign *f, const struct fct_html_token *tag);
void html_foreign_end(struct html_foreign *f, struct fct_str name);

#endif
