/* conf_int.h - what the files of this folder share: the parsed settings before and after they meet
 * their rows. */
#ifndef CORE_CONF_CONF_INT_H
#define CORE_CONF_CONF_INT_H

#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/conf/conf.h"

#define CONF_MAX_ERRORS 20

/* One `block label { … }`, merged over all files. */
struct conf_instance {
    const struct conf_block *block;
    const char *label;      /* NULL: none was given */
    bool is_standing;       /* of conf_block.standing: nobody wrote it */
    struct conf_pair *pair; /* one per key, the last wins */
    size_t n, room;
    void *values;            /* the struct of the rows, filled */
    struct conf_pair *extra; /* open blocks: what the rows do not know */
    size_t nextra;
};

struct config {
    struct arena *arena;
    const struct conf_block *const *blocks;
    struct conf_instance **instance;
    size_t n, room;
};

/* Where errors go: `file:line:col: text`, the first also to err. */
struct conf_errors {
    struct buf *text;
    struct fct_err *first;
    unsigned count;
};
bool conf_error(struct conf_errors *e, const char *file, unsigned line, unsigned column,
                const char *fmt, ...) FCT_PRINTF(5, 6);

struct conf_instance *conf_instance_at(struct config *c, const struct conf_block *block,
                                       const char *label);
/* Parse one file and what it includes into c. */
bool conf_file_read(struct config *c, const char *path, struct conf_errors *errors);
/* Parse what stands for `block`, of which no file has one. */
bool conf_standing_read(struct config *c, const struct conf_block *block,
                        struct conf_errors *errors);
/* Meet the rows: fill values of every instance. */
bool conf_schema_apply(struct config *c, struct conf_errors *errors);
/* Parse one value for a row. `why` gets the sentence. */
bool conf_value_parse(struct arena *arena, const struct fct_conf_key *key,
                      struct fct_strings values, void *dst, struct fct_err *why);
const struct fct_conf_key *conf_key_find(const struct fct_conf_key *keys, const char *name);
/* The nearest of `names` to `word` within two edits, or NULL. */
const char *conf_nearest(const char *word, const char *const *names, size_t n);

#endif
