/* trackers.c - takes what watches the reader out of each recipient's view of a message; the
 * original stays as it came. What is looked for: tracker_page.h. */
#include "plugins/trackers/trackers_plugin.h"

#include "plugins/lib/view.h"
#include "plugins/trackers/tracker_updates.h"
#include <errno.h>
#include <stdlib.h>

#define LIST_MAX (8u << 20)

const struct fct_host *trackers_host;
const char *const trackers_level_names[4] = {"off", "known", "standard", "strict"};

/* clang-format off */
const struct fct_conf_key trackers_keys[] = {
    FCT_CONF_KEY(struct trackers_conf, level,          "standard", "For accounts that did not choose (setting privacy): off, known (what the list names), standard (and what hides or carries the reader's address), strict (nothing is loaded from anywhere)"),
    FCT_CONF_KEY(struct trackers_conf, list,           "",         "A file instead of the list that is built in (plugins/trackers/trackers.list)"),
    FCT_CONF_KEY(struct trackers_conf, more_lists,     "",         "Files in the same format, read in addition, up to 7"),
    FCT_CONF_KEY(struct trackers_conf, keep_companies, "",         "Companies of the list whose pixels are left alone below strict, such as \"SendGrid\""),
    FCT_CONF_KEY(struct trackers_conf, shape,          "yes",      "Images that nobody can see and that carry a number are pixels"),
    FCT_CONF_KEY(struct trackers_conf, reader,         "yes",      "What carries the recipient's address, plain, in base64 or as a hash, is a tracker"),
    FCT_CONF_KEY(struct trackers_conf, redirects,      "yes",      "An image without a size on a host that also counts clicks is a pixel when it carries a number"),
    FCT_CONF_KEY(struct trackers_conf, parameters,     "yes",      "Parameters of the list are cut from links"),
    FCT_CONF_KEY(struct trackers_conf, unwrap,         "yes",      "Redirects of the list are replaced by the target that stands in them"),
    FCT_CONF_KEY(struct trackers_conf, text_links,     "yes",      "Parameters are cut from links in plain text, too"),
    FCT_CONF_KEY(struct trackers_conf, rewrite,        "no",       "Behind another MTA (milter): change the message itself, for all its recipients and for good, at `level`; DKIM signatures of others then fail (docs/privacy.md)"),
    TRACKER_UPDATES_KEYS(struct trackers_conf),
    FCT_CONF_KEY(struct trackers_conf, proxy,          "",         "Where readers reach the image proxy, as https://mail.example: at strict, pictures that people see come from there instead of staying empty (docs/privacy.md); empty: no proxy"),
    FCT_CONF_KEY(struct trackers_conf, proxy_key,      "/var/lib/facteur/images/key", "The key of its links: images.key_file"),
    FCT_CONF_KEY(struct trackers_conf, max_edits,      "2000",     "Edits of one message, 1 to 5000; a message that needs more keeps the rest"),
    FCT_CONF_END,
};
/* clang-format on */

unsigned trackers_level(struct fct_str word)
{
    unsigned i = 0;

    while (i < FCT_COUNT(trackers_level_names) && !view_is(word, trackers_level_names[i]))
        i++;
    return i;
}

/* ---- lists ---- */

static bool fails(struct fct_err *err, const char *what, const char *why)
{
    err->class = FCT_DENIED;
    snprintf(err->text, sizeof err->text, "%.120s: %.100s", what, why);
    return false;
}

bool trackers_read_file(const char *path, struct tracker_list *list, struct fct_err *err)
{
    FILE *f = fopen(path, "re");
    char *text = f ? malloc(LIST_MAX) : NULL;
    size_t n = text ? fread(text, 1, LIST_MAX, f) : 0;
    bool good = f && text && !ferror(f) && n < LIST_MAX;

    if (!good)
        fails(err, path,
              !f              ? strerror(errno)
              : n == LIST_MAX ? "larger than 8 MiB"
                              : "cannot be read");
    else
        good = tracker_list_read(list, (struct fct_str){text, n}, path, err);
    free(text);
    if (f)
        fclose(f);
    return good;
}

bool trackers_load(const struct trackers_conf *conf, struct tracker_list *list, struct fct_err *err)
{
    if (*conf->list ? !trackers_read_file(conf->list, list, err)
                    : !trackers_load_newest(conf, list, err))
        return false;
    for (size_t i = 0; i < conf->more_lists.n; i++)
        if (!trackers_read_file(conf->more_lists.item[i], list, err))
            return false;
    if (!tracker_list_sort(list))
        return fails(err, "trackers", "no memory");
    for (size_t i = 0; i < conf->keep_companies.n; i++) {
        const char *name = conf->keep_companies.item[i];

        if (!tracker_list_switch_off(list, (struct fct_str){name, strlen(name)}))
            return fails(err, name, "keep_companies: nobody in the list is called so");
    }
    return true;
}

/* ---- the plugin ---- */

static void stop(void *state)
{
    struct trackers_state *s = state;

    tracker_list_free(&s->list);
    free(s);
}

/* What was found out about the message as it came is said first; seals and signatures of ours come
 * later and cover what it became (plugins arc, dkim). */
static const struct fct_hook_row rewriting =
    FCT_ON(edit, trackers_on_edit, .provides = "trackers", .after = "authres?",
           .may = FCT_MAY_ADD_HEADER | FCT_MAY_BODY);

static bool start(struct fct_self *self, const struct fct_host *host, const void *conf,
                  void **state, struct fct_err *err)
{
    const struct trackers_conf *c = conf;
    unsigned level = trackers_level((struct fct_str){c->level, strlen(c->level)});
    struct trackers_state *s;

    trackers_host = host;
    if (!FCT_HAS(host, note))
        return fails(err, "trackers", "this server is older than the plugin");
    if (level > TRACKER_STRICT)
        return fails(err, "level", "off, known, standard or strict is wanted");
    if (c->max_edits < 1 || c->max_edits > 5000)
        return fails(err, "max_edits", "1 to 5000 is wanted");
    s = calloc(1, sizeof *s);
    if (!s)
        return fails(err, "trackers", "no memory");
    s->conf = c;
    s->level = (enum tracker_level)level;
    trackers_look(c, &s->seen);
    if ((*c->proxy && !tracker_proxy_open(&s->proxy, c->proxy, c->proxy_key, err)) ||
        !trackers_load(c, &s->list, err) ||
        (c->rewrite && !host->add_hook(self, &rewriting, err))) {
        stop(s);
        return false;
    }
    *state = s;
    return true;
}

static const struct fct_hook_row hooks[] = {
    FCT_ON(deliver, trackers_on_deliver, .provides = "trackers",
           .may = FCT_MAY_ADD_HEADER | FCT_MAY_BODY),
    FCT_ON(tick, trackers_on_tick, .interval_ms = 2000, .scope = FCT_EACH),
};

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "trackers",
    .version = "1.0",
    .summary = "Takes tracking pixels and link tracking out of what recipients see",
    .license = "Apache-2.0",
    .keys = trackers_keys,
    .conf_size = sizeof(struct trackers_conf),
    .hooks = hooks,
    .nhooks = FCT_COUNT(hooks),
    .start = start,
    .stop = stop,
};
