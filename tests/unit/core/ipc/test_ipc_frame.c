/* test_ipc_frame.c - the head of a message: written and read back, and refused. Refusals over a
 * socket: test_ipc.c. */
#include "core/ipc/ipc_frame.h"

#include "core/ipc/ipc.h"

#include <check.h>
#include <stdlib.h>

START_TEST(heads_survive)
{
    const struct ipc_frame in = {.length = IPC_MAX_MESSAGE,
                                 .kind = 0xabcd,
                                 .request = 0x123456789abcdef0,
                                 .type = IPC_NOTICE,
                                 .fds = IPC_MAX_FDS};
    struct ipc_frame out;
    char head[IPC_FRAME_HEAD];
    const char *why = NULL;

    ipc_frame_write(&in, head);
    for (size_t n = 0; n < sizeof head; n++)
        ck_assert_int_eq(ipc_frame_parse((struct fct_str){head, n}, &out, &why), 0);
    ck_assert_int_eq(ipc_frame_parse((struct fct_str){head, sizeof head}, &out, &why), 1);
    ck_assert_uint_eq(out.length, in.length);
    ck_assert_uint_eq(out.kind, in.kind);
    ck_assert(out.request == in.request);
    ck_assert_uint_eq(out.type, in.type);
    ck_assert_uint_eq(out.fds, in.fds);
}
END_TEST

START_TEST(bad_heads_are_refused_with_a_reason)
{
    static const struct {
        size_t at;
        char byte;
        const char *why;
    } cases[] = {
        {3, 0x7f, "message too long"},
        {4, 2, "another protocol version"},
        {5, 1, "another protocol version"},
        {16, IPC_TYPES, "unknown type"},
        {17, IPC_MAX_FDS + 1, "too many descriptors"},
        {18, 1, "reserved bytes in use"},
        {19, 1, "reserved bytes in use"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct ipc_frame f = {.type = IPC_REQUEST};
        char head[IPC_FRAME_HEAD];
        const char *why = NULL;

        ipc_frame_write(&f, head);
        head[cases[i].at] = cases[i].byte;
        ck_assert_int_eq(ipc_frame_parse((struct fct_str){head, sizeof head}, &f, &why), -1);
        ck_assert_str_eq(why, cases[i].why);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("ipc_frame");
    TCase *t = tcase_create("ipc_frame");
    SRunner *r;
    int failed;

    tcase_add_test(t, heads_survive);
    tcase_add_test(t, bad_heads_are_refused_with_a_reason);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
