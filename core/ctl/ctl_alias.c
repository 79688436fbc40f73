/* ctl_alias.c - aliases: addresses that lead to accounts, or to other aliases. */
#include "core/ctl/ctl_alias.h"

#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_output.h"
#include "store/store_client.h"

static int set(struct ctl *c, const struct fct_str *target, size_t n)
{
    struct fct_str alias = str_from(c->word[0]);
    struct fct_err err = {0};
    struct buf text = BUF_INIT(4096);

    if (!store_alias_set(c->store, alias, target, n, &err))
        return ctl_error(&err);
    if (c->json) {
        ctl_print_json(json_pack("{s:o, s:s}", "alias", ctl_json_str(alias), "done",
                                 n > 0 ? "set" : "removed"));
        return CTL_OK;
    }
    ctl_put_safe(alias, &text);
    buf_put_c(&text, n > 0 ? " set\n" : " removed\n");
    ctl_print(&text);
    buf_free(&text);
    return CTL_OK;
}

int ctl_alias_set(struct ctl *c)
{
    struct fct_str target[CTL_MAX_WORDS];

    for (unsigned i = 1; i < c->words; i++)
        target[i - 1] = str_from(c->word[i]);
    return set(c, target, c->words - 1);
}

static bool exists(struct ctl *c, struct fct_str alias, struct fct_err *err)
{
    const struct store_alias *list;
    size_t n;

    if (!store_aliases(c->store, c->arena, &list, &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (str_equal_nocase(list[i].alias, alias))
            return true;
    return fct_fail(err, FCT_DENIED, "there is no alias %.*s; `facteurctl alias list` shows all",
                    FCT_FMT(str_head(alias, 100)));
}

int ctl_alias_remove(struct ctl *c)
{
    struct fct_err err = {0};

    return exists(c, str_from(c->word[0]), &err) ? set(c, NULL, 0) : ctl_error(&err);
}

static struct fct_str joined(struct arena *arena, const struct store_alias *a)
{
    struct buf text = BUF_INIT(1 << 20);
    struct fct_str copy;

    for (size_t i = 0; i < a->n; i++) {
        if (i > 0)
            buf_put_char(&text, ' ');
        buf_put_str(&text, a->target[i]);
    }
    copy = arena_str(arena, buf_str(&text));
    buf_free(&text);
    return copy;
}

static json_t *as_json(const struct store_alias *a)
{
    json_t *targets = json_array();

    for (size_t i = 0; i < a->n; i++)
        json_array_append_new(targets, ctl_json_str(a->target[i]));
    return json_pack("{s:o, s:o}", "alias", ctl_json_str(a->alias), "targets", targets);
}

int ctl_alias_list(struct ctl *c)
{
    struct ctl_table t = {.arena = c->arena, .column = {"ALIAS", "LEADS TO"}, .columns = 2};
    struct buf text = BUF_INIT(64 << 20);
    const struct store_alias *list;
    struct fct_err err = {0};
    json_t *all = json_array();
    size_t n;

    if (!store_aliases(c->store, c->arena, &list, &n, &err)) {
        json_decref(all);
        return ctl_error(&err);
    }
    for (size_t i = 0; i < n; i++) {
        ctl_table_row(&t, (const struct fct_str[]){list[i].alias, joined(c->arena, &list[i])});
        json_array_append_new(all, as_json(&list[i]));
    }
    if (c->json) {
        ctl_print_json(all);
        return CTL_OK;
    }
    json_decref(all);
    ctl_table_print(&t, ctl_wants_colour(), &text);
    ctl_print(&text);
    buf_free(&text);
    return CTL_OK;
}
