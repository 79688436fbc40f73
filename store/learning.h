/* learning.h - what people said about messages and no learner has heard yet: kept on disk until
 * one has, so that neither a restart nor a Redis that is away loses a word.
 *
 * A word waits for a while before it is told: who changes his mind meanwhile has said nothing. One
 * process at a time is given a word to tell (learning_next); one that dies over it gives it back.
 */
#ifndef STORE_LEARNING_H
#define STORE_LEARNING_H

#include "store/server.h"
#include "store/store_codec.h"

struct learning;

/* STORE_SAID_*: see store_client.h. */

/* One word: this message is spam, or is not. */
struct learn_word {
    uint64_t account, email;
    int64_t said_us, due_us; /* since 1970 */
    bool spam;
    uint32_t mailbox; /* where it was put; 0: where it was */
    enum store_said why;
    /* Not on disk. */
    uint64_t stamp;     /* which word about this message it is */
    uint64_t lent_till; /* clock_ms(): somebody is telling it */
};

/* Reads what an earlier run left. */
FCT_MUST_CHECK bool learning_open(struct server *s, struct fct_err *err);
void learning_close(struct server *s);
size_t learning_count(const struct server *s);

/* Notes it in memory and in the batch. The opposite of a word that still waits, said by moving the
 * message back, takes that one away. False: so many wait already that this one is lost. */
bool learning_say(struct server *s, struct batch *b, const struct learn_word *word);
/* The account brings its mail into Junk by APPEND, as mbsync does: what it appends elsewhere soon
 * after may be such a message coming back. */
void learning_note_append(struct server *s, struct batch *b, uint64_t account);
bool learning_expects_append(const struct server *s, uint64_t account);

/* Of those that are due the one that was said first, lent to the caller. NULL: none is, *wait_ms
 * until one will be (CLOCK_NEVER: all are lent, or there is none). */
const struct learn_word *learning_next(struct server *s, uint64_t *wait_ms);
/* It was told, or the message is gone. A newer word about the same message stays. */
void learning_drop(struct server *s, struct batch *b, uint64_t account, uint64_t email,
                   uint64_t stamp);
/* Nobody could be told: again after retry_us, unless it is too old for that (store.learn_keep). */
void learning_again(struct server *s, struct batch *b, uint64_t account, uint64_t email,
                    uint64_t stamp, int64_t retry_us);

#endif
