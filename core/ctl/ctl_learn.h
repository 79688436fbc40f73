/* ctl_learn.h - facteurctl learn: teaches the plugin bayes from files. */
#ifndef CORE_CTL_CTL_LEARN_H
#define CORE_CTL_CTL_LEARN_H

#include "core/base/arena.h"
#include "core/base/err.h"

struct ctl;

int ctl_learn_spam(struct ctl *c);
int ctl_learn_ham(struct ctl *c);
int ctl_learn_status(struct ctl *c);

/* ctl_learn_files.c: the files of messages under the words given, in the order of their names.
 * Folders are looked through with all below; names that begin with a dot, Maildir's tmp and links
 * that lead to folders are left out. */
struct learn_files {
    struct fct_str *path; /* NUL-terminated */
    size_t n, room;
};
FCT_MUST_CHECK bool learn_files_find(struct arena *arena, const char *const *word, size_t words,
                                     struct learn_files *out, struct fct_err *err);

/* The next message of a file's bytes, a view; false: no more. A file that begins with mbox's "From
 * " line has as many as it has such lines behind empty ones (RFC 4155); any other has one. */
bool learn_next_message(struct fct_str *rest, struct fct_str *message);

#endif
