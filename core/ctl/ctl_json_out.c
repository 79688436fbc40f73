/* ctl_json_out.c - see ctl_json_out.h. The text is that of RFC 8259. */
#include "core/ctl/ctl_json_out.h"

#include "core/base/str.h"
#include "core/base/utf8.h"
#include "core/ctl/ctl_output.h"
#include "core/message/transfer.h"

#define PIECE (64u << 10) /* to standard output at one time */

static bool is_plain(char c)
{
    return (unsigned char)c >= ' ' && c != '"' && c != '\\';
}

static void put_escaped(char c, struct buf *out)
{
    static const char short_of[] = "\"\"\\\\\bb\ff\nn\rr\tt";

    for (size_t i = 0; i + 1 < sizeof short_of; i += 2)
        if (short_of[i] == c) {
            buf_put_char(out, '\\');
            buf_put_char(out, short_of[i + 1]);
            return;
        }
    buf_printf(out, "\\u%04x", (unsigned)(unsigned char)c);
}

static void put_string(struct fct_str s, struct buf *out)
{
    buf_put_char(out, '"');
    while (s.n > 0) {
        size_t n = 0;

        while (n < s.n && is_plain(s.p[n]))
            n++;
        buf_put(out, s.p, n);
        if (n < s.n)
            put_escaped(s.p[n++], out);
        s = str_skip(s, n);
    }
    buf_put_char(out, '"');
}

static void put_name(struct ctl_json_out *j, const char *name)
{
    if (j->follows)
        buf_put(&j->text, ", ", 2);
    j->follows = true;
    if (!name)
        return;
    buf_put_char(&j->text, '"');
    buf_put_c(&j->text, name);
    buf_put(&j->text, "\": ", 3);
}

void ctl_json_out_open(struct ctl_json_out *j, const char *name, char kind)
{
    put_name(j, name);
    buf_put_char(&j->text, kind);
    j->follows = false;
}

void ctl_json_out_close(struct ctl_json_out *j, char kind)
{
    buf_put_char(&j->text, kind == '{' ? '}' : ']');
    j->follows = true;
}

void ctl_json_out_str(struct ctl_json_out *j, const char *name, struct fct_str v)
{
    put_name(j, name);
    if (str_is_ascii(v) || utf8_is_valid(v)) {
        put_string(v, &j->text);
    } else {
        struct buf repaired = BUF_INIT(3 * v.n + 16);

        charset_to_utf8(FCT_STR("utf-8"), v, &repaired);
        put_string(buf_str(&repaired), &j->text);
        buf_free(&repaired);
    }
}

void ctl_json_out_int(struct ctl_json_out *j, const char *name, int64_t v)
{
    put_name(j, name);
    if (v < 0)
        buf_put_char(&j->text, '-');
    buf_put_u64(&j->text, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void ctl_json_out_bool(struct ctl_json_out *j, const char *name, bool v)
{
    put_name(j, name);
    buf_put_c(&j->text, v ? "true" : "false");
}

void ctl_json_out_row(struct ctl_json_out *j)
{
    if (j->text.n < PIECE)
        return;
    ctl_print(&j->text);
    buf_clear(&j->text);
}

void ctl_json_out_end(struct ctl_json_out *j)
{
    buf_put_char(&j->text, '\n');
    ctl_print(&j->text);
    buf_free(&j->text);
}
