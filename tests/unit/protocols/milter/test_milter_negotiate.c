/* test_milter_negotiate.c - which plan asks the MTA for what. */
#include "protocols/milter/milter_negotiate.h"

#include <check.h>
#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

#define H(name) (UINT64_C(1) << FCT_HOOK_##name)

/* What libmilter shows us of an MTA of version 6: it makes up the no-reply bits where they are
 * missing. */
static const struct milter_terms everything = {SMFI_CURR_ACTS, SMFI_CURR_PROT};

#define NO_ENVELOPE (SMFIP_NOMAIL | SMFIP_NORCPT)
#define NO_MESSAGE  (SMFIP_NOHDRS | SMFIP_NOBODY)
#define NO_OTHERS   (SMFIP_NODATA | SMFIP_NOUNKNOWN | SMFIP_NOEOH)
#define QUIET \
    (SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_HDR | SMFIP_NR_BODY)

/* clang-format off */
static const struct {
    const char *name;
    uint64_t wants, decides;
    uint32_t may;
    unsigned long actions, protocol;
} cases[] = {
    {"nothing: one reply at connect and no more",
     0, 0, 0,
     0, SMFIP_NOHELO | NO_ENVELOPE | NO_MESSAGE | NO_OTHERS},
    {"connect decides",
     H(connect), H(connect), 0,
     0, SMFIP_NOHELO | NO_ENVELOPE | NO_MESSAGE | NO_OTHERS},
    {"connections are only watched",
     H(disconnect), 0, 0,
     0, SMFIP_NOHELO | NO_ENVELOPE | NO_MESSAGE | NO_OTHERS | SMFIP_NR_CONN},
    {"TLS comes with HELO",
     H(tls), H(tls), 0,
     0, NO_ENVELOPE | NO_MESSAGE | NO_OTHERS | SMFIP_NR_CONN},
    {"logins come with MAIL",
     H(auth), H(auth), 0,
     0, SMFIP_NORCPT | NO_MESSAGE | NO_OTHERS | SMFIP_NR_CONN | SMFIP_NR_HELO},
    {"recipients decide, refused ones are shown",
     H(rcpt), H(rcpt), 0,
     SMFIF_DELRCPT, NO_MESSAGE | NO_OTHERS | SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_RCPT_REJ},
    {"unknown commands alone",
     H(unknown), H(unknown), 0,
     0, SMFIP_NOHELO | NO_ENVELOPE | NO_MESSAGE | SMFIP_NODATA | SMFIP_NOEOH | SMFIP_NR_CONN},
    {"a scan needs all, and waits only at the end",
     H(scan), 0, 0,
     SMFIF_QUARANTINE | SMFIF_DELRCPT, NO_OTHERS | QUIET | SMFIP_HDR_LEADSPC},
    {"edits of the header",
     H(edit), 0, FCT_MAY_ADD_HEADER | FCT_MAY_CHANGE_HEADER,
     SMFIF_QUARANTINE | SMFIF_DELRCPT | SMFIF_ADDHDRS | SMFIF_CHGHDRS, NO_OTHERS | QUIET | SMFIP_HDR_LEADSPC},
    {"edits of the rest",
     H(edit), 0, FCT_MAY_BODY | FCT_MAY_SENDER | FCT_MAY_RECIPIENTS,
     SMFIF_QUARANTINE | SMFIF_DELRCPT | SMFIF_CHGBODY | SMFIF_CHGFROM | SMFIF_ADDRCPT, NO_OTHERS | QUIET | SMFIP_HDR_LEADSPC},
    {"chunks may be enough",
     H(chunk), H(chunk), 0,
     0, NO_OTHERS | (QUIET & ~(unsigned long)SMFIP_NR_BODY) | SMFIP_HDR_LEADSPC | SMFIP_SKIP},
};
/* clang-format on */

START_TEST(test_plans)
{
    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        const struct milter_plan plan = {cases[i].wants, cases[i].decides, cases[i].may};
        struct milter_terms got;

        milter_negotiate(&plan, &plan, true, &everything, &got);
        ck_assert_msg(got.actions == (cases[i].actions | SMFIF_SETSYMLIST), "%s: actions %lx",
                      cases[i].name, got.actions);
        ck_assert_msg(got.protocol == cases[i].protocol, "%s: protocol %lx, not %lx", cases[i].name,
                      got.protocol, cases[i].protocol);
    }
}
END_TEST

/* Nothing is asked that an old MTA did not offer. */
START_TEST(test_only_what_is_offered)
{
    static const struct milter_terms offers[] = {
        {SMFI_V1_ACTS, SMFI_V1_PROT}, {SMFI_V2_ACTS, SMFI_V2_PROT}, {0, 0}};

    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        for (size_t k = 0; k < FCT_COUNT(offers); k++) {
            const struct milter_plan plan = {cases[i].wants, cases[i].decides, cases[i].may};
            struct milter_terms got;

            milter_negotiate(&plan, &plan, true, &offers[k], &got);
            ck_assert((got.actions & ~offers[k].actions) == 0);
            ck_assert((got.protocol & ~offers[k].protocol) == 0);
        }
}
END_TEST

/* One role is hooked, the other is not: who it is is known at connect, whose reply then spares the
 * rest. The same while nobody knows what is hooked. */
START_TEST(test_reply_at_connect)
{
    const struct milter_plan scan = {.wants = H(scan)}, none = {0};
    struct milter_terms got;

    milter_negotiate(&scan, &none, true, &everything, &got);
    ck_assert(!(got.protocol & SMFIP_NR_CONN) && !(got.protocol & SMFIP_NOBODY));
    milter_negotiate(&none, &scan, true, &everything, &got);
    ck_assert(!(got.protocol & SMFIP_NR_CONN));
    milter_negotiate(&scan, &scan, false, &everything, &got);
    ck_assert(!(got.protocol & SMFIP_NR_CONN));
    milter_negotiate(&scan, &scan, true, &everything, &got);
    ck_assert(got.protocol & SMFIP_NR_CONN);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("milter_negotiate");
    TCase *all = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(all, test_plans);
    tcase_add_test(all, test_only_what_is_offered);
    tcase_add_test(all, test_reply_at_connect);
    suite_add_tcase(suite, all);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
