/* milter_negotiate.c - see milter_negotiate.h. The tables say which hooks stand behind which bit of
 * the protocol. */
#include "protocols/milter/milter_negotiate.h"

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

#define H(name) (UINT64_C(1) << FCT_HOOK_##name)

_Static_assert(FCT_HOOK_COUNT <= 64, "a hook has its bit");

#define JUDGES  (H(headers) | H(scan) | H(verdict) | H(edit))
#define MESSAGE (JUDGES | H(chunk))
/* Those that look at the envelope, or at something that can only be told together with it. */
#define RECIPIENTS  (MESSAGE | H(rcpt) | H(data) | H(accepted))
#define TRANSACTION (RECIPIENTS | H(mail) | H(auth) | H(abort))
#define ALL         (TRANSACTION | H(connect) | H(helo) | H(tls) | H(unknown) | H(disconnect))

/* One event of the protocol. Its client address, HELO name and TLS are part of what every later
 * hook sees: an event is left out when nobody needs anything of it. */
static const struct {
    unsigned long no, no_reply; /* SMFIP_NO*, SMFIP_NR_* */
    uint64_t needed_by, decided_by;
} events[] = {
    {SMFIP_NOHELO, SMFIP_NR_HELO, TRANSACTION | H(helo) | H(tls), H(helo) | H(tls)},
    {SMFIP_NOMAIL, SMFIP_NR_MAIL, TRANSACTION, H(mail) | H(auth)},
    {SMFIP_NORCPT, SMFIP_NR_RCPT, RECIPIENTS, H(rcpt)},
    {SMFIP_NODATA, SMFIP_NR_DATA, H(data), H(data)},
    {SMFIP_NOUNKNOWN, SMFIP_NR_UNKN, H(unknown), H(unknown)},
    {SMFIP_NOHDRS, SMFIP_NR_HDR, MESSAGE, 0},
    {SMFIP_NOEOH, SMFIP_NR_EOH, 0, 0},
    {SMFIP_NOBODY, SMFIP_NR_BODY, MESSAGE, H(chunk)},
};

bool milter_plan_wants(const struct milter_plan *plan, enum fct_hook hook)
{
    return plan->wants & (UINT64_C(1) << hook);
}

bool milter_plan_wants_anything(const struct milter_plan *plan)
{
    return plan->wants & ALL;
}

bool milter_plan_wants_message(const struct milter_plan *plan)
{
    return plan->wants & MESSAGE;
}

bool milter_plan_judges_message(const struct milter_plan *plan)
{
    return plan->wants & JUDGES;
}

/* A recipient that is refused after the data is taken out; a message may be held whenever it is
 * judged (two filters may die over it). */
static unsigned long wanted_actions(const struct milter_plan *plan)
{
    static const struct {
        uint32_t may;
        unsigned long actions;
    } table[] = {
        {FCT_MAY_ADD_HEADER, SMFIF_ADDHDRS},
        {FCT_MAY_CHANGE_HEADER, SMFIF_CHGHDRS | SMFIF_ADDHDRS},
        {FCT_MAY_BODY, SMFIF_CHGBODY},
        {FCT_MAY_SENDER, SMFIF_CHGFROM},
        {FCT_MAY_RECIPIENTS, SMFIF_ADDRCPT | SMFIF_DELRCPT},
    };
    unsigned long actions = 0;

    if (!(plan->wants & RECIPIENTS))
        return 0;
    for (size_t i = 0; i < FCT_COUNT(table); i++)
        if (plan->may & table[i].may)
            actions |= table[i].actions;
    if (plan->wants & JUDGES)
        actions |= SMFIF_QUARANTINE | SMFIF_DELRCPT;
    if (plan->decides & H(rcpt))
        actions |= SMFIF_DELRCPT;
    return actions;
}

void milter_negotiate(const struct milter_plan *mx, const struct milter_plan *submission,
                      bool ready, const struct milter_terms *offered, struct milter_terms *out)
{
    const struct milter_plan both = {.wants = mx->wants | submission->wants,
                                     .decides = mx->decides | submission->decides,
                                     .may = mx->may | submission->may};
    unsigned long protocol = 0;

    for (size_t i = 0; i < FCT_COUNT(events); i++)
        if (!(both.wants & events[i].needed_by))
            protocol |= events[i].no;
        else if (!(both.decides & events[i].decided_by))
            protocol |= events[i].no_reply;
    /* ACCEPT at connect spares a role that nobody hooks all that follows. */
    if (ready && !(both.decides & H(connect)) && milter_plan_wants_anything(mx) &&
        milter_plan_wants_anything(submission))
        protocol |= SMFIP_NR_CONN;
    if (both.wants & H(chunk))
        protocol |= SMFIP_SKIP;
    if (both.wants & H(rcpt))
        protocol |= SMFIP_RCPT_REJ;
    if (both.wants & MESSAGE)
        protocol |= SMFIP_HDR_LEADSPC;
    out->actions =
        (wanted_actions(mx) | wanted_actions(submission) | SMFIF_SETSYMLIST) & offered->actions;
    out->protocol = protocol & offered->protocol;
}
