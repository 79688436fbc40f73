/* hook_doc.h - docs/hooks.md from the table. */
#ifndef CORE_HOOK_HOOK_DOC_H
#define CORE_HOOK_HOOK_DOC_H

#include "core/base/buf.h"

void hook_print_markdown(struct buf *out);

#endif
