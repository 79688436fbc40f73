/* lint_sender.c - whether the author's address is one that somebody writes from: providers that
 * have not seen the message, names that a program made up, answers that go elsewhere. */
#include "lint.h"

#include "lint_text.h"

#include <strings.h>

enum { HOPS_MAX = 20, NAME_MAX = 20 };

/* ---- free mail ---- */

static const struct {
    const char *domain, *names;
} freemail[] = {
#define FREEMAIL(domain, names) {domain, names},
#include "freemail.def"
#undef FREEMAIL
};

static bool is_of(struct fct_str domain, const char *row)
{
    size_t n = strlen(row);

    return row[n - 1] == '.' ? lint_begins(domain, row) : lint_same(domain, row);
}

/* One of the words of `names`, separated by spaces, is in it. */
static bool names_one(struct fct_str value, const char *names)
{
    while (*names) {
        size_t n = strcspn(names, " ");

        for (size_t i = 0; i + n <= value.n; i++)
            if (strncasecmp(value.p + i, names, n) == 0)
                return true;
        names += names[n] == ' ' ? n + 1 : n;
    }
    return false;
}

static bool was_seen_by(struct lint *l, const char *names)
{
    const struct fct_header *h = l->host->header(l->call, "Message-ID", 0);

    if (h && names_one(h->value, names))
        return true;
    for (size_t i = 0; i < HOPS_MAX && (h = l->host->header(l->call, "Received", i)); i++)
        if (names_one(h->value, names))
            return true;
    return false;
}

/* Lists send on what their members write, sometimes without the way it came. */
static bool is_of_list(struct lint *l)
{
    static const char *const marks[] = {"List-Id", "List-Post", "Mailing-List", "X-Mailing-List",
                                        "Precedence"};

    for (size_t i = 0; i < FCT_COUNT(marks); i++)
        if (l->host->header(l->call, marks[i], 0))
            return true;
    return false;
}

static void check_freemail(struct lint *l, struct fct_str domain)
{
    if (!l->host->header(l->call, "Received", 0) || is_of_list(l))
        return;
    for (size_t i = 0; i < FCT_COUNT(freemail); i++)
        if (is_of(domain, freemail[i].domain)) {
            lint_if(l, !was_seen_by(l, freemail[i].names), LINT_FREEMAIL_ELSEWHERE, domain);
            return;
        }
}

/* ---- names that nobody has ---- */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits, letters and digits again behind a letter, as "r3kx82v". Programs mark their mail so
 * behind a sign ("reply+4f6a2c@", "bounce-3a4b@"): they are left out. */
static bool is_made_up(struct fct_str local)
{
    unsigned changes = 0;

    if (local.n == 0 || local.n > NAME_MAX || !is_letter(*local.p))
        return false;
    for (size_t i = 0; i < local.n; i++) {
        if (!is_letter(local.p[i]) && !is_digit(local.p[i]))
            return false;
        changes += i > 0 && is_digit(local.p[i]) != is_digit(local.p[i - 1]);
    }
    return changes >= 3;
}

/* ---- answers ---- */

static const struct fct_address *first_of(struct lint *l, const char *name)
{
    const struct fct_header *h = l->host->header(l->call, name, 0);
    const struct fct_address *a;
    size_t n = h ? l->host->addresses(l->call, h, &a) : 0;

    return n > 0 && a[0].kind == FCT_ADDRESS_MAILBOX && a[0].domain.n > 0 ? &a[0] : NULL;
}

static bool same_organisation(struct lint *l, struct fct_str a, struct fct_str b)
{
    a = l->host->org_domain(l->call, a);
    b = l->host->org_domain(l->call, b);
    return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

void lint_sender(struct lint *l)
{
    const struct fct_address *from = first_of(l, "From"), *reply;

    if (!from)
        return;
    check_freemail(l, from->domain);
    lint_if(l, is_made_up(from->local), LINT_SENDER_RANDOM, from->local);
    reply = first_of(l, "Reply-To");
    lint_if(l, reply && !is_of_list(l) && !same_organisation(l, from->domain, reply->domain),
            LINT_REPLY_ELSEWHERE, reply ? reply->domain : from->domain);
}
