/* plugin_trial.c - see plugin_trial.h. */
#include "core/plugin/plugin_trial.h"

#include "core/base/clock.h"
#include "core/base/str.h"

#define TRIAL_BYTES (UINT64_C(64) << 20)
#define TRIAL_MS    600000 /* nothing waits in a trial: only the clock's sanity is at stake */

/* Everything one trial needs, in its own arena. */
struct trial {
    struct transaction tx;
    struct call_message message;
    struct plugin_row row;
    struct fct_self nobody;
    struct fct_conn conn;
    struct fct_envelope envelope;
    struct call_recipient recipient;
};

/* Nobody's: no services, no symbols; limits are the defaults. */
static const struct plugin_set no_set;
static const struct header_limits header_limits = {10000, 1 << 20};

static void no_watch(struct fct_call *call)
{
    (void)call;
}

static const struct call_watch watch = {.enter = no_watch, .leave = no_watch};

struct fct_call *plugin_trial_begin(struct fct_self *self, const struct fct_trial *trial,
                                    struct fct_err *err)
{
    struct arena *arena;
    struct trial *t;

    if (trial->size < sizeof *trial) {
        (void)fct_fail(err, FCT_BUG, "trial_begin: struct fct_trial without its size");
        return NULL;
    }
    arena = arena_new(NULL);
    t = ARENA_NEW(arena, struct trial);
    *t = (struct trial){.conn = {.size = sizeof t->conn, .role = FCT_ROLE_REPLAY},
                        .envelope = {.size = sizeof t->envelope}};
    /* While it starts, the plugin itself has no limits yet. */
    t->nobody = (struct fct_self){.name = self ? self->name : "trial",
                                  .arena = arena,
                                  .memory_bytes = TRIAL_BYTES,
                                  .path = ""};
    t->row = (struct plugin_row){
        .is = {.hook = FCT_HOOK_scan}, .self = &t->nobody, .label = t->nobody.name};
    t->message = (struct call_message){.bytes = trial->message,
                                       .header_limits = &header_limits,
                                       .mime_limits = &mime_default_limits};
    t->tx = (struct transaction){
        .arena = arena,
        .conn = trial->conn ? trial->conn : &t->conn,
        .envelope = trial->envelope ? trial->envelope : &t->envelope,
        .id = FCT_STR("trial"),
        .server_name = FCT_STR("mx.example.org"),
        .set = &no_set,
        .watch = &watch,
        .message = &t->message,
        .memory_used = ARENA_NEW(arena, uint64_t),
    };
    return call_begin(&t->tx, &t->row, clock_ms() + TRIAL_MS, &t->recipient);
}

void plugin_trial_end(struct fct_call *call)
{
    struct arena *arena = call->tx->arena;

    call_end(call);
    call_release(call);
    arena_free(&arena);
}
