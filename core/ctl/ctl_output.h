/* ctl_output.h - what facteurctl prints: tables for people, JSON for programs. Bytes from mail
 * never reach a terminal raw. */
#ifndef CORE_CTL_CTL_OUTPUT_H
#define CORE_CTL_CTL_OUTPUT_H

#include "core/base/arena.h"
#include "core/base/buf.h"

#include <jansson.h>

/* Columns padded to the widest cell; a name that ends with '>' is of a column of numbers, set to
 * the right. */
#define CTL_COLUMNS 8
struct ctl_table {
    struct arena *arena;
    const char *column[CTL_COLUMNS];
    size_t columns;
    struct fct_str *cell;
    size_t cells, room;
};
void ctl_table_row(struct ctl_table *t,
                   const struct fct_str *cell); /* t->columns of them; copied */
void ctl_table_print(const struct ctl_table *t, bool colour, struct buf *out);

/* Control characters become '?': a subject must not move the cursor. */
void ctl_put_safe(struct fct_str s, struct buf *out);
struct fct_str ctl_number(struct arena *arena, uint64_t n);
struct fct_str ctl_bytes(struct arena *arena, uint64_t bytes); /* "12.3 MiB" */
struct fct_str ctl_time(struct arena *arena,
                        int64_t seconds); /* local time, "2026-01-05 10:11:12" */

/* Colours on a terminal that wants them (https://no-color.org). */
bool ctl_wants_colour(void);
#define CTL_BOLD  "\x1b[1m"
#define CTL_RED   "\x1b[31m"
#define CTL_GREEN "\x1b[32m"
#define CTL_DIM   "\x1b[2m"
#define CTL_PLAIN "\x1b[0m"

json_t *ctl_json_str(struct fct_str s); /* bytes that are not UTF-8 are replaced */
void ctl_print_json(json_t *takes);     /* to standard output, and frees it */
void ctl_print(const struct buf *text); /* to standard output */

#endif
