/* fuzz_mta_sts.c - any bytes as a policy, as a record, as what was saved: a policy that was read is
 * written and reads the same, the memory stays within its bound. */
#include "core/base/str.h"
#include "protocols/relay/policy/mta_sts_cache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(struct arena *arena, const struct mta_sts_policy *policy)
{
    struct buf out = BUF_INIT(1u << 20);
    struct mta_sts_policy again;
    struct fct_err err = {0};

    FCT_ASSERT(policy->n <= MTA_STS_MX_MAX && policy->max_age <= MTA_STS_AGE_MAX);
    FCT_ASSERT(mta_sts_policy_write(policy, &out));
    FCT_ASSERT(out.n > MTA_STS_POLICY_BYTES ||
               mta_sts_policy_parse(arena, buf_str(&out), &again, &err));
    if (out.n <= MTA_STS_POLICY_BYTES) {
        FCT_ASSERT(again.n == policy->n && again.mode == policy->mode);
        for (size_t i = 0; i < again.n; i++)
            FCT_ASSERT(str_equal(again.mx[i], policy->mx[i]));
    }
    buf_free(&out);
}

static void load(struct fct_str text)
{
    struct mta_sts_cache *cache = mta_sts_cache_new(3);
    struct buf out = BUF_INIT(1u << 20);

    mta_sts_cache_load(cache, text, 1000);
    FCT_ASSERT(mta_sts_cache_count(cache) <= 3 && mta_sts_cache_save(cache, &out));
    buf_free(&out);
    mta_sts_cache_free(&cache);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str in = {(const char *)data, size}, id;
    struct fct_dns_record record = {.data = in};
    struct fct_dns_answer answer = {.record = &record, .n = 1};
    struct arena *arena = arena_new(NULL);
    struct mta_sts_policy policy;
    struct fct_err err = {0};

    if (mta_sts_policy_parse(arena, in, &policy, &err))
        write_again(arena, &policy);
    if (mta_sts_record(&answer, &id, &err))
        FCT_ASSERT(id.n > 0 && id.n <= MTA_STS_ID_MAX);
    load(in);
    arena_free(&arena);
    return 0;
}
