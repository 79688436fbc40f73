/* ctl_mail_files.h - files and folders with messages, for verbs that take many. */
#ifndef CORE_CTL_CTL_MAIL_FILES_H
#define CORE_CTL_CTL_MAIL_FILES_H

#include "core/base/arena.h"
#include "core/base/err.h"

/* The files of messages under the words given, in the order of their names.
 * Folders are looked through with all below; names that begin with a dot, Maildir's tmp and links
 * that lead to folders are left out. */
struct mail_files {
    struct fct_str *path; /* NUL-terminated */
    size_t n, room;
};
FCT_MUST_CHECK bool mail_files_find(struct arena *arena, const char *const *word, size_t words,
                                    struct mail_files *out, struct fct_err *err);

/* The next message of a file's bytes, a view; false: no more. A file that begins with mbox's "From
 * " line has as many as it has such lines behind empty ones (RFC 4155); any other has one. */
bool mail_files_next(struct fct_str *rest, struct fct_str *message);

/* Is this a folder? */
bool mail_files_is_folder(const char *path);

#endif
