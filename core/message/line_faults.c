/* line_faults.c - see line_faults.h. */
#include "core/message/line_faults.h"

enum { LINE_MAX_BYTES = 998 };

static void scan_byte(struct line_faults *s, unsigned char c)
{
    if (s->after_cr && c == '\n') {
        s->after_cr = false;
        s->line = 0;
        return;
    }
    if (s->after_cr || c == '\n')
        s->found |= FAULT_LINE_END;
    s->after_cr = c == '\r';
    if (s->after_cr)
        return;
    if (c == 0)
        s->found |= FAULT_NUL;
    if (c > 127)
        s->found |= FAULT_HIGH;
    if (++s->line > LINE_MAX_BYTES)
        s->found |= FAULT_LONG;
}

void line_faults_put(struct line_faults *s, struct fct_str bytes)
{
    for (size_t i = 0; i < bytes.n; i++)
        scan_byte(s, (unsigned char)bytes.p[i]);
}

unsigned line_faults_end(const struct line_faults *s)
{
    return s->found | (s->after_cr ? (unsigned)FAULT_LINE_END : 0);
}

unsigned line_faults_of(struct fct_str bytes)
{
    struct line_faults s = {0};

    line_faults_put(&s, bytes);
    return line_faults_end(&s);
}
