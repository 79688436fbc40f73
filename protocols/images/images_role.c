/* images_role.c - see images_role.h. */
#include "protocols/images/images_role.h"

#include "core/base/err.h"
#include "core/dns/dns_conf.h"
#include "core/dns/resolver.h"
#include "core/net/listener.h"
#include "core/net/tls.h"
#include "protocols/edge_certificate.h"
#include "protocols/edge_conf.h"
#include "protocols/images/image_session.h"
#include "protocols/images/images_key.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DISK_THREADS = 2 };

struct door {
    struct images_process *process;
    bool proxy;
    struct tls_context *tls;
    struct listener *listener;
};

struct images_process {
    struct image_front front;
    struct role_env *env;
    struct dns_resolver *dns;
    struct image_cache *cache;
    struct door *door;
    size_t doors;
};

/* ---- before the sandbox ---- */

static bool make_folders(const char *path, struct fct_err *err)
{
    char part[PATH_MAX];
    size_t n = strlen(path);

    if (n >= sizeof part)
        return fct_fail(err, FCT_LIMIT, "images.cache: this path is too long");
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, i == n ? 0700 : 0755) != 0 && errno != EEXIST)
            return fct_fail(err, FCT_TEMP, "images.cache: create folder %s: %s", part,
                            strerror(errno));
    }
    return true;
}

/* Started as root, the process becomes a user who could make no folder there. */
static bool give_folder(const struct role_env *env, const char *path, struct fct_err *err)
{
    const struct server_conf *server = config_get(env->conf, &server_block);
    const struct passwd *pw = geteuid() == 0 && !env->dev && server->user_images[0]
                                  ? getpwnam(server->user_images)
                                  : NULL;

    if (!pw || lchown(path, pw->pw_uid, pw->pw_gid) == 0)
        return true;
    return fct_fail(err, FCT_TEMP, "images.cache: give %s to %s: %s", path, server->user_images,
                    strerror(errno));
}

static bool open_cache(struct images_process *p, struct fct_err *err)
{
    const struct images_conf *conf = p->front.conf;

    if (!make_folders(conf->cache, err) || !give_folder(p->env, conf->cache, err))
        return false;
    p->env->may_write = conf->cache;
    return image_cache_open(
        &(struct image_cache_conf){.folder = conf->cache,
                                   .size = conf->cache_size.bytes,
                                   .max_file = conf->max_image.bytes,
                                   .keep_s = conf->keep.ms / 1000,
                                   .keep_failure_s = conf->keep_failure.ms / 1000},
        &p->cache, err);
}

static bool read_keys(struct images_process *p, struct fct_err *err)
{
    char path[PATH_MAX];

    return images_key_path(p->env->conf, path, err) && image_keys_read(path, &p->front.keys, err);
}

static bool prepare_door(struct images_process *p, size_t i, struct fct_err *err)
{
    const struct role_listener *from = &p->env->listeners[i];
    const struct listener_conf *conf = from->conf;
    struct edge_certificate shown;

    p->door[i] = (struct door){.process = p, .proxy = conf->proxy};
    if (listener_tls(conf) == EDGE_TLS_NONE)
        return true;
    if (!edge_certificate_find(p->env->conf, &shown, err) ||
        !tls_context_new(&(struct tls_conf){.certificate = shown.certificate, .key = shown.key},
                         "images", &p->door[i].tls, err))
        return fct_fail_in(err, "listener %s", from->label);
    return true;
}

static bool images_prepare(struct role_env *env, struct fct_err *err)
{
    struct images_process *p;

    if (env->nlisteners == 0)
        return true; /* a check of a configuration that does not have us */
    p = calloc(1, sizeof *p);
    FCT_ASSERT(p);
    env->role_data = p;
    p->env = env;
    p->front.base = env->base;
    p->front.conf = config_get(env->conf, &images_block);
    p->doors = env->nlisteners;
    p->door = calloc(p->doors, sizeof *p->door);
    FCT_ASSERT(p->door);
    for (size_t i = 0; i < p->doors; i++)
        if (!prepare_door(p, i, err))
            return false;
    if (!read_keys(p, err) || !open_cache(p, err))
        return false;
    p->dns = dns_resolver_new(env->base, config_get(env->conf, &dns_block), err);
    return p->dns &&
           image_source_new(env->base, p->front.conf, p->dns, p->cache, &p->front.source, err);
}

/* ---- running ---- */

static void accepted(void *arg, int fd)
{
    const struct door *door = arg;

    image_session_accept(&door->process->front, fd, door->tls, door->proxy);
}

static bool images_start(struct role_env *env, struct fct_err *err)
{
    struct images_process *p = env->role_data;

    offload_start(DISK_THREADS);
    for (size_t i = 0; i < p->doors; i++) {
        p->door[i].listener =
            listener_start(env->base, env->listeners[i].fd, accepted, &p->door[i]);
        if (!p->door[i].listener)
            return fct_fail(err, FCT_TEMP, "listener %s: cannot accept", env->listeners[i].label);
    }
    return true;
}

static void all_gone(void *arg)
{
    role_drained(arg);
}

static void images_drain(struct role_env *env)
{
    struct images_process *p = env->role_data;

    if (p->front.draining)
        return;
    for (size_t i = 0; i < p->doors; i++)
        listener_stop(&p->door[i].listener);
    p->front.idle = all_gone;
    p->front.arg = env;
    image_front_drain(&p->front);
}

static void images_status(struct role_env *env, struct buf *out)
{
    const struct images_process *p = env->role_data;
    struct image_source_stats source = image_source_stats(p->front.source);
    struct image_cache_stats cache = image_cache_stats(p->cache);
    const struct {
        const char *name;
        uint64_t value;
    } lines[] = {
        {"connections", p->front.open},
        {"connections_made", p->front.count.connections},
        {"requests", p->front.count.requests},
        {"refused", p->front.count.refused},
        {"bytes_sent", p->front.count.bytes},
        {"from_cache", source.from_cache},
        {"shared", source.shared},
        {"fetched", source.fetched},
        {"fetch_failed", source.failed},
        {"bytes_fetched", source.bytes},
        {"cache_bytes", cache.bytes},
        {"cache_entries", cache.entries},
        {"cache_evicted", cache.evicted},
        {"cache_write_errors", cache.write_errors},
    };

    for (size_t i = 0; i < FCT_COUNT(lines); i++)
        buf_printf(out, "%s %llu\n", lines[i].name, (unsigned long long)lines[i].value);
}

const struct role images_role = {
    .kind = ROLE_IMAGES,
    .name = "images",
    .doc = "The image proxy: fetches pictures in mail for readers",
    .prepare = images_prepare,
    .start = images_start,
    .drain = images_drain,
    .status = images_status,
};
