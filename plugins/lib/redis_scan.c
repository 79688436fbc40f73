/* redis_scan.c - see redis_scan.h. */
#include "redis_scan.h"

#include <stdlib.h>

#define CURSOR_MAX 20u /* digits of 2^64 - 1 */

static bool read_cursor(const struct fct_redis_reply *item, uint64_t *cursor)
{
    char number[CURSOR_MAX + 1] = "";
    char *end;

    if (item->kind != FCT_REDIS_STRING || item->string.n == 0 || item->string.n > CURSOR_MAX)
        return false;
    memcpy(number, item->string.p, item->string.n);
    *cursor = strtoull(number, &end, 10);
    return *end == '\0' && number[0] >= '0' && number[0] <= '9';
}

bool redis_scan_step(const struct fct_redis_reply *reply, uint64_t *cursor, uint64_t *sum)
{
    uint64_t next;

    if (reply->kind != FCT_REDIS_ARRAY || reply->n != 2 || !read_cursor(&reply->item[0], &next) ||
        reply->item[1].kind != FCT_REDIS_INTEGER || reply->item[1].integer < 0)
        return false;
    *cursor = next;
    *sum += (uint64_t)reply->item[1].integer;
    return true;
}
