/* plugin_load.c - dlopen with its checks, the ABI handshake, the plugin's own configuration,
 * start(). */
#include "core/plugin/plugin_load.h"

#include "core/base/str.h"
#include "core/plugin/plugin_host.h"
#include "core/plugin/plugin_lua.h"
#include "core/plugin/plugin_services.h"
#include "core/plugin/plugin_start.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLUGIN_NAME_MAX 40
#define PLUGIN_ROWS_MAX 4096 /* a table that does not end is no table */
#define HOOK_ROW_1_0    offsetof(struct fct_hook_row, interval_ms)

/* ---- the file ---- */

/* Who may write the folder may put another file in its place; a sticky one protects what is there.
 */
static bool check_folder(const char *path, struct fct_err *err)
{
    const char *slash = strrchr(path, '/');
    char folder[4096];
    struct stat st;

    str_copy_c(folder, sizeof folder,
               !slash          ? FCT_STR(".")
               : slash == path ? FCT_STR("/")
                               : (struct fct_str){path, (size_t)(slash - path)});
    if (stat(folder, &st) != 0)
        return fct_fail(err, FCT_DENIED, "%s: %s", folder, strerror(errno));
    if ((st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX))
        return fct_fail(err, FCT_DENIED, "%s is in a folder that everybody can write (mode %04o)",
                        path, (unsigned)(st.st_mode & 07777));
    return true;
}

static bool check_file(const char *path, struct fct_err *err)
{
    struct stat st;

    if (lstat(path, &st) != 0)
        return fct_fail(err, FCT_DENIED, "%s: %s", path, strerror(errno));
    if (S_ISLNK(st.st_mode))
        return fct_fail(err, FCT_DENIED, "%s is a symbolic link; name the file itself", path);
    if (!S_ISREG(st.st_mode))
        return fct_fail(err, FCT_DENIED, "%s is not an ordinary file", path);
    if (st.st_mode & S_IWOTH)
        return fct_fail(err, FCT_DENIED, "%s can be written by everybody (mode %04o)", path,
                        (unsigned)(st.st_mode & 07777));
    return check_folder(path, err);
}

static const struct fct_plugin *open_object(const char *path, void **library, struct fct_err *err)
{
    const struct fct_plugin *object;

    if (!check_file(path, err))
        return NULL;
    /* NOW: a missing function is an error at load, not in the middle of a message. LOCAL: plugins
     * do not see each other. */
    *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!*library) {
        fct_fail(err, FCT_DENIED, "%s", dlerror());
        return NULL;
    }
    object = dlsym(*library, "fct_plugin");
    if (!object)
        fct_fail(err, FCT_DENIED, "%s exports no fct_plugin", path);
    return object;
}

/* ---- the ABI ---- */

static bool check_abi(const struct fct_plugin *object, struct fct_err *err)
{
    const struct fct_plugin_head *head = &object->head;

    if (head->abi_major != FCT_ABI_MAJOR)
        return fct_fail(err, FCT_DENIED, "made for ABI %u.%u, this server has %u.%u",
                        head->abi_major, head->abi_minor, FCT_ABI_MAJOR, FCT_ABI_MINOR);
    if (head->abi_minor > FCT_ABI_MINOR)
        return fct_fail(err, FCT_DENIED, "made for ABI %u.%u, newer than this server's %u.%u",
                        head->abi_major, head->abi_minor, FCT_ABI_MAJOR, FCT_ABI_MINOR);
    if (head->size < sizeof *object) /* the first version is the smallest there is */
        return fct_fail(err, FCT_DENIED, "its object has %u bytes, ABI %u.%u needs %zu", head->size,
                        head->abi_major, head->abi_minor, sizeof *object);
    if (head->hook_size < HOOK_ROW_1_0 || head->symbol_size < sizeof(struct fct_symbol) ||
        head->key_size < sizeof(struct fct_conf_key))
        return fct_fail(err, FCT_DENIED, "the rows of its tables are too short for ABI %u.%u",
                        head->abi_major, head->abi_minor);
    if (!object->name || !object->version || !object->summary)
        return fct_fail(err, FCT_DENIED, "it lacks a name, a version or a summary");
    if ((object->nhooks > 0 && !object->hooks) || object->nhooks > PLUGIN_ROWS_MAX)
        return fct_fail(err, FCT_DENIED, "its table of hooks is broken");
    return true;
}

static bool check_name(const char *name, struct fct_err *err)
{
    size_t n = strlen(name);

    if (n == 0 || n > PLUGIN_NAME_MAX ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != n)
        return fct_fail(err, FCT_SYNTAX,
                        "\"%s\" is no plugin name: up to %d of a-z, 0-9, '-' and '_'", name,
                        PLUGIN_NAME_MAX);
    return true;
}

/* Row i of a table whose rows may be longer or shorter than ours; what we do not get is zero. */
static void copy_row(void *to, size_t to_size, const void *table, size_t i, size_t row_size)
{
    memset(to, 0, to_size);
    memcpy(to, (const char *)table + i * row_size, row_size < to_size ? row_size : to_size);
}

/* ---- the plugin's own configuration ---- */

static bool is_host_key(const char *name)
{
    for (const struct fct_conf_key *k = plugin_block.keys; k->name; k++)
        if (strcmp(k->name, name) == 0)
            return true;
    return false;
}

static bool copy_keys(struct fct_self *self, const struct fct_conf_key **out, struct fct_err *err)
{
    size_t size = self->object->head.key_size, n = 0;
    struct fct_conf_key *keys, key = {0};

    do
        copy_row(&key, sizeof key, self->object->keys, n, size);
    while (key.name && ++n < PLUGIN_ROWS_MAX);
    keys = ARENA_ARRAY(self->arena, struct fct_conf_key, n + 1);
    for (size_t i = 0; i < n; i++) {
        copy_row(&keys[i], sizeof *keys, self->object->keys, i, size);
        if (is_host_key(keys[i].name))
            return fct_fail(err, FCT_DENIED, "its key \"%s\" has the name of one of the server's",
                            keys[i].name);
    }
    *out = keys;
    return true;
}

static bool fill_own_conf(struct fct_self *self, const struct config *conf,
                          const struct conf_pair *pairs, size_t npairs, struct fct_err *err)
{
    static const struct fct_conf_key none[] = {FCT_CONF_END};
    const struct fct_conf_key *keys = none;

    self->conf = arena_alloc(self->arena, self->object->conf_size + 1);
    if (self->object->keys && !copy_keys(self, &keys, err))
        return false;
    return config_fill(conf, keys, self->conf, pairs, npairs, err);
}

/* ---- policies ---- */

/* A plugin that only scores or watches must not stop mail when it fails. */
static bool only_scores(const struct fct_self *self)
{
    static const bool decides[] = {
#define HOOK(name, text, kind, verdicts, doc) PLUGIN_KIND_##kind,
#define PLUGIN_KIND_DECIDE                    true
#define PLUGIN_KIND_SCAN                      false
#define PLUGIN_KIND_OBSERVE                   false
#include <facteur/hooks.def>
    };

    for (const struct plugin_row *r = self->row; r; r = r->next)
        if (decides[r->is.hook] && !(r->is.may & FCT_MAY_NOTHING))
            return false;
    return true;
}

static bool set_policies(struct fct_self *self, const struct plugin_conf *conf, struct fct_err *err)
{
    enum plugin_policy usual = only_scores(self) ? POLICY_PASS : POLICY_TEMPFAIL;

    if (!plugin_policy_parse(conf->on_error, usual, &self->on_error, err))
        return fct_fail_in(err, "on_error");
    if (!plugin_policy_parse(conf->on_timeout, self->on_error, &self->on_timeout, err))
        return fct_fail_in(err, "on_timeout");
    if (!plugin_mode_parse(conf->mode, &self->shadow, err))
        return false;
    for (struct plugin_row *r = self->row; r; r = r->next)
        r->shadow = self->shadow || r->is.mode == FCT_SHADOW;
    self->deadline_ms = conf->deadline.ms;
    self->memory_bytes = conf->memory.bytes;
    return true;
}

/* ---- tables and start ---- */

static bool add_tables(struct fct_self *self, struct fct_err *err)
{
    const struct fct_plugin *object = self->object;
    struct fct_hook_row row;
    struct fct_symbol symbol;

    for (size_t i = 0; i < object->nhooks; i++) {
        copy_row(&row, sizeof row, object->hooks, i, object->head.hook_size);
        if (!plugin_host.add_hook(self, &row, err))
            return false;
    }
    for (size_t i = 0; object->symbols && i < PLUGIN_ROWS_MAX; i++) {
        copy_row(&symbol, sizeof symbol, object->symbols, i, object->head.symbol_size);
        if (!symbol.name)
            break;
        if (!plugin_host.add_symbol(self, &symbol, err))
            return false;
    }
    return true;
}

static bool start(struct fct_self *self, const struct plugin_conf *conf, struct fct_err *err)
{
    self->starting = true;
    self->started =
        add_tables(self, err) && plugin_start(self, &plugin_host, conf->start_timeout.ms, err);
    self->starting = false;
    return self->started;
}

/* "spf-check" scans: SPF_CHECK_TIMEOUT, unless the plugin declares it with a score of its own. */
static void add_timeout_symbol(struct plugin_set *set, struct fct_self *self)
{
    struct plugin_symbol *symbol;
    char name[PLUGIN_NAME_MAX + sizeof "_TIMEOUT"];
    const struct plugin_row *row = self->row;

    while (row && row->is.hook != FCT_HOOK_scan)
        row = row->next;
    if (!row)
        return;
    snprintf(name, sizeof name, "%s_TIMEOUT", self->name);
    for (char *p = name; *p; p++)
        *p = *p == '-' ? '_' : *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
    self->timeout = map_get(set->symbols, str_from(name));
    if (self->timeout)
        return;
    symbol = ARENA_NEW(self->arena, struct plugin_symbol);
    *symbol = (struct plugin_symbol){.name = arena_cstr(self->arena, str_from(name)),
                                     .group = "",
                                     .doc = "A scan hook of this plugin passed its deadline",
                                     .self = self};
    *self->symbol_end = symbol;
    self->symbol_end = &symbol->next;
    map_put(set->symbols, str_from(symbol->name), symbol);
    self->timeout = symbol;
}

static bool index_symbols(struct plugin_set *set, struct fct_self *self, struct fct_err *err)
{
    for (struct plugin_symbol *s = self->symbol; s; s = s->next) {
        const struct plugin_symbol *other = map_get(set->symbols, str_from(s->name));

        if (other)
            return fct_fail(err, FCT_DENIED, "symbol %s is declared by %s already", s->name,
                            other->self->name);
        map_put(set->symbols, str_from(s->name), s);
    }
    add_timeout_symbol(set, self);
    return true;
}

static struct fct_self *self_new(struct plugin_set *set, const struct fct_plugin *object)
{
    struct fct_self *self;

    if (!set->arena) {
        set->arena = arena_new(NULL);
        set->symbols = map_new();
    }
    self = ARENA_NEW(set->arena, struct fct_self);
    self->arena = set->arena;
    self->object = object;
    self->name = object->name;
    self->path = "";
    self->version = object->version;
    self->summary = object->summary;
    self->row_end = &self->row;
    self->symbol_end = &self->symbol;
    self->index = (unsigned)set->n;
    return self;
}

static void set_append(struct plugin_set *set, struct fct_self *self)
{
    if (set->n == set->cap) {
        size_t cap = set->cap ? 2 * set->cap : 16;

        set->plugin = arena_grow(set->arena, set->plugin, sizeof(struct fct_self *) * set->cap,
                                 sizeof(struct fct_self *) * cap);
        set->cap = cap;
    }
    set->plugin[set->n++] = self;
}

/* `name`: of the block; several blocks may use one object. */
static bool adopt_as(struct plugin_set *set, const struct plugin_origin *origin, const char *name,
                     const struct fct_plugin *object, const struct plugin_conf *conf,
                     const struct conf_pair *pairs, size_t npairs, struct fct_err *err)
{
    struct plugin_conf defaults;
    struct fct_self *self;

    if (!check_abi(object, err) || !check_name(object->name, err))
        return false;
    for (size_t i = 0; i < set->n; i++)
        if (strcmp(set->plugin[i]->name, name) == 0)
            return fct_fail(err, FCT_SYNTAX, "the plugin is named twice");
    if (!conf && !config_fill(origin->conf, plugin_block.keys, &defaults, NULL, 0, err))
        return false;
    conf = conf ? conf : &defaults;
    self = self_new(set, object);
    self->name = arena_cstr(set->arena, str_from(name));
    if (!fill_own_conf(self, origin->conf, pairs, npairs, err) || !start(self, conf, err))
        return false;
    set_append(set, self);
    return set_policies(self, conf, err) && index_symbols(set, self, err);
}

bool plugin_adopt(struct plugin_set *set, const struct plugin_origin *origin,
                  const struct fct_plugin *object, const struct plugin_conf *conf,
                  const struct conf_pair *pairs, size_t npairs, struct fct_err *err)
{
    return adopt_as(set, origin, object->name, object, conf, pairs, npairs, err);
}

const struct fct_plugin *plugin_open(const char *path, void **library, struct fct_err *err)
{
    const struct fct_plugin *object = open_object(path, library, err);

    return object && check_abi(object, err) ? object : NULL;
}

bool plugin_load(struct plugin_set *set, const struct plugin_origin *origin, const char *name,
                 const struct plugin_conf *conf, const struct conf_pair *pairs, size_t npairs,
                 struct fct_err *err)
{
    const struct fct_plugin *object;
    const char *file = conf && conf->use && *conf->use ? conf->use : name;
    void *library = NULL;
    char path[4096];

    if (!check_name(name, err) || !check_name(file, err))
        return fct_fail_in(err, "plugin");
    if (conf && conf->path && *conf->path)
        str_copy_c(path, sizeof path, str_from(conf->path));
    else if (snprintf(path, sizeof path, "%s/%s.so", origin->plugin_dir, file) >= (int)sizeof path)
        return fct_fail(err, FCT_LIMIT, "plugin %s: the name of plugin_dir is too long", name);
    object = plugin_open(path, &library, err);
    if (!object)
        return fct_fail_in(err, "plugin %s", name);
    if (strcmp(object->name, file) != 0)
        return fct_fail(err, FCT_DENIED, "plugin %s: %s calls itself \"%.40s\"", name, path,
                        object->name);
    if (!adopt_as(set, origin, name, object, conf, pairs, npairs, err))
        return fct_fail_in(err, "plugin %s", name);
    set->plugin[set->n - 1]->library = library;
    set->plugin[set->n - 1]->path = arena_cstr(set->arena, str_from(path));
    return true;
}

/* ---- the whole set ---- */

static bool is_shadow(const struct lua_conf *block)
{
    return strcmp(block->mode, "shadow") == 0;
}

static bool check_lua_modes(const struct config *conf, struct fct_err *err)
{
    const struct lua_conf *block;
    bool shadow;

    for (size_t i = 0; (block = config_each(conf, &lua_block, i, NULL)); i++)
        if (!plugin_mode_parse(block->mode, &shadow, err))
            return fct_fail_in(err, "lua");
    return true;
}

/* The files of all `lua` blocks, or of those in shadow, as the one value of the rows `file` and
 * `shadow` of the plugin `lua`. */
static struct fct_strings lua_files(const struct config *conf, struct arena *arena, bool shadow)
{
    const struct lua_conf *block;
    const char **item;
    size_t n = 0, at = 0;

    for (size_t i = 0; (block = config_each(conf, &lua_block, i, NULL)); i++)
        n += is_shadow(block) == shadow ? block->file.n : 0;
    item = ARENA_ARRAY(arena, const char *, n + 1);
    for (size_t i = 0; (block = config_each(conf, &lua_block, i, NULL)); i++)
        for (size_t j = 0; is_shadow(block) == shadow && j < block->file.n; j++)
            item[at++] = block->file.item[j];
    return (struct fct_strings){item, n};
}

static bool has_lua_files(const struct config *conf)
{
    const struct conf_pair *options;
    const struct lua_conf *block;

    for (size_t i = 0; (block = config_each(conf, &lua_block, i, NULL)); i++)
        if (block->file.n > 0 || config_extra(conf, &lua_block, i, &options) > 0)
            return true;
    return false;
}

/* The block's own pairs, and for `lua` the files in front of them. */
static size_t gather_pairs(struct arena *arena, const struct plugin_origin *origin, size_t block,
                           const char *name, struct conf_pair **out)
{
    const struct conf_pair *extra = NULL;
    size_t n = block != SIZE_MAX ? config_extra(origin->conf, &plugin_block, block, &extra) : 0;
    size_t at = 0;
    struct conf_pair *pairs = ARENA_ARRAY(arena, struct conf_pair, n + 3);

    for (int shadow = 0; strcmp(name, "lua") == 0 && shadow <= 1; shadow++) {
        struct fct_strings files = lua_files(origin->conf, arena, shadow);

        if (files.n > 0)
            pairs[at++] = (struct conf_pair){
                .key = shadow ? "shadow" : "file", .values = files, .file = "lua blocks"};
    }
    if (strcmp(name, "lua") == 0)
        pairs[at++] = (struct conf_pair){.key = "option",
                                         .values = plugin_lua_options(origin->conf, arena),
                                         .file = "lua blocks"};
    for (size_t i = 0; i < n; i++)
        pairs[at++] = extra[i];
    *out = pairs;
    return at;
}

static bool load_block(struct plugin_set *set, const struct plugin_origin *origin, size_t block,
                       const char *name, const struct plugin_conf *conf, struct fct_err *err)
{
    struct conf_pair *pairs;
    size_t n = gather_pairs(set->arena, origin, block, name, &pairs);

    return plugin_load(set, origin, name, conf, pairs, n, err);
}

bool plugin_set_load(struct plugin_set *set, const struct plugin_origin *origin,
                     struct fct_err *err)
{
    const struct plugin_conf *conf;
    const char *name;
    bool lua = false;

    set->arena = arena_new(NULL);
    set->symbols = map_new();
    if (!check_lua_modes(origin->conf, err))
        return false;
    for (size_t i = 0; (conf = config_each(origin->conf, &plugin_block, i, &name)); i++) {
        if (!name)
            return fct_fail(err, FCT_SYNTAX, "a plugin block needs a name: plugin NAME { … }");
        if (!load_block(set, origin, i, name, conf, err))
            return false;
        lua = lua || strcmp(name, "lua") == 0;
    }
    if (!lua && has_lua_files(origin->conf))
        return load_block(set, origin, SIZE_MAX, "lua", NULL, err);
    return true;
}

void plugin_set_free(struct plugin_set *set)
{
    for (size_t i = set->n; i > 0; i--) {
        struct fct_self *self = set->plugin[i - 1];

        if (self->started && self->object->stop)
            self->object->stop(self->state);
        plugin_streams_close(self);
    }
    if (set->symbols)
        map_free(&set->symbols);
    if (set->arena)
        arena_free(&set->arena);
    *set = (struct plugin_set){0};
}

const struct plugin_symbol *plugin_symbol_find(const struct plugin_set *set, struct fct_str name)
{
    return set->symbols ? map_get(set->symbols, name) : NULL;
}
