/* authres_resinfo.h - the results that stand in Authentication-Results (RFC 8601 2.2). */
#ifndef PLUGINS_AUTHRES_AUTHRES_RESINFO_H
#define PLUGINS_AUTHRES_AUTHRES_RESINFO_H

#include <facteur/base.h>

/* One result as it may stand between two semicolons: method "=" result, then reasons, properties
 * and comments. What plugins leave has words of strangers in it: nothing in them may end this
 * result and begin another. */
bool authres_is_resinfo(struct fct_str text);

/* The value of the field: authserv-id and the results, one to a line, folded where they have
 * spaces. Its length; 0 when it does not fit. */
size_t authres_format(struct fct_str id, const struct fct_str *resinfo, size_t n, char *out,
                      size_t room);

#endif
