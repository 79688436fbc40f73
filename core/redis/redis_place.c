/* redis_place.c - redis.url taken apart. */
#include "core/redis/redis_int.h"

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/message/url.h"
#include "core/redis/redis_spawn.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { REDIS_PORT = 6379, PASSWORD_MAX = 1024 };

static bool read_password(struct arena *arena, const char *path, struct fct_str *out,
                          struct fct_err *err)
{
    FILE *f = fopen(path, "re");
    char line[PASSWORD_MAX + 2];
    bool ok;

    if (!f)
        return fct_fail(err, FCT_SYNTAX, "redis.password_file %s: %s", path, strerror(errno));
    ok = fgets(line, sizeof line, f) != NULL;
    fclose(f);
    if (!ok)
        return fct_fail(err, FCT_SYNTAX, "redis.password_file %s is empty", path);
    line[strcspn(line, "\r\n")] = '\0';
    *out = arena_str(arena, str_from(line));
    return true;
}

static bool read_user(struct arena *arena, struct fct_str user, struct redis_place *out)
{
    ptrdiff_t colon = str_find_char(user, ':');

    if (user.n == 0)
        return true;
    out->user = url_unescape(arena, colon < 0 ? user : str_head(user, (size_t)colon));
    if (colon >= 0)
        out->password = url_unescape(arena, str_skip(user, (size_t)colon + 1));
    return true;
}

static bool parse_network(struct arena *arena, const char *text, struct redis_place *out,
                          struct fct_err *err)
{
    struct fct_url url;

    if (!url_parse(arena, str_from(text), &url) || url.query.n > 0 || url.fragment.n > 0 ||
        !(str_equal(url.scheme, FCT_STR("redis")) || str_equal(url.scheme, FCT_STR("rediss"))))
        return fct_fail(err, FCT_SYNTAX,
                        "redis.url \"%s\": neither unix:/path nor redis://host[:port][/database]",
                        text);
    out->tls = url.scheme.n == 6;
    out->address.host = url.host;
    out->address.port = (uint16_t)(url.port ? url.port : REDIS_PORT);
    if (url.path.n > 1 && !str_to_u32(str_skip(url.path, 1), &out->database))
        return fct_fail(err, FCT_SYNTAX, "redis.url \"%s\": a database is a number", text);
    return read_user(arena, url.user, out);
}

bool redis_place_parse(struct arena *arena, const struct redis_conf *conf, const char *run_dir,
                       struct redis_place *out, struct fct_err *err)
{
    struct fct_str url = str_from(conf->url);

    *out = (struct redis_place){.user = arena_str(arena, str_from(conf->user)),
                                .password = {"", 0},
                                .database = conf->database};
    if (url.n == 0) {
        out->address.is_unix = true;
        out->address.path = redis_spawn_socket(arena, run_dir);
        return true; /* who may go there is a matter of its folder */
    }
    if (str_starts(url, FCT_STR("unix:/"))) {
        out->address.is_unix = true;
        out->address.path = arena_str(arena, str_skip(url, 5));
    } else if (!parse_network(arena, conf->url, out, err)) {
        return false;
    }
    return !*conf->password_file || read_password(arena, conf->password_file, &out->password, err);
}

struct fct_str redis_place_name(struct arena *arena, const struct redis_place *place)
{
    if (place->address.is_unix)
        return arena_printf(arena, "unix:%.*s", FCT_FMT(place->address.path));
    return arena_printf(arena, "%s://%.*s:%u", place->tls ? "rediss" : "redis",
                        FCT_FMT(place->address.host), (unsigned)place->address.port);
}
