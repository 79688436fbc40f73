/* fuzzy_memory.h - what a filter process remembers of the numbers that were ever learned: most
 * messages have too few of those to be like anything, and are not looked up. Pure.
 *
 * Of each generation a copy of its bits (fuzzy_store.h), which are never cleared: what is said to
 * have no chance has none, whatever was taken back. */
#ifndef PLUGINS_FUZZY_FUZZY_MEMORY_H
#define PLUGINS_FUZZY_FUZZY_MEMORY_H

#include "fuzzy_store.h"

struct fuzzy_memory_part {
    int64_t generation, asked_s;
    uint64_t version; /* of Redis' counter; 0: nothing is held */
    unsigned char *bits;
    size_t n;
};
struct fuzzy_memory {
    struct fuzzy_memory_part part[2];
};

/* What is least for a hit. */
struct fuzzy_least {
    unsigned text, html;
};

enum fuzzy_chance {
    FUZZY_NO_CHANCE, /* not like anything learned in this generation */
    FUZZY_CHANCE,
    FUZZY_OUTDATED, /* something was learned since: ask for the bits */
};
/* version: as Redis has it now, 0 when nothing was ever learned. */
enum fuzzy_chance fuzzy_memory_judge(const struct fuzzy_memory *memory, int64_t generation,
                                     uint64_t version, const struct fuzzy_marks *marks,
                                     struct fuzzy_least least);

/* Where many learn and many write, bits are not fetched for each message: once a second. */
bool fuzzy_memory_may_ask(struct fuzzy_memory *memory, int64_t generation, int64_t now_s);
void fuzzy_memory_put(struct fuzzy_memory *memory, int64_t generation, uint64_t version,
                      struct fct_str bits);
void fuzzy_memory_clear(struct fuzzy_memory *memory);

#endif
