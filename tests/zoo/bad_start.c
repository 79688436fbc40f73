/* bad_start.c - start() fails, fails without a word, crashes or hangs, as its key `how` says. */
#include <facteur/plugin.h>

#include <signal.h>
#include <unistd.h>

struct conf {
    const char *how;
};

static const struct fct_conf_key keys[] = {
    FCT_CONF_KEY(struct conf, how, "fail", "fail, mute, crash, hang or tick"),
    FCT_CONF_END,
};

static enum fct_verdict on_tick(struct fct_call *call, const struct fct_ev_tick *ev, void *state)
{
    (void)call, (void)ev, (void)state;
    return FCT_NEXT;
}

static bool start(struct fct_self *self, const struct fct_host *host, const void *conf,
                  void **state, struct fct_err *err)
{
    static const struct fct_hook_row hasty = FCT_ON(tick, on_tick, .interval_ms = 1);
    const char *how = ((const struct conf *)conf)->how;

    (void)state;
    if (strcmp(how, "fail") == 0) {
        err->class = FCT_DENIED;
        snprintf(err->text, sizeof err->text, "my licence has run out");
    }
    if (strcmp(how, "crash") == 0) {
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
    }
    while (strcmp(how, "hang") == 0)
        pause();
    if (strcmp(how, "tick") == 0)
        return host->add_hook(self, &hasty, err);
    return false;
}

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "bad_start",
    .version = "0",
    .summary = "does not start",
    .keys = keys,
    .conf_size = sizeof(struct conf),
    .start = start,
};
