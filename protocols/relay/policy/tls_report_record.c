/* tls_report_record.c - who wants reports: the record _smtp._tls.DOMAIN (RFC 8460 3). */
#include "core/base/str.h"
#include "core/base/utf8.h"
#include "protocols/relay/policy/tls_report.h"

#define MAILTO_MAX 500u

static bool is_wanted(struct fct_str uri)
{
    return str_starts_nocase(uri, FCT_STR("mailto:")) || str_starts_nocase(uri, FCT_STR("https:"));
}

/* tlsrpt-rua = "rua" *WSP "=" *WSP tlsrpt-uri *(*WSP "," *WSP tlsrpt-uri) */
static size_t take_rua(struct fct_str value, struct fct_str out[TLS_REPORT_RUA_MAX])
{
    size_t n = 0;

    while (value.p && n < TLS_REPORT_RUA_MAX) {
        struct fct_str uri = str_trim(str_split(&value, ','));

        if (is_wanted(uri))
            out[n++] = uri;
    }
    return n;
}

static size_t take_record(struct fct_str text, struct fct_str out[TLS_REPORT_RUA_MAX],
                          const char **why)
{
    *why = "the record v=TLSRPTv1 has no rua that is known";
    (void)str_split(&text, ';');
    while (text.p) {
        struct fct_str value = str_split(&text, ';'), name = str_trim(str_split(&value, '='));

        if (value.p && str_equal_nocase(name, FCT_STR("rua")))
            return take_rua(value, out);
    }
    return 0;
}

size_t tls_report_addresses(const struct fct_dns_answer *answer,
                            struct fct_str out[TLS_REPORT_RUA_MAX], const char **why)
{
    struct fct_str text = {0};
    size_t records = 0;

    for (size_t i = 0; i < answer->n; i++)
        if (str_starts(answer->record[i].data, FCT_STR("v=TLSRPTv1;"))) {
            text = answer->record[i].data;
            records++;
        }
    if (records == 1)
        return take_record(text, out, why);
    *why = records == 0 ? "no record v=TLSRPTv1" : "several records v=TLSRPTv1";
    return 0;
}

/* ---- mailto (RFC 6068) ---- */

static int hex_digit(char c)
{
    c = char_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool tls_report_mailto(struct arena *arena, struct fct_str uri, struct fct_str *address)
{
    struct fct_str in;
    char *to;
    size_t n = 0;

    if (!str_starts_nocase(uri, FCT_STR("mailto:")) || uri.n > MAILTO_MAX)
        return false;
    uri = str_skip(uri, sizeof "mailto:" - 1);
    in = str_split(&uri, '?');
    to = arena_alloc(arena, in.n + 1);
    for (size_t i = 0; i < in.n; i++) {
        int high = in.p[i] == '%' && i + 2 < in.n ? hex_digit(in.p[i + 1]) : -1;
        int low = high < 0 ? -1 : hex_digit(in.p[i + 2]);

        if (in.p[i] == '%' && low < 0)
            return false;
        to[n++] = (char)(low < 0 ? in.p[i] : high << 4 | low);
        i += low < 0 ? 0 : 2;
    }
    *address = (struct fct_str){to, n};
    return str_find_char(*address, '@') > 0 &&
           str_find_last_char(*address, '@') + 1 < (ptrdiff_t)n && utf8_is_line(*address) &&
           str_find_char(*address, '<') < 0 && str_find_char(*address, '>') < 0 &&
           str_find_char(*address, ' ') < 0 && str_find_char(*address, ',') < 0;
}
