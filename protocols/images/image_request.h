/* image_request.h - requests of readers' programs: HTTP/1.1 and 1.0, GET and HEAD, no body (RFC
 * 9112). Read line by line and strictly: what could be understood in two ways is refused, so that
 * nothing can be smuggled past a server in front of us. */
#ifndef PROTOCOLS_IMAGES_IMAGE_REQUEST_H
#define PROTOCOLS_IMAGES_IMAGE_REQUEST_H

#include <facteur/base.h>

enum { IMAGE_TARGET_MAX = 4000, IMAGE_FIELDS_MAX = 100 };

struct image_request {
    char target[IMAGE_TARGET_MAX]; /* in origin form: begins with "/" */
    size_t target_length;
    bool head;        /* HEAD: the header of the answer only */
    bool keep;        /* another request may follow */
    unsigned refused; /* 0, or the status to answer with; then the connection ends */
    bool has_line, is_11, has_host;
    unsigned fields;
};

/* Take one line without its line end, which was CRLF; false: the request is complete, well or
 * refused. Start with a struct of zeros. */
bool image_request_line(struct image_request *r, struct fct_str line);

/* Without CR LF; false: the line does not end so. */
FCT_MUST_CHECK bool image_request_strip(struct fct_str *line);

#endif
