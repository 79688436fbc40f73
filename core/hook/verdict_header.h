/* verdict_header.h - one field that says what was decided and why, for people and for rules of mail
 * programs:
 *
 *   X-Facteur-Verdict: junk 7.4/6.0; profile=default; RBL_EXAMPLE=4.0 (127.0.0.2),
 *    BAYES_99=3.5 (0.998), SPF_PASS=-0.1; id=c1.1
 *
 *   value    = action SP score ["/" score] ";" SP "profile=" name ["+own"] ";"
 *              [SP symbol *("," SP symbol) ["," SP number SP "more"] ";"]
 *              [SP "degraded=" service ";"] SP "id=" id
 *   symbol   = (NAME / "g:" GROUP) "=" score [SP "(" detail ")"]
 *
 * Action, score and the action's threshold (that of Junk where the message is kept); the symbols,
 * strongest first, with their details. g:GROUP is what the cap of a group took away or added: so
 * the symbols make the score, unless some did not fit into 900 bytes and are only counted. */
#ifndef CORE_HOOK_VERDICT_HEADER_H
#define CORE_HOOK_VERDICT_HEADER_H

#include "core/hook/message_judge.h"

#define VERDICT_HEADER_NAME FCT_STR("X-Facteur-Verdict")
#define VERDICT_HEADER_MAX  900

struct verdict_facts {
    const struct ledger_log *found; /* the ledger's lines of the message, for details */
    struct fct_str id;
    bool degraded; /* Redis was asked and away */
};

/* The field's value, folded. */
void verdict_header_format(struct arena *arena, const struct judgement *judgement,
                           const struct verdict_facts *facts, struct buf *out);

#endif
