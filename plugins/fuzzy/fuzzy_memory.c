/* fuzzy_memory.c - see fuzzy_memory.h. */
#include "fuzzy_memory.h"

#include <stdlib.h>

static const struct fuzzy_memory_part *find(const struct fuzzy_memory *memory, int64_t generation)
{
    return &memory->part[generation & 1];
}

/* The one that was there before is over. */
static struct fuzzy_memory_part *take(struct fuzzy_memory *memory, int64_t generation)
{
    struct fuzzy_memory_part *part = &memory->part[generation & 1];

    if (part->generation != generation) {
        free(part->bits);
        *part = (struct fuzzy_memory_part){.generation = generation};
    }
    return part;
}

/* As Redis counts the bits of a string. */
static bool has(const struct fuzzy_memory_part *part, unsigned position, uint32_t value)
{
    uint32_t bit = fuzzy_bit(position, value);

    return bit / 8 < part->n && (part->bits[bit / 8] >> (7 - bit % 8) & 1);
}

static bool may_be_near(const struct fuzzy_memory_part *part, const struct fuzzy_sketch *sketch,
                        unsigned least)
{
    unsigned known = 0;

    for (unsigned i = 0; sketch->is_there && i < FUZZY_POSITIONS; i++)
        known += has(part, i, sketch->value[i]);
    return sketch->is_there && known >= least;
}

enum fuzzy_chance fuzzy_memory_judge(const struct fuzzy_memory *memory, int64_t generation,
                                     uint64_t version, const struct fuzzy_marks *marks,
                                     struct fuzzy_least least)
{
    const struct fuzzy_memory_part *part = find(memory, generation);

    if (version == 0)
        return FUZZY_NO_CHANCE;
    if (marks->attachments > 0)
        return FUZZY_CHANCE;
    if (part->generation != generation || part->version != version)
        return FUZZY_OUTDATED;
    return may_be_near(part, &marks->text, least.text) ||
                   may_be_near(part, &marks->html, least.html)
               ? FUZZY_CHANCE
               : FUZZY_NO_CHANCE;
}

bool fuzzy_memory_may_ask(struct fuzzy_memory *memory, int64_t generation, int64_t now_s)
{
    struct fuzzy_memory_part *part = take(memory, generation);

    if (part->asked_s == now_s)
        return false;
    part->asked_s = now_s;
    return true;
}

void fuzzy_memory_put(struct fuzzy_memory *memory, int64_t generation, uint64_t version,
                      struct fct_str bits)
{
    struct fuzzy_memory_part *part = take(memory, generation);
    unsigned char *copy = malloc(bits.n + 1);

    if (!copy)
        return;
    if (bits.n > 0)
        memcpy(copy, bits.p, bits.n);
    free(part->bits);
    part->bits = copy;
    part->n = bits.n;
    part->version = version;
}

void fuzzy_memory_clear(struct fuzzy_memory *memory)
{
    for (size_t i = 0; i < FCT_COUNT(memory->part); i++)
        free(memory->part[i].bits);
    *memory = (struct fuzzy_memory){.part = {{.version = 0}}};
}
