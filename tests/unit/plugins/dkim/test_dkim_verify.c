/* test_dkim_verify.c - the examples of the RFCs, what else passes, and everything that must not. */
#include "dkim_rig.h"

static struct dkim_rig rig;
static EVP_PKEY *rsa, *ed25519;

/* Once for all tests. */
static void make_keys(void)
{
    rsa = dkim_rig_key(false, 2048);
    ed25519 = dkim_rig_key(true, 0);
}

static void free_keys(void)
{
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ed25519);
}

static void setup(void)
{
    dkim_rig_start(&rig);
}

static void teardown(void)
{
    dkim_rig_stop(&rig);
}

/* ---- RFC 6376 appendix A, RFC 8463 appendix A ---- */

static const struct dkim_record rfc_records[] = {
    {"brisbane._domainkey.example.com", "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQ"
                                        "KBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt"
                                        "IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v"
                                        "/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhi"
                                        "tdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB"},
    {"brisbane._domainkey.football.example.com",
     "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="},
    {"test._domainkey.football.example.com",
     "v=DKIM1; k=rsa; "
     "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6w"
     "y5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/"
     "8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9"
     "PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"},
};

#define RFC_HEADER                                                     \
    "From: Joe SixPack <joe@football.example.com>\r\n"                 \
    "To: Suzie Q <suzie@shopping.example.net>\r\n"                     \
    "Subject: Is dinner ready?\r\n"                                    \
    "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"                  \
    "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n" \
    "\r\n"
#define RFC_BODY "Hi.\r\n\r\nWe lost the game. Are you hungry yet?\r\n\r\nJoe.\r\n"

static const char rfc6376[] = "DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;\r\n"
                              "      c=simple/simple; q=dns/txt; i=joe@football.example.com;\r\n"
                              "      h=Received : From : To : Subject : Date : Message-ID;\r\n"
                              "      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
                              "      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB\r\n"
                              "      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut\r\n"
                              "      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV\r\n"
                              "      4bmp/YzhwvcubU4=;\r\n"
                              "Received: from client1.football.example.com  [192.0.2.1]\r\n"
                              "      by submitserver.example.com with SUBMISSION;\r\n"
                              "      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)\r\n" RFC_HEADER RFC_BODY;

static const char rfc8463[] =
    "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
    " d=football.example.com; i=@football.example.com;\r\n"
    " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
    " subject : date : message-id : from : subject : date;\r\n"
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    " b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
    " Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
    " d=football.example.com; i=@football.example.com;\r\n"
    " q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"
    " date : message-id : from : subject : date;\r\n"
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    " b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"
    " DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"
    " dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n" RFC_HEADER RFC_BODY;

START_TEST(examples_of_the_rfcs_pass)
{
    rig.record = rfc_records;
    rig.records = FCT_COUNT(rfc_records);
    ck_assert_int_eq(dkim_rig_judge(&rig, str_from(rfc8463)), DKIM_PASS);
    ck_assert_uint_eq(rig.verify.checks, 2);
    ck_assert_int_eq(rig.verify.check[0].result, DKIM_PASS);
    ck_assert_int_eq(rig.verify.check[1].result, DKIM_PASS);
    ck_assert_msg(dkim_rig_judge(&rig, str_from(rfc6376)) == DKIM_PASS, "%s",
                  rig.verify.check[0].why.text);
}
END_TEST

/* ---- our own signatures, changed afterwards ---- */

#define HEADER                            \
    "Received: from a by b; now\r\n"      \
    "X-Twice: one\r\n"                    \
    "From: Ann <ann@example.org>\r\n"     \
    "Subject: a  folded\r\n\tsubject\r\n" \
    "X-Twice: two\r\n"                    \
    "To: bob@example.net\r\n"
#define BODY "first line  \r\nsecond\tline\r\n\r\n\r\n"

static struct dkim_record own_records[] = {{"s1._domainkey.example.org", NULL}};

static void publish(EVP_PKEY *key, const char *extra)
{
    char *text = dkim_key_record(key);

    own_records[0].text =
        arena_printf(rig.arena, "%.9s%s %s", text, extra ? extra : "", text + 9).p;
    free(text);
    rig.record = own_records;
    rig.records = 1;
}

enum change { NOTHING, REPLACE, IN_FRONT };
static const struct {
    const char *name;
    bool relaxed_header, relaxed_body;
    const char *from, *to; /* replaced once; from "": in front of everything */
    enum dkim_result want;
} changes[] = {
    {"untouched", true, true, NULL, NULL, DKIM_PASS},
    {"untouched, simple", false, false, NULL, NULL, DKIM_PASS},
    {"a trace field on top", false, false, "", "Received: from x by y; later\r\n", DKIM_PASS},
    {"white space in a header, relaxed", true, false, "a  folded", "a\tfolded", DKIM_PASS},
    {"white space in a header, simple", false, true, "a  folded", "a folded", DKIM_FAIL},
    {"unfolded, relaxed", true, false, "folded\r\n\tsub", "folded sub", DKIM_PASS},
    {"case of a field name, relaxed", true, false, "\r\nSubject:", "\r\nSUBJECT :", DKIM_PASS},
    {"case of a field name, simple", false, false, "\r\nSubject:", "\r\nSUBJECT:", DKIM_FAIL},
    {"white space in the body, relaxed", false, true, "second\t", "second   ", DKIM_PASS},
    {"white space in the body, simple", true, false, "second\t", "second   ", DKIM_FAIL},
    {"white space at a line's end, relaxed", false, true, "first line  ", "first line", DKIM_PASS},
    {"empty lines at the end", false, false, "line\r\n\r\n\r\n", "line\r\n", DKIM_PASS},
    {"no line end at the end", false, false, "line\r\n\r\n\r\n", "line", DKIM_PASS},
    {"a body changed", true, true, "first line", "First line", DKIM_FAIL},
    {"a line more", true, true, "line\r\n\r\n\r\n", "line\r\nmore\r\n", DKIM_FAIL},
    {"the author changed", true, true, "ann@example.org", "eve@example.org", DKIM_FAIL},
    {"a second From on top", true, true, "", "From: eve@example.org\r\n", DKIM_FAIL},
    {"a second From below", true, true, "To: bob", "From: eve@example.org\r\nTo: bob", DKIM_FAIL},
    {"a field oversigned is added", true, true, "To: bob", "Date: now\r\nTo: bob", DKIM_FAIL},
    {"an uncovered field is added", true, true, "", "X-Other: 1\r\n", DKIM_PASS},
    {"one of two of a name goes", true, true, "X-Twice: one\r\n", "", DKIM_FAIL},
    {"two of a name change places", true, true, "X-Twice: one", "X-Twice: two", DKIM_FAIL},
    {"a third of a name on top", true, true, "", "X-Twice: zero\r\n", DKIM_PASS},
    {"b= folded otherwise", true, true, "b=", "b=\r\n\t \t", DKIM_PASS},
    {"t= changed", true, true, "t=1599999999", "t=1599999998", DKIM_FAIL},
    {"the signature's own form, simple", false, true, "s=s1", "  s=s1", DKIM_FAIL},
    {"the signature's own form, relaxed", true, true, "s=s1", "\r\n   s=s1", DKIM_PASS},
    {"no body at all any more", true, true, "\r\n\r\n" BODY, "\r\n", DKIM_FAIL},
    {"the key's tag q= is added", true, true, "s=s1", "q=dns/txt; s=s1", DKIM_FAIL},
};

static struct fct_str changed(struct fct_str text, const char *from, const char *to)
{
    ptrdiff_t at = str_find(text, str_from(from));

    ck_assert(at >= 0);
    return arena_printf(rig.arena, "%.*s%s%s", (int)at, text.p, to, text.p + at + strlen(from));
}

START_TEST(what_may_change_and_what_may_not)
{
    for (int kind = 0; kind < 2; kind++) {
        EVP_PKEY *key = kind ? ed25519 : rsa;
        struct dkim_signing signing = dkim_rig_signing(key);
        struct fct_str text;
        enum dkim_result got;

        signing.relaxed_header = changes[_i].relaxed_header;
        signing.relaxed_body = changes[_i].relaxed_body;
        publish(key, NULL);
        text = dkim_rig_sign(&rig, &signing, FCT_STR(HEADER "\r\n" BODY));
        if (changes[_i].from && *changes[_i].from)
            text = changed(text, changes[_i].from, changes[_i].to);
        else if (changes[_i].from)
            text = arena_printf(rig.arena, "%s%.*s", changes[_i].to, FCT_FMT(text));
        got = dkim_rig_judge(&rig, text);
        ck_assert_msg(got == changes[_i].want, "%s: %s (%s)", changes[_i].name,
                      dkim_result_word(got), rig.verify.check[0].why.text);
    }
}
END_TEST

/* ---- bodies ---- */

static const char *const bodies[] = {
    "",
    "\r\n",
    "\r\n\r\n\r\n",
    " ",
    " \r\n",
    " \t \r\n\r\n",
    "x",
    "x\r\n",
    "x \r\n",
    "x\r",
    "x\r\r\n",
    "\rx\r\n",
    "x\ny\r\n",
    "\n",
    "\r",
    " x\r\n",
    "\tx \t y\t\r\n \r\n",
    "\r\n\r\nx\r\n\r\n y",
    "\0\r\n",
};

/* A message that is header and nothing else too. */
START_TEST(bodies_of_every_kind_pass)
{
    publish(rsa, NULL);
    for (int form = 0; form < 4; form++) {
        struct dkim_signing signing = dkim_rig_signing(rsa);
        struct fct_str text = arena_printf(rig.arena, HEADER "\r\n%s", bodies[_i]);

        signing.relaxed_header = form & 1;
        signing.relaxed_body = form & 2;
        ck_assert_int_eq(dkim_rig_judge(&rig, dkim_rig_sign(&rig, &signing, text)), DKIM_PASS);
        signing.has_length = true;
        ck_assert_int_eq(dkim_rig_judge(&rig, dkim_rig_sign(&rig, &signing, text)), DKIM_PASS);
    }
}
END_TEST

START_TEST(a_header_alone_passes)
{
    struct dkim_signing signing = dkim_rig_signing(rsa);

    publish(rsa, NULL);
    ck_assert_int_eq(dkim_rig_judge(&rig, dkim_rig_sign(&rig, &signing, FCT_STR(HEADER))),
                     DKIM_PASS);
}
END_TEST

#define LARGE (25u << 20)

START_TEST(a_body_of_25_megabytes_passes)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(LARGE + 4096);

    buf_put_c(&text, HEADER "\r\n");
    for (unsigned line = 0; text.n < LARGE; line++)
        buf_printf(&text, "line %u  with \t white space %.*s\r\n%s", line, (int)(line % 60),
                   "............................................................",
                   line % 97 ? "" : "\r\n\r\n");
    publish(rsa, NULL);
    for (int form = 0; form < 2; form++) {
        struct dkim_signing signing = dkim_rig_signing(rsa);
        struct fct_str all;

        signing.relaxed_body = form;
        all = dkim_rig_sign(&rig, &signing, buf_str(&text));
        ck_assert_int_eq(dkim_rig_judge(&rig, all), DKIM_PASS);
        memcpy((char *)(uintptr_t)all.p + all.n - 9, "?", 1);
        ck_assert_int_eq(dkim_rig_judge(&rig, all), DKIM_FAIL);
    }
}
END_TEST

/* ---- l= ---- */

START_TEST(a_short_length_is_never_a_full_pass)
{
    struct dkim_signing signing = dkim_rig_signing(rsa);
    struct fct_str text;

    publish(rsa, NULL);
    signing.has_length = true;
    text = dkim_rig_sign(&rig, &signing, FCT_STR(HEADER "\r\nshort\r\n"));
    ck_assert_int_eq(dkim_rig_judge(&rig, text), DKIM_PASS);
    ck_assert_uint_eq(rig.verify.check[0].uncovered, 0);
    text = arena_printf(rig.arena, "%.*sand more\r\n", FCT_FMT(text));
    ck_assert_int_eq(dkim_rig_judge(&rig, text), DKIM_POLICY);
    ck_assert_uint_eq(rig.verify.check[0].uncovered, strlen("and more\r\n"));
    text = changed(text, "short\r\nand more", "s");
    ck_assert_int_eq(dkim_rig_judge(&rig, text), DKIM_FAIL);
    ck_assert_ptr_nonnull(strstr(rig.verify.check[0].why.text, "longer than the body"));
}
END_TEST

START_TEST(an_uncovered_from_is_never_a_full_pass)
{
    static const char *const once[] = {"From"};
    struct dkim_signing signing = dkim_rig_signing(rsa);
    struct fct_str text;

    publish(rsa, NULL);
    signing.oversign = (struct fct_strings){0};
    signing.headers = (struct fct_strings){once, 1};
    text = dkim_rig_sign(&rig, &signing, FCT_STR(HEADER "\r\n" BODY));
    ck_assert_int_eq(dkim_rig_judge(&rig, text), DKIM_PASS);
    text = arena_printf(rig.arena, "From: eve@example.com\r\n%.*s", FCT_FMT(text));
    ck_assert_int_eq(dkim_rig_judge(&rig, text), DKIM_POLICY);
}
END_TEST

/* ---- keys and times ---- */

static const struct {
    const char *name, *extra; /* a tag of the record */
    const char *identity;
    uint64_t time, expiry;
    enum dkim_result want;
    const char *why;
} keys[] = {
    {"plain", NULL, NULL, 0, 0, DKIM_PASS, ""},
    {"testing", " t=y;", NULL, 0, 0, DKIM_PASS, ""},
    {"for sha256", " h=sha1:sha256;", NULL, 0, 0, DKIM_PASS, ""},
    {"for sha1 only", " h=sha1;", NULL, 0, 0, DKIM_PERMERROR, "sha256"},
    {"for mail", " s=email;", NULL, 0, 0, DKIM_PASS, ""},
    {"for everything", " s=web:*;", NULL, 0, 0, DKIM_PASS, ""},
    {"not for mail", " s=web;", NULL, 0, 0, DKIM_PERMERROR, "not for mail"},
    {"strict, i= is d=", " t=s;", "ann@example.org", 0, 0, DKIM_PASS, ""},
    {"strict, i= below d=", " t=y:s;", "ann@sub.example.org", 0, 0, DKIM_PERMERROR, "i="},
    {"i= below d=", NULL, "@a.b.example.org", 0, 0, DKIM_PASS, ""},
    {"i= beside d=", NULL, "@badexample.org", 0, 0, DKIM_NEUTRAL, "below d="},
    {"a tag twice", " t=y; t=y;", NULL, 0, 0, DKIM_PERMERROR, "twice"},
    {"expired", NULL, NULL, 1500000000, 1599999000, DKIM_FAIL, "expired"},
    {"expires later", NULL, NULL, 1500000000, 1600000001, DKIM_PASS, ""},
    {"a little in the future", NULL, NULL, 1600000300, 0, DKIM_PASS, ""},
    {"in the future", NULL, NULL, 1600000301, 0, DKIM_FAIL, "future"},
    {"expires before it is made", NULL, NULL, 1500000000, 1499999999, DKIM_NEUTRAL, "x="},
};

START_TEST(keys_and_times)
{
    struct dkim_signing signing = dkim_rig_signing(rsa);
    enum dkim_result got;

    publish(rsa, keys[_i].extra);
    if (keys[_i].identity)
        signing.identity = str_from(keys[_i].identity);
    if (keys[_i].time)
        signing.time = keys[_i].time;
    signing.expiry = keys[_i].expiry;
    got = dkim_rig_judge(&rig, dkim_rig_sign(&rig, &signing, FCT_STR(HEADER "\r\n" BODY)));
    ck_assert_msg(got == keys[_i].want, "%s: %s (%s)", keys[_i].name, dkim_result_word(got),
                  rig.verify.check[0].why.text);
    ck_assert_ptr_nonnull(strstr(rig.verify.check[0].why.text, keys[_i].why));
    ck_assert_int_eq(rig.verify.check[0].testing,
                     keys[_i].extra && strstr(keys[_i].extra, "t=y") && got != DKIM_PERMERROR
                         ? true
                         : rig.verify.check[0].testing);
}
END_TEST

START_TEST(lost_keys)
{
    struct dkim_signing signing = dkim_rig_signing(rsa);
    struct fct_str text = dkim_rig_sign(&rig, &signing, FCT_STR(HEADER "\r\n" BODY));

    ck_assert_int_eq(dkim_rig_judge(&rig, text), DKIM_PERMERROR); /* no such name */
    rig.record = own_records;
    rig.records = 1;
    own_records[0].text = NULL;
    ck_assert_int_eq(dkim_rig_judge(&rig, text), DKIM_TEMPERROR); /* no answer */
    own_records[0].text = "v=DKIM1; p=";
    ck_assert_int_eq(dkim_rig_judge(&rig, text), DKIM_PERMERROR); /* revoked */
    publish(ed25519, NULL);
    ck_assert_int_eq(dkim_rig_judge(&rig, text), DKIM_PERMERROR); /* of another kind */
    publish(rsa, NULL);
    ck_assert_int_eq(dkim_rig_judge(&rig, text), DKIM_PASS);
}
END_TEST

START_TEST(keys_of_every_size_that_is_allowed)
{
    static const struct {
        unsigned bits;
        enum dkim_result want;
    } sizes[] = {{512, DKIM_PERMERROR}, {768, DKIM_PERMERROR}, {1023, DKIM_PERMERROR},
                 {1024, DKIM_PASS},     {4096, DKIM_PASS},     {4104, DKIM_PERMERROR}};

    for (size_t i = 0; i < FCT_COUNT(sizes); i++) {
        EVP_PKEY *key = dkim_rig_key(false, sizes[i].bits);
        struct dkim_signing signing = dkim_rig_signing(key);
        struct fct_str text;

        publish(key, NULL);
        if (sizes[i].bits > 4096) /* a signature of this size is refused before its key is */
            signing.key = rsa;
        text = dkim_rig_sign(&rig, &signing, FCT_STR(HEADER "\r\n" BODY));
        ck_assert_msg(dkim_rig_judge(&rig, text) == sizes[i].want, "%u bits: %s", sizes[i].bits,
                      rig.verify.check[0].why.text);
        EVP_PKEY_free(key);
    }
}
END_TEST

/* ---- many ---- */

START_TEST(the_best_of_several_counts_and_a_flood_is_cut)
{
    struct dkim_signing good = dkim_rig_signing(rsa), other = good;
    struct fct_str text;

    publish(rsa, NULL);
    other.domain = FCT_STR("other.example");
    text = dkim_rig_sign(&rig, &good, FCT_STR(HEADER "\r\n" BODY));
    for (int i = 0; i < 3; i++)
        text = dkim_rig_sign(&rig, &other, text);
    ck_assert_int_eq(dkim_rig_judge(&rig, text), DKIM_PASS);
    ck_assert_uint_eq(rig.verify.checks, 4);
    ck_assert_uint_eq(rig.verify.hashes, 1); /* the body was hashed once */
    ck_assert_int_eq(rig.verify.check[0].result, DKIM_PERMERROR);
    for (int i = 0; i < 200; i++)
        text = arena_printf(rig.arena, "DKIM-Signature: v=1; a=rsa-sha256\r\n%.*s", FCT_FMT(text));
    ck_assert_int_eq(dkim_rig_judge(&rig, text), DKIM_NEUTRAL);
    ck_assert_uint_eq(rig.verify.checks, 10);
    ck_assert_uint_eq(rig.verify.ignored, 194);
}
END_TEST

/* 10,000 fields and 10 signatures with 500 names each: a matter of milliseconds. */
START_TEST(many_fields_and_many_names_cost_little)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(8u << 20);

    for (int i = 0; i < 10; i++) {
        buf_put_c(&text, "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s1; b=AA==;"
                         " bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; h=From");
        for (int n = 0; n < DKIM_HEADERS_MAX - 1; n++)
            buf_printf(&text, "%s:X%d", n % 20 ? "" : "\r\n ", n);
        buf_put_c(&text, "\r\n");
    }
    for (int i = 0; i < 10000; i++)
        buf_printf(&text, "X%d: 1\r\n", i % 3 ? i : 7);
    buf_put_c(&text, "From: ann@example.org\r\n\r\n");
    publish(rsa, NULL);
    ck_assert_int_eq(dkim_rig_judge(&rig, buf_str(&text)), DKIM_FAIL);
    ck_assert_uint_eq(rig.verify.checks, 10);
}
END_TEST

START_TEST(no_signature_is_none)
{
    ck_assert_int_eq(dkim_rig_judge(&rig, FCT_STR(HEADER "\r\n" BODY)), DKIM_NONE);
    ck_assert_int_eq(dkim_rig_judge(&rig, FCT_STR("")), DKIM_NONE);
    ck_assert_int_eq(dkim_rig_judge(&rig, FCT_STR("DKIM-Signature: \r\n\r\n")), DKIM_NEUTRAL);
}
END_TEST

/* No key because there was no time to ask, no hash because there was no thread: temperror. */
START_TEST(steps_left_out_are_no_verdict)
{
    struct dkim_signing signing = dkim_rig_signing(rsa);
    struct fct_str text = dkim_rig_sign(&rig, &signing, FCT_STR(HEADER "\r\n" BODY));
    struct dkim_message message = dkim_rig_message(&rig, text);
    struct fct_dns_answer answer;

    publish(rsa, NULL);
    dkim_rig_answer(&rig, FCT_STR("s1._domainkey.example.org"), &answer);
    for (int with_key = 0; with_key < 2; with_key++) {
        dkim_verify_close(&rig.verify);
        ck_assert(dkim_verify_begin(&rig.verify, &rig.memory, &rig.limits, &message));
        if (with_key)
            dkim_verify_key(&rig.verify.check[0], &answer, rig.cache);
        else
            dkim_verify_body(&rig.verify);
        dkim_verify_end(&rig.verify);
        ck_assert_int_eq(dkim_verify_result(&rig.verify), DKIM_TEMPERROR);
    }
}
END_TEST

/* clang-format off */
DKIM_RIG_MAIN("dkim_verify",
    tcase_add_unchecked_fixture(tc, make_keys, free_keys);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, examples_of_the_rfcs_pass);
    tcase_add_loop_test(tc, what_may_change_and_what_may_not, 0, (int)FCT_COUNT(changes));
    tcase_add_loop_test(tc, bodies_of_every_kind_pass, 0, (int)FCT_COUNT(bodies));
    tcase_add_test(tc, a_header_alone_passes);
    tcase_add_test(tc, a_body_of_25_megabytes_passes);
    tcase_add_test(tc, a_short_length_is_never_a_full_pass);
    tcase_add_test(tc, an_uncovered_from_is_never_a_full_pass);
    tcase_add_loop_test(tc, keys_and_times, 0, (int)FCT_COUNT(keys));
    tcase_add_test(tc, lost_keys);
    tcase_add_test(tc, keys_of_every_size_that_is_allowed);
    tcase_add_test(tc, the_best_of_several_counts_and_a_flood_is_cut);
    tcase_add_test(tc, many_fields_and_many_names_cost_little);
    tcase_add_test(tc, no_signature_is_none);
    tcase_add_test(tc, steps_left_out_are_no_verdict);)
