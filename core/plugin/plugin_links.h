/* plugin_links.h - the host functions html, links, url_parse and org_domain. */
#ifndef CORE_PLUGIN_PLUGIN_LINKS_H
#define CORE_PLUGIN_PLUGIN_LINKS_H

#include "core/message/links.h"
#include "core/plugin/plugin_host.h"

size_t message_html(struct fct_call *call, const struct fct_part *part,
                    const struct fct_html_token **first);
size_t message_links(struct fct_call *call, const struct fct_link **first);
bool message_url_parse(struct fct_call *call, struct fct_str text, struct fct_url *out);
struct fct_str message_org_domain(struct fct_call *call, struct fct_str host);

#endif
