/* smtp_chunk.c - the hook `chunk`: plugins see the message in pieces while it arrives. The pieces
 * together are the message as `headers` and `scan` will see it, our Received line included.
 *
 * A refusal is remembered and answered at the end of the data: the client cannot be interrupted. */
#include "core/base/str.h"
#include "protocols/smtp/smtp_session.h"

#define PIECE_MAX ((size_t)64 << 10)

void smtp_chunk_start(struct smtp_session *s)
{
    struct smtp_chunk *c = &s->tx->chunk;

    c->wanted = smtp_is_hooked(s, FCT_HOOK_chunk);
    /* Kept below by smtp_data_take, which reads at most a piece before it asks: a repaired line end
     * makes two bytes of one. */
    c->piece = BUF_INIT(4 * PIECE_MAX);
}

void smtp_chunk_end(struct smtp_transaction *tx)
{
    buf_free(&tx->chunk.piece);
    tx->chunk.wanted = false;
}

void smtp_chunk_keep(struct smtp_transaction *tx, const char *p, size_t n)
{
    if (tx->chunk.wanted)
        buf_put(&tx->chunk.piece, p, n);
}

bool smtp_chunk_is_full(const struct smtp_transaction *tx)
{
    return tx->chunk.wanted && tx->chunk.piece.n >= PIECE_MAX;
}

/* Nothing of the message is needed any more: its memory is free at once, the rest of the data is
 * only read past. */
static void refuse(struct smtp_session *s, const struct smtp_reply *r)
{
    struct smtp_transaction *tx = s->tx;

    tx->refusal = *r;
    tx->refusal.text = arena_str(s->message, r->text);
    if (r->enhanced)
        tx->refusal.enhanced = arena_cstr(s->message, str_from(r->enhanced));
    smtp_spool_end(&tx->spool);
    smtp_chunk_end(tx);
}

static void show(struct smtp_session *s, struct fct_str bytes)
{
    struct smtp_transaction *tx = s->tx;
    struct fct_ev_chunk event = {.bytes = bytes, .offset = tx->chunk.offset};
    struct filter_answer answer;
    struct smtp_reply r;

    arena_reset(s->call);
    if (!smtp_ask(s, FCT_HOOK_chunk, &event, SMTP_AT_MESSAGE, &answer, &r)) {
        refuse(s, &r);
        return;
    }
    tx->chunk.offset += bytes.n;
    if (answer.verdict == FCT_DISCARD)
        tx->discard = true;
    if (answer.skip || tx->discard)
        smtp_chunk_end(tx);
}

void smtp_chunk_ask(struct smtp_session *s, bool all)
{
    struct smtp_chunk *c = &s->tx->chunk;
    size_t at = 0;

    while (c->wanted && (c->piece.n - at >= PIECE_MAX || (all && c->piece.n > at))) {
        struct fct_str bytes = str_head(str_skip(buf_str(&c->piece), at), PIECE_MAX);

        at += bytes.n;
        show(s, bytes);
    }
    if (c->wanted)
        buf_drop_front(&c->piece, at);
}
