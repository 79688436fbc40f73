/* image_link.h - addresses of pictures at our image proxy: written by plugin trackers into pages,
 * read by the role images.
 *
 *   /i/MAC/URL     both in base64url without padding (RFC 4648 5)
 *
 * MAC: the first 16 bytes of HMAC-SHA-256 over the URL. Whoever has no key can ask the proxy for
 * nothing that was not in mail to somebody here. */
#ifndef PLUGINS_LIB_IMAGE_LINK_H
#define PLUGINS_LIB_IMAGE_LINK_H

#include <facteur/base.h>

enum {
    IMAGE_KEYS_MAX = 4,
    IMAGE_KEY_MIN = 32, /* characters */
    IMAGE_KEY_MAX = 128,
    IMAGE_URL_MAX = 2000,
    IMAGE_LINK_MAX = 2700 /* of such a URL */
};

/* The lines of the key file: the first one signs, each of them opens. So a new key is put in front
 * of the old one, and mail that was cleaned before keeps its pictures. */
struct image_keys {
    unsigned char key[IMAGE_KEYS_MAX][IMAGE_KEY_MAX];
    size_t length[IMAGE_KEYS_MAX];
    size_t n;
};

/* `text`: the file; empty lines and those that begin with "#" are passed over. */
FCT_MUST_CHECK bool image_keys_parse(struct fct_str text, struct image_keys *out,
                                     struct fct_err *err);
FCT_MUST_CHECK bool image_keys_read(const char *path, struct image_keys *out, struct fct_err *err);

/* "/i/…" into `out`; its length, 0: the URL or the link is too long. */
size_t image_link_write(const struct image_keys *keys, struct fct_str url, char *out, size_t room);

/* The URL of a link into `url`; its length, 0: not one of ours. Needs IMAGE_URL_MAX of room. */
size_t image_link_read(const struct image_keys *keys, struct fct_str link, char *url);

#endif
