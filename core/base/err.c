/* err.c - see err.h. */
#include "core/base/err.h"

#include <stdio.h>
#include <stdlib.h>

static void make_one_line(char *text)
{
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
}

bool fct_fail(struct fct_err *err, enum fct_class class, const char *fmt, ...)
{
    va_list ap;

    if (!err)
        return false;
    err->class = class;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    make_one_line(err->text);
    return false;
}

bool fct_fail_in(struct fct_err *err, const char *fmt, ...)
{
    char old[sizeof err->text];
    va_list ap;
    size_t n;

    if (!err)
        return false;
    memcpy(old, err->text, sizeof old);
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    make_one_line(err->text);
    n = strlen(err->text);
    snprintf(err->text + n, sizeof err->text - n, ": %s", old);
    return false;
}

void fct_assert_failed(const char *cond, const char *file, int line)
{
    fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, cond);
    fflush(stderr);
    abort();
}
