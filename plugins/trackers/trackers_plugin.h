/* trackers_plugin.h - what the files of the plugin share. For this folder only. */
#ifndef PLUGINS_TRACKERS_TRACKERS_PLUGIN_H
#define PLUGINS_TRACKERS_TRACKERS_PLUGIN_H

#include "plugins/trackers/tracker_page.h"
#include "plugins/trackers/tracker_proxy.h"

struct trackers_conf {
    const char *level, *list;
    struct fct_strings more_lists, keep_companies;
    bool shape, reader, redirects, parameters, unwrap, text_links, rewrite;
    uint32_t max_edits;
    const char *updates; /* tracker_updates.h */
    struct fct_strings update_keys;
    const char *proxy, *proxy_key;
};

struct trackers_state {
    const struct trackers_conf *conf;
    struct tracker_list list;
    enum tracker_level level;
    struct tracker_proxy proxy; /* base empty: none */
    /* Of the updated list that was looked at last: all zero when there was none. */
    struct trackers_file {
        int64_t seconds, nanoseconds;
        uint64_t inode, size;
    } seen;
};

extern const struct fct_conf_key trackers_keys[];
extern const struct fct_host *trackers_host;

/* "standard"; TRACKER_OFF + 4 and more: none of the words. */
unsigned trackers_level(struct fct_str word);
extern const char *const trackers_level_names[4];

/* What is built in or a newer update of it, or the file of `list`; then `more_lists`. */
FCT_MUST_CHECK bool trackers_load(const struct trackers_conf *conf, struct tracker_list *list,
                                  struct fct_err *err);

/* trackers_update.c: the built-in list, or a newer one in the folder of updates; and looking there
 * now and then. */
FCT_MUST_CHECK bool trackers_load_newest(const struct trackers_conf *conf,
                                         struct tracker_list *list, struct fct_err *err);
void trackers_look(const struct trackers_conf *conf, struct trackers_file *out);
FCT_MUST_CHECK bool trackers_read_file(const char *path, struct tracker_list *list,
                                       struct fct_err *err);
enum fct_verdict trackers_on_tick(struct fct_call *call, const struct fct_ev_tick *ev, void *state);

enum fct_verdict trackers_on_deliver(struct fct_call *call, const struct fct_ev_deliver *ev,
                                     void *state);
enum fct_verdict trackers_on_edit(struct fct_call *call, const struct fct_ev_edit *ev, void *state);

/* The list that was built in (trackers.list). */
extern const unsigned char tracker_builtin[];
extern const size_t tracker_builtin_size;

#endif
