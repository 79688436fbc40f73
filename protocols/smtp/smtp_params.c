/* smtp_params.c - one row per parameter of MAIL. */
#include "protocols/smtp/smtp_params.h"
#include "core/base/str.h"

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
static bool auth_param(struct fct_str value, struct smtp_mail_params *out)
{
    out->has_auth = true;
    out->auth = value;
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

static size_t find_param(struct fct_str name)
{
    size_t i = 0;

    while (i < FCT_COUNT(mail_param) && !str_equal_nocase(name, str_from(mail_param[i].name)))
        i++;
    return i;
}

bool smtp_mail_params_parse(struct fct_str in, unsigned offered, struct smtp_mail_params *out,
                            struct fct_err *err)
{
    struct fct_str name, value;
    unsigned seen = 0;

    *out = (struct smtp_mail_params){0};
    if (in.n > 0 && *in.p != ' ')
        return fct_fail(err, FCT_SYNTAX, "a space must follow the address");
    while (next_param(&in, &name, &value)) {
        size_t i = find_param(name);

        if (i == FCT_COUNT(mail_param) || !(mail_param[i].extension & offered))
            return fct_fail(err, FCT_DENIED, "parameter %.*s is not known here",
                            (int)(name.n < 40 ? name.n : 40), name.p);
        if (seen & (1u << i))
            return fct_fail(err, FCT_SYNTAX, "%s is given twice", mail_param[i].name);
        seen |= 1u << i;
        if (!mail_param[i].parse(value, out))
            return fct_fail(err, FCT_SYNTAX, "malformed value of %s", mail_param[i].name);
    }
    return true;
}

bool smtp_rcpt_params_parse(struct fct_str in, struct fct_err *err)
{
    struct fct_str name, value;

    if (in.n > 0 && *in.p != ' ')
        return fct_fail(err, FCT_SYNTAX, "a space must follow the address");
    if (next_param(&in, &name, &value))
        return fct_fail(err, FCT_DENIED, "parameter %.*s is not known here",
                        (int)(name.n < 40 ? name.n : 40), name.p);
    return true;
}
