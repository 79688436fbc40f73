/* plugin_stream.c - struct fct_host's byte streams: a milter, clamd, whatever a plugin's own
 * configuration names.
 *
 * What a plugin holds is a handle (slot and generation), not a pointer: one that is used after its
 * close, closed twice or is somebody else's finds nothing. A stream that ended keeps what it
 * received until the plugin has read it or closes it. */
#include "core/plugin/plugin_services.h"

#include "core/dns/resolver.h"
#include "core/fiber/fiber.h"
#include "core/net/dial.h"
#include "core/net/stream.h"
#include "core/plugin/cassette.h"
#include "core/plugin/plugin_host.h"

#include <errno.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <unistd.h>

#define STREAM_SLOTS 4096u /* the most that filter.max_streams can be */
#define SLOT_BITS    13u   /* of a handle: slot + 1 */
#define INPUT_MAX    262144u
#define OUTPUT_HIGH  262144u
#define NAMES_TRIED  8    /* addresses of one name */
#define NAME_MS      5000 /* for each of them, so that one that is not there leaves time to the next */

/* A read that waits; on its fiber's stack. */
struct reader {
    struct fiber_token token;
    bool gone; /* the stream was closed under it */
};

struct plugin_stream {
    struct fct_self *self; /* who dialled; NULL: the slot is free */
    struct stream *io;
    uint32_t generation;
    uint32_t timeout_ms; /* 0: only the call's deadline */
    bool ended;
    enum stream_end end;
    struct reader *reader;
};

static struct {
    struct plugin_stream slot[STREAM_SLOTS];
    unsigned used; /* slots that were ever used */
    unsigned open;
} table;

/* ---- handles ---- */

static struct fct_stream *handle_of(const struct plugin_stream *ps)
{
    uintptr_t slot = (uintptr_t)(ps - table.slot) + 1;

    return (struct fct_stream *)((uintptr_t)ps->generation << SLOT_BITS | slot);
}

/* NULL: closed, or never was. */
static struct plugin_stream *stream_of(const struct fct_stream *handle)
{
    uintptr_t bits = (uintptr_t)handle, slot = bits & ((1u << SLOT_BITS) - 1);
    struct plugin_stream *ps;

    if (slot == 0 || slot > table.used)
        return NULL;
    ps = &table.slot[slot - 1];
    return ps->self && handle_of(ps) == handle ? ps : NULL;
}

static struct plugin_stream *own_stream(struct fct_call *call, const struct fct_stream *handle)
{
    struct plugin_stream *ps = stream_of(handle);

    return ps && ps->self == call->row->self ? ps : NULL;
}

static struct plugin_stream *take_slot(void)
{
    for (unsigned i = 0; i < table.used; i++)
        if (!table.slot[i].self)
            return &table.slot[i];
    return table.used < STREAM_SLOTS ? &table.slot[table.used++] : NULL;
}

static void drop(struct plugin_stream *ps)
{
    if (ps->reader) {
        ps->reader->gone = true;
        (void)fiber_wake(ps->reader->token);
    }
    stream_free(&ps->io);
    *ps = (struct plugin_stream){.generation = ps->generation + 1};
    table.open--;
}

void plugin_streams_close(const struct fct_self *self)
{
    for (unsigned i = 0; i < table.used; i++)
        if (table.slot[i].self == self)
            drop(&table.slot[i]);
}

unsigned plugin_streams_open(void)
{
    return table.open;
}

void stream_host_close(struct fct_stream *stream)
{
    struct plugin_stream *ps = stream_of(stream);

    if (ps)
        drop(ps);
}

/* ---- what the stream tells ---- */

static void on_readable(void *owner)
{
    struct plugin_stream *ps = owner;

    if (ps->reader)
        (void)fiber_wake(ps->reader->token);
}

static void on_closed(void *owner, enum stream_end why)
{
    struct plugin_stream *ps = owner;

    ps->ended = true;
    ps->end = why;
    on_readable(owner);
}

/* ---- dial ---- */

static struct fct_stream *adopt(struct plugin_services *services, struct fct_self *self, int fd,
                                struct fct_err *err)
{
    const struct stream_limits limits = {INPUT_MAX, OUTPUT_HIGH};
    struct plugin_stream *ps = take_slot();

    if (!ps) {
        close(fd);
        fct_fail(err, FCT_LIMIT, "%u streams are open", table.open);
        return NULL;
    }
    ps->self = self;
    ps->io = stream_new(services->base, fd, NULL, &limits,
                        &(struct stream_owner){on_readable, on_closed, NULL, ps});
    table.open++;
    return handle_of(ps);
}

/* The addresses of a name, one after the other: what a plugin's configuration calls `localhost` may
 * listen on one of two. */
FCT_MAY_WAIT static bool dial_name(struct plugin_services *services, struct fct_call *call,
                                   const struct dial_address *address, int *fd, struct fct_err *err)
{
    static const enum fct_dns_type types[] = {FCT_DNS_A, FCT_DNS_AAAA};
    struct dial_address at = *address;
    unsigned tried = 0;

    for (size_t t = 0; t < FCT_COUNT(types); t++) {
        struct fct_dns_answer answer = {0};

        if (!services->dns || !dns_resolve(services->dns, call->tx->arena, types[t], address->host,
                                           fiber_deadline(), &answer))
            continue;
        for (size_t i = 0; i < answer.n && tried < NAMES_TRIED; i++, tried++) {
            struct dial_peer peer;

            at.host = answer.record[i].data;
            if (dial_peer_of(&at, &peer) &&
                dial_connect(services->base, &peer, clock_ms() + NAME_MS, fd, err))
                return true;
        }
    }
    return tried > 0 ? false : fct_fail(err, FCT_TEMP, "the name has no address");
}

FCT_MAY_WAIT static bool dial_any(struct plugin_services *services, struct fct_call *call,
                                  const struct dial_address *address, int *fd, struct fct_err *err)
{
    struct dial_peer peer;

    if (dial_peer_of(address, &peer))
        return dial_connect(services->base, &peer, CLOCK_NEVER, fd, err);
    return dial_name(services, call, address, fd, err);
}

static bool may_dial(struct fct_call *call, const struct plugin_services *services,
                     struct fct_err *err)
{
    if (!services || !services->base)
        return fct_fail(err, FCT_DENIED, "there is no network here");
    if (cassette_replays(services->cassette))
        return fct_fail(err, FCT_DENIED, "no stream is opened while a cassette is replayed");
    if (table.open >= services->max_streams || table.open >= STREAM_SLOTS) {
        plugin_count(call->row->self, "streams_refused", 1);
        return fct_fail(err, FCT_LIMIT, "%u streams are open (filter.max_streams)", table.open);
    }
    return true;
}

struct fct_stream *stream_host_dial(struct fct_call *call, struct fct_str address,
                                    struct fct_err *err)
{
    struct plugin_services *services = call_services(call);
    struct fct_stream *made = NULL;
    struct dial_address parsed;
    struct service_wait wait;
    int fd = -1;

    if (!dial_parse(address, &parsed, err) || !may_dial(call, services, err))
        return NULL;
    if (!service_wait_begin(call, &wait)) {
        fct_fail(err, FCT_TEMP, "the call is over");
        return NULL;
    }
    if (dial_any(services, call, &parsed, &fd, err))
        made = adopt(services, call->row->self, fd, err);
    else
        fct_fail_in(err, "%.*s", FCT_FMT(str_head(address, 100)));
    plugin_count(call->row->self, made ? "streams_dialled" : "streams_failed", 1);
    (void)service_wait_end(call, &wait);
    return made;
}

/* ---- time ---- */

void stream_host_timeout(struct fct_stream *stream, uint32_t ms)
{
    struct plugin_stream *ps = stream_of(stream);

    if (ps)
        ps->timeout_ms = ms;
}

static uint64_t patience(const struct plugin_stream *ps)
{
    return ps->timeout_ms ? clock_ms() + ps->timeout_ms : CLOCK_NEVER;
}

/* ---- write ---- */

bool stream_host_write(struct fct_call *call, struct fct_stream *stream, struct fct_str bytes)
{
    struct plugin_stream *ps = own_stream(call, stream);
    struct service_wait wait;
    uint64_t stage, mine;
    bool ok;

    if (!ps || ps->ended || !service_wait_begin(call, &wait))
        return false;
    plugin_count(ps->self, "stream_bytes_out", (double)bytes.n);
    call_operation(call, OPERATION_STREAM, bytes.n);
    stage = fiber_deadline();
    mine = patience(ps);
    fiber_set_deadline(mine < stage ? mine : stage);
    ok = stream_write(ps->io, bytes);
    fiber_set_deadline(stage);
    return service_wait_end(call, &wait) && ok;
}

/* ---- read ---- */

/* 0, or why the wait brought nothing, as an errno. */
FCT_MAY_WAIT static int wait_for_input(struct plugin_stream *ps)
{
    static const int reason[] = {[FIBER_TIMEOUT] = ETIMEDOUT, [FIBER_CANCELLED] = ECANCELED};
    struct reader me = {.token = fiber_token()};
    enum fiber_wake why;

    ps->reader = &me;
    why = fiber_park(patience(ps));
    if (me.gone)
        return ECANCELED;
    ps->reader = NULL;
    return why == FIBER_WOKEN ? 0 : reason[why];
}

static ssize_t take_input(struct plugin_stream *ps, void *to, size_t max)
{
    struct evbuffer *in = stream_input(ps->io);
    int n = evbuffer_remove(in, to, max < INPUT_MAX ? max : INPUT_MAX);

    if (!ps->ended)
        stream_consumed(ps->io);
    plugin_count(ps->self, "stream_bytes_in", n > 0 ? n : 0);
    return n;
}

/* *why: the errno of -1. */
FCT_MAY_WAIT static ssize_t read_some(struct plugin_stream *ps, void *to, size_t max, int *why)
{
    while (evbuffer_get_length(stream_input(ps->io)) == 0) {
        if (ps->ended) {
            *why = ps->end == STREAM_TIMEOUT ? ETIMEDOUT : ECONNRESET;
            return ps->end == STREAM_EOF ? 0 : -1;
        }
        *why = wait_for_input(ps);
        if (*why)
            return -1;
    }
    return take_input(ps, to, max);
}

ssize_t stream_host_read(struct fct_call *call, struct fct_stream *stream, void *to, size_t max)
{
    struct plugin_stream *ps = own_stream(call, stream);
    struct service_wait wait;
    int why = EINVAL;
    ssize_t n = -1;

    if (ps && !ps->reader && max > 0) {
        why = ECANCELED;
        if (service_wait_begin(call, &wait)) {
            n = read_some(ps, to, max, &why);
            call_operation(call, OPERATION_STREAM, n > 0 ? (uint64_t)n : 0);
            (void)service_wait_end(call, &wait);
        }
    }
    if (n < 0)
        errno = why;
    return n;
}
