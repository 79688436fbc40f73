/* lua_units.c - amounts as people write them: times, sizes, rates. The same words as in
 * facteur.conf.
 */
#include "lua_engine.h"

#include <errno.h>
#include <stdlib.h>

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit times[] = {
    {"ms", 1},       {"s", 1000},      {"m", 60000},       {"h", 3600000},
    {"d", 86400000}, {"w", 604800000}, {"y", 31536000000}, {NULL, 0},
};
static const struct unit sizes[] = {
    {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"", 1}, {NULL, 0},
};

/* A whole number and one of the units, all of `text`; spaces around are allowed. */
static bool amount(const char *text, const struct unit *units, uint64_t *out)
{
    unsigned long long n;
    char *end;

    text += strspn(text, " ");
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    n = strtoull(text, &end, 10);
    if (errno)
        return false;
    for (size_t word = strcspn(end, " "); units->name; units++)
        if (strlen(units->name) == word && strncmp(units->name, end, word) == 0 &&
            end[word + strspn(end + word, " ")] == '\0')
            return !__builtin_mul_overflow((uint64_t)n, units->factor, out);
    return false;
}

bool lua_duration_parse(const char *text, uint64_t *ms)
{
    return amount(text, times, ms);
}

bool lua_size_parse(const char *text, uint64_t *bytes)
{
    return amount(text, sizes, bytes);
}

/* AMOUNT "/" PERIOD [ "burst" AMOUNT ], as "200/1h burst 50"; the period's 1 may be missing. */
bool lua_rate_parse(const char *text, struct fct_rate *out)
{
    char copy[80], period[40], *slash, *burst;

    if (strlen(text) >= sizeof copy)
        return false;
    memcpy(copy, text, strlen(text) + 1);
    *out = (struct fct_rate){0, 0, 0};
    burst = strstr(copy, " burst ");
    if (burst) {
        *burst = '\0';
        if (!amount(burst + strlen(" burst "), sizes, &out->burst))
            return false;
    }
    slash = strchr(copy, '/');
    if (!slash || strlen(slash) >= sizeof period - 1)
        return false;
    *slash++ = '\0';
    snprintf(period, sizeof period, "%s%s", *slash >= '0' && *slash <= '9' ? "" : "1", slash);
    return amount(copy, sizes, &out->amount) && out->amount > 0 &&
           amount(period, times, &out->period_ms) && out->period_ms > 0;
}

uint64_t lua_duration_check(lua_State *L, int arg)
{
    uint64_t ms = 0;

    if (lua_type(L, arg) == LUA_TNUMBER) {
        lua_Number s = lua_tonumber(L, arg);

        if (!(s >= 0 && s < 1e10))
            luaL_error(L, "a time cannot be %f seconds", s);
        return (uint64_t)(s * 1000);
    }
    if (lua_type(L, arg) != LUA_TSTRING || !lua_duration_parse(lua_tostring(L, arg), &ms))
        luaL_error(L, "'%s' is not a time (write 250ms, 30s, 5m, 2h, 90d)",
                   lua_isstring(L, arg) ? lua_tostring(L, arg) : luaL_typename(L, arg));
    return ms;
}

uint32_t lua_ttl_check(lua_State *L, int arg)
{
    uint64_t ms;

    if (lua_isnoneornil(L, arg))
        return 0;
    ms = lua_duration_check(L, arg);
    luaL_argcheck(L, ms > 0 && ms / 1000 < UINT32_MAX, arg, "a time to live of 1s or more");
    return (uint32_t)((ms + 999) / 1000);
}
