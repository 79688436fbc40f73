/* pop3_wire.c - see pop3_wire.h. */
#include "protocols/pop3/pop3_wire.h"

#include "core/base/str.h"

#include <event2/buffer.h>

static bool ends_with_cr(const struct pop3_wire *w, struct fct_str line)
{
    return line.n > 0 ? line.p[line.n - 1] == '\r' : w->after_cr;
}

/* Bytes are copied in runs as long as possible; a run ends only where something must be put in. */
void pop3_wire_put(struct pop3_wire *w, struct fct_str bytes, struct evbuffer *out)
{
    const char *run = bytes.p, *at = bytes.p, *end = bytes.p + bytes.n;

    while (at < end) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        struct fct_str line = str_between(at, lf ? lf : end);

        if (!w->inside && *at == '.') {
            evbuffer_add(out, run, (size_t)(at - run));
            evbuffer_add(out, ".", 1);
            run = at;
        }
        if (!lf) {
            w->after_cr = ends_with_cr(w, line);
            w->inside = true;
            break;
        }
        if (!ends_with_cr(w, line)) {
            evbuffer_add(out, run, (size_t)(lf - run));
            evbuffer_add(out, "\r", 1);
            run = lf;
        }
        w->inside = w->after_cr = false;
        at = lf + 1;
    }
    evbuffer_add(out, run, (size_t)(end - run));
}

void pop3_wire_end(struct pop3_wire *w, struct evbuffer *out)
{
    if (w->inside)
        evbuffer_add(out, "\r\n", 2);
    evbuffer_add(out, ".\r\n", 3);
    *w = (struct pop3_wire){0};
}

/* The end of one line inside the header; true when it was the empty one. */
static bool header_line(struct pop3_top *t, struct fct_str line, bool complete)
{
    bool text = t->line_has_text;

    for (size_t i = 0; i < line.n && !text; i++)
        text = line.p[i] != '\r';
    t->line_has_text = text && !complete;
    return complete && !text;
}

size_t pop3_top_take(struct pop3_top *t, struct fct_str bytes)
{
    size_t taken = 0;

    while (taken < bytes.n && !(t->in_body && t->lines == 0)) {
        struct fct_str rest = str_skip(bytes, taken);
        ptrdiff_t lf = str_find_char(rest, '\n');
        size_t n = lf < 0 ? rest.n : (size_t)lf + 1;

        if (!t->in_body)
            t->in_body = header_line(t, str_head(rest, lf < 0 ? n : n - 1), lf >= 0);
        else if (lf >= 0)
            t->lines--;
        taken += n;
    }
    return taken;
}
