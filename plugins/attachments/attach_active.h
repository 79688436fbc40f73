/* attach_active.h - signs of documents that do something: PDF, HTML, SVG, RTF; and texts that give
 * a password away. Each scan is linear and looks at a bounded number of bytes. */
#ifndef PLUGINS_ATTACHMENTS_ATTACH_ACTIVE_H
#define PLUGINS_ATTACHMENTS_ATTACH_ACTIVE_H

#include <facteur/base.h>

struct attach_pdf {
    bool script;    /* JavaScript that is started by something */
    bool launch;    /* starts a program */
    bool encrypted; /* asks for a password */
};
void attach_pdf_read(struct fct_str bytes, struct attach_pdf *out);

struct attach_html {
    bool smuggling; /* builds a file from a text and hands it over as a download */
    bool login;     /* asks for a password */
    bool redirect;  /* leads somewhere else by itself */
    bool svg, script;
};
void attach_html_read(struct fct_str bytes, struct attach_html *out);

/* An embedded object, or one that is fetched. */
bool attach_rtf_has_object(struct fct_str bytes);

/* "password: 1234", in the languages such mail is written in. */
bool attach_text_gives_password(struct fct_str text);

#endif
