/* ctl_plugin.c - what a plugin is and what the enabled ones do. A plugin's code runs only in a
 * child of ours, or in a filter process. */
#include "core/ctl/ctl_plugin.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/ctl/ctl_filters.h"
#include "core/ctl/ctl_output.h"
#include "core/hook/filter_client.h"
#include "core/hook/hook_plan.h"
#include "core/hook/ledger.h"
#include "core/log/log.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT_MAX (16u << 20)
#define READY_MS 10000u

const char *ctl_plugin_package_hint(struct ctl *c)
{
    char self[4096], *slash;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    const char *folder;

    if (n <= 0)
        return "";
    self[n] = '\0';
    slash = strrchr(self, '/');
    if (!slash)
        return "";
    *slash = '\0';
    folder = arena_printf(c->arena, "%s/cmake/FacteurConfig.cmake", self).p;
    return access(folder, R_OK) == 0 ? arena_printf(c->arena, " -DFacteur_DIR=%s/cmake", self).p
                                     : "";
}

/* ---- in a child ---- */

struct subject {
    struct ctl *c;
    const char *name; /* of the plugin */
    const char *path; /* of the file */
};

/* NAME of server.plugin_dir, or a file. */
static struct subject subject_of(struct ctl *c, const char *word)
{
    const char *slash = strrchr(word, '/');
    struct fct_str name = str_from(slash ? slash + 1 : word);

    if (name.n > 3 && memcmp(name.p + name.n - 3, ".so", 3) == 0)
        name.n -= 3;
    return (struct subject){
        .c = c,
        .name = arena_cstr(c->arena, name),
        .path = slash ? word
                      : arena_printf(c->arena, "%s/%.*s.so", c->paths.plugin_dir, FCT_FMT(name)).p,
    };
}

/* Its exit status; a death is an answer too. */
static int in_child(struct subject *subject, int (*work)(struct subject *subject))
{
    struct fct_err err = {0};
    int status = 0;
    pid_t pid;

    (void)fflush(stdout);
    pid = fork();
    if (pid == 0) {
        status = work(subject);
        (void)fflush(stdout);
        _exit(status);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        (void)fct_fail(&err, FCT_TEMP, "a child process: %s", strerror(errno));
    else if (WIFSIGNALED(status))
        (void)fct_fail(&err, FCT_DENIED, "%s died while it was loaded: %s", subject->path,
                       strsignal(WTERMSIG(status)));
    else
        return WEXITSTATUS(status);
    return ctl_error(&err);
}

/* ---- doc ---- */

/* Rows of an older plugin are shorter than ours. */
static bool key_at(const struct fct_plugin *object, size_t i, struct fct_conf_key *out)
{
    if (!object->keys)
        return false;
    memcpy(out, (const char *)object->keys + i * object->head.key_size, sizeof *out);
    return out->name != NULL;
}

static bool symbol_at(const struct fct_plugin *object, size_t i, struct fct_symbol *out)
{
    if (!object->symbols)
        return false;
    memcpy(out, (const char *)object->symbols + i * object->head.symbol_size, sizeof *out);
    return out->name != NULL;
}

static void put_cell(const char *text, struct buf *out)
{
    for (; *text; text++) {
        if (*text == '|')
            buf_put_char(out, '\\');
        buf_put_char(out, *text);
    }
}

static void put_keys(const struct fct_plugin *object, struct buf *out)
{
    struct fct_conf_key key;

    if (key_at(object, 0, &key))
        buf_put_c(out, "\n| key | default | meaning |\n|---|---|---|\n");
    for (size_t i = 0; key_at(object, i, &key); i++) {
        buf_printf(out, "| `%s` | `%s` | ", key.name, key.def && *key.def ? key.def : "\"\"");
        put_cell(key.doc ? key.doc : "", out);
        buf_put_c(out, " |\n");
    }
}

static void put_symbols(const struct fct_plugin *object, struct buf *out)
{
    struct fct_symbol symbol;

    if (symbol_at(object, 0, &symbol))
        buf_put_c(out, "\n| symbol | score | group | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; symbol_at(object, i, &symbol); i++) {
        buf_printf(out, "| `%s` | %g | %s | ", symbol.name, symbol.score,
                   symbol.group ? symbol.group : "");
        put_cell(symbol.doc ? symbol.doc : "", out);
        buf_put_c(out, " |\n");
    }
}

static void put_hooks(const struct fct_plugin *object, struct buf *out)
{
    for (size_t i = 0; i < object->nhooks; i++) {
        enum fct_hook hook;

        memcpy(&hook, (const char *)object->hooks + i * object->head.hook_size, sizeof hook);
        buf_printf(out, "%s%s", i ? ", " : "\nRuns at ",
                   (unsigned)hook < FCT_HOOK_COUNT ? hook_name(hook) : "?");
    }
    buf_put_c(out, object->nhooks ? ".\n" : "\nDeclares its hooks when it starts.\n");
}

static int print_doc(struct subject *s)
{
    struct buf out = BUF_INIT(TEXT_MAX);
    const struct fct_plugin *object;
    struct fct_err err = {0};
    void *library;

    object = plugin_open(s->path, &library, &err);
    if (!object)
        return ctl_error(&err);
    buf_printf(&out, "# %s %s\n\n%s\n", object->name, object->version, object->summary);
    put_hooks(object, &out);
    put_keys(object, &out);
    put_symbols(object, &out);
    buf_printf(&out, "\n```\nplugin %s {\n}\n```\n\nMade for ABI %u.%u%s%s.\n", object->name,
               object->head.abi_major, object->head.abi_minor,
               object->license && *object->license ? ", licence " : "",
               object->license ? object->license : "");
    ctl_print(&out);
    buf_free(&out);
    return CTL_OK;
}

int ctl_plugin_doc(struct ctl *c)
{
    struct subject s = subject_of(c, c->word[0]);

    return in_child(&s, print_doc);
}

/* ---- check ---- */

/* Points that somebody else's MTA does not have. */
static bool runs_in_milter(enum fct_hook hook)
{
    return hook < FCT_HOOK_deliver || hook == FCT_HOOK_tls || hook == FCT_HOOK_chunk ||
           hook == FCT_HOOK_unknown || hook == FCT_HOOK_tick;
}

/* The queue there is the MTA's: nobody misses these. */
static bool is_of_the_queue(enum fct_hook hook)
{
    return hook >= FCT_HOOK_queue_in && hook <= FCT_HOOK_queue_bounced;
}

static const struct conf_pair *own_pairs(struct subject *s, const struct plugin_conf **conf,
                                         size_t *n)
{
    const struct conf_pair *pairs = NULL;
    const char *label;

    *n = 0;
    for (size_t i = 0; (*conf = config_each(s->c->config, &plugin_block, i, &label)); i++)
        if (label && strcmp(label, s->name) == 0) {
            *n = config_extra(s->c->config, &plugin_block, i, &pairs);
            return pairs;
        }
    return NULL;
}

static unsigned put_rows(const struct fct_self *self, bool milter, struct buf *out)
{
    unsigned lost = 0;

    for (const struct plugin_row *r = self->row; r; r = r->next) {
        bool runs = !milter || runs_in_milter(r->is.hook);

        buf_printf(out, "  %-14s %s%s%s%s%s%s\n", hook_name(r->is.hook), r->label,
                   r->is.provides ? "  provides " : "", r->is.provides ? r->is.provides : "",
                   r->is.after ? "  after " : "", r->is.after ? r->is.after : "",
                   runs                          ? ""
                   : is_of_the_queue(r->is.hook) ? "  (the MTA has a queue of its own)"
                                                 : "  NOT CALLED behind a milter");
        lost += !runs && !is_of_the_queue(r->is.hook);
    }
    return lost;
}

static int print_check(struct subject *s)
{
    struct plugin_origin origin = {.conf = s->c->config, .plugin_dir = s->c->paths.plugin_dir};
    struct buf out = BUF_INIT(TEXT_MAX);
    struct plugin_conf named = {0};
    const struct plugin_conf *conf;
    const struct conf_pair *pairs;
    struct plugin_set set = {0};
    struct fct_err err = {0};
    unsigned lost;
    size_t n;

    log_setup(STDERR_FILENO, "plugin", FCT_WARNING);
    pairs = own_pairs(s, &conf, &n);
    if (!conf && !config_fill(s->c->config, plugin_block.keys, &named, NULL, 0, &err))
        return ctl_error(&err);
    if (conf)
        named = *conf;
    named.path = s->path;
    if (!plugin_load(&set, &origin, s->name, &named, pairs, n, &err))
        return ctl_error(&err);
    buf_printf(&out, "%s %s loads: ABI %u.%u\n", set.plugin[0]->name, set.plugin[0]->version,
               set.plugin[0]->object->head.abi_major, set.plugin[0]->object->head.abi_minor);
    lost = put_rows(set.plugin[0], ctl_option(s->c, "--milter") != NULL, &out);
    ctl_print(&out);
    buf_free(&out);
    plugin_set_free(&set);
    return lost ? CTL_NO : CTL_OK;
}

int ctl_plugin_check(struct ctl *c)
{
    int status = CTL_OK, one;

    for (unsigned i = 0; i < c->words; i++) {
        struct subject s = subject_of(c, c->word[i]);

        one = in_child(&s, print_check);
        status = one != CTL_OK ? one : status;
    }
    return status;
}

/* ---- order ---- */

int ctl_plugin_order(struct ctl *c)
{
    struct buf out = BUF_INIT(TEXT_MAX);
    struct fct_err err = {0};
    int status = CTL_OK;

    if (filter_ready(c->filter, clock_ms() + READY_MS) &&
        filter_describe(c->filter, c->json ? FILTER_JSON : FILTER_TEXT, &out, &err))
        ctl_print(&out);
    else
        status = ctl_error(&err);
    buf_free(&out);
    return status;
}

/* ---- diff: what the plugins in shadow would have done ---- */

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

/* Sums over the filter processes, by plugin. */
static void add_shadow(json_t *sums, const char *name, const json_t *shadow)
{
    static const char *const keys[] = {"calls", "timeouts", "errors",   "symbols",
                                       "score", "edits",    "otherwise"};
    json_t *sum = json_object_get(sums, name), *verdicts;
    const char *word;
    const json_t *n;

    if (!sum) {
        sum = json_pack("{s:{}}", "verdicts");
        json_object_set_new(sums, name, sum);
    }
    for (size_t i = 0; i < FCT_COUNT(keys); i++)
        json_object_set_new(sum, keys[i],
                            json_real(number(sum, keys[i]) + number(shadow, keys[i])));
    verdicts = json_object_get(sum, "verdicts");
    json_object_foreach(json_object_get(shadow, "verdicts"), word, n) json_object_set_new(
        verdicts, word, json_real(number(verdicts, word) + json_number_value(n)));
}

static json_t *shadow_sums(struct arena *arena, const json_t *filters)
{
    json_t *sums = json_object();
    const json_t *filter, *plugin, *profile;
    size_t i, j;

    json_array_foreach(filters, i, filter)
        json_array_foreach(json_object_get(filter, "plugins"), j,
                           plugin) if (json_is_object(json_object_get(plugin, "would")))
            add_shadow(sums, json_string_value(json_object_get(plugin, "name")),
                       json_object_get(plugin, "would"));
    json_array_foreach(filters, i, filter)
        json_array_foreach(json_object_get(filter, "profiles"), j, profile) add_shadow(
            sums,
            arena_printf(arena, "profile %s", json_string_value(json_object_get(profile, "name")))
                .p,
            json_object_get(profile, "would"));
    return sums;
}

static struct fct_str verdicts_text(struct arena *arena, const json_t *sum)
{
    json_t *verdicts = json_object_get(sum, "verdicts");
    struct buf out = BUF_INIT(4096);
    const char *word;
    const json_t *n;
    struct fct_str text;

    json_object_foreach(verdicts, word,
                        n) if (json_number_value(n) > 0 && strcmp(word, "next") != 0)
        buf_printf(&out, "%s%.0f %s", out.n ? ", " : "", json_number_value(n), word);
    if (number(sum, "otherwise") > 0)
        buf_printf(&out, " (%.0f otherwise than live)", number(sum, "otherwise"));
    text = arena_str(arena, out.n ? buf_str(&out) : FCT_STR("none"));
    buf_free(&out);
    return text;
}

static void print_sums(struct ctl *c, json_t *sums)
{
    struct ctl_table t = {
        .arena = c->arena,
        .column = {"IN SHADOW", "CALLS>", "WOULD SAY", "SYMBOLS>", "SCORE>", "EDITS>"},
        .columns = 6};
    struct buf out = BUF_INIT(TEXT_MAX);
    const char *name;
    const json_t *sum;

    json_object_foreach(sums, name, sum)
        ctl_table_row(&t, (const struct fct_str[]){
                              str_from(name),
                              arena_printf(c->arena, "%.0f", number(sum, "calls")),
                              verdicts_text(c->arena, sum),
                              arena_printf(c->arena, "%.0f", number(sum, "symbols")),
                              arena_printf(c->arena, "%+.2f", number(sum, "score")),
                              arena_printf(c->arena, "%.0f", number(sum, "edits")),
                          });
    if (t.cells == 0)
        buf_put_c(&out,
                  "nothing runs in shadow (mode = shadow in a plugin, lua or profile block)\n");
    else
        ctl_table_print(&t, ctl_wants_colour(), &out);
    ctl_print(&out);
    buf_free(&out);
}

int ctl_plugin_diff(struct ctl *c)
{
    struct fct_err err = {0};
    json_t *filters, *sums;

    if (!ctl_filters_json(c, &filters, &err))
        return ctl_error(&err);
    sums = shadow_sums(c->arena, filters);
    json_decref(filters);
    if (c->json) {
        ctl_print_json(sums);
        return CTL_OK;
    }
    print_sums(c, sums);
    json_decref(sums);
    return CTL_OK;
}
