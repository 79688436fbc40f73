/* attach_kind.h - what sort of thing a file is, by its name, its declared type, its content; and
 * whether they agree. */
#ifndef PLUGINS_ATTACHMENTS_ATTACH_KIND_H
#define PLUGINS_ATTACHMENTS_ATTACH_KIND_H

#include <facteur/base.h>

enum attach_kind {
    KIND_UNKNOWN,
    KIND_PROGRAM,
    KIND_SCRIPT,
    KIND_SHORTCUT,
    KIND_OFFICE,
    KIND_PDF,
    KIND_IMAGE,
    KIND_SOUND,
    KIND_VIDEO,
    KIND_TEXT,
    KIND_HTML,
    KIND_ARCHIVE,
    KIND_DISK,
    KINDS
};

/* `extension` in lower case, without the dot. */
enum attach_kind attach_kind_of_extension(struct fct_str extension);
/* `type` as "image/png", in lower case. */
enum attach_kind attach_kind_of_type(struct fct_str type);

/* Something people open without thinking: pictures, documents, texts. */
bool attach_kind_is_harmless(enum attach_kind kind);

enum attach_agreement { KINDS_AGREE, KINDS_DIFFER, KINDS_LIE };
/* LIE: what runs pretends to be what only shows. */
enum attach_agreement attach_kind_compare(enum attach_kind claimed, enum attach_kind real);

/* What holds other files, and what macros live in: known by the first bytes. */
enum attach_container {
    CONTAINER_NONE,
    CONTAINER_ARCHIVE, /* with a table of members of its own */
    CONTAINER_STREAM,  /* one compressed file, perhaps a tar */
    CONTAINER_OLE,     /* compound file: old Office, vbaProject.bin */
    CONTAINER_PDF,
    CONTAINER_RTF,
};
enum attach_container attach_container_of(struct fct_str bytes);

#endif
