/* image_session.c - see image_session.h. An error is said by the status and, so that pages keep
 * their looks, shown as an empty picture. */
#include "protocols/images/image_session.h"

#include "core/base/str.h"
#include "protocols/images/image_request.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define OUTPUT_HIGH (256u << 10)
#define FINISH_MS   5000u

struct image_session {
    struct image_session *next, **link;
    struct image_front *front;
    struct stream *stream;
    struct image_request request;
    size_t taken; /* bytes of the request so far */
    struct fiber_id fiber;
    bool busy, dead, ending;
};

/* A transparent GIF of one pixel. */
static const struct fct_str nothing =
    FCT_STR_INIT("GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\4\1\0\0\0\0,"
                 "\0\0\0\0\1\0\1\0\0\2\1D\0;");

/* ---- answers ---- */

/* clang-format off */
static const struct {
    unsigned status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {400, "Bad Request"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {431, "Request Header Fields Too Large"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};
/* clang-format on */

static const char *reason_of(unsigned status)
{
    size_t i = 0;

    while (i + 1 < FCT_COUNT(reasons) && reasons[i].status != status)
        i++;
    return reasons[i].reason;
}

struct answer {
    unsigned status;
    const char *type;
    struct fct_str body;
    uint64_t fresh_s;
};

/* IMF-fixdate                                                           RFC 9110 5.6.7 */
static void print_date(char out[40])
{
    static const char days[] = "SunMonTueWedThuFriSat",
                      months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now = (time_t)clock_wall();
    struct tm tm;

    gmtime_r(&now, &tm);
    (void)snprintf(out, 40, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * tm.tm_wday,
                   tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
                   tm.tm_sec);
}

FCT_MAY_WAIT static void send_answer(struct image_session *s, const struct answer *a)
{
    char date[40];

    print_date(date);
    s->front->count.bytes += a->body.n;
    s->front->count.refused += a->status != 200;
    if (stream_printf(s->stream,
                      "HTTP/1.1 %u %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                      "Cache-Control: private, max-age=%llu\r\n"
                      "Content-Security-Policy: default-src 'none'; sandbox\r\n"
                      "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
                      "Cross-Origin-Resource-Policy: cross-origin\r\n%s%s\r\n",
                      a->status, reason_of(a->status), date, a->type, a->body.n,
                      (unsigned long long)a->fresh_s,
                      a->status == 405 ? "Allow: GET, HEAD\r\n" : "",
                      s->request.keep ? "" : "Connection: close\r\n") &&
        !s->request.head)
        (void)stream_write(s->stream, a->body);
}

FCT_MAY_WAIT static void send_failure(struct image_session *s, unsigned status)
{
    send_answer(s, &(struct answer){.status = status,
                                    .type = "image/gif",
                                    .body = nothing,
                                    .fresh_s = s->front->conf->keep_failure.ms / 1000});
}

FCT_MAY_WAIT static void answer(struct image_session *s)
{
    const struct image_request *r = &s->request;
    char url[IMAGE_URL_MAX];
    struct image *image;
    size_t n;

    s->front->count.requests++;
    if (r->refused) {
        send_failure(s, r->refused);
        return;
    }
    n = image_link_read(&s->front->keys, (struct fct_str){r->target, r->target_length}, url);
    if (n == 0) {
        send_failure(s, 404);
        return;
    }
    image = image_source_get(s->front->source, (struct fct_str){url, n});
    if (image->status != 200)
        send_failure(s, image->status);
    else
        send_answer(s, &(struct answer){.status = 200,
                                        .type = image->type,
                                        .body = {image->bytes, image->n},
                                        .fresh_s = s->front->conf->keep_browser.ms / 1000});
    image_unref(image);
}

/* ---- life ---- */

static void session_free(struct image_session *s)
{
    struct image_front *front = s->front;

    if (s->next)
        s->next->link = s->link;
    *s->link = s->next;
    stream_free(&s->stream);
    free(s);
    front->open--;
    if (front->draining && front->open == 0)
        front->idle(front->arg);
}

static void finish(struct image_session *s)
{
    s->ending = true;
    stream_finish(s->stream, FINISH_MS);
}

FCT_MAY_WAIT static void work(void *arg)
{
    struct image_session *s = arg;

    s->fiber = fiber_self();
    answer(s);
    s->busy = false;
    if (s->dead) {
        session_free(s);
        return;
    }
    if (!s->request.keep || s->front->draining) {
        finish(s);
        return;
    }
    s->request = (struct image_request){0};
    s->taken = 0;
    stream_deadline(s->stream, s->front->conf->idle_timeout.ms);
    stream_resume(s->stream);
}

/* A fiber has the session until it is answered; s may be gone behind this. */
static void lend(struct image_session *s)
{
    s->busy = true;
    stream_deadline(s->stream, s->front->conf->timeout.ms + s->front->conf->idle_timeout.ms);
    stream_hold(s->stream);
    (void)fiber_start(work, s);
}

/* Lines until the request is complete. False: more bytes are wanted. */
static bool take_lines(struct image_session *s)
{
    size_t max = s->front->conf->max_request.bytes;
    struct fct_str line;
    int got;

    while ((got = stream_line(s->stream, max - s->taken, &line)) == 1) {
        s->taken += line.n;
        if (s->taken >= max || !image_request_strip(&line)) {
            s->request.refused = s->taken >= max ? 431 : 400;
            break;
        }
        if (!image_request_line(&s->request, line))
            return true;
    }
    if (got < 0)
        s->request.refused = s->request.has_line ? 431 : 414;
    if (s->request.refused)
        s->request.keep = false;
    return s->request.refused != 0;
}

static void session_readable(void *owner)
{
    struct image_session *s = owner;

    if (s->busy || s->ending)
        return;
    if (take_lines(s))
        lend(s);
    else
        stream_consumed(s->stream);
}

static void session_closed(void *owner, enum stream_end why)
{
    struct image_session *s = owner;

    (void)why;
    s->dead = true;
    if (s->busy)
        fiber_cancel(s->fiber); /* its answer fails, then it frees the session */
    else
        session_free(s);
}

void image_session_accept(struct image_front *front, int fd, struct tls_context *tls, bool proxy)
{
    const struct stream_limits limits = {.input_max = front->conf->max_request.bytes,
                                         .output_high = OUTPUT_HIGH};
    struct image_session *s;

    if (front->open >= front->conf->max_connections) {
        close(fd);
        return;
    }
    s = calloc(1, sizeof *s);
    FCT_ASSERT(s);
    s->front = front;
    s->next = front->sessions;
    s->link = &front->sessions;
    if (s->next)
        s->next->link = &s->next;
    front->sessions = s;
    front->open++;
    front->count.connections++;
    s->stream = stream_new(front->base, fd, tls, &limits,
                           &(struct stream_owner){session_readable, session_closed, NULL, s});
    if (proxy)
        stream_expect_proxy(s->stream);
    stream_deadline(s->stream, front->conf->idle_timeout.ms);
}

void image_front_drain(struct image_front *front)
{
    struct image_session *next;

    front->draining = true;
    if (front->open == 0) {
        front->idle(front->arg);
        return;
    }
    for (struct image_session *s = front->sessions; s; s = next) {
        next = s->next;
        if (!s->busy && !s->ending)
            finish(s);
    }
}
