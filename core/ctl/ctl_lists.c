/* ctl_lists.c - signed updates of lists. One is checked whole before it takes its place: signature,
 * version, every line. Plugins notice the new file while they serve; no process is started anew. */
#include "core/ctl/ctl_lists.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/ctl/ctl_output.h"
#include "core/lists/list_sign.h"
#include "core/lists/list_store.h"
#include "core/plugin/plugin_conf.h"
#include "plugins/trackers/tracker_list.h"
#include "plugins/trackers/tracker_updates.h"

#include <stdio.h>
#include <unistd.h>

#define TEXT_MAX (1u << 20)

struct list_facts {
    struct fct_str version; /* in the command's arena */
    size_t rows;
};

/* ---- the lists there are ---- */

static bool look_at_trackers(struct arena *arena, struct fct_str text, const char *name,
                             struct list_facts *out, struct fct_err *err)
{
    struct tracker_list list = {0};
    bool ok = tracker_list_read(&list, text, name, err);

    if (ok)
        *out = (struct list_facts){arena_str(arena, list.version), list.n};
    tracker_list_free(&list);
    return ok;
}

static const struct list_kind {
    const char *name, *plugin;
    bool (*look_at)(struct arena *arena, struct fct_str text, const char *name,
                    struct list_facts *out, struct fct_err *err);
} kinds[] = {
    {"trackers", "trackers", look_at_trackers},
};

/* "https://example.org/lists/trackers.list" → trackers */
static const struct list_kind *find_kind(struct ctl *c, const char *from, struct fct_err *err)
{
    const char *given = ctl_option(c, "--list");
    struct fct_str name = str_from(given ? given : from);
    ptrdiff_t slash = given ? -1 : str_find_last_char(name, '/');
    FCT_CLEANUP(buf_free) struct buf known = BUF_INIT(1024);

    name = str_skip(name, (size_t)(slash + 1));
    for (size_t i = 0; i < FCT_COUNT(kinds); i++) {
        struct fct_str head = str_from(kinds[i].name), tail = str_skip(name, head.n);

        if (str_starts(name, head) && (tail.n == 0 || str_equal(tail, FCT_STR(".list"))))
            return &kinds[i];
        buf_printf(&known, "%s%s", i ? ", " : "", kinds[i].name);
    }
    (void)fct_fail(err, FCT_SYNTAX,
                   "no list is called %.*s; there are: %.*s (a file is NAME.list, or --list NAME "
                   "says which it is)",
                   FCT_FMT(str_head(name, 80)), FCT_FMT(buf_str(&known)));
    return NULL;
}

/* Folder and keys, of the plugin's block. */
static bool find_conf(const struct ctl *c, const struct list_kind *kind,
                      struct tracker_updates_conf *out, struct fct_err *err)
{
    const struct conf_pair *pair;
    struct conf_pair own[4];
    const char *label;
    size_t n = 0;

    for (size_t i = 0; config_each(c->config, &plugin_block, i, &label); i++) {
        const struct plugin_conf *conf = config_each(c->config, &plugin_block, i, &label);
        size_t pairs = config_extra(c->config, &plugin_block, i, &pair);

        if (!str_equal(str_from(conf->use[0] ? conf->use : label), str_from(kind->plugin)))
            continue;
        for (size_t k = 0; k < pairs; k++)
            for (const struct fct_conf_key *row = tracker_updates_keys; row->name; row++)
                if (n < FCT_COUNT(own) && str_equal(str_from(pair[k].key), str_from(row->name)))
                    own[n++] = pair[k];
    }
    return config_fill(c->config, tracker_updates_keys, out, own, n, err);
}

/* ---- update ---- */

static bool version_rises(struct ctl *c, const struct list_kind *kind, const char *folder,
                          const struct list_facts *facts, struct fct_err *err)
{
    struct list_facts had = {0};
    struct list_file current;
    struct fct_err damaged;

    if (facts->version.n == 0)
        return fct_fail(err, FCT_SYNTAX, "a list without a version is not taken");
    if (!list_current(c->arena, folder, kind->name, &current, err))
        return false;
    if (ctl_option(c, "--force") || !current.there ||
        !kind->look_at(c->arena, current.text, "the list in use", &had, &damaged))
        return true;
    return list_version_compare(facts->version, had.version) > 0 ||
           fct_fail(err, FCT_DENIED,
                    "version %.*s is not newer than %.*s, which is in use (--force takes it all "
                    "the same)",
                    FCT_FMT(facts->version), FCT_FMT(had.version));
}

static bool is_signed(const struct ctl *c, const struct tracker_updates_conf *conf,
                      struct fct_str text, struct fct_str signature, struct fct_err *err)
{
    if (ctl_option(c, "--unsigned"))
        return true;
    if (conf->update_keys.n == 0)
        return fct_fail(err, FCT_DENIED,
                        "no key is pinned (update_keys in the plugin's block): nobody's signature "
                        "can be checked; --unsigned takes a list without");
    return list_verify(conf->update_keys, text, signature, err);
}

static int say(struct ctl *c, const char *name, const char *done, const struct list_facts *facts)
{
    if (c->json)
        ctl_print_json(json_pack("{s:s, s:s, s:o, s:I}", "list", name, "done", done, "version",
                                 ctl_json_str(facts->version), "rows", (json_int_t)facts->rows));
    else
        (void)printf("%s: version %.*s, %zu rows, %s; filters that run take it up within seconds\n",
                     name, FCT_FMT(facts->version), facts->rows, done);
    return CTL_OK;
}

int ctl_lists_update(struct ctl *c)
{
    const char *from = c->word[0];
    struct tracker_updates_conf conf;
    struct fct_str text, signature = {0};
    struct list_facts facts = {0};
    struct fct_err err = {0};
    const struct list_kind *kind = find_kind(c, from, &err);
    bool without = ctl_option(c, "--unsigned") != NULL;

    if (!kind || !find_conf(c, kind, &conf, &err) ||
        !ctl_lists_fetch(c, from, &text, without ? NULL : &signature, &err) ||
        !is_signed(c, &conf, text, signature, &err) ||
        !kind->look_at(c->arena, text, from, &facts, &err) ||
        !version_rises(c, kind, conf.updates, &facts, &err) ||
        !list_install(conf.updates, kind->name, text, signature, &err))
        return ctl_error(&err);
    return say(c, kind->name, "installed", &facts);
}

int ctl_lists_rollback(struct ctl *c)
{
    struct tracker_updates_conf conf;
    struct list_facts facts = {.version = FCT_STR("as it came with the server")};
    struct list_file current;
    struct fct_err err = {0};
    const struct list_kind *kind = find_kind(c, c->word[0], &err);

    if (!kind || !find_conf(c, kind, &conf, &err) ||
        !list_rollback(conf.updates, kind->name, &err) ||
        !list_current(c->arena, conf.updates, kind->name, &current, &err) ||
        (current.there && !kind->look_at(c->arena, current.text, kind->name, &facts, &err)))
        return ctl_error(&err);
    return say(c, kind->name, "rolled back", &facts);
}

/* ---- list ---- */

static struct fct_str signed_text(const struct tracker_updates_conf *conf,
                                  const struct list_file *file)
{
    struct fct_err ignored;

    if (file->signature.n == 0)
        return FCT_STR("no");
    return list_verify(conf->update_keys, file->text, file->signature, &ignored)
               ? FCT_STR("yes")
               : FCT_STR("by no pinned key");
}

static void list_row(struct ctl *c, const struct list_kind *kind,
                     const struct tracker_updates_conf *conf, const struct list_file *file,
                     const char *state, struct ctl_table *t, json_t *all)
{
    struct list_facts facts = {.version = FCT_STR("?")};
    struct fct_err ignored;

    if (!file->there)
        return;
    (void)!kind->look_at(c->arena, file->text, kind->name, &facts, &ignored);
    ctl_table_row(t, (const struct fct_str[]){str_from(kind->name), str_from(state), facts.version,
                                              ctl_number(c->arena, facts.rows),
                                              signed_text(conf, file),
                                              ctl_time(c->arena, file->since)});
    json_array_append_new(all, json_pack("{s:s, s:s, s:o, s:I, s:o, s:I}", "list", kind->name,
                                         "state", state, "version", ctl_json_str(facts.version),
                                         "rows", (json_int_t)facts.rows, "signed",
                                         ctl_json_str(signed_text(conf, file)), "since",
                                         (json_int_t)file->since));
}

static bool list_kind_rows(struct ctl *c, const struct list_kind *kind, struct ctl_table *t,
                           json_t *all, struct fct_err *err)
{
    struct list_file current, previous;
    struct tracker_updates_conf conf;

    if (!find_conf(c, kind, &conf, err) ||
        !list_current(c->arena, conf.updates, kind->name, &current, err) ||
        !list_previous(c->arena, conf.updates, kind->name, &previous, err))
        return false;
    list_row(c, kind, &conf, &current, "in use", t, all);
    list_row(c, kind, &conf, &previous, "previous", t, all);
    if (!current.there) {
        ctl_table_row(t, (const struct fct_str[]){str_from(kind->name), FCT_STR("in use"),
                                                  FCT_STR("as it came with the server"),
                                                  FCT_STR(""), FCT_STR(""), FCT_STR("")});
        json_array_append_new(all,
                              json_pack("{s:s, s:s}", "list", kind->name, "state", "built in"));
    }
    return true;
}

int ctl_lists_list(struct ctl *c)
{
    struct ctl_table t = {.arena = c->arena,
                          .column = {"LIST", "STATE", "VERSION", "ROWS>", "SIGNED", "SINCE"},
                          .columns = 6};
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(TEXT_MAX);
    struct fct_err err = {0};
    json_t *all = json_array();
    bool ok = true;

    for (size_t i = 0; ok && i < FCT_COUNT(kinds); i++)
        ok = list_kind_rows(c, &kinds[i], &t, all, &err);
    if (ok && c->json) {
        ctl_print_json(json_incref(all));
    } else if (ok) {
        ctl_table_print(&t, ctl_wants_colour(), &text);
        ctl_print(&text);
    }
    json_decref(all);
    return ok ? CTL_OK : ctl_error(&err);
}

/* ---- sign ---- */

static bool write_signature(const char *path, struct fct_str signature, struct fct_err *err)
{
    FILE *out = fopen(path, "we");
    bool ok = out && fprintf(out, "%.*s\n", FCT_FMT(signature)) > 0;

    if (out)
        ok = fclose(out) == 0 && ok;
    return ok || fct_fail(err, FCT_DENIED, "%s cannot be written", path);
}

int ctl_lists_sign(struct ctl *c)
{
    FCT_CLEANUP(buf_free) struct buf signature = BUF_INIT(256);
    FCT_CLEANUP(buf_free) struct buf key = BUF_INIT(256);
    const char *path = arena_printf(c->arena, "%s.sig", c->word[0]).p,
               *pem = ctl_option(c, "--key");
    struct list_facts facts = {0};
    struct fct_err err = {0};
    const struct list_kind *kind = find_kind(c, c->word[0], &err);
    struct fct_str text;

    if (kind && !pem)
        (void)fct_fail(&err, FCT_SYNTAX, "--key FILE.pem is wanted");
    if (!kind || !pem || !list_read(c->arena, c->word[0], &text, &err) ||
        !kind->look_at(c->arena, text, c->word[0], &facts, &err) ||
        !list_sign(pem, text, &signature, &key, &err) ||
        !write_signature(path, buf_str(&signature), &err))
        return ctl_error(&err);
    if (c->json)
        ctl_print_json(json_pack("{s:s, s:o, s:o}", "signature", path, "version",
                                 ctl_json_str(facts.version), "key", ctl_json_str(buf_str(&key))));
    else
        (void)printf("%s: version %.*s; servers that take it pin this key:\n  update_keys = "
                     "[\"%.*s\"]\n",
                     path, FCT_FMT(facts.version), FCT_FMT(buf_str(&key)));
    return CTL_OK;
}
