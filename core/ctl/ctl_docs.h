/* ctl_docs.h - documents made from the tables that the code uses: `facteurctl log docs`, `hooks
 * docs`, `sandbox docs`. */
#ifndef CORE_CTL_CTL_DOCS_H
#define CORE_CTL_CTL_DOCS_H

struct ctl;

int ctl_log_docs(struct ctl *c);
int ctl_hooks_docs(struct ctl *c);
int ctl_sandbox_docs(struct ctl *c);
int ctl_completion(struct ctl *c);

#endif
