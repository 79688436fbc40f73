/* smtp_data.c - DATA (RFC 5321 4.1.1.4) and BDAT (RFC 3030): bytes of a message into its spool. */
#include "core/base/str.h"
#include "core/log/log.h"
#include "protocols/smtp/smtp_received.h"
#include "protocols/smtp/smtp_session.h"
#include <event2/buffer.h>

#define READ_MAX (64u << 10) /* taken at a time: what plugins wait for grows by no more */

/* ---- start ---- */

/* The Received field goes first into the spool: plugins and signatures see the message with it. */
static void put_received(struct smtp_session *s)
{
    FCT_CLEANUP(buf_free) struct buf field = BUF_INIT(4096);
    const struct fct_conn *conn = &s->hooks.conn;
    struct smtp_transaction *tx = s->tx;
    struct smtp_received received = {
        .helo = conn->helo,
        .client_ip = conn->client_ip,
        .client_name = conn->client_name,
        .by = s->edge.listener->edge->name,
        .tls_version = conn->tls_version,
        .tls_cipher = conn->tls_cipher,
        .id = tx->id,
        .recipient = tx->recipients == 1 ? tx->address[0] : FCT_STR(""),
        .lmtp = s->kind == LMTP_KIND,
        .extended = s->extended,
        .authenticated = s->principal.handle != 0,
        .smtputf8 = tx->params.smtputf8,
        .local_user = s->is_local ? str_from(s->local_user) : FCT_STR(""),
        .hides_client = s->principal.handle != 0 && s->conf->hide_client,
        .has_priority = tx->params.has_priority,
        .priority = tx->params.priority,
        .when = clock_wall(),
    };

    smtp_received_format(&received, &field);
    tx->received_size = field.n;
    smtp_put_delivered_to(s, &field);
    smtp_spool_add(&tx->spool, field.p, field.n);
    smtp_chunk_keep(tx, field.p, field.n);
}

/* Ask the plugins, then make frame and spool. False: *r is the refusal; the transaction stays until
 * the caller ends it. */
static bool begin_message(struct smtp_session *s, bool dots, struct smtp_reply *r)
{
    struct fct_ev_data event = {.recipients = s->tx->recipients};
    struct filter_answer answer;

    if (!smtp_spool_has_room(s->conf->receive_memory.bytes)) {
        *r = SMTP_REPLY(452, "4.3.1", "too many messages at a time, please try again later");
        return false;
    }
    if (!smtp_ask(s, FCT_HOOK_data, &event, SMTP_AT_DATA, &answer, r))
        return false;
    s->tx->discard = s->tx->discard || answer.verdict == FCT_DISCARD;
    smtp_frame_start(&s->frame, dots,
                     smtp_is_submission(s) && s->conf->submission_repairs_line_ends);
    smtp_spool_start(&s->tx->spool, s->conf->spool_memory.bytes, s->conf->receive_memory.bytes);
    smtp_chunk_start(s);
    put_received(s);
    return true;
}

struct smtp_reply smtp_data_run(struct smtp_session *s, const union smtp_argument *argument)
{
    struct smtp_reply r;

    (void)argument;
    if (!begin_message(s, true, &r)) {
        smtp_transaction_end(s, "limit");
        return r;
    }
    s->input = INPUT_DATA;
    return SMTP_REPLY(354, NULL, "send the message, end with <CRLF>.<CRLF>");
}

/* bdat-cmd = "BDAT" SP chunk-size [ SP end-marker ]. What cannot be read has no length, so nobody
 * knows where the next command begins: the connection ends. */
bool smtp_bdat_parse(struct smtp_session *s, struct fct_str argument, union smtp_argument *out,
                     struct smtp_reply *r)
{
    struct fct_str rest = argument, size = str_split(&rest, ' ');

    out->chunk.last = rest.p != NULL;
    if ((rest.p && !str_equal_nocase(rest, FCT_STR("LAST"))) ||
        !str_to_u64(size, &out->chunk.size)) {
        *r = SMTP_CLOSE(501, "5.5.4",
                        "syntax: BDAT size [LAST]; closing, the chunk cannot be found");
        return false;
    }
    if (out->chunk.size > 2 * s->conf->max_message.bytes) {
        *r = SMTP_CLOSE(552, "5.3.4", "the chunk is larger than this server takes");
        return false;
    }
    return true;
}

struct smtp_reply smtp_bdat_run(struct smtp_session *s, const union smtp_argument *argument)
{
    s->chunk_size = s->chunk_left = argument->chunk.size;
    s->chunk_last = argument->chunk.last;
    s->chunk_refused = SMTP_NO_REPLY;
    s->input = INPUT_CHUNK;
    if (s->hidden & SMTP_EXT_CHUNKING) /* the chunk is on its way all the same */
        s->chunk_refused = SMTP_REPLY(502, "5.5.1", "BDAT is not offered here");
    else if (s->state == SMTP_IN_RCPT && begin_message(s, false, &s->chunk_refused))
        s->state = SMTP_IN_BDAT;
    if (s->state != SMTP_IN_BDAT && s->chunk_refused.code == 0)
        s->chunk_refused =
            SMTP_REPLY(503, "5.5.1", "no valid recipients, or not inside a transaction");
    return SMTP_NO_REPLY;
}

/* ---- bytes ---- */

static void keep(void *arg, const char *p, size_t n)
{
    struct smtp_session *s = arg;
    struct smtp_transaction *tx = s->tx;

    if (tx->too_big || tx->refusal.code != 0)
        return;
    if (tx->spool.size + n > s->conf->max_message.bytes) {
        tx->too_big = true;
        smtp_spool_end(
            &tx->spool); /* its memory is free at once; the rest of the data is only read past */
        smtp_chunk_end(tx);
        return;
    }
    smtp_spool_add(&tx->spool, p, n);
    smtp_chunk_keep(tx, p, n);
}

static void throw_away(void *arg, const char *p, size_t n)
{
    (void)arg;
    (void)p;
    (void)n;
}

static bool is_done(const struct smtp_session *s)
{
    if (s->input == INPUT_CHUNK)
        return s->chunk_left == 0;
    return s->frame.ended || s->frame.fault != FRAME_FINE ||
           s->tx->data_bytes > 2 * s->conf->max_message.bytes;
}

static size_t take_chunk(struct smtp_session *s, const char *p, size_t n)
{
    if (n > s->chunk_left)
        n = (size_t)s->chunk_left;
    s->chunk_left -= n;
    if (s->chunk_refused.code == 0) {
        FCT_ASSERT(s->tx); /* only a refused chunk comes without one */
        s->tx->data_bytes += n;
        (void)smtp_frame_feed(&s->frame, p, n, keep, s);
    }
    return n;
}

static size_t take_data(struct smtp_session *s, const char *p, size_t n)
{
    size_t used = smtp_frame_feed(&s->frame, p, n, keep, s);

    s->tx->data_bytes += used;
    return used;
}

enum smtp_data_progress smtp_data_take(struct smtp_session *s)
{
    struct evbuffer *in = stream_input(s->stream);
    enum smtp_data_progress progress = DATA_MORE;
    struct evbuffer_iovec piece;

    for (;;) {
        if (is_done(s)) {
            progress = DATA_DONE;
            break;
        }
        if (s->tx && smtp_spool_must_move(&s->tx->spool)) {
            progress = DATA_MOVE;
            break;
        }
        if (s->tx && smtp_chunk_is_full(s->tx)) {
            progress = DATA_SHOW;
            break;
        }
        if (evbuffer_peek(in, 1, NULL, &piece, 1) < 1 || piece.iov_len == 0)
            break;
        if (piece.iov_len > READ_MAX)
            piece.iov_len = READ_MAX;
        evbuffer_drain(in, s->input == INPUT_CHUNK ? take_chunk(s, piece.iov_base, piece.iov_len)
                                                   : take_data(s, piece.iov_base, piece.iov_len));
    }
    stream_consumed(s->stream);
    return progress;
}

void smtp_data_move(struct smtp_session *s)
{
    struct fct_err err = {0};

    if (!smtp_spool_move(&s->tx->spool, s->edge.listener->edge->store, &err))
        s->tx->spool.err = err; /* told at the end of the data, as every failure of the spool */
}

bool smtp_data_discard(struct smtp_session *s)
{
    struct evbuffer *in = stream_input(s->stream);
    struct evbuffer_iovec piece;

    while (!s->frame.ended && evbuffer_peek(in, 1, NULL, &piece, 1) == 1 && piece.iov_len > 0)
        evbuffer_drain(in,
                       smtp_frame_feed(&s->frame, piece.iov_base, piece.iov_len, throw_away, NULL));
    stream_consumed(s->stream);
    return s->frame.ended;
}

/* ---- end ---- */

static struct smtp_reply fault_reply(struct smtp_session *s)
{
    const struct smtp_frame *f = &s->frame;

    return (struct smtp_reply){
        .code = 550,
        .enhanced = "5.5.2",
        .text =
            arena_printf(s->call, "the message holds %s; lines end in <CRLF> only (RFC 5321 2.3.8)",
                         f->sequence),
    };
}

static void log_refusal(struct smtp_session *s, enum log_event event, struct fct_str why)
{
    log_event(event, s->tx->id, F_STR("client", s->hooks.conn.client_ip),
              F_STR("from", s->hooks.envelope.reverse_path), F_U64("bytes", s->tx->data_bytes),
              F_STR("why", why));
    s->edge.listener->edge->count.refused++;
}

/* Said once per recipient in LMTP (RFC 2033 4.2). */
static void refuse(struct smtp_session *s, const struct smtp_reply *r, enum log_event event)
{
    size_t times = s->kind == LMTP_KIND ? s->tx->recipients : 1;

    log_refusal(s, event, r->text);
    for (size_t i = 0; i < times; i++)
        smtp_send(s, r);
    smtp_transaction_end(s, "limit");
}

/* DATA that may not be stored. A framing fault, and data without end, also end the connection: the
 * rest is read as data up to its true end and nothing in it ever becomes a command. */
static void refuse_data(struct smtp_session *s)
{
    struct smtp_reply r = SMTP_REPLY(552, "5.3.4", "the message is larger than this server takes");
    bool fault = s->frame.fault != FRAME_FINE;

    if (fault)
        r = fault_reply(s);
    if (s->frame.ended && !fault) {
        s->input = INPUT_COMMAND;
        refuse(s, &r, EV_MESSAGE_REFUSED);
        return;
    }
    s->input = INPUT_REFUSED;
    refuse(s, &r, fault ? EV_SMUGGLING : EV_MESSAGE_REFUSED);
}

/* The message is whole: what plugins said of its pieces, then all that follows. */
static void message_done(struct smtp_session *s)
{
    smtp_chunk_ask(s, true);
    if (s->tx->refusal.code != 0)
        refuse(s, &s->tx->refusal, EV_MESSAGE_REFUSED);
    else
        smtp_deliver(s);
}

static void chunk_done(struct smtp_session *s)
{
    struct smtp_reply r = s->chunk_refused;

    s->input = INPUT_COMMAND;
    if (r.code != 0) {
        smtp_transaction_end(s, "limit");
        s->errors++;
        smtp_count_error(s, &r);
        smtp_send(s, &r);
        return;
    }
    if (s->chunk_last)
        smtp_frame_finish(&s->frame);
    if (s->frame.fault != FRAME_FINE) {
        r = fault_reply(s);
        refuse(s, &r, EV_SMUGGLING);
    } else if (s->tx->too_big) {
        refuse(s, &SMTP_REPLY(552, "5.3.4", "the message is larger than this server takes"),
               EV_MESSAGE_REFUSED);
    } else if (s->chunk_last) {
        message_done(s);
    } else {
        r = (struct smtp_reply){.code = 250, .enhanced = "2.0.0"};
        r.text = arena_printf(s->call, "%llu octets received", (unsigned long long)s->chunk_size);
        smtp_send(s, &r);
    }
}

void smtp_data_done(struct smtp_session *s)
{
    if (s->input == INPUT_CHUNK) {
        chunk_done(s);
    } else if (s->frame.fault != FRAME_FINE || s->tx->too_big) {
        refuse_data(s);
    } else {
        s->input = INPUT_COMMAND;
        message_done(s);
    }
}
