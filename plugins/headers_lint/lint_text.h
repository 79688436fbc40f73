/* lint_text.h - small readers of fields. */
#ifndef PLUGINS_HEADERS_LINT_LINT_TEXT_H
#define PLUGINS_HEADERS_LINT_LINT_TEXT_H

#include <facteur/base.h>

struct fct_str lint_trim(struct fct_str s);
/* Without regard to case of ASCII. */
bool lint_same(struct fct_str a, const char *b);
bool lint_begins(struct fct_str s, const char *with);
bool lint_is_ascii(struct fct_str s);
bool lint_is_utf8(struct fct_str s);

/* RFC 5322 3.3, with the zones of 4.3; seconds of the epoch. False: it is none. */
bool lint_date(struct fct_str s, int64_t *out);

/* Of what lint_date() has read: nowhere on Earth clocks are more than 12 hours behind or 14 ahead,
 * or differ by anything but quarters of an hour. */
bool lint_zone_exists(struct fct_str date);

/* The value of `name=` in a raw Content-Type (RFC 2045 5.1), quotes taken off; empty when it is
 * not there. */
struct fct_str lint_parameter(struct fct_str value, const char *name);

/* <left@right>, one, with nothing around but space (RFC 5322 3.6.4, read with mercy: what is
 * between may be any visible ASCII but angle brackets). */
bool lint_is_message_id(struct fct_str s);

bool lint_is_charset(struct fct_str lower);

#endif
