/* test_address.c - address lists, as the RFC has them and as mail has them. */
#include "core/message/address.h"
#include "message_test.h"

enum { MOST = 16 };

/* One line per list: entries in brackets, "name|route|local|domain", "group:", "end", '!' for
 * broken ones, '~' for those with garbage behind them. */
static struct fct_str shown(struct arena *arena, const struct address *list, size_t n)
{
    struct buf out = BUF_INIT(65536);

    for (size_t i = 0; i < n; i++) {
        const struct address *a = &list[i];

        if (a->kind == ADDRESS_GROUP_START)
            buf_printf(&out, "[%.*s:]", FCT_FMT(a->local));
        else if (a->kind == ADDRESS_GROUP_END)
            buf_put_c(&out, "[end]");
        else
            buf_printf(&out, "[%.*s|%.*s|%.*s|%.*s%s]", FCT_FMT(a->name), FCT_FMT(a->route),
                       FCT_FMT(a->local), FCT_FMT(a->domain),
                       a->broken    ? "!"
                       : a->garbage ? "~"
                                    : "");
    }
    struct fct_str text = arena_str(arena, buf_str(&out));
    buf_free(&out);
    return text;
}

START_TEST(lists)
{
    static const struct {
        const char *value, *want;
    } cases[] = {
        {"a@b", "[||a|b]"},
        {" a@b , c@d ", "[||a|b][||c|d]"},
        {"Joe <joe@example.org>", "[Joe||joe|example.org]"},
        {"\"Joe, Q.\" <joe@example.org>", "[Joe, Q.||joe|example.org]"},
        {"\"a\\\"b\" <a@b>", "[a\"b||a|b]"},
        {"J. Q. Public <jqp@b>", "[J. Q. Public||jqp|b]"},
        {"Joe  \t Blow <a@b>", "[Joe Blow||a|b]"},
        {"<a@b>", "[||a|b]"},
        {"<>", "[|||]"},
        {"=?utf-8?q?J=C3=B6rg?= <j@b>", "[=?utf-8?q?J=C3=B6rg?=||j|b]"},
        {"J\xC3\xB6rg <j@b>", "[J\xC3\xB6rg||j|b]"},
        {"a@b (Joe)", "[Joe||a|b]"},
        {"a@b (Joe \\(Q\\))", "[Joe (Q)||a|b]"},
        {"(x) a (y) @ (z) b", "[z||a|b]"},
        {"Joe (his name) <a@b> (more)", "[Joe||a|b]"},
        {"\"quoted local\"@b", "[||quoted local|b]"},
        {"a.b . c@d . e", "[||a.b.c|d.e]"},
        {"a@[192.0.2.1]", "[||a|[192.0.2.1]]"},
        {"<@r1,@r2:a@b>", "[|@r1,@r2|a|b]"},
        {"group: a@b, C <c@d>;", "[group:][||a|b][C||c|d][end]"},
        {"undisclosed-recipients:;", "[undisclosed-recipients:][end]"},
        {"My Group: ; , x@y", "[My Group:][end][||x|y]"},
        {"group: a@b", "[group:][||a|b][end]"},
        {"joe", "[||joe|]"},
        {"a@b c@d", "[||a|b~]"},
        {"a@b <c@d>", "[a@b||c|d]"},
        {"a@b<c@d>, e@f", "[a@b||c|d][||e|f]"},
        {"\"x\"@b (y) <c@d>", "[\"x\"@b (y)||c|d]"},
        {"a@b <c@d", "[a@b||c|d!]"},
        {"a@b <c@d> e@f", "[a@b||c|d~]"},
        {"a@b;c@d", "[||a|b~]"},
        {",,a@b,,", "[||a|b]"},
        {"Joe <a@b", "[Joe||a|b!]"},
        {"Joe <a@>", "[Joe||a|!]"},
        {"@b", "[|||!]"},
        {"<@r:>", "[|@r||]"},
        {"<@r a@b>, c@d", "[|INVALID_ROUTE||!][||c|d]"},
        {"\"open", "[||open|!]"},
        {"Joe (open <a@b>, c@d", "[||Joe|]"},
        {"a@b, \"x, y\" z, c@d", "[||a|b][||x, y|~][||c|d]"},
        {"", ""},
        {"  \r\n ", ""},
        {";", "[|||!]"},
        {"a@b,\r\n c@d", "[||a|b][||c|d]"},
        {"\"Bank <real@bank.example>\" <evil@x>", "[Bank <real@bank.example>||evil|x]"},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct arena *arena = arena_new(NULL);
        struct address list[MOST];
        size_t n = address_list_parse(arena, str_from(cases[i].value), list, MOST);

        assert_text(cases[i].value, shown(arena, list, n), str_from(cases[i].want));
        arena_free(&arena);
    }
}
END_TEST

START_TEST(the_maximum_holds)
{
    struct arena *arena = arena_new(NULL);
    struct address list[3];

    ck_assert_uint_eq(address_list_parse(arena, FCT_STR("a@b,c@d,e@f,g@h"), list, 3), 3);
    ck_assert_uint_eq(address_list_parse(arena, FCT_STR("g: a@b, c@d, e@f;"), list, 2), 2);
    ck_assert_uint_eq(address_list_parse(arena, FCT_STR("a@b"), list, 0), 0);
    arena_free(&arena);
}
END_TEST

/* Bounded memory for inputs that are all of one kind: what is copied is at most some times the
 * input. */
START_TEST(wide_inputs)
{
    static const char *const units[] = {"a@b,",   "a ",     "\"\\a\" ", "(",      "(a)",
                                        "((a)) ", "a.",     "<",        "@a,",    "g:;",
                                        ";",      "\"a\",", "\\",       "a\t<b>,"};

    for (size_t i = 0; i < FCT_COUNT(units); i++) {
        struct arena *arena = arena_new(NULL);
        struct buf value = BUF_INIT(4 << 20);
        static struct address list[100000];

        put_times(&value, units[i], 100000);
        size_t n = address_list_parse(arena, buf_str(&value), list, FCT_COUNT(list));
        ck_assert_msg(n <= 100000, "%s", units[i]);
        ck_assert_msg(arena_bytes(arena) <= 16 * value.n + 65536, "%s: %zu bytes", units[i],
                      arena_bytes(arena));
        buf_free(&value);
        arena_free(&arena);
    }
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, lists);
    tcase_add_test(tc, the_maximum_holds);
    tcase_add_test(tc, wide_inputs);
}

int main(void)
{
    return run_suite("address", add);
}
