/* dns_name.c - see dns_name.h. */
#include "core/dns/dns_name.h"

#include "core/base/str.h"
#include "core/base/utf8.h"

#include <idn2.h>

#define LABEL_MAX 63u
#define WIRE_MAX  255u

/* ---- text ---- */

static void put_byte(struct dns_name *out, unsigned char c)
{
    char *to = out->text + out->n;

    if (c > 0x20 && c < 0x7f && c != '.' && c != '\\') {
        *to = char_lower((char)c);
        out->n++;
        return;
    }
    to[0] = '\\';
    to[1] = (char)('0' + c / 100);
    to[2] = (char)('0' + c / 10 % 10);
    to[3] = (char)('0' + c % 10);
    out->n += 4;
}

static void put_label(struct dns_name *out, struct fct_str label)
{
    if (out->n > 0)
        out->text[out->n++] = '.';
    for (size_t i = 0; i < label.n; i++)
        put_byte(out, (unsigned char)label.p[i]);
    out->text[out->n] = '\0';
}

/* U-label to A-label. IDNA 2008 without the mappings of old; lower case and NFC first. */
static bool to_ascii(struct fct_str label, char ascii[LABEL_MAX + 1], struct fct_err *err)
{
    char utf8[4 * LABEL_MAX + 1];
    uint8_t *made = NULL;
    int code;

    if (label.n >= sizeof utf8 || !utf8_is_valid(label))
        return fct_fail(err, FCT_SYNTAX, "a label is neither ASCII nor UTF-8, or is too long");
    str_copy_c(utf8, sizeof utf8, label);
    code = idn2_lookup_u8((const uint8_t *)utf8, &made, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (code == IDN2_OK && strlen((const char *)made) <= LABEL_MAX &&
        !strchr((const char *)made, '.')) {
        str_copy_c(ascii, LABEL_MAX + 1, str_from((const char *)made));
        idn2_free(made);
        return true;
    }
    idn2_free(made);
    return fct_fail(err, FCT_SYNTAX, "a label is no internationalised one: %s",
                    code == IDN2_OK ? "it becomes more than one" : idn2_strerror(code));
}

bool dns_name_parse(struct fct_str text, struct dns_name *out, struct fct_err *err)
{
    struct fct_str rest = text;
    char ascii[LABEL_MAX + 1];
    size_t wire = 1;

    *out = (struct dns_name){.n = 0};
    if (text.n > 0 && text.p[text.n - 1] == '.')
        rest.n--;
    if (text.n == 1 && rest.n == 0)
        return true; /* the root */
    do {
        struct fct_str label = str_split(&rest, '.');

        if (!str_is_ascii(label)) {
            if (!to_ascii(label, ascii, err))
                return false;
            label = str_from(ascii);
        }
        if (label.n == 0 || label.n > LABEL_MAX || memchr(label.p, 0, label.n))
            return fct_fail(err, FCT_SYNTAX, "a label is empty, over %u bytes or has a NUL in it",
                            LABEL_MAX);
        wire += label.n + 1;
        if (wire > WIRE_MAX)
            return fct_fail(err, FCT_SYNTAX, "the name is longer than %u bytes", WIRE_MAX - 2);
        put_label(out, label);
    } while (rest.p);
    return true;
}

/* ---- the wire ---- */

/* Where a name goes on, and how much of it there is. */
struct name_walk {
    size_t at, lowest; /* a pointer must lead below `lowest` */
    size_t wire;
    bool jumped;
};

static bool follow_pointer(struct fct_str message, struct name_walk *walk, size_t *after)
{
    const uint8_t *byte = (const uint8_t *)message.p;
    size_t target;

    if (walk->at + 2 > message.n)
        return false;
    target = (size_t)(byte[walk->at] & 0x3f) << 8 | byte[walk->at + 1];
    if (!walk->jumped)
        *after = walk->at + 2;
    if (target >= walk->lowest)
        return false;
    walk->jumped = true;
    walk->at = walk->lowest = target;
    return true;
}

static bool take_label(struct fct_str message, struct name_walk *walk, struct dns_name *out,
                       struct dns_wire_name *wire)
{
    size_t length = (uint8_t)message.p[walk->at];

    if (length > LABEL_MAX || length > message.n - walk->at - 1 ||
        walk->wire + length + 1 > WIRE_MAX)
        return false;
    if (wire) {
        memcpy(wire->byte + wire->n, message.p + walk->at, length + 1);
        wire->n += length + 1;
    }
    if (length > 0)
        put_label(out, (struct fct_str){message.p + walk->at + 1, length});
    walk->wire += length + 1;
    walk->at += length + 1;
    return true;
}

bool dns_name_read(struct fct_str message, size_t *at, struct dns_name *out,
                   struct dns_wire_name *wire)
{
    struct name_walk walk = {.at = *at, .lowest = *at};
    size_t after = 0;
    uint8_t length;

    *out = (struct dns_name){.n = 0};
    if (wire)
        wire->n = 0;
    do {
        if (walk.at >= message.n)
            return false;
        length = (uint8_t)message.p[walk.at];
        if (length >= 0xc0) {
            if (!follow_pointer(message, &walk, &after))
                return false;
        } else if (!take_label(message, &walk, out, wire)) {
            return false;
        }
    } while (length != 0);
    *at = walk.jumped ? after : walk.at;
    return true;
}
