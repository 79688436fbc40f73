/* mta_sts.c - see mta_sts.h. */
#include "protocols/relay/policy/mta_sts.h"

#include "core/base/str.h"
#include "core/base/utf8.h"
#include "core/dns/dns_name.h"

/* clang-format off */
static const char *const mode_words[MTA_STS_MODES] = {
    [MTA_STS_NONE] = "none",
    [MTA_STS_TESTING] = "testing",
    [MTA_STS_ENFORCE] = "enforce",
};
/* clang-format on */

const char *mta_sts_mode_word(enum mta_sts_mode mode)
{
    return mode_words[mode];
}

/* ---- the policy ---- */

enum key { KEY_VERSION, KEY_MODE, KEY_MAX_AGE, KEY_MX, KEYS };

static const char *const key_words[KEYS] = {"version", "mode", "max_age", "mx"};

struct reader {
    struct arena *arena;
    struct mta_sts_policy *out;
    struct fct_str *mx;
    bool has[KEYS];
};

static bool take_version(struct reader *r, struct fct_str value, struct fct_err *err)
{
    (void)r;
    return str_equal(value, FCT_STR("STSv1")) || fct_fail(err, FCT_SYNTAX, "version is not STSv1");
}

static bool take_mode(struct reader *r, struct fct_str value, struct fct_err *err)
{
    for (int i = 0; i < MTA_STS_MODES; i++)
        if (str_equal(value, str_from(mode_words[i]))) {
            r->out->mode = (enum mta_sts_mode)i;
            return true;
        }
    return fct_fail(err, FCT_SYNTAX, "mode is \"%.*s\"", FCT_FMT(str_head(value, 40)));
}

/* 1*10DIGIT; more than a year is a year (RFC 8461 3.2). */
static bool take_max_age(struct reader *r, struct fct_str value, struct fct_err *err)
{
    uint64_t seconds;

    if (value.n > 10 || !str_to_u64(value, &seconds))
        return fct_fail(err, FCT_SYNTAX, "max_age is not a number of seconds");
    r->out->max_age = seconds < MTA_STS_AGE_MAX ? (uint32_t)seconds : MTA_STS_AGE_MAX;
    return true;
}

/* Domain, or "*." Domain; anything else in a policy is a mistake that must be seen. */
static bool take_mx(struct reader *r, struct fct_str value, struct fct_err *err)
{
    bool wildcard = str_starts(value, FCT_STR("*."));
    struct dns_name name;

    if (r->out->n == MTA_STS_MX_MAX)
        return fct_fail(err, FCT_LIMIT, "more than %u mx", MTA_STS_MX_MAX);
    if (!dns_name_parse(wildcard ? str_skip(value, 2) : value, &name, err) || name.n == 0 ||
        strpbrk(name.text, "* \\:"))
        return fct_fail(err, FCT_SYNTAX, "mx \"%.*s\" is no name", FCT_FMT(str_head(value, 80)));
    r->mx[r->out->n++] = wildcard ? arena_printf(r->arena, "*.%s", name.text)
                                  : arena_str(r->arena, dns_name_str(&name));
    return true;
}

static bool take_line(struct reader *r, struct fct_str line, struct fct_err *err)
{
    static bool (*const take[KEYS])(struct reader *, struct fct_str, struct fct_err *) = {
        take_version, take_mode, take_max_age, take_mx};
    struct fct_str value = line, key = str_trim(str_split(&value, ':'));

    if (!value.p)
        return key.n == 0 || fct_fail(err, FCT_SYNTAX, "a line is not \"key: value\"");
    for (int i = 0; i < KEYS; i++) {
        if (!str_equal(key, str_from(key_words[i])))
            continue;
        if (r->has[i] && i != KEY_MX)
            return true;
        r->has[i] = true;
        return take[i](r, str_trim(value), err);
    }
    return true;
}

bool mta_sts_policy_parse(struct arena *arena, struct fct_str text, struct mta_sts_policy *out,
                          struct fct_err *err)
{
    struct reader r = {.arena = arena, .out = out};
    struct fct_str rest;

    *out = (struct mta_sts_policy){0};
    if (text.n > MTA_STS_POLICY_BYTES)
        return fct_fail(err, FCT_LIMIT, "the policy is larger than %u bytes", MTA_STS_POLICY_BYTES);
    if (!utf8_is_valid(text))
        return fct_fail(err, FCT_SYNTAX, "the policy is not UTF-8");
    out->text = rest = arena_str(arena, text);
    out->mx = r.mx = ARENA_ARRAY(arena, struct fct_str, MTA_STS_MX_MAX);
    while (rest.p)
        if (!take_line(&r, str_split(&rest, '\n'), err))
            return false;
    for (int i = 0; i < KEYS; i++)
        if (!r.has[i] && (i != KEY_MX || out->mode != MTA_STS_NONE))
            return fct_fail(err, FCT_SYNTAX, "the policy has no %s", key_words[i]);
    return true;
}

void mta_sts_policy_copy(struct arena *arena, const struct mta_sts_policy *from,
                         struct mta_sts_policy *to)
{
    struct fct_str *mx = ARENA_ARRAY(arena, struct fct_str, from->n + 1);

    *to = *from;
    for (size_t i = 0; i < from->n; i++)
        mx[i] = arena_str(arena, from->mx[i]);
    to->mx = mx;
    to->text = arena_str(arena, from->text);
}

/* RFC 8461 3.2 wants LF or CRLF; every reader takes CRLF. */
bool mta_sts_policy_write(const struct mta_sts_policy *policy, struct buf *out)
{
    buf_printf(out, "version: STSv1\r\nmode: %s\r\n", mode_words[policy->mode]);
    for (size_t i = 0; i < policy->n; i++)
        buf_printf(out, "mx: %.*s\r\n", FCT_FMT(policy->mx[i]));
    buf_printf(out, "max_age: %u\r\n", (unsigned)policy->max_age);
    return !out->overflow;
}

/* "*.example.org" is one label more, no less (RFC 8461 4.1, RFC 6125 6.4.3). */
static bool fits(struct fct_str pattern, struct fct_str host)
{
    ptrdiff_t dot = str_find_char(host, '.');

    if (!str_starts(pattern, FCT_STR("*.")))
        return str_equal_nocase(pattern, host);
    return dot > 0 && str_equal_nocase(str_skip(pattern, 1), str_skip(host, (size_t)dot));
}

bool mta_sts_names(const struct mta_sts_policy *policy, struct fct_str host)
{
    if (host.n > 0 && host.p[host.n - 1] == '.')
        host.n--;
    for (size_t i = 0; i < policy->n; i++)
        if (fits(policy->mx[i], host))
            return true;
    return false;
}

/* ---- the record ---- */

static bool is_id(struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = char_lower(s.p[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
            return false;
    }
    return s.n > 0 && s.n <= MTA_STS_ID_MAX;
}

/* sts-text-record = sts-version 1*(sts-field-delim sts-field)       RFC 8461 3.1 */
static bool take_id(struct fct_str text, struct fct_str *id)
{
    (void)str_split(&text, ';');
    while (text.p) {
        struct fct_str value = str_split(&text, ';'), name = str_trim(str_split(&value, '='));

        if (value.p && str_equal(name, FCT_STR("id"))) {
            *id = str_trim(value);
            return is_id(*id);
        }
    }
    return false;
}

bool mta_sts_record(const struct fct_dns_answer *answer, struct fct_str *id, struct fct_err *err)
{
    struct fct_str text = {0};
    size_t n = 0;

    *id = FCT_STR("");
    for (size_t i = 0; i < answer->n; i++)
        if (str_starts(answer->record[i].data, FCT_STR("v=STSv1;"))) {
            text = answer->record[i].data;
            n++;
        }
    if (n != 1)
        return fct_fail(err, FCT_SYNTAX, n == 0 ? "no record v=STSv1" : "several records v=STSv1");
    if (take_id(text, id))
        return true;
    *id = FCT_STR("");
    return fct_fail(err, FCT_SYNTAX, "the record v=STSv1 has no proper id");
}
