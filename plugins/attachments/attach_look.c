/* attach_look.c - see attach_look.h. */
#include "attach_look.h"

#include "attach_active.h"
#include "attach_kind.h"
#include "attach_magic.h"
#include "attach_name.h"
#include "attach_ole.h"

/* Below this nobody's memory bursts, however well it was compressed. */
#define BOMB_FROM (16u * 1024u * 1024u)

static void find_if(struct attach_look *look, bool yes, enum attach_finding what,
                    const struct attach_file *file)
{
    if (yes)
        attach_found(look->out, what, file->name.n > 0 ? file->name : file->type);
}

/* ---- archives ---- */

/* Where Office keeps macros in a zip archive (ECMA-376, OpenDocument 1.3 part 2). */
static bool is_macro_member(struct fct_str name)
{
    static const char *const places[] = {"vbaProject.bin", "xl/macrosheets/", "Basic/Standard/"};

    for (size_t i = 0; i < FCT_COUNT(places); i++)
        if (name.n > 0 && memmem(name.p, name.n, places[i], strlen(places[i])))
            return true;
    return false;
}

static void on_member(void *ctx, const struct attach_member *member)
{
    struct attach_look *look = ctx;
    struct attach_file file = {
        .name = member->name, .bytes = member->bytes, .whole = member->bytes.n >= member->size};

    find_if(look, is_macro_member(member->name), ATTACH_MACROS, &file);
    if (!member->folder)
        attach_look_at(look, &file);
}

static void look_into(struct attach_look *look, const struct attach_file *file, bool stream)
{
    const struct attach_rules *rules = look->rules;
    struct attach_listing listing;

    if (look->depth >= rules->depth) {
        find_if(look, true, ATTACH_DEEP, file);
        return;
    }
    look->depth++;
    attach_archive_list(file->bytes, stream, &look->budget, on_member, look, &listing);
    look->depth--;
    find_if(look, listing.encrypted, ATTACH_ENCRYPTED_ARCHIVE, file);
    find_if(look, listing.unreadable && file->whole, ATTACH_UNREADABLE, file);
    find_if(look, listing.unfinished || (listing.unreadable && !file->whole), ATTACH_UNFINISHED,
            file);
    find_if(look,
            listing.size > rules->total ||
                (listing.size > BOMB_FROM && listing.size / rules->ratio > file->bytes.n),
            ATTACH_BOMB, file);
}

/* ---- documents ---- */

static void look_ole(struct attach_look *look, const struct attach_file *file)
{
    struct attach_ole ole;

    attach_ole_read(file->bytes, &ole);
    find_if(look, ole.macros, ATTACH_MACROS, file);
    find_if(look, ole.autorun, ATTACH_MACROS_AUTORUN, file);
    find_if(look, ole.encrypted, ATTACH_ENCRYPTED_DOCUMENT, file);
}

static void look_pdf(struct attach_look *look, const struct attach_file *file)
{
    struct attach_pdf pdf;

    attach_pdf_read(file->bytes, &pdf);
    find_if(look, pdf.script, ATTACH_PDF_SCRIPT, file);
    find_if(look, pdf.launch, ATTACH_PDF_LAUNCH, file);
}

static void look_html(struct attach_look *look, const struct attach_file *file, bool svg)
{
    struct attach_html html;

    attach_html_read(file->bytes, &html);
    find_if(look, !svg, ATTACH_HTML, file);
    find_if(look, html.smuggling, ATTACH_HTML_SMUGGLING, file);
    find_if(look, html.login, ATTACH_HTML_LOGIN, file);
    find_if(look, html.redirect && !svg, ATTACH_HTML_REDIRECT, file);
    find_if(look, svg && html.svg && html.script, ATTACH_SVG_SCRIPT, file);
}

/* ---- one file ---- */

static void look_at_name(struct attach_look *look, const struct attach_file *file,
                         const struct attach_name *name)
{
    bool inside = look->depth > 0;

    attach_name_check(name, file->name, look->out);
    find_if(look,
            attach_listed(inside ? look->rules->forbidden_in_archive : look->rules->forbidden,
                          name->extension),
            inside ? ATTACH_FORBIDDEN_IN_ARCHIVE : ATTACH_FORBIDDEN, file);
}

/* The name decides what opens the file; without one that says it, the declared type does. */
static enum attach_kind claimed_kind(const struct attach_file *file, const struct attach_name *name)
{
    enum attach_kind kind = attach_kind_of_extension(name->extension);

    return kind != KIND_UNKNOWN || name->extension.n > 0 ? kind : attach_kind_of_type(file->type);
}

static enum attach_kind look_at_type(struct attach_look *look, const struct attach_file *file,
                                     enum attach_kind claimed)
{
    char text[ATTACH_TYPE_MAX];
    struct fct_str type;
    enum attach_kind real;
    enum attach_agreement agreement;

    if (look->looks >= look->rules->looks)
        return KIND_UNKNOWN;
    look->looks++;
    type = attach_magic_type(look->rules->magic, file->bytes, text);
    real = attach_kind_of_type(type);
    agreement = attach_kind_compare(claimed, real);
    find_if(look, attach_listed(look->rules->forbidden_types, type),
            look->depth > 0 ? ATTACH_FORBIDDEN_IN_ARCHIVE : ATTACH_FORBIDDEN_TYPE, file);
    find_if(look, agreement == KINDS_LIE, ATTACH_DISGUISED, file);
    find_if(look, agreement == KINDS_DIFFER, ATTACH_MISMATCH, file);
    return real;
}

void attach_look_at(struct attach_look *look, const struct attach_file *file)
{
    struct attach_name name;
    enum attach_kind claimed, real;
    bool svg;

    attach_name_read(file->name, &name);
    look_at_name(look, file, &name);
    claimed = claimed_kind(file, &name);
    if (file->bytes.n == 0)
        return;
    if (attach_now_ms() >= look->budget.until_ms) {
        find_if(look, true, ATTACH_UNFINISHED, file);
        return;
    }
    real = look_at_type(look, file, claimed);
    svg = name.extension.n == 3 && memcmp(name.extension.p, "svg", 3) == 0;
    switch (attach_container_of(file->bytes)) {
    case CONTAINER_ARCHIVE:
        look_into(look, file, false);
        break;
    case CONTAINER_STREAM:
        look_into(look, file, true);
        break;
    case CONTAINER_OLE:
        look_ole(look, file);
        break;
    case CONTAINER_PDF:
        look_pdf(look, file);
        break;
    case CONTAINER_RTF:
        find_if(look, attach_rtf_has_object(file->bytes), ATTACH_RTF_OBJECT, file);
        break;
    case CONTAINER_NONE:
        if (svg || claimed == KIND_HTML || (real == KIND_HTML && claimed != KIND_TEXT))
            look_html(look, file, svg);
        break;
    }
}
