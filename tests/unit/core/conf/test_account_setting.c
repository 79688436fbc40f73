/* test_account_setting.c - THE table of accounts' settings: what each kind takes and what it
 * refuses, and which senders a list names. */
#include "../message/message_test.h"
#include "core/base/str.h"
#include "core/conf/account_setting.h"
#include <check.h>

static const struct {
    const char *item;
    const char *why; /* part of the sentence; NULL: good */
} items[] = {
    {"junk=5", NULL},
    {"junk=0", NULL},
    {"junk=6.125", NULL},
    {"junk= 6 ", NULL},
    {"junk=", NULL}, /* removes it */
    {"junk=-1", "junk: \"-1\" is not a score from 0 to 1000"},
    {"junk=1001", "is not a score"},
    {"junk=six", "is not a score"},
    {"reject=1e3", "is not a score"},
    {"profile=strict", NULL},
    {"profile=very strict", "is not one word"},
    {"allow_unproven=yes", NULL},
    {"allow_unproven=maybe", "allow_unproven: \"maybe\" is none of: no yes"},
    {"block_action=reject", NULL},
    {"block_action=keep", "is none of: junk quarantine discard reject"},
    {"allow_from=ann@example.org, example.net *.example.com", NULL},
    {"allow_from=j\xc3\xb6rg@\xc3\xbc.example", NULL},
    {"allow_from=example", "\"example\" is not an address or a domain"},
    {"allow_from=@example.org", "\"@example.org\" is not an address"},
    {"allow_from=a@b@example.org", "is not an address"},
    {"block_from=example.org *.", "\"*.\" is not an address"},
    {"block_from=*.example", NULL}, /* all of a top-level domain */
    {"block_from=*", "\"*\" is not an address"},
    {"block_from=a..example.org", "is not an address"},
    {"undo_window=10s", NULL},
    {"undo_window=1m", NULL},
    {"undo_window=24h", NULL},
    {"undo_window=25h", "undo_window: \"25h\" is not a time of at most a day"},
    {"undo_window=10", "is not a time"},
    {"undo_window=s", "is not a time"},
    {"undo_window=-1s", "is not a time"},
    {"undo_window=99999999999s", "is not a time"},
    {"save_sent=yes", NULL},
    {"save_sent=perhaps", "is none of: no yes"},
    {"languages=de, en pt-BR zh-Hant-TW", NULL},
    {"languages=d", "\"d\" is not a language tag"},
    {"languages=german-", "is not a language tag"},
    {"languages=12", "is not a language tag"},
    {"privacy=standard", NULL},
    {"privacy=much", "is none of: off known standard strict"},
    {"newsletter_folder=anything at all", NULL}, /* a rule's own */
    {"nothing", NULL},                           /* settings_change() refuses it */
};

START_TEST(each_kind_is_checked)
{
    struct fct_err err = {0};
    bool good = account_setting_check(str_from(items[_i].item), &err);

    ck_assert_msg(good == !items[_i].why, "%s: %s", items[_i].item, err.text);
    ck_assert_msg(good || strstr(err.text, items[_i].why), "%s: %s", items[_i].item, err.text);
}
END_TEST

static const struct {
    const char *entry, *address;
    unsigned want;
} senders[] = {
    {"ann@example.org", "Ann@Example.ORG", 3},
    {"ann@example.org", "bob@example.org", 0},
    {"example.org", "ann@example.org", 2},
    {"example.org", "ann@mail.example.org", 0},
    {"example.org", "ann@badexample.org", 0},
    {"*.example.org", "ann@mail.example.org", 1},
    {"*.example.org", "ann@a.b.example.org", 1},
    {"*.example.org", "ann@example.org", 0},
    {"*.example.org", "ann@badexample.org", 0},
    {"example.org", "\"a@b\"@example.org", 2},
    {"example.org", "example.org", 0},
    {"example.org", "", 0},
    {"", "ann@example.org", 0},
};

START_TEST(which_senders_are_named)
{
    ck_assert_msg(setting_sender_matches(str_from(senders[_i].entry),
                                         str_from(senders[_i].address)) == senders[_i].want,
                  "%s %s", senders[_i].entry, senders[_i].address);
}
END_TEST

START_TEST(every_row_is_whole)
{
    for (const struct account_setting *s = account_settings; s->name; s++) {
        ck_assert(account_setting_find(str_from(s->name)) == s); /* each name once */
        ck_assert(s->doc && *s->doc);
        ck_assert((s->kind == SETTING_WORD) == (s->words != NULL));
    }
    ck_assert_ptr_null(account_setting_find(FCT_STR("colour")));
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, each_kind_is_checked, 0, (int)FCT_COUNT(items));
    tcase_add_loop_test(tc, which_senders_are_named, 0, (int)FCT_COUNT(senders));
    tcase_add_test(tc, every_row_is_whole);
}

int main(void)
{
    return run_suite("account_setting", add);
}
