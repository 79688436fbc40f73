/* lint_fields.c - fields that must be there, once, and make sense (RFC 5322 3.6). */
#include "lint.h"

#include "lint_text.h"

#include <strings.h>

#define NOTHING FCT_STR("")

static const struct fct_header *field(struct lint *l, const char *name)
{
    return l->host->header(l->call, name, 0);
}

static bool is_blank(const struct fct_header *h)
{
    return !h || lint_trim(h->value).n == 0;
}

static void check_presence(struct lint *l)
{
    lint_if(l, is_blank(field(l, "Date")), LINT_NO_DATE, NOTHING);
    lint_if(l, is_blank(field(l, "From")), LINT_NO_FROM, NOTHING);
    lint_if(l, is_blank(field(l, "Message-ID")), LINT_NO_MESSAGE_ID, NOTHING);
    lint_if(l, is_blank(field(l, "Subject")), LINT_NO_SUBJECT, NOTHING);
    lint_if(l, is_blank(field(l, "To")) && is_blank(field(l, "Cc")), LINT_NO_TO, NOTHING);
}

/* RFC 5322 3.6: each at most once. */
static void check_duplicates(struct lint *l)
{
    static const char *const once[] = {"Date",    "Sender",     "Reply-To",    "To",        "Cc",
                                       "Subject", "Message-ID", "In-Reply-To", "References"};

    lint_if(l, l->host->header(l->call, "From", 1) != NULL, LINT_TWO_FROM, NOTHING);
    for (size_t i = 0; i < FCT_COUNT(once); i++)
        lint_if(l, l->host->header(l->call, once[i], 1) != NULL, LINT_DUPLICATE_FIELD,
                (struct fct_str){once[i], strlen(once[i])});
}

static void check_date(struct lint *l)
{
    const struct fct_header *h = field(l, "Date");
    int64_t date;

    if (is_blank(h))
        return;
    if (!lint_date(h->value, &date)) {
        lint_found(l, LINT_BAD_DATE, lint_trim(h->value));
        return;
    }
    lint_if(l, !lint_zone_exists(h->value), LINT_DATE_ZONE, lint_trim(h->value));
    lint_if(l, date > l->now + (int64_t)l->future_s, LINT_DATE_FUTURE, lint_trim(h->value));
    lint_if(l, date < l->now - (int64_t)l->past_s, LINT_DATE_PAST, lint_trim(h->value));
}

/* SMTPUTF8 allows UTF-8 in fields (RFC 6532); without it, or as something else, it is an error of
 * the sender's program. */
static void check_bytes(struct lint *l)
{
    const struct fct_header *h;
    size_t n = l->host->headers(l->call, &h);
    bool utf8 = l->host->envelope(l->call)->smtputf8;

    for (size_t i = 0; i < n; i++)
        if (!lint_is_ascii(h[i].value) && !(utf8 && lint_is_utf8(h[i].value)))
            lint_found(l, LINT_FIELD_8BIT, h[i].name);
}

/* ---- addresses ---- */

static bool same_mailbox(const struct fct_address *a, const struct fct_address *b)
{
    return a->local.n > 0 && a->domain.n > 0 && a->local.n == b->local.n &&
           a->domain.n == b->domain.n && memcmp(a->local.p, b->local.p, a->local.n) == 0 &&
           strncasecmp(a->domain.p, b->domain.p, a->domain.n) == 0;
}

static void check_addresses(struct lint *l)
{
    static const char *const to_names[] = {"To", "Cc"};
    const struct fct_header *h = field(l, "From");
    const struct fct_address *from = NULL, *to;
    size_t from_n = h ? l->host->addresses(l->call, h, &from) : 0, all = 0;

    for (size_t i = 0; i < FCT_COUNT(to_names); i++) {
        size_t n = (h = field(l, to_names[i])) ? l->host->addresses(l->call, h, &to) : 0;

        all += n;
        if (n == 0)
            continue;
        lint_if(l, i == 0 && n == 1 && from_n > 0 && same_mailbox(&from[0], &to[0]),
                LINT_FROM_IS_TO, to[0].domain);
        lint_if(l, to[0].kind == FCT_ADDRESS_GROUP_START, LINT_UNDISCLOSED, to[0].name);
    }
    lint_if(l, all > l->recipients, LINT_MANY_RECIPIENTS, NOTHING);
}

void lint_fields(struct lint *l)
{
    const struct fct_header *id = field(l, "Message-ID");

    check_presence(l);
    check_duplicates(l);
    check_date(l);
    lint_if(l, !is_blank(id) && !lint_is_message_id(id->value), LINT_BAD_MESSAGE_ID,
            id ? lint_trim(id->value) : NOTHING);
    check_bytes(l);
    check_addresses(l);
}
