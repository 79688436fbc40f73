/* bayes_tokens.h - what a message is to the classifier: a set of hashes, at most BAYES_TOKENS.
 *
 * Which tokens of a long message are kept is decided by their hash alone, the lowest first: the
 * same message gives the same set each time, two similar messages give similar ones, and the cost
 * of a look-up is bounded. The hash is keyed, so that nobody outside can pick words that crowd out
 * others. Pure: knows nothing of plugins. */
#ifndef PLUGINS_BAYES_BAYES_TOKENS_H
#define PLUGINS_BAYES_BAYES_TOKENS_H

#include <facteur/base.h>

#define BAYES_TOKENS 800
#define BAYES_DRAWER (2 * BAYES_TOKENS)

/* Where a token comes from. The same word in a subject and in the text are two tokens. Numbers go
 * into the hash: never reuse one. */
enum bayes_space {
    BAYES_WORD = 1,    /* of the text */
    BAYES_PAIR = 2,    /* two words of the text and how far they stand apart */
    BAYES_SUBJECT = 3, /* a word of the subject */
    BAYES_SUBJECT_PAIR = 4,
    BAYES_HIDDEN = 5, /* a word that HTML hides */
    BAYES_SENDER = 6, /* names, addresses and domains it claims to come from */
    BAYES_URL = 7,    /* hosts, and what URLs look like */
    BAYES_HEADER = 8, /* fields and their values */
    BAYES_SHAPE = 9,  /* how it is built: MIME, HTML, sizes */
    BAYES_FILE = 10,  /* attachments */
};

/* Three drawers, so that a long text leaves room for what little the header has to say. */
enum bayes_kind { BAYES_ABOUT, BAYES_WORDS, BAYES_PAIRS, BAYES_KINDS };

struct bayes_drawer {
    size_t n, most;
    uint64_t limit; /* higher ones have no chance any more; 0: anything has */
    uint64_t hash[BAYES_DRAWER];
};

struct bayes_tokens {
    uint64_t key;
    struct bayes_drawer drawer[BAYES_KINDS];
};

/* secret: of this site; any length. Without one hashes are the same everywhere. */
uint64_t bayes_key(struct fct_str secret);

void bayes_tokens_init(struct bayes_tokens *t, uint64_t key);
/* Its hash, for pairs. */
uint64_t bayes_token(struct bayes_tokens *t, enum bayes_space space, struct fct_str text);
/* Two texts as one token: a name and its value. */
void bayes_token_of(struct bayes_tokens *t, enum bayes_space space, const char *name,
                    struct fct_str value);
void bayes_token_number(struct bayes_tokens *t, enum bayes_space space, const char *name,
                        uint64_t number);
void bayes_token_pair(struct bayes_tokens *t, enum bayes_space space, uint64_t first,
                      uint64_t second, unsigned distance);

/* What is kept, in rising order; at most BAYES_TOKENS. Returns how many. Ends the collecting. */
size_t bayes_tokens_finish(struct bayes_tokens *t, uint64_t out[BAYES_TOKENS]);

#endif
