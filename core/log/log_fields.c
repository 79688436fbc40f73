/* log_fields.c - the one place where bytes from the network become log text (threats: forged lines,
 * terminal escapes). */
#include "core/log/log_fields.h"

#include "core/base/str.h"
#include "core/base/utf8.h"

/* Letters, digits and the marks of addresses, paths and times need no quotes. */
static bool is_bare(struct fct_str s)
{
    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '=')
            return false;
    }
    return true;
}

static void print_escaped(struct fct_str s, struct buf *out)
{
    bool text = utf8_is_valid(s);

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c == '\n')
            buf_put_c(out, "\\n");
        else if (c == '\r')
            buf_put_c(out, "\\r");
        else if (c < ' ' || c == 0x7f || (c >= 0x80 && !text) ||
                 (c == 0xc2 && (unsigned char)s.p[i + 1] < 0xa0))
            buf_printf(out, "\\x%02x", c);
        else
            buf_put_char(out, (char)c);
    }
}

/* Never in the middle of a UTF-8 sequence, or the rest would no longer be text. */
static struct fct_str cut(struct fct_str s)
{
    size_t n = LOG_VALUE_MAX;

    if (s.n <= n)
        return s;
    while (n > LOG_VALUE_MAX - 4 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n--;
    return str_head(s, n);
}

static void print_string(struct fct_str s, struct buf *out)
{
    struct fct_str shown = cut(s);

    if (is_bare(shown) && shown.n == s.n) {
        buf_put_str(out, shown);
        return;
    }
    buf_put_char(out, '"');
    print_escaped(shown, out);
    buf_put_c(out, shown.n < s.n ? "\xe2\x80\xa6\"" : "\"");
}

void log_field_print(const struct log_field *f, struct buf *out)
{
    buf_put_char(out, ' ');
    buf_put_c(out, f->name);
    buf_put_char(out, '=');
    switch (f->kind) {
    case LOG_STR:
        print_string(f->str, out);
        return;
    case LOG_U64:
        buf_put_u64(out, f->number);
        return;
    case LOG_I64:
        buf_printf(out, "%lld", (long long)f->number);
        return;
    case LOG_BOOL:
        buf_put_c(out, f->number ? "yes" : "no");
        return;
    }
}
