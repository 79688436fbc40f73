/* fuzz_html.c - any bytes as HTML in several charsets: spans stay inside and in order, the work is
 * linear. The first byte chooses the charset. */
#include "core/base/err.h"
#include "core/message/html_tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct fct_html_token *t, size_t size)
{
    FCT_ASSERT(t->offset + t->length <= size);
    for (size_t i = 0; i < t->attributes; i++) {
        const struct fct_html_attribute *a = &t->attribute[i];

        FCT_ASSERT(a->offset >= t->offset && a->offset + a->length <= t->offset + t->length);
        FCT_ASSERT(a->value_offset >= a->offset &&
                   a->value_offset + a->value_length <= a->offset + a->length);
        FCT_ASSERT(a->name.n > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const charsets[] = {"utf-8",       "",         "windows-1252", "gb18030",
                                           "utf-16",      "utf-32le", "utf-7",        "iso-2022-jp",
                                           "iso-2022-kr", "shift_jis"};
    struct arena *arena = arena_new(NULL);
    struct html_tokens tokens;
    const char *charset = charsets[size ? data[0] % FCT_COUNT(charsets) : 0];
    struct fct_str bytes = {(const char *)data + (size > 0), size - (size > 0)};

    html_tokenize(arena, bytes, (struct fct_str){charset, strlen(charset)}, 10000, &tokens);
    FCT_ASSERT(tokens.counted <= 10000);
    FCT_ASSERT(tokens.steps <= 40 * size + 100);
    for (size_t i = 0; i < tokens.n; i++) {
        check(&tokens.token[i], bytes.n);
        FCT_ASSERT(i == 0 || tokens.token[i].offset >=
                                 tokens.token[i - 1].offset + tokens.token[i - 1].length);
    }
    arena_free(&arena);
    return 0;
}
