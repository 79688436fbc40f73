/* ctl_check_arc.c - see ctl_check_arc.h. The plugin's engine and settings' defaults, with the DNS
 * of facteurctl. */
#include "core/ctl/ctl_check_arc.h"

#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_mail.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_resolver.h"
#include "core/dns/dns_answer.h"
#include "core/dns/resolver.h"
#include "core/fiber/fiber.h"
#include "core/message/rfc5322.h"
#include "plugins/arc/arc_chain.h"
#include "plugins/arc/arc_recorded.h"
#include "plugins/arc/arc_seal.h"
#include "plugins/dkim/dkim_keys.h"

#include <time.h>

#define TEXT_MAX    (4u << 20)
#define CHECKS_MAX  ((size_t)2 * ARC_INSTANCES)
#define RESULT_ROOM 2000

static const struct dkim_key_limits key_limits = DKIM_KEY_LIMITS_DEFAULT;

/* ---- judging ---- */

struct asked {
    struct judging *judging;
    struct dkim_check *check;
    struct fct_str question;
    struct fct_dns_answer answer;
};

struct judging {
    struct arena *arena;
    struct fct_str message;
    struct dns_resolver *resolver;
    struct dkim_key_cache *cache;
    struct arc_chain chain;
    struct asked asked[CHECKS_MAX];
    size_t checks;
};

static void *take_memory(void *arg, size_t bytes)
{
    return arena_alloc(arg, bytes);
}

static void ask_key(void *arg)
{
    struct asked *one = arg;
    struct judging *j = one->judging;

    (void)dns_resolve(j->resolver, j->arena, FCT_DNS_TXT, one->question, CLOCK_NEVER, &one->answer);
    dkim_verify_key(one->check, &one->answer, j->cache);
}

static void ask_keys(struct judging *j)
{
    struct fiber_group group = {0};
    struct dkim_check *check;

    for (size_t i = 0; (check = arc_chain_check(&j->chain, i)); i++) {
        struct asked *one = &j->asked[j->checks++];

        *one = (struct asked){.judging = j, .check = check};
        if (check->judged)
            continue;
        one->question = arc_chain_question(&j->chain, check);
        fiber_group_run(&group, ask_key, one);
    }
    fiber_group_wait(&group);
}

static struct dkim_message split(struct arena *arena, struct fct_str text)
{
    const struct header_limits no_limits = {SIZE_MAX, SIZE_MAX};
    struct header_list header;

    header_list_parse(arena, text, &no_limits, &header);
    return (struct dkim_message){header.field, header.n, str_skip(text, header.end)};
}

static void judge(void *arg)
{
    struct judging *j = arg;
    const struct dkim_memory memory = {take_memory, j->arena};
    const struct arc_limits limits = {ARC_SETS_DEFAULT, ARC_VERIFICATIONS_DEFAULT,
                                      (uint64_t)time(NULL), ARC_SKEW_DEFAULT};
    const struct dkim_message message = split(j->arena, j->message);

    j->cache = dkim_key_cache_new(1, &key_limits);
    if (j->cache && arc_chain_begin(&j->chain, &memory, &limits, &message)) {
        ask_keys(j);
        arc_chain_body(&j->chain);
        arc_chain_end(&j->chain);
    }
}

static void end_judging(struct judging *j)
{
    arc_chain_close(&j->chain);
    dkim_key_cache_free(&j->cache);
}

/* ---- --driver arc ---- */

/* The public suite, older than RFC 8617, leaves the value of chains that had ended before open. */
static const char *suite_word(const struct arc_chain *chain)
{
    return chain->ended ? "none" : arc_result_word(chain->result);
}

static void put_sealed(struct buf *out, struct fct_str value)
{
    bool space = false;

    buf_put_char(out, '\t');
    for (size_t i = 0; i < value.n; i++) {
        if (dkim_is_space(value.p[i])) {
            space = true;
            continue;
        }
        if (space)
            buf_put_char(out, ' ');
        buf_put_char(out, value.p[i]);
        space = false;
    }
}

/* key, d=, s=, t=, h=, cv=, results; the key is the caller's. */
static bool take_sealing(struct check_line *line, struct fct_str *rest, struct arc_sealing *s,
                         struct fct_err *err)
{
    struct fct_str key = str_split(rest, '\t'), names, name,
                   *list = ARENA_ARRAY(line->arena, struct fct_str, DKIM_HEADERS_MAX);

    s->domain = str_split(rest, '\t');
    s->selector = str_split(rest, '\t');
    if (!dkim_number(str_split(rest, '\t'), &s->time))
        return fct_fail(err, FCT_SYNTAX, "t= is no number");
    names = str_split(rest, '\t');
    while (s->headers < DKIM_HEADERS_MAX && dkim_split(&names, ':', &name))
        list[s->headers++] = name;
    s->header = list;
    s->cv = arena_cstr(line->arena, str_split(rest, '\t'));
    s->results = *rest;
    s->key = dkim_keys_read(arena_cstr(line->arena, key), err);
    return s->key != NULL;
}

static bool seal_line(struct check_line *line, struct fct_str *rest, struct fct_err *err)
{
    const struct dkim_memory memory = {take_memory, line->arena};
    struct fct_str path = str_split(rest, '\t'), text;
    struct arc_sealing s = {.wide = true};
    struct dkim_message message;
    struct arc_new_set set;
    struct arc_sets older;
    bool ok;

    if (!ctl_mail_read(line->arena, arena_cstr(line->arena, path), &text, err) ||
        !take_sealing(line, rest, &s, err))
        return false;
    message = split(line->arena, text);
    /* Sets without form are sealed over with cv=fail. */
    if (!arc_sets_collect(&memory, message.field, message.fields, ARC_INSTANCES, &older, err) &&
        strcmp(s.cv, "fail") != 0)
        older.highest = ARC_INSTANCES;
    s.instance = older.highest + 1;
    ok = arc_seal_message(&s, &memory, &message, &set, err);
    EVP_PKEY_free(s.key);
    if (!ok)
        return false;
    buf_put_c(line->out, "sealed");
    put_sealed(line->out, set.results);
    put_sealed(line->out, set.message);
    put_sealed(line->out, set.seal);
    return true;
}

static bool judge_line(struct check_line *line, struct fct_str path, struct fct_err *err)
{
    struct judging *j = ARENA_NEW(line->arena, struct judging);

    j->arena = line->arena;
    j->resolver = line->resolver;
    if (!ctl_mail_read(line->arena, arena_cstr(line->arena, path), &j->message, err))
        return false;
    judge(j);
    buf_printf(line->out, "%s\t%s", suite_word(&j->chain), j->chain.why.text);
    end_judging(j);
    return true;
}

void check_arc_line(struct check_line *line)
{
    struct fct_str rest = line->in, kind = str_split(&rest, '\t');
    struct fct_err err = {0};
    bool ok = false;

    if (rest.p && str_equal(kind, FCT_STR("arc")))
        ok = judge_line(line, rest, &err);
    else if (rest.p && str_equal(kind, FCT_STR("seal")))
        ok = seal_line(line, &rest, &err);
    else
        (void)fct_fail(&err, FCT_SYNTAX, "neither arc nor seal");
    if (!ok)
        buf_printf(line->out, "error\t%s", err.text);
}

/* ---- check arc FILE ---- */

static void put_line(struct buf *out, const char *what, struct fct_str text)
{
    buf_printf(out, "  %-10s ", what);
    ctl_put_safe(text, out);
    buf_put_c(out, "\n");
}

static struct fct_str check_text(struct arena *arena, const struct dkim_check *check)
{
    if (!check->judged)
        return FCT_STR("not looked at");
    return arena_printf(arena, "%s%s%s", dkim_result_word(check->result),
                        check->why.text[0] ? ": " : "", check->why.text);
}

static void put_key(struct arena *arena, struct buf *out, const struct judging *j,
                    const struct dkim_check *check)
{
    for (size_t i = 0; i < j->checks; i++) {
        const struct asked *one = &j->asked[i];

        if (one->check != check || one->question.n == 0)
            continue;
        put_line(out, "  asked",
                 arena_printf(arena, "%.*s TXT: %s", FCT_FMT(one->question),
                              dns_status_text((enum fct_dns_status)one->answer.status)));
        for (size_t n = 0; n < one->answer.n; n++)
            put_line(out, "  record", one->answer.record[n].data);
        if (check->bits > 0)
            put_line(out, "  key",
                     arena_printf(arena, "%u bits%s", check->bits,
                                  one->answer.authentic ? ", validated by DNSSEC" : ""));
    }
}

static void put_check(struct arena *arena, struct buf *out, const struct judging *j,
                      const char *what, const struct dkim_check *check)
{
    const struct dkim_signature *s = &check->signature;

    if (!check->field)
        return;
    put_line(out, what, check_text(arena, check));
    if (!check->parsed)
        return;
    put_line(out, "  signer",
             arena_printf(arena, "d=%.*s s=%.*s a=%s%s%.*s", FCT_FMT(s->domain),
                          FCT_FMT(s->selector), dkim_algorithm_name(s->algorithm),
                          s->seal.n > 0 ? " cv=" : "", FCT_FMT(s->seal)));
    if (s->has_time)
        put_line(out, "  made", ctl_time(arena, (int64_t)s->time));
    for (size_t i = 0; i < s->headers; i++)
        buf_printf(out, "%s%.*s%s", i ? " " : "    covers   ", FCT_FMT(s->header[i]),
                   i + 1 < s->headers ? "" : "\n");
    put_key(arena, out, j, check);
}

static void put_recorded(struct buf *out, const struct arc_set *set)
{
    struct arc_recorded recorded;
    struct fct_str id;
    char text[RESULT_ROOM];
    size_t n;

    arc_recorded_begin(&recorded, set->recorded, &id);
    put_line(out, "recorded", id);
    while (arc_recorded_next(&recorded, text, sizeof text, &n))
        put_line(out, "", (struct fct_str){text, n});
}

static void print_text(struct arena *arena, const struct judging *j)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(TEXT_MAX);
    const struct arc_chain *chain = &j->chain;

    for (size_t i = chain->links; i-- > 0;) {
        buf_printf(&out, "set %zu of %zu\n", i + 1, chain->links);
        put_check(arena, &out, j, "seal", &chain->link[i].seal);
        put_check(arena, &out, j, "message", &chain->link[i].message);
        put_recorded(&out, &chain->sets.set[i]);
    }
    buf_printf(&out, "arc: %s", arc_result_word(chain->result));
    if (chain->why.text[0])
        buf_put_c(&out, ": ");
    ctl_put_safe(str_from(chain->why.text), &out);
    if (chain->result == ARC_PASS)
        buf_printf(&out, " (oldest-pass=%u)", chain->oldest_pass);
    buf_put_c(&out, "\n");
    ctl_print(&out);
}

static json_t *check_json(const struct dkim_check *check)
{
    const struct dkim_signature *s = &check->signature;

    return json_pack("{s:s, s:s, s:o, s:o, s:s, s:I}", "result",
                     check->judged ? dkim_result_word(check->result) : "", "why", check->why.text,
                     "domain", ctl_json_str(s->domain), "selector", ctl_json_str(s->selector),
                     "algorithm", check->parsed ? dkim_algorithm_name(s->algorithm) : "", "bits",
                     (json_int_t)check->bits);
}

static json_t *recorded_json(const struct arc_set *set)
{
    struct arc_recorded recorded;
    struct fct_str id;
    char text[RESULT_ROOM];
    size_t n;
    json_t *all = json_array();

    arc_recorded_begin(&recorded, set->recorded, &id);
    while (arc_recorded_next(&recorded, text, sizeof text, &n))
        json_array_append_new(all, ctl_json_str((struct fct_str){text, n}));
    return json_pack("{s:o, s:o}", "by", ctl_json_str(id), "results", all);
}

static void print_json(const struct arc_chain *chain)
{
    json_t *sets = json_array();

    for (size_t i = chain->links; i-- > 0;) {
        const struct arc_link *link = &chain->link[i];

        json_array_append_new(
            sets, json_pack("{s:I, s:o, s:o, s:o, s:o}", "instance", (json_int_t)i + 1, "cv",
                            ctl_json_str(link->seal.signature.seal), "seal",
                            check_json(&link->seal), "message", check_json(&link->message),
                            "recorded", recorded_json(&chain->sets.set[i])));
    }
    ctl_print_json(json_pack("{s:s, s:s, s:I, s:o}", "result", arc_result_word(chain->result),
                             "why", chain->why.text, "oldest_pass", (json_int_t)chain->oldest_pass,
                             "sets", sets));
}

int ctl_check_arc(struct ctl *c)
{
    struct judging *j = ARENA_NEW(c->arena, struct judging);
    struct fct_err err = {0};
    enum arc_result result;

    j->arena = c->arena;
    if (!ctl_mail_load(c->arena, c->word[0], &j->message, &err) ||
        !ctl_resolver_run(c, judge, j, &j->resolver, &err))
        return ctl_error(&err);
    result = j->chain.result;
    if (c->json)
        print_json(&j->chain);
    else
        print_text(c->arena, j);
    end_judging(j);
    return result == ARC_PASS ? CTL_OK : result == ARC_TEMPERROR ? CTL_TEMPORARY : CTL_NO;
}
