/* parameter.h - the parameters behind Content-Type and Content-Disposition (RFC 2045 5.1, RFC
 * 2231), for this folder only.
 *
 * The same list in two forms: for us, decoded to UTF-8; for IMAP, joined but not decoded (RFC
 * 9051 7.5.2 leaves RFC 2231 values as they are, clients decode "name*"). */
#ifndef CORE_MESSAGE_PARAMETER_H
#define CORE_MESSAGE_PARAMETER_H

#include "core/message/mime.h"

enum parameter_form { PARAMETER_DECODED, PARAMETER_JOINED };

/* `in` begins at the first ';' (anything in front of it is passed over). At most `max`; returns how
 * many. */
size_t parameter_list_parse(struct arena *arena, struct fct_str in, size_t max,
                            enum parameter_form form, const struct mime_parameter **out);

/* type "/" subtype at the start of a Content-Type; *in moves behind it. False when it is broken:
 * what could be read is given. */
bool content_type_take(struct fct_str *in, struct fct_str *major, struct fct_str *minor);

#endif
