/* http_client.c - libcurl's multi interface on our loop, and questions from fibers. */
#include "core/http/http_client.h"

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/http/http_int.h"
#include "core/message/url.h"
#include "core/net/authorities.h"
#include <event2/event.h>
#include <stdlib.h>

enum { WAITING_PER_CONNECTION = 16 }; /* questions that may wait for a connection */

/* ---- libcurl on the loop ---- */

/* Wake those whose answer is complete. */
static void take_finished(struct http_client *c)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(c->multi, &left))) {
        struct http_transfer *t = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
        t->code = message->data.result;
        t->done = true;
        (void)fiber_wake(t->token);
    }
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    struct http_client *c = arg;
    int action = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
    int running;

    curl_multi_socket_action(c->multi, fd, action, &running);
    take_finished(c);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct http_client *c = arg;
    int running;

    (void)fd, (void)what;
    curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    take_finished(c);
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket)
{
    struct http_client *c = arg;
    struct event *event = socket;
    int events =
        EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);

    (void)easy;
    if (event)
        event_free(event);
    event = what == CURL_POLL_REMOVE ? NULL : event_new(c->base, fd, (short)events, on_socket, c);
    curl_multi_assign(c->multi, fd, event);
    return event && event_add(event, NULL) != 0 ? -1 : 0;
}

static int set_timer(CURLM *multi, long ms, void *arg)
{
    struct http_client *c = arg;
    struct timeval when = {ms / 1000, (ms % 1000) * 1000};

    (void)multi;
    if (ms < 0)
        event_del(c->timer);
    else
        event_add(c->timer, &when);
    return 0;
}

/* ---- one question ---- */

static bool explain(const struct http_transfer *t, struct fct_err *err)
{
    const char *why = t->why[0] ? t->why : curl_easy_strerror(t->code);

    if (t->too_large)
        return fct_fail(err, FCT_LIMIT, "the answer is larger than %zu bytes (http.max)", t->max);
    if (!t->done || t->code == CURLE_OPERATION_TIMEDOUT)
        return fct_fail(err, FCT_TEMP, "no answer in time");
    return fct_fail(err, FCT_TEMP, "%s", why);
}

FCT_MAY_WAIT static bool run_transfer(struct http_transfer *t, struct fct_err *err)
{
    struct http_client *c = t->client;

    if (!http_transfer_prepare(t, err))
        return false;
    t->token = fiber_token();
    if (curl_multi_add_handle(c->multi, t->easy) != CURLM_OK)
        return fct_fail(err, FCT_TEMP, "no memory for a question");
    while (!t->done && fiber_park(t->deadline_ms) == FIBER_WOKEN)
        ;
    curl_multi_remove_handle(c->multi, t->easy);
    if (!t->done || t->code != CURLE_OK)
        return explain(t, err);
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->status);
    c->stats.bytes += t->body.n;
    return true;
}

static void give(const struct http_transfer *t, struct fct_http_reply *reply)
{
    *reply = (struct fct_http_reply){.size = sizeof *reply,
                                     .status = (unsigned)t->status,
                                     .body = arena_str(t->arena, buf_str(&t->body)),
                                     .header = t->got,
                                     .headers = t->headers};
}

/* ---- redirects (RFC 9110 15.4) ---- */

/* What is asked, from hop to hop. */
struct question {
    struct http_client *client;
    struct arena *arena;
    const struct fct_http_request *request;
    struct fct_url url;
    const char *method;
    bool same_host;
    uint64_t deadline_ms;
    size_t max;
};

static bool is_redirect(const struct http_transfer *t)
{
    return (t->status == 301 || t->status == 302 || t->status == 303 || t->status == 307 ||
            t->status == 308) &&
           t->location.n > 0;
}

static bool follow(struct question *q, const struct http_transfer *t, struct fct_err *err)
{
    struct fct_url next;

    if (!url_parse_in(q->arena, &q->url, t->location, &next))
        return fct_fail(err, FCT_TEMP, "it redirects to something that is no URL");
    if (!http_url_allowed(q->client->conf, &next, err))
        return fct_fail_in(err, "a redirect");
    if (!str_equal(next.host, q->url.host) || !str_equal(next.scheme, q->url.scheme) ||
        next.port != q->url.port)
        q->same_host = false;
    if (t->status == 303 || (t->status <= 302 && strcmp(q->method, "POST") == 0))
        q->method = strcmp(q->method, "HEAD") == 0 ? "HEAD" : "GET";
    q->url = next;
    return true;
}

enum hop { ANSWERED, REDIRECTED, FAILED };

FCT_MAY_WAIT static enum hop ask_once(struct question *q, bool may_follow,
                                      struct fct_http_reply *reply, struct fct_err *err)
{
    struct http_transfer t = {.client = q->client,
                              .arena = q->arena,
                              .request = q->request,
                              .url = &q->url,
                              .method = q->method,
                              .sends_headers = q->same_host,
                              .deadline_ms = q->deadline_ms,
                              .max = q->max};
    enum hop hop = FAILED;

    if (run_transfer(&t, err)) {
        if (may_follow && is_redirect(&t))
            hop = follow(q, &t, err) ? REDIRECTED : FAILED;
        else
            hop = ANSWERED;
    }
    if (hop == ANSWERED)
        give(&t, reply);
    http_transfer_end(&t);
    return hop;
}

FCT_MAY_WAIT static bool ask(struct question *q, struct fct_http_reply *reply, struct fct_err *err)
{
    for (uint32_t hops = 0;; hops++) {
        enum hop hop = ask_once(q, hops < q->client->conf->max_redirects, reply, err);

        if (hop != REDIRECTED)
            return hop == ANSWERED;
    }
}

static uint64_t deadline_of(const struct http_client *c, const struct fct_http_request *request)
{
    uint64_t ms = c->conf->timeout.ms;

    if (request->timeout_ms > 0 && request->timeout_ms < ms)
        ms = request->timeout_ms;
    return clock_ms() + ms < fiber_deadline() ? clock_ms() + ms : fiber_deadline();
}

bool http_ask(struct http_client *c, struct arena *arena, const struct fct_http_request *request,
              struct fct_http_reply *reply, struct fct_err *err)
{
    struct question q = {.client = c, .arena = arena, .request = request, .same_host = true};
    bool ok;

    *reply = (struct fct_http_reply){.size = sizeof *reply, .body = {"", 0}};
    c->stats.asked++;
    if (!url_parse(arena, request->url, &q.url))
        return fct_fail(err, FCT_SYNTAX, "\"%.*s\" is no URL",
                        FCT_FMT(str_head(request->url, 100)));
    if (!http_request_check(request, err) || !http_url_allowed(c->conf, &q.url, err)) {
        c->stats.refused++;
        return false;
    }
    if (c->stats.running >= c->conf->max_connections * WAITING_PER_CONNECTION) {
        c->stats.refused++;
        return fct_fail(err, FCT_LIMIT, "%u questions are waiting (http.max_connections)",
                        c->stats.running);
    }
    q.method = request->method ? request->method : request->body.n > 0 ? "POST" : "GET";
    q.deadline_ms = deadline_of(c, request);
    q.max = request->max_bytes > 0 && request->max_bytes < c->conf->max.bytes
                ? request->max_bytes
                : (size_t)c->conf->max.bytes;
    c->stats.running++;
    ok = ask(&q, reply, err);
    c->stats.running--;
    c->stats.failed += !ok;
    return ok || fct_fail_in(err, "%.*s", FCT_FMT(str_head(q.url.host, 100)));
}

/* ---- life ---- */

/* Without hosts to ask by https nobody needs authorities, and a machine may have none. */
static bool load_authorities(struct http_client *c, struct fct_err *err)
{
    struct fct_err why = {0};

    if ((c->conf->allow.n == 0 && c->conf->plain.n == 0) ||
        authorities_take(c->conf->ca_file, &c->authorities, &why) || c->conf->allow.n == 0)
        return true;
    return fct_fail(err, why.class, "http.ca_file %s", why.text);
}

static bool open_multi(struct http_client *c, struct fct_err *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(c->multi = curl_multi_init()))
        return fct_fail(err, FCT_TEMP, "no memory for HTTP");
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)c->conf->max_connections);
    curl_multi_setopt(c->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)c->conf->max_host_connections);
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)c->conf->max_connections);
    return true;
}

bool http_client_new(struct event_base *base, const struct http_conf *conf,
                     struct dns_resolver *dns, struct http_client **out, struct fct_err *err)
{
    struct http_client *c = calloc(1, sizeof *c);

    *out = c;
    if (!c)
        return fct_fail(err, FCT_TEMP, "no memory");
    c->base = base;
    c->conf = conf;
    c->dns = dns;
    c->timer = event_new(base, -1, 0, on_timer, c);
    if (load_authorities(c, err) && open_multi(c, err))
        return true;
    http_client_free(out);
    return false;
}

void http_client_free(struct http_client **client)
{
    struct http_client *c = *client;

    if (!c)
        return;
    *client = NULL;
    if (c->multi)
        curl_multi_cleanup(c->multi);
    event_free(c->timer);
    authorities_drop(&c->authorities);
    free(c);
}

struct http_stats http_client_stats(const struct http_client *c)
{
    return c->stats;
}
