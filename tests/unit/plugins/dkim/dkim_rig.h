/* dkim_rig.h - for tests of the engine: messages judged with records from a table, keys made on the
 * spot. */
#ifndef TESTS_DKIM_RIG_H
#define TESTS_DKIM_RIG_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/message/rfc5322.h"
#include "plugins/dkim/dkim_sign.h"
#include "plugins/dkim/dkim_verify.h"
#include <check.h>
#include <openssl/pem.h>
#include <stdlib.h>

struct dkim_record {
    const char *name, *text; /* text NULL: the DNS does not answer */
};

struct dkim_rig {
    struct arena *arena;
    struct dkim_memory memory;
    struct dkim_limits limits;
    struct dkim_key_cache *cache;
    struct dkim_verify verify;
    const struct dkim_record *record;
    size_t records;
};

static inline void *dkim_rig_take(void *arg, size_t bytes)
{
    return arena_alloc(arg, bytes);
}

static inline void dkim_rig_start(struct dkim_rig *rig)
{
    static const struct dkim_key_limits limits = DKIM_KEY_LIMITS_DEFAULT;

    *rig = (struct dkim_rig){.arena = arena_new(NULL), .limits = {10, 1600000000, 300}};
    rig->memory = (struct dkim_memory){dkim_rig_take, rig->arena};
    rig->cache = dkim_key_cache_new(4, &limits);
}

static inline void dkim_rig_stop(struct dkim_rig *rig)
{
    dkim_verify_close(&rig->verify);
    dkim_key_cache_free(&rig->cache);
    arena_free(&rig->arena);
}

static inline void dkim_rig_answer(struct dkim_rig *rig, struct fct_str name,
                                   struct fct_dns_answer *out)
{
    struct fct_dns_record *record = ARENA_NEW(rig->arena, struct fct_dns_record);

    *out = (struct fct_dns_answer){.status = FCT_DNS_NO_NAME};
    for (size_t i = 0; i < rig->records; i++) {
        if (!str_equal(name, str_from(rig->record[i].name)))
            continue;
        out->status = rig->record[i].text ? FCT_DNS_OK : FCT_DNS_FAILED;
        record->data = str_from(rig->record[i].text);
        out->record = record;
        out->n = rig->record[i].text != NULL;
    }
}

static inline struct dkim_message dkim_rig_message(struct dkim_rig *rig, struct fct_str text)
{
    static const struct header_limits no_limits = {SIZE_MAX, SIZE_MAX};
    struct header_list header;

    header_list_parse(rig->arena, text, &no_limits, &header);
    return (struct dkim_message){header.field, header.n, str_skip(text, header.end)};
}

/* The message's result; each signature's is in rig->verify. */
static inline enum dkim_result dkim_rig_judge(struct dkim_rig *rig, struct fct_str text)
{
    struct dkim_message message = dkim_rig_message(rig, text);

    dkim_verify_close(&rig->verify);
    ck_assert(dkim_verify_begin(&rig->verify, &rig->memory, &rig->limits, &message));
    for (size_t i = 0; i < rig->verify.checks; i++) {
        struct dkim_check *check = &rig->verify.check[i];
        struct fct_dns_answer answer;

        if (check->judged)
            continue;
        dkim_rig_answer(rig, dkim_verify_question(&rig->verify, check), &answer);
        dkim_verify_key(check, &answer, rig->cache);
    }
    dkim_verify_body(&rig->verify);
    dkim_verify_end(&rig->verify);
    return dkim_verify_result(&rig->verify);
}

/* The message with its signature on top. */
static inline struct fct_str dkim_rig_sign(struct dkim_rig *rig, const struct dkim_signing *signing,
                                           struct fct_str text)
{
    struct dkim_message message = dkim_rig_message(rig, text);
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(64u << 20);
    struct fct_str value;
    struct fct_err err = {0};

    ck_assert_msg(dkim_sign_message(signing, &rig->memory, &message, &value, &err), "%s", err.text);
    buf_printf(&out, "DKIM-Signature: %.*s\r\n", FCT_FMT(value));
    buf_put_str(&out, text);
    return arena_str(rig->arena, buf_str(&out));
}

static inline EVP_PKEY *dkim_rig_key(bool ed25519, unsigned bits)
{
    EVP_PKEY *key = ed25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                            : EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);

    ck_assert(key);
    return key;
}

static const char *const dkim_rig_from[] = {"From", "To", "Subject", "Date", "Message-ID"};
static const char *const dkim_rig_more[] = {"Received", "X-Twice", "Content-Type"};

static inline struct dkim_signing dkim_rig_signing(EVP_PKEY *key)
{
    return (struct dkim_signing){.domain = FCT_STR("example.org"),
                                 .selector = FCT_STR("s1"),
                                 .key = key,
                                 .relaxed_header = true,
                                 .relaxed_body = true,
                                 .headers = {dkim_rig_more, FCT_COUNT(dkim_rig_more)},
                                 .oversign = {dkim_rig_from, FCT_COUNT(dkim_rig_from)},
                                 .time = 1599999999};
}

#define DKIM_RIG_MAIN(name, ...)                 \
    int main(void)                               \
    {                                            \
        Suite *suite = suite_create(name);       \
        TCase *tc = tcase_create(name);          \
        SRunner *runner = srunner_create(suite); \
        int failed;                              \
                                                 \
        tcase_set_timeout(tc, 0);                \
        __VA_ARGS__                              \
        suite_add_tcase(suite, tc);              \
        srunner_run_all(runner, CK_NORMAL);      \
        failed = srunner_ntests_failed(runner);  \
        srunner_free(runner);                    \
        return failed != 0;                      \
    }

#endif
