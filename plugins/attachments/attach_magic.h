/* attach_magic.h - the real type of a file by its content, by libmagic. */
#ifndef PLUGINS_ATTACHMENTS_ATTACH_MAGIC_H
#define PLUGINS_ATTACHMENTS_ATTACH_MAGIC_H

#include <facteur/base.h>

struct attach_magic;

/* Loads the database, `path` or the system's when empty: to be done before the sandbox closes. Of a
 * file `look` bytes are looked at. NULL: *err says why. */
struct attach_magic *attach_magic_open(const char *path, size_t look, struct fct_err *err);
void attach_magic_close(struct attach_magic *m);

#define ATTACH_TYPE_MAX 80u
/* As "image/png", in lower case; empty when it cannot be said. From any thread, one after the
 * other. */
struct fct_str attach_magic_type(struct attach_magic *m, struct fct_str bytes,
                                 char out[ATTACH_TYPE_MAX]);

#endif
