/* ctl_status.c - the running server: what its processes do, a new configuration, the end. */
#include "core/ctl/ctl_status.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/ctl/ctl.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_filters.h"
#include "core/ctl/ctl_output.h"
#include "core/fiber/fiber.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#define ANSWER_MS 10000u
#define RELOAD_MS 600000u /* plugins and certificates load; those of a reload before us drain */
#define LOOK_MS   50u
#define TEXT_MAX  (4u << 20)
#define LOCK_FILE "facteur.lock"

static int show(struct ctl *c, enum ctl_kind kind, uint64_t patience_ms)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    struct fct_err err = {0};
    bool ok = ctl_text(c->control, kind, c->json, clock_ms() + patience_ms, &text, &err);

    if (ok) {
        if (text.n > 0 && text.p[text.n - 1] != '\n')
            buf_put_char(&text, '\n');
        ctl_print(&text);
    }
    buf_free(&text);
    return ok ? CTL_OK : ctl_error(&err);
}

/* The supervisor knows processes; what their plugins did the filters say themselves. */
static FCT_MAY_WAIT int status_json(struct ctl *c)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(TEXT_MAX);
    struct fct_err err = {0};
    json_t *root, *filters;

    if (!ctl_text(c->control, CTL_STATUS, true, clock_ms() + ANSWER_MS, &text, &err))
        return ctl_error(&err);
    root = json_loadb(text.p, text.n, 0, NULL);
    if (root && ctl_filters_json(c, &filters, &err))
        json_object_set_new(root, "filters", filters);
    ctl_print_json(root ? root : json_object());
    return CTL_OK;
}

int ctl_server_status(struct ctl *c)
{
    if (c->json && !ctl_option(c, "--sandbox"))
        return status_json(c);
    return show(c, ctl_option(c, "--sandbox") ? CTL_SANDBOX : CTL_STATUS, ANSWER_MS);
}

int ctl_server_reload(struct ctl *c)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    struct fct_err err = {0};
    bool ok = ctl_text(c->control, CTL_RELOAD, false, clock_ms() + RELOAD_MS, &text, &err);

    if (ok && c->json)
        ctl_print_json(
            json_pack("{s:b, s:o}", "reloaded", 1, "text", ctl_json_str(str_trim(buf_str(&text)))));
    else if (ok) {
        if (text.n == 0 || text.p[text.n - 1] != '\n')
            buf_put_char(&text, '\n');
        ctl_print(&text);
    }
    buf_free(&text);
    return ok ? CTL_OK : ctl_error(&err);
}

/* The lock of run_dir lives as long as the last process of the server (core/supervisor/run_dir.c).
 */
static bool wait_for_end(const struct ctl *c, uint64_t until)
{
    int fd = open(arena_printf(c->arena, "%s/" LOCK_FILE, c->run_dir).p, O_RDONLY | O_CLOEXEC);
    bool ended = fd < 0;

    while (!ended && clock_ms() < until) {
        ended = flock(fd, LOCK_SH | LOCK_NB) == 0;
        if (!ended)
            (void)fiber_sleep(LOOK_MS);
    }
    if (fd >= 0)
        close(fd);
    return ended;
}

int ctl_server_stop(struct ctl *c)
{
    uint64_t patience = c->server->drain.ms + ANSWER_MS;
    struct buf text = BUF_INIT(TEXT_MAX);
    struct fct_err err = {0};
    bool ok = ctl_text(c->control, CTL_STOP, false, clock_ms() + ANSWER_MS, &text, &err);

    buf_free(&text);
    if (!ok)
        return ctl_error(&err);
    if (!ctl_option(c, "--no-wait") && !wait_for_end(c, clock_ms() + patience)) {
        (void)fct_fail(&err, FCT_TEMP, "the server in %s still runs after %llu s; its log says why",
                       c->run_dir, (unsigned long long)(patience / 1000));
        return ctl_error(&err);
    }
    if (c->json)
        ctl_print_json(json_pack("{s:b}", "stopped", 1));
    else
        (void)puts(ctl_option(c, "--no-wait") ? "stopping" : "stopped");
    return CTL_OK;
}
