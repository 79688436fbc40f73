/* verdict_header.h - one field that says what was decided and why, for people and for rules of mail
 * programs:
 *
 *   X-Facteur-Verdict: junk 7.4/6.0; profile=default; RBL_EXAMPLE=4.0 (127.0.0.2),
 *    BAYES_99=3.5 (0.998), SPF_PASS=-0.1; id=c1.1
 *
 * Action, score and the action's threshold; the symbols, strongest first, with their details. What
 * does not fit into 900 bytes is counted: "…, 12 more". */
#ifndef CORE_HOOK_VERDICT_HEADER_H
#define CORE_HOOK_VERDICT_HEADER_H

#include "core/hook/message_judge.h"

#define VERDICT_HEADER_NAME FCT_STR("X-Facteur-Verdict")
#define VERDICT_HEADER_MAX  900

/* The field's value, folded. `found`: the ledger's lines of the message, for details. */
void verdict_header_format(struct arena *arena, const struct judgement *judgement,
                           const struct ledger_log *found, struct fct_str id, struct buf *out);

#endif
