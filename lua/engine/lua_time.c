/* lua_time.c - points in time. Documentation: lua_api.def. */
#include "lua_api.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#define TIME "time"

double lua_time_now(const struct lua_engine *e)
{
    struct timespec now;

    if (e->now > 0)
        return e->now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int lua_fn_time_now(lua_State *L)
{
    lua_pushnumber(L, lua_time_now(lua_engine_of(L)));
    return 1;
}

/* ---- reading ---- */

static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* Days since 1970-01-01 in the Gregorian calendar. */
static int64_t days(int year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1, m = month > 2 ? month - 3 : month + 9;
    int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * m + 2) / 5 + day - 1 -
           719468;
}

static bool is_date(int year, int month, int day)
{
    static const int last[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return year >= 1900 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 &&
           day <= last[month - 1];
}

struct clock {
    int hour, minute, second, zone; /* zone: minutes east */
};

static double seconds(int year, int month, int day, const struct clock *c)
{
    if (!is_date(year, month, day) || c->hour > 23 || c->minute > 59 || c->second > 60)
        return (double)NAN;
    return (double)(days(year, month, day) * 86400 + c->hour * 3600 + c->minute * 60 + c->second -
                    c->zone * 60);
}

/* ( "+" / "-" ) 4DIGIT, or an obsolete name; what nobody knows is UTC (RFC 5322 4.3). */
static int zone_minutes(const char *s)
{
    static const struct {
        const char *name;
        int hours;
    } names[] = {{"EDT", -4}, {"EST", -5}, {"CDT", -5}, {"CST", -6},
                 {"MDT", -6}, {"MST", -7}, {"PDT", -7}, {"PST", -8}};
    int sign = *s == '-' ? -1 : 1, hours, minutes;

    if ((*s == '+' || *s == '-') && sscanf(s + 1, "%2d%*1[:]%2d", &hours, &minutes) != 2 &&
        sscanf(s + 1, "%2d%2d", &hours, &minutes) != 2)
        return 0;
    if (*s == '+' || *s == '-')
        return sign * (hours * 60 + minutes);
    for (size_t i = 0; i < FCT_COUNT(names); i++)
        if (strncmp(s, names[i].name, 3) == 0)
            return names[i].hours * 60;
    return 0;
}

/* [ day-name "," ] day month year hour ":" minute [ ":" second ] zone        RFC 5322 3.3, 4.3 */
static double read_mail(const char *s)
{
    char month[4] = "", zone[8] = "";
    const char *comma = strchr(s, ','), *found;
    struct clock c = {0};
    int day, year, n = 0;

    if (comma)
        s = comma + 1;
    if (sscanf(s, " %2d %3[A-Za-z] %4d %2d:%2d%n", &day, month, &year, &c.hour, &c.minute, &n) < 5)
        return (double)NAN;
    s += n;
    if (*s == ':' && sscanf(s, ":%2d%n", &c.second, &n) == 1)
        s += n;
    if (sscanf(s, " %7s", zone) == 1)
        c.zone = zone_minutes(zone);
    if (year < 50)
        year += 2000;
    else if (year < 1000)
        year += 1900;
    month[0] = (char)toupper((unsigned char)month[0]);
    month[1] = (char)tolower((unsigned char)month[1]);
    month[2] = (char)tolower((unsigned char)month[2]);
    found = strlen(month) == 3 ? strstr(month_names, month) : NULL;
    if (!found || (found - month_names) % 3 != 0)
        return (double)NAN;
    return seconds(year, (int)(found - month_names) / 3 + 1, day, &c);
}

/* 2026-01-31T12:00:00Z, the time may be missing; fractions are left out (RFC 3339 5.6). */
static double read_iso(const char *s)
{
    int year, month, day, n = 0;
    struct clock c = {0};

    if (sscanf(s, "%4d-%2d-%2d%n", &year, &month, &day, &n) < 3)
        return (double)NAN;
    s += n;
    if ((*s == 'T' || *s == 't' || *s == ' ') &&
        sscanf(s + 1, "%2d:%2d%n", &c.hour, &c.minute, &n) == 2) {
        s += n + 1;
        if (*s == ':' && sscanf(s, ":%2d%n", &c.second, &n) == 1)
            s += n;
        if (*s == '.')
            s += 1 + strspn(s + 1, "0123456789");
        c.zone = zone_minutes(s);
    }
    return seconds(year, month, day, &c);
}

static double read_time(struct fct_str text)
{
    char copy[80];
    double epoch;

    if (text.n >= sizeof copy)
        return (double)NAN;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    epoch = read_iso(copy + strspn(copy, " \t\r\n"));
    return isnan(epoch) ? read_mail(copy) : epoch;
}

void lua_time_push(lua_State *L, double epoch, struct fct_str text)
{
    lua_createtable(L, 0, 2);
    if (!isnan(epoch)) {
        lua_pushinteger(L, (lua_Integer)epoch);
        lua_setfield(L, -2, "epoch");
    }
    lua_str_push(L, text);
    lua_setfield(L, -2, "text");
    luaL_setmetatable(L, TIME);
}

void lua_time_push_text(lua_State *L, struct fct_str text)
{
    lua_time_push(L, read_time(text), text);
}

int lua_fn_time_parse(lua_State *L)
{
    struct fct_str text = lua_str_check(L, 1);
    double epoch = read_time(text);

    if (isnan(epoch))
        lua_pushnil(L);
    else
        lua_time_push(L, epoch, text);
    return 1;
}

/* ---- writing ---- */

int lua_fn_time_format(lua_State *L)
{
    lua_Number epoch = luaL_checknumber(L, 1);
    const char *format = luaL_optstring(L, 2, "%Y-%m-%dT%H:%M:%SZ");
    char text[256];
    struct tm tm;
    time_t t;
    size_t n;

    luaL_argcheck(L, epoch > -1e11 && epoch < 2.5e11, 1, "out of range");
    luaL_argcheck(L, strlen(format) < 100, 2, "too long");
    if (strcmp(format, "mail") == 0)
        format = "%a, %d %b %Y %H:%M:%S +0000";
    t = (time_t)epoch;
    if (!gmtime_r(&t, &tm))
        return luaL_argerror(L, 1, "out of range");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    n = strftime(text, sizeof text, format, &tm);
#pragma GCC diagnostic pop
    lua_pushlstring(L, text, n);
    return 1;
}

static int time_tostring(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_pushliteral(L, "text");
    lua_rawget(L, 1);
    return 1;
}

void lua_time_open(lua_State *L)
{
    lua_type_open(L, TIME, time_tostring);
}
