/* trackers_update.c - a list that is newer than the built-in one, put there by facteurctl lists
 * update: read at the start, and taken up while the filter serves. Nothing of the old list is
 * remembered between messages, and no message is being cleaned while a tick runs. */
#include "plugins/trackers/trackers_plugin.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool path_of(const struct trackers_conf *conf, char *path, size_t size)
{
    int n = snprintf(path, size, "%s/trackers.list", conf->updates);

    return conf->updates[0] && n > 0 && (size_t)n < size;
}

void trackers_look(const struct trackers_conf *conf, struct trackers_file *out)
{
    char path[4096];
    struct stat st;

    *out = (struct trackers_file){0};
    if (!path_of(conf, path, sizeof path) || stat(path, &st) != 0)
        return;
    *out = (struct trackers_file){st.st_mtim.tv_sec, st.st_mtim.tv_nsec, st.st_ino,
                                  (uint64_t)st.st_size};
}

static void text_of(struct fct_str version, char out[64])
{
    snprintf(out, 64, "%.*s", FCT_FMT(version));
}

/* As people write versions: 2026-11-22 is before 2026-11-22.2. */
static bool is_newer(const struct tracker_list *a, const struct tracker_list *b)
{
    char x[64], y[64];

    text_of(a->version, x);
    text_of(b->version, y);
    return strverscmp(x, y) > 0;
}

bool trackers_load_newest(const struct trackers_conf *conf, struct tracker_list *list,
                          struct fct_err *err)
{
    struct fct_str builtin = {(const char *)tracker_builtin, tracker_builtin_size};
    struct tracker_list update = {0};
    char path[4096];
    struct stat st;

    if (!tracker_list_read(list, builtin, "trackers.list", err))
        return false;
    if (!path_of(conf, path, sizeof path) || stat(path, &st) != 0)
        return true;
    if (!trackers_read_file(path, &update, err)) {
        tracker_list_free(&update);
        return false;
    }
    if (is_newer(&update, list)) { /* a server that was updated may bring a newer one */
        struct tracker_list old = *list;

        *list = update;
        update = old;
    }
    tracker_list_free(&update);
    return true;
}

static bool differs(const struct trackers_file *a, const struct trackers_file *b)
{
    return a->seconds != b->seconds || a->nanoseconds != b->nanoseconds || a->inode != b->inode ||
           a->size != b->size;
}

enum fct_verdict trackers_on_tick(struct fct_call *call, const struct fct_ev_tick *ev, void *state)
{
    struct trackers_state *s = state;
    struct tracker_list fresh = {0};
    struct trackers_file now;
    struct fct_err err = {0};

    (void)ev;
    trackers_look(s->conf, &now);
    if (*s->conf->list || !differs(&now, &s->seen))
        return FCT_NEXT;
    s->seen = now;
    if (trackers_load(s->conf, &fresh, &err)) {
        struct tracker_list old = s->list;

        s->list = fresh;
        fresh = old;
        trackers_host->log(call, FCT_INFO, "list %.*s is in use", FCT_FMT(s->list.version));
    } else {
        trackers_host->log(call, FCT_WARNING, "the updated list is not taken: %s", err.text);
    }
    tracker_list_free(&fresh);
    return FCT_NEXT;
}
