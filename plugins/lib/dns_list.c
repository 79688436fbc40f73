/* dns_list.c - reading the table, see dns_list.h. */
#include "plugins/lib/dns_list.h"

#include "plugins/lib/ip_address.h"

#include <stdlib.h>
#include <strings.h>

#define BLOCKED   "blocked"
#define SCORE_MAX 100.0

static bool fail(struct fct_err *err, const char *row, const char *what, const char *word)
{
    err->class = FCT_SYNTAX;
    (void)snprintf(err->text, sizeof err->text, "list: \"%.90s\": %s%s%.60s", row, what,
                   word ? ": " : "", word ? word : "");
    return false;
}

/* The next word, cut off with a NUL; NULL: there is none. */
static char *take_word(char **rest)
{
    char *word = *rest + strspn(*rest, " \t");
    size_t n = strcspn(word, " \t");

    if (n == 0)
        return NULL;
    *rest = word + n + (word[n] != '\0');
    word[n] = '\0';
    return word;
}

/* ---- ZONE ---- */

static bool is_zone(char *word)
{
    size_t n = strlen(word);

    if (n > 0 && word[n - 1] == '.')
        word[--n] = '\0';
    for (size_t i = 0; i < n; i++)
        if (word[i] >= 'A' && word[i] <= 'Z')
            word[i] = (char)(word[i] - 'A' + 'a');
    return n > 0 && n < 200 && strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == n &&
           strchr(word, '.') && word[0] != '.' && !strstr(word, "..");
}

/* ---- ITEM ---- */

static const char *const hashes[DNS_LIST_HASHES] = {
    [DNS_LIST_PLAIN] = "",
    [DNS_LIST_MD5] = "/md5",
    [DNS_LIST_SHA1] = "/sha1",
    [DNS_LIST_SHA256_BASE32] = "/sha256-base32",
};

static bool take_hash(char *word, enum dns_list_hash *out)
{
    char *slash = strchr(word, '/');

    for (unsigned i = 0; i < DNS_LIST_HASHES; i++)
        if (strcmp(slash ? slash : "", hashes[i]) == 0) {
            *out = (enum dns_list_hash)i;
            if (slash)
                *slash = '\0';
            return true;
        }
    return false;
}

static bool take_org(char *word)
{
    char *colon = strchr(word, ':');

    if (!colon || strcmp(colon, ":org") != 0)
        return false;
    *colon = '\0';
    return true;
}

static bool find_item(const struct dns_list_item *items, const char *word, size_t *out)
{
    for (*out = 0; items[*out].word; (*out)++)
        if (strcmp(items[*out].word, word) == 0)
            return true;
    return false;
}

static bool take_item(const struct dns_list_item *items, char *word, struct dns_list_row *row,
                      const char *text, struct fct_err *err)
{
    if (!take_hash(word, &row->hash))
        return fail(err, text, "behind / stands md5, sha1 or sha256-base32", NULL);
    row->org = take_org(word);
    if (!find_item(items, word, &row->item))
        return fail(err, text, "not known here", word);
    if (row->org && items[row->item].kind != DNS_LIST_NAME)
        return fail(err, text, ":org is for names", NULL);
    if (row->hash == DNS_LIST_PLAIN && items[row->item].kind == DNS_LIST_MAILBOX)
        return fail(err, text, "addresses are asked about by digest only, as in /sha256-base32",
                    NULL);
    return true;
}

/* ---- ANSWER ---- */

static bool take_number(const char **at, uint8_t *out)
{
    unsigned n = 0;
    const char *start = *at;

    for (; **at >= '0' && **at <= '9' && *at - start < 3; (*at)++)
        n = 10 * n + (unsigned)(**at - '0');
    *out = (uint8_t)n;
    return *at > start && n <= 255;
}

/* octet = "*" / "&" number / number [ "-" number ] */
static bool take_octet(const char **at, struct dns_list_octet *out)
{
    *out = (struct dns_list_octet){.high = 255};
    if (**at == '*') {
        (*at)++;
        return true;
    }
    if (**at == '&') {
        (*at)++;
        return take_number(at, &out->mask) && out->mask != 0;
    }
    if (!take_number(at, &out->low))
        return false;
    out->high = out->low;
    if (**at != '-')
        return true;
    (*at)++;
    return take_number(at, &out->high) && out->high >= out->low;
}

static bool take_answer(const char *word, struct dns_list_row *row)
{
    row->any = strcmp(word, "any") == 0;
    for (unsigned i = 0; i < 4 && !row->any; i++) {
        if (!take_octet(&word, &row->octet[i]))
            return false;
        if (i < 3 && *word++ != '.')
            return false;
    }
    return row->any || *word == '\0';
}

/* ---- SYMBOL SCORE SENTENCE ---- */

static bool take_score(const char *word, double *out)
{
    char *end = NULL;

    *out = word ? strtod(word, &end) : 0;
    return word && end != word && *end == '\0' && *out >= -SCORE_MAX && *out <= SCORE_MAX;
}

static bool is_symbol(const char *word)
{
    size_t n = strlen(word);

    return n > 0 && n <= 64 && strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == n;
}

static bool take_meaning(char **rest, struct dns_list_row *row, const char *text,
                         struct fct_err *err)
{
    char *word = take_word(rest);

    row->about = "";
    if (!word)
        return fail(err, text, "a symbol and its score are missing", NULL);
    row->blocked = strcmp(word, BLOCKED) == 0;
    if (row->blocked)
        return !row->any || fail(err, text, "any answer cannot be \"blocked\"", NULL);
    if (!is_symbol(word))
        return fail(err, text, "no symbol (A-Z, 0-9, _) and not \"blocked\"", word);
    row->symbol = word;
    word = take_word(rest);
    if (!take_score(word, &row->score))
        return fail(err, text, "behind the symbol stands its score, -100 to 100", NULL);
    row->about = *rest + strspn(*rest, " \t");
    return true;
}

/* ---- rows ---- */

static bool read_row(const struct dns_list_item *items, const char *text, struct dns_list_row *row,
                     struct fct_err *err)
{
    char *rest = row->text, *word;

    word = take_word(&rest);
    if (!word || !is_zone(word))
        return fail(err, text, "it must begin with the list's domain", NULL);
    row->zone = word;
    word = take_word(&rest);
    if (!word)
        return fail(err, text, "what to ask about is missing", NULL);
    if (!take_item(items, word, row, text, err))
        return false;
    word = take_word(&rest);
    if (!word || !take_answer(word, row))
        return fail(err, text, "no answer, as 127.0.0.2, 127.0.0.4-7, 127.0.*.3, 127.0.0.&8 or any",
                    word);
    return take_meaning(&rest, row, text, err);
}

static bool is_same_list(const struct dns_list_row *a, const struct dns_list_row *b)
{
    return a->item == b->item && a->org == b->org && a->hash == b->hash &&
           strcmp(a->zone, b->zone) == 0;
}

/* A symbol has one score. */
static bool agrees(const struct dns_list_table *table, const struct dns_list_row *row)
{
    for (const struct dns_list_row *r = table->row; row->symbol && r < row; r++)
        if (r->symbol && strcmp(r->symbol, row->symbol) == 0 &&
            (r->score < row->score || r->score > row->score))
            return false;
    return true;
}

static void place(struct dns_list_table *table, struct dns_list_row *row)
{
    size_t at = (size_t)(row - table->row), zone = 0;

    row->list = 0;
    while (row->list < at && !is_same_list(&table->row[row->list], row))
        row->list++;
    while (zone < table->zones && strcmp(table->zone[zone], row->zone) != 0)
        zone++;
    if (zone == table->zones)
        table->zone[table->zones++] = row->zone;
    row->zone_at = zone;
}

static bool add_row(struct dns_list_table *table, const char *text, struct fct_err *err)
{
    struct dns_list_row *row = &table->row[table->n];

    row->text = strdup(text);
    if (!row->text)
        return fail(err, text, "no memory", NULL);
    table->n++;
    if (!read_row(table->items, text, row, err))
        return false;
    if (!agrees(table, row))
        return fail(err, text, "another row gives this symbol another score", row->symbol);
    place(table, row);
    return true;
}

bool dns_list_table_read(const struct fct_strings *rows, const struct dns_list_item *items,
                         struct dns_list_table *out, struct fct_err *err)
{
    *out = (struct dns_list_table){.items = items};
    if (rows->n > DNS_LIST_ROWS_MAX)
        return fail(err, rows->item[DNS_LIST_ROWS_MAX], "more than 500 rows", NULL);
    out->row = calloc(rows->n + 1, sizeof *out->row);
    out->zone = calloc(rows->n + 1, sizeof *out->zone);
    for (size_t i = 0; i < rows->n; i++)
        if (!out->row || !out->zone || !add_row(out, rows->item[i], err)) {
            dns_list_table_free(out);
            return false;
        }
    return true;
}

void dns_list_table_free(struct dns_list_table *table)
{
    for (size_t i = 0; i < table->n; i++)
        free(table->row[i].text);
    free(table->row);
    free(table->zone);
    *table = (struct dns_list_table){0};
}

/* ---- answers ---- */

static bool fits(const struct dns_list_octet *octet, uint8_t value)
{
    return octet->mask ? (octet->mask & value) != 0 : value >= octet->low && value <= octet->high;
}

static bool row_fits(const struct dns_list_row *row, const uint8_t byte[4])
{
    for (unsigned i = 0; i < 4 && !row->any; i++)
        if (!fits(&row->octet[i], byte[i]))
            return false;
    return true;
}

static bool read_answer(struct fct_str address, struct ip_address *out)
{
    return ip_address_parse(address, out) && !out->v6 && out->byte[0] == 127;
}

bool dns_list_is_hit(const struct dns_list_row *row, struct fct_str address)
{
    struct ip_address a;

    return !row->blocked && read_answer(address, &a) && row_fits(row, a.byte);
}

enum dns_list_answer dns_list_judge(const struct dns_list_table *table, size_t list,
                                    struct fct_str address)
{
    enum dns_list_answer found = DNS_LIST_NOTHING;
    struct ip_address a;

    if (!read_answer(address, &a))
        return DNS_LIST_STRANGE;
    if (a.byte[1] == 255 && a.byte[2] == 255)
        return DNS_LIST_BLOCKED;
    for (size_t i = list; i < table->n; i++) {
        const struct dns_list_row *row = &table->row[i];

        if (row->list != list || !row_fits(row, a.byte))
            continue;
        if (row->blocked)
            return DNS_LIST_BLOCKED;
        found = DNS_LIST_HIT;
    }
    return found;
}
