/* plugin_lua.c - see plugin_lua.h. */
#include "core/plugin/plugin_lua.h"

#include "core/base/buf.h"
#include "core/base/str.h"

struct options {
    struct arena *arena;
    const char **item; /* NULL while they are counted */
    size_t n;
};

static void add(struct options *out, const char *pattern, const struct conf_pair *pair,
                const char *value)
{
    struct buf line = BUF_INIT(65536);

    if (out->item) {
        buf_printf(&line, "%s\n%s\n%s:%u\n%s", pattern, pair->key, pair->file, pair->line, value);
        out->item[out->n] = arena_cstr(out->arena, line.p ? buf_str(&line) : FCT_STR(""));
    }
    out->n++;
    buf_free(&line);
}

static void add_block(struct options *out, const struct lua_conf *block,
                      const struct conf_pair *pair, size_t pairs)
{
    for (size_t i = 0; i < pairs; i++)
        for (size_t v = 0; v < pair[i].values.n; v++) {
            for (size_t f = 0; f < block->file.n; f++)
                add(out, block->file.item[f], &pair[i], pair[i].values.item[v]);
            if (block->file.n == 0) /* `fiel = …`: the engine asks what it is */
                add(out, "", &pair[i], pair[i].values.item[v]);
        }
}

static void add_all(struct options *out, const struct config *conf)
{
    const struct lua_conf *block;

    for (size_t i = 0; (block = config_each(conf, &lua_block, i, NULL)); i++) {
        const struct conf_pair *pair = NULL;
        size_t pairs = config_extra(conf, &lua_block, i, &pair);

        add_block(out, block, pair, pairs);
    }
}

struct fct_strings plugin_lua_options(const struct config *conf, struct arena *arena)
{
    struct options out = {.arena = arena};

    add_all(&out, conf);
    out.item = ARENA_ARRAY(arena, const char *, out.n + 1);
    out.n = 0;
    add_all(&out, conf);
    return (struct fct_strings){out.item, out.n};
}

/* RULES/x.lua → RULES/lists; a pattern of folders has none that could be named now. */
static const char *lists_of(struct arena *arena, const char *pattern)
{
    const char *slash = strrchr(pattern, '/');
    size_t n = slash ? (size_t)(slash + 1 - pattern) : 0;
    char *folder = arena_alloc(arena, n + sizeof "lists");

    if (strcspn(pattern, "*?[") < n)
        return NULL;
    memcpy(folder, pattern, n);
    memcpy(folder + n, "lists", sizeof "lists");
    return folder;
}

const char *const *plugin_lua_folders(const struct config *conf, struct arena *arena, size_t *n)
{
    const struct lua_conf *block;
    const char **folder;
    size_t most = 0;

    for (size_t i = 0; (block = config_each(conf, &lua_block, i, NULL)); i++)
        most += block->file.n;
    folder = ARENA_ARRAY(arena, const char *, most + 1);
    *n = 0;
    for (size_t i = 0; (block = config_each(conf, &lua_block, i, NULL)); i++)
        for (size_t f = 0; f < block->file.n; f++)
            if ((folder[*n] = lists_of(arena, block->file.item[f])))
                ++*n;
    return folder;
}
