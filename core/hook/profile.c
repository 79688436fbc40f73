/* profile.c - from `profile NAME { … }` to what judges. profile_choose.c says which one judges
 * whom. */
#include "core/hook/profile_int.h"

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/conf/account_setting.h"
#include "core/log/log.h"
#include "core/plugin/plugin_host.h"

/* clang-format off */
static const struct fct_conf_key profile_keys[] = {
    FCT_CONF_KEY(struct profile_conf, match,      "", "Whose mail: addresses with * for anything, such as \"*@example.org\", or \"role:submission\" (mx, submission, lmtp, local). The most specific pattern wins"),
    FCT_CONF_KEY(struct profile_conf, tag,        "", "Score from which a message is kept with X-Facteur-Verdict above its header; 0: never; empty: as in profile default, there 0"),
    FCT_CONF_KEY(struct profile_conf, greylist,   "", "Score from which the client shall come back later; acts when a plugin provides greylist; 0: never; empty: as in profile default, there 4"),
    FCT_CONF_KEY(struct profile_conf, junk,       "", "Score from which a message goes to Junk; 0: never; empty: as in profile default, there 6"),
    FCT_CONF_KEY(struct profile_conf, quarantine, "", "Score from which a message goes to Quarantine; 0: never; empty: as in profile default, there 0"),
    FCT_CONF_KEY(struct profile_conf, discard,    "", "Score from which a message is accepted and thrown away; 0: never; empty: as in profile default, there 0"),
    FCT_CONF_KEY(struct profile_conf, reject,     "", "Score from which a message is refused with 550; 0: never; empty: as in profile default, there 15"),
    FCT_CONF_KEY(struct profile_conf, shared,     "", "Instead of reject where one reply answers for several recipients and others keep the message (no bounce is ever sent): junk, quarantine or discard; empty: as in profile default, there junk"),
    FCT_CONF_KEY(struct profile_conf, mode,       "live", "live, or shadow: judges beside the live profile, and the ledger says what it would have done; without match everybody's mail"),
    FCT_CONF_KEY(struct profile_conf, disable,    "", "Symbols that do not count; besides those of profile default"),
    FCT_CONF_KEY(struct profile_conf, score,      "", "Other weights, such as \"SPF_FAIL=1.5\"; a symbol that profile default disables counts again"),
    FCT_CONF_KEY(struct profile_conf, group_cap,  "", "Limits of a group's sum: \"rbl=8\" for at most, \"spf=-1..4\" for both ends"),
    FCT_CONF_END,
};
/* clang-format on */

const struct conf_block profile_block = {
    .name = "profile",
    .doc = "profile NAME { … } says how mail of some recipients is judged; profile default is "
           "always there and judges everybody else",
    .keys = profile_keys,
    .size = sizeof(struct profile_conf),
    .labelled = true,
    .file = "scores.conf",
};

#define GREYLIST_MILLI 4000 /* where a plugin can */

/* ---- one block on its way ---- */

struct builder {
    struct plugin_set *plugins;
    struct profile *profile;
    const struct config *conf;
    size_t block; /* which of the profile blocks */
    struct fct_err *err;
};

static const struct conf_place *place_of(const struct builder *b, const char *key, size_t item)
{
    return config_place(b->conf, &profile_block, b->block, key, item);
}

/* "file:line:column: profile NAME: key: …" */
static FCT_PRINTF(4, 5) bool fail_at(struct builder *b, const char *key, size_t item,
                                     const char *fmt, ...)
{
    const struct conf_place *place = place_of(b, key, item);
    char text[300];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    (void)fct_fail(b->err, FCT_SYNTAX, "profile %s: %s: %s", b->profile->name, key, text);
    return place && fct_fail_in(b->err, "%s:%u:%u", place->file, place->line, place->column);
}

/* ---- thresholds ---- */

struct threshold {
    const char *key;
    enum fct_action action;
    size_t offset;
};

#define THRESHOLD(member, action)                              \
    {                                                          \
#member, action, offsetof(struct profile_conf, member) \
    }
static const struct threshold thresholds[] = {
    THRESHOLD(tag, FCT_TAG),      THRESHOLD(greylist, FCT_GREYLIST),
    THRESHOLD(junk, FCT_JUNK),    THRESHOLD(quarantine, FCT_HOLD),
    THRESHOLD(discard, FCT_DROP), THRESHOLD(reject, FCT_REFUSE),
};

static bool read_thresholds(struct builder *b, const struct profile_conf *conf)
{
    for (size_t i = 0; i < FCT_COUNT(thresholds); i++) {
        const struct threshold *t = &thresholds[i];
        int32_t *milli = &b->profile->threshold_milli[t->action];
        const char *text;

        memcpy(&text, (const char *)conf + t->offset, sizeof text);
        if (!text || !*text)
            continue;
        if (!score_parse(str_from(text), milli) || *milli < 0)
            return fail_at(b, t->key, 0, "cannot read \"%s\" (0 to 1000, example: 6.5)", text);
    }
    return true;
}

const struct profile *profile_with_own(struct arena *arena, const struct profile *base,
                                       struct fct_list setting)
{
    struct profile *p = ARENA_NEW(arena, struct profile);

    *p = *base;
    p->own = true;
    for (size_t i = 0; i < FCT_COUNT(thresholds); i++) {
        struct fct_str text = setting_value(setting, str_from(thresholds[i].key));
        int32_t milli;

        if (text.n > 0 && score_parse(text, &milli) && milli >= 0)
            p->threshold_milli[thresholds[i].action] = milli;
    }
    if (p->greylists_not)
        p->threshold_milli[FCT_GREYLIST] = 0;
    return p;
}

static bool read_shared(struct builder *b, const struct profile_conf *conf)
{
    struct profile *p = b->profile;

    if (!conf->shared || !*conf->shared)
        return true;
    if (!action_parse(str_from(conf->shared), &p->shared) || p->shared < FCT_JUNK ||
        p->shared > FCT_DROP)
        return fail_at(b, "shared", 0, "\"%s\" is not junk, quarantine or discard", conf->shared);
    return true;
}

static bool read_mode(struct builder *b, const struct profile_conf *conf)
{
    struct profile *p = b->profile;

    p->shadow = strcmp(conf->mode, "shadow") == 0;
    if (!p->shadow && strcmp(conf->mode, "live") != 0)
        return fail_at(b, "mode", 0, "\"%s\" is not live or shadow", conf->mode);
    if (p->shadow && strcmp(p->name, "default") == 0)
        return fail_at(b, "mode", 0, "somebody must judge; give the shadow another name");
    return true;
}

/* ---- lists: NAME, NAME=NUMBER, NAME=FROM..TO ---- */

static bool fail_item(struct builder *b, const char *key, size_t item, const char *text,
                      const char *example)
{
    return fail_at(b, key, item, "cannot read \"%s\" (example: \"%s\")", text, example);
}

/* NULL and a line in the log when no enabled plugin declares it. */
static const struct plugin_symbol *find_symbol(struct builder *b, const char *key,
                                               struct fct_str name)
{
    const struct plugin_symbol *symbol =
        b->plugins->symbols ? plugin_symbol_find(b->plugins, name) : NULL;

    if (!symbol)
        log_event(EV_WARNING, FCT_STR(""), F_C("text", "a profile names a symbol nobody declares"),
                  F_C("profile", b->profile->name), F_C("key", key), F_STR("symbol", name));
    return symbol;
}

static void free_map(void *arg)
{
    struct map *map = arg;

    map_free(&map);
}

static struct map *new_map(const struct plugin_set *plugins)
{
    struct map *map = map_new();

    arena_defer(plugins->arena, free_map, map);
    return map;
}

static void put_symbol(struct builder *b, struct map **map, struct fct_str name,
                       struct profile_symbol says)
{
    struct profile_symbol *kept = ARENA_NEW(b->plugins->arena, struct profile_symbol);

    *kept = says;
    if (!*map)
        *map = new_map(b->plugins);
    map_put(*map, name, kept);
}

static bool add_disabled(struct builder *b, const char *item, size_t n)
{
    if (find_symbol(b, "disable", str_from(item)))
        put_symbol(b, &b->profile->disabled, str_from(item),
                   (struct profile_symbol){0, place_of(b, "disable", n)});
    return true;
}

static bool add_weight(struct builder *b, const char *item, size_t n)
{
    struct fct_str rest = str_from(item), name = str_trim(str_split(&rest, '='));
    int32_t milli;

    if (name.n == 0 || !rest.p || !score_parse(rest, &milli))
        return fail_item(b, "score", n, item, "SPF_FAIL=1.5");
    if (!find_symbol(b, "score", name))
        return true;
    put_symbol(b, &b->profile->weight, name,
               (struct profile_symbol){milli, place_of(b, "score", n)});
    if (b->profile->disabled)
        map_remove(b->profile->disabled, name);
    return true;
}

static bool read_cap(struct fct_str text, struct profile_cap *cap)
{
    ptrdiff_t dots = str_find(text, FCT_STR(".."));

    cap->least_milli = INT32_MIN;
    if (dots < 0)
        return score_parse(text, &cap->most_milli) && cap->most_milli >= 0;
    return score_parse(str_head(text, (size_t)dots), &cap->least_milli) &&
           score_parse(str_skip(text, (size_t)dots + 2), &cap->most_milli) &&
           cap->least_milli <= cap->most_milli;
}

/* A later cap of the same group replaces the earlier: a profile's own that of default. */
static bool add_cap(struct builder *b, const char *item, size_t n)
{
    struct profile *p = b->profile;
    struct fct_str rest = str_from(item), name = str_trim(str_split(&rest, '='));
    struct profile_cap cap, *all;
    size_t at = 0;

    if (name.n == 0 || !rest.p || !read_cap(rest, &cap))
        return fail_item(b, "group_cap", n, item, "rbl=8\" or \"spf=-1..4");
    cap.place = place_of(b, "group_cap", n);
    cap.group = arena_cstr(b->plugins->arena, name);
    all = ARENA_ARRAY(b->plugins->arena, struct profile_cap, p->caps + 1);
    if (p->caps > 0)
        memcpy(all, p->cap, sizeof *all * p->caps);
    while (at < p->caps && strcmp(all[at].group, cap.group) != 0)
        at++;
    all[at] = cap;
    p->caps += at == p->caps;
    p->cap = all;
    return true;
}

static bool add_each(struct builder *b, struct fct_strings list,
                     bool (*add)(struct builder *b, const char *item, size_t n))
{
    for (size_t i = 0; i < list.n; i++)
        if (!add(b, list.item[i], i))
            return false;
    return true;
}

/* ---- patterns ---- */

static bool check_patterns(struct builder *b)
{
    const struct profile *p = b->profile;

    for (size_t i = 0; i < p->match.n; i++) {
        const char *pattern = p->match.item[i];

        if (profile_role_of(pattern))
            continue;
        if (strncmp(pattern, "role:", 5) == 0)
            return fail_at(b, "match", i, "\"%s\": the roles are mx, submission, lmtp, local",
                           pattern);
        if (strcmp(pattern, "*") != 0 && !strchr(pattern, '@'))
            return fail_at(b, "match", i, "\"%s\" is no address (example: \"*@example.org\")",
                           pattern);
    }
    return true;
}

/* ---- the set ---- */

static struct map *copy_map(const struct plugin_set *plugins, const struct map *from)
{
    struct map *to = from ? new_map(plugins) : NULL;
    struct fct_str key;
    void *value;

    for (size_t at = 0; from && map_next(from, &at, &key, &value);)
        map_put(to, key, value);
    return to;
}

/* Greylisting needs a memory of who was here before. */
static bool somebody_greylists(const struct plugin_set *plugins)
{
    for (size_t i = 0; i < plugins->n; i++)
        for (const struct plugin_row *r = plugins->plugin[i]->row; r; r = r->next)
            if (r->is.provides && strcmp(r->is.provides, "greylist") == 0)
                return true;
    return false;
}

/* What `profile default` says of itself before any file does. */
static void start_default(struct profile *p, const struct plugin_set *plugins)
{
    *p = profile_builtin;
    p->greylists_not = !somebody_greylists(plugins);
    p->threshold_milli[FCT_GREYLIST] = p->greylists_not ? 0 : GREYLIST_MILLI;
}

static void check_greylist(struct builder *b)
{
    int32_t *milli = &b->profile->threshold_milli[FCT_GREYLIST];

    if (*milli == 0 || !b->profile->greylists_not)
        return;
    *milli = 0;
    log_event(EV_WARNING, FCT_STR(""),
              F_C("text", "no enabled plugin provides greylist: the threshold does not act"),
              F_C("profile", b->profile->name));
}

static bool fill_profile(struct builder *b, const struct profile_conf *conf)
{
    b->profile->match = conf->match;
    if (!check_patterns(b) || !read_thresholds(b, conf) || !read_shared(b, conf) ||
        !read_mode(b, conf) || !add_each(b, conf->score, add_weight) ||
        !add_each(b, conf->disable, add_disabled) || !add_each(b, conf->group_cap, add_cap))
        return false;
    check_greylist(b);
    return true;
}

/* default, then the others as copies of it that are changed. */
static bool fill_set(struct plugin_set *plugins, const struct config *conf, struct profile_set *set,
                     struct fct_err *err)
{
    struct builder b = {.plugins = plugins, .conf = conf, .err = err};
    const struct profile_conf *c;
    const char *name;

    b.profile = &set->profile[0];
    for (; (c = config_each(conf, &profile_block, b.block, &name)); b.block++)
        if (strcmp(name, "default") == 0 && !fill_profile(&b, c))
            return false;
    for (b.block = 0; (c = config_each(conf, &profile_block, b.block, &name)); b.block++) {
        struct profile *p = &set->profile[set->n];

        if (strcmp(name, "default") == 0)
            continue;
        *p = set->profile[0];
        p->name = name;
        p->weight = copy_map(plugins, p->weight);
        p->disabled = copy_map(plugins, p->disabled);
        set->n++;
        b.profile = p;
        if (!fill_profile(&b, c))
            return false;
    }
    return true;
}

bool profile_set_build(struct plugin_set *plugins, const struct config *conf,
                       struct profile_set *out, struct fct_err *err)
{
    size_t n = 0;

    *out = (struct profile_set){0};
    while (conf && config_each(conf, &profile_block, n, NULL))
        n++;
    if (n == 0 && !somebody_greylists(plugins))
        return true;
    if (!plugins->arena)
        plugins->arena = arena_new(NULL);
    out->profile = ARENA_ARRAY(plugins->arena, struct profile, n + 1);
    start_default(&out->profile[0], plugins);
    out->n = 1;
    return fill_set(plugins, conf, out, err);
}
