/* test_needs.c - a message and a server that lacks something: it goes, it goes converted, or it
 * bounces. */
#include "core/base/str.h"
#include "core/message/down_convert.h"
#include "protocols/relay/transaction.h"

#include <check.h>
#include <stdlib.h>

#define ASCII "Subject: x\r\n\r\nplain\r\n"
#define EIGHT                      \
    "Subject: x\r\n\r\nGr\xFC\xDF" \
    "e\r\n"
#define LONE   "Subject: x\r\n\r\na\rb \xE9\r\n"
#define SIGNED "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n\xE9\r\n--b--\r\n"
#define RAW    "Subject: \xE9\r\n\r\nplain\r\n"

enum { CHUNKS = REMOTE_CHUNKING, BINARY = REMOTE_CHUNKING | REMOTE_BINARYMIME | REMOTE_8BITMIME };

/* status "": it goes; way NULL: as it is. */
static const struct {
    const char *name, *message;
    enum queue_body body;
    unsigned has;
    uint64_t size;
    bool stays; /* down_convert = no */
    const char *way, *status;
} cases[] = {
    {"7-bit for anybody", ASCII, QUEUE_7BIT, 0, 0, false, NULL, ""},
    {"undeclared 8-bit goes as it came", EIGHT, QUEUE_7BIT, 0, 0, false, NULL, ""},
    {"8-bit for 8BITMIME", EIGHT, QUEUE_8BIT, REMOTE_8BITMIME, 0, false, NULL, ""},
    {"8-bit in name only", ASCII, QUEUE_8BIT, 0, 0, true, NULL, ""},
    {"8-bit for 7-bit", EIGHT, QUEUE_8BIT, 0, 0, false, "8bit-to-7bit", ""},
    {"CHUNKING is no 8BITMIME", EIGHT, QUEUE_8BIT, CHUNKS, 0, false, "8bit-to-7bit", ""},
    {"not wanted", EIGHT, QUEUE_8BIT, 0, 0, true, NULL, "5.6.3"},
    {"signed", SIGNED, QUEUE_8BIT, 0, 0, false, NULL, "5.6.3"},
    {"raw header", RAW, QUEUE_8BIT, 0, 0, false, NULL, "5.6.7"},
    {"grows too much", EIGHT, QUEUE_8BIT, REMOTE_SIZE, 60, false, NULL, "5.3.4"},
    {"fits when grown", EIGHT, QUEUE_8BIT, REMOTE_SIZE, 160, false, "8bit-to-7bit", ""},
    {"binary for BINARYMIME", LONE, QUEUE_BINARY, BINARY, 0, false, NULL, ""},
    {"binary in name only", ASCII, QUEUE_BINARY, 0, 0, false, NULL, ""},
    {"8-bit said to be binary", EIGHT, QUEUE_BINARY, REMOTE_8BITMIME, 0, false, NULL, ""},
    {"8-bit said to be binary, for 7-bit", EIGHT, QUEUE_BINARY, 0, 0, false, "binary-to-7bit", ""},
    {"binary for 8BITMIME", LONE, QUEUE_BINARY, REMOTE_8BITMIME, 0, false, "binary-to-8bit", ""},
    {"BINARYMIME without CHUNKING", LONE, QUEUE_BINARY, REMOTE_8BITMIME | REMOTE_BINARYMIME, 0,
     false, "binary-to-8bit", ""},
    {"binary for 7-bit", LONE, QUEUE_BINARY, CHUNKS, 0, false, "binary-to-7bit", ""},
    {"binary not wanted", LONE, QUEUE_BINARY, 0, 0, true, NULL, "5.6.1"},
    {"binary and signed", SIGNED, QUEUE_BINARY, 0, 0, false, NULL, "5.6.1"},
};

static struct job *job_of(const char *message, enum queue_body body)
{
    static const struct queue_recipient to = {.address = FCT_STR_INIT("far@one.test")};
    struct queue_entry entry = {
        .size = strlen(message), .envelope.body = body, .recipient = &to, .n = 1};
    struct mail *mail = mail_new(&entry, str_from(message));
    struct job *job = job_new(mail, FCT_STR("one.test"), &(uint32_t){0}, 1);

    mail_unref(&mail);
    return job;
}

START_TEST(needs)
{
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct job *job = job_of(cases[i].message, cases[i].body);
        struct remote r = {.ext = {.has = cases[i].has, .size = cases[i].size}};
        const struct relay_conf conf = {.down_convert = !cases[i].stays};
        bool goes = transaction_fits(&r, NULL, job, &conf, false);
        const char *way =
            goes && job->conversion ? down_convert_name(down_convert_kind(job->conversion)) : NULL;

        ck_assert_msg(goes == (cases[i].status[0] == '\0'), "%s", cases[i].name);
        ck_assert_msg(str_equal(str_from(way), str_from(cases[i].way)), "%s: %s", cases[i].name,
                      way ? way : "as it is");
        ck_assert_msg(str_equal(str_from(job->result[0].status), str_from(cases[i].status)),
                      "%s: %s", cases[i].name, job->result[0].status);
        ck_assert_msg(goes || job->result[0].outcome == OUTCOME_FAILED, "%s", cases[i].name);
        ck_assert_msg(job_size(job) >= strlen(cases[i].message), "%s", cases[i].name);
        job_free(&job);
    }
}
END_TEST

/* A job that one server could not take goes to another one. */
START_TEST(each_server_gets_its_own)
{
    struct job *job = job_of(EIGHT, QUEUE_8BIT);
    struct remote old = {0}, new = {.ext.has = REMOTE_8BITMIME};
    const struct relay_conf conf = {.down_convert = true};

    ck_assert(transaction_fits(&old, NULL, job, &conf, false));
    ck_assert_ptr_nonnull(job->conversion);
    ck_assert_uint_gt(job_size(job), strlen(EIGHT));
    ck_assert(transaction_fits(&new, NULL, job, &conf, false));
    ck_assert_ptr_null(job->conversion);
    ck_assert_uint_eq(job_size(job), strlen(EIGHT));
    job_free(&job);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("needs");
    TCase *tc = tcase_create("needs");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, needs);
    tcase_add_test(tc, each_server_gets_its_own);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
