/* fuzz_dkim_signature.c - any bytes as the value of a signature field of each kind, and as a
 * message that carries one: what is taken keeps the rules, and judging it ends. */
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "plugins/dkim/dkim_verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *take_memory(void *arg, size_t bytes)
{
    return arena_alloc(arg, bytes);
}

static void check(enum dkim_kind kind, const struct dkim_signature *s, struct fct_str value)
{
    bool from = kind != DKIM_SIGNATURE;

    FCT_ASSERT(dkim_is_domain(s->domain, 2) && dkim_is_domain(s->selector, 1));
    FCT_ASSERT(dkim_is_below(s->identity_domain, s->domain));
    FCT_ASSERT(s->nbytes > 0 && s->nbytes <= sizeof s->bytes && s->headers <= DKIM_HEADERS_MAX);
    FCT_ASSERT(s->blank.p >= value.p && s->blank.p + s->blank.n <= value.p + value.n);
    for (size_t i = 0; i < s->headers; i++)
        from = from || dkim_same_nocase(s->header[i], FCT_STR("From"));
    FCT_ASSERT(from);
}

/* Every key is one that is not there, and then one that does not fit. */
static void judge(struct arena *arena, struct fct_str text, const char *record)
{
    static const struct dkim_key_limits key_limits = DKIM_KEY_LIMITS_DEFAULT;
    const struct dkim_memory memory = {take_memory, arena};
    const struct dkim_limits limits = {10, 1700000000, 300};
    struct fct_dns_record row = {.data = str_from(record)};
    struct fct_dns_answer answer = {
        .status = record ? FCT_DNS_OK : FCT_DNS_NO_NAME, .record = &row, .n = record != NULL};
    struct dkim_key_cache *cache = dkim_key_cache_new(2, &key_limits);
    struct dkim_message message;
    struct dkim_verify verify;

    FCT_ASSERT(cache && dkim_message_split(&memory, text, &message));
    FCT_ASSERT(dkim_verify_begin(&verify, &memory, &limits, &message));
    for (size_t i = 0; i < verify.checks; i++)
        dkim_verify_key(&verify.check[i], &answer, cache);
    dkim_verify_body(&verify);
    dkim_verify_end(&verify);
    for (size_t i = 0; i < verify.checks; i++)
        FCT_ASSERT(verify.check[i].judged && verify.check[i].result != DKIM_PASS);
    dkim_verify_close(&verify);
    dkim_key_cache_free(&cache);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str value = {(const char *)data, size};
    struct arena *arena = arena_new(NULL);
    const struct dkim_memory memory = {take_memory, arena};
    struct buf text = BUF_INIT(size + 100);
    struct dkim_signature s;
    struct fct_err err = {0};

    for (unsigned kind = DKIM_SIGNATURE; kind <= DKIM_ARC_SEAL; kind++)
        if (dkim_signature_parse(&memory, (enum dkim_kind)kind, value, &s, &err))
            check((enum dkim_kind)kind, &s, value);
    buf_put_c(&text, "DKIM-Signature:");
    buf_put_str(&text, value);
    judge(arena, buf_str(&text), NULL);
    judge(arena, buf_str(&text), "k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    buf_free(&text);
    arena_free(&arena);
    return 0;
}
