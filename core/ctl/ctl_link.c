/* ctl_link.c - connections for a verb: to the running server's roles, or to a role started for this
 * command. */
#include "core/ctl/ctl.h"
#include "core/ctl/ctl_child.h"
#include "core/ctl/ctl_cli.h"

#include "core/base/clock.h"
#include "core/fiber/fiber.h"
#include "core/hook/filter_client.h"
#include "core/hook/filter_role.h"
#include "store/store_client.h"
#include "store/store_role.h"

#include <event2/event.h>
#include <unistd.h>

#define STACK_BYTES (256u << 10)
#define ATTACH_MS   10000u

static struct role_env filter_env; /* what filter_client reads of it */
static int control_fd = -1, role_fd = -1, judge_fd = -1;

static enum role_kind wanted_role(const struct ctl *c)
{
    return c->verb->needs == NEEDS_FILTER ? ROLE_FILTER : ROLE_STORE;
}

/* A cassette belongs to this command alone, not to a filter that serves others. */
static bool has_cassette(const struct ctl *c)
{
    return c->verb->needs == NEEDS_FILTER &&
           (ctl_option(c, "--record") || ctl_option(c, "--replay"));
}

static bool start_child(struct ctl *c, struct fct_err *err)
{
    return ctl_child_start(c, wanted_role(c) == ROLE_FILTER ? &filter_role : &store_role, &role_fd,
                           err);
}

/* The running server, or else a child. A socket that belongs to somebody else is neither. */
static bool find_server(struct ctl *c, struct fct_err *err)
{
    struct fct_err none = {0};

    if (has_cassette(c))
        return start_child(c, err);
    if (ctl_connect(c->run_dir, &control_fd, &none))
        return true;
    control_fd = -1;
    if (none.class != FCT_TEMP || c->verb->needs == NEEDS_SERVER) {
        *err = none;
        return false;
    }
    return start_child(c, err);
}

static void server_left(void *owner, struct ipc_conn *conn)
{
    struct ctl *c = owner;

    (void)conn;
    c->control = NULL;
}

bool ctl_link_open(struct ctl *c, struct fct_err *err)
{
    const struct ipc_handler handler = {.closed = server_left, .owner = c};

    /* The judge first: plugins run in it, so it must not inherit a way to the store. */
    if (c->verb->needs == NEEDS_STORE_AND_JUDGE &&
        !ctl_child_start(c->judge, &filter_role, &judge_fd, err))
        return false;
    if (c->verb->needs >= NEEDS_SERVER && !find_server(c, err))
        return false;
    c->base = event_base_new();
    if (!c->base || !fiber_setup(c->base, STACK_BYTES, 2, err))
        return false;
    if (control_fd >= 0)
        c->control = ipc_conn_new(c->base, control_fd, &handler);
    return true;
}

static void use_filter(struct ctl *c, const struct config *conf, int fd)
{
    filter_env = (struct role_env){
        .base = c->base,
        .conf = conf,
        .kind = ROLE_CTL,
        .count = {[ROLE_FILTER] = 1},
        .run_dir = c->run_dir,
        .server_name = c->paths.name,
        .dev = c->dir != NULL,
    };
    c->filter = filter_client_new(&filter_env);
    filter_client_peer(c->filter, 0, fd);
}

bool ctl_link_connect(struct ctl *c, struct fct_err *err)
{
    if (c->verb->needs < NEEDS_STORE)
        return true;
    if (c->control &&
        !ctl_attach(c->control, wanted_role(c), 0, clock_ms() + ATTACH_MS, &role_fd, err))
        return false;
    if (wanted_role(c) == ROLE_FILTER) {
        use_filter(c, c->config, role_fd);
    } else {
        c->store = store_client_new(c->base);
        store_client_peer(c->store, role_fd);
    }
    if (c->judge)
        use_filter(c, c->judge->config, judge_fd);
    return true;
}

void ctl_link_close(struct ctl *c)
{
    filter_client_free(&c->filter);
    if (c->store)
        store_client_free(&c->store);
    ipc_conn_free(&c->control);
    if (c->base) {
        fiber_teardown();
        event_base_free(c->base);
    }
    ctl_child_wait();
}
