/* ctl_scan.h - `facteurctl scan FILE`: what the filter would do with a message. ctl_scan.c asks,
 * ctl_scan_show.c prints. */
#ifndef CORE_CTL_CTL_SCAN_H
#define CORE_CTL_CTL_SCAN_H

#include "core/ctl/ctl_cli.h"
#include "core/hook/filter_client.h"

/* Exit status beside 0 (keep) and those of the command line. */
enum scan_exit { SCAN_KEEP = 0, SCAN_JUNK = 1, SCAN_REJECT = 2, SCAN_TEMPFAIL = 3 };

/* The answer of a point of the dialogue that was not NEXT. */
struct scan_step {
    enum fct_hook hook;
    struct filter_answer answer;
};

struct scan {
    struct ctl *ctl;
    struct fct_str message; /* with CRLF line ends */
    struct filter_context context;
    struct filter_recipient *recipient;
    size_t recipients;
    struct scan_step step[8];
    size_t steps;
    bool decided; /* the dialogue ended it: no result */
    struct filter_result result;
};

int ctl_scan(struct ctl *c);
/* ctl_scan_show.c */
enum scan_exit scan_verdict(const struct scan *s, const char **word);
void scan_show(const struct scan *s);

#endif
