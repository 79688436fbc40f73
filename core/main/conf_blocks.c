/* conf_blocks.c - see conf_blocks.h. In the order of the files in conf.d. */
#include "core/main/conf_blocks.h"

#include "core/dns/dns_conf.h"
#include "core/hook/composite.h"
#include "core/hook/filter_conf.h"
#include "core/hook/history_conf.h"
#include "core/hook/profile.h"
#include "core/http/http_conf.h"
#include "core/plugin/plugin_conf.h"
#include "core/redis/redis_conf.h"
#include "core/state/state_conf.h"
#include "core/supervisor/server_conf.h"
#include "protocols/access/access_conf.h"
#include "protocols/guard.h"
#include "protocols/images/images_conf.h"
#include "protocols/imap/imap_conf.h"
#include "protocols/lmtp/lmtp_conf.h"
#include "protocols/milter/milter_role_conf.h"
#include "protocols/pop3/pop3_conf.h"
#include "protocols/relay/policy/policy_conf.h"
#include "protocols/relay/relay_conf.h"
#include "protocols/smtp/smtp_conf.h"
#include "store/forward_conf.h"
#include "store/store_conf.h"

const struct conf_block *const conf_blocks[] = {
    &server_block,    &listener_block, &tls_block,    &guard_block,  &smtp_block,    &lmtp_block,
    &imap_block,      &pop3_block,     &access_block, &store_block,  &dns_block,     &http_block,
    &redis_block,     &state_block,    &filter_block, &plugin_block, &history_block, &profile_block,
    &composite_block, &lua_block,      &milter_block, &relay_block,  &route_block,   &policy_block,
    &images_block,    &forward_block,  NULL,
};

const struct conf_block *const conf_blocks_fixed[] = {&store_block, NULL};
