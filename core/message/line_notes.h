/* line_notes.h - where lines of encoded text begin, noted on the way by those who decode it
 * (transfer.h). For this folder only. */
#ifndef CORE_MESSAGE_LINE_NOTES_H
#define CORE_MESSAGE_LINE_NOTES_H

#include "core/message/transfer.h"

struct line_notes {
    struct transfer_line *line;
    size_t n;
    const char *in, *out, *next; /* what is read, what is written; no other note before `next` */
};

/* A line begins at `at`. notes: NULL when nobody wants to know. */
static inline void note_line(struct line_notes *notes, const char *at, const char *to)
{
    if (!notes || at < notes->next)
        return;
    notes->line[notes->n++] =
        (struct transfer_line){(size_t)(at - notes->in), (size_t)(to - notes->out)};
    notes->next = at + TRANSFER_LINES_APART;
}

#endif
