/* conf_doc.c - prints from the rows: what is set and where, commented files, the manual page. */
#include "core/conf/conf_int.h"

#include "core/base/str.h"

static const char *const kind_names[] = {
    [FCT_CONF_BOOL] = "yes or no",    [FCT_CONF_U32] = "number", [FCT_CONF_STR] = "text",
    [FCT_CONF_DURATION] = "duration", [FCT_CONF_SIZE] = "size",  [FCT_CONF_STRINGS] = "list",
    [FCT_CONF_REAL] = "real number",  [FCT_CONF_RATE] = "rate",
};

static bool is_secret(const char *key)
{
    return strstr(key, "password") || strstr(key, "secret");
}

/* A URL with a password in it, as "redis://user:password@host". */
static bool holds_password(struct fct_strings values)
{
    for (size_t i = 0; i < values.n; i++) {
        const char *rest = strstr(values.item[i], "://");
        const char *at = rest ? strchr(rest + 3, '@') : NULL;

        if (at && memchr(rest + 3, ':', (size_t)(at - rest - 3)))
            return true;
    }
    return false;
}

static void put_quoted(const char *s, struct buf *out)
{
    buf_put_char(out, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            buf_put_char(out, '\\');
        if ((unsigned char)*s < ' ')
            buf_printf(out, "\\u%04x", (unsigned char)*s);
        else
            buf_put_char(out, *s);
    }
    buf_put_char(out, '"');
}

static void put_values(struct fct_strings v, bool list, struct buf *out)
{
    if (list)
        buf_put_char(out, '[');
    for (size_t i = 0; i < v.n; i++) {
        if (i)
            buf_put_c(out, ", ");
        put_quoted(v.item[i], out);
    }
    if (list)
        buf_put_char(out, ']');
}

struct print {
    struct buf *out;
    bool json, first;
};

static void print_one(struct print *p, const struct conf_instance *in, const char *key, bool list,
                      const struct conf_pair *pair, const char *def)
{
    static const char *const hidden[] = {"***"};
    struct fct_strings shown = pair ? pair->values : (struct fct_strings){0};

    if (pair && (is_secret(key) || holds_password(pair->values)))
        shown = (struct fct_strings){hidden, 1};
    if (p->json) {
        buf_put_c(p->out, p->first ? "\n  {\"block\": " : ",\n  {\"block\": ");
        put_quoted(in->block->name, p->out);
        buf_put_c(p->out, ", \"label\": ");
        put_quoted(in->label ? in->label : "", p->out);
        buf_put_c(p->out, ", \"key\": ");
        put_quoted(key, p->out);
        buf_put_c(p->out, ", \"value\": ");
        if (pair)
            put_values(shown, list || shown.n != 1, p->out);
        else
            put_quoted(def, p->out);
        if (pair) {
            buf_put_c(p->out, ", \"file\": ");
            put_quoted(pair->file, p->out);
            buf_printf(p->out, ", \"line\": %u", pair->line);
        }
        buf_put_c(p->out, "}");
    } else {
        buf_printf(p->out, "%s%s%s.%s = ", in->block->name, in->label ? " " : "",
                   in->label ? in->label : "", key);
        if (pair) {
            put_values(shown, list || shown.n != 1, p->out);
            buf_printf(p->out, "    # %s:%u\n", pair->file, pair->line);
        } else {
            buf_printf(p->out, "%s    # default\n", *def ? def : "\"\"");
        }
    }
    p->first = false;
}

static const struct conf_pair *pair_of(const struct conf_instance *in, const char *key)
{
    for (size_t i = 0; i < in->n; i++)
        if (strcmp(in->pair[i].key, key) == 0)
            return &in->pair[i];
    return NULL;
}

void conf_print_values(const struct config *c, bool all, bool json, struct buf *out)
{
    struct print p = {out, json, true};

    if (json)
        buf_put_c(out, "[");
    for (size_t i = 0; i < c->n; i++) {
        const struct conf_instance *in = c->instance[i];

        for (const struct fct_conf_key *k = in->block->keys; k && k->name; k++) {
            const struct conf_pair *pair = pair_of(in, k->name);

            if ((pair && !in->is_standing) || all)
                print_one(&p, in, k->name, k->kind == FCT_CONF_STRINGS, pair, k->def ? k->def : "");
        }
        for (size_t x = 0; x < in->nextra; x++)
            print_one(&p, in, in->extra[x].key, false, &in->extra[x], "");
    }
    if (json)
        buf_put_c(out, "\n]\n");
}

static void put_default(const struct fct_conf_key *k, struct buf *out)
{
    const char *def = k->def ? k->def : "";

    if (k->kind == FCT_CONF_STR || k->kind == FCT_CONF_RATE)
        put_quoted(def, out);
    else
        buf_put_c(out, *def ? def : "[]");
}

static void put_standing(const char *text, const char *before_line, struct buf *out)
{
    struct fct_str rest = str_from(text);

    while (rest.p && rest.n) {
        struct fct_str line = str_split(&rest, '\n');

        buf_printf(out, "%s%.*s\n", before_line, FCT_FMT(line));
    }
}

/* A block with a name does something by being there, so an example of one is a comment as a whole.
 */
void conf_print_file(const struct conf_block *b, struct buf *out)
{
    const char *off = b->labelled ? "#" : "";

    buf_printf(out, "# %s\n", b->doc);
    if (b->standing) {
        buf_put_c(out, "# While no file has such a block, these stand:\n");
        put_standing(b->standing, "#   ", out);
    }
    buf_printf(out, "%s%s%s {\n", off, b->name, b->labelled ? " NAME" : "");
    for (const struct fct_conf_key *k = b->keys; k && k->name; k++) {
        buf_printf(out, "%s    # %s\n%s    #%s = ", off, k->doc, off, k->name);
        put_default(k, out);
        buf_put_c(out, "\n");
    }
    buf_printf(out, "%s}\n", off);
}

void conf_print_markdown(const struct conf_block *const *blocks, struct buf *out)
{
    buf_put_c(
        out,
        "# Configuration\n\nGenerated from the tables that parse it (`facteurctl config docs`).\n\n"
        "Files are `facteur.conf` and what it includes. `block label { key = value }`, strings "
        "bare or in double quotes, lists in\n"
        "brackets, durations `250ms 30s 5m 2h 1d`, sizes `64K 25M 1G`, `# comment`, `include "
        "conf.d/*.conf`. A later file wins per key;\n"
        "`+=` adds to a list; the same key twice in one file is an error. An empty configuration "
        "works.\n");
    for (; *blocks; blocks++) {
        const struct conf_block *b = *blocks;

        buf_printf(out, "\n## %s%s\n\n%s\n", b->name, b->labelled ? " *name*" : "", b->doc);
        if (b->standing)
            buf_printf(out, "\nWhile no file has such a block, these stand:\n\n```\n%s```\n",
                       b->standing);
        buf_printf(out, "\n| key | kind | default | meaning |\n|---|---|---|---|\n");
        for (const struct fct_conf_key *k = b->keys; k && k->name; k++) {
            buf_printf(out, "| %s | %s | `", k->name, kind_names[k->kind]);
            put_default(k, out);
            buf_printf(out, "` | %s |\n", k->doc);
        }
    }
}
