/* cassette.c - see cassette.h. */
#include "core/plugin/cassette.h"

#include "core/base/base64.h"
#include "core/base/map.h"
#include "core/base/str.h"
#include "core/base/utf8.h"
#include "core/log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define CASSETTE_MAX  (256u << 20)
#define BYTES_MAX     (32u << 20)
#define KEY_SHOWN     150 /* of a question in an error */
#define NORMAL_FORM   (JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY)
#define FORMAT_LINE   "{\"cassette\":1}"
#define FORMAT_NUMBER 1

/* The answers to one question, in order. */
struct track {
    json_t *answers; /* array of borrowed-into-us values */
    size_t next;
};

struct cassette {
    int fd; /* recording; else -1 */
    bool failed;
    struct map *tracks; /* replaying: "kind question" to track */
};

/* ---- opening ---- */

static struct cassette *cassette_new(int fd)
{
    struct cassette *c = calloc(1, sizeof *c);

    FCT_ASSERT(c);
    c->fd = fd;
    return c;
}

static void write_line(struct cassette *c, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t done = write(c->fd, text, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            if (!c->failed)
                log_event(EV_WARNING, FCT_STR(""), F_C("text", "the cassette cannot be written"),
                          F_C("why", strerror(errno)));
            c->failed = true;
            return;
        }
        text += done;
        n -= (size_t)done;
    }
}

struct cassette *cassette_record(const char *path, struct fct_err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct cassette *c;

    if (fd < 0) {
        fct_fail(err, FCT_DENIED, "write %s: %s", path, strerror(errno));
        return NULL;
    }
    c = cassette_new(fd);
    write_line(c, FORMAT_LINE "\n", sizeof FORMAT_LINE);
    return c;
}

static bool read_file(const char *path, struct buf *out, struct fct_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *room;
    ssize_t n;

    if (fd < 0)
        return fct_fail(err, FCT_DENIED, "read %s: %s", path, strerror(errno));
    while ((room = buf_reserve(out, 65536)) && (n = read(fd, room, 65536)) != 0) {
        if (n < 0 && errno != EINTR)
            break;
        out->n += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    if (!room)
        return fct_fail(err, FCT_LIMIT, "%s: more than %u bytes", path, CASSETTE_MAX);
    return n == 0 || fct_fail(err, FCT_TEMP, "read %s: %s", path, strerror(errno));
}

/* "dns {"name":…}": no kind has a space in it. */
static bool make_key(const char *kind, const json_t *question, struct buf *key)
{
    char *text = json_dumps(question, NORMAL_FORM);

    buf_printf(key, "%s %s", kind, text ? text : "");
    free(text);
    return text && !key->overflow;
}

static struct track *track_of(struct cassette *c, struct fct_str key)
{
    struct track *track = map_get(c->tracks, key);

    if (track)
        return track;
    track = calloc(1, sizeof *track);
    FCT_ASSERT(track);
    track->answers = json_array();
    (void)map_put(c->tracks, key, track);
    return track;
}

static bool take_line(struct cassette *c, struct fct_str line, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf key = BUF_INIT(CASSETTE_MAX);
    json_error_t why;
    json_t *row = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, &why);
    const json_t *question = json_object_get(row, "question");
    const char *kind = json_string_value(json_object_get(row, "kind"));
    json_t *answer = json_object_get(row, "answer");
    bool ok = kind && question && answer && make_key(kind, question, &key);

    if (ok)
        json_array_append(track_of(c, buf_str(&key))->answers, answer);
    else
        fct_fail(err, FCT_SYNTAX, "%s", row ? "a line needs kind, question and answer" : why.text);
    json_decref(row);
    return ok;
}

static bool is_cassette(struct fct_str first)
{
    json_t *row = first.p ? json_loadb(first.p, first.n, 0, NULL) : NULL;
    bool ok = json_integer_value(json_object_get(row, "cassette")) == FORMAT_NUMBER;

    json_decref(row);
    return ok;
}

static bool take_text(struct cassette *c, const char *path, struct fct_str text,
                      struct fct_err *err)
{
    unsigned number = 1;

    if (!is_cassette(str_trim(str_split(&text, '\n'))))
        return fct_fail(err, FCT_SYNTAX, "%s is no cassette: its first line is not %s", path,
                        FORMAT_LINE);
    while (text.p) {
        struct fct_str line = str_trim(str_split(&text, '\n'));

        number++;
        if (line.n > 0 && !take_line(c, line, err))
            return fct_fail_in(err, "%s:%u", path, number);
    }
    return true;
}

struct cassette *cassette_replay(const char *path, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(CASSETTE_MAX);
    struct cassette *c = cassette_new(-1);

    c->tracks = map_new();
    if (!read_file(path, &text, err) || !take_text(c, path, buf_str(&text), err))
        cassette_free(&c);
    return c;
}

void cassette_free(struct cassette **cassette)
{
    struct cassette *c = *cassette;
    void *track;
    size_t at = 0;

    *cassette = NULL;
    if (!c)
        return;
    while (c->tracks && map_next(c->tracks, &at, &(struct fct_str){0}, &track)) {
        json_decref(((struct track *)track)->answers);
        free(track);
    }
    map_free(&c->tracks);
    if (c->fd >= 0)
        close(c->fd);
    free(c);
}

/* ---- asking ---- */

bool cassette_replays(const struct cassette *c)
{
    return c && c->fd < 0;
}

const json_t *cassette_find(struct cassette *c, const char *kind, const json_t *question,
                            struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf key = BUF_INIT(CASSETTE_MAX);
    bool ok = make_key(kind, question, &key);
    struct track *track = ok ? map_get(c->tracks, buf_str(&key)) : NULL;
    const json_t *answer;

    if (!track) {
        fct_fail(err, FCT_DENIED, "the cassette has no answer to %.*s",
                 FCT_FMT(str_head(buf_str(&key), KEY_SHOWN)));
        return NULL;
    }
    answer = json_array_get(track->answers, track->next);
    if (track->next + 1 < json_array_size(track->answers))
        track->next++;
    return answer;
}

void cassette_add(struct cassette *c, const char *kind, const json_t *question, json_t *answer)
{
    json_t *row = json_object();
    char *text = NULL;

    json_object_set_new(row, "kind", json_string(kind));
    json_object_set_new(row, "question", json_deep_copy(question));
    json_object_set_new(row, "answer", answer);
    if (c->fd >= 0 && !c->failed && (text = json_dumps(row, JSON_COMPACT))) {
        write_line(c, text, strlen(text));
        write_line(c, "\n", 1);
    }
    free(text);
    json_decref(row);
}

/* ---- bytes ---- */

json_t *cassette_bytes(struct fct_str bytes)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(BYTES_MAX);

    if (bytes.n == 0)
        return json_string("");
    if (utf8_is_valid(bytes))
        return json_stringn(bytes.p, bytes.n);
    (void)base64_encode(bytes, &text);
    return json_pack("{s:s%}", "base64", text.p ? text.p : "", text.n);
}

bool cassette_bytes_read(struct arena *arena, const json_t *value, struct fct_str *out)
{
    FCT_CLEANUP(buf_free) struct buf bytes = BUF_INIT(BYTES_MAX);
    const json_t *encoded = json_object_get(value, "base64");

    if (json_is_string(value)) {
        *out =
            arena_str(arena, (struct fct_str){json_string_value(value), json_string_length(value)});
        return true;
    }
    if (!json_is_string(encoded) ||
        !base64_decode((struct fct_str){json_string_value(encoded), json_string_length(encoded)},
                       &bytes))
        return false;
    *out = arena_str(arena, buf_str(&bytes));
    return true;
}
