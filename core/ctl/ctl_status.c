/* ctl_status.c - the running server: what its processes do, a new configuration, the end. */
#include "core/ctl/ctl_status.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/ctl/ctl.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_output.h"
#include "core/fiber/fiber.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#define ANSWER_MS 10000u
#define RELOAD_MS \
    120000u /* new processes load plugins and certificates before the old ones are let go */
#define LOOK_MS  50u
#define TEXT_MAX (4u << 20)

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

int ctl_server_status(struct ctl *c)
{
    return show(c, ctl_option(c, "--sandbox") ? CTL_SANDBOX : CTL_STATUS, ANSWER_MS);
}

int ctl_server_reload(struct ctl *c)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    struct fct_err err = {0};
    bool ok = ctl_text(c->control, CTL_RELOAD, false, clock_ms() + RELOAD_MS, &text, &err);

    if (ok && c->json)
        ctl_print_json(
            json_pack("{s:b, s:o}", "reloaded", 1, "text", ctl_json_str(buf_str(&text))));
    else if (ok) {
        if (text.n == 0)
            buf_put_c(&text, "the new configuration is in force");
        buf_put_char(&text, '\n');
        ctl_print(&text);
    }
    buf_free(&text);
    return ok ? CTL_OK : ctl_error(&err);
}

/* From run_dir; 0 when it cannot be told. */
static pid_t server_pid(const struct ctl *c)
{
    int fd = open(arena_printf(c->arena, "%s/facteur.pid", c->run_dir).p, O_RDONLY | O_CLOEXEC);
    char text[32];
    ssize_t n;
    uint32_t pid;

    if (fd < 0)
        return 0;
    n = read(fd, text, sizeof text);
    close(fd);
    if (n <= 0 || !str_to_u32(str_trim((struct fct_str){text, (size_t)n}), &pid) || pid > INT32_MAX)
        return 0;
    return (pid_t)pid;
}

static bool wait_for_end(pid_t pid, uint64_t until)
{
    while (pid > 0 && (kill(pid, 0) == 0 || errno == EPERM)) {
        if (clock_ms() > until)
            return false;
        (void)fiber_sleep(LOOK_MS);
    }
    return true;
}

int ctl_server_stop(struct ctl *c)
{
    uint64_t patience = c->server->drain.ms + ANSWER_MS;
    struct buf text = BUF_INIT(TEXT_MAX);
    struct fct_err err = {0};
    pid_t pid = server_pid(c);
    bool ok = ctl_text(c->control, CTL_STOP, false, clock_ms() + ANSWER_MS, &text, &err);

    buf_free(&text);
    if (!ok)
        return ctl_error(&err);
    if (!ctl_option(c, "--no-wait") && !wait_for_end(pid, clock_ms() + patience)) {
        (void)fct_fail(&err, FCT_TEMP, "process %d still runs after %llu s; its log says why",
                       (int)pid, (unsigned long long)(patience / 1000));
        return ctl_error(&err);
    }
    if (c->json)
        ctl_print_json(json_pack("{s:b}", "stopped", 1));
    else
        (void)puts(ctl_option(c, "--no-wait") ? "stopping" : "stopped");
    return CTL_OK;
}
