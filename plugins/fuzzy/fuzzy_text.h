/* fuzzy_text.h - the words of a text as a sketch sees them: what campaigns change from message to
 * message is left out.
 *
 * Letters in lower case, digits one class ("order 4711" is "order 0"), marks and punctuation off, a
 * URL as its host alone; scripts written without spaces count each character as a word. */
#ifndef PLUGINS_FUZZY_FUZZY_TEXT_H
#define PLUGINS_FUZZY_FUZZY_TEXT_H

#include "fuzzy_sketch.h"

/* text: any bytes, UTF-8 where they are text. */
void fuzzy_text_add(struct fuzzy_sketcher *s, struct fct_str text);

#endif
