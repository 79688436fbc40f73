/* ctl_config.h - `facteurctl config …` */
#ifndef CORE_CTL_CTL_CONFIG_H
#define CORE_CTL_CTL_CONFIG_H

struct ctl;

int ctl_config_check(struct ctl *c);
int ctl_config_show(struct ctl *c);
int ctl_config_explain(struct ctl *c);
int ctl_config_docs(struct ctl *c);
int ctl_config_files(struct ctl *c);

#endif
