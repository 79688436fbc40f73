/* smtp_reply.c - see smtp_reply.h. "Why 452?" is answered here. */
#include "protocols/smtp/smtp_reply.h"
#include "core/base/str.h"
#include "core/log/log.h"

#define MAX_TEXT 480 /* leaves room for code, enhanced code and CRLF in 512 */

static void put_text(struct fct_str text, struct buf *out)
{
    for (size_t i = 0; i < text.n && i < MAX_TEXT; i++) {
        char c = text.p[i];

        buf_put_char(out, c >= 0x20 && c < 0x7f ? c : '?');
    }
}

void smtp_reply_format(const struct smtp_reply *r, struct buf *out)
{
    buf_put_u64(out, r->code);
    buf_put_char(out, ' ');
    if (r->enhanced) {
        buf_put_c(out, r->enhanced);
        buf_put_char(out, ' ');
    }
    put_text(r->text, out);
    buf_put_c(out, "\r\n");
}

struct smtp_reply smtp_reply_error(const struct fct_err *err)
{
    struct smtp_reply r = {.text = str_from(err->text)};

    switch (err->class) {
    case FCT_SYNTAX:
        r.code = 501, r.enhanced = "5.5.2";
        return r;
    case FCT_DENIED:
        r.code = 550, r.enhanced = "5.7.1";
        return r;
    case FCT_LIMIT:
        r.code = 452, r.enhanced = "4.5.3";
        return r;
    case FCT_OK:
    case FCT_BUG:
        log_event(EV_BUG, FCT_STR(""), F_C("why", err->text));
        r.text = FCT_STR("local error, please try again later");
        break;
    case FCT_TEMP:
        break;
    }
    r.code = 451, r.enhanced = "4.3.0";
    return r;
}

/* What a plugin's verdict means where it gave no code of its own. */
/* clang-format off */
static const struct {
    unsigned reject, tempfail;
    const char *reject_enhanced, *tempfail_enhanced;
} defaults[] = {
    [SMTP_AT_CONNECT] = {554, 421, "5.7.1", "4.7.1"},
    [SMTP_AT_TLS]     = {554, 454, "5.7.1", "4.7.1"},
    [SMTP_AT_HELO]    = {550, 451, "5.7.1", "4.7.1"},
    [SMTP_AT_AUTH]    = {535, 454, "5.7.8", "4.7.0"},
    [SMTP_AT_MAIL]    = {550, 451, "5.7.1", "4.7.1"},
    [SMTP_AT_RCPT]    = {550, 451, "5.7.1", "4.7.1"},
    [SMTP_AT_DATA]    = {554, 451, "5.7.1", "4.7.1"},
    [SMTP_AT_MESSAGE] = {550, 451, "5.7.1", "4.7.1"},
    [SMTP_AT_UNKNOWN] = {500, 451, "5.5.1", "4.7.1"},
};
/* clang-format on */

/* status-code = class "." subject "." detail (RFC 3463 2), of the class of `code` */
static bool enhanced_is_valid(struct fct_str s, unsigned code)
{
    unsigned dots = 0;

    if (s.n < 5 || s.n > 9 || s.p[0] != (char)('0' + code / 100) || s.p[1] != '.' ||
        s.p[s.n - 1] == '.')
        return false;
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] == '.' && s.p[i - 1] != '.')
            dots++;
        else if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    }
    return dots == 2;
}

static bool code_is_valid(unsigned code, bool permanent)
{
    return permanent ? code >= 500 && code <= 559 : code >= 400 && code <= 459;
}

bool smtp_reply_verdict(const struct filter_answer *answer, enum smtp_stage stage,
                        struct arena *arena, struct smtp_reply *r)
{
    bool permanent =
        answer->verdict == FCT_REJECT || (answer->verdict == FCT_DISCONNECT && answer->code >= 500);

    if (answer->verdict < FCT_TEMPFAIL)
        return false;
    *r = (struct smtp_reply){
        .code = permanent ? defaults[stage].reject : defaults[stage].tempfail,
        .enhanced = permanent ? defaults[stage].reject_enhanced : defaults[stage].tempfail_enhanced,
        .text = answer->text,
        .close =
            answer->verdict == FCT_DISCONNECT || stage == SMTP_AT_CONNECT || stage == SMTP_AT_TLS,
    };
    if (answer->verdict == FCT_DISCONNECT && !permanent)
        r->code = 421, r->enhanced = "4.7.0";
    if (code_is_valid(answer->code, permanent))
        r->code = answer->code;
    if (enhanced_is_valid(answer->enhanced, r->code))
        r->enhanced = arena_cstr(arena, answer->enhanced);
    if (str_is_empty(r->text))
        r->text = permanent ? FCT_STR("refused by local policy")
                            : FCT_STR("not now, please try again later");
    return true;
}
