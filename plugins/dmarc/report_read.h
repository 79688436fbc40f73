/* report_read.h - aggregate reports of others: XML in pieces, records out, as they come.
 *
 * Takes the form of RFC 9990 and that of RFC 7489 appendix C, with or without a namespace, in any
 * order, with elements nobody knows. Strangers send these files: entities are refused, depth, text
 * and size have limits, and memory does not grow with the number of records. */
#ifndef PLUGINS_DMARC_REPORT_READ_H
#define PLUGINS_DMARC_REPORT_READ_H

#include <facteur/base.h>

#define REPORT_DEPTH_MAX 32                        /* of elements */
#define REPORT_TEXT_MAX  256                       /* of one element; what is longer is cut */
#define REPORT_XML_MAX   ((uint64_t)256 << 20)     /* of one report, uncompressed */
#define REPORT_COUNT_MAX ((uint64_t)1000000000000) /* of one record; more is a lie */

/* NUL-terminated, printable: what is not became '?'. UTF-8 stays. Empty: it was not there. */
struct report_about {
    char org[REPORT_TEXT_MAX + 1], email[REPORT_TEXT_MAX + 1], id[REPORT_TEXT_MAX + 1];
    char generator[REPORT_TEXT_MAX + 1], error[REPORT_TEXT_MAX + 1];
    char begin[REPORT_TEXT_MAX + 1], end[REPORT_TEXT_MAX + 1]; /* as written */
    char domain[REPORT_TEXT_MAX + 1], p[REPORT_TEXT_MAX + 1], sp[REPORT_TEXT_MAX + 1];
    char np[REPORT_TEXT_MAX + 1], testing[REPORT_TEXT_MAX + 1], method[REPORT_TEXT_MAX + 1];
    bool rfc9990; /* by its namespace */
};
struct report_record {
    char source_ip[REPORT_TEXT_MAX + 1];
    char count_text[REPORT_TEXT_MAX + 1];
    char disposition[REPORT_TEXT_MAX + 1], dkim[REPORT_TEXT_MAX + 1], spf[REPORT_TEXT_MAX + 1];
    char reason[REPORT_TEXT_MAX + 1]; /* the first one's type */
    char header_from[REPORT_TEXT_MAX + 1], envelope_from[REPORT_TEXT_MAX + 1];
    char envelope_to[REPORT_TEXT_MAX + 1];
    uint64_t count;
};

struct report_reader;

/* `record` is told of each record; what the report is about is complete only at the end. */
struct report_reader *report_reader_new(void (*record)(void *ctx, const struct report_record *r),
                                        void *ctx);     /* NULL: no memory */
void report_reader_free(struct report_reader **reader); /* accepts NULL */

/* False: err says in which line and why; more is refused then. */
FCT_MUST_CHECK bool report_reader_feed(struct report_reader *reader, struct fct_str bytes,
                                       struct fct_err *err);
/* After the last piece. False: it was no whole report. */
FCT_MUST_CHECK bool report_reader_end(struct report_reader *reader, struct fct_err *err);
const struct report_about *report_reader_about(const struct report_reader *reader);
uint64_t report_reader_records(const struct report_reader *reader);
/* Records left out: without an address or a count. */
uint64_t report_reader_bad(const struct report_reader *reader);

#endif
