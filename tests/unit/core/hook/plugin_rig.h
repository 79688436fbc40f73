/* plugin_rig.h - plugins written in a test, run without processes: a set, a plan, one transaction
 * over one message. */
#ifndef TESTS_PLUGIN_RIG_H
#define TESTS_PLUGIN_RIG_H

#include "core/base/str.h"
#include "core/fiber/fiber.h"
#include "core/hook/filter_watch.h"
#include "core/hook/hook_edit.h"
#include "core/hook/message_run.h"
#include "core/log/log.h"
#include "core/plugin/plugin_conf.h"
#include <check.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct plugin_rig {
    struct event_base *base;
    struct config *conf;
    struct hook_engine engine;
    struct plugin_origin origin;
    struct arena *arena;
};

static inline void plugin_rig_start(struct plugin_rig *rig, const char *conf_file)
{
    static const struct conf_block *const blocks[] = {
        &plugin_block, &lua_block, &filter_block, &profile_block, &composite_block, NULL};
    FCT_CLEANUP(buf_free) struct buf errors = BUF_INIT(4096);
    static char plugins[512];
    struct fct_err err = {0};

    *rig = (struct plugin_rig){0};
    log_setup(open("/dev/null", O_WRONLY | O_CLOEXEC), "test", FCT_INFO);
    rig->base = event_base_new();
    ck_assert(fiber_setup(rig->base, 256u << 10, 16, &err));
    ck_assert_msg(config_load(conf_file ? &conf_file : NULL, conf_file != NULL, blocks, &rig->conf,
                              &errors, &err),
                  "%s", err.text);
    snprintf(plugins, sizeof plugins, "%s/plugins", getenv("FCT_BUILD"));
    rig->origin = (struct plugin_origin){rig->conf, plugins};
    rig->engine.conf = config_get(rig->conf, &filter_block);
    rig->engine.server_name = "mx.example.org";
    rig->arena = arena_new(NULL);
    ck_assert(filter_watch_setup(NULL, 60000, &err));
}

static inline void plugin_rig_stop(struct plugin_rig *rig)
{
    filter_watch_teardown();
    plugin_set_free(&rig->engine.set);
    arena_free(&rig->arena);
    config_free(&rig->conf);
    fiber_teardown();
    event_base_free(rig->base);
}

static inline void plugin_rig_adopt(struct plugin_rig *rig, const struct fct_plugin *object)
{
    struct fct_err err = {0};

    ck_assert_msg(plugin_adopt(&rig->engine.set, &rig->origin, object, NULL, NULL, 0, &err), "%s",
                  err.text);
}

static inline bool plugin_rig_plan(struct plugin_rig *rig, struct fct_err *err)
{
    return hook_plan_build(rig->engine.set.arena, &rig->engine.set, &rig->engine.plan, err);
}

/* plugin_rig_start with the text of a configuration file. */
static inline void plugin_rig_start_with(struct plugin_rig *rig, const char *text)
{
    char path[] = "/tmp/facteur-rig-XXXXXX";
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    plugin_rig_start(rig, path);
    unlink(path);
}

/* The profiles and composites of the configuration, when all plugins are there. */
static inline bool plugin_rig_judging(struct plugin_rig *rig, struct fct_err *err)
{
    return judging_build(&rig->engine.set, rig->conf, &rig->engine.judging, err);
}

struct plugin_rig_job {
    struct plugin_rig *rig;
    struct transaction tx;
    struct call_message message;
    struct fct_conn conn;
    struct fct_envelope envelope;
    const struct filter_recipient *recipient;
    size_t recipients;
    struct filter_result result;
    bool done;
};

static inline void plugin_rig_fiber(void *arg)
{
    struct plugin_rig_job *job = arg;

    message_run(&job->rig->engine, &job->tx, job->recipient, job->recipients, &job->result);
    job->done = true;
}

/* All points of a message; the result lives as long as the rig. `each`: as filter_context says. */
static inline const struct filter_result *
plugin_rig_deliver(struct plugin_rig *rig, uint32_t role, bool each,
                   const struct filter_recipient *recipient, size_t n, struct fct_str text)
{
    static const struct header_limits limits = {10000, 1u << 20};
    struct plugin_rig_job *job = ARENA_NEW(rig->arena, struct plugin_rig_job);

    job->rig = rig;
    job->conn = (struct fct_conn){.size = sizeof job->conn, .role = role, .id = FCT_STR("c1")};
    job->envelope = (struct fct_envelope){.size = sizeof job->envelope,
                                          .id = FCT_STR("m1"),
                                          .reverse_path = FCT_STR("b@bounces.example.net")};
    job->message = (struct call_message){
        .bytes = text, .header_limits = &limits, .mime_limits = &mime_default_limits};
    job->recipient = recipient;
    job->recipients = n;
    hook_transaction_init(&rig->engine, &job->tx, rig->arena, &job->conn, &job->envelope);
    job->tx.message = &job->message;
    job->tx.each_answered = each;
    fiber_start(plugin_rig_fiber, job);
    while (!job->done)
        event_base_loop(rig->base, EVLOOP_ONCE);
    return &job->result;
}

/* The same for one recipient. */
static inline const struct filter_result *plugin_rig_message(struct plugin_rig *rig, uint32_t role,
                                                             struct fct_str text)
{
    static const struct filter_recipient bob = {.recipient = FCT_STR_INIT("bob@example.org"),
                                                .account = FCT_STR_INIT("bob@example.org")};

    return plugin_rig_deliver(rig, role, false, &bob, 1, text);
}

/* The view that the first recipient gets. */
static inline struct fct_str plugin_rig_view(struct plugin_rig *rig, const struct filter_result *r,
                                             struct fct_str text)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1u << 20);

    ck_assert_uint_eq(r->outcomes, 1);
    ck_assert(edit_list_apply(&r->outcome[0].edits, text, 0,
                              edit_list_size(&r->outcome[0].edits, text.n), &out));
    return arena_str(rig->arena, buf_str(&out));
}

#endif
