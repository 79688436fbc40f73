/* milter_judge.h - one answer for one message out of what the filters said for each of its
 * recipients. The protocol has one reply, one header and one body for all of them.
 *
 * A temporary failure for one is told for all: nothing is stored yet, and only a second try can
 * mend it. Refused for all: refused, with the text of the first. Refused or discarded for some:
 * they get no copy, nobody is told (a bounce would go to a forged sender). Held for one: held for
 * all. */
#ifndef PROTOCOLS_MILTER_MILTER_JUDGE_H
#define PROTOCOLS_MILTER_MILTER_JUDGE_H

#include "core/hook/filter_client.h"

enum milter_fate { MILTER_KEPT, MILTER_REFUSED, MILTER_DISCARDED };

struct milter_judgement {
    enum milter_fate fate;
    const struct filter_answer *refusal; /* when refused */
    const char *hold;                    /* why the MTA shall hold it; NULL: it need not */
    bool *drop;                          /* per outcome: no copy for this recipient */
    struct edit_list edits;              /* what all who keep it have in common */
};

void milter_judge(struct arena *arena, const struct filter_result *result,
                  struct milter_judgement *out);

#endif
