/* milter_negotiate.h - what we ask of the MTA: computed from what the plugins hook, never
 * configured. What nobody hooks is not sent; where nobody decides, no reply is waited for. */
#ifndef PROTOCOLS_MILTER_MILTER_NEGOTIATE_H
#define PROTOCOLS_MILTER_MILTER_NEGOTIATE_H

#include <facteur/plugin.h>

/* What the filters want of one listener role: a bit per enum fct_hook. */
struct milter_plan {
    uint64_t wants, decides;
    uint32_t may; /* FCT_MAY_* */
};

struct milter_terms {
    unsigned long actions, protocol; /* SMFIF_*, SMFIP_* */
};

/* Of a plan: is anything hooked at all; do messages have to be shown to us (headers and body); does
 * somebody judge or edit them as a whole. */
bool milter_plan_wants(const struct milter_plan *plan, enum fct_hook hook);
bool milter_plan_wants_anything(const struct milter_plan *plan);
bool milter_plan_wants_message(const struct milter_plan *plan);
bool milter_plan_judges_message(const struct milter_plan *plan);

/* `mx` and `submission`: whose mail it is is only known behind the negotiation. ready: the filters
 * have said what they want; otherwise connect asks for a reply, to say so. */
void milter_negotiate(const struct milter_plan *mx, const struct milter_plan *submission,
                      bool ready, const struct milter_terms *offered, struct milter_terms *out);

#endif
