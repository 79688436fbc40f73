/* ctl_scan.h - `facteurctl scan FILE`: what the filter would do with a message. ctl_scan.c asks,
 * ctl_scan_show.c prints for people, ctl_scan_json.c for programs, ctl_scan_explain.c says why;
 * ctl_scan_many.c takes folders.
 *
 * Exit status: enum judge_fate, or 64 and more for what went wrong. */
#ifndef CORE_CTL_CTL_SCAN_H
#define CORE_CTL_CTL_SCAN_H

#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_judge.h"
#include "core/ctl/ctl_output.h"

struct scan {
    struct ctl *ctl;
    struct fct_str message; /* with CRLF line ends */
    struct judge judge;
    json_t *described; /* with --explain: what the filter says of itself */
};

int ctl_scan(struct ctl *c);
/* Asks about s->message with the envelope that the options or its header say. False: the filter
 * does not answer, or an option is wrong. */
FCT_MAY_WAIT FCT_MUST_CHECK bool scan_ask(struct scan *s, struct fct_err *err);
/* ctl_scan_many.c: several files, or folders of them: one line each. */
FCT_MAY_WAIT int ctl_scan_many(struct ctl *c);
void scan_print(const struct scan *s);
json_t *scan_json(const struct scan *s);

/* Why, once per profile that judged: an array of objects, or NULL without --explain. */
json_t *scan_explain(const struct scan *s);
/* The same for people. */
void scan_explain_print(const json_t *why, bool colour, struct buf *out);
/* One ledger explained; `described` may be NULL. NULL: the ledger cannot be read. */
json_t *ledger_explain(struct fct_str ledger, const json_t *described);

#endif
