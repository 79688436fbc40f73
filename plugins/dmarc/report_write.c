/* report_write.c - see report_write.h. */
#include "report_write.h"

#include "report_address.h"

#include "plugins/lib/view.h"

#include <inttypes.h>

void report_id(char out[REPORT_ID_MAX], int64_t begin, int64_t end, struct fct_str domain,
               const char *receiver)
{
    (void)snprintf(out, REPORT_ID_MAX, "%" PRId64 ".%" PRId64 ".%.*s@%s", begin, end,
                   FCT_FMT(domain), receiver);
}

void report_file_name(char out[REPORT_NAME_MAX], const struct report_head *head,
                      const char *extension)
{
    (void)snprintf(out, REPORT_NAME_MAX, "%s!%.*s!%" PRId64 "!%" PRId64 ".%s", head->receiver,
                   FCT_FMT(head->domain), head->begin, head->end, extension);
}

/* ---- text ---- */

/* The length of the UTF-8 sequence at p, 0: there is none        RFC 3629 4 */
static size_t sequence(const unsigned char *p, size_t n)
{
    size_t need = *p < 0x80 ? 1 : *p >= 0xc2 && *p < 0xe0 ? 2 : *p >= 0xe0 && *p < 0xf0 ? 3 : 0;

    if (*p >= 0xf0 && *p < 0xf5)
        need = 4;
    if (need == 0 || need > n || (*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
        (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
        return 0;
    for (size_t i = 1; i < need; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return need;
}

/* What XML 1.0 cannot have (2.2 Char) becomes '?'. */
static void put_text(FILE *out, struct fct_str s)
{
    for (size_t i = 0; i < s.n;) {
        const unsigned char *p = (const unsigned char *)s.p + i;
        size_t n = sequence(p, s.n - i);

        if (n == 0 || *p < ' ' || *p == 0x7f)
            (void)fputc('?', out);
        else if (*p == '&' || *p == '<' || *p == '>')
            (void)fputs(*p == '&' ? "&amp;" : *p == '<' ? "&lt;" : "&gt;", out);
        else
            (void)fwrite(p, 1, n, out);
        i += n > 0 ? n : 1;
    }
}

static void put_element(FILE *out, unsigned depth, const char *name, struct fct_str text)
{
    (void)fprintf(out, "%*s<%s>", (int)(2 * depth), "", name);
    put_text(out, text);
    (void)fprintf(out, "</%s>\n", name);
}

static void put_word(FILE *out, unsigned depth, const char *name, const char *word)
{
    put_element(out, depth, name, (struct fct_str){word, strlen(word)});
}

static void put_number(FILE *out, unsigned depth, const char *name, int64_t n)
{
    (void)fprintf(out, "%*s<%s>%" PRId64 "</%s>\n", (int)(2 * depth), "", name, n, name);
}

static void open_element(FILE *out, unsigned depth, const char *name)
{
    (void)fprintf(out, "%*s<%s>\n", (int)(2 * depth), "", name);
}

static void close_element(FILE *out, unsigned depth, const char *name)
{
    (void)fprintf(out, "%*s</%s>\n", (int)(2 * depth), "", name);
}

/* ---- above the rows                                             RFC 9990 3.1.1.3, 3.1.1.5 ---- */

static void put_error(FILE *out, const struct report_head *head, const struct dmarc_record *record)
{
    char text[200];

    if (record->mistake[0])
        (void)snprintf(text, sizeof text, "the DMARC record: %s", record->mistake);
    else if (head->left_out > 0)
        (void)snprintf(text, sizeof text,
                       "%" PRIu64 " more messages are not listed: too many different sources",
                       head->left_out);
    else
        return;
    put_word(out, 2, "error", text);
}

static void put_metadata(FILE *out, const struct report_head *head,
                         const struct dmarc_record *record)
{
    open_element(out, 1, "report_metadata");
    put_word(out, 2, "org_name", head->org);
    put_word(out, 2, "email", head->email);
    if (*head->contact)
        put_word(out, 2, "extra_contact_info", head->contact);
    put_word(out, 2, "report_id", head->id);
    open_element(out, 2, "date_range");
    put_number(out, 3, "begin", head->begin);
    put_number(out, 3, "end", head->end);
    close_element(out, 2, "date_range");
    put_error(out, head, record);
    put_word(out, 2, "generator", head->generator);
    close_element(out, 1, "report_metadata");
}

/* Tags that are not there have their defaults. */
static void put_policy(FILE *out, const struct report_head *head, const struct dmarc_record *record)
{
    struct fct_str fo;

    open_element(out, 1, "policy_published");
    put_element(out, 2, "domain", head->domain);
    put_word(out, 2, "discovery_method", head->discovery == DMARC_BY_LIST ? "psl" : "treewalk");
    put_word(out, 2, "p", dmarc_policy_word(record->p));
    put_word(out, 2, "sp", dmarc_policy_word(record->sp));
    put_word(out, 2, "np", dmarc_policy_word(record->np));
    if (report_record_tag(head->policy_text, "fo", &fo) && fo.n > 0)
        put_element(out, 2, "fo", fo);
    put_word(out, 2, "adkim", record->strict_dkim ? "s" : "r");
    put_word(out, 2, "aspf", record->strict_spf ? "s" : "r");
    put_word(out, 2, "testing", record->testing ? "y" : "n");
    close_element(out, 1, "policy_published");
}

void report_write_begin(FILE *out, const struct report_head *head)
{
    struct dmarc_record record;

    dmarc_record_parse(head->policy_text, &record);
    (void)fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feedback xmlns=\"%s\">\n",
                  REPORT_NAMESPACE);
    put_word(out, 1, "version", "1.0");
    put_metadata(out, head, &record);
    put_policy(out, head, &record);
}

void report_write_end(FILE *out)
{
    (void)fputs("</feedback>\n", out);
}

/* ---- one row                                                    RFC 9990 3.1.1.7 ---- */

static void put_evaluated(FILE *out, const struct dmarc_row *row)
{
    open_element(out, 3, "policy_evaluated");
    put_word(out, 4, "disposition", dmarc_disposition_word(row->disposition));
    put_word(out, 4, "dkim", row->dkim_aligned ? "pass" : "fail");
    put_word(out, 4, "spf", row->spf_aligned ? "pass" : "fail");
    for (size_t i = 0; i < row->reasons; i++) {
        open_element(out, 4, "reason");
        put_word(out, 5, "type", dmarc_override_word(row->reason[i].type));
        if (row->reason[i].comment.n > 0)
            put_element(out, 5, "comment", row->reason[i].comment);
        close_element(out, 4, "reason");
    }
    close_element(out, 3, "policy_evaluated");
}

/* RFC 8601 2.7.1 and 2.7.2, as far as the schema knows them. */
static bool is_result(const struct dmarc_auth *auth)
{
    static const char *const words[] = {"none",   "pass",     "fail",      "neutral",
                                        "policy", "softfail", "temperror", "permerror"};

    for (size_t i = 0; i < FCT_COUNT(words); i++)
        if (view_is(auth->result, words[i]))
            return !view_is(auth->result, auth->method == DMARC_AUTH_DKIM ? "softfail" : "policy");
    return false;
}

/* 0 is named first: what passed, and for a domain that looks like the author's
 *                                                                 RFC 9990 3.1.3 */
static unsigned preference(const struct dmarc_row *row, const struct dmarc_auth *auth)
{
    if (!view_is(auth->result, "pass"))
        return 3;
    if (dmarc_domain_same(auth->domain, row->header_from))
        return 0;
    return dmarc_domain_within(auth->domain, row->header_from) ||
                   dmarc_domain_within(row->header_from, auth->domain)
               ? 1
               : 2;
}

static void put_signatures(FILE *out, const struct dmarc_row *row)
{
    for (unsigned rank = 0; rank <= 3; rank++)
        for (size_t i = 0; i < row->auths; i++) {
            const struct dmarc_auth *auth = &row->auth[i];

            if (auth->method != DMARC_AUTH_DKIM || !is_result(auth) ||
                preference(row, auth) != rank)
                continue;
            open_element(out, 3, "dkim");
            put_element(out, 4, "domain", auth->domain);
            put_element(out, 4, "selector", auth->selector);
            put_element(out, 4, "result", auth->result);
            close_element(out, 3, "dkim");
        }
}

/* One identity counts: that of MAIL FROM, which for an empty one is postmaster at the HELO name
 * (RFC 7208 2.4), so its scope is "mfrom" in both cases           RFC 9990 3.1.1.13 */
static void put_spf(FILE *out, const struct dmarc_row *row)
{
    const struct dmarc_auth *found = NULL;

    for (size_t i = 0; i < row->auths && !found; i++)
        if (row->auth[i].method == DMARC_AUTH_SPF && is_result(&row->auth[i]) &&
            row->auth[i].helo == (row->envelope_from.n == 0))
            found = &row->auth[i];
    if (!found)
        return;
    open_element(out, 3, "spf");
    put_element(out, 4, "domain", found->domain);
    put_word(out, 4, "scope", "mfrom");
    put_element(out, 4, "result", found->result);
    close_element(out, 3, "spf");
}

void report_write_row(FILE *out, const struct dmarc_row *row, uint64_t count)
{
    open_element(out, 1, "record");
    open_element(out, 2, "row");
    put_element(out, 3, "source_ip", row->source_ip);
    put_number(out, 3, "count", (int64_t)count);
    put_evaluated(out, row);
    close_element(out, 2, "row");
    open_element(out, 2, "identifiers");
    if (row->envelope_to.n > 0)
        put_element(out, 3, "envelope_to", row->envelope_to);
    put_element(out, 3, "envelope_from", row->envelope_from);
    put_element(out, 3, "header_from", row->header_from);
    close_element(out, 2, "identifiers");
    open_element(out, 2, "auth_results");
    put_signatures(out, row);
    put_spf(out, row);
    close_element(out, 2, "auth_results");
    close_element(out, 1, "record");
}
