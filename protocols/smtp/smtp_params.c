/* smtp_params.c - one row per parameter of MAIL and of RCPT. */
#include "protocols/smtp/smtp_params.h"
#include "core/base/clock.h"
#include "core/base/str.h"
#include "protocols/smtp/smtp_hold.h"

/* A size of more digits than RFC 1870 4 allows is a syntax error, not a large message. */
static bool size_param(struct fct_str value, struct smtp_mail_params *out)
{
    return value.n <= 20 && str_to_u64(value, &out->size);
}

/* body-value = "7BIT" / "8BITMIME"; BINARYMIME is not announced (RFC 3030 3). */
static bool body_param(struct fct_str value, struct smtp_mail_params *out)
{
    if (str_equal_nocase(value, FCT_STR("8BITMIME")))
        out->body = FCT_STR("8BITMIME");
    else if (str_equal_nocase(value, FCT_STR("7BIT")))
        out->body = FCT_STR("7BIT");
    return out->body.n > 0;
}

static bool smtputf8_param(struct fct_str value, struct smtp_mail_params *out)
{
    out->smtputf8 = true;
    return value.p == NULL;
}

static bool prdr_param(struct fct_str value, struct smtp_mail_params *out)
{
    out->prdr = true;
    return value.p == NULL;
}

/* Digits of a hexchar are capitals (RFC 3461 4); -1: not one. */
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* xtext = *( xchar / hexchar ); xchar = %d33-42 / %d44-60 / %d62-126; hexchar = "+" 2(DIGIT /
 * "A"-"F")   RFC 3461 4 */
static bool is_xtext(struct fct_str value)
{
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];

        if (c < 33 || c > 126 || c == '=')
            return false;
        if (c == '+') {
            if (i + 2 >= value.n || hex_digit(value.p[i + 1]) < 0 || hex_digit(value.p[i + 2]) < 0)
                return false;
            i += 2;
        }
    }
    return value.n > 0;
}

static bool auth_param(struct fct_str value, struct smtp_mail_params *out)
{
    out->has_auth = true;
    out->auth = value;
    return is_xtext(value);
}

static bool ret_param(struct fct_str value, struct smtp_mail_params *out)
{
    if (str_equal_nocase(value, FCT_STR("FULL")))
        out->ret = SMTP_RET_FULL;
    else if (str_equal_nocase(value, FCT_STR("HDRS")))
        out->ret = SMTP_RET_HDRS;
    return out->ret != SMTP_RET_NONE;
}

/* At most 100 characters (RFC 3461 4.4). */
static bool envid_param(struct fct_str value, struct smtp_mail_params *out)
{
    out->envid = value;
    return value.n <= 100 && is_xtext(value);
}

/* future-release-integer = %x31-39 *8DIGIT (RFC 4865 4) */
static bool holdfor_param(struct fct_str value, struct smtp_mail_params *out)
{
    uint64_t seconds;

    if (out->hold_until != 0 || value.n > 9 || !str_to_u64(value, &seconds) || value.p[0] == '0')
        return false;
    out->hold_until = clock_wall() + (int64_t)seconds;
    return true;
}

static bool holduntil_param(struct fct_str value, struct smtp_mail_params *out)
{
    return out->hold_until == 0 && smtp_hold_parse(value, &out->hold_until) && out->hold_until > 0;
}

/* priority-value = ["-"] DIGIT (RFC 6710 6) */
static bool priority_param(struct fct_str value, struct smtp_mail_params *out)
{
    bool minus = value.n == 2 && value.p[0] == '-';
    char digit = value.n > 0 ? value.p[value.n - 1] : 0;

    out->has_priority = true;
    out->priority = (int8_t)(minus ? '0' - digit : digit - '0');
    return (minus || value.n == 1) && digit >= '0' && digit <= '9';
}

static bool requiretls_param(struct fct_str value, struct smtp_mail_params *out)
{
    out->requiretls = true;
    return value.p == NULL;
}

struct fct_str smtp_mail_params_auth(struct arena *arena, const struct smtp_mail_params *params)
{
    struct fct_str in = params->auth;
    char *out = arena_alloc(arena, in.n + 1);
    size_t n = 0;

    if (str_equal(in, FCT_STR("<>")))
        return FCT_STR("");
    for (size_t i = 0; i < in.n; i++) {
        out[n] = in.p[i];
        if (in.p[i] == '+') {
            out[n] = (char)(hex_digit(in.p[i + 1]) * 16 + hex_digit(in.p[i + 2]));
            i += 2;
        }
        n++;
    }
    return (struct fct_str){out, n};
}

static const struct mail_param {
    const char *name;
    unsigned extension;
    bool (*parse)(struct fct_str value, struct smtp_mail_params *out);
} mail_param[] = {
    {"SIZE", SMTP_EXT_SIZE, size_param},
    {"BODY", SMTP_EXT_8BITMIME, body_param},
    {"SMTPUTF8", SMTP_EXT_SMTPUTF8, smtputf8_param},
    {"AUTH", SMTP_EXT_AUTH, auth_param},
    {"PRDR", SMTP_EXT_PRDR, prdr_param},
    {"RET", SMTP_EXT_DSN, ret_param},
    {"ENVID", SMTP_EXT_DSN, envid_param},
    {"HOLDFOR", SMTP_EXT_HOLD, holdfor_param},
    {"HOLDUNTIL", SMTP_EXT_HOLD, holduntil_param},
    {"MT-PRIORITY", SMTP_EXT_PRIORITY, priority_param},
    {"REQUIRETLS", SMTP_EXT_REQUIRETLS, requiretls_param},
};

/* notify-esmtp-value = "NEVER" / notify-list-element *( "," notify-list-element ) */
static bool notify_param(struct fct_str value, struct smtp_rcpt_params *out)
{
    static const struct {
        const char *word;
        uint8_t bit;
    } words[] = {{"SUCCESS", SMTP_NOTIFY_SUCCESS},
                 {"FAILURE", SMTP_NOTIFY_FAILURE},
                 {"DELAY", SMTP_NOTIFY_DELAY}};
    struct fct_str rest = value;

    if (str_equal_nocase(value, FCT_STR("NEVER"))) {
        out->notify = SMTP_NOTIFY_NEVER;
        return true;
    }
    while (rest.p) {
        struct fct_str word = str_split(&rest, ',');
        size_t i = 0;

        while (i < FCT_COUNT(words) && !str_equal_nocase(word, str_from(words[i].word)))
            i++;
        if (i == FCT_COUNT(words) || (out->notify & words[i].bit))
            return false;
        out->notify |= words[i].bit;
    }
    return out->notify != 0;
}

/* original-recipient-address = addr-type ";" xtext, 500 characters at most (RFC 3461 4.2) */
static bool orcpt_param(struct fct_str value, struct smtp_rcpt_params *out)
{
    struct fct_str address = value, type = str_split(&address, ';');

    out->orcpt = value;
    for (size_t i = 0; i < type.n; i++)
        if (type.p[i] <= 32 || type.p[i] > 126 || strchr("()<>@,;:\\\"/[]?=+", type.p[i]))
            return false;
    return value.n <= 500 && type.n > 0 && address.p && is_xtext(address);
}

static const struct rcpt_param {
    const char *name;
    unsigned extension;
    bool (*parse)(struct fct_str value, struct smtp_rcpt_params *out);
} rcpt_param[] = {
    {"NOTIFY", SMTP_EXT_DSN, notify_param},
    {"ORCPT", SMTP_EXT_DSN, orcpt_param},
};

/* " " 1*SP keyword ["=" value]; value.p is NULL without "=". False at the end. */
static bool next_param(struct fct_str *in, struct fct_str *name, struct fct_str *value)
{
    struct fct_str word;

    while (in->n > 0 && *in->p == ' ')
        *in = str_skip(*in, 1);
    if (in->n == 0)
        return false;
    word = *in;
    while (in->n > 0 && *in->p != ' ')
        *in = str_skip(*in, 1);
    word.n -= in->n;
    *value = word;
    *name = str_split(value, '=');
    return true;
}

static bool unknown_param(struct fct_str name, struct fct_err *err)
{
    return fct_fail(err, FCT_DENIED, "parameter %.*s is not known here",
                    (int)(name.n < 40 ? name.n : 40), name.p);
}

static bool is_first(const char *name, unsigned bit, unsigned *seen, struct fct_err *err)
{
    if (*seen & bit)
        return fct_fail(err, FCT_SYNTAX, "%s is given twice", name);
    *seen |= bit;
    return true;
}

static bool mail_param_parse(struct fct_str name, struct fct_str value, unsigned offered,
                             unsigned *seen, struct smtp_mail_params *out, struct fct_err *err)
{
    size_t i = 0;

    while (i < FCT_COUNT(mail_param) && !str_equal_nocase(name, str_from(mail_param[i].name)))
        i++;
    if (i == FCT_COUNT(mail_param) || !(mail_param[i].extension & offered))
        return unknown_param(name, err);
    return is_first(mail_param[i].name, 1u << i, seen, err) &&
           (mail_param[i].parse(value, out) ||
            fct_fail(err, FCT_SYNTAX, "malformed value of %s", mail_param[i].name));
}

static bool starts_with_space(struct fct_str in, struct fct_err *err)
{
    return in.n == 0 || *in.p == ' ' ||
           fct_fail(err, FCT_SYNTAX, "a space must follow the address");
}

bool smtp_mail_params_parse(struct fct_str in, unsigned offered, struct smtp_mail_params *out,
                            struct fct_err *err)
{
    struct fct_str name, value;
    unsigned seen = 0;

    *out = (struct smtp_mail_params){0};
    if (!starts_with_space(in, err))
        return false;
    while (next_param(&in, &name, &value))
        if (!mail_param_parse(name, value, offered, &seen, out, err))
            return false;
    return true;
}

static bool rcpt_param_parse(struct fct_str name, struct fct_str value, unsigned offered,
                             unsigned *seen, struct smtp_rcpt_params *out, struct fct_err *err)
{
    size_t i = 0;

    while (i < FCT_COUNT(rcpt_param) && !str_equal_nocase(name, str_from(rcpt_param[i].name)))
        i++;
    if (i == FCT_COUNT(rcpt_param) || !(rcpt_param[i].extension & offered))
        return unknown_param(name, err);
    return is_first(rcpt_param[i].name, 1u << i, seen, err) &&
           (rcpt_param[i].parse(value, out) ||
            fct_fail(err, FCT_SYNTAX, "malformed value of %s", rcpt_param[i].name));
}

bool smtp_rcpt_params_parse(struct fct_str in, unsigned offered, struct smtp_rcpt_params *out,
                            struct fct_err *err)
{
    struct fct_str name, value;
    unsigned seen = 0;

    *out = (struct smtp_rcpt_params){0};
    if (!starts_with_space(in, err))
        return false;
    while (next_param(&in, &name, &value))
        if (!rcpt_param_parse(name, value, offered, &seen, out, err))
            return false;
    return true;
}
