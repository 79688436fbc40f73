/* attach_look.h - one file and everything inside it. Works on bytes in memory, on any thread, and
 * knows nothing of plugins. */
#ifndef PLUGINS_ATTACHMENTS_ATTACH_LOOK_H
#define PLUGINS_ATTACHMENTS_ATTACH_LOOK_H

#include <facteur/conf.h>

#include "attach_archive.h"
#include "attach_finding.h"

struct attach_magic;

struct attach_rules {
    const struct fct_strings *forbidden;            /* extensions of attachments */
    const struct fct_strings *forbidden_in_archive; /* extensions of what is in archives */
    const struct fct_strings *forbidden_types;      /* real types of both */
    struct attach_magic *magic;
    unsigned depth; /* archives in archives in … */
    uint64_t ratio; /* sizes of an archive's members against its own: more is a bomb */
    uint64_t total; /* their sum: more is a bomb */
    unsigned looks; /* files of a message whose real type is found out */
};

/* One message: its files are looked at one after the other. */
struct attach_look {
    const struct attach_rules *rules;
    struct attach_findings *out;
    struct attach_budget budget;
    unsigned depth, looks;
};

struct attach_file {
    struct fct_str name;  /* empty: none was given */
    struct fct_str type;  /* as declared; empty inside archives */
    struct fct_str bytes; /* what is known of it */
    bool whole;           /* that is all of it */
};

void attach_look_at(struct attach_look *look, const struct attach_file *file);

#endif
