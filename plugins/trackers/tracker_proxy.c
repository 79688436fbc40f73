/* tracker_proxy.c - see tracker_proxy.h. */
#include "plugins/trackers/tracker_proxy.h"

#include "plugins/lib/view.h"
#include "plugins/trackers/tracker_glob.h"

enum { BASE_MAX = 200, FILL = 2 };

static bool fails(struct fct_err *err, const char *why)
{
    err->class = FCT_DENIED;
    snprintf(err->text, sizeof err->text, "proxy: %s", why);
    return false;
}

/* It is written into attributes as it is, some of them without quotes. */
static bool is_base(struct fct_str base)
{
    static const struct fct_str schemes[] = {FCT_STR_INIT("https://"), FCT_STR_INIT("http://")};
    size_t host = 0;

    for (size_t i = 0; i < FCT_COUNT(schemes) && host == 0; i++)
        if (base.n > schemes[i].n && memcmp(base.p, schemes[i].p, schemes[i].n) == 0)
            host = schemes[i].n;
    if (host == 0 || base.n > BASE_MAX || base.p[host] == '/')
        return false;
    for (size_t i = host; i < base.n; i++)
        if (!tracker_is_alnum(base.p[i]) && !strchr("-._~:/[]", base.p[i]))
            return false;
    return true;
}

bool tracker_proxy_open(struct tracker_proxy *out, const char *base, const char *path,
                        struct fct_err *err)
{
    out->base = (struct fct_str){base, strlen(base)};
    if (!is_base(out->base))
        return fails(err, "an address as https://mail.example is wanted");
    while (out->base.p[out->base.n - 1] == '/')
        out->base.n--;
    return image_keys_read(path, &out->keys, err);
}

bool tracker_proxy_takes(const struct tracker_page *page, const struct fct_html_token *token,
                         const struct fct_html_attribute *a)
{
    if (!page->proxy || !token || !a || token->kind != FCT_HTML_START)
        return false;
    if (view_is(token->name, "source")) /* its src is a film or a sound */
        return view_is(a->name, "srcset");
    return (view_is(token->name, "img") || view_is(token->name, "image")) &&
           (view_is(a->name, "src") || view_is(a->name, "srcset"));
}

/* Written out as the proxy reads it again; 0: no picture of the web, or too long. */
static size_t print_url(const struct fct_url *url, char *out, size_t room)
{
    bool v6 = memchr(url->host.p, ':', url->host.n) != NULL;
    int n;

    if ((!view_is(url->scheme, "https") && !view_is(url->scheme, "http")) || url->host.n == 0 ||
        url->user.n > 0)
        return 0;
    n = snprintf(out, room, "%.*s://%s%.*s%s", FCT_FMT(url->scheme), v6 ? "[" : "",
                 FCT_FMT(url->host), v6 ? "]" : "");
    if (n > 0 && (size_t)n < room && url->port)
        n += snprintf(out + n, room - (size_t)n, ":%u", url->port);
    if (n > 0 && (size_t)n < room)
        n += snprintf(out + n, room - (size_t)n, "%.*s%s%.*s", FCT_FMT(url->path),
                      url->query.n > 0 ? "?" : "", FCT_FMT(url->query));
    return n > 0 && (size_t)n < room ? (size_t)n : 0;
}

struct fct_str tracker_proxy_link(const struct tracker_page *page, const struct fct_url *url,
                                  size_t removed)
{
    const struct tracker_proxy *proxy = page->proxy;
    char whole[IMAGE_URL_MAX + 1];
    size_t n = print_url(url, whole, sizeof whole), length;
    char *out =
        n > 0 ? page->tools->alloc(page->tools->context, proxy->base.n + IMAGE_LINK_MAX + FILL)
              : NULL;

    if (!out)
        return (struct fct_str){NULL, 0};
    memcpy(out, proxy->base.p, proxy->base.n);
    length = image_link_write(&proxy->keys, (struct fct_str){whole, n}, out + proxy->base.n,
                              IMAGE_LINK_MAX);
    if (length == 0)
        return (struct fct_str){NULL, 0};
    length += proxy->base.n;
    /* A fragment is not asked for: it makes lengths fit. */
    for (char fill = '#'; page->thirds && length % 3 != removed % 3; fill = 'x')
        out[length++] = fill;
    return (struct fct_str){out, length};
}
