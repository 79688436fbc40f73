/* ctl_check_dmarc.c - see ctl_check_dmarc.h. */
#include "core/ctl/ctl_check_dmarc.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_resolver.h"
#include "core/dns/psl.h"
#include "core/dns/resolver.h"
#include "plugins/dmarc/dmarc_opendmarc.h"

#define TEXT_MAX (1u << 20)

/* ---- one check ---- */

struct step {
    struct fct_str text;
    struct step *next;
};

struct check {
    struct ctl *ctl;
    struct arena *arena;
    struct dns_resolver *resolver;
    struct dmarc_search *search;
    struct dmarc_identifier identifier[DMARC_IDENTIFIERS_MAX];
    struct dmarc_query query;
    struct dmarc_outcome outcome;
    bool opendmarc; /* the engine, and open */
    struct step *first, **end;
};

static FCT_MAY_WAIT bool ask(void *ctx, enum fct_dns_type type, struct fct_str name,
                             struct fct_dns_answer *out)
{
    const struct check *check = ctx;

    return dns_resolve(check->resolver, check->arena, type, name, CLOCK_NEVER, out);
}

static struct fct_str org(void *ctx, struct fct_str name)
{
    (void)ctx;
    return psl_org(name);
}

static void keep_step(void *ctx, const char *text)
{
    struct check *check = ctx;
    struct step *step = ARENA_NEW(check->arena, struct step);

    *step = (struct step){arena_str(check->arena, str_from(text)), NULL};
    *check->end = step;
    check->end = &step->next;
}

static void begin(struct check *check, struct ctl *c, struct arena *arena)
{
    *check = (struct check){.ctl = c, .arena = arena};
    check->end = &check->first;
    check->search = ARENA_NEW(arena, struct dmarc_search);
    *check->search = (struct dmarc_search){.dns = {ask, org, check}};
    check->query.identifier = check->identifier;
    psl_setup();
}

static bool open_engine(struct check *check, struct fct_err *err)
{
    const char *engine = ctl_option(check->ctl, "--engine");

    if (!engine || str_equal(str_from(engine), FCT_STR("native")))
        return true;
    if (!str_equal(str_from(engine), FCT_STR("opendmarc")))
        return fct_fail(err, FCT_SYNTAX, "--engine %s: must be native or opendmarc", engine);
    check->opendmarc = dmarc_opendmarc_open(DMARC_SUFFIX_LIST, err);
    return check->opendmarc;
}

/* How to look, and who judges. */
static bool take_way(struct check *check, struct fct_err *err)
{
    static const char *const discoveries[] = {[DMARC_BY_WALK] = "walk", [DMARC_BY_LIST] = "psl"};
    const char *how = ctl_option(check->ctl, "--discovery");
    size_t at = 0;

    while (how && at < FCT_COUNT(discoveries) && strcmp(how, discoveries[at]) != 0)
        at++;
    if (at == FCT_COUNT(discoveries))
        return fct_fail(err, FCT_SYNTAX, "--discovery %s: must be walk or psl", how);
    check->search->discovery = (enum dmarc_discovery)at;
    return open_engine(check, err);
}

static FCT_MAY_WAIT void evaluate(struct check *check)
{
    (check->opendmarc ? dmarc_evaluate_opendmarc : dmarc_evaluate)(check->search, &check->query,
                                                                   &check->outcome);
    if (check->opendmarc)
        dmarc_opendmarc_close();
}

static void add_identifier(struct check *check, struct fct_str result, struct fct_str domain,
                           bool dkim)
{
    bool unsure = str_equal_nocase(result, FCT_STR("temperror"));

    if ((!unsure && !str_equal_nocase(result, FCT_STR("pass"))) ||
        check->query.identifiers == DMARC_IDENTIFIERS_MAX)
        return;
    check->identifier[check->query.identifiers++] = (struct dmarc_identifier){domain, dkim, unsure};
}

/* ---- the driver ---- */

static struct fct_str member(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return json_is_string(value)
               ? (struct fct_str){json_string_value(value), json_string_length(value)}
               : (struct fct_str){"", 0};
}

static void take_case(struct check *check, const json_t *given)
{
    const json_t *spf = json_object_get(given, "spf"), *dkim = json_object_get(given, "dkim"), *one;
    size_t i;

    check->query.author = member(given, "from");
    add_identifier(check, member(spf, "result"), member(spf, "domain"), false);
    json_array_foreach(dkim, i, one)
        add_identifier(check, member(one, "result"), member(one, "domain"), true);
}

void check_dmarc_line(struct check_line *line)
{
    json_t *given = json_loadb(line->in.p, line->in.n, 0, NULL);
    struct check *check = ARENA_NEW(line->arena, struct check);
    struct fct_err err = {0};

    begin(check, line->ctl, line->arena);
    if (!json_is_object(given)) {
        buf_put_c(line->out, "error\tnone\tno JSON object");
    } else if (!take_way(check, &err)) {
        buf_printf(line->out, "error\tnone\t%s", err.text);
    } else {
        check->resolver = line->resolver;
        take_case(check, given);
        evaluate(check);
        buf_printf(line->out, "%s\t%s\t", dmarc_result_word(check->outcome.result),
                   dmarc_policy_word(check->outcome.policy));
        ctl_put_safe(str_from(check->outcome.why), line->out);
    }
    json_decref(given);
}

/* ---- the verb ---- */

static bool take_question(struct check *check, struct fct_err *err)
{
    struct ctl *c = check->ctl;
    const char *spf = ctl_option(c, "--spf"), *dkim = ctl_option(c, "--dkim");

    check->search->watch = (struct dmarc_watch){keep_step, check};
    check->query.author = str_from(c->word[0]);
    if (spf)
        add_identifier(check, FCT_STR("pass"), str_from(spf), false);
    if (dkim)
        add_identifier(check, FCT_STR("pass"), str_from(dkim), true);
    return take_way(check, err);
}

static void run(void *arg)
{
    evaluate(arg);
}

static void print_json(const struct check *check)
{
    const struct dmarc_outcome *o = &check->outcome;
    json_t *steps = json_array();

    for (const struct step *s = check->first; s; s = s->next)
        json_array_append_new(steps, ctl_json_str(s->text));
    ctl_print_json(json_pack("{s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o}", "result",
                             dmarc_result_word(o->result), "policy", dmarc_policy_word(o->policy),
                             "testing", o->testing, "domain",
                             ctl_json_str(dmarc_domain_str(&o->author)), "record",
                             ctl_json_str(dmarc_domain_str(&o->found)), "aligned",
                             ctl_json_str(dmarc_domain_str(&o->aligned)), "why",
                             ctl_json_str(str_from(o->why)), "steps", steps));
}

static void put_row(struct buf *out, const char *name, const char *text)
{
    if (!*text)
        return;
    buf_printf(out, "%-12s ", name);
    ctl_put_safe(str_from(text), out);
    buf_put_char(out, '\n');
}

static void print_text(const struct check *check)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(TEXT_MAX);
    const struct dmarc_outcome *o = &check->outcome;

    for (const struct step *s = check->first; s; s = s->next) {
        ctl_put_safe(s->text, &out);
        buf_put_char(&out, '\n');
    }
    buf_put_char(&out, '\n');
    put_row(&out, "result", dmarc_result_word(o->result));
    if (o->result == DMARC_FAIL && check->query.identifiers == 0)
        put_row(&out, "", "for mail that neither SPF nor DKIM vouches for (--spf, --dkim)");
    put_row(&out, "record of", o->found.text);
    if (o->result == DMARC_FAIL)
        put_row(&out, "asks for", dmarc_policy_word(o->policy));
    put_row(&out, "testing", o->testing ? "yes, so that it asks for one step less" : "");
    put_row(&out, "aligned", o->aligned.text);
    put_row(&out, "why", o->why);
    ctl_print(&out);
}

/* With --spf or --dkim: does it pass? Without: is there a record to go by? */
static int exit_status(const struct check *check)
{
    enum dmarc_result result = check->outcome.result;

    if (result == DMARC_TEMPERROR)
        return CTL_TEMPORARY;
    if (check->query.identifiers > 0)
        return result == DMARC_PASS ? CTL_OK : CTL_NO;
    return result == DMARC_NONE || result == DMARC_PERMERROR ? CTL_NO : CTL_OK;
}

int ctl_check_dmarc(struct ctl *c)
{
    struct check *check = ARENA_NEW(c->arena, struct check);
    struct fct_err err = {0};

    begin(check, c, c->arena);
    if (!take_question(check, &err)) {
        (void)ctl_error(&err);
        return CTL_USAGE;
    }
    if (!ctl_resolver_run(c, run, check, &check->resolver, &err))
        return ctl_error(&err);
    if (c->json)
        print_json(check);
    else
        print_text(check);
    return exit_status(check);
}
