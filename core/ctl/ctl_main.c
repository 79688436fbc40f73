/* ctl_main.c - facteurctl: reads the command line, makes ready what the verb needs, runs it in a
 * fiber. */
#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_output.h"
#include "core/fiber/fiber.h"
#include "core/log/log.h"

#include <event2/event.h>
#include <locale.h>
#include <signal.h>
#include <unistd.h>

#define HELP_MAX   65536
#define ERRORS_MAX 65536

static int usage_error(const struct ctl *c, const struct fct_err *err)
{
    (void)ctl_error(err);
    return c->verb && c->verb->usage_status ? c->verb->usage_status : CTL_USAGE;
}

static int print_help(const struct ctl *c)
{
    struct buf text = BUF_INIT(HELP_MAX);

    if (c->word[0] && (!c->verb || !*c->verb->verb))
        ctl_print_noun_help(c->word[0], &text);
    else
        ctl_print_help(c->verb, &text);
    ctl_print(&text);
    buf_free(&text);
    return CTL_OK;
}

/* ---- running a verb ---- */

struct run {
    struct ctl *ctl;
    int status;
};

static void run_verb(void *arg)
{
    struct run *r = arg;
    struct fct_err err = {0};

    r->status = ctl_link_connect(r->ctl, &err) ? r->ctl->verb->run(r->ctl) : ctl_error(&err);
    (void)event_base_loopbreak(r->ctl->base);
}

static int load_failed(const struct buf *errors, const struct fct_err *err)
{
    if (errors->n == 0)
        return ctl_error(err);
    (void)fwrite(errors->p, 1, errors->n, stderr);
    return err->class == FCT_TEMP ? CTL_TEMPORARY : CTL_NO;
}

static int run_with_links(struct ctl *c)
{
    struct run r = {c, CTL_TEMPORARY};
    struct fct_err err = {0};

    if (ctl_link_open(c, &err)) {
        struct fiber_id fiber = fiber_start(run_verb, &r);

        if (fiber_is_alive(fiber))
            (void)event_base_dispatch(c->base);
    } else {
        r.status = ctl_error(&err);
        if (c->verb->needs == NEEDS_SERVER && err.class == FCT_TEMP)
            r.status = CTL_NO; /* that no server runs is an answer, not a disturbance */
    }
    ctl_link_close(c);
    return r.status;
}

static int run(struct ctl *c)
{
    struct buf errors = BUF_INIT(ERRORS_MAX);
    struct fct_err err = {0};
    int status;

    if (c->verb->needs == NEEDS_NOTHING)
        return c->verb->run(c);
    if (ctl_place_load(c, &errors, &err))
        status = c->verb->needs == NEEDS_CONF ? c->verb->run(c) : run_with_links(c);
    else
        status = load_failed(&errors, &err);
    buf_free(&errors);
    return status;
}

int main(int argc, char **argv)
{
    static struct ctl c;
    struct fct_err err = {0};
    int status;
    bool help;

    (void)signal(SIGPIPE, SIG_IGN);
    (void)setlocale(LC_TIME, "C");
    log_setup(STDERR_FILENO, "facteurctl", FCT_ERROR);
    c.arena = arena_new(NULL);
    c.argv0 = argv[0];
    if (argc == 2 && str_equal(str_from(argv[1]), FCT_STR("--version")))
        status = printf("facteurctl %s\n", FACTEUR_VERSION) > 0 ? CTL_OK : CTL_NO;
    else if (!ctl_args_parse(&c, argc - 1, argv + 1, &help, &err))
        status = usage_error(&c, &err);
    else if (help)
        status = print_help(&c);
    else
        status = run(&c);
    if (fflush(stdout) != 0 && status == CTL_OK)
        status = CTL_NO;
    if (c.judge)
        config_free(&c.judge->config);
    config_free(&c.config);
    arena_free(&c.arena);
    return status;
}
