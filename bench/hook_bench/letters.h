/* letters.h - messages for the rows of hook_bench that look at content. */
#ifndef LETTERS_H
#define LETTERS_H

#include "core/base/buf.h"

/* Bodies of `size` bytes or a little more, the same ones each time. */
void put_usual_words(struct buf *out, size_t size); /* and a few phrases of spam */
void put_spam_words(struct buf *out, size_t size);  /* nothing but words that rules look for */
void put_newsletter(struct buf *out, size_t size);  /* rows of a table of HTML */

#endif
