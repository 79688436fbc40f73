/* tracker_id.h - does a URL say who reads? Either by the reader's address in some disguise, or by a
 * word that can only be a number of somebody or something. */
#ifndef PLUGINS_TRACKERS_TRACKER_ID_H
#define PLUGINS_TRACKERS_TRACKER_ID_H

#include <facteur/base.h>

/* What one address looks like in URLs. */
struct tracker_reader {
    char form[8][512]; /* lower case: as it is, with %40, hexadecimal, MD5, SHA-1, SHA-256 */
    size_t length[8];
    size_t forms;
    bool has_digests; /* made when a URL might hold one */
};

/* False: too long to look for, or no address. */
FCT_MUST_CHECK bool tracker_reader_init(struct tracker_reader *reader, struct fct_str address);

/* target: path and query. Base64 words of it are decoded and looked into as well. */
bool tracker_names_reader(struct tracker_reader *reader, struct fct_str target);

/* A word nobody would choose as a name: letters and digits mixed, many digits, very long, an
 * address. */
bool tracker_has_id(struct fct_str target);

/* Standard and URL-safe alphabet, padding or not; stops at the first other byte. Returns bytes
 * written, at most `room`. */
size_t tracker_base64(struct fct_str in, char *out, size_t room);

#endif
