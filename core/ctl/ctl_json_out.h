/* ctl_json_out.h - JSON for programs, written as it comes: for lists of which nobody wants the
 * whole in memory. Small things are built with jansson and printed by ctl_print_json. */
#ifndef CORE_CTL_CTL_JSON_OUT_H
#define CORE_CTL_CTL_JSON_OUT_H

#include "core/base/buf.h"

struct ctl_json_out {
    struct buf text;
    bool follows; /* a comma is due */
};
#define CTL_JSON_OUT_INIT ((struct ctl_json_out){.text = BUF_INIT(256u << 20)})

/* name: of a member of an object; NULL in an array. kind: '{' or '['. */
void ctl_json_out_open(struct ctl_json_out *j, const char *name, char kind);
void ctl_json_out_close(struct ctl_json_out *j, char kind);                        /* the same */
void ctl_json_out_str(struct ctl_json_out *j, const char *name, struct fct_str v); /* repaired */
void ctl_json_out_int(struct ctl_json_out *j, const char *name, int64_t v);
void ctl_json_out_bool(struct ctl_json_out *j, const char *name, bool v);
/* A row is complete: what there is may go to standard output. */
void ctl_json_out_row(struct ctl_json_out *j);
/* Line end, the rest to standard output; frees. */
void ctl_json_out_end(struct ctl_json_out *j);

#endif
