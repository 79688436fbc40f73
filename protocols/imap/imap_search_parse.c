/* imap_search_parse.c - search-key (RFC 9051 9). */
#include "core/base/utf8.h"
#include "protocols/imap/imap_search.h"

#define DAY 86400

enum argument { NOTHING, FLAG_KEYWORD, NUMBER, DATE, TEXT, FIELD_TEXT, UID_SET, ONE_KEY, TWO_KEYS };
enum { BEFORE, ON, SINCE };

/* clang-format off */
static const struct row {
    const char *name;
    enum argument argument;
    enum imap_search_kind kind;
    uint16_t flag;      /* or BEFORE, ON, SINCE */
    bool not;
    const char *field;
} rows[] = {
    {"ALL",        NOTHING,      SEARCH_ALL,      0,             false, NULL,      },
    {"ANSWERED",   NOTHING,      SEARCH_FLAG,     FLAG_ANSWERED, false, NULL,      },
    {"BCC",        TEXT,         SEARCH_FIELD,    0,             false, "Bcc",     },
    {"BEFORE",     DATE,         SEARCH_RECEIVED, BEFORE,        false, NULL,      },
    {"BODY",       TEXT,         SEARCH_BODY,     0,             false, NULL,      },
    {"CC",         TEXT,         SEARCH_FIELD,    0,             false, "Cc",      },
    {"DELETED",    NOTHING,      SEARCH_FLAG,     FLAG_DELETED,  false, NULL,      },
    {"DRAFT",      NOTHING,      SEARCH_FLAG,     FLAG_DRAFT,    false, NULL,      },
    {"FLAGGED",    NOTHING,      SEARCH_FLAG,     FLAG_FLAGGED,  false, NULL,      },
    {"FROM",       TEXT,         SEARCH_FIELD,    0,             false, "From",    },
    {"HEADER",     FIELD_TEXT,   SEARCH_FIELD,    0,             false, NULL,      },
    {"KEYWORD",    FLAG_KEYWORD, SEARCH_KEYWORD,  0,             false, NULL,      },
    {"LARGER",     NUMBER,       SEARCH_LARGER,   0,             false, NULL,      },
    {"NEW",        NOTHING,      SEARCH_NONE,     0,             false, NULL,      }, /* RFC 3501: RECENT and UNSEEN */
    {"NOT",        ONE_KEY,      SEARCH_NOT,      0,             false, NULL,      },
    {"OLD",        NOTHING,      SEARCH_ALL,      0,             false, NULL,      }, /* RFC 3501: not RECENT */
    {"ON",         DATE,         SEARCH_RECEIVED, ON,            false, NULL,      },
    {"OR",         TWO_KEYS,     SEARCH_OR,       0,             false, NULL,      },
    {"RECENT",     NOTHING,      SEARCH_NONE,     0,             false, NULL,      }, /* RFC 3501: nobody gets \Recent here */
    {"SEEN",       NOTHING,      SEARCH_FLAG,     FLAG_SEEN,     false, NULL,      },
    {"SENTBEFORE", DATE,         SEARCH_SENT,     BEFORE,        false, NULL,      },
    {"SENTON",     DATE,         SEARCH_SENT,     ON,            false, NULL,      },
    {"SENTSINCE",  DATE,         SEARCH_SENT,     SINCE,         false, NULL,      },
    {"SINCE",      DATE,         SEARCH_RECEIVED, SINCE,         false, NULL,      },
    {"SMALLER",    NUMBER,       SEARCH_SMALLER,  0,             false, NULL,      },
    {"SUBJECT",    TEXT,         SEARCH_FIELD,    0,             false, "Subject", },
    {"TEXT",       TEXT,         SEARCH_TEXT,     0,             false, NULL,      },
    {"TO",         TEXT,         SEARCH_FIELD,    0,             false, "To",      },
    {"UID",        UID_SET,      SEARCH_SET,      0,             false, NULL,      },
    {"UNANSWERED", NOTHING,      SEARCH_FLAG,     FLAG_ANSWERED, true,  NULL,      },
    {"UNDELETED",  NOTHING,      SEARCH_FLAG,     FLAG_DELETED,  true,  NULL,      },
    {"UNDRAFT",    NOTHING,      SEARCH_FLAG,     FLAG_DRAFT,    true,  NULL,      },
    {"UNFLAGGED",  NOTHING,      SEARCH_FLAG,     FLAG_FLAGGED,  true,  NULL,      },
    {"UNKEYWORD",  FLAG_KEYWORD, SEARCH_KEYWORD,  0,             true,  NULL,      },
    {"UNSEEN",     NOTHING,      SEARCH_FLAG,     FLAG_SEEN,     true,  NULL,      },
};
/* clang-format on */

static bool parse_key(struct imap_search_parser *p, struct fct_str *in,
                      struct imap_search_key **out, struct fct_err *err);

static bool bad(struct fct_err *err, const char *text)
{
    return err->class != FCT_OK ? false : fct_fail(err, FCT_SYNTAX, "%s", text);
}

static struct imap_search_key *new_key(struct imap_search_parser *p, enum imap_search_kind kind)
{
    struct imap_search_key *key = ARENA_NEW(p->arena, struct imap_search_key);

    p->keys++;
    key->kind = kind;
    return key;
}

static struct fct_str fold(struct arena *arena, struct fct_str text)
{
    FCT_CLEANUP(buf_free) struct buf folded = BUF_INIT(8 * text.n + 64);

    utf8_fold(text, &folded);
    return arena_str(arena, buf_str(&folded));
}

static void set_dates(struct imap_search_key *key, uint16_t when, int64_t day)
{
    key->from = when == BEFORE ? INT64_MIN : day;
    key->to = when == BEFORE ? day : when == ON ? day + DAY : INT64_MAX;
}

static bool parse_set(struct imap_search_parser *p, struct fct_str *in, bool uid,
                      struct imap_search_key *key, struct fct_err *err)
{
    struct imap_sequence_set set;

    return imap_parse_sequence_set(in, p->arena, &set) &&
           p->resolve(p->owner, &set, uid, &key->set, err);
}

/* SP and the argument that the row asks for. */
static bool parse_argument(struct imap_search_parser *p, const struct row *row, struct fct_str *in,
                           struct imap_search_key *key, struct fct_err *err)
{
    struct fct_str text;
    uint64_t number;
    int64_t day;

    if (row->argument == NOTHING)
        return true;
    if (!imap_parse_space(in))
        return false;
    switch (row->argument) {
    case FLAG_KEYWORD:
        return imap_parse_atom(in, &key->text);
    case NUMBER:
        if (!imap_parse_number64(in, &number))
            return false;
        key->number = number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
        return true;
    case DATE:
        if (!imap_parse_date(in, &day))
            return false;
        set_dates(key, row->flag, day);
        return true;
    case FIELD_TEXT:
        if (!imap_parse_astring(in, p->arena, &key->field) || !imap_parse_space(in))
            return false;
        break;
    case UID_SET:
        return parse_set(p, in, true, key, err);
    case ONE_KEY:
        return parse_key(p, in, &key->child, err);
    case TWO_KEYS:
        return parse_key(p, in, &key->child, err) && imap_parse_space(in) &&
               parse_key(p, in, &key->child->next, err);
    case NOTHING:
    case TEXT:
        break;
    }
    if (!imap_parse_astring(in, p->arena, &text))
        return false;
    key->text = fold(p->arena, text);
    return true;
}

static bool parse_named(struct imap_search_parser *p, struct fct_str *in,
                        struct imap_search_key **out, struct fct_err *err)
{
    for (size_t i = 0; i < FCT_COUNT(rows); i++) {
        if (!imap_parse_word(in, rows[i].name))
            continue;
        *out = new_key(p, rows[i].kind);
        (*out)->flag = rows[i].kind == SEARCH_FLAG ? rows[i].flag : 0;
        (*out)->not = rows[i].not ;
        (*out)->field = str_from(rows[i].field);
        return parse_argument(p, &rows[i], in, *out, err) ||
               bad(err, "Bad argument of a search key");
    }
    return bad(err, "Unknown search key");
}

static bool parse_all(struct imap_search_parser *p, struct fct_str *in,
                      struct imap_search_key **out, struct fct_err *err)
{
    struct imap_search_key **next = &(*out = new_key(p, SEARCH_AND))->child;

    do {
        if (!parse_key(p, in, next, err))
            return false;
        next = &(*next)->next;
    } while (imap_parse_space(in));
    return true;
}

static bool is_set_start(struct fct_str in)
{
    return in.n > 0 && (in.p[0] == '*' || in.p[0] == '$' || (in.p[0] >= '0' && in.p[0] <= '9'));
}

static bool parse_key(struct imap_search_parser *p, struct fct_str *in,
                      struct imap_search_key **out, struct fct_err *err)
{
    bool ok;

    if (++p->depth > IMAP_SEARCH_DEPTH || p->keys > IMAP_SEARCH_KEYS)
        return bad(err, "The search is too deep or too long");
    if (imap_parse_char(in, '(')) {
        ok = parse_all(p, in, out, err) && imap_parse_char(in, ')');
    } else if (is_set_start(*in)) {
        *out = new_key(p, SEARCH_SET);
        ok = parse_set(p, in, false, *out, err);
    } else {
        ok = parse_named(p, in, out, err);
    }
    p->depth--;
    return ok || bad(err, "Bad search key");
}

bool imap_search_parse(struct imap_search_parser *p, struct fct_str *in,
                       struct imap_search_key **out, struct fct_err *err)
{
    if (!parse_all(p, in, out, err))
        return false;
    return imap_parse_end(*in) || bad(err, "Unexpected text after the search keys");
}
