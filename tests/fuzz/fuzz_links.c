/* fuzz_links.c - any bytes as a text part and as an HTML part: links stay inside the part. The
 * first byte chooses charset and form. */
#include "core/base/err.h"
#include "core/message/links.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const charsets[] = {"utf-8", "windows-1252", "utf-16le", "iso-2022-jp"};
    const char *charset = charsets[size ? data[0] % FCT_COUNT(charsets) : 0];
    struct link_source source = {.bytes = {(const char *)data + (size > 0), size - (size > 0)},
                                 .charset = {charset, strlen(charset)},
                                 .joins_lines = size > 0 && (data[0] & 64)};
    struct link_list list = {.max = 1000};
    struct arena *arena = arena_new(NULL);
    struct html_tokens tokens;

    if (size > 0 && (data[0] & 128)) {
        links_from_text(arena, &source, &list);
    } else {
        html_tokenize(arena, source.bytes, source.charset, 10000, &tokens);
        links_from_html(arena, &source, &tokens, &list);
    }
    for (size_t i = 0; i < list.n; i++) {
        FCT_ASSERT(list.link[i].offset + list.link[i].length <= source.bytes.n);
        FCT_ASSERT(list.link[i].url.host.n > 0);
    }
    arena_free(&arena);
    return 0;
}
