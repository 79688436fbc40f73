/* pop3_transaction.c - the TRANSACTION and UPDATE states (RFC 1939 5 and 6). */
#include "protocols/pop3/pop3_session.h"

#include "core/base/str.h"
#include "protocols/pop3/pop3_wire.h"

#include <event2/buffer.h>
#include <inttypes.h>

#define LISTING_BYTES (32u << 10) /* of LIST and UIDL, collected before it is written */
#define WRITE_BYTES   (64u << 10) /* the same of messages */

static const struct hot_record *message_at(struct pop3_session *s, uint32_t number)
{
    const struct hot_record *r = pop3_maildrop_at(s->drop, number);

    if (!r)
        pop3_refuse(s, "no such message");
    return r;
}

bool pop3_stat_run(struct pop3_session *s, const struct pop3_arguments *a, struct fct_err *err)
{
    (void)a, (void)err;
    return pop3_ok(s, "%u %" PRIu64, pop3_maildrop_count(s->drop), pop3_maildrop_octets(s->drop));
}

/* ---- LIST, UIDL ---- */

/* What stands behind the number in each. */
typedef void put_value_fn(const struct pop3_session *s, const struct hot_record *r,
                          struct buf *out);

static void put_size(const struct pop3_session *s, const struct hot_record *r, struct buf *out)
{
    (void)s;
    buf_put_u64(out, r->size);
}

/* RFC 1939 7, UIDL: never used for two messages, and the same in every session. */
static void put_unique_id(const struct pop3_session *s, const struct hot_record *r, struct buf *out)
{
    buf_put_u64(out, pop3_maildrop_uid_validity(s->drop));
    buf_put_char(out, '.');
    buf_put_u64(out, r->uid);
}

static bool put_row(struct pop3_session *s, uint32_t number, const struct hot_record *r,
                    put_value_fn *value, struct buf *out)
{
    buf_put_u64(out, number);
    buf_put_char(out, ' ');
    value(s, r, out);
    buf_put_c(out, "\r\n");
    if (out->n < LISTING_BYTES)
        return true;
    bool sent = stream_write(s->stream, buf_str(out));

    buf_clear(out);
    return sent;
}

static void put_listing(struct pop3_session *s, uint32_t number, put_value_fn *value)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT((size_t)2 * LISTING_BYTES);
    const struct hot_record *r = number ? message_at(s, number) : NULL;
    uint32_t last = pop3_maildrop_last(s->drop);

    if (number && !r)
        return;
    buf_put_c(&out, "+OK ");
    if (r) {
        put_row(s, number, r, value, &out);
    } else {
        buf_printf(&out, "%u messages\r\n", pop3_maildrop_count(s->drop));
        for (uint32_t i = 1; i <= last; i++)
            if ((r = pop3_maildrop_at(s->drop, i)) && !put_row(s, i, r, value, &out))
                return; /* the client has gone */
        buf_put_c(&out, ".\r\n");
    }
    stream_write(s->stream, buf_str(&out));
}

bool pop3_list_run(struct pop3_session *s, const struct pop3_arguments *a, struct fct_err *err)
{
    (void)err;
    put_listing(s, a->number, put_size);
    return true;
}

bool pop3_uidl_run(struct pop3_session *s, const struct pop3_arguments *a, struct fct_err *err)
{
    (void)err;
    put_listing(s, a->number, put_unique_id);
    return true;
}

/* ---- RETR, TOP ---- */

/* Pieces as they come, to the end of the message or of what TOP wants of it. False: it broke off or
 * the client has gone. */
static bool send_pieces(struct pop3_session *s, struct fct_str piece, struct pop3_top *top,
                        struct evbuffer *out, struct fct_err *err)
{
    struct pop3_wire wire = {0};

    for (;;) {
        size_t wanted = top ? pop3_top_take(top, piece) : piece.n;

        pop3_wire_put(&wire, str_head(piece, wanted), out);
        if (piece.n == 0 || wanted < piece.n)
            break;
        if (evbuffer_get_length(out) >= WRITE_BYTES && !stream_write_buffer(s->stream, out))
            return false;
        if (!pop3_maildrop_piece(s->drop, &piece, err))
            return false;
    }
    pop3_wire_end(&wire, out);
    return stream_write_buffer(s->stream, out);
}

/* Nothing is promised before the first piece is here; what breaks off after that can only be told
 * by closing. */
static bool send_message(struct pop3_session *s, const struct hot_record *r, struct pop3_top *top,
                         struct fct_err *err)
{
    struct evbuffer *out;
    struct fct_str first;

    if (!pop3_maildrop_piece(s->drop, &first, err))
        return false;
    out = evbuffer_new();
    FCT_ASSERT(out);
    evbuffer_add_printf(out, "+OK %u octets\r\n", r->size);
    if (!send_pieces(s, first, top, out, err))
        s->ending = true;
    evbuffer_free(out);
    return true;
}

static FCT_MAY_WAIT bool may_read(struct pop3_session *s, const struct hot_record *r,
                                  struct fct_str command)
{
    struct fct_ev_retrieve ev = {.mailbox = FCT_STR("INBOX"), .section = command};
    struct filter_answer answer;
    struct arena *arena;
    bool may;

    if (!access_wants(&s->access, FCT_HOOK_retrieve))
        return true;
    arena = arena_new(NULL);
    ev.account = str_from(s->login);
    ev.uids = access_uid_list(&r->uid, 1, arena);
    may = pop3_verdict(s, access_ask(&s->access, FCT_HOOK_retrieve, &ev, arena, &answer), &answer);
    arena_free(&arena);
    return may;
}

bool pop3_retr_run(struct pop3_session *s, const struct pop3_arguments *a, struct fct_err *err)
{
    const struct hot_record *r = message_at(s, a->number);

    if (!r || !may_read(s, r, FCT_STR("RETR")))
        return true;
    pop3_maildrop_read(s->drop, a->number, true);
    if (!send_message(s, r, NULL, err))
        return false;
    s->retrieved++;
    return true;
}

bool pop3_top_run(struct pop3_session *s, const struct pop3_arguments *a, struct fct_err *err)
{
    const struct hot_record *r = message_at(s, a->number);
    struct pop3_top top = {.lines = a->lines};

    if (!r || (a->lines > 0 && !may_read(s, r, FCT_STR("TOP"))))
        return true;
    pop3_maildrop_read(s->drop, a->number, false);
    return send_message(s, r, &top, err);
}

/* ---- DELE, RSET, QUIT ---- */

bool pop3_dele_run(struct pop3_session *s, const struct pop3_arguments *a, struct fct_err *err)
{
    (void)err;
    if (!message_at(s, a->number))
        return true;
    pop3_maildrop_mark(s->drop, a->number);
    return pop3_ok(s, "marked for deletion");
}

bool pop3_rset_run(struct pop3_session *s, const struct pop3_arguments *a, struct fct_err *err)
{
    (void)a, (void)err;
    pop3_maildrop_unmark_all(s->drop);
    return pop3_ok(s, "%u messages (%" PRIu64 " octets)", pop3_maildrop_count(s->drop),
                   pop3_maildrop_octets(s->drop));
}

static FCT_MAY_WAIT bool may_delete(struct pop3_session *s)
{
    struct fct_ev_store_expunge ev = {.mailbox = FCT_STR("INBOX")};
    struct filter_answer answer;
    struct arena *arena;
    bool may;

    if (!access_wants(&s->access, FCT_HOOK_store_expunge))
        return true;
    arena = arena_new(NULL);
    ev.account = str_from(s->login);
    ev.uids = access_uids(pop3_maildrop_marked_uids(s->drop), arena);
    may = pop3_verdict(s, access_ask(&s->access, FCT_HOOK_store_expunge, &ev, arena, &answer),
                       &answer);
    arena_free(&arena);
    return may;
}

static void told_deleted(struct pop3_session *s)
{
    struct fct_ev_store_commit ev = {.change = FCT_STR("expunge"), .mailbox = FCT_STR("INBOX")};
    struct arena *arena;

    if (!access_wants(&s->access, FCT_HOOK_store_commit))
        return;
    arena = arena_new(NULL);
    ev.account = str_from(s->login);
    ev.uids = access_uids(pop3_maildrop_marked_uids(s->drop), arena);
    access_tell(&s->access, FCT_HOOK_store_commit, &ev);
    arena_free(&arena);
}

/* RFC 1939 6: what is marked is removed here and nowhere else; +OK says that this is durable. */
bool pop3_quit_run(struct pop3_session *s, const struct pop3_arguments *a, struct fct_err *err)
{
    uint32_t marked = s->drop ? pop3_maildrop_marked(s->drop) : 0;

    (void)a;
    s->ending = true;
    if (marked > 0 && !may_delete(s))
        return true;
    if (s->drop && !pop3_maildrop_update(s->drop, err))
        return pop3_refuse(s, "[SYS/TEMP] the marked messages were not removed");
    if (marked > 0)
        told_deleted(s);
    s->deleted = marked;
    return pop3_ok(s, "bye");
}
