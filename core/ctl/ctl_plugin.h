/* ctl_plugin.h - for those who write plugins and those who run them: `facteurctl plugin …`.
 * ctl_plugin.c asks and shows, ctl_plugin_new.c makes a project, ctl_plugin_test.c tests one. */
#ifndef CORE_CTL_CTL_PLUGIN_H
#define CORE_CTL_CTL_PLUGIN_H

#include "core/ctl/ctl_cli.h"

int ctl_plugin_new(struct ctl *c);
int ctl_plugin_make(struct ctl *c, bool lua); /* a project of either kind; NAME [DIR] */
int ctl_plugin_test(struct ctl *c);
int ctl_plugin_order(struct ctl *c);
int ctl_plugin_doc(struct ctl *c);
int ctl_plugin_check(struct ctl *c);
int ctl_plugin_diff(struct ctl *c);

/* What CMake must be told to find the package: "" when Facteur is installed, else
 * " -DFacteur_DIR=…" of the build this facteurctl lies in. */
const char *ctl_plugin_package_hint(struct ctl *c);

#endif
