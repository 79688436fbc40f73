/* ctl_lists_fetch.c - a list and its signature, from a file or by HTTP. The administrator names the
 * URL, so its host may be anywhere, also inside; redirects lead to the same host only. */
#include "core/ctl/ctl_lists.h"

#include "core/base/str.h"
#include "core/dns/resolver.h"
#include "core/fiber/fiber.h"
#include "core/http/http_client.h"
#include "core/lists/list_store.h"
#include "core/message/url.h"

#include <event2/event.h>

#define STACK_BYTES (256u << 10)
#define TIMEOUT_MS  30000u

struct fetch {
    struct ctl *ctl;
    struct event_base *base;
    struct http_client *http;
    const char *from;
    struct fct_str *text, *signature;
    struct fct_err *err;
    bool ok;
};

static FCT_MAY_WAIT bool ask(struct fetch *f, struct fct_str url, struct fct_str *out)
{
    const struct fct_http_request request = {
        .size = sizeof request, .url = url, .timeout_ms = TIMEOUT_MS, .max_bytes = LIST_MAX};
    struct fct_http_reply reply = {.size = sizeof reply};

    if (!http_ask(f->http, f->ctl->arena, &request, &reply, f->err))
        return fct_fail_in(f->err, "%.200s", url.p);
    *out = reply.body;
    return reply.status == 200 || fct_fail(f->err, reply.status >= 500 ? FCT_TEMP : FCT_DENIED,
                                           "%.200s: HTTP status %u", url.p, reply.status);
}

static void fetch_both(void *arg)
{
    struct fetch *f = arg;

    f->ok = ask(f, str_from(f->from), f->text) &&
            (!f->signature || ask(f, arena_printf(f->ctl->arena, "%s.sig", f->from), f->signature));
}

static struct http_conf conf_of(const struct ctl *c, const char **host, const char **place)
{
    struct http_conf conf = *(const struct http_conf *)config_get(c->config, &http_block);

    conf.allow = (struct fct_strings){host, 1};
    conf.private_hosts = (struct fct_strings){host, 1};
    conf.plain = (struct fct_strings){place, *place ? 1 : 0};
    conf.max.bytes = LIST_MAX;
    conf.timeout.ms = TIMEOUT_MS;
    return conf;
}

static bool run(struct fetch *f, const struct http_conf *conf)
{
    const char *given = ctl_option(f->ctl, "--dns");
    struct dns_conf dns = *(const struct dns_conf *)config_get(f->ctl->config, &dns_block);
    struct dns_resolver *resolver;
    struct fiber_id working;

    if (given) {
        dns.mode = "forward";
        dns.server = (struct fct_strings){&given, 1};
    }
    resolver = dns_resolver_new(f->base, &dns, f->err);
    if (!resolver)
        return false;
    if (http_client_new(f->base, conf, resolver, &f->http, f->err)) {
        working = fiber_start(fetch_both, f);
        while (fiber_is_alive(working) && event_base_loop(f->base, EVLOOP_ONCE) == 0)
            continue;
        http_client_free(&f->http);
    }
    dns_resolver_free(&resolver);
    return f->ok;
}

static bool fetch_url(struct ctl *c, const char *from, struct fct_str *text,
                      struct fct_str *signature, struct fct_err *err)
{
    struct fetch f = {.ctl = c, .from = from, .text = text, .signature = signature, .err = err};
    const char *host, *place = NULL;
    struct http_conf conf;
    struct fct_url url;

    if (!url_parse(c->arena, str_from(from), &url))
        return fct_fail(err, FCT_SYNTAX, "%s is no URL", from);
    host = arena_cstr(c->arena, url.host);
    if (str_equal(url.scheme, FCT_STR("http")))
        place = url.port ? arena_printf(c->arena, "%s:%u", host, url.port).p : host;
    conf = conf_of(c, &host, &place);
    f.base = event_base_new();
    if (!f.base || !fiber_setup(f.base, STACK_BYTES, 2, err))
        return false;
    (void)run(&f, &conf);
    fiber_teardown();
    event_base_free(f.base);
    return f.ok;
}

bool ctl_lists_fetch(struct ctl *c, const char *from, struct fct_str *text,
                     struct fct_str *signature, struct fct_err *err)
{
    if (str_starts_nocase(str_from(from), FCT_STR("http://")) ||
        str_starts_nocase(str_from(from), FCT_STR("https://")))
        return fetch_url(c, from, text, signature, err);
    if (str_starts_nocase(str_from(from), FCT_STR("file://")))
        from += sizeof "file://" - 1;
    return list_read(c->arena, from, text, err) &&
           (!signature ||
            list_read(c->arena, arena_printf(c->arena, "%s.sig", from).p, signature, err));
}
