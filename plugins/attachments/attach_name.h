/* attach_name.h - tricks in the names of files. */
#ifndef PLUGINS_ATTACHMENTS_ATTACH_NAME_H
#define PLUGINS_ATTACHMENTS_ATTACH_NAME_H

#include <facteur/conf.h>

#include "attach_finding.h"

#define ATTACH_NAME_MAX 255u

/* A name as the machine sees it that opens the file: the last component, in lower case, without
 * what is not shown, and without the dots and spaces at its end that Windows drops. */
struct attach_name {
    char text[ATTACH_NAME_MAX];
    size_t n;
    struct fct_str extension; /* behind the last dot; empty */
    struct fct_str inner;     /* "pdf" of "bill.pdf.exe"; empty */
    bool overrides;           /* characters that turn the direction of what follows */
    bool hides;               /* characters without a shape, control characters, rows of spaces */
};

/* `out` holds views of itself: it is not to be copied. */
void attach_name_read(struct fct_str name, struct attach_name *out);

/* Is the word, in lower case, in the list, whose items may begin with a dot? */
bool attach_listed(const struct fct_strings *list, struct fct_str word);

/* What the name alone gives away. `shown` is the name for people. */
void attach_name_check(const struct attach_name *name, struct fct_str shown,
                       struct attach_findings *out);

#endif
