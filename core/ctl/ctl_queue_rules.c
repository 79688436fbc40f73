/* ctl_queue_rules.c - facteurctl queue rules: standing rules for destinations. */
#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_queue.h"
#include "core/ctl/ctl_queue_int.h"
#include "protocols/relay/routes.h"

#include <time.h>

#define TEXT_MAX (1u << 20)
#define WHY_MAX  200u

/* ---- showing ---- */

static json_t *rule_json(const struct queue_rule *r)
{
    return json_pack("{s:o, s:b, s:I, s:o, s:I, s:o, s:I}", "domain", ctl_json_str(r->pattern),
                     "held", r->held, "until", (json_int_t)r->until, "host", ctl_json_str(r->host),
                     "per_minute", (json_int_t)r->per_minute, "why", ctl_json_str(r->why), "made",
                     (json_int_t)r->made);
}

static struct fct_str held_word(struct ctl *c, const struct queue_rule *r)
{
    if (!r->held)
        return FCT_STR("");
    if (r->until == 0)
        return FCT_STR("held");
    return arena_printf(c->arena, "%s %.*s", r->until > (int64_t)time(NULL) ? "until" : "was until",
                        FCT_FMT(ctl_time(c->arena, r->until)));
}

static void put_rules(struct ctl *c, const struct queue_rule *rule, size_t n, struct buf *out)
{
    struct ctl_table t = {.arena = c->arena,
                          .column = {"domain", "held", "host", "per minute>", "since", "why"},
                          .columns = 6};

    for (size_t i = 0; i < n; i++)
        ctl_table_row(
            &t, (const struct fct_str[]){
                    rule[i].pattern, held_word(c, &rule[i]), rule[i].host,
                    rule[i].per_minute ? ctl_number(c->arena, rule[i].per_minute) : FCT_STR(""),
                    ctl_time(c->arena, rule[i].made), rule[i].why});
    if (n > 0)
        ctl_table_print(&t, ctl_wants_colour(), out);
    else
        buf_put_c(out, "no rules: all mail goes where its MX says, at the pace that is taken\n");
}

static int list(struct ctl *c)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    const struct queue_rule *rule;
    struct fct_err err = {0};
    uint64_t generation;
    size_t n;

    if (!store_queue_rules(c->store, 0, c->arena, &generation, &rule, &n, &err))
        return ctl_queue_failed(&err);
    if (c->json) {
        json_t *all = json_array();

        for (size_t i = 0; i < n; i++)
            json_array_append_new(all, rule_json(&rule[i]));
        ctl_print_json(all);
        return CTL_OK;
    }
    put_rules(c, rule, n, &text);
    ctl_print(&text);
    buf_free(&text);
    return CTL_OK;
}

/* ---- changing ---- */

static bool is_domain_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           (unsigned char)c > 127;
}

/* "example.org", ".example.org", "*", "[192.0.2.1]" */
static bool read_pattern(struct ctl *c, struct fct_str *out, struct fct_err *err)
{
    size_t n = strlen(c->word[0]);
    char *lower = arena_alloc(c->arena, n + 1);
    struct fct_str p = {lower, n};
    bool ok = n > 0 && n <= 254;

    memcpy(lower, c->word[0], n);
    str_lower(lower, n);
    for (size_t i = 0; ok && i < p.n && p.p[0] != '['; i++)
        ok = is_domain_char(p.p[i]) || (p.n == 1 && p.p[0] == '*');
    *out = p;
    return ok || fct_fail(err, FCT_SYNTAX, "\"%s\": a domain, .domain for all below it, or *",
                          c->word[0]);
}

/* "90s", "30m", "2h", "1d", "1w" from now */
static bool read_until(struct ctl *c, int64_t *until, struct fct_err *err)
{
    static const struct {
        char letter;
        uint32_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    struct fct_str text = str_from(ctl_option(c, "--for"));
    uint32_t number;

    *until = 0;
    for (size_t i = 0; text.n > 1 && i < FCT_COUNT(units); i++)
        if (text.p[text.n - 1] == units[i].letter &&
            str_to_u32(str_head(text, text.n - 1), &number) && number > 0 && number < 1000000)
            *until = (int64_t)time(NULL) + (int64_t)number * units[i].seconds;
    return !ctl_option(c, "--for") || *until > 0 ||
           fct_fail(err, FCT_SYNTAX, "--for: a time such as 30m, 2h or 1d");
}

static bool read_host(struct ctl *c, struct fct_str *host, struct fct_err *err)
{
    struct route_host ignored;

    *host = str_from(ctl_option(c, "--host"));
    return host->n == 0 || route_host_read(*host, &ignored, err);
}

static bool read_rate(struct ctl *c, uint32_t *rate, struct fct_err *err)
{
    const char *text = ctl_option(c, "--rate");

    *rate = 0;
    return !text || (str_to_u32(str_from(text), rate) && *rate > 0 && *rate <= 1000000) ||
           fct_fail(err, FCT_SYNTAX, "--rate: messages a minute, 1 to 1000000");
}

static bool read_rule(struct ctl *c, struct queue_rule *r, struct fct_err *err)
{
    bool removes = ctl_option(c, "--remove") != NULL;

    *r = (struct queue_rule){.held = ctl_option(c, "--hold") || ctl_option(c, "--for"),
                             .why = str_head(str_from(ctl_option(c, "--why")), WHY_MAX),
                             .made = (int64_t)time(NULL)};
    if (!read_pattern(c, &r->pattern, err) || !read_until(c, &r->until, err) ||
        !read_host(c, &r->host, err) || !read_rate(c, &r->per_minute, err))
        return false;
    if (removes != !(r->held || r->host.n > 0 || r->per_minute > 0))
        return fct_fail(err, FCT_SYNTAX,
                        removes ? "--remove stands alone"
                                : "what? --hold, --for TIME, --host HOST, --rate N, or --remove");
    return true;
}

int ctl_queue_rules(struct ctl *c)
{
    struct queue_rule rule;
    struct fct_err err = {0};

    if (c->words == 0)
        return list(c);
    if (!read_rule(c, &rule, &err) || !store_queue_rule_set(c->store, &rule, &err))
        return ctl_queue_failed(&err);
    if (c->json)
        ctl_print_json(rule_json(&rule));
    else
        (void)printf("%s: %s\n", c->word[0],
                     ctl_option(c, "--remove") ? "the rule is gone" : "the rule stands");
    return CTL_OK;
}
