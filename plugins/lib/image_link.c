/* image_link.c - see image_link.h. */
#include "plugins/lib/image_link.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { MAC = 16, MAC_TEXT = 22, FILE_MAX = 4096 };

#define PREFIX "/i/"

/* ---- base64url, no padding                                                    RFC 4648 5 ---- */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t encoded(size_t n)
{
    return n / 3 * 4 + (n % 3 ? n % 3 + 1 : 0);
}

static char *encode(const unsigned char *in, size_t n, char *out)
{
    uint32_t bits = 0;
    unsigned have = 0;

    for (size_t i = 0; i < n; i++) {
        bits = bits << 8 | in[i];
        for (have += 8; have >= 6; have -= 6)
            *out++ = alphabet[bits >> (have - 6) & 63];
    }
    if (have > 0)
        *out++ = alphabet[bits << (6 - have) & 63];
    return out;
}

/* Only what encode() writes. `out` has room for 3/4 of the input. */
static bool decode(struct fct_str in, unsigned char *out, size_t *length)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t n = 0;

    for (size_t i = 0; i < in.n; i++) {
        const char *at = in.p[i] ? strchr(alphabet, in.p[i]) : NULL;

        if (!at)
            return false;
        bits = bits << 6 | (uint32_t)(at - alphabet);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[n++] = (unsigned char)(bits >> have);
        }
    }
    *length = n;
    return have < 6 && (bits & ((1u << have) - 1)) == 0;
}

/* ---- keys ---- */

static bool fails(struct fct_err *err, const char *what, const char *why)
{
    err->class = FCT_DENIED;
    snprintf(err->text, sizeof err->text, "%.150s: %.70s", what, why);
    return false;
}

static bool add_key(struct image_keys *keys, const char *line, size_t n, struct fct_err *err)
{
    if (n < IMAGE_KEY_MIN || n > IMAGE_KEY_MAX)
        return fails(err, "key", "a line of 32 to 128 characters is wanted");
    if (keys->n == IMAGE_KEYS_MAX)
        return fails(err, "key", "at most 4 keys are wanted");
    memcpy(keys->key[keys->n], line, n);
    keys->length[keys->n++] = n;
    return true;
}

bool image_keys_parse(struct fct_str text, struct image_keys *out, struct fct_err *err)
{
    *out = (struct image_keys){0};
    for (size_t at = 0, end; at < text.n; at = end + 1) {
        size_t n;

        for (end = at; end < text.n && text.p[end] != '\n';)
            end++;
        n = end - at;
        if (n > 0 && text.p[end - 1] == '\r')
            n--;
        if (n > 0 && text.p[at] != '#' && !add_key(out, text.p + at, n, err))
            return false;
    }
    return out->n > 0 || fails(err, "key", "there is none in the file");
}

bool image_keys_read(const char *path, struct image_keys *out, struct fct_err *err)
{
    char text[FILE_MAX], why[sizeof err->text];
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(text, 1, sizeof text, f) : 0;
    bool good;

    if (!f)
        return fails(err, path, strerror(errno));
    good = n < sizeof text ? image_keys_parse((struct fct_str){text, n}, out, err)
                           : fails(err, "key", "larger than 4 KiB");
    fclose(f);
    OPENSSL_cleanse(text, sizeof text);
    if (good)
        return true;
    memcpy(why, err->text, sizeof why);
    return fails(err, path, why);
}

/* ---- links ---- */

static bool make_mac(const struct image_keys *keys, size_t i, struct fct_str url,
                     unsigned char out[EVP_MAX_MD_SIZE])
{
    unsigned n = 0;

    return HMAC(EVP_sha256(), keys->key[i], (int)keys->length[i], (const unsigned char *)url.p,
                url.n, out, &n) &&
           n >= MAC;
}

size_t image_link_write(const struct image_keys *keys, struct fct_str url, char *out, size_t room)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    size_t n = sizeof PREFIX - 1 + MAC_TEXT + 1 + encoded(url.n);
    char *at = out;

    if (keys->n == 0 || url.n == 0 || url.n > IMAGE_URL_MAX || n > room ||
        !make_mac(keys, 0, url, mac))
        return 0;
    memcpy(at, PREFIX, sizeof PREFIX - 1);
    at = encode(mac, MAC, at + sizeof PREFIX - 1);
    *at++ = '/';
    encode((const unsigned char *)url.p, url.n, at);
    return n;
}

static bool is_ours(const struct image_keys *keys, struct fct_str url, const unsigned char *mac)
{
    unsigned char own[EVP_MAX_MD_SIZE];
    bool found = false;

    for (size_t i = 0; i < keys->n; i++)
        found |= make_mac(keys, i, url, own) && CRYPTO_memcmp(mac, own, MAC) == 0;
    return found;
}

size_t image_link_read(const struct image_keys *keys, struct fct_str link, char *url)
{
    const size_t head = sizeof PREFIX - 1 + MAC_TEXT + 1;
    unsigned char mac[MAC + 1];
    size_t macs, n;

    if (link.n <= head || link.n > head + encoded(IMAGE_URL_MAX) ||
        memcmp(link.p, PREFIX, sizeof PREFIX - 1) != 0 || link.p[head - 1] != '/' ||
        !decode((struct fct_str){link.p + sizeof PREFIX - 1, MAC_TEXT}, mac, &macs) ||
        !decode((struct fct_str){link.p + head, link.n - head}, (unsigned char *)url, &n))
        return 0;
    return is_ours(keys, (struct fct_str){url, n}, mac) ? n : 0;
}
