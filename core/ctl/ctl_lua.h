/* ctl_lua.h - for those who write rules: `facteurctl lua …`. The work is done by lua.so itself
 * (lua/engine/lua_tool.h), the very engine that runs the rules in service, in a child of ours:
 * a rule that kills its process is an answer too. ctl_lua.c tests, tries and lints; ctl_lua_mail.c
 * judges a folder of mail. */
#ifndef CORE_CTL_CTL_LUA_H
#define CORE_CTL_CTL_LUA_H

#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_output.h"
#include "lua/engine/lua_tool.h"

int ctl_lua_test(struct ctl *c);
int ctl_lua_try(struct ctl *c);
int ctl_lua_lint(struct ctl *c);
int ctl_lua_new(struct ctl *c);

/* A message and the conversation that the command line tells, or its header lets guess. */
struct ctl_lua_mail {
    struct lua_tool_mail mail;
    struct fct_str recipient;
};
void ctl_lua_mail(struct ctl *c, struct arena *arena, struct fct_str message,
                  struct ctl_lua_mail *out);

/* What the folder's name says of a message; the nearest one above the file counts. */
enum mail_class { MAIL_SPAM, MAIL_HAM, MAIL_UNSORTED, MAIL_CLASSES };
enum mail_class mail_class_of(struct fct_str path);

/* Every message below `folder` through the rules of `job`: prints, or adds to `answer` (JSON). The
 * exit status. */
int ctl_lua_folder(struct ctl *c, const struct fct_lua_tool *tool, const struct lua_tool_job *job,
                   const char *folder, json_t *answer);

#endif
