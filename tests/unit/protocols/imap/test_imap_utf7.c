/* test_imap_utf7.c - mailbox names of rev1 there and back, and the ways to write one wrongly. */
#include "core/base/utf8.h"
#include "imap_test.h"
#include "protocols/imap/imap_utf7.h"

START_TEST(there_and_back)
{
    static const struct {
        const char *utf7, *utf8;
    } cases[] = {
        {"", ""},
        {"INBOX/a b", "INBOX/a b"},
        {"a&-b", "a&b"},
        {"&-", "&"},
        {"Entw&APw-rfe", "Entw\xc3\xbc"
                         "rfe"},
        {"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5"
                                            "\xe6\x9c\xac\xe8\xaa\x9e"},
        {"&2D3eAA-", "\xf0\x9f\x98\x80"},
        {"&AOkA6QDp-x", "\xc3\xa9\xc3\xa9\xc3\xa9x"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        FCT_CLEANUP(buf_free) struct buf utf8 = BUF_INIT(1000), utf7 = BUF_INIT(1000);

        ck_assert_msg(imap_utf7_decode(str_from(cases[i].utf7), &utf8), "%s", cases[i].utf7);
        ck_assert_msg(str_equal(buf_str(&utf8), str_from(cases[i].utf8)), "%s: %.*s", cases[i].utf7,
                      FCT_FMT(buf_str(&utf8)));
        ck_assert(imap_utf7_encode(buf_str(&utf8), &utf7));
        ck_assert_msg(str_equal(buf_str(&utf7), str_from(cases[i].utf7)), "%s: %.*s", cases[i].utf7,
                      FCT_FMT(buf_str(&utf7)));
    }
}
END_TEST

START_TEST(refused)
{
    static const char *const cases[] = {
        "&",          /* no end */
        "&AOk",       /* no end */
        "a\tb",       /* control */
        "\xc3\xa9",   /* 8-bit */
        "&AO-",       /* not a whole unit */
        "&AOl-",      /* padding bits that are not zero */
        "&AOkA-",     /* a digit too many */
        "&AGE-",      /* "a" needs no base64 */
        "&AAA-",      /* NUL */
        "&AAo-",      /* line feed */
        "&2D0-",      /* half a surrogate pair */
        "&3gDYPQ-",   /* the halves in the wrong order */
        "&2D0AYQ-",   /* half a pair, then something else */
        "&AOk-&AOk-", /* two shifts where one would do */
        "&AO/k-",     /* '/' is not in this alphabet */
        "&A=-",
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        FCT_CLEANUP(buf_free) struct buf utf8 = BUF_INIT(1000);

        ck_assert_msg(!imap_utf7_decode(str_from(cases[i]), &utf8), "%s", cases[i]);
    }
}
END_TEST

/* Every character of the planes comes back, at every position within the base64. */
START_TEST(all_characters)
{
    for (uint32_t c = 1; c < 0x110000; c += c < 0x3000 ? 1 : 251) {
        FCT_CLEANUP(buf_free)
        struct buf utf8 = BUF_INIT(100), utf7 = BUF_INIT(100), again = BUF_INIT(100);
        char bytes[4];
        size_t n = 0;

        if (c >= 0xd800 && c < 0xe000)
            continue;
        if (c < 0x80) {
            bytes[n++] = (char)c;
        } else if (c < 0x800) {
            bytes[n++] = (char)(0xc0 | c >> 6);
        } else if (c < 0x10000) {
            bytes[n++] = (char)(0xe0 | c >> 12);
            bytes[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        } else {
            bytes[n++] = (char)(0xf0 | c >> 18);
            bytes[n++] = (char)(0x80 | (c >> 12 & 0x3f));
            bytes[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        }
        if (c >= 0x80)
            bytes[n++] = (char)(0x80 | (c & 0x3f));
        for (uint32_t i = 0; i < 1 + c % 3; i++)
            buf_put(&utf8, bytes, n);
        ck_assert(imap_utf7_encode(buf_str(&utf8), &utf7));
        if (c < 0x20 || c == 0x7f) { /* no name may have them, so they are not read back */
            ck_assert(!imap_utf7_decode(buf_str(&utf7), &again));
            continue;
        }
        ck_assert_msg(imap_utf7_decode(buf_str(&utf7), &again), "U+%04X", c);
        ck_assert_msg(str_equal(buf_str(&again), buf_str(&utf8)), "U+%04X", c);
    }
}
END_TEST

IMAP_TESTS("imap_utf7", there_and_back, refused, all_characters)
