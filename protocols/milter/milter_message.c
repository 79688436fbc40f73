/* milter_message.c - see milter_message.h. */
#include "protocols/milter/milter_message.h"

#include "core/base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define TAIL_MAX (64u << 10)
#define SEALS    (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

struct milter_spool {
    uint64_t max_message, max_together;
    _Atomic uint64_t used;
};

struct milter_spool *milter_spool_new(uint64_t max_message, uint64_t max_together)
{
    struct milter_spool *spool = calloc(1, sizeof *spool);

    FCT_ASSERT(spool);
    spool->max_message = max_message;
    spool->max_together = max_together;
    return spool;
}

void milter_spool_free(struct milter_spool **spool)
{
    free(*spool);
    *spool = NULL;
}

uint64_t milter_spool_used(const struct milter_spool *spool)
{
    return atomic_load_explicit(&spool->used, memory_order_relaxed);
}

/* ---- start and end ---- */

static void add(struct milter_message *m, const char *p, size_t n);

void milter_message_start(struct milter_message *m, struct milter_spool *spool, struct arena *arena,
                          struct fct_str received)
{
    *m = (struct milter_message){
        .spool = spool, .arena = arena, .fd = -1, .tail = BUF_INIT(TAIL_MAX)};
    add(m, received.p, received.n);
    m->fields_at = m->size;
}

static void give_back(struct milter_message *m)
{
    if (m->map)
        (void)munmap(m->map, m->size);
    if (m->fd >= 0)
        close(m->fd);
    buf_free(&m->tail);
    if (m->spool)
        atomic_fetch_sub_explicit(&m->spool->used, m->taken, memory_order_relaxed);
    m->map = NULL;
    m->fd = -1;
    m->taken = 0;
}

void milter_message_end(struct milter_message *m)
{
    give_back(m);
    *m = (struct milter_message){.fd = -1};
}

/* ---- bytes ---- */

static bool write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, p, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

static bool write_tail(struct milter_message *m)
{
    if (m->fd < 0)
        m->fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (m->fd < 0 || !write_all(m->fd, m->tail.p, m->tail.n))
        return false;
    buf_clear(&m->tail);
    return true;
}

/* What does not fit is read past; why is said at the end of the message. */
static void stop(struct milter_message *m, enum milter_room why)
{
    m->room = why;
    give_back(m);
}

static bool make_room(struct milter_message *m, size_t n)
{
    struct milter_spool *spool = m->spool;

    if (m->size + n > spool->max_message) {
        stop(m, MILTER_TOO_LARGE);
        return false;
    }
    m->taken += n;
    if (atomic_fetch_add_explicit(&spool->used, n, memory_order_relaxed) + n <= spool->max_together)
        return true;
    stop(m, MILTER_NO_ROOM);
    return false;
}

static void add(struct milter_message *m, const char *p, size_t n)
{
    if (m->room != MILTER_FITS || n == 0 || !make_room(m, n))
        return;
    m->size += n;
    while (n > 0) {
        size_t room = TAIL_MAX - m->tail.n;
        size_t now = n < room ? n : room;

        buf_put(&m->tail, p, now);
        p += now;
        n -= now;
        if (m->tail.n == TAIL_MAX && !write_tail(m)) {
            stop(m, MILTER_FAILED);
            return;
        }
    }
}

static void add_str(struct milter_message *m, struct fct_str s)
{
    add(m, s.p, s.n);
}

/* ---- the header ---- */

static struct milter_field *new_field(struct milter_message *m)
{
    if (m->fields == m->fields_room) {
        size_t room = m->fields_room ? 2 * m->fields_room : 32;

        m->field = arena_grow(m->arena, m->field, m->fields_room * sizeof *m->field,
                              room * sizeof *m->field);
        m->fields_room = room;
    }
    return &m->field[m->fields++];
}

/* Folds come as LF, or as CRLF from an MTA that keeps them. An empty line would end the header. */
static void add_value(struct milter_message *m, struct fct_str value)
{
    bool first = true;

    while (value.p) {
        struct fct_str line = str_split(&value, '\n');

        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        if (line.n > 0 || first) {
            add_str(m, line);
            add(m, "\r\n", 2);
        }
        first = false;
    }
}

void milter_message_field(struct milter_message *m, struct fct_str name, struct fct_str value,
                          bool leading_space)
{
    uint64_t start = m->size;

    add_str(m, name);
    add(m, ":", 1);
    if (!leading_space)
        add(m, " ", 1);
    add_value(m, value);
    if (m->room == MILTER_FITS)
        *new_field(m) = (struct milter_field){arena_str(m->arena, name), start, m->size};
}

void milter_message_end_header(struct milter_message *m)
{
    if (m->has_end)
        return;
    m->has_end = true;
    m->fields_end = m->size;
    add(m, "\r\n", 2);
    m->body_at = m->size;
}

void milter_message_body(struct milter_message *m, struct fct_str bytes)
{
    milter_message_end_header(m);
    add_str(m, bytes);
}

bool milter_message_header(const struct milter_message *m, struct buf *out)
{
    size_t written = m->size - m->tail.n;
    size_t from_file = m->body_at < written ? m->body_at : written;
    char *room = m->room == MILTER_FITS && m->has_end ? buf_reserve(out, m->body_at) : NULL;

    if (!room || (from_file > 0 && pread(m->fd, room, from_file, 0) != (ssize_t)from_file))
        return false;
    if (m->body_at > from_file)
        memcpy(room + from_file, m->tail.p, m->body_at - from_file);
    out->n += m->body_at;
    return true;
}

/* MAP_PRIVATE: older kernels refuse a shared mapping of a memfd that is sealed against writing. */
bool milter_message_seal(struct milter_message *m, struct fct_str *bytes, struct fct_err *err)
{
    void *map;

    milter_message_end_header(m);
    if (m->room != MILTER_FITS || !write_tail(m) || fcntl(m->fd, F_ADD_SEALS, SEALS) != 0)
        return fct_fail(err, FCT_TEMP, "the message cannot be kept in memory");
    map = mmap(NULL, m->size, PROT_READ, MAP_PRIVATE, m->fd, 0);
    if (map == MAP_FAILED)
        return fct_fail(err, FCT_TEMP, "mapping the message: %s", strerror(errno));
    m->map = map;
    *bytes = (struct fct_str){m->map, m->size};
    return true;
}
