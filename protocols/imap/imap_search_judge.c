/* imap_search_judge.c - does a message meet a search key? Text is compared decoded and case folded
 * (RFC 9051 6.4.4). */
#include "core/base/utf8.h"
#include "core/message/mime.h"
#include "protocols/imap/imap_search.h"

#define SUMMARY_CUT 1024 /* fields in summaries are cut there (core/message/summary.h) */
#define FOLDED_MAX  (64u << 20)

/* ---- text ---- */

static bool find_bytes(struct fct_str text, struct fct_str needle)
{
    return needle.n == 0 || memmem(text.p, text.n, needle.p, needle.n) != NULL;
}

/* `needle` is folded already. ASCII text, the usual case, is folded by hand: three times as fast.
 */
static bool contains(struct fct_str text, struct fct_str needle)
{
    FCT_CLEANUP(buf_free) struct buf folded = BUF_INIT(FOLDED_MAX);
    char *to;

    if (needle.n == 0)
        return true;
    if (text.n == 0)
        return false;
    if (!str_is_ascii(text)) {
        utf8_fold(text, &folded);
        return find_bytes(buf_str(&folded), needle);
    }
    if (needle.n > text.n || !(to = buf_reserve(&folded, text.n)))
        return false;
    for (size_t i = 0; i < text.n; i++)
        to[i] = char_lower(text.p[i]);
    folded.n = text.n;
    return find_bytes(buf_str(&folded), needle);
}

/* ---- fields ---- */

static struct fct_str summary_field(const struct summary *m, struct fct_str field, bool *known)
{
    *known = true;
    if (str_equal_nocase(field, FCT_STR("Subject")))
        return m->subject;
    if (str_equal_nocase(field, FCT_STR("From")))
        return m->from;
    if (str_equal_nocase(field, FCT_STR("To")))
        return m->to;
    if (str_equal_nocase(field, FCT_STR("Cc")))
        return m->cc;
    *known = false;
    return (struct fct_str){0};
}

/* A summary can say yes; no only when the field was not cut and is there once: else the header
 * decides. */
static enum imap_search_answer judge_summary_field(const struct imap_search_key *key,
                                                   const struct summary *m)
{
    bool known;
    struct fct_str text = summary_field(m, key->field, &known);

    if (!known || (key->text.n == 0 && text.n == 0))
        return SEARCH_MAYBE;
    if (contains(text, key->text))
        return SEARCH_YES;
    return text.n + 8 < SUMMARY_CUT ? SEARCH_NO : SEARCH_MAYBE;
}

static void parse_header(const struct imap_search_message *m, struct header_list *out)
{
    const struct header_limits limits = {.max_fields = 100000, .max_bytes = 16u << 20};

    header_list_parse(m->arena, m->bytes, &limits, out);
}

static bool header_contains(const struct imap_search_message *m, const struct imap_search_key *key)
{
    struct header_list list;

    parse_header(m, &list);
    for (size_t i = 0; i < list.n; i++)
        if (str_equal_nocase(list.field[i].name, key->field) &&
            contains(header_text(m->arena, &list.field[i]), key->text))
            return true;
    return false;
}

static enum imap_search_answer yes_or_no(bool yes)
{
    return yes ? SEARCH_YES : SEARCH_NO;
}

static enum imap_search_answer judge_field(const struct imap_search_key *key,
                                           const struct imap_search_message *m)
{
    if (m->level >= SEARCH_BY_HEADER)
        return yes_or_no(header_contains(m, key));
    return m->level >= SEARCH_BY_SUMMARY ? judge_summary_field(key, m->summary) : SEARCH_MAYBE;
}

/* ---- bodies ---- */

static bool part_contains(const struct imap_search_message *m, const struct mime_part *part,
                          struct fct_str needle)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(FOLDED_MAX);

    if (part->is_multipart || part->is_message || !str_starts(part->is.type, FCT_STR("text/")))
        return false;
    mime_part_text(m->bytes, part, &text);
    return contains(buf_str(&text), needle);
}

static bool any_field_contains(const struct imap_search_message *m, const struct header_list *list,
                               struct fct_str needle)
{
    for (size_t i = 0; i < list->n; i++) {
        struct fct_str text = header_text(m->arena, &list->field[i]);

        if (contains(list->field[i].name, needle) || contains(text, needle) ||
            contains(
                arena_printf(m->arena, "%.*s: %.*s", FCT_FMT(list->field[i].name), FCT_FMT(text)),
                needle))
            return true;
    }
    return false;
}

/* TEXT is the header and the body, BODY the body alone; headers of enclosed parts are part of the
 * body. */
static bool message_contains(const struct imap_search_message *m, const struct imap_search_key *key)
{
    struct mime_tree tree;

    mime_scan(m->arena, m->bytes, &mime_default_limits, &tree);
    for (size_t i = 0; i < tree.n; i++) {
        if (part_contains(m, &tree.part[i], key->text))
            return true;
        if ((i > 0 || key->kind == SEARCH_TEXT) &&
            any_field_contains(m, &tree.part[i].header, key->text))
            return true;
    }
    return false;
}

/* ---- the tree ---- */

static bool has_keyword(const struct imap_search_message *m, struct fct_str name)
{
    for (size_t i = 0; i < m->nkeywords; i++)
        if (str_equal_nocase(m->keyword[i], name))
            return m->record->keywords >> i & 1;
    return false;
}

static bool is_between(int64_t at, const struct imap_search_key *key)
{
    return at >= key->from && at < key->to;
}

/* Three-valued AND and OR: one decisive child is enough, MAYBE stays until then. */
static enum imap_search_answer judge_children(const struct imap_search_key *key,
                                              const struct imap_search_message *m,
                                              enum imap_search_answer decisive)
{
    enum imap_search_answer answer = decisive == SEARCH_NO ? SEARCH_YES : SEARCH_NO;

    for (const struct imap_search_key *child = key->child; child; child = child->next) {
        enum imap_search_answer one = imap_search_judge(child, m);

        if (one == decisive)
            return decisive;
        if (one == SEARCH_MAYBE)
            answer = SEARCH_MAYBE;
    }
    return answer;
}

static enum imap_search_answer judge_not(const struct imap_search_key *key,
                                         const struct imap_search_message *m)
{
    enum imap_search_answer one = imap_search_judge(key->child, m);

    return one == SEARCH_MAYBE ? SEARCH_MAYBE : one == SEARCH_YES ? SEARCH_NO : SEARCH_YES;
}

enum imap_search_answer imap_search_judge(const struct imap_search_key *key,
                                          const struct imap_search_message *m)
{
    const struct hot_record *r = m->record;

    switch (key->kind) {
    case SEARCH_ALL:
        return SEARCH_YES;
    case SEARCH_NONE:
        return SEARCH_NO;
    case SEARCH_AND:
        return judge_children(key, m, SEARCH_NO);
    case SEARCH_OR:
        return judge_children(key, m, SEARCH_YES);
    case SEARCH_NOT:
        return judge_not(key, m);
    case SEARCH_FLAG:
        return yes_or_no(((r->flags & key->flag) != 0) != key->not );
    case SEARCH_KEYWORD:
        return yes_or_no(has_keyword(m, key->text) != key->not );
    case SEARCH_SET:
        return yes_or_no(imap_indexes_has(&key->set, m->index));
    case SEARCH_LARGER:
        return yes_or_no(r->size > key->number);
    case SEARCH_SMALLER:
        return yes_or_no(r->size < key->number);
    case SEARCH_RECEIVED:
        return yes_or_no(is_between(r->internal_date, key));
    case SEARCH_SENT: /* 0: no readable Date: field */
        return yes_or_no(r->sent_date != 0 && is_between(r->sent_date, key));
    case SEARCH_FIELD:
        return judge_field(key, m);
    case SEARCH_BODY:
    case SEARCH_TEXT:
        return m->level < SEARCH_BY_MESSAGE ? SEARCH_MAYBE : yes_or_no(message_contains(m, key));
    }
    return SEARCH_NO;
}

enum imap_search_level imap_search_needs(const struct imap_search_key *key)
{
    enum imap_search_level most = SEARCH_BY_RECORD;

    if (key->kind == SEARCH_BODY || key->kind == SEARCH_TEXT)
        return SEARCH_BY_MESSAGE;
    if (key->kind == SEARCH_FIELD)
        return SEARCH_BY_HEADER;
    for (const struct imap_search_key *child = key->child; child; child = child->next) {
        enum imap_search_level needs = imap_search_needs(child);

        if (needs > most)
            most = needs;
    }
    return most;
}
