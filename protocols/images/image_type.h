/* image_type.h - which kind of picture bytes are, by how they begin. SVG is none: it is a document
 * with scripts and loads of its own. */
#ifndef PROTOCOLS_IMAGES_IMAGE_TYPE_H
#define PROTOCOLS_IMAGES_IMAGE_TYPE_H

#include <facteur/base.h>

/* "image/gif", jpeg, png, webp, avif, bmp; NULL: none of them. */
const char *image_type(struct fct_str bytes);

/* The value of a Content-Type field: "image/…", whatever comes behind, but not SVG. */
bool image_is_declared(struct fct_str content_type);

#endif
