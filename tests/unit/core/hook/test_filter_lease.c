/* test_filter_lease.c - who may tick: one at a time, the same again, another after its end. */
#include "core/hook/filter_lease.h"
#include <check.h>

static struct filter_leases table;

static void setup(void)
{
    memset(&table, 0, sizeof table);
}

START_TEST(one_at_a_time)
{
    struct lease_entry *lease = filter_lease_of(&table, "p/row/0");

    ck_assert_ptr_eq(filter_lease_of(&table, "p/row/0"), lease);
    ck_assert_ptr_ne(filter_lease_of(&table, "p/row/1"), lease);
    ck_assert(filter_lease_take(lease, 100, 5000, 1000));
    ck_assert(!filter_lease_take(lease, 200, 5000, 1000));
    ck_assert(!filter_lease_take(lease, 200, 5999, 1000));
    ck_assert(filter_lease_take(lease, 100, 5500, 1000)); /* longer */
    ck_assert(!filter_lease_take(lease, 200, 6499, 1000));
    ck_assert(filter_lease_take(lease, 200, 6500, 1000)); /* the holder is gone */
    ck_assert(!filter_lease_take(lease, 100, 6501, 1000));
}
END_TEST

START_TEST(large_numbers)
{
    struct lease_entry *lease = filter_lease_of(&table, "p");
    uint64_t year_50 = UINT64_C(50) * 366 * 24 * 3600 * 1000;

    ck_assert(filter_lease_take(lease, (1u << 22) - 1, year_50, 1));
    ck_assert(!filter_lease_take(lease, 1, year_50, 1));
    ck_assert(filter_lease_take(lease, 1, year_50 + 1, 1));
}
END_TEST

START_TEST(a_full_table)
{
    char name[16];

    for (unsigned i = 0; i < LEASES; i++) {
        snprintf(name, sizeof name, "%u", i);
        ck_assert_ptr_nonnull(filter_lease_of(&table, name));
    }
    ck_assert_ptr_null(filter_lease_of(&table, "one more"));
    ck_assert_ptr_nonnull(filter_lease_of(&table, "7"));
}
END_TEST

/* A process died while it named an entry: that place is lost, the others work. */
START_TEST(a_stuck_entry)
{
    struct lease_entry *lease;

    table.entry[0].taken = 1;
    lease = filter_lease_of(&table, "p");
    ck_assert_ptr_eq(lease, &table.entry[1]);
    ck_assert_ptr_eq(filter_lease_of(&table, "p"), lease);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("filter_lease");
    TCase *tc = tcase_create("lease");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, one_at_a_time);
    tcase_add_test(tc, large_numbers);
    tcase_add_test(tc, a_full_table);
    tcase_add_test(tc, a_stuck_entry);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
