/* milter_chunk.c - see milter_chunk.h. */
#include "protocols/milter/milter_chunk.h"

#include "core/base/str.h"

#define PIECE_MAX (64u << 10)

static bool wants_chunks(const struct milter_session *s)
{
    return !s->tx->chunks_end && milter_wants(s, FCT_HOOK_chunk);
}

static sfsistat ask_piece(struct milter_session *s, struct fct_str bytes)
{
    struct fct_ev_chunk event = {.bytes = bytes, .offset = s->tx->chunked};
    struct filter_answer answer;

    milter_ask(s, FCT_HOOK_chunk, &event, &answer);
    s->tx->chunked += bytes.n;
    s->tx->chunks_end = answer.skip || answer.verdict == FCT_SKIP;
    if (answer.verdict == FCT_DISCARD)
        return SMFIS_DISCARD;
    return milter_reply(s, &answer, SMTP_AT_MESSAGE);
}

sfsistat milter_chunk_body(struct milter_session *s, struct fct_str bytes)
{
    sfsistat status = SMFIS_CONTINUE;

    while (bytes.n > 0 && status == SMFIS_CONTINUE && wants_chunks(s)) {
        status = ask_piece(s, str_head(bytes, PIECE_MAX));
        bytes = str_skip(bytes, PIECE_MAX);
    }
    return status;
}

sfsistat milter_chunk_header(struct milter_session *s)
{
    FCT_CLEANUP(buf_free) struct buf header = BUF_INIT(SIZE_MAX / 2);

    if (!wants_chunks(s) || s->tx->chunked > 0 || !milter_message_header(&s->tx->message, &header))
        return SMFIS_CONTINUE;
    return milter_chunk_body(s, buf_str(&header));
}
