/* fuzz_bayes.c - any bytes as a message, and as plain text: the tokens rise, are no more than there
 * may be, and the same each time. */
#include "plugins/bayes/bayes_message.h"
#include "plugins/bayes/bayes_words.h"

#include "core/base/err.h"
#include "core/dns/psl.h"
#include "core/plugin/plugin_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint64_t *token, size_t n)
{
    FCT_ASSERT(n <= BAYES_TOKENS);
    for (size_t i = 1; i < n; i++)
        FCT_ASSERT(token[i] > token[i - 1]);
}

static size_t read_text(struct fct_str text, uint64_t out[BAYES_TOKENS])
{
    static struct bayes_tokens tokens;

    bayes_tokens_init(&tokens, 1);
    bayes_words_add(&tokens, text, BAYES_WORD, BAYES_PAIR);
    bayes_words_of(&tokens, text, BAYES_HEADER, "field");
    return bayes_tokens_finish(&tokens, out);
}

static size_t read_message(struct fct_str text, uint64_t out[BAYES_TOKENS])
{
    struct fct_trial trial = {.size = sizeof trial, .message = text};
    struct fct_err err = {0};
    struct bayes_reading r = {
        &plugin_host, plugin_host.trial_begin(NULL, &trial, &err), 1, 10000, {"mx", 2}};
    struct bayes_digest digest;
    size_t n = bayes_message_tokens(&r, out);

    bayes_message_digest(&r, &digest);
    FCT_ASSERT(strlen(digest.hex) == 32);
    plugin_host.trial_end(r.call);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint64_t first[BAYES_TOKENS], again[BAYES_TOKENS];
    struct fct_str text = {(const char *)data, size};
    size_t n;

    psl_setup();
    n = read_text(text, first);
    check(first, n);
    FCT_ASSERT(read_text(text, again) == n && memcmp(first, again, n * sizeof *first) == 0);
    check(first, read_message(text, first));
    return 0;
}
