/* attach_ole.h - what is in a compound file ([MS-CFB]): old Office documents, vbaProject.bin, and
 * the envelope of encrypted new ones. Only names of streams are read, and macros unpacked far
 * enough to see what starts by itself. */
#ifndef PLUGINS_ATTACHMENTS_ATTACH_OLE_H
#define PLUGINS_ATTACHMENTS_ATTACH_OLE_H

#include <facteur/base.h>

struct attach_ole {
    bool macros;    /* a VBA project */
    bool encrypted; /* an encrypted Office document ([MS-OFFCRYPTO] 2.3) */
    bool autorun;   /* a procedure that runs when the document opens or closes */
    bool broken;    /* begins like one, and is none */
};

void attach_ole_read(struct fct_str bytes, struct attach_ole *out);

/* One compressed container ([MS-OVBA] 2.4.1) at the start of `bytes`; returns how much of `out` was
 * filled. */
size_t attach_ole_unpack(struct fct_str bytes, char *out, size_t max);

#endif
