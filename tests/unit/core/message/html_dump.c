/* html_dump.c - a program for tests/interop/test_html_tokens.py: each record of its input (four
 * bytes of length, little-endian, then HTML in UTF-8) becomes a line of JSON, the tokens as arrays
 * [kind, name, text, self-closing, {attribute: value}]. */
#include "core/message/html_tokens.h"

#include <stdlib.h>

enum { RECORD_MAX = 1 << 20 };

static void put_json(struct fct_str s)
{
    putchar('"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c < 0x20 || c == '"' || c == '\\')
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

static void put_token(const struct fct_html_token *t)
{
    printf("[%u,", (unsigned)t->kind);
    put_json(t->name);
    putchar(',');
    put_json(t->text);
    printf(",%s,{", t->self_closing ? "true" : "false");
    for (size_t i = 0; i < t->attributes; i++) {
        printf("%s", i ? "," : "");
        put_json(t->attribute[i].name);
        putchar(':');
        put_json(t->attribute[i].value);
    }
    printf("}]");
}

int main(void)
{
    char *record = malloc(RECORD_MAX);
    unsigned char length[4];

    while (record && fread(length, 1, 4, stdin) == 4) {
        size_t n = length[0] | (size_t)length[1] << 8 | (size_t)length[2] << 16;
        struct arena *arena = arena_new(NULL);
        struct html_tokens tokens;

        if (n > RECORD_MAX || fread(record, 1, n, stdin) != n)
            return 1;
        html_tokenize(arena, (struct fct_str){record, n}, FCT_STR("utf-8"), RECORD_MAX, &tokens);
        putchar('[');
        for (size_t i = 0; i < tokens.n; i++) {
            printf("%s", i ? "," : "");
            put_token(&tokens.token[i]);
        }
        puts("]");
        arena_free(&arena);
    }
    free(record);
    return 0;
}
