/* test_arc_chain.c - chains judged: what each tag may say, keys, and several hops. */
#include "arc_rig.h"

static struct arc_rig rig;
static EVP_PKEY *rsa, *short_rsa, *least_rsa, *other_rsa, *ed25519;
static struct dkim_record records[2];

/* Once for all tests. */
static void make_keys(void)
{
    rsa = dkim_rig_key(false, 2048);
    other_rsa = dkim_rig_key(false, 2048);
    short_rsa = dkim_rig_key(false, 512);
    least_rsa = dkim_rig_key(false, 1024);
    ed25519 = dkim_rig_key(true, 0);
}

static void free_keys(void)
{
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(other_rsa);
    EVP_PKEY_free(short_rsa);
    EVP_PKEY_free(least_rsa);
    EVP_PKEY_free(ed25519);
}

static void use_key(EVP_PKEY *key)
{
    rig.key = key;
    records[0] = arc_rig_record(&rig, "s1._domainkey.example.org", key);
    records[1] = arc_rig_record(&rig, "s1._domainkey.example.com", other_rsa);
    rig.dkim.record = records;
    rig.dkim.records = FCT_COUNT(records);
}

static void setup(void)
{
    arc_rig_start(&rig);
    use_key(rsa);
}

static void teardown(void)
{
    arc_rig_stop(&rig);
}

/* ---- one set, tag by tag ---- */

#define AAR  " i=1; mx.example.org; spf=pass"
#define BH   " bh=%h;"
#define C    " c=relaxed/relaxed;"
#define DS   " d=example.org; s=s1;"
#define H    " h=From:To:Subject;"
#define AMS  " a=rsa-sha256; b=%b;" BH C DS H " i=1; t=12345"
#define SEAL " a=rsa-sha256; b=%b; cv=none;" DS " i=1; t=12345"

/* clang-format off */
static const struct {
    const char *name;
    struct arc_template t;
    enum arc_result want;
    const char *why; /* a part of it */
} singles[] = {
    {"as it should be", {AAR, AMS, SEAL}, ARC_PASS, ""},

    /* the set */
    {"no results", {NULL, AMS, SEAL}, ARC_FAIL, "no results"},
    {"no message signature", {AAR, NULL, SEAL}, ARC_FAIL, "no message signature"},
    {"no seal", {AAR, AMS, NULL}, ARC_FAIL, "no seal"},
    {"results alone", {AAR, NULL, NULL}, ARC_FAIL, "no message signature"},
    {"results without i=", {" mx; spf=pass", AMS, SEAL}, ARC_FAIL, "results: it does not begin"},
    {"results of another set", {" i=2; mx; spf=pass", AMS, SEAL}, ARC_FAIL, "no results"},
    {"results with i=0", {" i=0; mx", AMS, SEAL}, ARC_FAIL, "i= is not"},
    {"results without anything", {" i=1;", AMS, SEAL}, ARC_PASS, ""},
    {"results with spaces", {"i = 1 (one) ;\r\n\tmx;\r\n\tspf=pass ", AMS, SEAL}, ARC_PASS, ""},
    {"results in no form", {" i=1; ;;; \"(", AMS, SEAL}, ARC_PASS, ""}, /* they are only read */

    /* message signature: the list */
    {"spaces around =", {AAR, " a = rsa-sha256 ;\r\n b\t=\r\n\t%b ; bh = %h;" C DS H " i = 1", SEAL}, ARC_PASS, ""},
    {"unknown tags", {AAR, AMS "; w=flarp; zz=", SEAL}, ARC_PASS, ""},
    {"a semicolon at the end", {AAR, AMS ";", SEAL}, ARC_PASS, ""},
    {"two at the end", {AAR, AMS ";;", SEAL}, ARC_FAIL, "empty tag"},
    {"two in between", {AAR, " a=rsa-sha256;; b=%b;" BH C DS H " i=1", SEAL}, ARC_FAIL, "empty tag"},
    {"one in front", {AAR, " ;" AMS, SEAL}, ARC_FAIL, "empty tag"},
    {"a tag twice", {AAR, AMS "; s=s1", SEAL}, ARC_FAIL, "s= is given twice"},
    {"names differ by case", {AAR, " A=rsa-sha256; b=%b;" BH C DS H " i=1", SEAL}, ARC_FAIL, "a= is missing"},
    {"values differ by case", {AAR, " a=RSA-sha256; b=%b;" BH C DS H " i=1", SEAL}, ARC_FAIL, "a= names"},
    {"a bad name", {AAR, AMS "; _x=1", SEAL}, ARC_FAIL, "bad name"},
    {"no =", {AAR, AMS "; x", SEAL}, ARC_FAIL, "without \"=\""},
    {"nothing", {AAR, " ", SEAL}, ARC_FAIL, "empty tag"},

    /* message signature: a= */
    {"a= missing", {AAR, " b=%b;" BH C DS H " i=1", SEAL}, ARC_FAIL, "message signature 1: a= is missing"},
    {"a= empty", {AAR, " a=; b=%b;" BH C DS H " i=1", SEAL}, ARC_FAIL, "a= names"},
    {"a= unknown", {AAR, " a=poem; b=%b;" BH C DS H " i=1", SEAL}, ARC_FAIL, "a= names"},
    {"a= sha1", {AAR, " a=rsa-sha1; b=%b;" BH C DS H " i=1", SEAL}, ARC_FAIL, "rsa-sha1"},
    {"a= not the key's", {AAR, " a=ed25519-sha256; b=%b;" BH C DS H " i=1", SEAL}, ARC_FAIL, "not for a=ed25519"},

    /* message signature: b= and bh= */
    {"b= missing", {AAR, " a=rsa-sha256;" BH C DS H " i=1", SEAL}, ARC_FAIL, "b= is missing"},
    {"b= empty", {AAR, " a=rsa-sha256; b=;" BH C DS H " i=1", SEAL}, ARC_FAIL, "b= is no base64"},
    {"b= no base64", {AAR, " a=rsa-sha256; b=&%b;" BH C DS H " i=1", SEAL}, ARC_FAIL, "b= is no base64"},
    {"b= of something else", {AAR, " a=rsa-sha256; b=AAAA%b;" BH C DS H " i=1", SEAL}, ARC_FAIL, "header was changed"},
    {"b= last", {AAR, " a=rsa-sha256;" BH C DS H " i=1; b=%b", SEAL}, ARC_PASS, ""},
    {"b= with spaces", {AAR, " a=rsa-sha256; b= \r\n\t%b\r\n ;" BH C DS H " i=1", SEAL}, ARC_PASS, ""},
    {"bh= missing", {AAR, " a=rsa-sha256; b=%b;" C DS H " i=1", SEAL}, ARC_FAIL, "bh= is missing"},
    {"bh= empty", {AAR, " a=rsa-sha256; b=%b; bh=;" C DS H " i=1", SEAL}, ARC_FAIL, "bh= is no base64"},
    {"bh= of another body", {AAR, " a=rsa-sha256; b=%b; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;" C DS H " i=1", SEAL}, ARC_FAIL, "body was changed"},
    {"bh= folded", {AAR, " a=rsa-sha256; b=%b; bh=\r\n %h ;" C DS H " i=1", SEAL}, ARC_PASS, ""},

    /* message signature: c= */
    {"c= missing is relaxed", {AAR, " a=rsa-sha256; b=%b;" BH DS H " i=1", SEAL}, ARC_PASS, ""},
    {"c= empty", {AAR, " a=rsa-sha256; b=%b;" BH " c=;" DS H " i=1", SEAL}, ARC_FAIL, "c= names"},
    {"c= unknown", {AAR, " a=rsa-sha256; b=%b;" BH " c=relaxed/lax;" DS H " i=1", SEAL}, ARC_FAIL, "c= names"},
    {"c= relaxed/simple", {AAR, " a=rsa-sha256; b=%b;" BH " c=relaxed/simple;" DS H " i=1", SEAL}, ARC_PASS, ""},
    {"c= simple/relaxed", {AAR, " a=rsa-sha256; b=%b;" BH " c=simple/relaxed;" DS H " i=1", SEAL}, ARC_PASS, ""},
    {"c= simple/simple", {AAR, " a=rsa-sha256; b=%b;" BH " c=simple/simple;" DS H " i=1", SEAL}, ARC_PASS, ""},
    {"c= relaxed", {AAR, " a=rsa-sha256; b=%b;" BH " c=relaxed;" DS H " i=1", SEAL}, ARC_PASS, ""},

    /* message signature: d= and s= */
    {"d= missing", {AAR, " a=rsa-sha256; b=%b;" BH C " s=s1;" H " i=1", SEAL}, ARC_FAIL, "d= is missing"},
    {"d= empty", {AAR, " a=rsa-sha256; b=%b;" BH C " d=; s=s1;" H " i=1", SEAL}, ARC_FAIL, "d= is no domain"},
    {"d= no domain", {AAR, " a=rsa-sha256; b=%b;" BH C " d=a b; s=s1;" H " i=1", SEAL}, ARC_FAIL, "d= is no domain"},
    {"d= in capitals", {AAR, " a=rsa-sha256; b=%b;" BH C " d=Example.ORG; s=S1;" H " i=1", SEAL}, ARC_PASS, ""},
    {"d= of nobody", {AAR, " a=rsa-sha256; b=%b;" BH C " d=nobody.example; s=s1;" H " i=1", SEAL}, ARC_FAIL, "there is no key"},
    {"d= of another", {AAR, " a=rsa-sha256; b=%b;" BH C " d=example.com; s=s1;" H " i=1", SEAL}, ARC_FAIL, "the key is another"},
    {"s= missing", {AAR, " a=rsa-sha256; b=%b;" BH C " d=example.org;" H " i=1", SEAL}, ARC_FAIL, "s= is missing"},
    {"s= empty", {AAR, " a=rsa-sha256; b=%b;" BH C " d=example.org; s=;" H " i=1", SEAL}, ARC_FAIL, "s= is no selector"},
    {"s= unknown", {AAR, " a=rsa-sha256; b=%b;" BH C " d=example.org; s=s2;" H " i=1", SEAL}, ARC_FAIL, "there is no key"},

    /* message signature: h= */
    {"h= missing", {AAR, " a=rsa-sha256; b=%b;" BH C DS " i=1", SEAL}, ARC_FAIL, "h= is missing"},
    {"h= empty", {AAR, " a=rsa-sha256; b=%b;" BH C DS " h=; i=1", SEAL}, ARC_FAIL, "no field name"},
    {"h= with spaces", {AAR, " a=rsa-sha256; b=%b;" BH C DS " h=From :\r\n\tTo: Subject ; i=1", SEAL}, ARC_PASS, ""},
    {"h= in another case", {AAR, " a=rsa-sha256; b=%b;" BH C DS " h=FROM:to; i=1", SEAL}, ARC_PASS, ""},
    {"h= of what is not there", {AAR, " a=rsa-sha256; b=%b;" BH C DS " h=From:Cc:From; i=1", SEAL}, ARC_PASS, ""},
    {"h= with the results", {AAR, " a=rsa-sha256; b=%b;" BH C DS " h=From:ARC-Authentication-Results; i=1", SEAL}, ARC_PASS, ""},
    {"h= with older signatures", {AAR, " a=rsa-sha256; b=%b;" BH C DS " h=From:ARC-Message-Signature; i=1", SEAL}, ARC_FAIL, "header was changed"}, /* its own */
    {"h= with a seal", {AAR, " a=rsa-sha256; b=%b;" BH C DS " h=From:arc-seal; i=1", SEAL}, ARC_FAIL, "h= has an ARC-Seal"},
    {"h= without From", {AAR, " a=rsa-sha256; b=%b;" BH C DS " h=To:Subject; i=1", SEAL}, ARC_FAIL, "From field is not covered"},

    /* message signature: i=, l=, q=, t=, x= */
    {"i= missing", {AAR, " a=rsa-sha256; b=%b;" BH C DS H " t=1", SEAL}, ARC_FAIL, "message signature: i= is missing"},
    {"i= is an identity", {AAR, " a=rsa-sha256; b=%b;" BH C DS H " i=@example.org", SEAL}, ARC_FAIL, "i= is not 1"},
    {"l= of the body", {AAR, AMS "; l=13", SEAL}, ARC_PASS, ""},
    {"l= of less", {AAR, AMS "; l=5", SEAL}, ARC_FAIL, "l= is not the length"},
    {"l= of more", {AAR, AMS "; l=99", SEAL}, ARC_FAIL, "l= is not the length"},
    {"q= unknown", {AAR, AMS "; q=http", SEAL}, ARC_FAIL, "q= offers"},
    {"t= missing", {AAR, " a=rsa-sha256; b=%b;" BH C DS H " i=1", SEAL}, ARC_PASS, ""},
    {"t= empty", {AAR, " a=rsa-sha256; b=%b;" BH C DS H " i=1; t=", SEAL}, ARC_FAIL, "t= is no number"},
    {"t= no number", {AAR, " a=rsa-sha256; b=%b;" BH C DS H " i=1; t=now", SEAL}, ARC_FAIL, "t= is no number"},
    {"t= in the future", {AAR, " a=rsa-sha256; b=%b;" BH C DS H " i=1; t=1600003601", SEAL}, ARC_FAIL, "made in the future"},
    {"t= a little in the future", {AAR, " a=rsa-sha256; b=%b;" BH C DS H " i=1; t=1600003600", SEAL}, ARC_PASS, ""},
    {"x= over", {AAR, AMS "; x=1599999999", SEAL}, ARC_FAIL, "has expired"},
    {"x= not yet", {AAR, AMS "; x=1600000000", SEAL}, ARC_PASS, ""},
    {"v= is nothing here", {AAR, AMS "; v=7", SEAL}, ARC_PASS, ""},

    /* seal: the list */
    {"seal with spaces", {AAR, AMS, " a = rsa-sha256 ;\r\n b =\r\n %b ;\tcv = none;" DS " i = 1"}, ARC_PASS, ""},
    {"seal with unknown tags", {AAR, AMS, SEAL "; w=flarp; c=nonsense; bh=x"}, ARC_PASS, ""},
    {"seal with a semicolon at the end", {AAR, AMS, SEAL ";"}, ARC_PASS, ""},
    {"seal with two in between", {AAR, AMS, " a=rsa-sha256;; b=%b; cv=none;" DS " i=1"}, ARC_FAIL, "empty tag"},
    {"seal with a tag twice", {AAR, AMS, SEAL "; d=example.org"}, ARC_FAIL, "given twice"},
    {"seal with a bad name", {AAR, AMS, SEAL "; 1x=1"}, ARC_FAIL, "bad name"},
    {"seal in another case", {AAR, AMS, " A=rsa-sha256; b=%b; cv=none;" DS " i=1"}, ARC_FAIL, "a= is missing"},

    /* seal: a=, b=, d=, s=, t= */
    {"seal: a= missing", {AAR, AMS, " b=%b; cv=none;" DS " i=1"}, ARC_FAIL, "seal 1: a= is missing"},
    {"seal: a= empty", {AAR, AMS, " a=; b=%b; cv=none;" DS " i=1"}, ARC_FAIL, "a= names"},
    {"seal: a= sha1", {AAR, AMS, " a=rsa-sha1; b=%b; cv=none;" DS " i=1"}, ARC_FAIL, "rsa-sha1"},
    {"seal: a= unknown", {AAR, AMS, " a=x; b=%b; cv=none;" DS " i=1"}, ARC_FAIL, "a= names"},
    {"seal: b= missing", {AAR, AMS, " a=rsa-sha256; cv=none;" DS " i=1"}, ARC_FAIL, "b= is missing"},
    {"seal: b= empty", {AAR, AMS, " a=rsa-sha256; b=; cv=none;" DS " i=1"}, ARC_FAIL, "b= is no base64"},
    {"seal: b= no base64", {AAR, AMS, " a=rsa-sha256; b=*%b; cv=none;" DS " i=1"}, ARC_FAIL, "b= is no base64"},
    {"seal: b= of something else", {AAR, AMS, " a=rsa-sha256; b=AAAA%b; cv=none;" DS " i=1"}, ARC_FAIL, "ARC field was changed"},
    {"seal: b= last", {AAR, AMS, " a=rsa-sha256; cv=none;" DS " i=1; b=%b"}, ARC_PASS, ""},
    {"seal: d= missing", {AAR, AMS, " a=rsa-sha256; b=%b; cv=none; s=s1; i=1"}, ARC_FAIL, "d= is missing"},
    {"seal: d= empty", {AAR, AMS, " a=rsa-sha256; b=%b; cv=none; d=; s=s1; i=1"}, ARC_FAIL, "d= is no domain"},
    {"seal: d= no domain", {AAR, AMS, " a=rsa-sha256; b=%b; cv=none; d=@; s=s1; i=1"}, ARC_FAIL, "d= is no domain"},
    {"seal: d= of another", {AAR, AMS, " a=rsa-sha256; b=%b; cv=none; d=example.com; s=s1; i=1"}, ARC_FAIL, "the key is another"},
    {"seal: s= missing", {AAR, AMS, " a=rsa-sha256; b=%b; cv=none; d=example.org; i=1"}, ARC_FAIL, "s= is missing"},
    {"seal: s= unknown", {AAR, AMS, " a=rsa-sha256; b=%b; cv=none; d=example.org; s=s2; i=1"}, ARC_FAIL, "there is no key"},
    {"seal: t= missing", {AAR, AMS, " a=rsa-sha256; b=%b; cv=none;" DS " i=1"}, ARC_PASS, ""},
    {"seal: t= empty", {AAR, AMS, " a=rsa-sha256; b=%b; cv=none;" DS " i=1; t="}, ARC_FAIL, "t= is no number"},
    {"seal: t= no number", {AAR, AMS, " a=rsa-sha256; b=%b; cv=none;" DS " i=1; t=-1"}, ARC_FAIL, "t= is no number"},

    /* seal: h=, cv= */
    {"seal: h=", {AAR, AMS, SEAL "; h=From"}, ARC_FAIL, "a seal has no h="},
    {"cv= missing", {AAR, AMS, " a=rsa-sha256; b=%b;" DS " i=1"}, ARC_FAIL, "cv= is missing"},
    {"cv= empty", {AAR, AMS, " a=rsa-sha256; b=%b; cv=;" DS " i=1"}, ARC_FAIL, "cv= is unknown"},
    {"cv= unknown", {AAR, AMS, " a=rsa-sha256; b=%b; cv=maybe;" DS " i=1"}, ARC_FAIL, "cv= is unknown"},
    {"cv= in capitals", {AAR, AMS, " a=rsa-sha256; b=%b; cv=None;" DS " i=1"}, ARC_FAIL, "cv= is unknown"},
    {"cv=pass of the first", {AAR, AMS, " a=rsa-sha256; b=%b; cv=pass;" DS " i=1"}, ARC_FAIL, "seal 1 says cv=pass"},
    {"cv=fail", {AAR, AMS, " a=rsa-sha256; b=%b; cv=fail;" DS " i=1"}, ARC_FAIL, "broken before"},
};
/* clang-format on */

START_TEST(single_sets)
{
    struct fct_str text = arc_rig_set(&rig, &singles[_i].t, FCT_STR(ARC_RIG_MESSAGE));
    enum arc_result got = arc_rig_judge(&rig, text);

    ck_assert_msg(got == singles[_i].want && strstr(rig.chain.why.text, singles[_i].why),
                  "%s: %s %s", singles[_i].name, arc_result_word(got), rig.chain.why.text);
    ck_assert(rig.chain.ended == (strstr(singles[_i].name, "cv=fail") != NULL));
}
END_TEST

/* ---- keys ---- */

START_TEST(keys_by_size)
{
    const struct {
        EVP_PKEY *key;
        enum arc_result want;
    } cases[] = {
        {short_rsa, ARC_FAIL}, {least_rsa, ARC_PASS}, {rsa, ARC_PASS}, {ed25519, ARC_PASS}};

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        struct arc_sealing s;

        use_key(cases[i].key);
        s = arc_rig_sealing(&rig, 1);
        ck_assert_int_eq(arc_rig_judge(&rig, arc_rig_seal(&rig, &s, FCT_STR(ARC_RIG_MESSAGE))),
                         cases[i].want);
        if (cases[i].want == ARC_FAIL)
            ck_assert_msg(strstr(rig.chain.why.text, "512 bits"), "%s", rig.chain.why.text);
    }
}
END_TEST

/* What stands in front of p= of the right key, or instead of the record. */
static const struct {
    const char *before;
    bool whole;
    enum arc_result want;
    const char *why;
} key_records[] = {
    {"v=DKIM1; k=rsa; ", false, ARC_PASS, ""},
    {"", false, ARC_PASS, ""},
    {"v=DKIM1; h=sha1:sha256; s=email; t=y:s; ", false, ARC_PASS, ""}, /* flags are DKIM's */
    {"v=DKIM2; ", false, ARC_FAIL, "v= is not DKIM1"},
    {"h=sha1; ", false, ARC_FAIL, "not for sha256"},
    {"s=tlsrpt; ", false, ARC_FAIL, "not for mail"},
    {"k=ed25519; ", false, ARC_FAIL, "Ed25519"},
    {"k=poem; ", false, ARC_FAIL, "k= names"},
    {"v=DKIM1; k=rsa; p=", true, ARC_FAIL, "revoked"},
    {"v=DKIM1; k=rsa; p=AAAA", true, ARC_FAIL, "no RSA key"},
    {"v=DKIM1; k=rsa", true, ARC_FAIL, "p= is missing"},
    {"v=spf1 -all", true, ARC_FAIL, ""},
    {NULL, true, ARC_TEMPERROR, "does not say the key now"},
};

START_TEST(keys_by_record)
{
    struct arc_sealing s = arc_rig_sealing(&rig, 1);
    struct fct_str text = arc_rig_seal(&rig, &s, FCT_STR(ARC_RIG_MESSAGE));
    const char *key = strstr(records[0].text, "p=");

    records[0].text = key_records[_i].whole
                          ? key_records[_i].before
                          : arena_printf(rig.dkim.arena, "%s%s", key_records[_i].before, key).p;
    ck_assert_int_eq(arc_rig_judge(&rig, text), key_records[_i].want);
    ck_assert_msg(strstr(rig.chain.why.text, key_records[_i].why), "%s", rig.chain.why.text);
}
END_TEST

/* ---- several hops ---- */

/* Sealed by us, or by another where it matters who. */
static struct fct_str make_chain(uint32_t hops)
{
    struct fct_str text = FCT_STR(ARC_RIG_MESSAGE);

    for (uint32_t i = 1; i <= hops; i++) {
        struct arc_sealing s = arc_rig_sealing(&rig, i);

        text = arc_rig_seal(&rig, &s, text);
    }
    return text;
}

START_TEST(long_chains)
{
    static const uint32_t hops[] = {1, 2, 3, 9, 50};

    for (size_t i = 0; i < FCT_COUNT(hops); i++) {
        struct fct_str text = make_chain(hops[i]);

        ck_assert_int_eq(arc_rig_judge(&rig, text), ARC_PASS);
        ck_assert_uint_eq(rig.chain.links, hops[i]);
        /* Of fifty, 60 verifications leave room for ten message signatures. */
        ck_assert_uint_eq(rig.chain.oldest_pass, hops[i] == 50 ? 41 : 0);
    }
    rig.limits.sets = 49;
    ck_assert_int_eq(arc_rig_judge(&rig, make_chain(49)), ARC_PASS);
    ck_assert_int_eq(arc_rig_judge(&rig, make_chain(50)), ARC_FAIL);
    ck_assert_msg(strstr(rig.chain.why.text, "more than 49"), "%s", rig.chain.why.text);
}
END_TEST

/* What happens to a chain of three on its way: the first `find` is replaced. */
static const struct {
    const char *name, *find, *replace;
    enum arc_result want;
    const char *why;
} changes[] = {
    {"nothing", "", "", ARC_PASS, ""},
    {"one more field", "", "Received: by here\r\n", ARC_PASS, ""},
    {"a field that is not covered", "From: Ann", "X-Spam: no\r\nFrom: Ann", ARC_PASS, ""},
    {"spaces in a header", "two  spaces", "two \t spaces ", ARC_PASS, ""},
    {"spaces in a body", "body \r\n", "body\t\r\n", ARC_PASS, ""},
    {"names in another case", "ARC-Seal: a=rsa-sha256", "arc-SEAL: a=rsa-sha256", ARC_PASS, ""},
    {"the body", "end", "END", ARC_FAIL, "message signature 3 (d=example.org): the body"},
    {"the header", "bob@", "bob.@", ARC_FAIL, "message signature 3 (d=example.org): the header"},
    {"another From", "", "From: Eve <eve@example.com>\r\n", ARC_FAIL,
     "a From field is not covered"},
    {"newest seal's cv=", "cv=pass; d=example.org; i=3", "cv=none; d=example.org; i=3", ARC_FAIL,
     "seal 3 says cv=none"},
    {"newest seal ends it", "cv=pass; d=example.org; i=3", "cv=fail; d=example.org; i=3", ARC_FAIL,
     "seal 3 says that the chain was broken"},
    {"second seal's cv=", "cv=pass; d=example.org; i=2", "cv=none; d=example.org; i=2", ARC_FAIL,
     "seal 2 says cv=none"},
    {"second seal ends it", "cv=pass; d=example.org; i=2", "cv=fail; d=example.org; i=2", ARC_FAIL,
     "seal 2 says that the chain was broken"},
    {"first seal's cv=", "cv=none; d=example.org; i=1", "cv=pass; d=example.org; i=1", ARC_FAIL,
     "seal 1 says cv=pass"},
    {"first seal ends it", "cv=none; d=example.org; i=1", "cv=fail; d=example.org; i=1", ARC_FAIL,
     "seal 1 says that the chain was broken"},
    {"newest seal's time", "i=3; s=s1; t=15", "i=3; s=s1; t=14", ARC_FAIL, "seal 3 (d="},
    {"first results", "i=1; mx.example.org", "i=1; mx.example.com", ARC_FAIL, "seal 3 (d="},
    {"second results", "i=2; mx.example.org", "i=2; mx.example.com", ARC_FAIL, "seal 3 (d="},
    {"newest results", "i=3; mx.example.org", "i=3; mx.example.com", ARC_FAIL, "seal 3 (d="},
    {"an instance changes", "i=2; mx.example.org", "i=3; mx.example.org", ARC_FAIL, "twice"},
    {"results without instance", "i=2; mx.example.org", "mx.example.org", ARC_FAIL,
     "begin with i="},
    {"an older signature with sha1", "i=1; s=s1; t=1599999999\r\nARC-Auth",
     "i=1; s=s1; t=1599999999; a=rsa-sha1\r\nARC-Auth", ARC_FAIL, "given twice"},
    {"one field away", "ARC-Seal:", "X-Seal:", ARC_FAIL, "set 3 has no seal"},
    {"an older field away", "ARC-Authentication-Results: i=2", "X-Results: i=2", ARC_FAIL,
     "set 2 has no results"},
};

START_TEST(changed_chains)
{
    struct fct_str text = make_chain(3), changed;
    const char *at = memmem(text.p, text.n, changes[_i].find, strlen(changes[_i].find));
    size_t before;

    ck_assert_msg(at, "%s: %.*s", changes[_i].name, FCT_FMT(text));
    before = (size_t)(at - text.p);
    changed = arena_printf(rig.dkim.arena, "%.*s%s%.*s", (int)before, text.p, changes[_i].replace,
                           FCT_FMT(str_skip(text, before + strlen(changes[_i].find))));
    ck_assert_msg(arc_rig_judge(&rig, changed) == changes[_i].want &&
                      strstr(rig.chain.why.text, changes[_i].why),
                  "%s: %s %s", changes[_i].name, arc_result_word(rig.chain.result),
                  rig.chain.why.text);
}
END_TEST

/* In which order sets stand is nobody's business (RFC 8617 4.2.1). */
START_TEST(shuffled_fields)
{
    struct fct_str text = make_chain(3);
    struct dkim_message message = dkim_rig_message(&rig.dkim, text);
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1u << 20);

    for (size_t step = 0; step < 3; step++)
        for (size_t i = 0; i < 9; i++)
            if (i % 3 == step)
                buf_put_str(&out, message.field[8 - i].raw);
    buf_put_c(&out, ARC_RIG_MESSAGE);
    ck_assert_int_eq(arc_rig_judge(&rig, buf_str(&out)), ARC_PASS);
}
END_TEST

/* Who changed the message, and said so by sealing what he made of it (RFC 8617 5.2 step 5). */
START_TEST(oldest_pass)
{
    for (uint32_t changer = 2; changer <= 4; changer++) {
        struct fct_str text = FCT_STR(ARC_RIG_MESSAGE);

        for (uint32_t i = 1; i <= 4; i++) {
            struct arc_sealing s = arc_rig_sealing(&rig, i);

            if (i == changer)
                text = arc_rig_fill(&rig, text, "end", FCT_STR("END"));
            text = arc_rig_seal(&rig, &s, text);
        }
        ck_assert_int_eq(arc_rig_judge(&rig, text), ARC_PASS);
        ck_assert_uint_eq(rig.chain.oldest_pass, changer);
        ck_assert(!rig.chain.link[0].message.judged || changer == 2);
    }
}
END_TEST

/* A key that is missing now may be there tomorrow; a change is there for good. */
START_TEST(failed_before_temporary)
{
    struct arc_sealing s = arc_rig_sealing(&rig, 1);
    struct fct_str text = arc_rig_seal(&rig, &s, FCT_STR(ARC_RIG_MESSAGE));
    struct arc_sealing second = arc_rig_sealing(&rig, 2);

    second.domain = FCT_STR("example.com");
    second.key = other_rsa;
    text = arc_rig_seal(&rig, &second, text);
    ck_assert_int_eq(arc_rig_judge(&rig, text), ARC_PASS);
    records[0].text = NULL;
    ck_assert_int_eq(arc_rig_judge(&rig, text), ARC_TEMPERROR);
    ck_assert_msg(strstr(rig.chain.why.text, "seal 1"), "%s", rig.chain.why.text);
    ck_assert_int_eq(arc_rig_judge(&rig, arc_rig_fill(&rig, text, "end", FCT_STR("END"))),
                     ARC_FAIL);
    ck_assert_msg(strstr(rig.chain.why.text, "body was changed"), "%s", rig.chain.why.text);
}
END_TEST

/* Plugin dkim's hash of the body does as well as our own, but says nothing of its length. */
START_TEST(known_bodies)
{
    struct arc_sealing s = arc_rig_sealing(&rig, 1);
    struct fct_str text = arc_rig_seal(&rig, &s, FCT_STR(ARC_RIG_MESSAGE));
    struct dkim_message message = dkim_rig_message(&rig.dkim, text);
    struct arc_chain chain;
    uint8_t hash[DKIM_HASH_BYTES];
    uint64_t length;

    ck_assert(arc_body_hash(message.body, true, hash, &length));
    ck_assert_uint_eq(length, 13);
    ck_assert(arc_chain_begin(&chain, &rig.dkim.memory, &rig.limits, &message));
    ck_assert(arc_chain_wants_body(&chain));
    arc_chain_know_body(&chain, hash);
    ck_assert(!arc_chain_wants_body(&chain));
    ck_assert_mem_eq(chain.body[true].hash, hash, sizeof hash);
    arc_chain_close(&chain);
    text = arc_rig_set(&rig, &(struct arc_template){AAR, AMS "; l=13", SEAL},
                       FCT_STR(ARC_RIG_MESSAGE));
    message = dkim_rig_message(&rig.dkim, text);
    ck_assert(arc_chain_begin(&chain, &rig.dkim.memory, &rig.limits, &message));
    arc_chain_know_body(&chain, hash);
    ck_assert(arc_chain_wants_body(&chain));
    arc_chain_close(&chain);
}
END_TEST

/* A step left out is temperror, never a verdict. */
START_TEST(steps_left_out)
{
    struct arc_sealing s = arc_rig_sealing(&rig, 1);
    struct dkim_message message =
        dkim_rig_message(&rig.dkim, arc_rig_seal(&rig, &s, FCT_STR(ARC_RIG_MESSAGE)));
    struct arc_chain chain;

    ck_assert(arc_chain_begin(&chain, &rig.dkim.memory, &rig.limits, &message));
    arc_chain_end(&chain);
    ck_assert_int_eq(chain.result, ARC_TEMPERROR);
    arc_chain_close(&chain);
}
END_TEST

static void *no_memory(void *arg, size_t bytes)
{
    size_t *left = arg;

    (void)bytes;
    return *left > 0 ? ((*left)--, arena_alloc(rig.dkim.arena, bytes)) : NULL;
}

/* The nth allocation fails: no crash, no verdict. */
START_TEST(memory_runs_out)
{
    struct dkim_message message = dkim_rig_message(&rig.dkim, make_chain(2));
    size_t n = 0, left;
    bool ok = false;

    while (!ok && n < 100) {
        const struct dkim_memory memory = {no_memory, &left};
        struct arc_chain chain;

        left = n++;
        ok = arc_chain_begin(&chain, &memory, &rig.limits, &message) &&
             chain.result != ARC_TEMPERROR;
        if (!ok)
            ck_assert_int_ne(chain.result, ARC_PASS);
        arc_chain_close(&chain);
    }
    ck_assert_uint_gt(n, 5);
    ck_assert_uint_lt(n, 100);
}
END_TEST

START_TEST(words)
{
    ck_assert_str_eq(arc_result_word(ARC_NONE), "none");
    ck_assert_str_eq(arc_result_word(ARC_TEMPERROR), "temperror");
    ck_assert_int_eq(arc_rig_judge(&rig, FCT_STR(ARC_RIG_MESSAGE)), ARC_NONE);
    ck_assert_int_eq(arc_rig_judge(&rig, FCT_STR("")), ARC_NONE);
    ck_assert_int_eq(arc_rig_judge(&rig, FCT_STR("\r\nARC-Seal: i=1\r\n")), ARC_NONE);
}
END_TEST

DKIM_RIG_MAIN("arc_chain", {
    tcase_add_unchecked_fixture(tc, make_keys, free_keys);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, single_sets, 0, FCT_COUNT(singles));
    tcase_add_test(tc, keys_by_size);
    tcase_add_loop_test(tc, keys_by_record, 0, FCT_COUNT(key_records));
    tcase_add_test(tc, long_chains);
    tcase_add_loop_test(tc, changed_chains, 0, FCT_COUNT(changes));
    tcase_add_test(tc, shuffled_fields);
    tcase_add_test(tc, oldest_pass);
    tcase_add_test(tc, failed_before_temporary);
    tcase_add_test(tc, known_bodies);
    tcase_add_test(tc, steps_left_out);
    tcase_add_test(tc, memory_runs_out);
    tcase_add_test(tc, words);
})
