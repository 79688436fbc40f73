/* test_imap_search.c - keys as written, and what they find with more or less knowledge of a
 * message. */
#include "core/message/mime.h"
#include "imap_test.h"
#include "protocols/imap/imap_search.h"

struct fixture {
    struct arena *arena;
    struct imap_view view; /* empty */
};

static bool resolve(void *owner, const struct imap_sequence_set *set, bool uid,
                    struct imap_indexes *out, struct fct_err *err)
{
    struct fixture *f = owner;

    return imap_view_resolve(&f->view, set, uid, f->arena, out, err);
}

static struct imap_search_key *parse(struct fixture *f, struct fct_str text, struct fct_err *err)
{
    struct imap_search_parser p = {.arena = f->arena, .resolve = resolve, .owner = f};
    struct imap_search_key *key = NULL;

    return imap_search_parse(&p, &text, &key, err) ? key : NULL;
}

START_TEST(accepted_and_refused)
{
    static const struct {
        const char *in;
        bool ok;
    } cases[] = {
        {"ALL", true},
        {"unseen FLAGGED", true},
        {"NOT SEEN", true},
        {"NOT NOT NOT SEEN", true},
        {"OR SEEN FLAGGED", true},
        {"(SEEN OR FLAGGED (DRAFT))", true},
        {"SUBJECT hello", true},
        {"SUBJECT \"two words\"", true},
        {"HEADER X-Thing {3}\r\nabc", true},
        {"KEYWORD $Label", true},
        {"SINCE 1-Feb-1994 BEFORE \"02-Feb-1994\"", true},
        {"LARGER 100 SMALLER 99999999999", true},
        {"1:*", true},
        {"*", true},
        {"UID 1:*", true},
        {"", false},
        {"FOO", false},
        {"SEEN ", false},
        {"SEEN  SEEN", false},
        {"NOT", false},
        {"NOT ", false},
        {"OR SEEN", false},
        {"()", false},
        {"(SEEN", false},
        {"SEEN)", false},
        {"SUBJECT", false},
        {"SUBJECT (a)", false},
        {"HEADER X", false},
        {"LARGER -1", false},
        {"SINCE 30-Feb-2000", false},
        {"SINCE yesterday", false},
        {"7", false}, /* the mailbox is empty */
        {"0", false},
        {"SEENX", false},
    };
    struct fixture f = {.arena = arena_new(NULL)};

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_err err = {0};

        ck_assert_msg((parse(&f, str_from(cases[i].in), &err) != NULL) == cases[i].ok, "%s: %s",
                      cases[i].in, err.text);
        ck_assert_msg(cases[i].ok || err.class == FCT_SYNTAX, "%s", cases[i].in);
    }
    arena_free(&f.arena);
}
END_TEST

START_TEST(nesting_and_number_are_bounded)
{
    struct fixture f = {.arena = arena_new(NULL)};
    const struct {
        const char *piece, *end;
        unsigned times;
        bool ok;
    } cases[] = {
        {"NOT ", "SEEN", IMAP_SEARCH_DEPTH - 1, true},
        {"NOT ", "SEEN", IMAP_SEARCH_DEPTH, false},
        {"NOT ", "SEEN", 10000, false},
        {"(", "", 1000000, false},
        {"OR SEEN ", "SEEN", 10000, false},
        {"SEEN ", "SEEN", IMAP_SEARCH_KEYS + 1, false},
        {"SEEN ", "SEEN", IMAP_SEARCH_KEYS - 10, true},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(16u << 20);
        struct fct_err err = {0};

        for (unsigned k = 0; k < cases[i].times; k++)
            buf_put_c(&text, cases[i].piece);
        buf_put_c(&text, cases[i].end);
        ck_assert_msg((parse(&f, buf_str(&text), &err) != NULL) == cases[i].ok, "case %zu: %s", i,
                      err.text);
    }
    arena_free(&f.arena);
}
END_TEST

/* ---- judging ---- */

static const char message[] =
    "From: =?utf-8?Q?J=C3=BCrgen_M=C3=BCller?= <juergen@example.org>\r\n"
    "To: Alice <alice@example.net>\r\n"
    "Subject: =?utf-8?B?R3LDvMOfZQ==?= from Berlin\r\n"
    "Bcc: hidden@example.com\r\n"
    "Message-ID: <abc@x>\r\n"
    "X-Empty:\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=q\r\n\r\n"
    "--q\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    "Caf=E9 au lait, broken wo=\r\nrd\r\n"
    "--q\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n"
    "X-Part: inside\r\n\r\n"
    "PHA+R2VoZWltPC9wPg==\r\n"
    "--q\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    "YmluYXJ5c3R1ZmY=\r\n"
    "--q--\r\n";

struct knowledge {
    struct hot_record record;
    struct summary summary;
    struct fct_str bytes;
};

static void learn(struct arena *arena, struct knowledge *k)
{
    static const struct edit_list none;
    FCT_CLEANUP(buf_free) struct buf encoded = BUF_INIT(1u << 20);
    struct mime_tree tree;
    struct fct_err err = {0};

    k->bytes = (struct fct_str){message, sizeof message - 1};
    mime_scan(arena, k->bytes, &mime_default_limits, &tree);
    ck_assert(summary_build(arena, k->bytes, &tree, &none, &encoded));
    ck_assert(summary_decode(arena, arena_str(arena, buf_str(&encoded)), &k->summary, &err));
    k->record = (struct hot_record){
        .uid = 7,
        .size = 1000,
        .flags = FLAG_SEEN | FLAG_FLAGGED,
        .keywords = 2,
        .internal_date = 760060800 + 3600, /* 1-Feb-1994 01:00 */
        .sent_date = 760060800 - 1,        /* 31-Jan-1994 23:59:59 */
    };
}

static const char *const answers[] = {
    [SEARCH_NO] = "no", [SEARCH_YES] = "yes", [SEARCH_MAYBE] = "maybe"};

START_TEST(judged)
{
    /* the answer by record, by summary, by header, by message: n, y or ? */
    static const struct {
        const char *key, *want;
    } cases[] = {
        {"ALL", "yyyy"},
        {"SEEN", "yyyy"},
        {"UNSEEN", "nnnn"},
        {"ANSWERED", "nnnn"},
        {"UNANSWERED", "yyyy"},
        {"NEW", "nnnn"},
        {"OLD", "yyyy"},
        {"RECENT", "nnnn"},
        {"KEYWORD junk", "yyyy"},
        {"KEYWORD $Label", "nnnn"},
        {"UNKEYWORD $Label", "yyyy"},
        {"KEYWORD unknown", "nnnn"},
        {"UNKEYWORD unknown", "yyyy"},
        {"LARGER 999", "yyyy"},
        {"LARGER 1000", "nnnn"},
        {"SMALLER 1001", "yyyy"},
        {"SMALLER 1000", "nnnn"},
        {"ON 1-Feb-1994", "yyyy"},
        {"ON 31-Jan-1994", "nnnn"},
        {"SINCE 1-Feb-1994", "yyyy"},
        {"SINCE 2-Feb-1994", "nnnn"},
        {"BEFORE 1-Feb-1994", "nnnn"},
        {"BEFORE 2-Feb-1994", "yyyy"},
        {"SENTON 31-Jan-1994", "yyyy"},
        {"SENTSINCE 1-Feb-1994", "nnnn"},
        {"SENTBEFORE 1-Feb-1994", "yyyy"},
        {"NOT SEEN", "nnnn"},
        {"NOT (UNSEEN)", "yyyy"},
        {"OR UNSEEN FLAGGED", "yyyy"},
        {"OR UNSEEN DRAFT", "nnnn"},
        {"SEEN DRAFT", "nnnn"},
        {"SUBJECT berlin", "?yyy"},
        {"SUBJECT \"GR\xc3\x9cSSE FROM\"", "?yyy"}, /* ß folds to ss */
        {"SUBJECT paris", "?nnn"},
        {"FROM \"m\xc3\xbcller\"", "?yyy"},
        {"FROM juergen@EXAMPLE", "?yyy"},
        {"TO alice", "?yyy"},
        {"CC alice", "?nnn"},
        {"BCC hidden", "??yy"},
        {"BCC other", "??nn"},
        {"HEADER Message-ID abc@x", "??yy"},
        {"HEADER X-Empty \"\"", "??yy"},
        {"HEADER X-Missing \"\"", "??nn"},
        {"HEADER Subject Berlin", "?yyy"},
        {"UNSEEN SUBJECT berlin", "nnnn"},
        {"OR SEEN SUBJECT berlin", "yyyy"},
        {"NOT SUBJECT berlin", "?nnn"},
        {"BODY \"caf\xc3\xa9 AU\"", "???y"},
        {"BODY \"broken word\"", "???y"},
        {"BODY geheim", "???y"},
        {"BODY inside", "???y"},
        {"BODY berlin", "???n"},
        {"BODY binarystuff", "???n"},
        {"TEXT berlin", "???y"},
        {"TEXT geheim", "???y"},
        {"TEXT nowhere", "???n"},
        {"TEXT bcc", "???y"},
        {"SUBJECT paris BODY geheim", "?nnn"},
        {"OR SUBJECT berlin BODY nowhere", "?yyy"},
    };
    static const struct fct_str keyword[] = {{"$Label", 6}, {"Junk", 4}};
    struct fixture f = {.arena = arena_new(NULL)};
    struct knowledge k;

    learn(f.arena, &k);
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct fct_err err = {0};
        struct imap_search_key *key = parse(&f, str_from(cases[i].key), &err);

        ck_assert_msg(key, "%s: %s", cases[i].key, err.text);
        for (enum imap_search_level level = SEARCH_BY_RECORD; level <= SEARCH_BY_MESSAGE; level++) {
            struct imap_search_message m = {
                .record = &k.record,
                .level = level,
                .summary = level >= SEARCH_BY_SUMMARY ? &k.summary : NULL,
                .bytes = level >= SEARCH_BY_HEADER ? k.bytes : (struct fct_str){0},
                .arena = f.arena,
                .keyword = keyword,
                .nkeywords = 2,
            };
            char want = cases[i].want[level];
            enum imap_search_answer got = imap_search_judge(key, &m);

            ck_assert_msg(got == (want == 'y'   ? SEARCH_YES
                                  : want == 'n' ? SEARCH_NO
                                                : SEARCH_MAYBE),
                          "%s at level %d: %s", cases[i].key, (int)level, answers[got]);
            if (level >= imap_search_needs(key))
                ck_assert_msg(got != SEARCH_MAYBE, "%s needs more than it says", cases[i].key);
        }
    }
    arena_free(&f.arena);
}
END_TEST

IMAP_TESTS("imap_search", accepted_and_refused, nesting_and_number_are_bounded, judged)
