/* ctl_judge.h - a whole transaction played to a filter, from connect to deliver, as a listener
 * would: for `scan` and `replay`. Nothing is stored and nobody is told (accepted, stored …). */
#ifndef CORE_CTL_CTL_JUDGE_H
#define CORE_CTL_CTL_JUDGE_H

#include "core/hook/filter_client.h"

/* An answer of the dialogue that says something: a verdict, or a change. */
struct judge_step {
    enum fct_hook hook;
    size_t recipient; /* which one, at rcpt and resolve */
    struct filter_answer answer;
    struct judge_step *next;
};

struct judge {
    struct filter_client *filter;
    struct arena *arena;
    /* What is asked. The recipients as the client names them; the account of each is what `resolve`
     * makes of it, or the same without its detail. */
    struct filter_context context;
    const struct filter_recipient *wanted;
    size_t nwanted;
    int fd; /* of the message, see filter_message */
    uint64_t size;
    /* What came. */
    struct judge_step *step, **step_end;
    bool decided;                       /* the dialogue ended it: no result */
    struct filter_recipient *recipient; /* who is left; one per target */
    size_t recipients, room;
    struct filter_result result;
};

FCT_MAY_WAIT void judge_run(struct judge *j);

/* The ledger of a recipient's copy, encoded; the message's when there is nothing else to say of it.
 */
struct fct_str judge_ledger(const struct judge *j, size_t recipient);

/* In one word what becomes of the first recipient's copy: keep, junk, reject or tempfail. */
enum judge_fate { JUDGE_KEEP, JUDGE_JUNK, JUDGE_REJECT, JUDGE_TEMPFAIL };
enum judge_fate judge_fate(const struct judge *j);
extern const char *const judge_fate_name[];

#endif
