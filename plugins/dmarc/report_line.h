/* report_line.h - a row on its way to the report: one line of JSON that is the same for all
 * messages that belong into one <record>, so that counting them is counting equal lines.
 *
 *     ["192.0.2.1","reject",0,0,[["local_policy","why"]],"example.org","example.net","here.example",
 *      [["dkim","example.net","s1","pass"],["mfrom","example.net","","fail"]]]
 *
 * Where lines are kept: in Redis, a hash for each day (UTC) and policy domain, its fields the lines
 * and their values how many messages; beside them the fields of report_keys below. A second hash,
 * of the day alone, has the domains with the number of their lines, and under REPORT_ALL the sum.
 * No addresses, no names of people: domains, IP addresses and results. */
#ifndef PLUGINS_DMARC_REPORT_LINE_H
#define PLUGINS_DMARC_REPORT_LINE_H

#include "dmarc_row.h"

/* "fct:dmarc:{20260105}" and "fct:dmarc:{20260105}:example.org"; the braces keep a day on one node
 * of a Redis Cluster. */
#define REPORT_KEY_PREFIX "fct:dmarc:"
#define REPORT_KEY_MAX    (sizeof REPORT_KEY_PREFIX + 12 + DMARC_NAME_MAX)
#define REPORT_ALL        "*"
/* Fields that are no lines. */
#define REPORT_POLICY   "policy"   /* the record as last seen */
#define REPORT_METHOD   "method"   /* how it was found: treewalk or psl */
#define REPORT_LEFT_OUT "left_out" /* messages whose line found no place */
#define REPORT_SENT     "sent"     /* the report went out, or somebody is at it: dmarc_claim.h */
/* Of the day's hash: so did all. */
#define REPORT_DAY_SENT "*sent"

/* A line has at most so many bytes: signatures that do not fit are left out. */
#define REPORT_LINE_MAX 4096

/* The key of a day, yyyymmdd, and of a domain in it; domain empty: of the day alone. Returns its
 * length. */
size_t report_key(char out[REPORT_KEY_MAX], const char *day, struct fct_str domain);

/* The line, and its length; a NUL follows. Bytes that JSON cannot have become '?'. */
size_t report_line_put(const struct dmarc_row *row, char out[REPORT_LINE_MAX + 1]);

/* The same back: views live in `room`, which takes the text of one line, and all members that a
 * line does not have are zero. False: it is no such line. */
struct report_room {
    char text[REPORT_LINE_MAX];
    size_t n;
};
FCT_MUST_CHECK bool report_line_parse(struct fct_str line, struct report_room *room,
                                      struct dmarc_row *out);

/* "treewalk", "psl" (RFC 9990 3.1.1.5) */
const char *report_method_word(enum dmarc_discovery discovery);

#endif
