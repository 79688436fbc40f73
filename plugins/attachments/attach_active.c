/* attach_active.c - see attach_active.h. */
#include "attach_active.h"

#include <stdlib.h>
#include <zlib.h>

#define LOOKED_MAX   (1024u * 1024u)
#define PDF_MAX      (4u * 1024u * 1024u)
#define NAME_MAX_PDF 32u
#define STREAMS_MAX  64u
#define STREAM_MAX   65536u

static struct fct_str cut(struct fct_str s, size_t max)
{
    return (struct fct_str){s.p, s.n < max ? s.n : max};
}

static bool holds(struct fct_str text, const char *word)
{
    return text.n > 0 && memmem(text.p, text.n, word, strlen(word)) != NULL;
}

static bool holds_any(struct fct_str text, const char *const *word)
{
    for (size_t i = 0; word[i]; i++)
        if (holds(text, word[i]))
            return true;
    return false;
}

/* ---- PDF ---- */

struct pdf_names {
    bool script, trigger, launch, encrypted;
};

static int hex_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* A name behind its slash; "#4a" is a letter written in hexadecimal (ISO 32000 7.3.5). Returns how
 * many bytes it has in the file. */
static size_t pdf_name(struct fct_str rest, char out[NAME_MAX_PDF])
{
    size_t at = 0, n = 0;

    for (; at < rest.n && n + 1 < NAME_MAX_PDF; n++) {
        unsigned char c = (unsigned char)rest.p[at];

        if (c == '#' && rest.n - at > 2 && hex_of(rest.p[at + 1]) >= 0 &&
            hex_of(rest.p[at + 2]) >= 0) {
            out[n] = (char)(hex_of(rest.p[at + 1]) * 16 + hex_of(rest.p[at + 2]));
            at += 3;
        } else if (c <= ' ' || strchr("()<>[]{}/%", c)) {
            break;
        } else {
            out[n] = (char)c;
            at++;
        }
    }
    out[n] = '\0';
    return at;
}

static void pdf_scan(struct fct_str text, struct pdf_names *names)
{
    char name[NAME_MAX_PDF];

    for (size_t at = 0; at < text.n; at++) {
        if (text.p[at] != '/')
            continue;
        at += pdf_name((struct fct_str){text.p + at + 1, text.n - at - 1}, name);
        names->script |= strcmp(name, "JavaScript") == 0 || strcmp(name, "JS") == 0;
        names->trigger |= strcmp(name, "OpenAction") == 0 || strcmp(name, "AA") == 0 ||
                          strcmp(name, "Names") == 0;
        names->launch |= strcmp(name, "Launch") == 0;
        names->encrypted |= strcmp(name, "Encrypt") == 0;
    }
}

/* Names may stand in compressed object streams (ISO 32000 7.5.7): the beginnings of those are
 * unpacked. */
static void pdf_scan_stream(struct fct_str bytes, struct pdf_names *names)
{
    static const size_t max = STREAM_MAX;
    char *out = malloc(max);
    z_stream z = {0};

    if (out && inflateInit(&z) == Z_OK) {
        memcpy(&z.next_in, &bytes.p, sizeof bytes.p);
        z.avail_in = (uInt)(bytes.n < max ? bytes.n : max);
        z.next_out = (Bytef *)out;
        z.avail_out = (uInt)max;
        (void)inflate(&z, Z_SYNC_FLUSH);
        pdf_scan((struct fct_str){out, max - z.avail_out}, names);
        (void)inflateEnd(&z);
    }
    free(out);
}

static void pdf_scan_streams(struct fct_str bytes, struct pdf_names *names)
{
    const char *at = bytes.p, *end = bytes.p + bytes.n;

    for (unsigned i = 0; i < STREAMS_MAX; i++) {
        at = memmem(at, (size_t)(end - at), "/ObjStm", 7);
        at = at ? memmem(at, (size_t)(end - at), "stream", 6) : NULL;
        if (!at)
            return;
        at += 6;
        while (at < end && (*at == '\r' || *at == '\n'))
            at++;
        pdf_scan_stream((struct fct_str){at, (size_t)(end - at)}, names);
    }
}

void attach_pdf_read(struct fct_str bytes, struct attach_pdf *out)
{
    struct pdf_names names = {0};

    bytes = cut(bytes, PDF_MAX);
    pdf_scan(bytes, &names);
    pdf_scan_streams(bytes, &names);
    *out = (struct attach_pdf){.script = names.script && names.trigger,
                               .launch = names.launch,
                               .encrypted = names.encrypted};
}

/* ---- HTML ---- */

static const char *const decodes[] = {"atob(",      "fromcharcode", "unescape(", "charcodeat(",
                                      "frombase64", "uint8array",   NULL};
static const char *const delivers[] = {
    "new blob(", "createobjecturl",  "mssaveoropenblob",  "mssaveblob",
    ".download", "navigator.mssave", "data:application/", NULL};
static const char *const asks[] = {"type=\"password\"", "type='password'", "type=password", NULL};
static const char *const leads[] = {"http-equiv=\"refresh\"", "http-equiv='refresh'",
                                    "http-equiv=refresh",     "location.href",
                                    "location.replace",       "location.assign",
                                    "window.location",        "document.location",
                                    "top.location",           NULL};
static const char *const scripts[] = {
    "<script", "onload=", "onbegin=", "<foreignobject", "javascript:", NULL};

void attach_html_read(struct fct_str bytes, struct attach_html *out)
{
    struct fct_str text = cut(bytes, LOOKED_MAX);
    char *lower = malloc(text.n + 1);

    *out = (struct attach_html){.login = false};
    if (!lower)
        return;
    for (size_t i = 0; i < text.n; i++)
        lower[i] =
            (char)(text.p[i] >= 'A' && text.p[i] <= 'Z' ? text.p[i] + ('a' - 'A') : text.p[i]);
    text.p = lower;
    out->smuggling = holds_any(text, decodes) && holds_any(text, delivers);
    out->login = holds_any(text, asks);
    out->redirect = holds_any(text, leads);
    out->svg = holds(text, "<svg");
    out->script = holds_any(text, scripts);
    free(lower);
}

/* ---- RTF ---- */

bool attach_rtf_has_object(struct fct_str bytes)
{
    static const char *const objects[] = {"\\objdata", "\\objupdate",  "\\objocx",
                                          "\\objemb",  "\\objautlink", NULL};

    return holds_any(cut(bytes, LOOKED_MAX), objects);
}

/* ---- passwords ---- */

/* clang-format off */
static const char *const password_words[] = {
    "assword", "PASSWORD", "asswort", "ennwort", "ot de passe", "ontraseña", "ontrasena", "senha", "Senha", "пароль", "Пароль", "密码", "密碼", "hasło", "Hasło",
    "achtwoord", "lösenord", "Lösenord", "parola", "Parola", "şifre", "Şifre", "パスワード", "passcode", "Passcode", "heslo", "Heslo", "jelszó", "Jelszó", NULL,
};
static const char *const password_is[] = {":", "：", "=", "is ", "ist ", "lautet ", "est ", "es ", "é ", "- ", NULL};
/* clang-format on */

/* What follows the word: perhaps a space, then what says that it comes now, then something. */
static bool is_given(struct fct_str rest)
{
    while (rest.n > 0 && *rest.p == ' ')
        rest.p++, rest.n--;
    for (size_t i = 0; password_is[i]; i++) {
        size_t n = strlen(password_is[i]);

        if (rest.n > n + 2 && memcmp(rest.p, password_is[i], n) == 0)
            return true;
    }
    return false;
}

bool attach_text_gives_password(struct fct_str text)
{
    text = cut(text, LOOKED_MAX);
    for (size_t i = 0; password_words[i]; i++) {
        size_t n = strlen(password_words[i]);
        const char *at = text.p, *end = text.p + text.n;

        while (at && at < end &&
               (at = memmem(at, (size_t)(end - at), password_words[i], n)) != NULL) {
            at += n;
            if (is_given((struct fct_str){at, (size_t)(end - at)}))
                return true;
        }
    }
    return false;
}
