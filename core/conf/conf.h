/* conf.h - the configuration: blocks of `key = value`, checked against rows (facteur/conf.h),
 * immutable after loading.
 *
 * A module declares one `const struct conf_block` (its name, rows, size) beside its code;
 * core/main.c lists them all. A reload builds a whole new struct config; nothing ever changes one
 * in place. */
#ifndef CORE_CONF_CONF_H
#define CORE_CONF_CONF_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include <facteur/conf.h>

struct conf_block {
    const char *name; /* "smtp" */
    const char *doc;  /* one or two sentences: what it governs */
    const struct fct_conf_key *keys;
    size_t size;   /* of the struct the rows fill */
    bool labelled; /* `listener mx { … }`: any number, told apart by label */
    bool open;     /* more keys than the rows are allowed (plugin blocks): checked by their owner */
    const char *file; /* the conf.d file that documents it, e.g. "20-smtp.conf" */
    /* Labelled: what stands while no file has a block of this kind, as it would be written in a
     * file; the first one in a file replaces all of it. NULL: nothing. */
    const char *standing;
    /* What the rows cannot say: ranges, known words. `values` is the filled struct; the text begins
     * with the key. NULL: nothing. */
    bool (*check)(const void *values, struct fct_err *err);
    /* Its key that holds files: relative ones are meant from the folder of the file that names
     * them, as those of `include` are. NULL: none. */
    const char *files;
};

struct config;

/* files: read in this order, later wins per key; `include` inside is relative to the file. No file
 * at all is allowed. blocks: NULL-terminated table. Every error names file:line:col and suggests
 * the nearest known word; all errors up to 20 are put into `errors`, one per line, the first also
 * into err. */
FCT_MUST_CHECK bool config_load(const char *const *files, size_t n,
                                const struct conf_block *const *blocks, struct config **out,
                                struct buf *errors, struct fct_err *err);
void config_free(struct config **c);

/* The struct of an unlabelled block: always there, at its defaults when no file names it. */
const void *config_get(const struct config *c, const struct conf_block *block);
/* Instances of a labelled block, in order of appearance. *label may be NULL. NULL past the end. */
const void *config_each(const struct config *c, const struct conf_block *block, size_t i,
                        const char **label);
/* Where a value was written. */
struct conf_place {
    const char *file;
    unsigned line, column;
};
/* Of the item'th value of a key of instance i (the only one of a plain key is 0); NULL: nobody
 * wrote it. Lives as long as c. */
const struct conf_place *config_place(const struct config *c, const struct conf_block *block,
                                      size_t i, const char *key, size_t item);
/* Keys of an open block's instance i that its rows do not know, for their owner. */
struct conf_pair {
    const char *key;
    struct fct_strings values; /* one for a plain value */
    const char *file;
    unsigned line, column;
    const struct conf_place *place; /* of each value */
};
size_t config_extra(const struct config *c, const struct conf_block *block, size_t i,
                    const struct conf_pair **pairs);

/* Fill dst with defaults, then with pairs; for plugins' rows. Errors as in config_load. Strings
 * live as long as c. */
FCT_MUST_CHECK bool config_fill(const struct config *c, const struct fct_conf_key *keys, void *dst,
                                const struct conf_pair *pairs, size_t n, struct fct_err *err);
/* Set one key from text, as `key = text` in a file would: for command-line settings and tests.
 * Strings live as long as c. */
FCT_MUST_CHECK bool config_value(struct config *c, const struct fct_conf_key *key, void *dst,
                                 struct fct_str text, struct fct_err *err);

/* Printing, all from the rows. */
void conf_print_values(const struct config *c, bool all, bool json,
                       struct buf *out); /* config show: changed only, or all; with origin */
void conf_print_file(const struct conf_block *block, struct buf *out); /* a commented conf.d file */
void conf_print_markdown(const struct conf_block *const *blocks,
                         struct buf *out); /* docs/config.md */

#endif
