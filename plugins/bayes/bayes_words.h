/* bayes_words.h - words of any script: folded (NFKC, case), 2 to 40 characters; two neighbours each
 * where people write no spaces (Han, kana, Thai, Lao, Khmer, Burmese). */
#ifndef PLUGINS_BAYES_BAYES_WORDS_H
#define PLUGINS_BAYES_BAYES_WORDS_H

#include "bayes_tokens.h"

/* Words into `words`; pairs of two within five words of each other into `pairs`; 0: no pairs.
 * `text` is meant to be UTF-8; bytes that are not stand between words. */
void bayes_words_add(struct bayes_tokens *t, struct fct_str text, enum bayes_space words,
                     enum bayes_space pairs);

/* The same words, each as the value of `name`: no pairs. */
void bayes_words_of(struct bayes_tokens *t, struct fct_str text, enum bayes_space space,
                    const char *name);

#endif
