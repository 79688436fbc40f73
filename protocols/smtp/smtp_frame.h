/* smtp_frame.h - THE framing of message data: which bytes are the message and where it ends. There
 * is no other copy of this.
 *
 * Only CRLF.CRLF ends DATA (RFC 5321 4.1.1.4). A lone CR, a lone LF or a NUL is a fault (RFC
 * 5321 2.3.8, 4.5.2): the frame then gives no more bytes but goes on looking for the true end, so
 * that nothing behind the fault can be read as a command. Streaming: bytes come in any pieces; no
 * fiber, no allocation. */
#ifndef PROTOCOLS_SMTP_SMTP_FRAME_H
#define PROTOCOLS_SMTP_SMTP_FRAME_H

#include <facteur/base.h>

enum smtp_frame_fault { FRAME_FINE, FRAME_BARE_CR, FRAME_BARE_LF, FRAME_NUL, FRAME_FALSE_END };

struct smtp_frame {
    bool dots;   /* DATA: dots are doubled and end the message; false: BDAT, plain bytes */
    bool repair; /* a lone LF in the body becomes CRLF (submission); never one that could pass for
                    the end */
    enum smtp_frame_fault fault; /* the first one */
    const char *sequence;        /* what it was, for reply and log: "<CR><LF>.<LF>" */
    bool ended;                  /* DATA: CRLF.CRLF was seen */
    /* private */
    uint8_t state;
    bool in_body;
    bool after_lone_lf; /* the line begins behind a repaired LF */
    bool line_is_empty;
};

/* Receives the bytes of the message in order, in as few pieces as the input allows. */
typedef void (*smtp_frame_sink)(void *arg, const char *p, size_t n);

void smtp_frame_start(struct smtp_frame *f, bool dots, bool repair);
/* Read n bytes; returns how many were taken: all of them, fewer only when `ended`. */
size_t smtp_frame_feed(struct smtp_frame *f, const char *p, size_t n, smtp_frame_sink sink,
                       void *arg);
/* BDAT: the last byte of the last chunk was fed. A CR at the very end is a fault too. */
void smtp_frame_finish(struct smtp_frame *f);

#endif
