/* redis_place.c - redis.url taken apart. */
#include "core/redis/redis_int.h"

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/message/url.h"
#include "core/redis/redis_spawn.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { REDIS_PORT = 6379, SENTINEL_PORT = 26379, PASSWORD_MAX = 1024 };

/* No file: *out stays. */
static bool read_password(struct arena *arena, const char *key, const char *path,
                          struct fct_str *out, struct fct_err *err)
{
    FILE *f = *path ? fopen(path, "re") : NULL;
    char line[PASSWORD_MAX + 2];
    bool ok;

    if (!*path)
        return true;
    if (!f)
        return fct_fail(err, FCT_SYNTAX, "redis.%s %s: %s", key, path, strerror(errno));
    ok = fgets(line, sizeof line, f) != NULL;
    fclose(f);
    if (!ok)
        return fct_fail(err, FCT_SYNTAX, "redis.%s %s is empty", key, path);
    line[strcspn(line, "\r\n")] = '\0';
    *out = arena_str(arena, str_from(line));
    return true;
}

static void read_user(struct arena *arena, struct fct_str user, struct redis_login *out)
{
    ptrdiff_t colon = str_find_char(user, ':');

    if (user.n == 0)
        return;
    out->user = url_unescape(arena, colon < 0 ? user : str_head(user, (size_t)colon));
    if (colon >= 0)
        out->password = url_unescape(arena, str_skip(user, (size_t)colon + 1));
}

/* ---- one server ---- */

static bool parse_network(struct arena *arena, const char *text, struct redis_place *out,
                          struct fct_err *err)
{
    struct fct_url url;

    if (!url_parse(arena, str_from(text), &url) || url.query.n > 0 || url.fragment.n > 0)
        return fct_fail(err, FCT_SYNTAX, "redis.url \"%s\" cannot be read", text);
    out->n = 1;
    out->address[0].host = url.host;
    out->address[0].port = (uint16_t)(url.port ? url.port : REDIS_PORT);
    if (url.path.n > 1 && !str_to_u32(str_skip(url.path, 1), &out->database))
        return fct_fail(err, FCT_SYNTAX, "redis.url \"%s\": a database is a number", text);
    read_user(arena, url.user, &out->login);
    return true;
}

/* ---- several: "[user:password@]host[:port],host[:port]…/rest" ---- */

/* "host", "host:port", "[::1]:port". */
static bool parse_host(struct arena *arena, struct fct_str text, uint16_t port,
                       struct dial_address *out)
{
    bool bracketed = text.n > 0 && text.p[0] == '[';
    ptrdiff_t end = bracketed ? str_find_char(text, ']') : str_find_char(text, ':');
    struct fct_str rest = end < 0 ? FCT_STR("") : str_skip(text, (size_t)end + bracketed);
    uint32_t number = port;
    struct fct_str display;

    if ((bracketed && end < 0) ||
        (rest.n > 0 && (rest.p[0] != ':' || !str_to_u32(str_skip(rest, 1), &number) ||
                        number == 0 || number > UINT16_MAX)))
        return false;
    *out = (struct dial_address){.port = (uint16_t)number};
    return url_host(arena, str_head(text, text.n - rest.n), &out->host, &display);
}

static bool parse_hosts(struct arena *arena, struct fct_str list, uint16_t port,
                        struct redis_place *out)
{
    while (list.p) {
        if (out->n == REDIS_HOSTS_MAX ||
            !parse_host(arena, str_split(&list, ','), port, &out->address[out->n++]))
            return false;
    }
    return true;
}

static bool parse_several(struct arena *arena, const char *text, struct fct_str rest,
                          struct redis_place *out, struct fct_err *err)
{
    struct fct_str path = rest, hosts = str_split(&path, '/'), name;
    ptrdiff_t at = str_find_last_char(hosts, '@');

    if (at >= 0)
        read_user(arena, str_head(hosts, (size_t)at), &out->login);
    if (!parse_hosts(arena, str_skip(hosts, (size_t)(at + 1)),
                     out->kind == REDIS_SENTINEL ? SENTINEL_PORT : REDIS_PORT, out))
        return fct_fail(err, FCT_SYNTAX, "redis.url \"%s\": hosts are host[:port],host[:port]…",
                        text);
    if (out->kind == REDIS_CLUSTER) {
        out->database = 0;
        return path.n == 0 ||
               fct_fail(err, FCT_SYNTAX, "redis.url \"%s\": a cluster has one database only", text);
    }
    name = path.p ? str_split(&path, '/') : path;
    out->master = url_unescape(arena, name);
    if (out->master.n == 0)
        return fct_fail(err, FCT_SYNTAX,
                        "redis.url \"%s\": sentinel://host,host/NAME needs the master's name",
                        text);
    return path.n == 0 || str_to_u32(path, &out->database) ||
           fct_fail(err, FCT_SYNTAX, "redis.url \"%s\": a database is a number", text);
}

/* ---- all kinds ---- */

static const struct scheme {
    const char *start;
    enum redis_kind kind;
    bool tls;
} schemes[] = {
    {"redis://", REDIS_SINGLE, false},      {"rediss://", REDIS_SINGLE, true},
    {"sentinel://", REDIS_SENTINEL, false}, {"sentinels://", REDIS_SENTINEL, true},
    {"cluster://", REDIS_CLUSTER, false},   {"clusters://", REDIS_CLUSTER, true},
};

static bool parse_url(struct arena *arena, const char *text, struct redis_place *out,
                      struct fct_err *err)
{
    for (size_t i = 0; i < FCT_COUNT(schemes); i++) {
        struct fct_str start = str_from(schemes[i].start);

        if (!str_starts(str_from(text), start))
            continue;
        out->kind = schemes[i].kind;
        out->tls = schemes[i].tls;
        return out->kind == REDIS_SINGLE
                   ? parse_network(arena, text, out, err)
                   : parse_several(arena, text, str_skip(str_from(text), start.n), out, err);
    }
    return fct_fail(err, FCT_SYNTAX,
                    "redis.url \"%s\": must be unix:/path, redis://host[:port][/database], "
                    "sentinel://host,…/name or cluster://host,…; with an s behind the word: TLS",
                    text);
}

static void set_unix(struct redis_place *out, struct fct_str path)
{
    out->n = 1;
    out->address[0].is_unix = true;
    out->address[0].path = path;
}

bool redis_place_parse(struct arena *arena, const struct redis_conf *conf, const char *run_dir,
                       struct redis_place *out, struct fct_err *err)
{
    struct fct_str url = str_from(conf->url);

    *out = (struct redis_place){
        .login = {arena_str(arena, str_from(conf->user)), {"", 0}},
        .sentinel_login = {arena_str(arena, str_from(conf->sentinel_user)), {"", 0}},
        .master = {"", 0},
        .database = conf->database,
    };
    if (url.n == 0) {
        set_unix(out, redis_spawn_socket(arena, run_dir));
        return true; /* who may go there is a matter of its folder */
    }
    if (str_starts(url, FCT_STR("unix:/")))
        set_unix(out, arena_str(arena, str_skip(url, 5)));
    else if (!parse_url(arena, conf->url, out, err))
        return false;
    return read_password(arena, "password_file", conf->password_file, &out->login.password, err) &&
           read_password(arena, "sentinel_password_file", conf->sentinel_password_file,
                         &out->sentinel_login.password, err);
}

/* ---- names ---- */

struct fct_str redis_address_name(struct arena *arena, const struct dial_address *address)
{
    if (address->is_unix)
        return arena_printf(arena, "unix:%.*s", FCT_FMT(address->path));
    return arena_printf(arena, str_find_char(address->host, ':') < 0 ? "%.*s:%u" : "[%.*s]:%u",
                        FCT_FMT(address->host), (unsigned)address->port);
}

struct fct_str redis_place_name(struct arena *arena, const struct redis_place *place)
{
    struct fct_str first = redis_address_name(arena, &place->address[0]);

    if (place->address[0].is_unix)
        return first;
    if (place->kind == REDIS_SENTINEL)
        return arena_printf(arena, "sentinel%s:%.*s", place->tls ? "s" : "",
                            FCT_FMT(place->master));
    return arena_printf(arena, "redis%s://%.*s", place->tls ? "s" : "", FCT_FMT(first));
}
