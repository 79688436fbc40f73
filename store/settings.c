/* settings.c - see settings.h. */
#include "store/settings.h"

#include "core/base/str.h"

#include <string.h>

static bool is_name(struct fct_str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!memchr("abcdefghijklmnopqrstuvwxyz0123456789_.", name.p[i], 38))
            return false;
    return name.n > 0 && name.n <= SETTING_NAME_MAX;
}

static bool is_value(struct fct_str value)
{
    for (size_t i = 0; i < value.n; i++)
        if ((unsigned char)value.p[i] < ' ' || value.p[i] == 0x7f)
            return false;
    return value.n <= SETTING_VALUE_MAX;
}

static bool split(struct fct_str item, struct fct_str *name, struct fct_str *value)
{
    ptrdiff_t at = str_find_char(item, '=');

    if (at < 0)
        return false;
    *name = str_head(item, (size_t)at);
    *value = str_skip(item, (size_t)at + 1);
    return is_name(*name) && is_value(*value);
}

static struct fct_str name_of(struct fct_str item)
{
    ptrdiff_t at = str_find_char(item, '=');

    return at < 0 ? item : str_head(item, (size_t)at);
}

static int compare(struct fct_str a, struct fct_str b)
{
    int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

    return order ? order : (a.n > b.n) - (a.n < b.n);
}

/* In its place by name, instead of one of the same name, or out of the list. */
static void apply(struct fct_str *list, size_t *n, struct fct_str item, bool keep)
{
    struct fct_str name = name_of(item);
    size_t at = 0;
    bool same;

    while (at < *n && compare(name_of(list[at]), name) < 0)
        at++;
    same = at < *n && str_equal(name_of(list[at]), name);
    if (keep && !same)
        memmove(list + at + 1, list + at, ((*n)++ - at) * sizeof *list);
    if (keep)
        list[at] = item;
    else if (same)
        memmove(list + at, list + at + 1, (--*n - at) * sizeof *list);
}

static uint64_t bytes_of(const struct fct_str *list, size_t n)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < n; i++)
        bytes += list[i].n;
    return bytes;
}

bool settings_change(struct settings old, const struct fct_str *change, size_t n,
                     const struct settings_limits *limits, struct arena *arena,
                     struct settings *out, struct fct_err *err)
{
    struct fct_str *list = ARENA_ARRAY(arena, struct fct_str, old.n + n + 1), name, value;
    size_t count = old.n;

    if (old.n > 0)
        memcpy(list, old.item, old.n * sizeof *list);
    for (size_t i = 0; i < n; i++) {
        if (!split(change[i], &name, &value))
            return fct_fail(err, FCT_SYNTAX,
                            "not a setting: \"%.*s\"; name=value with a name of a-z, 0-9, _ and . "
                            "(%u at most) and a value of %u bytes at most",
                            (int)(change[i].n < 80 ? change[i].n : 80), change[i].p,
                            SETTING_NAME_MAX, SETTING_VALUE_MAX);
        apply(list, &count, change[i], value.n > 0);
    }
    if (count > limits->most || bytes_of(list, count) > limits->bytes)
        return fct_fail(err, FCT_LIMIT,
                        "an account has at most %u settings of %llu bytes together "
                        "(store.max_settings, store.max_settings_bytes)",
                        limits->most, (unsigned long long)limits->bytes);
    *out = (struct settings){list, count};
    return true;
}

bool settings_are_good(struct settings s)
{
    struct fct_str name, value;

    for (size_t i = 0; i < s.n; i++)
        if (!split(s.item[i], &name, &value) || value.n == 0 ||
            (i > 0 && compare(name_of(s.item[i - 1]), name) >= 0))
            return false;
    return true;
}
