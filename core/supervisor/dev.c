/* dev.c - reads the arguments of `facteur dev`, writes the configuration that follows from them,
 * runs the server, loads accounts and says `ready`. */
#include "core/supervisor/dev.h"

#include "core/base/str.h"
#include "core/net/tls.h"
#include "core/supervisor/server_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_CONF_FILES   64
#define MAX_ACCOUNT_FILE (64u << 20)
#define HIGHEST_OFFSET   995u
#define DEFAULT_BASE     10000u
#define GENERATED        "# Written by `facteur dev`"

static const char default_accounts[] = "alice@example.test:secret\nbob@example.test:secret\n";

static const char help[] =
    "facteur dev: a complete private mail server in one folder, on this machine only\n"
    "\n"
    "  --dir DIR            where everything is kept (./facteur-dev)\n"
    "  --base-port N        ports N+25 (SMTP), N+587 and N+465 (submission), N+24 (LMTP), N+143 "
    "and N+993 (IMAP),\n"
    "                       N+110 and N+995 (POP3), N+89 (milter); default 10000\n"
    "  --accounts FILE      lines of address:password; default: alice and bob @example.test, "
    "password secret\n"
    "  --conf FILE…         more configuration, later wins; the generated one is DIR/facteur.conf\n"
    "  --dns ADDRESS@PORT   the resolver that plugins and rules ask; default: the system's\n"
    "  --route FILE         lines of DOMAIN 127.0.0.1:PORT: mail for that domain goes there; "
    "nothing "
    "else leaves\n"
    "                       this machine. Mail to fail4xx, fail5xx, slow or greylist@outside.test "
    "does what\n"
    "                       its name says\n"
    "  --bench-target FILE  write there how a load generator reaches this server\n"
    "\n"
    "Prints `ready` when every port accepts and all accounts are there. Ctrl-C or SIGTERM ends "
    "it.\n"
    "`facteurctl --dir DIR …` administers it.\n";

struct dev {
    const struct dev_setup *setup;
    char dir[PATH_MAX]; /* absolute */
    unsigned base;
    const char *dir_arg, *accounts_file, *dns, *route, *bench_target;
    const char *conf[MAX_CONF_FILES]; /* conf[0] is the generated one */
    size_t confs;
    char generated[PATH_MAX + 16];
    struct buf accounts;
};

/* ---- arguments ---- */

static bool take_base(struct dev *dev, const char *text, struct fct_err *err)
{
    uint32_t n;

    if (!str_to_u32(str_from(text), &n) || n > 65535 - HIGHEST_OFFSET)
        return fct_fail(err, FCT_SYNTAX, "--base-port %s: must be 0 to %u", text,
                        65535 - HIGHEST_OFFSET);
    dev->base = n;
    return true;
}

static bool take_dns(struct dev *dev, const char *text, struct fct_err *err)
{
    struct fct_str address = str_from(text);
    ptrdiff_t at = str_find_last_char(address, '@');
    uint32_t port;

    if (at <= 0 || !str_to_u32(str_skip(address, (size_t)at + 1), &port) || port == 0 ||
        port > 65535 || strpbrk(text, "\"\\\n"))
        return fct_fail(err, FCT_SYNTAX, "--dns %s: must be ADDRESS@PORT, as in 127.0.0.1@5353",
                        text);
    dev->dns = text;
    return true;
}

static bool take_route(struct dev *dev, const char *file, struct fct_err *err)
{
    static char path[PATH_MAX];

    if (!realpath(file, path) || access(path, R_OK) != 0)
        return fct_fail(err, FCT_SYNTAX, "--route %s: %s", file, strerror(errno));
    if (strpbrk(path, "\"\\\n"))
        return fct_fail(err, FCT_SYNTAX, "--route %s: cannot be used as a file's name here", file);
    dev->route = path;
    return true;
}

static bool take_conf(struct dev *dev, const char *file, struct fct_err *err)
{
    if (dev->confs == MAX_CONF_FILES)
        return fct_fail(err, FCT_LIMIT, "more than %d configuration files", MAX_CONF_FILES - 1);
    if (access(file, R_OK) != 0)
        return fct_fail(err, FCT_SYNTAX, "--conf %s: %s", file, strerror(errno));
    dev->conf[dev->confs++] = file;
    return true;
}

static bool is(const char *arg, const char *name)
{
    return str_equal(str_from(arg), str_from(name));
}

/* --conf takes every word up to the next option. */
static bool take_arguments(struct dev *dev, int argc, char **argv, struct fct_err *err)
{
    for (int i = 0; i < argc; i++) {
        const char *name = argv[i];

        if (i + 1 == argc || argv[i + 1][0] == '\0')
            return fct_fail(err, FCT_SYNTAX, "%s: %s", name,
                            name[0] == '-' ? "unknown, or its value is missing" : "not an option");
        if (is(name, "--dir"))
            dev->dir_arg = argv[++i];
        else if (is(name, "--accounts"))
            dev->accounts_file = argv[++i];
        else if (is(name, "--bench-target"))
            dev->bench_target = argv[++i];
        else if (is(name, "--base-port")) {
            if (!take_base(dev, argv[++i], err))
                return false;
        } else if (is(name, "--dns")) {
            if (!take_dns(dev, argv[++i], err))
                return false;
        } else if (is(name, "--route")) {
            if (!take_route(dev, argv[++i], err))
                return false;
        } else if (is(name, "--conf")) {
            do
                if (!take_conf(dev, argv[++i], err))
                    return false;
            while (i + 1 < argc && argv[i + 1][0] != '-');
        } else
            return fct_fail(err, FCT_SYNTAX, "unknown option %s (see facteur dev --help)", name);
    }
    return true;
}

/* ---- the folder ---- */

static bool make_folder(const char *dir, const char *name, struct fct_err *err)
{
    char path[PATH_MAX + 16];

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return fct_fail(err, FCT_TEMP, "create %s: %s", path, strerror(errno));
    return true;
}

static bool make_folders(struct dev *dev, struct fct_err *err)
{
    if (mkdir(dev->dir_arg, 0700) != 0 && errno != EEXIST)
        return fct_fail(err, FCT_TEMP, "create %s: %s", dev->dir_arg, strerror(errno));
    if (!realpath(dev->dir_arg, dev->dir))
        return fct_fail(err, FCT_TEMP, "%s: %s", dev->dir_arg, strerror(errno));
    if (strlen(dev->dir) > PATH_MAX - 64 || strpbrk(dev->dir, "\"\\\n"))
        return fct_fail(err, FCT_SYNTAX, "%s: cannot be used as a folder's name here",
                        dev->dir_arg);
    return make_folder(dev->dir, "data", err) && make_folder(dev->dir, "run", err) &&
           make_folder(dev->dir, "tls", err);
}

static bool make_certificate(const struct dev *dev, struct fct_err *err)
{
    char certificate[PATH_MAX + 16], key[PATH_MAX + 16];

    (void)snprintf(certificate, sizeof certificate, "%s/tls/cert.pem", dev->dir);
    (void)snprintf(key, sizeof key, "%s/tls/key.pem", dev->dir);
    return tls_self_sign(certificate, key, "localhost", err);
}

static bool read_accounts(struct dev *dev, struct fct_err *err)
{
    char block[65536];
    ssize_t n;
    int fd;

    dev->accounts = BUF_INIT(MAX_ACCOUNT_FILE);
    if (!dev->accounts_file) {
        buf_put_c(&dev->accounts, default_accounts);
        return true;
    }
    fd = open(dev->accounts_file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fct_fail(err, FCT_TEMP, "--accounts %s: %s", dev->accounts_file, strerror(errno));
    while ((n = read(fd, block, sizeof block)) > 0)
        buf_put(&dev->accounts, block, (size_t)n);
    close(fd);
    if (n < 0 || dev->accounts.overflow)
        return fct_fail(err, FCT_TEMP, "--accounts %s: cannot be read, or is over %u bytes",
                        dev->accounts_file, MAX_ACCOUNT_FILE);
    return true;
}

/* ---- the configuration ---- */

/* clang-format off */
static const struct {
    const char *label;
    unsigned offset;
    const char *protocol, *role, *tls;
} listeners[] = {
    {"smtp",        25,  "smtp", "mx",         "starttls"},
    {"submission",  587, "smtp", "submission", "starttls"},
    {"submissions", 465, "smtp", "submission", "implicit"},
    {"lmtp",        24,  "lmtp", NULL,         "starttls"},
    {"imap",        143, "imap", NULL,         "starttls"},
    {"imaps",       993, "imap", NULL,         "implicit"},
    {"pop3",        110, "pop3", NULL,         "starttls"},
    {"pop3s",       995, "pop3", NULL,         "implicit"},
    {"milter",      89,  "milter", NULL,       "none"},
};
/* clang-format on */

static bool has_plugin(const struct server_paths *paths, const char *name)
{
    char file[PATH_MAX];
    int n = snprintf(file, sizeof file, "%s/%s.so", paths->plugin_dir, name);

    return n > 0 && (size_t)n < sizeof file && access(file, R_OK) == 0;
}

static void put_filters(const struct dev *dev, struct buf *out)
{
    struct server_paths paths;

    server_paths_find(&(struct server_conf){.name = "", .plugin_dir = "", .lua_dir = ""},
                      dev->setup->server->argv0, &paths);
    buf_put_c(out, "plugin headers { }\n");
    if (has_plugin(&paths, "trackers"))
        buf_put_c(out, "plugin trackers { }\n");
    if (access(paths.lua_dir, X_OK) == 0 && !strpbrk(paths.lua_dir, "\"\\\n"))
        buf_printf(out, "lua { file = \"%s/filters/*.lua\" }\n", paths.lua_dir);
}

#define LOCAL_SOCKET "submit.sock"

/* For sendmail; in a folder whose name leaves room for that of a socket. */
static void put_local(const struct dev *dev, struct buf *out)
{
    struct sockaddr_un name;

    if (strlen(dev->dir) + sizeof "/run/" LOCAL_SOCKET <= sizeof name.sun_path)
        buf_printf(out,
                   "listener local { address = [\"unix:%s/run/" LOCAL_SOCKET
                   "\"]  protocol = smtp  role = local  tls = none  mode = \"0666\" }\n",
                   dev->dir);
}

static void put_configuration(const struct dev *dev, struct buf *out)
{
    buf_printf(out,
               GENERATED
               " and written again at its next start as long as this line stays here;\n"
               "# your own settings go into a file of their own: facteur dev --conf FILE\n"
               "server {\n"
               "    name = localhost\n"
               "    data_dir = \"%s/data\"\n"
               "    run_dir = \"%s/run\"\n"
               "    log_file = \"%s/facteur.log\"\n",
               dev->dir, dev->dir, dev->dir);
    buf_printf(out,
               "}\n"
               "tls {\n"
               "    certificate = \"%s/tls/cert.pem\"\n"
               "    key = \"%s/tls/key.pem\"\n"
               "}\n",
               dev->dir, dev->dir);
    if (dev->dns)
        buf_printf(out, "dns { server = [\"%s\"] }\n", dev->dns);
    if (dev->route)
        buf_printf(out, "relay { routes = \"%s\" }\n", dev->route);
    for (size_t i = 0; i < FCT_COUNT(listeners); i++) {
        buf_printf(out, "listener %s { address = [\"127.0.0.1:%u\"]  protocol = %s",
                   listeners[i].label, dev->base + listeners[i].offset, listeners[i].protocol);
        if (listeners[i].role)
            buf_printf(out, "  role = %s", listeners[i].role);
        buf_printf(out, "  tls = %s  plain_login = yes }\n", listeners[i].tls);
    }
    put_local(dev, out);
    put_filters(dev, out);
}

/* A file that a person has made their own is left alone. */
static bool is_ours(const char *path)
{
    char start[sizeof GENERATED];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return true;
    n = read(fd, start, sizeof GENERATED - 1);
    close(fd);
    return n == 0 || (n > 0 && str_equal((struct fct_str){start, (size_t)n}, FCT_STR(GENERATED)));
}

static bool write_file(const char *path, struct fct_str text, struct fct_err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool ok = fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n;
    int error = errno;

    if (fd >= 0)
        close(fd);
    return ok || fct_fail(err, FCT_TEMP, "write %s: %s", path, strerror(error));
}

static bool write_configuration(struct dev *dev, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(256 << 10);

    (void)snprintf(dev->generated, sizeof dev->generated, "%s/facteur.conf", dev->dir);
    dev->conf[0] = dev->generated;
    if (!is_ours(dev->generated))
        return true;
    put_configuration(dev, &text);
    return write_file(dev->generated, buf_str(&text), err);
}

/* For facteurctl --dir, which shall know the same configuration. */
static bool write_names_of_files(const struct dev *dev, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(MAX_CONF_FILES * (PATH_MAX + 1));
    char path[PATH_MAX + 16];

    for (size_t i = 1; i < dev->confs; i++)
        if (realpath(dev->conf[i], path))
            buf_printf(&text, "%s\n", path);
    (void)snprintf(path, sizeof path, "%s/conf.files", dev->dir);
    (void)unlink(path); /* of an earlier start */
    return text.n == 0 || write_file(path, buf_str(&text), err);
}

/* ---- warm-up ---- */

static bool write_bench_target(const struct dev *dev, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(64 << 10);

    buf_printf(&text,
               "HOST=127.0.0.1\nSMTP_PORT=%u\nLMTP_PORT=%u\nIMAP_PORT=%u\nPOP3_PORT=%u\n"
               "SUBMISSION_PORT=%u\nUSER_PATTERN=u%%04d@bench.test\nPASSWORD=pass\n"
               "PIDFILE=%s/run/facteur.pid\n",
               dev->base + 25, dev->base + 24, dev->base + 143, dev->base + 110, dev->base + 587,
               dev->dir);
    return write_file(dev->bench_target, buf_str(&text), err);
}

static bool load_accounts(void *arg, int fd)
{
    const struct dev *dev = arg;

    return dev->setup->load_accounts(buf_str(&dev->accounts), fd);
}

static void accounts_loaded(struct supervisor *sup, void *arg, bool ok)
{
    struct dev *dev = arg;
    struct fct_err err = {0};

    if (ok && dev->bench_target && !write_bench_target(dev, &err)) {
        (void)fprintf(stderr, "facteur dev: %s\n", err.text);
        ok = false;
    }
    supervisor_started(sup, ok);
}

static void warm_up(struct supervisor *sup, void *arg)
{
    struct fct_err err = {0};

    if (supervisor_help(sup, ROLE_STORE, load_accounts, accounts_loaded, arg, &err))
        return;
    (void)fprintf(stderr, "facteur dev: %s\n", err.text);
    supervisor_started(sup, false);
}

static void running(void *arg)
{
    const struct dev *dev = arg;

    printf("facteur dev in %s\n", dev->dir);
    for (size_t i = 0; i < FCT_COUNT(listeners); i++)
        printf("  %-11s 127.0.0.1:%u\n", listeners[i].label, dev->base + listeners[i].offset);
    if (!dev->accounts_file)
        printf("  accounts    alice@example.test and bob@example.test, password \"secret\"\n");
    printf("ready\n");
    (void)fflush(stdout);
}

int dev_main(const struct dev_setup *setup, int argc, char **argv)
{
    struct supervisor_setup server = *setup->server;
    struct dev dev = {.setup = setup, .dir_arg = "facteur-dev", .base = DEFAULT_BASE, .confs = 1};
    struct fct_err err = {0};
    int status;

    if (argc > 0 && (is(argv[0], "--help") || is(argv[0], "-h"))) {
        (void)fputs(help, stdout);
        return 0;
    }
    if (!take_arguments(&dev, argc, argv, &err) || !read_accounts(&dev, &err) ||
        !make_folders(&dev, &err) || !make_certificate(&dev, &err) ||
        !write_configuration(&dev, &err) || !write_names_of_files(&dev, &err)) {
        (void)fprintf(stderr, "facteur dev: %s\n", err.text);
        buf_free(&dev.accounts);
        return err.class == FCT_SYNTAX ? 2 : 1;
    }
    server.files = dev.conf;
    server.nfiles = dev.confs;
    server.dev = true;
    server.warm_up = warm_up;
    server.running = running;
    server.arg = &dev;
    status = supervisor_run(&server);
    buf_free(&dev.accounts);
    return status;
}
