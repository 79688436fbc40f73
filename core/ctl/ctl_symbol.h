/* ctl_symbol.h - facteurctl symbol: what symbols mean, where they come from, who changes them. */
#ifndef CORE_CTL_CTL_SYMBOL_H
#define CORE_CTL_CTL_SYMBOL_H

#include "core/ctl/ctl_cli.h"

int ctl_symbol_list(struct ctl *c);
int ctl_symbol_show(struct ctl *c); /* without a name: all of them */

#endif
