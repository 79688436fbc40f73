/* image_source.c - see image_source.h. */
#include "protocols/images/image_source.h"

#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/str.h"
#include "core/http/http_client.h"
#include "core/log/log.h"
#include "core/message/url.h"
#include "protocols/images/image_type.h"

#include <stdlib.h>

enum { PORTS_MAX = 16, WAITING_PER_FETCH = 16, HOST_SHOWN = 100 };

struct image_source {
    const struct images_conf *conf;
    struct image_cache *cache;
    struct http_client *http;
    struct http_conf rules;
    char port[PORTS_MAX][8]; /* "*:443" */
    const char *ports[PORTS_MAX];
    struct map *flights; /* by name: what is being fetched */
    unsigned flying;
    struct image_source_stats stats;
};

/* One that waits for a flight; on its fiber's stack. */
struct waiter {
    struct waiter *next;
    struct fiber_token token;
    struct image *image;
};

struct flight {
    struct image_source *source;
    struct fct_str url;
    char name[IMAGE_NAME + 1];
    struct waiter *waiters;
};

/* ---- pictures ---- */

static struct image *image_new(unsigned status, const char *type, char *bytes, size_t n)
{
    struct image *image = malloc(sizeof *image);

    FCT_ASSERT(image);
    *image = (struct image){.refs = 1, .status = status, .type = type, .bytes = bytes, .n = n};
    return image;
}

void image_unref(struct image *image)
{
    if (--image->refs > 0)
        return;
    free(image->bytes);
    free(image);
}

/* ---- fetching ---- */

static struct fct_str host_of(struct arena *arena, struct fct_str url)
{
    struct fct_url parsed;

    return url_parse(arena, url, &parsed) ? str_head(parsed.host, HOST_SHOWN) : FCT_STR("?");
}

static struct fct_str header_of(const struct fct_http_reply *reply, struct fct_str name)
{
    for (size_t i = 0; i < reply->headers; i++) {
        struct fct_str value = reply->header[i];

        if (str_equal(str_split(&value, ':'), name))
            return str_trim(value);
    }
    return FCT_STR("");
}

static bool judge(const struct fct_http_reply *reply, const char **type, struct fct_err *err)
{
    struct fct_str said = header_of(reply, FCT_STR("content-type"));

    *type = image_type(reply->body);
    if (reply->status != 200)
        return fct_fail(err, FCT_TEMP, "status %u", reply->status);
    if (!image_is_declared(said))
        return fct_fail(err, FCT_TEMP, "%.*s is no picture", FCT_FMT(str_head(said, 60)));
    if (!*type)
        return fct_fail(err, FCT_TEMP, "the bytes are none of the pictures we know");
    return true;
}

static struct image *failed(const struct flight *f, struct arena *arena, const struct fct_err *err)
{
    unsigned status = err->class == FCT_DENIED ? 403 : 502;

    f->source->stats.failed++;
    log_event(EV_IMAGE_FAILED, FCT_STR(""), F_STR("host", host_of(arena, f->url)),
              F_U64("status", status), F_C("why", err->text));
    image_cache_put_failure(f->source->cache, f->name, status);
    return image_new(status, NULL, NULL, 0);
}

FCT_MAY_WAIT static struct image *arrived(const struct flight *f, struct arena *arena,
                                          const char *type, struct fct_str body)
{
    char *bytes = malloc(body.n);

    FCT_ASSERT(bytes);
    memcpy(bytes, body.p, body.n);
    f->source->stats.fetched++;
    f->source->stats.bytes += body.n;
    log_event(EV_IMAGE_FETCHED, FCT_STR(""), F_STR("host", host_of(arena, f->url)),
              F_C("type", type), F_U64("bytes", body.n));
    image_cache_put(f->source->cache, f->name, body);
    return image_new(200, type, bytes, body.n);
}

static void land(struct flight *f, struct image *image)
{
    map_remove(f->source->flights, str_from(f->name));
    f->source->flying--;
    for (struct waiter *w = f->waiters, *next; w; w = next) {
        next = w->next;
        w->image = image;
        image->refs++;
        (void)fiber_wake(w->token);
    }
    image_unref(image);
    free((char *)(uintptr_t)f->url.p);
    free(f);
}

/* A fiber of its own: whoever asked first may go away, the others wait on. */
FCT_MAY_WAIT static void fly(void *arg)
{
    static const struct fct_str accept =
        FCT_STR_INIT("Accept: image/avif,image/webp,image/png,image/jpeg,image/gif,image/bmp");
    struct flight *f = arg;
    struct arena *arena = arena_new(NULL);
    const struct fct_http_request request = {
        .size = sizeof request, .method = "GET", .url = f->url, .header = &accept, .headers = 1};
    struct fct_http_reply reply;
    struct fct_err err = {0};
    struct image *image;
    const char *type;

    if (http_ask(f->source->http, arena, &request, &reply, &err) && judge(&reply, &type, &err))
        image = arrived(f, arena, type, reply.body);
    else
        image = failed(f, arena, &err);
    arena_free(&arena);
    land(f, image);
}

static struct flight *flight_new(struct image_source *source, struct fct_str url, const char *name)
{
    struct flight *f = calloc(1, sizeof *f);

    FCT_ASSERT(f);
    f->source = source;
    f->url = (struct fct_str){str_dup_c(url), url.n};
    memcpy(f->name, name, sizeof f->name);
    map_put(source->flights, str_from(f->name), f);
    source->flying++;
    return f;
}

static void leave(struct flight *f, struct waiter *w)
{
    for (struct waiter **at = &f->waiters; *at; at = &(*at)->next)
        if (*at == w) {
            *at = w->next;
            return;
        }
}

/* The flight may land at any wait, so it is looked up again before it is touched. */
FCT_MAY_WAIT static struct image *fetch(struct image_source *source, struct fct_str url,
                                        const char *name)
{
    struct flight *f = map_get(source->flights, str_from(name));
    bool first = !f;
    struct waiter w = {0};

    if (first && source->flying >= source->conf->max_fetches * WAITING_PER_FETCH)
        return image_new(503, NULL, NULL, 0);
    if (first)
        f = flight_new(source, url, name);
    else
        source->stats.shared++;
    w.next = f->waiters;
    f->waiters = &w;
    w.token = fiber_token();
    if (first)
        (void)fiber_start(fly, f);
    if (fiber_park(CLOCK_NEVER) != FIBER_WOKEN && !w.image) {
        f = map_get(source->flights, str_from(name));
        if (f)
            leave(f, &w);
        return image_new(503, NULL, NULL, 0);
    }
    return w.image;
}

/* ---- asking ---- */

FCT_MAY_WAIT static struct image *from_cache(struct image_source *source, const char *name)
{
    const char *type;
    char *bytes;
    size_t n;

    if (!image_cache_read(source->cache, name, &bytes, &n))
        return NULL;
    type = image_type((struct fct_str){bytes, n});
    if (!type) { /* the disk was full, or somebody was there */
        free(bytes);
        image_cache_drop(source->cache, name);
        return NULL;
    }
    source->stats.from_cache++;
    return image_new(200, type, bytes, n);
}

struct image *image_source_get(struct image_source *source, struct fct_str url)
{
    char name[IMAGE_NAME + 1];
    struct image *image = NULL;
    unsigned status = 0;

    source->stats.asked++;
    image_cache_name(url, name);
    switch (image_cache_find(source->cache, name, &status)) {
    case IMAGE_FAILED_BEFORE:
        return image_new(status, NULL, NULL, 0);
    case IMAGE_KEPT:
        image = from_cache(source, name);
        break;
    case IMAGE_UNKNOWN:
        break;
    }
    return image ? image : fetch(source, url, name);
}

/* ---- life ---- */

/* Whom core/http may ask: anybody with a public address, at these ports. */
static void make_rules(struct image_source *s)
{
    const struct images_conf *conf = s->conf;

    for (size_t i = 0; i < conf->ports.n && i < PORTS_MAX; i++) {
        (void)snprintf(s->port[i], sizeof s->port[i], "*:%.5s", conf->ports.item[i]);
        s->ports[i] = s->port[i];
    }
    s->rules = (struct http_conf){
        .allow = {s->ports, conf->ports.n},
        .plain = {s->ports, conf->ports.n},
        .private_hosts = conf->private_hosts,
        .max = conf->max_image,
        .timeout = conf->timeout,
        .connect_timeout = conf->connect_timeout,
        .max_connections = conf->max_fetches,
        .max_host_connections = conf->max_host_fetches,
        .max_redirects = conf->max_redirects,
        .ca_file = conf->ca_file,
    };
}

bool image_source_new(struct event_base *base, const struct images_conf *conf,
                      struct dns_resolver *dns, struct image_cache *cache,
                      struct image_source **out, struct fct_err *err)
{
    struct image_source *s = calloc(1, sizeof *s);

    FCT_ASSERT(s);
    s->conf = conf;
    s->cache = cache;
    s->flights = map_new();
    make_rules(s);
    *out = s;
    return http_client_new(base, &s->rules, dns, &s->http, err) || fct_fail_in(err, "images");
}

struct image_source_stats image_source_stats(const struct image_source *source)
{
    return source->stats;
}
