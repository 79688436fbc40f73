/* Addresses: a table of who gets what; accounts, aliases and passwords; what is refused. */
#include "fixture.h"
#include "store/password.h"

static const char lines[] =
    "first@example.org:one\n# a "
    "comment\n\nalice@example.org:two\nbob@example.org:three:with:colons\ncarol@example.com:four\n"
    "alice@example.org:five\n";

static void set_alias(const char *alias, const char *a, const char *b)
{
    struct fct_str target[2] = {str_from(a), str_from(b)};

    WANT(store_alias_set(fx_admin, str_from(alias), target, a ? b ? 2 : 1 : 0, &fx_err));
}

static void load(void)
{
    uint32_t loaded;

    WANT(store_account_load(fx_admin, str_from(lines), &loaded, &fx_err));
    ck_assert_uint_eq(loaded, 4);
    set_alias("info@example.org", "alice@example.org", "bob@example.org");
    set_alias("team@example.org", "info@example.org", "alice@example.org");
    set_alias("me@example.org", "alice@example.org", NULL);
    set_alias("loop@example.org", "loop2@example.org", NULL);
    set_alias("loop2@example.org", "loop@example.org", NULL);
    set_alias("@example.com", "carol@example.com", NULL);
    set_alias("sales+eu@example.org", "bob@example.org", NULL);
    set_alias("only@alias.example", "bob@example.org", NULL);
    set_alias("Away@example.org", "Ben.K@ELSEWHERE.example", "Bob@Example.ORG");
}

static void resolution(void)
{
    static const struct {
        const char *address;
        enum store_resolved what;
        const char *names, *detail;
    } cases[] = {
        {"alice@example.org", RESOLVED_LOCAL, "alice@example.org ", ""},
        {"ALICE@Example.Org", RESOLVED_LOCAL, "alice@example.org ", ""},
        {"alice+x+y@example.org", RESOLVED_LOCAL, "alice@example.org ", "x+y"},
        {"alice+@example.org", RESOLVED_LOCAL, "alice@example.org ", ""},
        {"+alice@example.org", RESOLVED_UNKNOWN_USER, "", ""},
        {"info@example.org", RESOLVED_LOCAL, "alice@example.org bob@example.org ", ""},
        {"info+d@example.org", RESOLVED_LOCAL, "alice@example.org bob@example.org ", "d"},
        {"team@example.org", RESOLVED_LOCAL, "alice@example.org bob@example.org ", ""},
        {"loop@example.org", RESOLVED_UNKNOWN_USER, "", ""},
        {"nobody@example.org", RESOLVED_UNKNOWN_USER, "", ""},
        {"nobody@example.com", RESOLVED_LOCAL, "carol@example.com ", ""},
        {"sales+eu@example.org", RESOLVED_LOCAL, "bob@example.org ", ""}, /* exact before detail */
        {"sales+us@example.org", RESOLVED_UNKNOWN_USER, "", ""},
        {"x@alias.example", RESOLVED_UNKNOWN_USER, "", ""},
        {"x@elsewhere.example", RESOLVED_NOT_LOCAL, "", ""},
        /* elsewhere case may mean something (RFC 5321 2.4) */
        {"away@example.org", RESOLVED_LOCAL, "Ben.K@elsewhere.example bob@example.org ", ""},
        {"postmaster", RESOLVED_LOCAL, "first@example.org ", ""},
    };

    load();
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct store_resolution r;
        struct buf names = BUF_INIT(1000);

        WANT(store_resolve(fx_edge, str_from(cases[i].address), fx_arena, &r, &fx_err));
        ck_assert_msg(r.what == cases[i].what, "%s: %d", cases[i].address, (int)r.what);
        for (size_t k = 0; k < r.n; k++) {
            buf_put_str(&names, r.target[k].name);
            buf_put_char(&names, ' ');
        }
        ck_assert_msg(str_equal(buf_str(&names), str_from(cases[i].names)), "%s: %.*s",
                      cases[i].address, (int)names.n, names.p);
        ck_assert_msg(r.n == 0 || str_equal(r.target[0].detail, str_from(cases[i].detail)),
                      "%s: detail", cases[i].address);
        buf_free(&names);
    }
    set_alias("postmaster", "bob@example.org", NULL);
    {
        struct store_resolution r;

        WANT(store_resolve(fx_edge, FCT_STR("PostMaster"), fx_arena, &r, &fx_err));
        ck_assert(r.n == 1 && str_equal(r.target[0].name, FCT_STR("bob@example.org")));
    }
}

START_TEST(test_resolution)
{
    fx_test(resolution);
}
END_TEST

static void refused(void)
{
    static const char *const bad[] = {
        "", "@", "a@", "@example.org", "noat", "a\r\nb@example.org", "a\x01@example.org"};
    struct store_resolution r;
    struct fct_str target = FCT_STR("bob@example.org");

    load();
    for (size_t i = 0; i < FCT_COUNT(bad); i++) {
        ck_assert_msg(!store_account_add(fx_admin, str_from(bad[i]), FCT_STR("x"), &fx_err), "%s",
                      bad[i]);
        ck_assert_int_eq(fx_err.class, FCT_SYNTAX);
        ck_assert_msg(!store_resolve(fx_edge, str_from(bad[i]), fx_arena, &r, &fx_err), "%s",
                      bad[i]);
    }
    ck_assert(!store_account_add(fx_admin, FCT_STR("alice@example.org"), FCT_STR("x"),
                                 &fx_err)); /* exists */
    ck_assert(!store_account_add(fx_admin, FCT_STR("new@example.org"), FCT_STR(""),
                                 &fx_err)); /* no password */
    ck_assert(!store_alias_set(fx_admin, FCT_STR("alice@example.org"), &target, 1,
                               &fx_err)); /* is an account */
    ck_assert(!store_alias_set(fx_admin, FCT_STR("never@example.org"), NULL, 0,
                               &fx_err)); /* nothing to remove */
    /* an edge process is no administrator */
    ck_assert(!store_account_add(fx_edge, FCT_STR("evil@example.org"), FCT_STR("x"), &fx_err));
    ck_assert_int_eq(fx_err.class, FCT_DENIED);
    ck_assert(!store_account_remove(fx_edge, FCT_STR("alice@example.org"), &fx_err));
    ck_assert(
        !store_account_password(fx_edge, FCT_STR("alice@example.org"), FCT_STR("x"), &fx_err));
    ck_assert(!store_account_load(fx_edge, FCT_STR("a@b:c"), &(uint32_t){0}, &fx_err));
}

START_TEST(test_refused)
{
    fx_test(refused);
}
END_TEST

static void removal(void)
{
    const struct store_account *list;
    struct store_resolution r;
    struct store_principal bob;
    struct mailbox_info info;
    size_t n;

    load();
    bob = fx_login("bob@example.org", "three:with:colons");
    for (int i = 0; i < 20; i++)
        ck_assert_uint_ne(fx_deliver("bob@example.org", i % 2 ? "Archive" : "", "some text", "id"),
                          0);
    fx_deliver("alice@example.org", "", "some text", "id"); /* the same body */
    WANT(store_accounts(fx_admin, fx_arena, &list, &n, &fx_err));
    ck_assert_uint_eq(n, 4);
    ck_assert_uint_eq(list[1].messages, 20);
    WANT(store_account_remove(fx_admin, FCT_STR("Bob@example.org"), &fx_err));
    WANT(store_accounts(fx_admin, fx_arena, &list, &n, &fx_err));
    ck_assert_uint_eq(n, 3);
    WANT(store_resolve(fx_edge, FCT_STR("bob@example.org"), fx_arena, &r, &fx_err));
    ck_assert_int_eq(r.what, RESOLVED_UNKNOWN_USER);
    ck_assert(!store_mailbox(fx_edge, bob.handle, FCT_STR("INBOX"), fx_arena, &info,
                             &fx_err)); /* its handle is dead */
    fx_check_clean();                   /* alice's body is still whole */
    WANT(store_account_add(fx_admin, FCT_STR("bob@example.org"), FCT_STR("x"), &fx_err));
    bob = fx_login("bob@example.org", "x");
    WANT(store_mailbox(fx_edge, bob.handle, FCT_STR("INBOX"), fx_arena, &info, &fx_err));
    ck_assert_uint_eq(info.exists, 0);
}

START_TEST(test_removal)
{
    fx_test(removal);
}
END_TEST

static bool can_login(const char *user, const char *password)
{
    struct store_principal p;
    bool ok = store_login(fx_edge, str_from(user), str_from(password), fx_arena, &p, &fx_err);

    if (!ok) {
        ck_assert_int_eq(fx_err.class, FCT_DENIED);
        ck_assert_str_eq(fx_err.text, "authentication failed");
        ck_assert_uint_eq(p.handle, 0);
    }
    return ok;
}

static void passwords(void)
{
    load();
    ck_assert(can_login("alice@example.org", "five")); /* the last line counts */
    ck_assert(can_login("Alice@example.org", "five"));
    ck_assert(!can_login("alice@example.org", "two"));
    ck_assert(!can_login("alice@example.org", ""));
    ck_assert(!can_login("alice", "five"));
    ck_assert(!can_login("nobody@example.org", "five"));
    ck_assert(!can_login("info@example.org", "five")); /* an alias has no password */
    ck_assert(can_login("alice@example.org", "five")); /* from the cache */
    ck_assert(!can_login("alice@example.org", "five "));
    WANT(store_account_password(fx_admin, FCT_STR("alice@example.org"), FCT_STR("six"), &fx_err));
    ck_assert(!can_login("alice@example.org", "five")); /* the cache knows no old password */
    ck_assert(can_login("alice@example.org", "six"));
    fx_server->dev = false; /* yescrypt from here on; what dev made is still good */
    ck_assert(can_login("alice@example.org", "six"));
    WANT(store_account_password(fx_admin, FCT_STR("alice@example.org"), FCT_STR("seven"), &fx_err));
    ck_assert(!can_login("alice@example.org", "six"));
    ck_assert(can_login("alice@example.org", "seven"));
    ck_assert(!can_login("nobody@example.org", "seven"));
    fx_server->dev = true;
    ck_assert(can_login("alice@example.org", "seven"));
}

START_TEST(test_passwords)
{
    fx_test(passwords);
}
END_TEST

/* A stored hash that is no hash must never let anybody in. */
static void malformed_hashes(void)
{
    static const char *const hashes[] = {
        "",    "*",     "*0",         "*1", "x",       "$",    "$y$",     "$y$j9T$",
        "$5$", "plain", "$y$j9T$abc", "!",  "$2b$05$", "*0\n", "$scram$", "$scram$x"};

    for (size_t i = 0; i < FCT_COUNT(hashes); i++) {
        static const char *const tries[] = {"", "*0", "*1", "x", "plain", "$y$"};
        struct password p = {.hash = str_from(hashes[i])};

        for (size_t k = 0; k < FCT_COUNT(tries); k++) {
            bool right = true;

            WANT(password_check(fx_server, FCT_STR("u"), str_from(tries[k]), &p, &right, &fx_err));
            ck_assert_msg(!right, "hash %s, password %s", hashes[i], tries[k]);
        }
        {
            bool right = true;

            WANT(password_check(fx_server, FCT_STR("u"), str_from(hashes[i]), &p, &right, &fx_err));
            ck_assert_msg(!right, "hash %s as password", hashes[i]);
        }
    }
}

START_TEST(test_malformed_hashes)
{
    fx_test(malformed_hashes);
}
END_TEST

static void senders(void)
{
    static const struct {
        const char *address;
        bool may;
    } cases[] = {{"alice@example.org", true},
                 {"Alice+x@example.org", true},
                 {"me@example.org", true},
                 {"info@example.org", false},
                 {"bob@example.org", false},
                 {"x@elsewhere.example", false},
                 {"", false},
                 {"postmaster", false},
                 {"alice@example.com", false},
                 {"alice@example.orgx", false}};
    struct store_principal alice;

    load();
    alice = fx_login("alice@example.org", "five");
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        bool yes;

        WANT(store_may_send_as(fx_edge, alice.handle, str_from(cases[i].address), &yes, &fx_err));
        ck_assert_msg(yes == cases[i].may, "%s", cases[i].address);
    }
}

START_TEST(test_senders)
{
    fx_test(senders);
}
END_TEST

/* Salts: of a known user as stored, of an unknown one made up and the same every time. */
static void scram_salts(void)
{
    struct fct_str a, b, c;
    uint32_t iterations;
    struct store_principal p;

    load();
    WANT(store_scram_salt(fx_edge, FCT_STR("nobody@example.org"), fx_arena, &a, &iterations,
                          &fx_err));
    WANT(store_scram_salt(fx_edge, FCT_STR("nobody@example.org"), fx_arena, &b, &iterations,
                          &fx_err));
    WANT(store_scram_salt(fx_edge, FCT_STR("nobody2@example.org"), fx_arena, &c, &iterations,
                          &fx_err));
    ck_assert(str_equal(a, b) && !str_equal(a, c));
    ck_assert_uint_eq(a.n, SCRAM_SALT);
    ck_assert_uint_ge(iterations, 4096);
    WANT(store_scram_salt(fx_edge, FCT_STR("alice@example.org"), fx_arena, &b, &iterations,
                          &fx_err));
    ck_assert_uint_eq(b.n, SCRAM_SALT);
    ck_assert(!store_scram_login(fx_edge, FCT_STR("alice@example.org"), FCT_STR("n=,r=,c="),
                                 FCT_STR("01234567890123456789012345678901"), fx_arena, &a, &p,
                                 &fx_err));
    ck_assert_int_eq(fx_err.class, FCT_DENIED);
    ck_assert(!store_scram_login(fx_edge, FCT_STR("nobody@example.org"), FCT_STR("n=,r=,c="),
                                 FCT_STR("short"), fx_arena, &a, &p, &fx_err));
    ck_assert_int_eq(fx_err.class, FCT_DENIED);
}

START_TEST(test_scram_salts)
{
    fx_test(scram_salts);
}
END_TEST

/* RFC 7677 3: user "user", password "pencil". The keys follow from the salt there by RFC 5802 3. */
START_TEST(test_scram_vector)
{
    struct password p = {
        .iterations = 4096,
        .stored_key = {0x58, 0x6e, 0x5d, 0xf2, 0x83, 0xe6, 0xdc, 0xeb, 0x5c, 0x3e, 0x79,
                       0x1d, 0x8b, 0x85, 0x28, 0xec, 0x19, 0x1e, 0x66, 0x40, 0x45, 0xce,
                       0x97, 0x17, 0x92, 0xe2, 0xe6, 0xb5, 0xbb, 0x13, 0xe2, 0xa6},
        .server_key = {0xc1, 0xf3, 0xcb, 0xc1, 0xc1, 0x3a, 0x9d, 0x35, 0xa1, 0x4c, 0x09,
                       0x90, 0xee, 0xd9, 0x76, 0x29, 0xea, 0x22, 0x58, 0x63, 0xe5, 0x66,
                       0xa4, 0x31, 0x4a, 0xb9, 0x9f, 0x3f, 0x00, 0xe5, 0xd9, 0xd5},
    };
    const char proof[] = {(char)0x74, (char)0x7c, (char)0xdb, (char)0x65, (char)0xaa, (char)0x56,
                          (char)0x22, (char)0x4e, (char)0x23, (char)0x52, (char)0x13, (char)0x7e,
                          (char)0x52, (char)0xd7, (char)0xbd, (char)0xca, (char)0xd6, (char)0xa0,
                          (char)0xf7, (char)0x38, (char)0xdf, (char)0x30, (char)0x78, (char)0x2c,
                          (char)0xaa, (char)0x69, (char)0xa2, (char)0xcf, (char)0xb0, (char)0x27,
                          (char)0x75, (char)0x54};
    const uint8_t want[] = {0xea, 0xba, 0xe2, 0x4d, 0x10, 0x62, 0xdb, 0x75, 0xa9, 0x45, 0x1f,
                            0xf0, 0xb6, 0xea, 0x7e, 0x98, 0xc8, 0x54, 0x65, 0x49, 0xff, 0x74,
                            0x1e, 0x67, 0x2d, 0x32, 0x51, 0xb2, 0x39, 0x7d, 0xe4, 0x6e};
    struct fct_str message =
        FCT_STR("n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$"
                "k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,"
                "i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
    uint8_t signature[SCRAM_KEY];

    ck_assert(scram_check(&p, message, (struct fct_str){proof, sizeof proof}, signature));
    ck_assert_mem_eq(signature, want, sizeof want);
    p.stored_key[0] ^= 1;
    ck_assert(!scram_check(&p, message, (struct fct_str){proof, sizeof proof}, signature));
    ck_assert(!scram_check(&p, message, (struct fct_str){proof, sizeof proof - 1}, signature));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("directory");
    TCase *t = tcase_create("all");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_resolution);
    tcase_add_test(t, test_refused);
    tcase_add_test(t, test_removal);
    tcase_add_test(t, test_passwords);
    tcase_add_test(t, test_malformed_hashes);
    tcase_add_test(t, test_senders);
    tcase_add_test(t, test_scram_salts);
    tcase_add_test(t, test_scram_vector);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
