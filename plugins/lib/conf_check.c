/* conf_check.c - see conf_check.h. */
#include "plugins/lib/conf_check.h"

#include <inttypes.h>

bool conf_fail(struct fct_err *err, const char *key, const char *value, const char *must)
{
    err->class = FCT_SYNTAX;
    (void)snprintf(err->text, sizeof err->text, "%s: \"%.80s\" must be %s", key, value, must);
    return false;
}

bool conf_check_number(const char *key, uint32_t value, uint32_t least, uint32_t most,
                       struct fct_err *err)
{
    char number[16], must[40];

    if (value >= least && value <= most)
        return true;
    (void)snprintf(number, sizeof number, "%" PRIu32, value);
    (void)snprintf(must, sizeof must, "%" PRIu32 " to %" PRIu32, least, most);
    return conf_fail(err, key, number, must);
}

bool conf_check_least(const char *key, const fct_duration *value, uint64_t least, const char *text,
                      struct fct_err *err)
{
    char time[32], must[40];

    if (value->ms >= least)
        return true;
    (void)snprintf(time, sizeof time, value->ms % 1000 ? "%" PRIu64 "ms" : "%" PRIu64 "s",
                   value->ms % 1000 ? value->ms : value->ms / 1000);
    (void)snprintf(must, sizeof must, "%s or more", text);
    return conf_fail(err, key, time, must);
}
