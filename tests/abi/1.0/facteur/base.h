/* base.h - slices, errors and units: what every other file and every plugin uses.
 *
 * Why: bytes from the network are never C strings, and an error always says what the caller may do
 * about it. */
#ifndef FACTEUR_BASE_H
#define FACTEUR_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define FCT_MUST_CHECK   __attribute__((warn_unused_result))
#define FCT_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define FCT_CLEANUP(fn)  __attribute__((cleanup(fn)))
#define FCT_EXPORT       __attribute__((visibility("default")))
#define FCT_NORETURN     __attribute__((noreturn))
#define FCT_COUNT(a)     (sizeof(a) / sizeof *(a))

/* Marks every function that can suspend the running fiber (core/fiber/fiber.h). Across such a call
 * hold handles with generations, never pointers into things another fiber may free. */
#define FCT_MAY_WAIT

/* A view of bytes owned by somebody else. Never freed, not NUL-terminated, any byte inside. */
struct fct_str {
    const char *p;
    size_t n;
};
#define FCT_STR(lit) ((struct fct_str){"" lit "", sizeof(lit) - 1})
#define FCT_STR_INIT(lit)          \
    {                              \
        "" lit "", sizeof(lit) - 1 \
    }                                /* for static tables */
#define FCT_FMT(s) (int)(s).n, (s).p /* for "%.*s" */

/* What went wrong, in the terms a caller can act on. Each protocol maps the class once; nobody else
 * looks at it. */
enum fct_class {
    FCT_OK,
    FCT_SYNTAX, /* the peer sent something malformed: 501 / BAD / -ERR */
    FCT_DENIED, /* policy says no: 550 / NO */
    FCT_TEMP,   /* try later (DNS, Redis, disk busy): 451 / NO [UNAVAILABLE] / -ERR [SYS/TEMP] */
    FCT_LIMIT,  /* a configured maximum was reached: 452, 552 / NO [LIMIT] */
    FCT_BUG,    /* our own invariant broke: 451, logged at error level */
};

/* Fixed size, on the caller's stack: reporting an error cannot fail. */
struct fct_err {
    enum fct_class class;
    char text[240]; /* one sentence, no CR or LF, fit for a log line */
};

/* Units: the type says what the number means, so that a row of a configuration table cannot lie. */
typedef struct {
    uint64_t ms;
} fct_duration; /* written "30s", "5m", "250ms" */
typedef struct {
    uint64_t bytes;
} fct_size; /* written "25M", "64K" */

#endif
