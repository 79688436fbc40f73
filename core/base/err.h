/* err.h - recording an error is one statement, adding context is one statement. */
#ifndef CORE_BASE_ERR_H
#define CORE_BASE_ERR_H

#include <facteur/base.h>

/* Record an error and return false:  return fct_fail(err, FCT_TEMP, "open %s: %s", path,
 * strerror(errno)); CR, LF and other control characters in the text become '?'. `err` may be NULL.
 */
bool fct_fail(struct fct_err *err, enum fct_class class, const char *fmt, ...) FCT_PRINTF(3, 4);

/* Put the caller's context in front: "load spf.conf: " + text. Class unchanged. Returns false. */
bool fct_fail_in(struct fct_err *err, const char *fmt, ...) FCT_PRINTF(2, 3);

/* For what only our own bug can cause; input from outside is never asserted. Aborts, in every
 * build. */
#define FCT_ASSERT(cond) ((cond) ? (void)0 : fct_assert_failed(#cond, __FILE__, __LINE__))
FCT_NORETURN void fct_assert_failed(const char *cond, const char *file, int line);

#endif
