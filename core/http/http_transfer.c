/* http_transfer.c - one question: what libcurl is told, and what it tells us. */
#include "core/http/http_int.h"

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/dns/dns_addresses.h"
#include "core/message/url.h"
#include "core/net/authorities.h"
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#define USER_AGENT "Facteur"

enum { HEADERS_MAX = 200, HEADER_BYTES_MAX = 65536, REQUEST_HEADERS_MAX = 64, ADDRESSES_MAX = 8 };

/* ---- what may be asked ---- */

static bool is_token(struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7F ||
            strchr("\"(),/:;<=>?@[\\]{}", s.p[i]))
            return false;
    return s.n > 0;
}

/* The connection is ours to describe, and so is who asks. */
static bool is_ours(struct fct_str name)
{
    static const char *const names[] = {
        "host", "content-length", "transfer-encoding", "connection",         "user-agent", "expect",
        "te",   "trailer",        "upgrade",           "proxy-authorization"};

    for (size_t i = 0; i < FCT_COUNT(names); i++)
        if (str_equal_nocase(name, str_from(names[i])))
            return true;
    return false;
}

static bool check_header(struct fct_str header, struct fct_err *err)
{
    ptrdiff_t colon = str_find_char(header, ':');

    if (colon < 0 || !is_token(str_head(header, (size_t)colon)) ||
        str_find_char(header, '\r') >= 0 || str_find_char(header, '\n') >= 0 ||
        str_find_char(header, '\0') >= 0)
        return fct_fail(err, FCT_SYNTAX, "\"%.*s\" is no header field",
                        FCT_FMT(str_head(header, 80)));
    if (is_ours(str_head(header, (size_t)colon)))
        return fct_fail(err, FCT_SYNTAX, "%.*s is not for plugins to set", (int)colon, header.p);
    return true;
}

bool http_request_check(const struct fct_http_request *request, struct fct_err *err)
{
    static const char *const methods[] = {"GET",    "POST", "PUT",    "PATCH",
                                          "DELETE", "HEAD", "OPTIONS"};
    bool known = !request->method;

    for (size_t i = 0; i < FCT_COUNT(methods) && !known; i++)
        known = strcmp(methods[i], request->method) == 0;
    if (!known)
        return fct_fail(err, FCT_SYNTAX, "\"%.20s\" is no HTTP method for plugins",
                        request->method);
    if (request->headers > REQUEST_HEADERS_MAX)
        return fct_fail(err, FCT_LIMIT, "more than %d header fields", REQUEST_HEADERS_MAX);
    for (size_t i = 0; i < request->headers; i++)
        if (!check_header(request->header[i], err))
            return false;
    return true;
}

/* ---- where it goes ---- */

/* "+host:port:address,[address]": libcurl looks nothing up itself, and forgets it after a while. */
static struct fct_str resolve_line(struct http_transfer *t, const struct fct_str *address, size_t n)
{
    FCT_CLEANUP(buf_free) struct buf line = BUF_INIT(2048);
    unsigned standard = str_equal(t->url->scheme, FCT_STR("http")) ? 80 : 443;

    buf_printf(&line, "+%.*s:%u:", FCT_FMT(t->url->host), t->url->port ? t->url->port : standard);
    for (size_t i = 0; i < n; i++) {
        bool v6 = str_find_char(address[i], ':') >= 0;

        buf_printf(&line, "%s%s%.*s%s", i ? "," : "", v6 ? "[" : "", FCT_FMT(address[i]),
                   v6 ? "]" : "");
    }
    return arena_str(t->arena, buf_str(&line));
}

FCT_MAY_WAIT static bool find_way(struct http_transfer *t, struct fct_err *err)
{
    struct fct_str address[ADDRESSES_MAX];
    size_t n = dns_addresses(t->client->dns, t->arena, t->url->host, t->deadline_ms, address,
                             ADDRESSES_MAX);
    size_t fit = 0;

    if (n == 0)
        return fct_fail(err, FCT_TEMP, "%.*s has no address", FCT_FMT(str_head(t->url->host, 100)));
    for (size_t i = 0; i < n; i++)
        if (http_address_allowed(t->client->conf, t->url, address[i], err))
            address[fit++] = address[i];
    if (fit == 0)
        return false;
    t->resolve = curl_slist_append(NULL, resolve_line(t, address, fit).p);
    return true;
}

static int refuse_lookup(void *state, void *reserved, void *arg)
{
    (void)state, (void)reserved, (void)arg;
    return 1;
}

/* The last word on where a connection goes, however libcurl came to the address: it reads host
 * names in its own way. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct http_transfer *t = arg;
    char text[INET6_ADDRSTRLEN];
    const void *address =
        to->family == AF_INET6
            ? (const void *)&((const struct sockaddr_in6 *)(const void *)&to->addr)->sin6_addr
            : (const void *)&((const struct sockaddr_in *)(const void *)&to->addr)->sin_addr;
    struct fct_err err = {0};

    (void)purpose;
    if ((to->family != AF_INET && to->family != AF_INET6) ||
        !inet_ntop(to->family, address, text, sizeof text) ||
        !http_address_allowed(t->client->conf, t->url, str_from(text), &err))
        return CURL_SOCKET_BAD;
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* ---- what comes back ---- */

static size_t take_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct http_transfer *t = arg;

    if (size * n > t->max - t->body.n) {
        t->too_large = true;
        return 0;
    }
    return buf_put(&t->body, bytes, size * n) ? size * n : 0;
}

/* "name: value", the name in lower case. A new status line (an interim answer came before) starts
 * afresh. */
static size_t take_header(char *bytes, size_t size, size_t n, void *arg)
{
    struct http_transfer *t = arg;
    struct fct_str line = str_trim((struct fct_str){bytes, size * n}), copy;
    ptrdiff_t colon = str_find_char(line, ':');

    if (str_starts(line, FCT_STR("HTTP/"))) {
        t->headers = 0;
        return size * n;
    }
    if (colon <= 0)
        return size * n;
    t->header_bytes += line.n;
    if (t->headers == HEADERS_MAX || t->header_bytes > HEADER_BYTES_MAX) {
        t->too_large = true;
        return 0;
    }
    copy = arena_str(t->arena, line);
    str_lower((char *)(uintptr_t)copy.p, (size_t)colon);
    t->got[t->headers++] = copy;
    if (str_equal(str_head(copy, (size_t)colon), FCT_STR("location")))
        t->location = str_trim(str_skip(copy, (size_t)colon + 1));
    return size * n;
}

/* ---- libcurl's settings ---- */

static CURLcode set_authorities(CURL *easy, void *tls, void *arg)
{
    struct http_transfer *t = arg;
    X509_STORE *store;

    (void)easy;
    store = t->client->authorities ? authorities_store(t->client->authorities) : NULL;
    if (!store)
        return CURLE_SSL_CACERT_BADFILE;
    SSL_CTX_set1_cert_store(tls, store);
    return CURLE_OK;
}

static void set_headers(struct http_transfer *t)
{
    bool typed = false;

    t->header = curl_slist_append(NULL, "Expect:"); /* a round trip for nothing */
    for (size_t i = 0; t->sends_headers && i < t->request->headers; i++) {
        struct fct_str header = t->request->header[i];

        typed |= str_starts_nocase(header, FCT_STR("content-type:"));
        t->header = curl_slist_append(t->header, arena_cstr(t->arena, header));
    }
    if (!typed) /* libcurl would say it is a form */
        t->header = curl_slist_append(t->header, "Content-Type:");
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->header);
}

static void set_method(struct http_transfer *t)
{
    bool has_body =
        t->request->body.n > 0 && strcmp(t->method, "GET") != 0 && strcmp(t->method, "HEAD") != 0;

    if (strcmp(t->method, "HEAD") == 0) {
        curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
        return;
    }
    if (has_body || strcmp(t->method, "POST") == 0) {
        curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, has_body ? t->request->body.p : "");
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)(has_body ? t->request->body.n : 0));
    }
    curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, t->method);
}

static void set_limits(struct http_transfer *t)
{
    const struct http_conf *conf = t->client->conf;
    uint64_t now = clock_ms(), left = t->deadline_ms > now ? t->deadline_ms - now : 1;

    curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)left);
    curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)conf->connect_timeout.ms);
    curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 0L); /* each hop is checked by us */
    curl_easy_setopt(t->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(t->easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(t->easy, CURLOPT_RESOLVE, t->resolve);
    curl_easy_setopt(t->easy, CURLOPT_RESOLVER_START_FUNCTION, refuse_lookup);
    curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETDATA, t);
}

static void set_tls(struct http_transfer *t)
{
    curl_easy_setopt(t->easy, CURLOPT_CAINFO, NULL);
    curl_easy_setopt(t->easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(t->easy, CURLOPT_SSL_CTX_FUNCTION, set_authorities);
    curl_easy_setopt(t->easy, CURLOPT_SSL_CTX_DATA, t);
    curl_easy_setopt(t->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
}

bool http_transfer_prepare(struct http_transfer *t, struct fct_err *err)
{
    if (!find_way(t, err))
        return false;
    t->easy = curl_easy_init();
    if (!t->easy)
        return fct_fail(err, FCT_TEMP, "no memory for a question");
    t->body = BUF_INIT(t->max + 1);
    t->got = ARENA_ARRAY(t->arena, struct fct_str, HEADERS_MAX);
    curl_easy_setopt(t->easy, CURLOPT_URL, url_print(t->arena, t->url).p);
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->why);
    curl_easy_setopt(t->easy, CURLOPT_USERAGENT, USER_AGENT);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
    set_method(t);
    set_headers(t);
    set_limits(t);
    set_tls(t);
    return true;
}

void http_transfer_end(struct http_transfer *t)
{
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->resolve);
    curl_slist_free_all(t->header);
    buf_free(&t->body);
}
