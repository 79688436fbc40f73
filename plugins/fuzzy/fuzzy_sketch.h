/* fuzzy_sketch.h - a sequence as 32 numbers, so that of two sequences the share of equal numbers
 * estimates how much they have in common (min-hashes: A. Broder, "On the resemblance and
 * containment of documents", 1997). Pure, without memory of its own.
 *
 * The sequence is cut into runs of three neighbours; each of 32 hash functions keeps its lowest
 * value over all runs. Two texts with the share s of their runs in common have about 32 * s equal
 * numbers. */
#ifndef PLUGINS_FUZZY_FUZZY_SKETCH_H
#define PLUGINS_FUZZY_FUZZY_SKETCH_H

#include <facteur/base.h>

#define FUZZY_POSITIONS 32
#define FUZZY_ID_BYTES  8
#define FUZZY_WORDS_MIN 32 /* shorter sequences are like each other by chance */

struct fuzzy_sketch {
    bool is_there; /* false: too short, or the same few runs over and over */
    uint32_t value[FUZZY_POSITIONS];
};

/* While it is made. */
struct fuzzy_sketcher {
    uint64_t key, run[3], seen[4];
    uint64_t times[FUZZY_POSITIONS], plus[FUZZY_POSITIONS], low[FUZZY_POSITIONS];
    size_t words;
};

/* Of a `secret`: another key gives other sketches. */
uint64_t fuzzy_key(struct fct_str secret);

void fuzzy_sketch_begin(struct fuzzy_sketcher *s, uint64_t key);
void fuzzy_sketch_word(struct fuzzy_sketcher *s, struct fct_str word);
void fuzzy_sketch_end(const struct fuzzy_sketcher *s, struct fuzzy_sketch *out);

/* How many numbers are equal; 0 when one of them is not there. */
unsigned fuzzy_sketch_equal(const struct fuzzy_sketch *a, const struct fuzzy_sketch *b);

/* Equal sketches have equal ids. */
void fuzzy_sketch_id(const struct fuzzy_sketch *s, unsigned char id[FUZZY_ID_BYTES]);

#endif
