/* fuzz_arc_set.c - any bytes as a message: its ARC sets are judged without passing, what they
 * record is unfolded, and a message without sets passes once we have sealed it. */
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "plugins/arc/arc_chain.h"
#include "plugins/arc/arc_recorded.h"
#include "plugins/arc/arc_seal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct arc_limits limits = {ARC_SETS_DEFAULT, ARC_VERIFICATIONS_DEFAULT, 1700000000,
                                         ARC_SKEW_DEFAULT};

static void *take_memory(void *arg, size_t bytes)
{
    return arena_alloc(arg, bytes);
}

static EVP_PKEY *our_key(void)
{
    static const uint8_t bytes[32] = {1, 2, 3};
    static EVP_PKEY *key;

    if (!key)
        key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, bytes, sizeof bytes);
    FCT_ASSERT(key);
    return key;
}

static void check_sets(const struct arc_sets *sets)
{
    FCT_ASSERT(sets->n <= ARC_INSTANCES && sets->n == sets->highest);
    for (size_t i = 0; i < sets->n; i++) {
        const struct arc_set *set = &sets->set[i];
        struct arc_recorded recorded;
        struct fct_str id;
        char text[300];
        size_t n;

        FCT_ASSERT(set->results && set->message && set->seal);
        arc_recorded_begin(&recorded, set->recorded, &id);
        while (arc_recorded_next(&recorded, text, sizeof text, &n)) {
            FCT_ASSERT(n > 0 && n <= sizeof text && text[0] != ' ' && text[n - 1] != ' ');
            for (size_t at = 0; at < n; at++)
                FCT_ASSERT((unsigned char)text[at] >= ' ' && text[at] != 0x7f);
        }
    }
}

static enum arc_result judge(const struct dkim_memory *memory, const struct dkim_message *message,
                             const char *record)
{
    static const struct dkim_key_limits key_limits = DKIM_KEY_LIMITS_DEFAULT;
    struct dkim_key_cache *cache = dkim_key_cache_new(2, &key_limits);
    struct fct_dns_record row = {.data = str_from(record)};
    struct fct_dns_answer answer = {.status = FCT_DNS_OK, .record = &row, .n = 1};
    struct arc_chain chain;
    struct dkim_check *check;
    enum arc_result result;

    FCT_ASSERT(cache && arc_chain_begin(&chain, memory, &limits, message));
    if (chain.links > 0)
        check_sets(&chain.sets);
    for (size_t i = 0; (check = arc_chain_check(&chain, i)); i++)
        dkim_verify_key(check, &answer, cache);
    arc_chain_body(&chain);
    arc_chain_end(&chain);
    FCT_ASSERT(chain.judged &&
               (chain.result == ARC_PASS || chain.result == ARC_NONE || chain.why.text[0] != '\0'));
    result = chain.result;
    arc_chain_close(&chain);
    dkim_key_cache_free(&cache);
    return result;
}

/* What we seal passes; on top of bytes whose first line may go on with ours, so one is in between.
 */
static void seal(struct arena *arena, const struct dkim_memory *memory, struct fct_str text)
{
    static const char *const over[] = {"From"}, *const more[] = {"X-Twice", "Subject"};
    const struct fct_strings oversign = {over, 1}, headers = {more, 2};
    struct arc_sealing s = {.instance = 1,
                            .cv = "none",
                            .results = FCT_STR("mx.example.org; spf=pass"),
                            .domain = FCT_STR("example.org"),
                            .selector = FCT_STR("s1"),
                            .key = our_key(),
                            .time = 1699999999};
    struct dkim_message message;
    struct arc_new_set set;
    struct fct_err err = {0};
    char *record = dkim_key_record(our_key());

    text = arena_printf(arena, "X-Top: x\r\n%.*s", FCT_FMT(text));
    FCT_ASSERT(record && dkim_message_split(memory, text, &message));
    FCT_ASSERT(arc_sealing_names(&s, memory, &message, &headers, &oversign));
    FCT_ASSERT(arc_seal_message(&s, memory, &message, &set, &err));
    text =
        arena_printf(arena,
                     "ARC-Seal: %.*s\r\nARC-Message-Signature: %.*s\r\n"
                     "ARC-Authentication-Results: %.*s\r\n%.*s",
                     FCT_FMT(set.seal), FCT_FMT(set.message), FCT_FMT(set.results), FCT_FMT(text));
    FCT_ASSERT(dkim_message_split(memory, text, &message));
    FCT_ASSERT(judge(memory, &message, record) == ARC_PASS);
    free(record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char stranger[] = "k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    struct fct_str text = {(const char *)data, size}, recorded;
    struct arena *arena = arena_new(NULL);
    const struct dkim_memory memory = {take_memory, arena};
    struct dkim_message message;
    struct fct_err err = {0};
    enum arc_result result;
    uint32_t instance;

    if (arc_info_parse(text, &instance, &recorded, &err))
        FCT_ASSERT(instance >= 1 && instance <= ARC_INSTANCES &&
                   recorded.p + recorded.n == text.p + text.n);
    FCT_ASSERT(dkim_message_split(&memory, text, &message));
    result = judge(&memory, &message, stranger);
    FCT_ASSERT(result != ARC_PASS);
    if (result == ARC_NONE && size > 0 &&
        !memchr(data, '\0', size)) /* printf's %.*s would end there */
        seal(arena, &memory, text);
    arena_free(&arena);
    return 0;
}
