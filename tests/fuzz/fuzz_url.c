/* fuzz_url.c - any bytes as a URL, alone and in a document: what was parsed prints and parses to
 * the same, and a host is a host. */
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/dns/psl.h"
#include "core/message/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct arena *arena, const struct fct_url *url)
{
    struct fct_url again;

    FCT_ASSERT(url->host.n > 0 && url->scheme.n > 0 && url->port <= 65535);
    for (size_t i = 0; i < url->host.n; i++)
        FCT_ASSERT((unsigned char)url->host.p[i] > ' ' && !strchr("/?#@\\", url->host.p[i]));
    FCT_ASSERT(psl_org(url->host).n <= url->host.n);
    FCT_ASSERT(url_parse(arena, url_print(arena, url), &again));
    FCT_ASSERT(str_equal(again.host, url->host) && str_equal(again.path, url->path) &&
               str_equal(again.query, url->query) && again.port == url->port);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str text = {(const char *)data, size};
    struct arena *arena = arena_new(NULL);
    struct fct_url base, url;

    if (url_parse(arena, text, &url))
        check(arena, &url);
    FCT_ASSERT(url_parse(arena, FCT_STR("http://base.example/a/b?c#d"), &base));
    if (url_parse_in(arena, &base, text, &url))
        check(arena, &url);
    arena_free(&arena);
    return 0;
}
