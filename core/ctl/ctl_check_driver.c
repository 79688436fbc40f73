/* ctl_check_driver.c - see ctl_check_driver.h. */
#include "core/ctl/ctl_check_driver.h"

#include "core/base/str.h"
#include "core/ctl/ctl_check_arc.h"
#include "core/ctl/ctl_check_dkim.h"
#include "core/ctl/ctl_check_dmarc.h"
#include "core/ctl/ctl_check_spf.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_resolver.h"
#include "core/dns/psl.h"

#include <stdlib.h>

#define ANSWER_MAX (1u << 20)

/* The registrable domain of a name, or null, as the tests of the public suffix list write it. */
static void check_psl_line(struct check_line *line)
{
    struct fct_str name = str_trim(line->in), org;
    char *lower = arena_alloc(line->arena, name.n + 1);

    str_copy_c(lower, name.n + 1, name);
    str_lower(lower, name.n);
    psl_setup();
    name.p = lower;
    ctl_put_safe(psl_registrable(name, &org) ? org : FCT_STR("null"), line->out);
}

/* THE table of drivers. answer: in a fiber. */
static const struct driver {
    const char *name;
    FCT_MAY_WAIT void (*answer)(struct check_line *line);
} drivers[] = {
    {"arc", check_arc_line}, {"dkim", check_dkim_line}, {"dmarc", check_dmarc_line},
    {"psl", check_psl_line}, {"spf", check_spf_line},
};

static const struct driver *find(const char *name)
{
    for (size_t i = 0; i < FCT_COUNT(drivers); i++)
        if (str_equal(str_from(name), str_from(drivers[i].name)))
            return &drivers[i];
    return NULL;
}

static bool unknown(const char *name, struct fct_err *err)
{
    char known[100] = "";

    for (size_t i = 0; i < FCT_COUNT(drivers); i++)
        (void)snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "",
                       drivers[i].name);
    return fct_fail(err, FCT_SYNTAX, "--driver %s: must be one of %s", name, known);
}

struct work {
    const struct driver *driver;
    struct check_line line;
};

static void answer(void *arg)
{
    struct work *work = arg;

    work->driver->answer(&work->line);
}

static bool answer_line(struct ctl *c, const struct driver *driver, struct fct_str in,
                        struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(ANSWER_MAX);
    struct work work = {driver, {.ctl = c, .arena = arena_new(c->arena), .in = in, .out = &out}};
    bool ok = ctl_resolver_run(c, answer, &work, &work.line.resolver, err);

    if (ok) {
        buf_put_char(&out, '\n');
        ctl_print(&out);
        ok = fflush(stdout) == 0 || fct_fail(err, FCT_TEMP, "standard output is closed");
    }
    arena_free(&work.line.arena);
    return ok;
}

int ctl_check_driver(struct ctl *c)
{
    const char *name = ctl_option(c, "--driver");
    const struct driver *driver = name ? find(name) : NULL;
    struct fct_err err = {0};
    char *text = NULL;
    size_t room = 0;
    ssize_t n;
    bool ok = true;

    if (!driver) {
        (void)(name ? unknown(name, &err)
                    : fct_fail(&err, FCT_SYNTAX, "check what? See facteurctl check --help"));
        (void)ctl_error(&err);
        return CTL_USAGE;
    }
    while (ok && (n = getline(&text, &room, stdin)) > 0) {
        if (text[n - 1] == '\n')
            n--;
        ok = answer_line(c, driver, (struct fct_str){text, (size_t)n}, &err);
    }
    free(text);
    return ok ? CTL_OK : ctl_error(&err);
}
