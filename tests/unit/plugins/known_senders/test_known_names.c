/* test_known_names.c - addresses, Message-IDs and keys as they are compared. */
#include "plugins/known_senders/known_names.h"

#include <check.h>
#include <stdlib.h>

static const struct {
    const char *given, *name;
} addresses[] = {
    {"bob@example.org", "bob@example.org"},
    {"Bob.Builder@EXAMPLE.org", "bob.builder@example.org"},
    {"bob+lists@example.org", "bob@example.org"},
    {"+bob@example.org", "+bob@example.org"},
    {"+bob+x@example.org", "+bob@example.org"},
    {"a@b@example.org", "a@b@example.org"},
    {"bob@", ""},
    {"@example.org", ""},
    {"bob", ""},
    {"", ""},
};

START_TEST(addresses_are_one_form)
{
    char out[KNOWN_ADDRESS_MAX];
    struct fct_str given = {addresses[_i].given, strlen(addresses[_i].given)};
    struct fct_str name = known_mailbox(given, out);

    ck_assert_uint_eq(name.n, strlen(addresses[_i].name));
    ck_assert_int_eq(memcmp(name.p, addresses[_i].name, name.n), 0);
}
END_TEST

START_TEST(long_addresses)
{
    char out[KNOWN_ADDRESS_MAX], given[KNOWN_ADDRESS_MAX + 2];

    memset(given, 'x', sizeof given);
    given[5] = '@';
    ck_assert_uint_eq(known_mailbox((struct fct_str){given, KNOWN_ADDRESS_MAX}, out).n,
                      KNOWN_ADDRESS_MAX);
    ck_assert_uint_eq(known_mailbox((struct fct_str){given, KNOWN_ADDRESS_MAX + 1}, out).n, 0);
}
END_TEST

/* A field, and the identifiers in it, each with a space behind. */
static const struct {
    const char *field, *ids;
} fields[] = {
    {" <a@b>", "a@b "},
    {" <a@b>\r\n <c@d>\t<e@f>", "a@b c@d e@f "},
    {"<a@b><c@d>", "a@b c@d "},
    {" Your message of <a@b> from yesterday", "a@b "},
    {" <>  <a@b>", "a@b "},
    {" <a@b", ""},
    {" a@b>", ""},
    {"<", ""},
    {"", ""},
};

START_TEST(identifiers)
{
    struct fct_str field = {fields[_i].field, strlen(fields[_i].field)}, id;
    char found[100] = "";

    while ((id = known_next_id(&field)).n > 0) {
        size_t n = strlen(found);

        (void)snprintf(found + n, sizeof found - n, "%.*s ", FCT_FMT(id));
    }
    ck_assert_str_eq(found, fields[_i].ids);
    ck_assert_uint_eq(field.n, 0);
}
END_TEST

START_TEST(long_identifiers)
{
    static char text[KNOWN_ID_MAX + 20];
    struct fct_str field = {text, sizeof text}, id;

    memset(text, 'x', sizeof text);
    text[0] = '<';
    text[KNOWN_ID_MAX + 2] = '>';
    memcpy(text + KNOWN_ID_MAX + 5, "<a@b>", 5);
    id = known_next_id(&field);
    ck_assert_uint_eq(id.n, 3);
    text[KNOWN_ID_MAX + 1] = '>';
    field = (struct fct_str){text, sizeof text};
    ck_assert_uint_eq(known_next_id(&field).n, KNOWN_ID_MAX);
}
END_TEST

START_TEST(keys)
{
    char a[KNOWN_KEY_ROOM], b[KNOWN_KEY_ROOM];
    static char text[KNOWN_ADDRESS_MAX + 1];

    ck_assert(known_key("s", KNOWN_PERSON, FCT_STR("alice@x"), FCT_STR("bob@y"), a));
    ck_assert_uint_eq(strlen(a), 33);
    ck_assert(known_key("s", KNOWN_PERSON, FCT_STR("Alice@X"), FCT_STR("bob@y"), b));
    ck_assert_str_eq(a, b);
    ck_assert(known_key("t", KNOWN_PERSON, FCT_STR("alice@x"), FCT_STR("bob@y"), b));
    ck_assert_str_ne(a, b);
    ck_assert(known_key("s", KNOWN_PERSON, FCT_STR("alice@xb"), FCT_STR("ob@y"), b));
    ck_assert_str_ne(a, b);
    ck_assert(known_key("s", KNOWN_MESSAGE, FCT_STR("alice@x"), FCT_STR("bob@y"), b));
    ck_assert_str_ne(a, b);
    ck_assert(!known_key("s", KNOWN_PERSON, (struct fct_str){text, sizeof text}, FCT_STR("b"), b));
    ck_assert(!known_key("s", KNOWN_PERSON, FCT_STR("a"), (struct fct_str){text, sizeof text}, b));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("known_names");
    TCase *tc = tcase_create("known_names");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, addresses_are_one_form, 0, (int)FCT_COUNT(addresses));
    tcase_add_test(tc, long_addresses);
    tcase_add_loop_test(tc, identifiers, 0, (int)FCT_COUNT(fields));
    tcase_add_test(tc, long_identifiers);
    tcase_add_test(tc, keys);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
