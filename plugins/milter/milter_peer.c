/* milter_peer.c - see milter_peer.h. */
#include "milter_peer.h"

#include <stdlib.h>
#include <time.h>

#define END_MS     500u  /* for a filter to close after QUIT */
#define OFFER_KEEP 1024u /* bytes of macro lists kept from a negotiation */

static bool fail(struct fct_err *err, const char *what)
{
    err->class = FCT_TEMP;
    (void)snprintf(err->text, sizeof err->text, "%s", what);
    return false;
}

static uint64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- bytes ---- */

bool milter_peer_send(struct milter_peer *peer, struct fct_call *call, struct fct_err *err)
{
    struct milter_out *out = &peer->out;
    struct fct_str bytes = {out->p, out->n};
    bool ok;

    if (out->failed)
        return fail(err, "no memory for what is to be sent");
    out->n = 0;
    if (bytes.n == 0)
        return true;
    ok = peer->filter->host->stream_write(call, peer->stream, bytes);
    return ok || fail(err, "the connection broke while sending");
}

static bool room_in(struct milter_peer *peer, size_t n)
{
    char *p;

    if (peer->in.used > 0) {
        memmove(peer->in.p, peer->in.p + peer->in.used, peer->in.n - peer->in.used);
        peer->in.n -= peer->in.used;
        peer->in.used = 0;
    }
    if (peer->in.room >= n)
        return true;
    p = realloc(peer->in.p, n);
    if (!p)
        return false;
    peer->in.p = p;
    peer->in.room = n;
    return true;
}

/* Until `n` bytes are there. */
static FCT_MAY_WAIT bool fill(struct milter_peer *peer, struct fct_call *call, size_t n,
                              struct fct_err *err)
{
    if (!room_in(peer, n < 4096 ? 4096 : n))
        return fail(err, "no memory for the filter's answer");
    while (peer->in.n < n) {
        ssize_t got = peer->filter->host->stream_read(call, peer->stream, peer->in.p + peer->in.n,
                                                      peer->in.room - peer->in.n);

        if (got == 0)
            return fail(err, "the filter closed the connection");
        if (got < 0)
            return fail(err, "no answer in time, or the connection broke");
        peer->in.n += (size_t)got;
    }
    return true;
}

static uint32_t length_at(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;

    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

bool milter_peer_packet(struct milter_peer *peer, struct fct_call *call, fct_duration timeout,
                        struct fct_str *packet, struct fct_err *err)
{
    uint32_t length;

    peer->filter->host->stream_timeout(peer->stream, (uint32_t)timeout.ms);
    if (peer->in.n - peer->in.used < 4 && !fill(peer, call, 4, err))
        return false;
    length = length_at(peer->in.p + peer->in.used);
    if (length == 0 || length > peer->filter->conf->max_packet.bytes)
        return fail(err, "an answer with an impossible length");
    if (peer->in.n - peer->in.used < 4 + (size_t)length &&
        !fill(peer, call, 4 + (size_t)length, err))
        return false;
    *packet = (struct fct_str){peer->in.p + peer->in.used + 4, length};
    peer->in.used += 4 + (size_t)length;
    return true;
}

/* ---- connecting ---- */

void milter_peer_close(struct milter_peer **peer)
{
    struct milter_peer *p = *peer;

    if (!p)
        return;
    if (p->stream)
        p->filter->host->stream_close(p->stream);
    milter_out_free(&p->out);
    free(p->in.p);
    free(p->macros_text);
    free(p);
    *peer = NULL;
}

/* The lists point into the packet: keep a copy. */
static bool keep_macros(struct milter_peer *peer, struct fct_str packet)
{
    if (packet.n > OFFER_KEEP * STAGE_COUNT)
        return false;
    peer->macros_text = malloc(packet.n);
    if (!peer->macros_text)
        return false;
    memcpy(peer->macros_text, packet.p, packet.n);
    for (int i = 0; i < STAGE_COUNT; i++)
        if (peer->options.macros[i].p)
            peer->options.macros[i].p = peer->macros_text + (peer->options.macros[i].p - packet.p);
    return true;
}

static FCT_MAY_WAIT bool negotiate(struct milter_peer *peer, struct fct_call *call,
                                   struct fct_err *err)
{
    uint32_t version = peer->filter->conf->version;
    struct milter_options offer = {
        version, milter_actions_of(version), milter_protocol_of(version), {{0}}};
    struct fct_str packet;
    const char *why;

    milter_begin(&peer->out, MILTER_NEGOTIATE);
    milter_put_u32(&peer->out, offer.version);
    milter_put_u32(&peer->out, offer.actions);
    milter_put_u32(&peer->out, offer.protocol);
    milter_end(&peer->out);
    if (!milter_peer_send(peer, call, err) ||
        !milter_peer_packet(peer, call, peer->filter->conf->connect_timeout, &packet, err))
        return false;
    if (!milter_options_parse(packet, &offer, &peer->options, &why))
        return fail(err, why);
    return keep_macros(peer, packet) || fail(err, "too many names of macros");
}

static FCT_MAY_WAIT struct milter_peer *connect_new(struct milter_filter *filter,
                                                    struct fct_call *call, struct fct_err *err)
{
    struct milter_peer *peer = calloc(1, sizeof *peer);
    const char *address = filter->conf->address;

    if (!peer) {
        fail(err, "no memory for a connection");
        return NULL;
    }
    peer->filter = filter;
    peer->out.max = 4u << 20;
    peer->fresh = true;
    peer->stream = filter->host->dial(call, (struct fct_str){address, strlen(address)}, err);
    if (peer->stream)
        filter->host->stream_timeout(peer->stream, (uint32_t)filter->conf->connect_timeout.ms);
    if (!peer->stream || !negotiate(peer, call, err))
        milter_peer_close(&peer);
    return peer;
}

static struct milter_peer *take_idle(struct milter_filter *filter)
{
    uint64_t oldest = now_ms() - filter->conf->idle_time.ms;
    struct milter_peer *peer = filter->idle;

    if (!peer)
        return NULL;
    if (peer->idle_since_ms < oldest) { /* those behind it wait even longer */
        milter_filter_close(filter);
        return NULL;
    }
    filter->idle = peer->next;
    filter->idles--;
    peer->next = NULL;
    return peer;
}

struct milter_peer *milter_peer_take(struct milter_filter *filter, struct fct_call *call,
                                     bool new_one, struct fct_err *err)
{
    struct milter_peer *peer = new_one ? NULL : take_idle(filter);

    return peer ? peer : connect_new(filter, call, err);
}

/* Closing at once would throw away what is still on its way: the filter closes when it has heard.
 */
static FCT_MAY_WAIT void wait_for_its_end(struct milter_peer *peer, struct fct_call *call)
{
    char rest[64];

    peer->filter->host->stream_timeout(peer->stream, END_MS);
    while (peer->filter->host->stream_read(call, peer->stream, rest, sizeof rest) > 0)
        continue;
}

void milter_peer_give_back(struct milter_peer **peer, struct fct_call *call)
{
    struct milter_peer *p = *peer;
    struct milter_filter *filter = p->filter;
    bool keep = p->options.version >= 6 && !filter->once &&
                filter->idles < filter->conf->idle_connections && p->in.used == p->in.n;
    struct fct_err err = {0};

    milter_begin(&p->out, keep ? MILTER_QUIT_NEW : MILTER_QUIT);
    milter_end(&p->out);
    if (!milter_peer_send(p, call, &err) || !keep) {
        wait_for_its_end(p, call);
        milter_peer_close(peer);
        return;
    }
    p->in.n = p->in.used = 0;
    p->fresh = false;
    p->idle_since_ms = now_ms();
    p->next = filter->idle;
    filter->idle = p;
    filter->idles++;
    *peer = NULL;
}

void milter_filter_close(struct milter_filter *filter)
{
    while (filter->idle) {
        struct milter_peer *peer = filter->idle;

        filter->idle = peer->next;
        milter_peer_close(&peer);
    }
    filter->idles = 0;
}
