/* test_milter_codec.c - packets both ways: what is understood, and what is refused with which
 * words. */
#include "plugins/milter/milter_codec.h"

#include <check.h>
#include <stdlib.h>

#define PACKET(lit) FCT_STR_INIT(lit)

/* ---- what we send ---- */

START_TEST(packets_have_their_length)
{
    struct milter_out out = {.max = 1000};

    milter_begin(&out, MILTER_HELO);
    milter_put_string(&out, FCT_STR("a.example"));
    milter_end(&out);
    milter_begin(&out, MILTER_DATA);
    milter_end(&out);
    ck_assert(!out.failed);
    ck_assert_uint_eq(out.n, 4 + 11 + 4 + 1);
    ck_assert_mem_eq(out.p, "\0\0\0\x0bHa.example\0\0\0\0\x01T", out.n);
    milter_out_free(&out);
}
END_TEST

START_TEST(strings_end_at_a_nul)
{
    struct milter_out out = {.max = 1000};

    milter_begin(&out, MILTER_HEADER);
    milter_put_string(&out, FCT_STR("Subject"));
    milter_put_string(&out, (struct fct_str){"a\0b", 3});
    milter_end(&out);
    ck_assert_mem_eq(out.p, "\0\0\0\x0bLSubject\0a\0", out.n);
    milter_out_free(&out);
}
END_TEST

START_TEST(too_much_fails_and_stays_failed)
{
    struct milter_out out = {.max = 64};
    char block[100] = {0};

    milter_begin(&out, MILTER_BODY);
    milter_put(&out, block, sizeof block);
    milter_put(&out, block, 1);
    milter_end(&out);
    ck_assert(out.failed);
    ck_assert_uint_le(out.room, 4096);
    milter_out_free(&out);
}
END_TEST

/* ---- what comes back ---- */

static const struct {
    const char *name;
    struct fct_str packet;
    const char *why; /* NULL: understood */
    unsigned code;
    const char *enhanced, *text, *header, *value;
    uint32_t index;
} replies[] = {
    {"continue", PACKET("c"), NULL, 0, NULL, NULL, NULL, NULL, 0},
    {"progress", PACKET("p"), NULL, 0, NULL, NULL, NULL, NULL, 0},
    {"skip", PACKET("s"), NULL, 0, NULL, NULL, NULL, NULL, 0},
    {"code", PACKET("y550 5.7.1 go away\0"), NULL, 550, "5.7.1", "go away", NULL, NULL, 0},
    {"code alone", PACKET("y451 later\0"), NULL, 451, "", "later", NULL, NULL, 0},
    {"code of several lines", PACKET("y550-5.7.1 first\r\n550 5.7.1 second\0"), NULL, 550, "5.7.1",
     "first", NULL, NULL, 0},
    {"class of another code", PACKET("y451 5.7.1 odd\0"), NULL, 451, "", "5.7.1 odd", NULL, NULL,
     0},
    {"add header", PACKET("hX-A\0one\0"), NULL, 0, NULL, NULL, "X-A", "one", 0},
    {"insert header", PACKET("i\0\0\0\x02X-A\0\0"), NULL, 0, NULL, NULL, "X-A", "", 2},
    {"change header", PACKET("m\0\0\0\x01Subject\0new\0"), NULL, 0, NULL, NULL, "Subject", "new",
     1},
    {"add recipient", PACKET("+<a@b.example>\0"), NULL, 0, NULL, "a@b.example", NULL, NULL, 0},
    {"add recipient with parameters", PACKET("2a@b.example\0NOTIFY=NEVER\0"), NULL, 0, NULL,
     "a@b.example", NULL, NULL, 0},
    {"null sender", PACKET("e<>\0"), NULL, 0, NULL, "", NULL, NULL, 0},
    {"body", PACKET("b\0any\0thing"), NULL, 0, NULL, NULL, NULL, NULL, 0},
    {"quarantine", PACKET("qspam\0"), NULL, 0, NULL, "spam", NULL, NULL, 0},

    {"nothing", {"", 0}, "an empty packet", 0, NULL, NULL, NULL, NULL, 0},
    {"unknown letter", PACKET("Z"), "an unknown reply", 0, NULL, NULL, NULL, NULL, 0},
    {"data behind continue", PACKET("cx"), "data behind a reply that has none", 0, NULL, NULL, NULL,
     NULL, 0},
    {"code without its end", PACKET("y550 5.7.1 x"), "a text without its end", 0, NULL, NULL, NULL,
     NULL, 0},
    {"code 250", PACKET("y250 fine\0"), "a reply code that is neither 4xx nor 5xx", 0, NULL, NULL,
     NULL, NULL, 0},
    {"code of letters", PACKET("y5x0 x\0"), "a reply code that is neither 4xx nor 5xx", 0, NULL,
     NULL, NULL, NULL, 0},
    {"control character",
     PACKET("y550 a\x01"
            "b\0"),
     "a control character in a reply text", 0, NULL, NULL, NULL, NULL, 0},
    {"half a header", PACKET("hX-A\0one"), "a header edit that is not two strings", 0, NULL, NULL,
     NULL, NULL, 0},
    {"three strings", PACKET("hX-A\0one\0two\0"), "a header edit that is not two strings", 0, NULL,
     NULL, NULL, NULL, 0},
    {"index cut", PACKET("m\0\0"), "a header edit without its index", 0, NULL, NULL, NULL, NULL, 0},
    {"colon in a name", PACKET("hX:A\0one\0"), "a header edit with an illegal field name", 0, NULL,
     NULL, NULL, NULL, 0},
    {"line end in a name", PACKET("hX\r\nA\0one\0"), "a header edit with an illegal field name", 0,
     NULL, NULL, NULL, NULL, 0},
    {"no name", PACKET("h\0one\0"), "a header edit with an illegal field name", 0, NULL, NULL, NULL,
     NULL, 0},
    {"address without end", PACKET("+<a@b>"), "an address without its end", 0, NULL, NULL, NULL,
     NULL, 0},
    {"space in an address", PACKET("+a b@c\0"), "a space or control character in an address", 0,
     NULL, NULL, NULL, NULL, 0},
    {"line end in an address", PACKET("-a@c\r\n\0"), "a space or control character in an address",
     0, NULL, NULL, NULL, NULL, 0},
    {"two addresses", PACKET("-a@c\0b@c\0"), "something behind an address", 0, NULL, NULL, NULL,
     NULL, 0},
};

static void same(const char *want, struct fct_str got, const char *what)
{
    if (want)
        ck_assert_msg(strlen(want) == got.n && memcmp(want, got.p, got.n) == 0,
                      "%s: want \"%s\", got \"%.*s\"", what, want, FCT_FMT(got));
}

START_TEST(replies_are_understood_or_refused)
{
    struct milter_reply reply;
    const char *why = NULL;
    bool ok = milter_reply_parse(replies[_i].packet, &reply, &why);

    if (replies[_i].why) {
        ck_assert_msg(!ok, "%s: was understood", replies[_i].name);
        ck_assert_str_eq(why, replies[_i].why);
        return;
    }
    ck_assert_msg(ok, "%s: %s", replies[_i].name, why);
    ck_assert_int_eq(reply.kind, replies[_i].packet.p[0]);
    ck_assert_uint_eq(reply.code, replies[_i].code);
    ck_assert_uint_eq(reply.index, replies[_i].index);
    same(replies[_i].enhanced, reply.enhanced, "enhanced");
    same(replies[_i].text, reply.text, "text");
    same(replies[_i].header, reply.name, "name");
    same(replies[_i].value, reply.value, "value");
}
END_TEST

/* ---- negotiation ---- */

static const struct {
    const char *name;
    struct fct_str packet;
    uint32_t offered;
    const char *why;
} negotiations[] = {
    {"version 6", PACKET("O\0\0\0\x06\0\0\0\x11\0\0\0\x7f"), 6, NULL},
    {"version 2", PACKET("O\0\0\0\x02\0\0\0\x3f\0\0\0\x01"), 6, NULL},
    {"macros", PACKET("O\0\0\0\x06\0\0\1\0\0\0\0\0\0\0\0\x02i {auth_type}\0"), 6, NULL},
    {"too short", PACKET("O\0\0\0\x06"), 6, "a negotiation that is too short"},
    {"another packet", PACKET("c"), 6, "no answer to the negotiation"},
    {"version 1", PACKET("O\0\0\0\x01\0\0\0\0\0\0\0\0"), 6, "a version that was not offered"},
    {"version 7", PACKET("O\0\0\0\x07\0\0\0\0\0\0\0\0"), 6, "a version that was not offered"},
    {"version 6 to an offer of 4", PACKET("O\0\0\0\x06\0\0\0\0\0\0\0\0"), 4,
     "a version that was not offered"},
    {"unknown action", PACKET("O\0\0\0\x06\0\0\x80\0\0\0\0\0"), 6, "actions that were not offered"},
    {"change sender in version 2", PACKET("O\0\0\0\x02\0\0\0\x40\0\0\0\0"), 2,
     "actions that were not offered"},
    {"unknown option", PACKET("O\0\0\0\x06\0\0\0\0\x80\0\0\0"), 6,
     "protocol options that were not offered"},
    {"no DATA in version 3", PACKET("O\0\0\0\x03\0\0\0\0\0\0\2\0"), 3,
     "protocol options that were not offered"},
    {"macros cut", PACKET("O\0\0\0\x06\0\0\0\0\0\0\0\0\0\0\0\x02i"), 6,
     "a list of macros without its end"},
    {"macros of stage 9", PACKET("O\0\0\0\x06\0\0\0\0\0\0\0\0\0\0\0\x09i\0"), 6,
     "macros for an unknown stage"},
};

START_TEST(negotiations_are_checked_against_the_offer)
{
    uint32_t version = negotiations[_i].offered;
    struct milter_options offer = {version,
                                   milter_actions_of(version),
                                   milter_protocol_of(version),
                                   {{0}}},
                          got;
    const char *why = NULL;
    bool ok = milter_options_parse(negotiations[_i].packet, &offer, &got, &why);

    if (!negotiations[_i].why) {
        ck_assert_msg(ok, "%s: %s", negotiations[_i].name, why);
        return;
    }
    ck_assert_msg(!ok, "%s: was accepted", negotiations[_i].name);
    ck_assert_str_eq(why, negotiations[_i].why);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("milter_codec");
    TCase *t = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_test(t, packets_have_their_length);
    tcase_add_test(t, strings_end_at_a_nul);
    tcase_add_test(t, too_much_fails_and_stays_failed);
    tcase_add_loop_test(t, replies_are_understood_or_refused, 0, (int)FCT_COUNT(replies));
    tcase_add_loop_test(t, negotiations_are_checked_against_the_offer, 0,
                        (int)FCT_COUNT(negotiations));
    suite_add_tcase(suite, t);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
