/* job.h - mail on its way out: a message that the store lent us, and the recipients of it in one
 * domain. */
#ifndef PROTOCOLS_RELAY_JOB_H
#define PROTOCOLS_RELAY_JOB_H

#include "protocols/relay/outcome.h"
#include "store/store_queue.h"

/* Shared by its jobs. */
struct mail {
    unsigned refs;
    struct arena *arena;
    struct queue_entry entry; /* in the arena */
    struct fct_str body;      /* the original's bytes; p NULL: too large, read from the store */
    bool asked, mapped;       /* mail_fetch */
};

struct down_convert;

struct job {
    struct job *next;                      /* in the list of who has it */
    struct job *held_before, *held_behind; /* in relay.hand */
    struct mail *mail;
    struct fct_str domain;
    uint32_t *recipient;            /* their places in the entry */
    struct delivery_result *result; /* of each; OUTCOME_NONE: still to do */
    size_t n, left;                 /* left: without an outcome */
    unsigned tries;                 /* hosts that failed it, this time */
    uint64_t taken_ms;
    struct fct_str report_text; /* by a plugin; in the mail's arena */
    /* How the server that has it now gets the message; NULL: as it is. */
    struct down_convert *conversion;
};

/* Copies what it needs of the lease. One reference is the caller's. */
struct mail *mail_new(const struct queue_entry *entry, struct fct_str body);
void mail_unref(struct mail **m);
/* A large body that the store still has in memory comes to be in ours, too, unless `most` bytes are
 * used for such ones. Asks once. */
FCT_MAY_WAIT void mail_fetch(struct mail *m, struct store *store, uint64_t most);

struct job *job_new(struct mail *m, struct fct_str domain, const uint32_t *recipient, size_t n);
void job_free(struct job **j);
static inline const struct queue_recipient *job_recipient(const struct job *j, size_t i)
{
    return &j->mail->entry.recipient[j->recipient[i]];
}
/* The same result for all that have none yet. */
void job_settle(struct job *j, const struct delivery_result *result);
void job_settle_one(struct job *j, size_t i, const struct delivery_result *result);
/* Of the message as that server gets it. */
uint64_t job_size(const struct job *j);

/* First in, first out, with a way back to the front. */
struct job_list {
    struct job *first, **end;
    size_t n;
};
void job_list_start(struct job_list *l);
void job_list_add(struct job_list *l, struct job *j);
void job_list_put_back(struct job_list *l, struct job *j);
struct job *job_list_take(struct job_list *l); /* NULL: empty */

#endif
