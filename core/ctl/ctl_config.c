/* ctl_config.c - the configuration: is it right, what is in force, what does a setting mean; and
 * the files made from its rows. */
#include "core/ctl/ctl_config.h"

#include "core/base/str.h"
#include "core/conf/account_setting.h"
#include "core/ctl/ctl_child.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_output.h"
#include "core/hook/filter_role.h"
#include "core/main/conf_blocks.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DOCUMENT_MAX (4u << 20)
#define ERRORS_MAX   65536
#define MANY_KEYS    1024

/* ---- check ---- */

static void report(struct ctl *c, bool ok, const struct buf *errors)
{
    struct fct_str rest = buf_str(errors);
    json_t *list = json_array();

    while (rest.p && rest.n > 0) {
        struct fct_str line = str_split(&rest, '\n');

        if (line.n > 0)
            json_array_append_new(list, ctl_json_str(line));
    }
    if (c->json) {
        ctl_print_json(json_pack("{s:b, s:o}", "ok", ok, "errors", list));
        return;
    }
    json_decref(list);
    if (ok)
        (void)puts("the configuration is right");
    else
        (void)fwrite(errors->p, 1, errors->n, stderr);
}

/* The rows know values; only a filter knows whether its plugins and rules load. It is started and
 * thrown away. */
int ctl_config_check(struct ctl *c)
{
    struct buf errors = BUF_INIT(ERRORS_MAX);
    struct fct_err err = {0};
    bool ok = ctl_place_load(c, &errors, &err) && ctl_child_try(c, &filter_role, &err);

    if (!ok && errors.n == 0)
        buf_printf(&errors, "%s\n", err.text);
    report(c, ok, &errors);
    buf_free(&errors);
    return ok ? CTL_OK : CTL_NO;
}

/* ---- show and explain ---- */

int ctl_config_show(struct ctl *c)
{
    struct buf text = BUF_INIT(DOCUMENT_MAX);

    conf_print_values(c->config, ctl_option(c, "--all") != NULL, c->json, &text);
    if (text.n == 0)
        buf_put_c(&text, "# everything is at its default; --all shows the defaults\n");
    ctl_print(&text);
    buf_free(&text);
    return CTL_OK;
}

struct setting_row {
    const struct conf_block *block;
    const struct fct_conf_key *key;
};

/* "smtp.max_recipients", or "max_recipients" when one block alone has it. How many fit. */
static size_t find_rows(const char *name, struct setting_row *found)
{
    struct fct_str key = str_from(name), block = {0};
    ptrdiff_t dot = str_find_char(key, '.');
    size_t n = 0;

    if (dot >= 0) {
        block = str_head(key, (size_t)dot);
        key = str_skip(key, (size_t)dot + 1);
    }
    for (const struct conf_block *const *b = conf_blocks; *b; b++)
        for (const struct fct_conf_key *k = (*b)->keys; k && k->name; k++)
            if (str_equal(str_from(k->name), key) &&
                (!block.p || str_equal(str_from((*b)->name), block))) {
                *found = (struct setting_row){*b, k};
                n++;
            }
    return n;
}

static int not_one_row(struct ctl *c, const char *name, const struct setting_row *row, size_t found)
{
    const char *known[MANY_KEYS], *near;
    struct fct_err err = {0};
    size_t n = 0;

    for (const struct conf_block *const *b = conf_blocks; *b; b++)
        for (const struct fct_conf_key *k = (*b)->keys; k && k->name && n + 1 < MANY_KEYS; k++) {
            known[n++] = arena_printf(c->arena, "%s.%s", (*b)->name, k->name).p;
            known[n++] = k->name;
        }
    near = ctl_nearest(name, known, n);
    if (found > 1)
        (void)fct_fail(&err, FCT_SYNTAX, "several blocks have %s: name the block too, as in %s.%s",
                       name, row->block->name, name);
    else if (near)
        (void)fct_fail(&err, FCT_SYNTAX, "there is no setting %s; did you mean %s?", name, near);
    else
        (void)fct_fail(&err, FCT_SYNTAX,
                       "there is no setting %s; `facteurctl config show --all` lists all", name);
    return ctl_error(&err);
}

/* What is in force, with its origin: rows of `config show --json` for this setting. */
static json_t *values_in_force(struct ctl *c, const struct setting_row *row)
{
    struct buf text = BUF_INIT(DOCUMENT_MAX);
    json_t *all, *one, *mine = json_array();
    size_t i;

    conf_print_values(c->config, true, true, &text);
    all = json_loadb(text.p, text.n, 0, NULL);
    json_array_foreach(all, i, one)
    {
        const char *block = json_string_value(json_object_get(one, "block")),
                   *key = json_string_value(json_object_get(one, "key"));

        if (block && key && str_equal(str_from(block), str_from(row->block->name)) &&
            str_equal(str_from(key), str_from(row->key->name)))
            json_array_append(mine, one);
    }
    json_decref(all);
    buf_free(&text);
    return mine;
}

static void put_value(const json_t *value, struct buf *out)
{
    if (json_is_string(value))
        ctl_put_safe(str_from(json_string_value(value)), out);
    for (size_t i = 0; i < json_array_size(value); i++) {
        buf_put_c(out, i > 0 ? ", " : "");
        ctl_put_safe(str_from(json_string_value(json_array_get(value, i))), out);
    }
}

static void print_explained(const struct setting_row *row, const json_t *in_force)
{
    const char *bold = ctl_wants_colour() ? CTL_BOLD : "", *plain = *bold ? CTL_PLAIN : "";
    struct buf text = BUF_INIT(DOCUMENT_MAX);
    const json_t *one;
    size_t i;

    buf_printf(&text, "%s%s.%s%s\n    %s\n    default  %s\n", bold, row->block->name,
               row->key->name, plain, row->key->doc,
               row->key->def && *row->key->def ? row->key->def : "(empty)");
    json_array_foreach(in_force, i, one)
    {
        const char *file = json_string_value(json_object_get(one, "file")),
                   *label = json_string_value(json_object_get(one, "label"));

        if (!file)
            continue;
        buf_printf(&text, "    set to   ");
        put_value(json_object_get(one, "value"), &text);
        if (label && *label)
            buf_printf(&text, " for %s", label);
        buf_printf(&text, "  (%s:%d)\n", file,
                   (int)json_integer_value(json_object_get(one, "line")));
    }
    if (row->block->file)
        buf_printf(&text, "    example  conf.d/%s\n", row->block->file);
    ctl_print(&text);
    buf_free(&text);
}

int ctl_config_explain(struct ctl *c)
{
    struct setting_row row = {0};
    size_t found = find_rows(c->word[0], &row);
    json_t *in_force;

    if (found != 1)
        return not_one_row(c, c->word[0], &row, found);
    in_force = values_in_force(c, &row);
    if (c->json) {
        ctl_print_json(json_pack("{s:s, s:s, s:s, s:s, s:o}", "block", row.block->name, "key",
                                 row.key->name, "doc", row.key->doc, "default",
                                 row.key->def ? row.key->def : "", "values", in_force));
        return CTL_OK;
    }
    print_explained(&row, in_force);
    json_decref(in_force);
    return CTL_OK;
}

/* ---- documents ---- */

int ctl_config_docs(struct ctl *c)
{
    struct buf text = BUF_INIT(DOCUMENT_MAX);

    (void)c;
    conf_print_markdown(conf_blocks, &text);
    account_settings_print_markdown(&text);
    ctl_print(&text);
    buf_free(&text);
    return CTL_OK;
}

static bool write_file(const char *path, struct fct_str text, struct fct_err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool ok = fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n;
    int why = errno;

    if (fd >= 0)
        close(fd);
    return ok || fct_fail(err, FCT_TEMP, "write %s: %s", path, strerror(why));
}

static bool was_written(const struct conf_block *const *block)
{
    for (const struct conf_block *const *b = conf_blocks; b < block; b++)
        if ((*b)->file && str_equal(str_from((*b)->file), str_from((*block)->file)))
            return true;
    return false;
}

/* All blocks that name the same file, in their order. */
static bool write_blocks(struct ctl *c, const char *folder, const struct conf_block *const *first,
                         struct fct_err *err)
{
    struct buf text = BUF_INIT(DOCUMENT_MAX);
    bool ok;

    for (const struct conf_block *const *b = first; *b; b++)
        if ((*b)->file && str_equal(str_from((*b)->file), str_from((*first)->file))) {
            if (text.n > 0)
                buf_put_char(&text, '\n');
            conf_print_file(*b, &text);
        }
    ok = write_file(arena_printf(c->arena, "%s/%s", folder, (*first)->file).p, buf_str(&text), err);
    buf_free(&text);
    return ok;
}

int ctl_config_files(struct ctl *c)
{
    const char *folder = c->word[0];
    struct fct_err err = {0};
    unsigned n = 0;

    if (mkdir(folder, 0755) != 0 && errno != EEXIST) {
        (void)fct_fail(&err, FCT_TEMP, "create %s: %s", folder, strerror(errno));
        return ctl_error(&err);
    }
    for (const struct conf_block *const *b = conf_blocks; *b; b++) {
        if (!(*b)->file || was_written(b))
            continue;
        if (!write_blocks(c, folder, b, &err))
            return ctl_error(&err);
        n++;
    }
    if (c->json)
        ctl_print_json(json_pack("{s:i}", "files", (int)n));
    else
        printf("%u files written to %s\n", n, folder);
    return CTL_OK;
}
