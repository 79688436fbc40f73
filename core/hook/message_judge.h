/* message_judge.h - what becomes of a message for each group of its recipients (audience.h):
 * score, thresholds, lists of the account, forced actions, and what `verdict` says to all that. */
#ifndef CORE_HOOK_MESSAGE_JUDGE_H
#define CORE_HOOK_MESSAGE_JUDGE_H

#include "core/hook/audience.h"
#include "core/hook/hook_run.h"

/* One per group of recipients that are judged alike. */
struct judgement {
    const struct profile *profile;
    struct fct_str label;   /* of the profile, "default+own" when settings of accounts change it */
    struct symbol_hit *hit; /* as found for this group, before the profile looked at them */
    size_t hits;
    struct score score;
    enum fct_action action;
    struct hook_decision decision; /* NEXT and QUARANTINE keep the message */
    struct ledger_log log;         /* from the symbols as found to the decision */
    struct call_recipient results; /* edits of `verdict`, where there are several groups */
};

struct judgements {
    struct judgement *judgement; /* as the groups of the audience */
    size_t n;
    const uint32_t *of; /* per recipient: its place */
};

FCT_MAY_WAIT void message_judge(struct hook_engine *engine, struct transaction *tx,
                                const struct filter_recipient *recipient, size_t n,
                                struct judgements *out);

/* What an action is as a verdict: TAG and JUNK keep the message, as KEEP does. */
struct hook_decision message_action_decision(enum fct_action action);

/* One reply answers for all recipients: nobody is refused while others keep the message (RFC 5321
 * 4.2.5 knows no such answer, and a bounce would hit strangers), and nobody gets a copy when the
 * client shall come back. Changes the judgements accordingly and writes down why. */
void message_share_reply(struct judgements *all);

/* The action instead of a refusal that one recipient alone cannot be told. */
struct hook_decision message_shared_decision(struct judgement *j, struct ledger_log *log);

#endif
