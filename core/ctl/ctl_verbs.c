/* ctl_verbs.c - THE table of facteurctl; help, completion and suggestions are made from it. */
#include "core/base/str.h"
#include "core/ctl/ctl_account.h"
#include "core/ctl/ctl_alias.h"
#include "core/ctl/ctl_check.h"
#include "core/ctl/ctl_check_arc.h"
#include "core/ctl/ctl_check_dkim.h"
#include "core/ctl/ctl_check_dmarc.h"
#include "core/ctl/ctl_check_dnsbl.h"
#include "core/ctl/ctl_check_driver.h"
#include "core/ctl/ctl_check_spf.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_config.h"
#include "core/ctl/ctl_dkim.h"
#include "core/ctl/ctl_dmarc.h"
#include "core/ctl/ctl_dns.h"
#include "core/ctl/ctl_docs.h"
#include "core/ctl/ctl_filters.h"
#include "core/ctl/ctl_forward.h"
#include "core/ctl/ctl_history.h"
#include "core/ctl/ctl_learn.h"
#include "core/ctl/ctl_lists.h"
#include "core/ctl/ctl_lua.h"
#include "core/ctl/ctl_plugin.h"
#include "core/ctl/ctl_privacy.h"
#include "core/ctl/ctl_queue.h"
#include "core/ctl/ctl_replay.h"
#include "core/ctl/ctl_scan.h"
#include "core/ctl/ctl_shown.h"
#include "core/ctl/ctl_status.h"
#include "core/ctl/ctl_store.h"
#include "core/ctl/ctl_suppress.h"
#include "core/ctl/ctl_symbol.h"
#include "core/ctl/ctl_tls.h"
#include "core/ctl/ctl_trace.h"

/* clang-format off */
#define QUEUE_FILTERS \
    {"--from", "PART", "part of the sender's address; <> for the null sender"}, \
    {"--to", "PART", "part of a recipient's address"}, \
    {"--domain", "DOMAIN", "a recipient's domain"}, \
    {"--login", "LOGIN", "who submitted it"}, \
    {"--reply", "TEXT", "part of what the other server said last"}, \
    {"--trace", "ID", "the message's id in the log"}, \
    {"--older", "AGE", "arrived longer ago than this: 30m, 12h, 7d"}, \
    {"--newer", "AGE", "arrived since"}, \
    {"--state", "STATE", "ready, active, waiting or held"}
static const struct ctl_option queue_list_options[] = {
    QUEUE_FILTERS,
    {"--limit", "N", "so many at most, the oldest first"},
    {"--mailq", NULL, "as mailq prints it"},
    {0},
};
static const struct ctl_option queue_act_options[] = {
    QUEUE_FILTERS,
    {"--all", NULL, "every message"},
    {0},
};
static const struct ctl_option queue_rules_options[] = {
    {"--hold", NULL, "send nothing there until the rule goes"},
    {"--for", "TIME", "send nothing there for so long: 30m, 2h, 1d"},
    {"--host", "HOST", "send it to this host instead of the MX: NAME, NAME:PORT, [ADDRESS]:PORT"},
    {"--rate", "N", "so many messages a minute at most"},
    {"--why", "TEXT", "a word for those who look later"},
    {"--remove", NULL, "the rule goes"},
    {0},
};
static const struct ctl_option queue_drop_options[] = {
    QUEUE_FILTERS,
    {"--all", NULL, "every message"},
    {"--yes", NULL, "it is meant"},
    {0},
};
static const struct ctl_option suppress_add_options[] = {
    {"--for", "TIME", "for so long: 30d, 12h; else until it is removed"},
    {"--reason", "TEXT", "said to who submits mail to it"},
    {0},
};
static const struct ctl_option remove_options[] = {
    {"--yes", NULL, "do not ask"},
    {0},
};
static const struct ctl_option show_options[] = {
    {"--all", NULL, "defaults too"},
    {0},
};
static const struct ctl_option status_options[] = {
    {"--sandbox", NULL, "what protects each process"},
    {0},
};
static const struct ctl_option stop_options[] = {
    {"--no-wait", NULL, "do not wait until it has ended"},
    {0},
};
static const struct ctl_option check_dns_options[] = {
    {"--type", "TYPE", "only this one, as in MX; else all that mail knows"},
    {"--dns", "ADDRESS@PORT", "ask this resolver"},
    {0},
};
static const struct ctl_option dns_options[] = {
    {"--dns", "ADDRESS@PORT", "ask this resolver"},
    {0},
};
static const struct ctl_option check_dmarc_options[] = {
    {"--spf", "DOMAIN", "SPF passed for this one"},
    {"--dkim", "DOMAIN", "a DKIM signature of this one verified"},
    {"--discovery", "HOW", "walk (RFC 9989), the default, or psl (RFC 7489)"},
    {"--engine", "NAME", "native, or opendmarc for comparison"},
    {"--dns", "ADDRESS@PORT", "ask this resolver"},
    {0},
};
static const struct ctl_option check_spf_options[] = {
    {"--helo", "NAME", "the client's name; else the domain"},
    {"--engine", "NAME", "native, or libspf2 for comparison"},
    {"--dns", "ADDRESS@PORT", "ask this resolver"},
    {0},
};
static const struct ctl_option check_driver_options[] = {
    {"--driver", "NAME", "spf: ip, helo and sender, with tabs between, give result, what decided, explanation"},
    {"--engine", "NAME", "native, or for comparison libspf2 (spf), opendmarc (dmarc)"},
    {"--discovery", "HOW", "dmarc: walk (RFC 9989), the default, or psl (RFC 7489)"},
    {"--dns", "ADDRESS@PORT", "ask this resolver"},
    {0},
};
static const struct ctl_option dns_records_options[] = {
    {"--check", NULL, "is it published? Exit status 1 when something needed is not, 75 when nobody can say"},
    {"--address", "IP", "a public address of this server, repeatable; else those of the mx listeners"},
    {"--rua", "ADDRESS", "where DMARC reports shall go; else dmarc@DOMAIN"},
    {"--tls-rua", "ADDRESS", "where TLS reports shall go; else tls-reports@DOMAIN"},
    {"--mta-sts", "MODE", "the policy's mode: testing (the default), enforce or none"},
    {"--keys", "DIR", "the folder of DKIM keys; else `keys` of plugin dkim"},
    {"--dns", "ADDRESS@PORT", "ask this resolver"},
    {0},
};
static const struct ctl_option dkim_genkey_options[] = {
    {"--type", "TYPE", "rsa (the default) or ed25519"},
    {"--bits", "NUMBER", "of RSA, 1024 to 4096; 2048 when not given"},
    {"--keys", "DIR", "the folder of keys; else `keys` of plugin dkim"},
    {0},
};
static const struct ctl_option dkim_record_options[] = {
    {"--keys", "DIR", "the folder of keys; else `keys` of plugin dkim"},
    {0},
};
static const struct ctl_option dkim_rotate_options[] = {
    {"--keys", "DIR", "the folder of keys; else `keys` of plugin dkim"},
    {"--dns", "ADDRESS@PORT", "ask this resolver"},
    {"--force", NULL, "change over without asking the DNS"},
    {0},
};
static const struct ctl_option dmarc_report_options[] = {
    {"--day", "YYYY-MM-DD", "of which day, in UTC; yesterday when not given"},
    {"--out", "DIR", "where the files go; here when not given"},
    {"--send", NULL, "into the queue; files only with --out"},
    {"--domain", "DOMAIN", "only the report for this one"},
    {"--dns", "ADDRESS@PORT", "ask this resolver"},
    {0},
};
static const struct ctl_option received_options[] = {
    {"--since", "WHEN", "7d, 12h, 2026-01-05 …; 30d when not given"},
    {"--proven", NULL, "only what came in mail that passed DMARC: anybody can send a report"},
    {0},
};
static const struct ctl_option plugin_new_options[] = {
    {"--c", NULL, "in C (the default)"},
    {"--lua", NULL, "a rule in Lua"},
    {0},
};
static const struct ctl_option plugin_test_options[] = {
    {"--plugin", "FILE", "the plugin, a .so, or a rule, a .lua"},
    {0},
};
static const struct ctl_option plugin_check_options[] = {
    {"--milter", NULL, "name the hooks that are not called behind somebody else's MTA; exit status 1 when there are some"},
    {0},
};
static const struct ctl_option scan_options[] = {
    {"--from", "ADDRESS", "sender; <> for none; else Return-Path or From"},
    {"--rcpt", "ADDRESS", "recipient, repeatable; else Delivered-To or To"},
    {"--ip", "ADDRESS", "the client's address"},
    {"--helo", "NAME", "the client's name"},
    {"--client-name", "NAME", "the client's name by DNS, confirmed"},
    {"--tls", "VERSION", "the connection has TLS, as TLSv1.3"},
    {"--login", "ACCOUNT", "who has logged in"},
    {"--role", "ROLE", "mx, submission, lmtp or local; mx when not given"},
    {"--profile", "NAME", "the recipients' scoring profile"},
    {"--setting", "NAME=VALUE", "of the recipients' accounts, repeatable"},
    {"--explain", NULL, "say why: each symbol, what changed the sum, which threshold decided"},
    {"--diff", NULL, "show the header with its edits"},
    {"--record", "FILE", "write down what DNS, Redis and HTTP answered"},
    {"--replay", "FILE", "answer from such a file, ask nobody"},
    {0},
};
static const struct ctl_option history_options[] = {
    {"--from", "ADDRESS", "the envelope's sender, or a domain"},
    {"--to", "ADDRESS", "the first recipient, or a domain"},
    {"--ip", "ADDRESS", "the client's address"},
    {"--action", "ACTION", "keep, tag, greylist, tempfail, junk, quarantine, discard or reject"},
    {"--symbol", "NAME", "this symbol was found"},
    {"--min-score", "NUMBER", "such a score or more"},
    {"--since", "WHEN", "7d, 12h, 2026-01-05 …"},
    {"--id", "ID", "the message with this id"},
    {"--limit", "N", "so many at most; 50 when not given"},
    {"--local", NULL, "only what the server's memory holds"},
    {0},
};
static const struct ctl_option mail_bytes_options[] = {
    {"--account", "ACCOUNT", "this one's copy; else the first"},
    {"--out", "FILE", "write it there, not to standard output"},
    {0},
};
static const struct ctl_option mail_restore_options[] = {
    {"--account", "ACCOUNT", "only this one's copies; else all"},
    {"--original", NULL, "as it came, to the byte: without fields that were added at delivery"},
    {0},
};
static const struct ctl_option mail_clean_options[] = {
    {"--account", "ACCOUNT", "only this one's copies; else all"},
    {0},
};
static const struct ctl_option privacy_report_options[] = {
    {"--user", "ACCOUNT", "of this account's mail; else of all"},
    {"--since", "WHEN", "7d, 2026-01-05 …; 30d when not given. Whole days in UTC"},
    {"--limit", "N", "so many companies and senders; 20 when not given"},
    {0},
};
static const struct ctl_option lists_update_options[] = {
    {"--unsigned", NULL, "take a list without a signature"},
    {"--force", NULL, "also one that is not newer than what is in use"},
    {"--list", "NAME", "which list it is; else the file is called NAME.list"},
    {"--dns", "ADDRESS@PORT", "ask this resolver"},
    {0},
};
static const struct ctl_option lists_sign_options[] = {
    {"--key", "FILE", "the private key, PEM: openssl genpkey -algorithm ed25519 -out FILE"},
    {"--list", "NAME", "which list it is; else the file is called NAME.list"},
    {0},
};
static const struct ctl_option privacy_digest_options[] = {
    {"--now", NULL, "at once, of the last seven days"},
    {"--user", "ACCOUNT", "for this one, whatever it has set; else for all that asked for it"},
    {0},
};
#define LUA_OPTIONS \
    {"--lib", "DIR", "where `require` finds modules"}, \
    {"--answers", "FILE", "a Lua file with answers: dns, redis, http, kv; else nobody answers"}
static const struct ctl_option lua_lint_options[] = {LUA_OPTIONS, {0}};
static const struct ctl_option lua_mail_options[] = {
    LUA_OPTIONS,
    {"--from", "ADDRESS", "sender; else Return-Path or From"},
    {"--rcpt", "ADDRESS", "recipient; else Delivered-To or To"},
    {"--ip", "ADDRESS", "the client's address"},
    {"--helo", "NAME", "the client's name"},
    {0},
};
static const struct ctl_option learn_options[] = {
    {"--account", "ACCOUNT", "teach this user's own database; else the site's"},
    {0},
};
static const struct ctl_option learn_forget_options[] = {
    {"--account", "ACCOUNT", "whose own database; has to be said"},
    {0},
};
static const struct ctl_option learn_status_options[] = {
    {"--account", "ACCOUNT", "of this user's own database; else the site's"},
    {0},
};
static const struct ctl_option replay_options[] = {
    {"--conf", "FILE|DIR", "the configuration to judge by (in front of `replay`: the server's own)"},
    {"--since", "WHEN", "7d, 12h, 2026-01-05 …; 7d when not given"},
    {"--account", "ACCOUNT", "only this one's mail"},
    {"--limit", "N", "stop after so many messages"},
    {"--record", "FILE", "write down what DNS, Redis and HTTP answered"},
    {"--replay", "FILE", "answer from such a file, ask nobody"},
    {0},
};

const struct ctl_verb ctl_verbs[] = {
    {"account", "add", "ADDRESS", 1, 1,
     "make an account; the password is asked for, or is one line on standard input", NEEDS_STORE,
     ctl_account_add, NULL, 0},
    {"account", "passwd", "ADDRESS", 1, 1, "set the password of an account, likewise", NEEDS_STORE,
     ctl_account_passwd, NULL, 0},
    {"account", "list", "", 0, 0, "all accounts with their messages, size and quota", NEEDS_STORE,
     ctl_account_list, NULL, 0},
    {"account", "show", "ADDRESS", 1, 1, "one account and its settings", NEEDS_STORE,
     ctl_account_show, NULL, 0},
    {"account", "set", "ADDRESS NAME=VALUE…", 2, CTL_MAX_WORDS,
     "settings that plugins and rules read at delivery; an empty value removes one", NEEDS_STORE,
     ctl_account_set, NULL, 0},
    {"account", "remove", "ADDRESS", 1, 1, "remove an account and all its mail", NEEDS_STORE,
     ctl_account_remove, remove_options, 0},
    {"alias", "set", "ALIAS TARGET…", 2, CTL_MAX_WORDS,
     "lead an address to accounts; @DOMAIN catches what has no account", NEEDS_STORE, ctl_alias_set,
     NULL, 0},
    {"alias", "list", "", 0, 0, "all aliases", NEEDS_STORE, ctl_alias_list, NULL, 0},
    {"alias", "remove", "ALIAS", 1, 1, "remove an alias", NEEDS_STORE, ctl_alias_remove, NULL, 0},
    {"forward", "confirm", "CODE", 1, 1,
     "the target of an account's forwarding agrees: the code from the message it got", NEEDS_STORE,
     ctl_forward_confirm, NULL, 0},
    {"suppress", "list", "", 0, 0, "addresses elsewhere that do not exist, as their servers said",
     NEEDS_STORE, ctl_suppress_list, NULL, 0},
    {"suppress", "add", "ADDRESS", 1, 1, "refuse mail that is submitted to an address elsewhere",
     NEEDS_STORE, ctl_suppress_add, suppress_add_options, 0},
    {"suppress", "remove", "ADDRESS", 1, 1, "let mail to it go out again", NEEDS_STORE,
     ctl_suppress_remove, NULL, 0},
    {"config", "check", "", 0, 0, "is the configuration right? Loads plugins and rules too",
     NEEDS_NOTHING, ctl_config_check, NULL, 0},
    {"config", "show", "", 0, 0, "what is set, and where", NEEDS_CONF, ctl_config_show,
     show_options, 0},
    {"config", "explain", "BLOCK.KEY", 1, 1, "what a setting means, its default, where it is set",
     NEEDS_CONF, ctl_config_explain, NULL, 0},
    {"config", "docs", "", 0, 0, "print docs/config.md", NEEDS_NOTHING, ctl_config_docs, NULL, 0},
    {"config", "files", "DIR", 1, 1, "write the commented conf.d files", NEEDS_NOTHING,
     ctl_config_files, NULL, 0},
    {"status", "", "", 0, 0, "the processes of the running server", NEEDS_SERVER, ctl_server_status,
     status_options, 0},
    {"metrics", "", "", 0, 0,
     "what plugins, queue and relay did, in the text format of Prometheus", NEEDS_SERVER,
     ctl_metrics, NULL, 0},
    {"reload", "", "", 0, 0, "put a changed configuration in force", NEEDS_SERVER,
     ctl_server_reload, NULL, 0},
    {"stop", "", "", 0, 0, "end the server once its connections are served", NEEDS_SERVER,
     ctl_server_stop, stop_options, 0},
    {"check", "dns", "NAME", 1, 1,
     "what the DNS says about a name or an IP address, asked as a filter asks; exit status 1 when "
     "there is nothing, 75 when nobody can say",
     NEEDS_CONF, ctl_check_dns, check_dns_options, 0},
    {"check", "spf", "DOMAIN|ADDRESS [IP]", 1, 2,
     "may this IP address send mail for a domain? Each step of the evaluation (RFC 7208); without "
     "an address the whole record; exit status 1 when it may not, 75 when nobody can say",
     NEEDS_CONF, ctl_check_spf, check_spf_options, 0},
    {"check", "", "", 0, 0,
     "answer line after line of standard input, each with an empty cache: for public test suites",
     NEEDS_CONF, ctl_check_driver, check_driver_options, 0},
    {"check", "arc", "FILE", 1, 1,
     "the Authenticated Received Chain of a message (RFC 8617; - is standard input), step by step; "
     "exit status 0 pass, 1 not, 75 when the DNS cannot say",
     NEEDS_CONF, ctl_check_arc, dns_options, 0},
    {"check", "dkim", "FILE", 1, 1,
     "the DKIM signatures of a message (- is standard input), step by step; exit status 0 pass, 1 "
     "not, 75 when the DNS cannot say",
     NEEDS_CONF, ctl_check_dkim, dns_options, 0},
    {"check", "dmarc", "DOMAIN", 1, 1,
     "the DMARC policy of an author's domain, step by step; with --spf or --dkim: would that pass? "
     "Exit status 0 yes, 1 no or no policy, 75 when the DNS cannot say",
     NEEDS_CONF, ctl_check_dmarc, check_dmarc_options, 0},
    {"check", "dnsbl", "[ADDRESS|DOMAIN|MAILBOX]", 0, 1,
     "what the lists of plugins dnsbl and urlbl say, each question and answer; without one: do the "
     "lists work? Exit status 1 when it is listed or a list does not work, 75 when a list cannot say",
     NEEDS_CONF, ctl_check_dnsbl, dns_options, 0},
    {"dns", "records", "DOMAIN", 1, 1,
     "what to publish for a domain that is served here, as lines of a zone file; with --check: is it "
     "there?",
     NEEDS_CONF, ctl_dns_records, dns_records_options, 0},
    {"dkim", "genkey", "DOMAIN [SELECTOR]", 1, 2,
     "make a key to sign with, and say what to publish", NEEDS_CONF, ctl_dkim_genkey,
     dkim_genkey_options, 0},
    {"dkim", "record", "DOMAIN", 1, 1, "what to publish for the keys of a domain", NEEDS_CONF,
     ctl_dkim_record, dkim_record_options, 0},
    {"dkim", "rotate", "DOMAIN", 1, 1,
     "make the next keys of a domain and say what to publish; once that is in the DNS, change over",
     NEEDS_CONF, ctl_dkim_rotate, dkim_rotate_options, 0},
    {"history", "", "", 0, 0,
     "what was judged lately, kept or refused, the newest first: from Redis, or from the server's memory",
     NEEDS_FILTER, ctl_history, history_options, 0},
    {"symbol", "list", "", 0, 0,
     "all symbols that enabled plugins and rules can find, with the score that profile default gives",
     NEEDS_FILTER, ctl_symbol_list, NULL, 0},
    {"symbol", "show", "[NAME]", 0, 1,
     "a symbol: its score, group and meaning, where it is written, and what each profile changes, "
     "with file and line",
     NEEDS_FILTER, ctl_symbol_show, NULL, 0},
    {"dmarc", "report", "", 0, 0,
     "make the aggregate reports of a day (RFC 9990) for the domains that ask for them: the report "
     "and the message that carries it; says who gets which file and who does not, and why; exit "
     "status 75 when the DNS cannot say it all",
     NEEDS_CONF, ctl_dmarc_report, dmarc_report_options, 0},
    {"dmarc", "show", "FILE|FOLDER…", 1, CTL_MAX_WORDS,
     "sum up aggregate reports of others (- is standard input): XML, .xml.gz, .zip, or mail that "
     "carries them; exit status 1 when something could not be read",
     NEEDS_NOTHING, ctl_dmarc_show, NULL, 0},
    {"dmarc", "received", "[ADDRESS…]", 0, CTL_MAX_WORDS,
     "sum up the aggregate reports that came by mail to these addresses here; without one, to dmarc@ "
     "each domain: who sends in its name, and does it pass?",
     NEEDS_STORE, ctl_dmarc_received, received_options, 0},
    {"tls", "received", "[ADDRESS…]", 0, CTL_MAX_WORDS,
     "the reports on TLS that came by mail to these addresses here; without one, to tls-reports@ "
     "each domain",
     NEEDS_STORE, ctl_tls_received, received_options, 0},
    {"tls", "show", "FILE…", 1, CTL_MAX_WORDS,
     "reports of others on TLS with our servers (RFC 8460; - is standard input): JSON, .json.gz, or "
     "mail that carries them; exit status 1 when something could not be read",
     NEEDS_NOTHING, ctl_tls_show, NULL, 0},
    {"scan", "", "FILE|FOLDER…", 1, CTL_MAX_WORDS,
     "what the filter would do with a message (- is standard input); exit status 0 keep, 1 junk, 2 "
     "reject, 3 tempfail, 64 usage; of several files or a folder a line each (with --json an object)",
     NEEDS_FILTER, ctl_scan, scan_options, CTL_SCAN_USAGE},
    {"replay", "", "", 0, 0,
     "judge stored mail again by another configuration and list every verdict that changes; asks DNS, Redis and HTTP as that one says",
     NEEDS_STORE_AND_JUDGE, ctl_replay, replay_options, 0},
    {"learn", "spam", "FILE|FOLDER…", 1, CTL_MAX_WORDS,
     "teach the plugins bayes, fuzzy and reputation, those that are enabled, that these messages (files, mbox files, folders, Maildirs) are spam", NEEDS_CONF,
     ctl_learn_spam, learn_options, 0},
    {"learn", "ham", "FILE|FOLDER…", 1, CTL_MAX_WORDS, "likewise, that they are wanted", NEEDS_CONF,
     ctl_learn_ham, learn_options, 0},
    {"learn", "forget", "", 0, 0, "all that a user has taught the plugins bayes, fuzzy and reputation; verdicts on that user's mail are the site's again", NEEDS_CONF,
     ctl_learn_forget, learn_forget_options, 0},
    {"learn", "status", "", 0, 0, "how much a database was taught", NEEDS_CONF, ctl_learn_status,
     learn_status_options, 0},
    {"lists", "update", "FILE|URL", 1, 1,
     "take a newer list whose signature (FILE.sig) is by a pinned key; filters use it within seconds",
     NEEDS_CONF, ctl_lists_update, lists_update_options, 0},
    {"lists", "rollback", "NAME", 1, 1, "go back to the list before", NEEDS_CONF,
     ctl_lists_rollback, NULL, 0},
    {"lists", "list", "", 0, 0, "which lists are in use, their versions, who signed them",
     NEEDS_CONF, ctl_lists_list, NULL, 0},
    {"lists", "sign", "FILE", 1, 1, "sign a list for others: writes FILE.sig, prints the key to pin",
     NEEDS_CONF, ctl_lists_sign, lists_sign_options, 0},
    {"mail", "original", "ID", 1, 1,
     "the message with this log id as it came, to the byte: its signatures verify", NEEDS_STORE,
     ctl_mail_original, mail_bytes_options, 0},
    {"mail", "show", "ID", 1, 1, "the same message as mail programs are given it", NEEDS_STORE,
     ctl_mail_show, mail_bytes_options, 0},
    {"mail", "restore", "ID", 1, 1,
     "show what the plugin trackers took out of it again; it gets a new UID in its mailbox",
     NEEDS_STORE, ctl_mail_restore, mail_restore_options, 0},
    {"mail", "clean", "ID", 1, 1, "the way back: show it as it was delivered", NEEDS_STORE,
     ctl_mail_clean, mail_clean_options, 0},
    {"privacy", "report", "", 0, 0,
     "how many trackers were taken out of mail, of which companies, in whose messages", NEEDS_STORE,
     ctl_privacy_report, privacy_report_options, 0},
    {"queue", "list", "", 0, 0, "mail that waits to be sent to other servers, the oldest first", NEEDS_STORE,
     ctl_queue_list, queue_list_options, 0},
    {"queue", "show", "NUMBER", 1, 1, "one message: its envelope, what each recipient's server said", NEEDS_STORE,
     ctl_queue_show, NULL, 0},
    {"queue", "top", "", 0, 0, "the queue in numbers: how old, for which domains, what is blocked", NEEDS_STORE,
     ctl_queue_top, NULL, 0},
    {"queue", "hold", "[NUMBER…]", 0, CTL_MAX_WORDS, "do not send these until they are released", NEEDS_STORE,
     ctl_queue_hold, queue_act_options, 0},
    {"queue", "release", "[NUMBER…]", 0, CTL_MAX_WORDS, "send what was held", NEEDS_STORE,
     ctl_queue_release, queue_act_options, 0},
    {"queue", "retry", "[NUMBER…]", 0, CTL_MAX_WORDS, "try these now, whenever they are due", NEEDS_STORE,
     ctl_queue_retry, queue_act_options, 0},
    {"queue", "rules", "[DOMAIN]", 0, 1, "standing rules for destinations; with a domain: set or remove one", NEEDS_STORE,
     ctl_queue_rules, queue_rules_options, 0},
    {"queue", "destinations", "", 0, 0, "how each destination does: connections, what waits, when it is tried again", NEEDS_SERVER,
     ctl_queue_destinations, NULL, 0},
    {"queue", "undo", "[NUMBER…]", 0, CTL_MAX_WORDS, "take back what waits for its time and was never tried", NEEDS_STORE,
     ctl_queue_undo, queue_act_options, 0},
    {"queue", "drop", "[NUMBER…]", 0, CTL_MAX_WORDS, "forget these; no bounce, nobody is told", NEEDS_STORE,
     ctl_queue_drop, queue_drop_options, 0},
    {"privacy", "digest", "", 0, 0, "the weekly message to people, without waiting for its day",
     NEEDS_STORE, ctl_privacy_digest, privacy_digest_options, 0},
    {"plugin", "new", "NAME [DIR]", 1, 2, "make a project that builds, tests and loads", NEEDS_NOTHING,
     ctl_plugin_new, plugin_new_options, 0},
    {"plugin", "test", "DIR", 1, 1, "run the scenarios *.test of a folder in the server's engine",
     NEEDS_NOTHING, ctl_plugin_test, plugin_test_options, 0},
    {"plugin", "check", "NAME|FILE…", 1, CTL_MAX_WORDS,
     "does it load, with its block of the configuration? Which hooks has it?", NEEDS_CONF,
     ctl_plugin_check, plugin_check_options, 0},
    {"plugin", "doc", "NAME|FILE", 1, 1, "its settings, symbols and hooks, as Markdown", NEEDS_CONF,
     ctl_plugin_doc, NULL, 0},
    {"plugin", "order", "", 0, 0, "the plan that really runs, point by point", NEEDS_FILTER,
     ctl_plugin_order, NULL, 0},
    {"plugin", "diff", "", 0, 0, "what those with mode = shadow would have done", NEEDS_SERVER,
     ctl_plugin_diff, NULL, 0},
    {"lua", "new", "NAME [DIR]", 1, 2, "make a rule with its test", NEEDS_NOTHING, ctl_lua_new, NULL, 0},
    {"lua", "test", "RULE.lua [FOLDER]", 1, 2,
     "run the rule's own test; with a folder of mail (spam/ and ham/ in it): hits, precision, recall, false positives, time",
     NEEDS_CONF, ctl_lua_test, lua_mail_options, 0},
    {"lua", "try", "EXPRESSION FILE", 2, 2, "what an expression gives for a message, as 'm.from.domain'",
     NEEDS_CONF, ctl_lua_try, lua_mail_options, 0},
    {"lua", "lint", "FILE…", 1, CTL_MAX_WORDS,
     "unknown globals, slow patterns, rules without a sentence or a test; exit status 1 when there is something to say",
     NEEDS_CONF, ctl_lua_lint, lua_lint_options, 0},
    {"trace", "", "ID", 1, 1, "why the message with this log id was treated so", NEEDS_STORE,
     ctl_trace, NULL, 0},
    {"store", "check", "", 0, 0,
     "read and verify every record and every body; exit status 1 when something is damaged",
     NEEDS_STORE, ctl_store_check, NULL, 0},
    {"store", "status", "", 0, 0, "how much is kept, and how busy the store is", NEEDS_STORE,
     ctl_store_status, NULL, 0},
    {"log", "docs", "", 0, 0, "print docs/log.md", NEEDS_NOTHING, ctl_log_docs, NULL, 0},
    {"hooks", "docs", "", 0, 0, "print docs/hooks.md", NEEDS_NOTHING, ctl_hooks_docs, NULL, 0},
    {"sandbox", "docs", "", 0, 0, "print what each role may touch", NEEDS_NOTHING, ctl_sandbox_docs,
     NULL, 0},
    {"completion", "", "", 0, 0, "print a completion for bash", NEEDS_NOTHING, ctl_completion, NULL,
     0},
    {0},
};
/* clang-format on */

static const char introduction[] =
    "facteurctl: administers Facteur\n\n"
    "  --dir DIR      the folder of a `facteur dev` server; else the system's server\n"
    "  --conf FILE    its configuration, repeatable; else /etc/facteur/facteur.conf\n"
    "  --run-dir DIR  where its control socket is; else server.run_dir\n"
    "  --json         answer in JSON\n\n";
static const char conclusion[] =
    "\nAccounts, aliases, mail, privacy, store, scan, replay, trace and received reports work "
    "without a running server too.\n"
    "Exit status: 0 done, 1 no or failed, 2 wrong usage, 75 try again later.\n";

static void put_usage(const struct ctl_verb *v, struct buf *out)
{
    buf_printf(out, "  %s%s%s%s%s\n        %s\n", v->noun, *v->verb ? " " : "", v->verb,
               *v->words ? " " : "", v->words, v->help);
    for (const struct ctl_option *o = v->options; o && o->name; o++)
        buf_printf(out, "        %s%s%-*s %s\n", o->name, o->value ? " " : "",
                   (int)(17 - strlen(o->name) - (o->value != NULL)), o->value ? o->value : "",
                   o->help);
}

void ctl_print_help(const struct ctl_verb *verb, struct buf *out)
{
    if (verb) {
        put_usage(verb, out);
        return;
    }
    buf_put_c(out, introduction);
    for (const struct ctl_verb *v = ctl_verbs; v->noun; v++)
        put_usage(v, out);
    buf_put_c(out, conclusion);
}

void ctl_print_noun_help(const char *noun, struct buf *out)
{
    for (const struct ctl_verb *v = ctl_verbs; v->noun; v++)
        if (str_equal(str_from(noun), str_from(v->noun)))
            put_usage(v, out);
}

/* ---- suggestions ---- */

enum { LONGEST_WORD = 63, MAX_EDITS = 2 };

/* Letters to insert, drop or change (Levenshtein), one row of the table at a time. */
static unsigned distance(struct fct_str a, struct fct_str b)
{
    unsigned row[LONGEST_WORD + 1];

    for (unsigned j = 0; j <= b.n; j++)
        row[j] = j;
    for (size_t i = 0; i < a.n; i++) {
        unsigned diagonal = row[0];

        row[0] = (unsigned)i + 1;
        for (size_t j = 0; j < b.n; j++) {
            unsigned change = diagonal + (a.p[i] != b.p[j]), insert = row[j] + 1,
                     drop = row[j + 1] + 1;

            diagonal = row[j + 1];
            row[j + 1] = change < insert ? change : insert;
            if (drop < row[j + 1])
                row[j + 1] = drop;
        }
    }
    return row[b.n];
}

const char *ctl_nearest(const char *word, const char *const *words, size_t n)
{
    struct fct_str wanted = str_from(word);
    unsigned least = MAX_EDITS + 1;
    const char *best = NULL;

    for (size_t i = 0; i < n && wanted.n <= LONGEST_WORD; i++) {
        struct fct_str known = str_from(words[i]);
        unsigned d = known.n == 0 || known.n > LONGEST_WORD ? least : distance(wanted, known);

        if (d < least && d < known.n) {
            least = d;
            best = words[i];
        }
    }
    return best;
}
