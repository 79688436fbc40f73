/* ctl_check.c - asks the DNS as a filter would, with the same resolver and configuration, and
 * prints what came. */
#include "core/ctl/ctl_check.h"

#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_resolver.h"
#include "core/dns/dns_answer.h"
#include "core/dns/resolver.h"
#include "core/fiber/fiber.h"

#include <arpa/inet.h>

#define TEXT_MAX (16u << 20)

/* What a mail server may want to know of a name. */
static const enum fct_dns_type types_of_names[] = {
    FCT_DNS_SOA, FCT_DNS_NS,   FCT_DNS_CNAME, FCT_DNS_MX,
    FCT_DNS_A,   FCT_DNS_AAAA, FCT_DNS_TXT,   FCT_DNS_TLSA,
};
static const enum fct_dns_type types_of_addresses[] = {FCT_DNS_PTR};

#define MOST_TYPES FCT_COUNT(types_of_names)

struct check {
    struct ctl *ctl;
    struct dns_resolver *resolver;
    struct fct_str name;
    const enum fct_dns_type *type;
    size_t types;
    struct fct_dns_answer answer[MOST_TYPES];
};

struct one {
    struct check *check;
    size_t at;
};

/* ---- what to ask ---- */

/* "192.0.2.1" is asked for as 1.2.0.192.in-addr.arpa (RFC 1035 3.5, RFC 3596 2.5). */
static bool reverse_name(struct arena *arena, const char *word, struct fct_str *out)
{
    uint8_t v4[4], v6[16];
    char nibbles[16 * 4 + 1] = "";

    if (inet_pton(AF_INET, word, v4) == 1) {
        *out = arena_printf(arena, "%u.%u.%u.%u.in-addr.arpa", v4[3], v4[2], v4[1], v4[0]);
        return true;
    }
    if (inet_pton(AF_INET6, word, v6) != 1)
        return false;
    for (size_t i = 0; i < sizeof v6; i++)
        snprintf(nibbles + 4 * i, 5, "%x.%x.", v6[15 - i] & 15, v6[15 - i] >> 4);
    *out = arena_printf(arena, "%sip6.arpa", nibbles);
    return true;
}

static bool take_type(struct check *check, const char *word, struct fct_err *err)
{
    for (uint32_t type = 1; type < 256; type++) {
        const char *name = dns_type_name(type);

        if (name && str_equal_nocase(str_from(word), str_from(name))) {
            enum fct_dns_type *one = ARENA_NEW(check->ctl->arena, enum fct_dns_type);

            *one = (enum fct_dns_type)type;
            check->type = one;
            check->types = 1;
            return true;
        }
    }
    return fct_fail(err, FCT_SYNTAX,
                    "--type %s: must be A, AAAA, CNAME, MX, NS, PTR, SOA, SRV, TLSA or TXT", word);
}

static bool take_question(struct check *check, struct fct_err *err)
{
    const char *type = ctl_option(check->ctl, "--type");

    check->type = types_of_names;
    check->types = FCT_COUNT(types_of_names);
    if (reverse_name(check->ctl->arena, check->ctl->word[0], &check->name)) {
        check->type = types_of_addresses;
        check->types = FCT_COUNT(types_of_addresses);
    } else {
        check->name = str_from(check->ctl->word[0]);
    }
    return !type || take_type(check, type, err);
}

/* ---- asking, all at once ---- */

static void ask_one(void *arg)
{
    struct one *one = arg;
    struct check *check = one->check;

    (void)dns_resolve(check->resolver, check->ctl->arena, check->type[one->at], check->name,
                      CLOCK_NEVER, &check->answer[one->at]);
}

static void ask_all(void *arg)
{
    struct check *check = arg;
    struct fiber_group group = {0};
    struct one one[MOST_TYPES];

    for (size_t i = 0; i < check->types; i++) {
        one[i] = (struct one){check, i};
        fiber_group_run(&group, ask_one, &one[i]);
    }
    fiber_group_wait(&group);
}

/* ---- printing ---- */

static json_t *answer_json(struct check *check, size_t at)
{
    const struct fct_dns_answer *answer = &check->answer[at];
    json_t *records = json_array();

    for (size_t i = 0; i < answer->n; i++)
        json_array_append_new(
            records, ctl_json_str(dns_record_show(check->ctl->arena, (uint32_t)check->type[at],
                                                  &answer->record[i])));
    return json_pack(
        "{s:s, s:s, s:b, s:I, s:o, s:o, s:o}", "type", dns_type_name((uint32_t)check->type[at]),
        "status", dns_status_word((enum fct_dns_status)answer->status), "authentic",
        answer->authentic, "ttl", (json_int_t)answer->ttl, "canonical",
        ctl_json_str(answer->canonical), "why", ctl_json_str(answer->why), "records", records);
}

static void print_json(struct check *check)
{
    json_t *answers = json_array();

    for (size_t i = 0; i < check->types; i++)
        json_array_append_new(answers, answer_json(check, i));
    ctl_print_json(json_pack("{s:o, s:o}", "name", ctl_json_str(check->name), "answers", answers));
}

static struct fct_str trust(const struct fct_dns_answer *answer)
{
    if (answer->status != FCT_DNS_OK)
        return FCT_STR("");
    return str_from(answer->authentic ? "validated" : "not validated");
}

static void put_rows(struct check *check, size_t at, struct ctl_table *t)
{
    struct arena *arena = check->ctl->arena;
    const struct fct_dns_answer *answer = &check->answer[at];
    const char *status = dns_status_text((enum fct_dns_status)answer->status);
    struct fct_str type = str_from(dns_type_name((uint32_t)check->type[at]));
    struct fct_str ttl = ctl_number(arena, answer->ttl), trusted = trust(answer);

    for (size_t i = 0; i < answer->n; i++)
        ctl_table_row(t, (struct fct_str[]){type, ttl, trusted,
                                            dns_record_show(arena, (uint32_t)check->type[at],
                                                            &answer->record[i])});
    if (answer->n == 0)
        ctl_table_row(t,
                      (struct fct_str[]){type, FCT_STR(""), FCT_STR(""),
                                         answer->why.n > 0 ? arena_printf(arena, "%s: %.*s", status,
                                                                          FCT_FMT(answer->why))
                                                           : str_from(status)});
}

static void print_table(struct check *check)
{
    struct ctl_table t = {
        .arena = check->ctl->arena, .column = {"TYPE", "TTL>", "DNSSEC", "RECORD"}, .columns = 4};
    struct buf text = BUF_INIT(TEXT_MAX);

    for (size_t i = 0; i < check->types; i++)
        put_rows(check, i, &t);
    ctl_table_print(&t, ctl_wants_colour(), &text);
    ctl_print(&text);
    buf_free(&text);
}

/* Something is there; nothing is; nobody can say. */
static int exit_status(const struct check *check)
{
    int status = CTL_NO;

    for (size_t i = 0; i < check->types; i++) {
        if (check->answer[i].status == FCT_DNS_OK)
            return CTL_OK;
        if (check->answer[i].status == FCT_DNS_FAILED)
            status = CTL_TEMPORARY;
    }
    return status;
}

int ctl_check_dns(struct ctl *c)
{
    struct check check = {.ctl = c};
    struct fct_err err = {0};

    if (!take_question(&check, &err) ||
        !ctl_resolver_run(c, ask_all, &check, &check.resolver, &err))
        return ctl_error(&err);
    if (c->json)
        print_json(&check);
    else
        print_table(&check);
    return exit_status(&check);
}
