/* ctl_dns.c - prints what to publish for a domain as lines of a zone file, or what of it the DNS
 * has. */
#include "core/ctl/ctl_dns.h"

#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_dns_int.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_resolver.h"
#include "core/dns/dns_answer.h"
#include "core/dns/dns_name.h"

#define TEXT_MAX (1u << 20)

/* ---- names ---- */

static bool take_name(struct dns_records *r, const char *text, const char *what, const char **out,
                      struct fct_err *err)
{
    struct fct_err why = {0};
    struct dns_name name;

    if (!dns_name_parse(str_from(text), &name, &why) || name.n == 0)
        return fct_fail(err, FCT_SYNTAX, "%s %s: %s", what, text,
                        why.text[0] ? why.text : "not a name");
    *out = arena_cstr(r->arena, dns_name_str(&name));
    return true;
}

static bool take_names(struct dns_records *r, struct fct_err *err)
{
    return take_name(r, r->ctl->word[0], "the domain", &r->domain, err) &&
           take_name(r, r->ctl->paths.name, "server.name", &r->host, err) &&
           (strchr(r->host, '.') ||
            fct_fail(err, FCT_SYNTAX,
                     "server.name is %s: a name that others can find is wanted, as mx.%s", r->host,
                     r->domain));
}

/* ---- a zone file ---- */

static const char *type_of(const struct dns_row *row)
{
    return dns_type_name((uint32_t)row->type);
}

static struct fct_str value_of(const struct dns_records *r, const struct dns_row *row)
{
    if (!row->value)
        return FCT_STR("");
    return row->type == FCT_DNS_TXT ? dns_text_show(r->arena, str_from(row->value))
                                    : str_from(row->value);
}

/* As comments, so that the whole stays a zone file. */
static void print_policy(const struct dns_records *r, struct buf *out)
{
    struct fct_str rest = r->sts_policy;

    buf_printf(out, "\n; The MTA-STS policy, served as text/plain at\n; %.*s\n",
               FCT_FMT(r->sts_url));
    while (rest.p) {
        struct fct_str line = str_trim(str_split(&rest, '\n'));

        if (line.n > 0)
            buf_printf(out, ";   %.*s\n", FCT_FMT(line));
    }
}

static void print_zone(const struct dns_records *r)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(TEXT_MAX);

    for (size_t i = 0; i < r->rows; i++) {
        const struct dns_row *row = &r->row[i];
        struct fct_str value = value_of(r, row);

        if (row->about)
            buf_printf(&out, "%s; %s\n", i ? "\n" : "", row->about);
        buf_printf(&out, "%s%s. IN %s %.*s\n", row->elsewhere || !row->value ? "; " : "", row->name,
                   type_of(row), FCT_FMT(value));
    }
    print_policy(r, &out);
    for (size_t i = 0; i < r->notes; i++)
        buf_printf(&out, "%s; %s\n", i == 0 ? "\n" : "", r->note[i]);
    ctl_print(&out);
}

/* ---- what the DNS has ---- */

static struct fct_str remark(const struct dns_records *r, const struct dns_row *row)
{
    struct fct_str value = value_of(r, row);

    switch (row->state) {
    case DNS_PUBLISHED:
        return row->type == FCT_DNS_TLSA && !row->authentic
                   ? FCT_STR("not validated by DNSSEC here: nobody may go by it")
                   : FCT_STR("");
    case DNS_MISSING:
        return value;
    case DNS_DIFFERENT:
        return arena_printf(r->arena, "%.*s; found: %.*s", FCT_FMT(value), FCT_FMT(row->found));
    case DNS_UNKNOWN:
    case DNS_STATES:
        break;
    }
    return row->found;
}

static void print_check(const struct dns_records *r)
{
    struct ctl_table t = {
        .arena = r->arena, .column = {"STATE", "NEEDED", "NAME", "TYPE", "RECORD"}, .columns = 5};
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(TEXT_MAX);

    for (size_t i = 0; i < r->rows; i++) {
        const struct dns_row *row = &r->row[i];

        ctl_table_row(&t, (struct fct_str[]){str_from(dns_state_word[row->state]),
                                             str_from(row->advised ? "advised" : "yes"),
                                             str_from(row->name), str_from(type_of(row)),
                                             remark(r, row)});
    }
    ctl_table_print(&t, ctl_wants_colour(), &out);
    for (size_t i = 0; i < r->notes; i++)
        buf_printf(&out, "%s%s\n", i == 0 ? "\n" : "", r->note[i]);
    ctl_print(&out);
}

static void print_json(const struct dns_records *r, bool checked)
{
    json_t *rows = json_array(), *notes = json_array();

    for (size_t i = 0; i < r->rows; i++) {
        const struct dns_row *row = &r->row[i];
        json_t *json =
            json_pack("{s:s, s:s, s:o, s:b, s:b}", "name", row->name, "type", type_of(row), "value",
                      row->value ? ctl_json_str(str_from(row->value)) : json_null(), "needed",
                      !row->advised, "elsewhere", row->elsewhere);

        if (checked)
            json_object_update_new(
                json, json_pack("{s:s, s:o, s:b}", "state", dns_state_word[row->state], "found",
                                ctl_json_str(row->found), "authentic", row->authentic));
        json_array_append_new(rows, json);
    }
    for (size_t i = 0; i < r->notes; i++)
        json_array_append_new(notes, json_string(r->note[i]));
    ctl_print_json(json_pack("{s:s, s:s, s:o, s:{s:o, s:o}, s:o}", "domain", r->domain, "server",
                             r->host, "records", rows, "mta_sts", "url", ctl_json_str(r->sts_url),
                             "policy", ctl_json_str(r->sts_policy), "notes", notes));
}

/* All that is needed is there; something is not; nobody can say. */
static int exit_status(const struct dns_records *r)
{
    int status = CTL_OK;

    for (size_t i = 0; i < r->rows; i++) {
        const struct dns_row *row = &r->row[i];

        if (!row->advised && (row->state == DNS_MISSING || row->state == DNS_DIFFERENT))
            return CTL_NO;
        if (!row->advised && row->state == DNS_UNKNOWN)
            status = CTL_TEMPORARY;
    }
    return status;
}

/* ---- the verb ---- */

int ctl_dns_records(struct ctl *c)
{
    struct dns_records *r = ARENA_NEW(c->arena, struct dns_records);
    bool check = ctl_option(c, "--check") != NULL;
    struct fct_err err = {0};

    *r = (struct dns_records){.ctl = c, .arena = c->arena, .domain = "", .host = ""};
    if (!take_names(r, &err) || !dns_rows_collect(r, &err) ||
        (check && !ctl_resolver_run(c, dns_rows_check, r, &r->resolver, &err)))
        return ctl_error(&err);
    dns_reports_check(r);
    if (c->json)
        print_json(r, check);
    else if (check)
        print_check(r);
    else
        print_zone(r);
    return check ? exit_status(r) : CTL_OK;
}
