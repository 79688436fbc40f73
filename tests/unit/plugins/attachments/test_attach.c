/* test_attach.c - names, kinds, containers, compound files, active documents, archives. */
#include "plugins/attachments/attach_active.h"
#include "plugins/attachments/attach_archive.h"
#include "plugins/attachments/attach_kind.h"
#include "plugins/attachments/attach_look.h"
#include "plugins/attachments/attach_magic.h"
#include "plugins/attachments/attach_name.h"
#include "plugins/attachments/attach_ole.h"

#include "core/base/str.h"
#include <archive.h>
#include <archive_entry.h>
#include <check.h>
#include <stdlib.h>

/* ---- names ---- */

#define DOUBLE (1u << ATTACH_DOUBLE_EXTENSION)
#define BIDI   (1u << ATTACH_BIDI_NAME)
#define HIDDEN (1u << ATTACH_HIDDEN_NAME)

static unsigned bits_of(const struct attach_findings *f)
{
    unsigned bits = 0;

    for (unsigned i = 0; i < ATTACH_FINDINGS; i++)
        bits |= (unsigned)(f->of[i].times > 0) << i;
    return bits;
}

static const struct {
    const char *name, *extension, *inner;
    unsigned found;
} names[] = {
    {"", "", "", 0},
    {"readme", "", "", 0},
    {"bill.pdf", "pdf", "", 0},
    {"BILL.PDF", "pdf", "", 0},
    {"bill.pdf.exe", "exe", "pdf", DOUBLE},
    {"bill.pdf .EXE. ", "exe", "pdf", DOUBLE},
    {"archive.tar.gz", "gz", "tar", 0},
    {"jquery.min.js", "js", "min", 0},
    {"c:\\tmp\\..\\x.scr", "scr", "", 0},
    {"a/b.pdf/c", "", "", 0},
    {".exe", "exe", "", 0},
    {"...", "", "", 0},
    {"bill\xe2\x80\256fdp.exe", "exe", "", BIDI},
    {"bill\xe2\x80\xaa.txt", "txt", "", BIDI},
    {"x.e\xe2\x80\213xe", "exe", "", HIDDEN},
    {"bill.pdf          .exe", "exe", "pdf", DOUBLE | HIDDEN},
    {"bill.pdf\xc2\xa0\xc2\xa0\xc2\xa0\xc2\xa0\xc2\xa0.exe", "exe", "pdf", DOUBLE | HIDDEN},
    {"x\xef\xbc\216exe", "exe", "", 0}, /* a full-width dot */
    {"line\nfeed.txt", "txt", "", HIDDEN},
    {"\xd9\x85\xd9\x84\xd9\x81\xe2\x80\x8f.pdf", "pdf", "", 0}, /* Arabic with a mark */
    {"Gr\xc3\xb6\xc3\237e.pdf", "pdf", "", 0},
    {"bad \xff\xe2\x80.exe", "exe", "", 0},
    {"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb.png", "png", "", 0}, /* emoji with a joiner */
};

START_TEST(names_read)
{
    struct attach_findings found = {0};
    struct attach_name name;

    attach_name_read(str_from(names[_i].name), &name);
    attach_name_check(&name, str_from(names[_i].name), &found);
    ck_assert_msg(name.extension.n == strlen(names[_i].extension) &&
                      memcmp(name.extension.p, names[_i].extension, name.extension.n) == 0,
                  "%s: extension %.*s", names[_i].name, FCT_FMT(name.extension));
    ck_assert_msg(name.inner.n == strlen(names[_i].inner) &&
                      memcmp(name.inner.p, names[_i].inner, name.inner.n) == 0,
                  "%s: inner %.*s", names[_i].name, FCT_FMT(name.inner));
    ck_assert_msg(bits_of(&found) == names[_i].found, "%s: %x", names[_i].name, bits_of(&found));
}
END_TEST

START_TEST(endless_name)
{
    static char text[100000];
    struct attach_name name;

    memset(text, 'a', sizeof text);
    memcpy(text + sizeof text - 4, ".exe", 4);
    attach_name_read((struct fct_str){text, sizeof text}, &name);
    ck_assert(name.n == ATTACH_NAME_MAX && name.extension.n == 3);
}
END_TEST

/* ---- kinds ---- */

START_TEST(agreement)
{
    static const struct {
        const char *extension, *real;
        enum attach_agreement want;
    } cases[] = {
        {"pdf", "application/pdf", KINDS_AGREE},
        {"pdf", "application/x-dosexec", KINDS_LIE},
        {"jpg", "image/png", KINDS_AGREE},
        {"jpg", "application/pdf", KINDS_DIFFER},
        {"png", "text/html", KINDS_LIE},
        {"xls", "text/html", KINDS_AGREE},
        {"docx", "application/zip", KINDS_AGREE},
        {"doc", "application/x-ms-shortcut", KINDS_LIE},
        {"exe", "application/x-dosexec", KINDS_AGREE},
        {"js", "text/plain", KINDS_AGREE},
        {"txt", "text/x-shellscript", KINDS_AGREE},
        {"zip", "application/x-rar", KINDS_AGREE},
        {"zip", "application/x-dosexec", KINDS_LIE},
        {"xyz", "application/x-dosexec", KINDS_AGREE},
        {"pdf", "application/octet-stream", KINDS_AGREE},
        {"mp4", "audio/mp4", KINDS_AGREE},
    };

    for (size_t i = 0; i < FCT_COUNT(cases); i++)
        ck_assert_msg(attach_kind_compare(attach_kind_of_extension(str_from(cases[i].extension)),
                                          attach_kind_of_type(str_from(cases[i].real))) ==
                          cases[i].want,
                      "%s %s", cases[i].extension, cases[i].real);
}
END_TEST

START_TEST(real_types)
{
    static const struct {
        struct fct_str bytes;
        const char *type;
    } files[] = {
        {FCT_STR_INIT("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\10\2\0\0\0"), "image/png"},
        {FCT_STR_INIT("%PDF-1.4\n"), "application/pdf"},
        {FCT_STR_INIT("just words\n"), "text/plain"},
        {FCT_STR_INIT(""), ""},
    };
    struct fct_err err = {0};
    struct attach_magic *m = attach_magic_open("", 65536, &err);
    char text[ATTACH_TYPE_MAX];

    ck_assert_msg(m, "%s", err.text);
    for (size_t i = 0; i < FCT_COUNT(files); i++)
        ck_assert_str_eq(attach_magic_type(m, files[i].bytes, text).n ? text : "", files[i].type);
    attach_magic_close(m);
    ck_assert(!attach_magic_open("/nowhere.mgc", 65536, &err) && strstr(err.text, "libmagic"));
}
END_TEST

/* ---- compound files ---- */

START_TEST(unpacking)
{
    /* [MS-OVBA] 3.2.1: no compression; 3.2.3: a copy of a copy */
    static const struct {
        struct fct_str in, out;
    } cases[] = {
        {FCT_STR_INIT("\x01\x19\xb0\x00"
                      "abcdefgh\x00"
                      "ijklmnop\x00qrstuv."),
         FCT_STR_INIT("abcdefghijklmnopqrstuv.")},
        {FCT_STR_INIT("\x01\x03\xb0\x02\x61\x45\x00"),
         FCT_STR_INIT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")},
        {FCT_STR_INIT("\x02\x03\xb0\x02\x61\x45\x00"), FCT_STR_INIT("")},
        {FCT_STR_INIT("\x01\x03\xb0\x01\xff\xff\x00"),
         FCT_STR_INIT("")}, /* back before the start */
        {FCT_STR_INIT("\x01"), FCT_STR_INIT("")},
    };
    char out[200];

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        size_t n = attach_ole_unpack(cases[i].in, out, sizeof out);

        ck_assert_msg(n == cases[i].out.n && memcmp(out, cases[i].out.p, n) == 0, "%zu: %.*s", i,
                      (int)n, out);
    }
}
END_TEST

/* Sectors whose chain leads back to itself end, and so does a table that is not there. */
START_TEST(hostile_compound_files)
{
    static char text[4096];
    struct attach_ole ole;

    memcpy(text, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8);
    text[30] = 9;
    memset(text + 512, 0, 512);
    attach_ole_read((struct fct_str){text, sizeof text}, &ole); /* sector 0 follows itself */
    ck_assert(!ole.macros);
    memset(text + 44, 0xff, 468);
    attach_ole_read((struct fct_str){text, sizeof text}, &ole);
    ck_assert(ole.broken);
    attach_ole_read((struct fct_str){text, 511}, &ole);
    ck_assert(ole.broken);
}
END_TEST

/* ---- active documents ---- */

START_TEST(passwords)
{
    static const char *const given[] = {
        "The password is 1234", "Password: abc", "Passwort: 77aa", "mot de passe : xyz1",
        "contraseña es 9876",   "пароль: 1234",  "密码：1234",     "Archive password - 5512"};
    static const char *const not_given[] = {"", "Your password has expired", "password",
                                            "Change your password today", "password:"};

    for (size_t i = 0; i < FCT_COUNT(given); i++)
        ck_assert_msg(attach_text_gives_password(str_from(given[i])), "%s", given[i]);
    for (size_t i = 0; i < FCT_COUNT(not_given); i++)
        ck_assert_msg(!attach_text_gives_password(str_from(not_given[i])), "%s", not_given[i]);
}
END_TEST

START_TEST(pdf)
{
    static const struct {
        const char *text;
        bool script, launch, encrypted;
    } cases[] = {
        {"%PDF-1.4 /OpenAction /JavaScript", true, false, false},
        {"%PDF-1.4 /Open#41ction /J#53", true, false, false},
        {"%PDF-1.4 /JavaScript", false, false, false},
        {"%PDF-1.4 /OpenAction 3 0 R", false, false, false},
        {"%PDF-1.4 /AA<</S/Launch>>", false, true, false},
        {"%PDF-1.4 /Encrypt 5 0 R", false, false, true},
        {"%PDF-1.4 /LaunchPad /JSON /OpenActions", false, false, false},
        {"%PDF-1.4 /#4", false, false, false},
        {"/", false, false, false},
    };
    struct attach_pdf p;

    for (size_t i = 0; i < FCT_COUNT(cases); i++) {
        attach_pdf_read(str_from(cases[i].text), &p);
        ck_assert_msg(p.script == cases[i].script && p.launch == cases[i].launch &&
                          p.encrypted == cases[i].encrypted,
                      "%s", cases[i].text);
    }
}
END_TEST

/* ---- archives ---- */

struct made {
    char *text;
    size_t n;
};

/* `size` zero bytes as NAME. */
static struct made make(int (*format)(struct archive *), int (*filter)(struct archive *),
                        const char *name, size_t size, size_t members)
{
    struct made m = {malloc((size_t)4 << 20), 0};
    struct archive *a = archive_write_new();
    static char zeros[65536];

    ck_assert(m.text && format(a) == ARCHIVE_OK && (!filter || filter(a) == ARCHIVE_OK));
    ck_assert_int_eq(archive_write_open_memory(a, m.text, (size_t)4 << 20, &m.n), ARCHIVE_OK);
    for (size_t i = 0; i < members; i++) {
        struct archive_entry *e = archive_entry_new();

        archive_entry_set_pathname(e, name);
        archive_entry_set_filetype(e, AE_IFREG);
        archive_entry_set_perm(e, 0644);
        archive_entry_set_size(e, (la_int64_t)size);
        ck_assert_int_eq(archive_write_header(a, e), ARCHIVE_OK);
        for (size_t left = size; left > 0;) {
            size_t n = left < sizeof zeros ? left : sizeof zeros;

            ck_assert_int_eq(archive_write_data(a, zeros, n), (la_ssize_t)n);
            left -= n;
        }
        archive_entry_free(e);
    }
    ck_assert_int_eq(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    return m;
}

static void on_member(void *ctx, const struct attach_member *member)
{
    size_t *n = ctx;

    ck_assert(member->bytes.n <= 1 << 20);
    if (member->name.n == 5 && memcmp(member->name.p, "a.txt", 5) == 0)
        ++*n;
}

static struct attach_listing list(struct fct_str bytes, bool stream, uint64_t entries,
                                  uint64_t unpack, size_t *members)
{
    struct attach_budget budget = {entries, unpack, 1 << 20, attach_now_ms() + 60000};
    struct attach_listing out;

    *members = 0;
    attach_archive_list(bytes, stream, &budget, on_member, members, &out);
    ck_assert(budget.entries <= entries && budget.unpack <= unpack);
    return out;
}

START_TEST(archives)
{
    static const struct {
        int (*format)(struct archive *);
        int (*filter)(struct archive *);
        size_t size, members;
        uint64_t entries, unpack;
        size_t listed;
        uint64_t least;
        bool unfinished;
    } cases[] = {
        {archive_write_set_format_zip, NULL, 10, 3, 10, 1 << 20, 3, 30, false},
        {archive_write_set_format_7zip, NULL, 10, 3, 10, 1 << 20, 3, 30, false},
        {archive_write_set_format_ustar, NULL, 10, 3, 10, 1 << 20, 3, 30, false},
        {archive_write_set_format_ustar, archive_write_add_filter_gzip, 10, 3, 10, 1 << 20, 3, 30,
         false},
        {archive_write_set_format_ustar, archive_write_add_filter_zstd, 10, 3, 10, 1 << 20, 3, 30,
         false},
        {archive_write_set_format_iso9660, NULL, 10, 1, 10, 1 << 20, 1, 10, false},
        {archive_write_set_format_zip, NULL, 10, 30, 10, 1 << 20, 10, 100, true},
        {archive_write_set_format_zip, NULL, 32 << 20, 1, 10, 1 << 30, 1, 32 << 20, false},
        {archive_write_set_format_ustar, archive_write_add_filter_gzip, 32 << 20, 1, 10, 1 << 20, 1,
         32 << 20, true},
        {archive_write_set_format_raw, archive_write_add_filter_gzip, 32 << 20, 1, 10, 64 << 20, 0,
         32 << 20, false},
        {archive_write_set_format_raw, archive_write_add_filter_gzip, 32 << 20, 1, 10, 1 << 20, 0,
         1 << 20, true},
        {archive_write_set_format_raw, archive_write_add_filter_bzip2, 32 << 20, 1, 10, 1 << 20, 0,
         1 << 20, true},
    };
    struct made m =
        make(cases[_i].format, cases[_i].filter, "a.txt", cases[_i].size, cases[_i].members);
    struct attach_listing out;
    size_t n;

    out = list((struct fct_str){m.text, m.n}, cases[_i].filter != NULL, cases[_i].entries,
               cases[_i].unpack, &n);
    ck_assert_msg(n == cases[_i].listed, "%zu listed, %llu", n, (unsigned long long)out.entries);
    ck_assert_msg(out.size >= cases[_i].least, "size %llu", (unsigned long long)out.size);
    ck_assert_msg(out.unfinished == cases[_i].unfinished && !out.unreadable && !out.encrypted,
                  "%d %d %d", out.unfinished, out.unreadable, out.encrypted);
    for (size_t cut = 0; cut < m.n && m.n < 100000; cut += 1 + m.n / 50)
        (void)list((struct fct_str){m.text, cut}, cases[_i].filter != NULL, 10, 1 << 20, &n);
    free(m.text);
}
END_TEST

START_TEST(no_time)
{
    struct made m = make(archive_write_set_format_zip, NULL, "a.txt", 10, 3);
    struct attach_budget budget = {10, 1 << 20, 1 << 20, attach_now_ms()};
    struct attach_listing out;
    size_t n = 0;

    attach_archive_list((struct fct_str){m.text, m.n}, false, &budget, on_member, &n, &out);
    ck_assert(out.unfinished && !out.unreadable && n == 0);
    free(m.text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("attachments");
    TCase *tc = tcase_create("attachments");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, names_read, 0, FCT_COUNT(names));
    tcase_add_test(tc, endless_name);
    tcase_add_test(tc, agreement);
    tcase_add_test(tc, real_types);
    tcase_add_test(tc, unpacking);
    tcase_add_test(tc, hostile_compound_files);
    tcase_add_test(tc, passwords);
    tcase_add_test(tc, pdf);
    tcase_add_loop_test(tc, archives, 0, 12);
    tcase_add_test(tc, no_time);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
