/* attach_finding.h - what can be found in the attachments of one message. */
#ifndef PLUGINS_ATTACHMENTS_ATTACH_FINDING_H
#define PLUGINS_ATTACHMENTS_ATTACH_FINDING_H

#include <facteur/base.h>

enum attach_finding {
    ATTACH_FORBIDDEN,
    ATTACH_FORBIDDEN_TYPE,
    ATTACH_FORBIDDEN_IN_ARCHIVE,
    ATTACH_DISGUISED,
    ATTACH_MISMATCH,
    ATTACH_DOUBLE_EXTENSION,
    ATTACH_BIDI_NAME,
    ATTACH_HIDDEN_NAME,
    ATTACH_ENCRYPTED_ARCHIVE,
    ATTACH_ENCRYPTED_DOCUMENT,
    ATTACH_BOMB,
    ATTACH_DEEP,
    ATTACH_UNREADABLE,
    ATTACH_UNFINISHED,
    ATTACH_MACROS,
    ATTACH_MACROS_AUTORUN,
    ATTACH_RTF_OBJECT,
    ATTACH_PDF_SCRIPT,
    ATTACH_PDF_LAUNCH,
    ATTACH_HTML,
    ATTACH_HTML_SMUGGLING,
    ATTACH_HTML_LOGIN,
    ATTACH_HTML_REDIRECT,
    ATTACH_SVG_SCRIPT,
    ATTACH_FINDINGS
};

#define ATTACH_DETAIL_MAX 120u

/* The first name of each kind of finding is kept, to be shown. */
struct attach_findings {
    struct {
        uint32_t times;
        size_t length;
        char detail[ATTACH_DETAIL_MAX];
    } of[ATTACH_FINDINGS];
};

static inline void attach_found(struct attach_findings *f, enum attach_finding what,
                                struct fct_str detail)
{
    if (f->of[what].times++ > 0)
        return;
    f->of[what].length = detail.n < ATTACH_DETAIL_MAX ? detail.n : ATTACH_DETAIL_MAX;
    if (f->of[what].length > 0)
        memcpy(f->of[what].detail, detail.p, f->of[what].length);
}

static inline bool attach_has(const struct attach_findings *f, enum attach_finding what)
{
    return f->of[what].times > 0;
}

#endif
