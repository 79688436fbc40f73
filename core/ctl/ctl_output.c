/* ctl_output.c - tables, numbers for people, JSON. */
#include "core/ctl/ctl_output.h"

#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/message/transfer.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

bool ctl_wants_colour(void)
{
    const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

    return isatty(STDOUT_FILENO) && !(no && *no) && term &&
           !str_equal(str_from(term), FCT_STR("dumb"));
}

/* ---- text ---- */

/* C0, DEL, and C1 in its UTF-8 form (0xC2 0x80–0x9F), which some terminals obey. */
void ctl_put_safe(struct fct_str s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool c1 = c == 0xc2 && i + 1 < s.n && (unsigned char)s.p[i + 1] >= 0x80 &&
                  (unsigned char)s.p[i + 1] <= 0x9f;

        buf_put_char(out, c < ' ' || c == 0x7f || c1 ? '?' : s.p[i]);
        i += c1;
    }
}

struct fct_str ctl_number(struct arena *arena, uint64_t n)
{
    return arena_printf(arena, "%llu", (unsigned long long)n);
}

struct fct_str ctl_bytes(struct arena *arena, uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
    double v = (double)bytes / 1024;
    size_t i = 0;

    if (bytes < 1024)
        return arena_printf(arena, "%llu B", (unsigned long long)bytes);
    for (; v >= 1000 && i + 1 < FCT_COUNT(units); i++)
        v /= 1024;
    return arena_printf(arena, v < 10 ? "%.2f %s" : v < 100 ? "%.1f %s" : "%.0f %s", v, units[i]);
}

struct fct_str ctl_time(struct arena *arena, int64_t seconds)
{
    time_t t = (time_t)seconds;
    char text[32];
    struct tm tm;

    if (!localtime_r(&t, &tm))
        return FCT_STR("?");
    return arena_str(arena,
                     (struct fct_str){text, strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm)});
}

/* ---- tables ---- */

void ctl_table_row(struct ctl_table *t, const struct fct_str *cell)
{
    if (t->cells + t->columns > t->room) {
        size_t room = t->room > 0 ? 2 * t->room : 16 * t->columns;

        t->cell = arena_grow(t->arena, t->cell, t->room * sizeof *cell, room * sizeof *cell);
        t->room = room;
    }
    for (size_t i = 0; i < t->columns; i++)
        t->cell[t->cells++] = arena_str(t->arena, cell[i]);
}

/* Characters, not bytes; wide ones count as one. */
static size_t width(struct fct_str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

static struct fct_str heading(const struct ctl_table *t, size_t column, bool *right)
{
    struct fct_str name = str_from(t->column[column]);

    *right = name.n > 0 && name.p[name.n - 1] == '>';
    return *right ? str_head(name, name.n - 1) : name;
}

static void put_spaces(size_t n, struct buf *out)
{
    while (n-- > 0)
        buf_put_char(out, ' ');
}

static void put_row(const struct ctl_table *t, const struct fct_str *cell, const size_t *wide,
                    struct buf *out)
{
    for (size_t i = 0; i < t->columns; i++) {
        size_t pad = wide[i] - width(cell[i]);
        bool right;

        (void)heading(t, i, &right);
        if (i > 0)
            buf_put_c(out, "  ");
        if (right)
            put_spaces(pad, out);
        ctl_put_safe(cell[i], out);
        if (!right && i + 1 < t->columns)
            put_spaces(pad, out);
    }
}

void ctl_table_print(const struct ctl_table *t, bool colour, struct buf *out)
{
    struct fct_str head[CTL_COLUMNS];
    size_t wide[CTL_COLUMNS];

    for (size_t i = 0; i < t->columns; i++) {
        bool right;

        head[i] = heading(t, i, &right);
        wide[i] = width(head[i]);
    }
    for (size_t i = 0; i < t->cells; i++)
        if (width(t->cell[i]) > wide[i % t->columns])
            wide[i % t->columns] = width(t->cell[i]);
    if (colour)
        buf_put_c(out, CTL_BOLD);
    put_row(t, head, wide, out);
    buf_put_c(out, colour ? CTL_PLAIN "\n" : "\n");
    for (size_t i = 0; i < t->cells; i += t->columns) {
        put_row(t, t->cell + i, wide, out);
        buf_put_c(out, "\n");
    }
}

/* ---- JSON ---- */

json_t *ctl_json_str(struct fct_str s)
{
    json_t *v = json_stringn(s.p ? s.p : "", s.n);
    struct buf repaired = BUF_INIT(3 * s.n + 16);

    if (v)
        return v;
    charset_to_utf8(FCT_STR("utf-8"), s, &repaired);
    v = json_stringn(repaired.p, repaired.n);
    buf_free(&repaired);
    return v ? v : json_string("");
}

void ctl_print_json(json_t *takes)
{
    json_dumpf(takes, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    (void)fputc('\n', stdout);
    json_decref(takes);
}

void ctl_print(const struct buf *text)
{
    (void)fwrite(text->p, 1, text->n, stdout);
}

int ctl_error(const struct fct_err *err)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "facteurctl: %s\n", err->text);
    return err->class == FCT_TEMP ? CTL_TEMPORARY : CTL_NO;
}
