/* mta_sts_fetch.c - see mta_sts_fetch.h. The HTTP is core/http's, with a configuration of its own:
 * any host may be asked, none redirects. */
#include "protocols/relay/policy/mta_sts_fetch.h"

#include "core/base/str.h"
#include "core/base/utf8.h"
#include "core/http/http_client.h"

#include <stdlib.h>

#define CONNECT_MS 15000u

struct mta_sts_fetcher {
    const struct mta_sts_fetch_conf *conf;
    struct http_conf http_conf;
    struct http_client *http;
};

bool mta_sts_fetcher_new(struct event_base *base, const struct mta_sts_fetch_conf *conf,
                         struct dns_resolver *dns, struct mta_sts_fetcher **out,
                         struct fct_err *err)
{
    static const char *const any[] = {"*"};
    struct mta_sts_fetcher *f = calloc(1, sizeof *f);

    *out = f;
    if (!f)
        return fct_fail(err, FCT_TEMP, "no memory");
    f->conf = conf;
    f->http_conf = (struct http_conf){
        .allow = {any, 1},
        .private_hosts = conf->private_hosts,
        .max = {MTA_STS_POLICY_BYTES},
        .timeout = conf->timeout,
        .connect_timeout = {conf->timeout.ms < CONNECT_MS ? conf->timeout.ms : CONNECT_MS},
        .max_connections = conf->max_at_once,
        .max_host_connections = 1,
        .ca_file = conf->ca_file,
    };
    if (http_client_new(base, &f->http_conf, dns, &f->http, err))
        return true;
    mta_sts_fetcher_free(out);
    return false;
}

void mta_sts_fetcher_free(struct mta_sts_fetcher **fetcher)
{
    struct mta_sts_fetcher *f = *fetcher;

    if (!f)
        return;
    http_client_free(&f->http);
    free(f);
    *fetcher = NULL;
}

/* The media type is text/plain, whatever its parameters (RFC 8461 3.2). */
static bool is_text_plain(const struct fct_http_reply *reply)
{
    for (size_t i = 0; i < reply->headers; i++) {
        struct fct_str value = reply->header[i], name = str_split(&value, ':');

        if (value.p && str_equal_nocase(name, FCT_STR("content-type")))
            return str_equal_nocase(str_trim(str_split(&value, ';')), FCT_STR("text/plain"));
    }
    return false;
}

static bool take_reply(struct arena *arena, const struct fct_http_reply *reply,
                       struct mta_sts_policy *out, struct fct_err *err)
{
    if (reply->status != 200)
        return fct_fail(err, FCT_TEMP, "the web server answered %u", reply->status);
    if (!is_text_plain(reply))
        return fct_fail(err, FCT_SYNTAX, "the policy is not text/plain");
    return mta_sts_policy_parse(arena, reply->body, out, err);
}

static struct fct_str url_of(const struct mta_sts_fetcher *f, struct arena *arena,
                             struct fct_str domain)
{
    const char *path = "/.well-known/mta-sts.txt";

    if (f->conf->port == 0 || f->conf->port == 443)
        return arena_printf(arena, "https://mta-sts.%.*s%s", FCT_FMT(domain), path);
    return arena_printf(arena, "https://mta-sts.%.*s:%u%s", FCT_FMT(domain),
                        (unsigned)f->conf->port, path);
}

bool mta_sts_fetch(struct mta_sts_fetcher *f, struct arena *arena, struct fct_str domain,
                   struct mta_sts_policy *out, bool *certificate, struct fct_err *err)
{
    struct fct_http_request request = {.size = sizeof request, .url = url_of(f, arena, domain)};
    struct fct_http_reply reply;
    bool ok;

    *certificate = false;
    ok = http_ask(f->http, arena, &request, &reply, err);
    /* libcurl's only sign of it is what it says: "SSL certificate problem", "no alternative
     * certificate subject name matches". */
    if (!ok)
        *certificate = str_find_nocase(str_from(err->text), FCT_STR("certificate")) >= 0;
    if (ok)
        ok = take_reply(arena, &reply, out, err);
    return ok || fct_fail_in(err, "MTA-STS policy of %.*s", FCT_FMT(str_head(domain, 100)));
}

bool mta_sts_fetcher_post(struct mta_sts_fetcher *f, struct arena *arena, struct fct_str url,
                          struct fct_str gzip, struct fct_err *err)
{
    static const struct fct_str type = {"Content-Type: application/tlsrpt+gzip",
                                        sizeof "Content-Type: application/tlsrpt+gzip" - 1};
    struct fct_http_request request = {.size = sizeof request,
                                       .method = "POST",
                                       .url = url,
                                       .header = &type,
                                       .headers = 1,
                                       .body = gzip};
    struct fct_http_reply reply;

    if (!f)
        return fct_fail(err, FCT_TEMP, "no HTTPS (outbound_tls.mta_sts, outbound_tls.trust)");
    return http_ask(f->http, arena, &request, &reply, err) &&
           (reply.status / 100 == 2 ||
            fct_fail(err, FCT_TEMP, "the web server answered %u", reply.status));
}
