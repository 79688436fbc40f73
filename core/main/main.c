/* main.c - the command line, the table of roles, the table of links between them, the table of
 * configuration blocks.
 *
 * The only file that knows everybody; nobody knows it. */
#include "core/base/str.h"
#include "core/ctl/ctl_server.h"
#include "core/hook/filter_role.h"
#include "core/main/conf_blocks.h"
#include "core/main/dev_accounts.h"
#include "core/message/transfer.h"
#include "core/redis/redis_spawn.h"
#include "core/supervisor/dev.h"
#include "core/supervisor/supervisor.h"
#include "core/supervisor/title.h"
#include "protocols/edge_certificate.h"
#include "protocols/edge_conf.h"
#include "protocols/edge_role.h"
#include "protocols/images/images_key.h"
#include "protocols/images/images_role.h"
#include "protocols/milter/milter_role.h"
#include "protocols/relay/relay_role.h"
#include "store/store_role.h"

#include <errno.h>
#include <unistd.h>

#define DEFAULT_CONF   "/etc/facteur/facteur.conf"
#define MAX_CONF_FILES 64

/* In the order they are started: nobody is asked before those it asks are ready. */
static const struct role *const roles[] = {&store_role,  &filter_role, &milter_role, &relay_role,
                                           &images_role, &edge_role,   NULL};

static const struct role_link links[] = {
    {.client = ROLE_EDGE, .server = ROLE_STORE},    {.client = ROLE_EDGE, .server = ROLE_FILTER},
    {.client = ROLE_MILTER, .server = ROLE_FILTER}, {.client = ROLE_RELAY, .server = ROLE_STORE},
    {.client = ROLE_RELAY, .server = ROLE_FILTER},
};

/* Which role accepts at this listener. */
static enum role_kind listener_role(const void *conf)
{
    switch (listener_kind(conf)) {
    case LISTENER_MILTER:
        return ROLE_MILTER;
    case LISTENER_IMAGES:
        return ROLE_IMAGES;
    case LISTENER_MX:
    case LISTENER_SUBMISSION:
    case LISTENER_LMTP:
    case LISTENER_IMAP:
    case LISTENER_POP3:
    case LISTENER_LOCAL:
    case LISTENER_KINDS:
        break;
    }
    return ROLE_EDGE;
}

/* What several processes read and nobody may have made yet. */
static bool provide(const struct config *conf, const char *name, struct fct_err *err)
{
    return edge_certificate_provide(conf, name, err) && images_key_provide(conf, err);
}

static const struct supervisor_setup server = {
    .roles = roles,
    .links = links,
    .nlinks = FCT_COUNT(links),
    .blocks = conf_blocks,
    .listeners = &listener_block,
    .listener_role = listener_role,
    .fixed = conf_blocks_fixed,
    .companion = &redis_companion,
    .provide = provide,
    .control_open = ctl_server_open,
    .control_close = ctl_server_close,
};

static const char help[] =
    "facteur: a mail server\n"
    "\n"
    "  facteur [--conf FILE…]   run the server; default " DEFAULT_CONF "\n"
    "  facteur dev […]          run a complete private server in one folder (facteur dev --help)\n"
    "  facteur scan FILE […]    what the filter would do with a message (facteurctl scan)\n"
    "  facteur --version        say which version this is\n"
    "  facteur --help           this text\n"
    "\n"
    "`facteurctl` administers a running server; `facteurctl config check` reads a configuration "
    "without running one.\n";

static bool is(const char *arg, const char *name)
{
    return str_equal(str_from(arg), str_from(name));
}

static int usage(const char *arg)
{
    (void)fprintf(stderr, "facteur: %s: unknown, or its value is missing (see facteur --help)\n",
                  arg);
    return 2;
}

static int serve(const struct supervisor_setup *base, int argc, char **argv)
{
    struct supervisor_setup setup = *base;
    const char *file[MAX_CONF_FILES];
    size_t n = 0;

    for (int i = 0; i < argc; i++) {
        if (!is(argv[i], "--conf") || i + 1 == argc)
            return usage(argv[i]);
        do
            if (n < MAX_CONF_FILES)
                file[n++] = argv[i + 1];
        while (++i + 1 < argc && argv[i + 1][0] != '-');
    }
    if (n == 0 && access(DEFAULT_CONF, F_OK) == 0)
        file[n++] = DEFAULT_CONF;
    setup.files = file;
    setup.nfiles = n;
    return supervisor_run(&setup);
}

/* `facteur scan …` is `facteurctl scan …`: the one beside this executable, else that of PATH. */
static int run_facteurctl(char **argv)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - sizeof "facteurctl");
    char *name;

    path[n > 0 ? n : 0] = '\0';
    name = strrchr(path, '/');
    if (name) {
        memcpy(name + 1, "facteurctl", sizeof "facteurctl");
        argv[0] = path;
        (void)execv(path, argv);
    }
    (void)execvp("facteurctl", argv);
    (void)fprintf(stderr, "facteur: start facteurctl: %s\n", strerror(errno));
    return 75;
}

int main(int argc, char **argv)
{
    struct supervisor_setup setup = server;
    const struct dev_setup dev = {.server = &setup, .load_accounts = dev_accounts_load};

    if (argc > 1 && is(argv[1], "scan"))
        return run_facteurctl(argv);
    title_init(argc, argv);
    setup.argv0 = argv[0];
    if (argc > 1 && (is(argv[1], "--help") || is(argv[1], "-h"))) {
        (void)fputs(help, stdout);
        return 0;
    }
    if (argc > 1 && is(argv[1], "--version")) {
        (void)printf("facteur %s\n", FACTEUR_VERSION);
        return 0;
    }
    charset_preload(); /* libc loads them from files, which the roles cannot open later */
    if (argc > 1 && is(argv[1], "dev"))
        return dev_main(&dev, argc - 2, argv + 2);
    return serve(&setup, argc - 1, argv + 1);
}
