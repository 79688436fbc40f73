/* ctl_check_spf.c - see ctl_check_spf.h. */
#include "core/ctl/ctl_check_spf.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_resolver.h"
#include "core/dns/resolver.h"
#include "plugins/spf/spf_libspf2.h"

#define TEXT_MAX (1u << 20)

/* ---- one check ---- */

struct asking {
    struct dns_resolver *resolver;
    struct arena *arena;
};

static FCT_MAY_WAIT bool ask(void *ctx, enum fct_dns_type type, struct fct_str name,
                             struct fct_dns_answer *out)
{
    const struct asking *asking = ctx;

    return dns_resolve(asking->resolver, asking->arena, type, name, CLOCK_NEVER, out);
}

static struct spf_query query_of(struct ctl *c, struct asking *asking)
{
    return (struct spf_query){
        .receiver = str_from(c->server->name),
        .now = time(NULL),
        .explain = true,
        .limits = {SPF_LOOKUPS, SPF_VOID_LOOKUPS, SPF_NAMES},
        .dns = {ask, asking},
    };
}

static bool known_engine(struct ctl *c, struct fct_err *err)
{
    const char *engine = ctl_option(c, "--engine");

    return !engine || str_equal(str_from(engine), FCT_STR("native")) ||
           str_equal(str_from(engine), FCT_STR("libspf2")) ||
           fct_fail(err, FCT_SYNTAX, "--engine %s: must be native or libspf2", engine);
}

static FCT_MAY_WAIT void run_engine(struct ctl *c, const struct spf_query *query,
                                    struct spf_outcome *out)
{
    const char *engine = ctl_option(c, "--engine");

    if (engine && str_equal(str_from(engine), FCT_STR("libspf2")))
        spf_check_libspf2(query, out);
    else
        spf_check(query, out);
}

/* ---- the driver ---- */

/* One line: control characters of the DNS would make it two. */
static void put_field(struct buf *out, const char *text)
{
    buf_put_char(out, '\t');
    ctl_put_safe(str_from(text), out);
}

void check_spf_line(struct check_line *line)
{
    struct asking asking = {line->resolver, line->arena};
    struct spf_query query = query_of(line->ctl, &asking);
    struct fct_str rest = line->in;
    struct spf_outcome outcome;
    struct fct_err err = {0};

    if (!known_engine(line->ctl, &err) ||
        (!ip_address_parse(str_split(&rest, '\t'), &query.client) &&
         !fct_fail(&err, FCT_SYNTAX, "no IP address"))) {
        buf_printf(line->out, "error\t%s\t", err.text);
        return;
    }
    query.helo = str_split(&rest, '\t');
    query.sender = str_split(&rest, '\t');
    run_engine(line->ctl, &query, &outcome);
    buf_put_c(line->out, spf_result_word(outcome.result));
    put_field(line->out, outcome.why[0] ? outcome.why : outcome.term);
    put_field(line->out, outcome.explanation);
}

/* ---- the verb ---- */

struct step {
    unsigned depth;
    struct fct_str text;
    struct step *next;
};

struct check {
    struct ctl *ctl;
    struct asking asking;
    struct spf_query query;
    struct spf_outcome outcome;
    struct step *first, **end;
    bool has_client;
};

static void keep_step(void *ctx, unsigned depth, const char *text)
{
    struct check *check = ctx;
    struct step *step = ARENA_NEW(check->ctl->arena, struct step);

    *step = (struct step){depth, arena_str(check->ctl->arena, str_from(text)), NULL};
    *check->end = step;
    check->end = &step->next;
}

/* Without an address the record is walked through as for a client that no network contains. */
static bool take_question(struct check *check, struct fct_err *err)
{
    struct ctl *c = check->ctl;
    const char *helo = ctl_option(c, "--helo");

    if (!known_engine(c, err))
        return false;
    check->query = query_of(c, &check->asking);
    check->query.watch = (struct spf_watch){keep_step, check};
    check->query.sender = str_from(c->word[0]);
    check->query.helo = helo ? str_from(helo) : check->query.sender;
    check->has_client = c->words == 2;
    if (!ip_address_parse(check->has_client ? str_from(c->word[1]) : FCT_STR("0.0.0.0"),
                          &check->query.client))
        return fct_fail(err, FCT_SYNTAX, "%s is not an IP address", c->word[1]);
    return true;
}

static void run(void *arg)
{
    struct check *check = arg;

    check->asking.arena = check->ctl->arena;
    run_engine(check->ctl, &check->query, &check->outcome);
}

static void print_json(const struct check *check)
{
    const struct spf_outcome *o = &check->outcome;
    json_t *steps = json_array();

    for (const struct step *s = check->first; s; s = s->next)
        json_array_append_new(
            steps, json_pack("{s:i, s:o}", "depth", (int)s->depth, "text", ctl_json_str(s->text)));
    ctl_print_json(json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:i, s:i, s:o}", "result", spf_result_word(o->result), "domain",
        ctl_json_str(str_from(o->domain)), "term", ctl_json_str(str_from(o->term)), "why",
        ctl_json_str(str_from(o->why)), "explanation", ctl_json_str(str_from(o->explanation)),
        "lookups", (int)o->lookups, "void_lookups", (int)o->void_lookups, "steps", steps));
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
    const struct spf_outcome *o = &check->outcome;
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(TEXT_MAX);

    for (const struct step *s = check->first; s; s = s->next) {
        buf_printf(&out, "%*s", (int)(4 * s->depth), "");
        ctl_put_safe(s->text, &out);
        buf_put_char(&out, '\n');
    }
    buf_put_char(&out, '\n');
    put_row(&out, "result", spf_result_word(o->result));
    put_row(&out, "decided by", o->term);
    put_row(&out, "why", o->why);
    put_row(&out, "explanation", o->explanation);
    buf_printf(&out, "%-12s %u of %u, %u of %u void\n", "lookups", o->lookups, SPF_LOOKUPS,
               o->void_lookups, SPF_VOID_LOOKUPS);
    ctl_print(&out);
}

/* With an address: may it send? Without: is the record one to go by? */
static int exit_status(const struct check *check)
{
    enum spf_result result = check->outcome.result;

    if (result == SPF_TEMPERROR)
        return CTL_TEMPORARY;
    if (check->has_client)
        return result == SPF_PASS ? CTL_OK : CTL_NO;
    return result == SPF_NONE || result == SPF_PERMERROR ? CTL_NO : CTL_OK;
}

int ctl_check_spf(struct ctl *c)
{
    struct check check = {.ctl = c};
    struct fct_err err = {0};

    check.end = &check.first;
    if (!take_question(&check, &err)) {
        (void)ctl_error(&err);
        return CTL_USAGE;
    }
    if (!ctl_resolver_run(c, run, &check, &check.asking.resolver, &err))
        return ctl_error(&err);
    if (c->json)
        print_json(&check);
    else
        print_text(&check);
    return exit_status(&check);
}
