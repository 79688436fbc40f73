/* clamd.c - see clamd.h. */
#include "clamd.h"

#include <errno.h>

#define PIECE 65536u

static void fail(const struct clamd *d, struct fct_err *err, const char *what)
{
    err->class = FCT_TEMP;
    (void)snprintf(err->text, sizeof err->text, "clamd at %.*s %s", FCT_FMT(d->address), what);
}

/* Commands begin with 'z': they and their answers end with a zero byte. */
static FCT_MAY_WAIT struct fct_stream *say(const struct clamd *d, struct fct_call *call,
                                           const char *word, struct fct_err *err)
{
    struct fct_stream *stream = d->host->dial(call, d->address, err);
    char command[32];
    int n = snprintf(command, sizeof command, "z%s", word);

    if (!stream)
        return NULL;
    d->host->stream_timeout(stream, d->timeout_ms);
    if (d->host->stream_write(call, stream, (struct fct_str){command, (size_t)n + 1}))
        return stream;
    d->host->stream_close(stream);
    fail(d, err, "does not listen");
    return NULL;
}

/* How clamd's answer came, or did not. */
enum hearing { HEARD, BROKEN_OFF, SILENT };

static FCT_MAY_WAIT enum hearing hear(const struct clamd *d, struct fct_call *call,
                                      struct fct_stream *stream, char line[CLAMD_LINE_MAX],
                                      struct fct_str *answer, struct fct_err *err)
{
    size_t have = 0;

    while (have < CLAMD_LINE_MAX) {
        ssize_t n = d->host->stream_read(call, stream, line + have, CLAMD_LINE_MAX - have);
        const char *zero = n > 0 ? memchr(line + have, '\0', (size_t)n) : NULL;

        if ((n == 0 && have == 0) || (n < 0 && errno == ECONNRESET)) {
            fail(d, err, "closed the connection");
            return BROKEN_OFF;
        }
        if (n < 0) {
            fail(d, err, "does not answer in time");
            return SILENT;
        }
        have += (size_t)n;
        if (zero || n == 0) {
            *answer = (struct fct_str){line, zero ? (size_t)(zero - line) : have};
            return HEARD;
        }
    }
    fail(d, err, "answers without end");
    return SILENT;
}

/* False: the other side stopped reading, as clamd does beyond its limit after saying so. */
static FCT_MAY_WAIT bool send_pieces(const struct clamd *d, struct fct_call *call,
                                     struct fct_stream *stream, struct fct_str rest)
{
    char length[4];

    while (rest.n > 0) {
        size_t n = rest.n < PIECE ? rest.n : PIECE;

        clamd_length((uint32_t)n, length);
        if (!d->host->stream_write(call, stream, (struct fct_str){length, sizeof length}) ||
            !d->host->stream_write(call, stream, (struct fct_str){rest.p, n}))
            return false;
        rest.p += n;
        rest.n -= n;
    }
    clamd_length(0, length);
    return d->host->stream_write(call, stream, (struct fct_str){length, sizeof length});
}

static FCT_MAY_WAIT enum hearing ask_about(const struct clamd *d, struct fct_call *call,
                                           struct fct_str message, char line[CLAMD_LINE_MAX],
                                           struct fct_str *answer, struct fct_err *err)
{
    struct fct_stream *stream = say(d, call, "INSTREAM", err);
    enum hearing how;

    if (!stream)
        return SILENT;
    (void)send_pieces(d, call, stream, message);
    how = hear(d, call, stream, line, answer, err);
    d->host->stream_close(stream);
    return how;
}

/* clamd closes with bytes unread when a stream is beyond its limit. That resets the connection, and
 * the sentence it said before may be lost, at our end too, and even where all was sent. One that
 * breaks off twice and serves all the same has had enough; once may have been its restart. */
bool clamd_scan(const struct clamd *d, struct fct_call *call, struct fct_str message,
                char line[CLAMD_LINE_MAX], struct clamd_reply *out, struct fct_err *err)
{
    struct fct_str answer;
    enum hearing how = BROKEN_OFF;

    for (int attempt = 0; attempt < 2 && how == BROKEN_OFF; attempt++)
        how = ask_about(d, call, message, line, &answer, err);
    if (how == BROKEN_OFF && clamd_ask(d, call, "PING", line, &answer, err)) {
        *out = (struct clamd_reply){CLAMD_TOO_BIG, {line, 0}};
        return true;
    }
    if (how != HEARD)
        return false;
    clamd_reply_read(answer, out);
    if (out->answer == CLAMD_ERROR) {
        err->class = FCT_TEMP;
        (void)snprintf(err->text, sizeof err->text, "clamd at %.*s says: %.*s", FCT_FMT(d->address),
                       (int)(answer.n < 100 ? answer.n : 100), answer.p);
    }
    return out->answer != CLAMD_ERROR;
}

bool clamd_ask(const struct clamd *d, struct fct_call *call, const char *word,
               char line[CLAMD_LINE_MAX], struct fct_str *answer, struct fct_err *err)
{
    struct fct_stream *stream = say(d, call, word, err);
    bool heard = stream && hear(d, call, stream, line, answer, err) == HEARD;

    if (stream)
        d->host->stream_close(stream);
    return heard;
}
