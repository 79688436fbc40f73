/* line_faults.h - what keeps a text from being 7-bit or 8-bit data (RFC 2045 2.7, 2.8). */
#ifndef CORE_MESSAGE_LINE_FAULTS_H
#define CORE_MESSAGE_LINE_FAULTS_H

#include <facteur/base.h>

enum line_fault {
    FAULT_HIGH = 1, /* a byte above 127 */
    FAULT_NUL = 2,
    FAULT_LINE_END = 4, /* a CR or a LF alone */
    FAULT_LONG = 8,     /* a line of more than 998 bytes */
    FAULT_ALL = 15,
};

/* Of a text that comes in pieces. Start zeroed. */
struct line_faults {
    unsigned found; /* bits of enum line_fault */
    bool after_cr;
    size_t line;
};
void line_faults_put(struct line_faults *s, struct fct_str bytes);
unsigned line_faults_end(const struct line_faults *s);

unsigned line_faults_of(struct fct_str text);

#endif
