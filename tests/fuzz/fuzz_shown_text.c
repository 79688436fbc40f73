/* fuzz_shown_text.c - any bytes as HTML: the text that people see and what is hidden from them stay
 * within the limit and begin and end with a word, and no text is made up. The first byte chooses
 * the charset. */
#include "core/base/err.h"
#include "core/message/shown_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX = 20000 };

static void check(const struct shown_flow *f)
{
    struct fct_str s = buf_str(&f->out);

    FCT_ASSERT(s.n <= MAX);
    FCT_ASSERT(s.n == 0 || (s.p[0] != ' ' && s.p[0] != '\n'));
    FCT_ASSERT(f->out.overflow || s.n == 0 || (s.p[s.n - 1] != ' ' && s.p[s.n - 1] != '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const charsets[] = {"utf-8", "windows-1252", "utf-16le", "iso-2022-jp"};
    const char *charset = charsets[size ? data[0] % FCT_COUNT(charsets) : 0];
    struct fct_str bytes = {(const char *)data + (size > 0), size - (size > 0)};
    struct arena *arena = arena_new(NULL);
    struct html_tokens tokens;
    struct shown_text text;
    size_t most = 0;

    html_tokenize(arena, bytes, (struct fct_str){charset, strlen(charset)}, 10000, &tokens);
    for (size_t i = 0; i < tokens.n; i++) {
        most += tokens.token[i].text.n + 2;
        for (size_t k = 0; k < tokens.token[i].attributes; k++)
            most += tokens.token[i].attribute[k].value.n;
    }
    shown_text_init(&text, MAX);
    shown_text_add_html(&text, tokens.token, tokens.n);
    shown_text_add_plain(&text, bytes);
    check(&text.shown);
    check(&text.hidden);
    FCT_ASSERT(text.hidden.out.n <= most);
    shown_text_free(&text);
    arena_free(&arena);
    return 0;
}
