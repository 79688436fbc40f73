/* test_dkim_signature.c - what a signature field and a key record may say. */
#include "dkim_rig.h"

#define BH   "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define REST "; d=example.org; s=s1; h=From:To; b=AAAA; " BH
#define GOOD "v=1; a=rsa-sha256" REST

static const struct {
    const char *value;
    enum fct_class want; /* FCT_OK: taken */
    const char *why;
} signatures[] = {
    {GOOD, FCT_OK, ""},
    {GOOD ";", FCT_OK, ""},
    {GOOD "; ", FCT_OK, ""},
    {" \r\n\t" GOOD "\r\n ", FCT_OK, ""},
    {"v = 1 ;\r\n a = rsa-sha256" REST, FCT_OK, ""},
    {"v=1; a=ed25519-sha256" REST, FCT_OK, ""},
    {"a=rsa-sha256" REST, FCT_OK, ""}, /* drafts */
    {GOOD "; unknown=x; _=", FCT_SYNTAX, "bad name"},
    {GOOD "; unknown=x; x_9=", FCT_OK, ""},
    {GOOD ";; z=x", FCT_SYNTAX, "empty tag"},
    {";" GOOD, FCT_SYNTAX, "empty tag"},
    {"", FCT_SYNTAX, "empty tag"},
    {GOOD "; z", FCT_SYNTAX, "without"},
    {GOOD "; 1z=x", FCT_SYNTAX, "bad name"},
    {GOOD "; z=a\001b", FCT_SYNTAX, "not allowed"},
    {GOOD "; d=example.org", FCT_SYNTAX, "twice"},
    {GOOD "; D=example.org", FCT_OK, ""}, /* another tag */
    {"v=2; a=rsa-sha256" REST, FCT_SYNTAX, "v="},
    {"v=1; a=rsa-sha1" REST, FCT_DENIED, "RFC 8301"},
    {"v=1; a=RSA-SHA256" REST, FCT_SYNTAX, "algorithm"},
    {"v=1; a=rsa-md5" REST, FCT_SYNTAX, "algorithm"},
    {"v=1; a=" REST, FCT_SYNTAX, "algorithm"},
    {"v=1; d=example.org; s=s1; h=From; b=AAAA; " BH, FCT_SYNTAX, "a= is missing"},
    {"v=1; a=rsa-sha256; s=s1; h=From; b=AAAA; " BH, FCT_SYNTAX, "d= is missing"},
    {"v=1; a=rsa-sha256; d=example.org; h=From; b=AAAA; " BH, FCT_SYNTAX, "s= is missing"},
    {"v=1; a=rsa-sha256; d=example.org; s=s1; b=AAAA; " BH, FCT_SYNTAX, "h= is missing"},
    {"v=1; a=rsa-sha256; d=example.org; s=s1; h=From; " BH, FCT_SYNTAX, "b= is missing"},
    {"v=1; a=rsa-sha256; d=example.org; s=s1; h=From; b=AAAA", FCT_SYNTAX, "bh= is missing"},
    {"v=1; a=rsa-sha256; d=example.org; s=s1; h=To; b=AAAA; " BH, FCT_SYNTAX, "no From"},
    {"v=1; a=rsa-sha256; d=example.org; s=s1; h=to : from; b=AAAA; " BH, FCT_OK, ""},
    {"v=1; a=rsa-sha256; d=example.org; s=s1; h=From::To; b=AAAA; " BH, FCT_SYNTAX, "field name"},
    {"v=1; a=rsa-sha256; d=example.org; s=s1; h=From:T o; b=AAAA; " BH, FCT_SYNTAX, "field name"},
    {"v=1; a=rsa-sha256; d=example.org; s=s1; h=; b=AAAA; " BH, FCT_SYNTAX, "field name"},
    {"v=1; a=rsa-sha256; d=example.org; s=s1; h=From; b=; " BH, FCT_SYNTAX, "b= is no base64"},
    {"v=1; a=rsa-sha256; d=example.org; s=s1; h=From; b=A; " BH, FCT_SYNTAX, "b= is no base64"},
    {"v=1; a=rsa-sha256; d=example.org; s=s1; h=From; b=A!AA; " BH, FCT_SYNTAX, "b= is no base64"},
    {"v=1; a=rsa-sha256; d=example.org; s=s1; h=From; b=AA=A; " BH, FCT_SYNTAX, "b= is no base64"},
    {"v=1; a=rsa-sha256; d=example.org; s=s1; h=From; b=A\r\n A A\tA=; " BH, FCT_SYNTAX, "base64"},
    {"v=1; a=rsa-sha256; d=example.org; s=s1; h=From; b=A\r\n A A\tA; " BH, FCT_OK, ""},
    {"v=1; a=rsa-sha256; d=example.org; s=s1; h=From; b=AAAA; bh=AAAA", FCT_SYNTAX, "bh="},
    {"v=1; a=rsa-sha256; d=org; s=s1; h=From; b=AAAA; " BH, FCT_SYNTAX, "d= is no domain"},
    {"v=1; a=rsa-sha256; d=a..org; s=s1; h=From; b=AAAA; " BH, FCT_SYNTAX, "d= is no domain"},
    {"v=1; a=rsa-sha256; d=a b.org; s=s1; h=From; b=AAAA; " BH, FCT_SYNTAX, "d= is no domain"},
    {"v=1; a=rsa-sha256; d=example.org.; s=s1; h=From; b=AAAA; " BH, FCT_SYNTAX, "d= is no domain"},
    {"v=1; a=rsa-sha256; d=b\xc3\xbc.org; s=s1; h=From; b=AAAA; " BH, FCT_OK, ""},
    {"v=1; a=rsa-sha256; d=example.org; s=a.b_c; h=From; b=AAAA; " BH, FCT_OK, ""},
    {"v=1; a=rsa-sha256; d=example.org; s=; h=From; b=AAAA; " BH, FCT_SYNTAX, "selector"},
    {"v=1; a=rsa-sha256; d=example.org; s=a/b; h=From; b=AAAA; " BH, FCT_SYNTAX, "selector"},
    {GOOD "; c=relaxed/simple", FCT_OK, ""},
    {GOOD "; c=simple", FCT_OK, ""},
    {GOOD "; c=", FCT_SYNTAX, "c="},
    {GOOD "; c=relaxed/simple/simple", FCT_SYNTAX, "c="},
    {GOOD "; c=relaxed/nowsp", FCT_SYNTAX, "c="},
    {GOOD "; i=@example.org", FCT_OK, ""},
    {GOOD "; i=a=40b@Sub.Example.ORG", FCT_OK, ""},
    {GOOD "; i=\"a@b\"@example.org", FCT_OK, ""},
    {GOOD "; i=example.org", FCT_SYNTAX, "no @"},
    {GOOD "; i=a@", FCT_SYNTAX, "no domain"},
    {GOOD "; i=a@example.com", FCT_SYNTAX, "below d="},
    {GOOD "; i=a@notexample.org", FCT_SYNTAX, "below d="},
    {GOOD "; i=", FCT_SYNTAX, "no @"},
    {GOOD "; l=0", FCT_OK, ""},
    {GOOD "; l=-1", FCT_SYNTAX, "l="},
    {GOOD "; l=", FCT_SYNTAX, "l="},
    {GOOD "; l=99999999999999999999999999", FCT_OK, ""}, /* more than any body */
    {GOOD "; q=dns/txt", FCT_OK, ""},
    {GOOD "; q=http:dns/txt", FCT_OK, ""},
    {GOOD "; q=http", FCT_SYNTAX, "q="},
    {GOOD "; t=12; x=13", FCT_OK, ""},
    {GOOD "; t=12; x=12", FCT_SYNTAX, "x= is not after"},
    {GOOD "; t=now", FCT_SYNTAX, "t="},
    {GOOD "; x=1.5", FCT_SYNTAX, "x="},
    {GOOD "; z=From:a|To:b", FCT_OK, ""},
};

START_TEST(signature_fields)
{
    struct dkim_rig rig;
    struct dkim_signature s;
    struct fct_err err = {0};
    bool ok;

    dkim_rig_start(&rig);
    ok =
        dkim_signature_parse(&rig.memory, DKIM_SIGNATURE, str_from(signatures[_i].value), &s, &err);
    ck_assert_msg(ok == (signatures[_i].want == FCT_OK), "%s: %s", signatures[_i].value, err.text);
    if (!ok) {
        ck_assert_int_eq(err.class, signatures[_i].want);
        ck_assert_msg(strstr(err.text, signatures[_i].why), "%s: %s", signatures[_i].value,
                      err.text);
    }
    dkim_rig_stop(&rig);
}
END_TEST

START_TEST(what_is_read_is_right)
{
    static const char value[] =
        " v=1; a=rsa-sha256; d=Example.ORG; s=S1; i=Ann@Sub.example.org;\r\n"
        " h=From : To; c=relaxed; t=5; x=9; l=7;\r\n b= AA\r\n\tAA ; " BH;
    struct dkim_rig rig;
    struct dkim_signature s;
    struct fct_err err = {0};

    dkim_rig_start(&rig);
    ck_assert(dkim_signature_parse(&rig.memory, DKIM_SIGNATURE, str_from(value), &s, &err));
    ck_assert(str_equal(s.domain, FCT_STR("example.org")));
    ck_assert(str_equal(s.selector, FCT_STR("s1")));
    ck_assert(str_equal(s.identity, FCT_STR("Ann@Sub.example.org")));
    ck_assert(str_equal(s.identity_domain, FCT_STR("sub.example.org")));
    ck_assert(s.relaxed_header && !s.relaxed_body);
    ck_assert_uint_eq(s.headers, 2);
    ck_assert(str_equal(s.header[1], FCT_STR("To")));
    ck_assert(str_equal(s.blank, FCT_STR(" AA\r\n\tAA ")));
    ck_assert_uint_eq(s.nbytes, 3);
    ck_assert_uint_eq(s.time, 5);
    ck_assert_uint_eq(s.expiry, 9);
    ck_assert_uint_eq(s.length, 7);
    dkim_rig_stop(&rig);
}
END_TEST

START_TEST(large_fields)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(1u << 20);
    struct dkim_rig rig;
    struct dkim_signature s;
    struct fct_err err = {0};

    dkim_rig_start(&rig);
    buf_put_c(&text, "v=1; a=rsa-sha256; d=example.org; s=s1; b=AAAA; " BH "; h=From");
    for (int i = 1; i < DKIM_HEADERS_MAX; i++)
        buf_put_c(&text, ":To");
    ck_assert(dkim_signature_parse(&rig.memory, DKIM_SIGNATURE, buf_str(&text), &s, &err));
    buf_put_c(&text, ":To");
    ck_assert(!dkim_signature_parse(&rig.memory, DKIM_SIGNATURE, buf_str(&text), &s, &err));
    ck_assert_int_eq(err.class, FCT_LIMIT);
    text.n = 0;
    buf_put_c(&text, GOOD);
    for (int i = 7; i < DKIM_TAGS_MAX; i++)
        buf_printf(&text, "; y%d=", i);
    ck_assert(dkim_signature_parse(&rig.memory, DKIM_SIGNATURE, buf_str(&text), &s, &err));
    buf_put_c(&text, "; zz=");
    ck_assert(!dkim_signature_parse(&rig.memory, DKIM_SIGNATURE, buf_str(&text), &s, &err));
    buf_put_c(&text, GOOD "; z=");
    while (text.n < 70000)
        buf_put_c(&text, "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz");
    ck_assert(!dkim_signature_parse(&rig.memory, DKIM_SIGNATURE, buf_str(&text), &s, &err));
    ck_assert_int_eq(err.class, FCT_LIMIT);
    dkim_rig_stop(&rig);
}
END_TEST

/* ---- key records ---- */

#define ED "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

static const struct {
    const char *record;
    bool good;
    const char *why;
    bool testing, strict;
} records[] = {
    {"v=DKIM1; k=ed25519; " ED, true, "", false, false},
    {"k=ed25519; " ED, true, "", false, false},
    {" v=DKIM1 ; k = ed25519 ; n=a note; g=*; " ED " ; ", true, "", false, false},
    {"k=ed25519; t=y; " ED, true, "", true, false},
    {"k=ed25519; t=s : y:z; " ED, true, "", true, true},
    {"k=ed25519; v=DKIM1; " ED, false, "not in front", false, false},
    {"v=DKIM2; k=ed25519; " ED, false, "not DKIM1", false, false},
    {"v=dkim1; k=ed25519; " ED, false, "not DKIM1", false, false},
    {"v=DKIM1; k=ed25519; p=", false, "revoked", false, false},
    {"v=DKIM1; k=ed25519", false, "p= is missing", false, false},
    {"v=DKIM1; k=ed25519; p=!!!!", false, "no base64", false, false},
    {"v=DKIM1; k=ed25519; p=AAAA", false, "no Ed25519", false, false},
    {"v=DKIM1; " ED, false, "no RSA", false, false},
    {"v=DKIM1; k=dsa; " ED, false, "unknown kind", false, false},
    {"v=DKIM1; k=ed25519; h=sha512; " ED, false, "sha256", false, false},
    {"v=DKIM1; k=ed25519; s=chat; " ED, false, "not for mail", false, false},
    {"v=DKIM1; k=ed25519; p=MCowBQYDK2VwAyEA3SUqa9UbfciWkk7tlcJ9P1VD5pXAasg0JUn/OgjVbKE=", false,
     "no Ed25519", false, false},
    {"v=spf1 -all", false, "not DKIM1", false, false},
    {"", false, "empty", false, false},
};

START_TEST(key_records)
{
    static const struct dkim_key_limits limits = DKIM_KEY_LIMITS_DEFAULT;
    struct dkim_key key;
    struct fct_err err = {0};
    bool ok = dkim_key_parse(str_from(records[_i].record), &limits, &key, &err);

    ck_assert_msg(ok == records[_i].good, "%s: %s", records[_i].record, err.text);
    if (ok) {
        ck_assert_int_eq(key.testing, records[_i].testing);
        ck_assert_int_eq(key.strict, records[_i].strict);
        ck_assert_int_eq(key.algorithm, DKIM_ED25519_SHA256);
    } else {
        ck_assert_msg(strstr(err.text, records[_i].why), "%s: %s", records[_i].record, err.text);
    }
    dkim_key_close(&key);
}
END_TEST

/* A cache of one place: every key pushes the one before it out, and stays good where it is used. */
START_TEST(cached_keys)
{
    static const struct dkim_key_limits limits = DKIM_KEY_LIMITS_DEFAULT;
    struct dkim_key_cache *cache = dkim_key_cache_new(1, &limits);
    EVP_PKEY *made[2] = {dkim_rig_key(true, 0), dkim_rig_key(false, 1024)};
    struct dkim_key key[4];
    struct fct_err err = {0};

    for (int i = 0; i < 4; i++) {
        char *record = dkim_key_record(made[i % 2]);

        ck_assert(dkim_key_cache_get(cache, str_from(record), &key[i], &err));
        ck_assert_int_eq(EVP_PKEY_eq(key[i].key, made[i % 2]), 1);
        free(record);
    }
    dkim_key_cache_free(&cache);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(EVP_PKEY_eq(key[i].key, made[i % 2]), 1);
        dkim_key_close(&key[i]);
    }
    for (int i = 0; i < 2; i++)
        EVP_PKEY_free(made[i]);
}
END_TEST

/* clang-format off */
DKIM_RIG_MAIN("dkim_signature",
    tcase_add_loop_test(tc, signature_fields, 0, (int)FCT_COUNT(signatures));
    tcase_add_test(tc, what_is_read_is_right);
    tcase_add_test(tc, large_fields);
    tcase_add_loop_test(tc, key_records, 0, (int)FCT_COUNT(records));
    tcase_add_test(tc, cached_keys);)
