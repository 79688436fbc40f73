/* ctl_check_dkim.c - see ctl_check_dkim.h. The plugin's engine and settings' defaults, with the
 * DNS of facteurctl. */
#include "core/ctl/ctl_check_dkim.h"

#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_mail.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_resolver.h"
#include "core/dns/dns_answer.h"
#include "core/dns/resolver.h"
#include "core/fiber/fiber.h"
#include "core/message/rfc5322.h"
#include "plugins/dkim/dkim_verify.h"

#include <time.h>

#define TEXT_MAX (4u << 20)

static const struct dkim_key_limits key_limits = DKIM_KEY_LIMITS_DEFAULT;

/* ---- judging ---- */

struct judging {
    struct arena *arena;
    struct fct_str message;
    struct dns_resolver *resolver;
    struct dkim_key_cache *cache;
    struct dkim_verify verify;
    struct fct_dns_answer answer[DKIM_SIGNATURES_DEFAULT];
    struct fct_str question[DKIM_SIGNATURES_DEFAULT];
};

struct one {
    struct judging *judging;
    size_t at;
};

static void *take_memory(void *arg, size_t bytes)
{
    return arena_alloc(arg, bytes);
}

static void ask_key(void *arg)
{
    const struct one *one = arg;
    struct judging *j = one->judging;

    (void)dns_resolve(j->resolver, j->arena, FCT_DNS_TXT, j->question[one->at], CLOCK_NEVER,
                      &j->answer[one->at]);
    dkim_verify_key(&j->verify.check[one->at], &j->answer[one->at], j->cache);
}

static void ask_keys(struct judging *j)
{
    struct fiber_group group = {0};
    struct one one[DKIM_SIGNATURES_DEFAULT];

    for (size_t i = 0; i < j->verify.checks; i++) {
        if (j->verify.check[i].judged)
            continue;
        j->question[i] = dkim_verify_question(&j->verify, &j->verify.check[i]);
        one[i] = (struct one){j, i};
        fiber_group_run(&group, ask_key, &one[i]);
    }
    fiber_group_wait(&group);
}

static void judge(void *arg)
{
    struct judging *j = arg;
    const struct header_limits no_limits = {SIZE_MAX, SIZE_MAX};
    const struct dkim_memory memory = {take_memory, j->arena};
    const struct dkim_limits limits = {DKIM_SIGNATURES_DEFAULT, (uint64_t)time(NULL),
                                       DKIM_SKEW_DEFAULT};
    struct header_list header;

    j->cache = dkim_key_cache_new(1, &key_limits);
    header_list_parse(j->arena, j->message, &no_limits, &header);
    if (j->cache && dkim_verify_begin(&j->verify, &memory, &limits,
                                      &(struct dkim_message){header.field, header.n,
                                                             str_skip(j->message, header.end)})) {
        ask_keys(j);
        dkim_verify_body(&j->verify);
        dkim_verify_end(&j->verify);
    }
}

static void end_judging(struct judging *j)
{
    dkim_verify_close(&j->verify);
    dkim_key_cache_free(&j->cache);
}

/* ---- --driver dkim ---- */

/* What does not cover everything has still been verified: the suites know no word for it. */
static const char *suite_word(const struct dkim_verify *v)
{
    enum dkim_result result = dkim_verify_result(v);

    return dkim_result_word(result == DKIM_POLICY ? DKIM_PASS : result);
}

void check_dkim_line(struct check_line *line)
{
    struct judging *j = ARENA_NEW(line->arena, struct judging);
    struct fct_str path = line->in, kind = str_split(&path, '\t');
    struct fct_err err = {0};

    j->arena = line->arena;
    j->resolver = line->resolver;
    if (!str_equal(kind, FCT_STR("dkim")) || !path.p ||
        !ctl_mail_read(line->arena, arena_cstr(line->arena, path), &j->message, &err)) {
        buf_printf(line->out, "error\t%s", err.text);
        return;
    }
    judge(j);
    buf_put_c(line->out, suite_word(&j->verify));
    for (size_t i = 0; i < j->verify.checks; i++)
        buf_printf(line->out, "\t%s%s%s", dkim_result_word(j->verify.check[i].result),
                   j->verify.check[i].why.text[0] ? ": " : "", j->verify.check[i].why.text);
    end_judging(j);
}

/* ---- check dkim FILE ---- */

static void put_line(struct buf *out, const char *what, struct fct_str text)
{
    buf_printf(out, "  %-10s ", what);
    ctl_put_safe(text, out);
    buf_put_c(out, "\n");
}

static void put_names(struct arena *arena, struct buf *out, const struct dkim_signature *s)
{
    FCT_CLEANUP(buf_free) struct buf names = BUF_INIT(TEXT_MAX);

    for (size_t i = 0; i < s->headers; i++)
        buf_printf(&names, "%s%.*s", i ? " " : "", FCT_FMT(s->header[i]));
    put_line(out, "covers", arena_str(arena, buf_str(&names)));
}

static void put_signature(struct arena *arena, struct buf *out, const struct dkim_signature *s)
{
    put_line(out, "signer",
             arena_printf(arena, "d=%.*s s=%.*s a=%s%s%.*s", FCT_FMT(s->domain),
                          FCT_FMT(s->selector), dkim_algorithm_name(s->algorithm),
                          s->identity.n > 0 ? " i=" : "", FCT_FMT(s->identity)));
    put_line(out, "form",
             arena_printf(arena, "header %s, body %s", s->relaxed_header ? "relaxed" : "simple",
                          s->relaxed_body ? "relaxed" : "simple"));
    put_names(arena, out, s);
    if (s->has_length)
        put_line(
            out, "length",
            arena_printf(arena, "the first %llu bytes of the body", (unsigned long long)s->length));
    if (s->has_time)
        put_line(out, "made", ctl_time(arena, (int64_t)s->time));
    if (s->has_expiry)
        put_line(out, "expires", ctl_time(arena, (int64_t)s->expiry));
}

static void put_key(struct arena *arena, struct buf *out, const struct judging *j, size_t at)
{
    const struct fct_dns_answer *answer = &j->answer[at];
    const struct dkim_check *check = &j->verify.check[at];

    if (j->question[at].n == 0)
        return;
    put_line(out, "asked",
             arena_printf(arena, "%.*s TXT: %s", FCT_FMT(j->question[at]),
                          dns_status_text((enum fct_dns_status)answer->status)));
    for (size_t i = 0; i < answer->n; i++)
        put_line(out, "record", answer->record[i].data);
    if (check->bits > 0)
        put_line(out, "key",
                 arena_printf(arena, "%u bits%s%s", check->bits,
                              check->testing ? ", testing (t=y)" : "",
                              answer->authentic ? ", validated by DNSSEC" : ""));
}

static void put_check(struct arena *arena, struct buf *out, const struct judging *j, size_t at)
{
    const struct dkim_check *check = &j->verify.check[at];

    buf_printf(out, "signature %zu of %zu\n", at + 1, j->verify.checks);
    if (check->parsed)
        put_signature(arena, out, &check->signature);
    put_key(arena, out, j, at);
    put_line(out, "result",
             arena_printf(arena, "%s%s%s", dkim_result_word(check->result),
                          check->why.text[0] ? ": " : "", check->why.text));
}

static json_t *check_json(const struct dkim_check *check)
{
    const struct dkim_signature *s = &check->signature;

    return json_pack("{s:s, s:s, s:o, s:o, s:s, s:I, s:b, s:I}", "result",
                     dkim_result_word(check->result), "why", check->why.text, "domain",
                     ctl_json_str(s->domain), "selector", ctl_json_str(s->selector), "algorithm",
                     check->parsed ? dkim_algorithm_name(s->algorithm) : "", "bits",
                     (json_int_t)check->bits, "testing", check->testing, "uncovered",
                     (json_int_t)check->uncovered);
}

static void print_json(const struct judging *j)
{
    json_t *all = json_array();

    for (size_t i = 0; i < j->verify.checks; i++)
        json_array_append_new(all, check_json(&j->verify.check[i]));
    ctl_print_json(json_pack("{s:s, s:I, s:o}", "result",
                             dkim_result_word(dkim_verify_result(&j->verify)), "ignored",
                             (json_int_t)j->verify.ignored, "signatures", all));
}

static void print_text(struct arena *arena, const struct judging *j)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(TEXT_MAX);

    for (size_t i = 0; i < j->verify.checks; i++)
        put_check(arena, &out, j, i);
    if (j->verify.ignored > 0)
        buf_printf(&out, "%zu more signatures were not looked at\n", j->verify.ignored);
    buf_printf(&out, "dkim: %s\n", dkim_result_word(dkim_verify_result(&j->verify)));
    ctl_print(&out);
}

int ctl_check_dkim(struct ctl *c)
{
    struct judging *j = ARENA_NEW(c->arena, struct judging);
    struct fct_err err = {0};
    enum dkim_result result;

    j->arena = c->arena;
    if (!ctl_mail_load(c->arena, c->word[0], &j->message, &err) ||
        !ctl_resolver_run(c, judge, j, &j->resolver, &err))
        return ctl_error(&err);
    result = dkim_verify_result(&j->verify);
    if (c->json)
        print_json(j);
    else
        print_text(c->arena, j);
    end_judging(j);
    return result == DKIM_PASS ? CTL_OK : result == DKIM_TEMPERROR ? CTL_TEMPORARY : CTL_NO;
}
