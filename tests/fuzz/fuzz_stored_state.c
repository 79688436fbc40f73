/* fuzz_stored_state.c - a store whose disk lies with the right checksums: the input is a list of
 * puts (partition, key, version, value) and two files of the queue. Everything that reads them is
 * asked, and `store check` runs over them: they are read or refused, nobody dies. */
#define FX_FUZZ
#include "../unit/store/fixture.h"

#include "core/log/log.h"
#include "store/account.h"
#include "store/check.h"
#include "store/directory.h"
#include "store/learning.h"
#include "store/queue_history.h"
#include "store/queue_record.h"
#include "store/queue_rules.h"
#include "store/store_state.h"
#include "store/suppress.h"

#include <fcntl.h>
#include <limits.h>

#define ADDRESS     FCT_STR("a@b.c")
#define ACCOUNT     (PART_ACCOUNTS + 1000) /* nobody's */
#define PUTS_MAX    8
#define CHECK_EVERY 8 /* it is slow */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *input;
static size_t input_n;
static struct store *relay;
static bool opened;
static struct {
    uint64_t part;
    struct key key;
} left[PUTS_MAX];
static size_t left_n;

static void stop(void)
{
    store_client_free(&relay);
    fx_close();
    fx_wipe();
}

static void open_once(void)
{
    static const char memory[] = "/dev/shm";

    if (opened)
        return;
    opened = true;
    fx_conf.reserve.bytes = 0;
    fx_conf.queue_history.bytes = 1 << 20;
    if (access(memory, W_OK) == 0) /* a disk would be the slowest part by far */
        (void)snprintf(fx_dir, sizeof fx_dir, "%s/fct_fuz.XXXXXX", memory);
    if (!mkdtemp(fx_dir))
        abort();
    log_setup(-1, "fuzz", FCT_ERROR + 1);
    fx_open();
    relay = fx_connect(ROLE_RELAY, 0);
    atexit(stop);
}

static size_t take(void *to, size_t n)
{
    if (n > input_n)
        n = input_n;
    memcpy(to, input, n);
    input += n;
    input_n -= n;
    return n;
}

/* ---- the disk ---- */

static struct key tail_of(struct key key, uint8_t n)
{
    key.n += take(key.p + key.n, n % 24);
    return key;
}

static void put_one(struct batch *b, const uint8_t head[4])
{
    FCT_CLEANUP(buf_free) struct buf value = BUF_INIT(1 << 20);
    static const char letters[] = "AckmMnevhytxgpwW";
    uint8_t bytes[1024];
    struct key key;

    switch (head[0] % 6) {
    case 0:
        batch_part(b, PART_SUPPRESS);
        key = tail_of(key_of('a'), head[1]);
        break;
    case 1:
        batch_part(b, PART_STATE);
        key = tail_of(key_of('s'), head[1]);
        break;
    case 2:
        batch_part(b, PART_DIRECTORY);
        key = tail_of(key_of("aldn"[head[1] % 4]), head[1] / 4);
        break;
    case 3:
        batch_part(b, PART_LEARNING);
        key = tail_of(key_of("wj"[head[1] % 2]), head[1] / 2);
        break;
    case 4:
        batch_part(b, ACCOUNT);
        key = tail_of(key_of(letters[head[1] % (sizeof letters - 1)]), head[1] / 16);
        break;
    default:
        batch_part(b, queue_part(1));
        key = head[1] % 2 ? queue_entry_key(1) : queue_state_key(1);
    }
    record_begin(&value, head[2] % 4);
    buf_put(&value, (const char *)bytes, take(bytes, (size_t)head[3] * 4));
    record_end(&value);
    batch_put(b, key, buf_str(&value));
    left[left_n].part = b->part;
    left[left_n++].key = key;
}

/* What the run before left, key by key: ranges would pile up in the driver. */
static void clean(struct batch *b)
{
    for (size_t i = 0; i < left_n; i++) {
        batch_part(b, left[i].part);
        batch_del(b, left[i].key);
    }
    left_n = 0;
}

static void commit(struct batch *b)
{
    WANT(commit_wait(fx_server->commit, commit_submit(fx_server->commit, b, NULL, 0), &fx_err));
}

/* False: nothing is in it. */
static bool write_file(const char *name)
{
    char path[PATH_MAX], bytes[2048];
    uint8_t n = 0;
    int fd;

    (void)snprintf(path, sizeof path, "%s/%s", fx_dir, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    (void)take(&n, 1);
    if (fd < 0 || write(fd, bytes, take(bytes, (size_t)n * 8)) < 0)
        abort();
    close(fd);
    return n > 0;
}

/* ---- who reads it ---- */

static void read_lists(void)
{
    struct fct_err ignored = {0};
    struct suppressed one;
    struct store_resolution to;
    struct settings settings;
    const struct store_alias *alias;
    const struct fct_str *target;
    uint64_t number;
    bool found;
    size_t n;

    if (suppress_find(fx_server, ADDRESS, fx_arena, &found, &one, &ignored) && found)
        WANT(one.address.n > 0 && (one.reason.n == 0 || one.reason.p));
    suppress_sweep(fx_server);
    directory_changed(fx_server);
    (void)!directory_resolve(fx_server, ADDRESS, fx_arena, &to, &ignored);
    (void)!directory_account_settings(fx_server, ADDRESS, fx_arena, &number, &settings, &ignored);
    (void)!directory_alias(fx_server, ADDRESS, fx_arena, &target, &n, &ignored);
    (void)!directory_aliases(fx_server, fx_arena, &alias, &n, &ignored);
    (void)!directory_last_account(fx_server, &number, &ignored);
}

static void read_state(void)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1 << 20);
    struct fct_err ignored = {0};

    (void)!store_state_load(relay, FCT_STR("x"), &out, &ignored);
}

static void read_account(void)
{
    struct fct_err ignored = {0};
    struct account *a;

    if (account_load(fx_server->driver, NULL, ACCOUNT, &a, &ignored))
        account_free(a);
}

static void read_words(void)
{
    struct fct_err ignored = {0};
    uint64_t wait_ms;

    learning_close(fx_server);
    WANT(learning_open(fx_server, &ignored));
    (void)learning_next(fx_server, &wait_ms);
}

static void read_files(void)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1 << 20);
    const struct queue_rule *rule;
    struct fct_err ignored = {0};
    uint64_t generation;
    size_t n, again;

    queue_rules_close(fx_server);
    WANT(queue_rules_open(fx_server, &fx_err));
    rule = queue_rules_all(fx_server, &generation, &n);
    for (size_t i = 0; i < n; i++)
        WANT(rule[i].pattern.n > 0);
    queue_rules_apply(fx_server);
    /* What is written back is read as many. */
    if (queue_rules_set(fx_server, &(struct queue_rule){.pattern = FCT_STR("b.c"), .held = true},
                        &ignored)) {
        (void)queue_rules_all(fx_server, &generation, &n);
        queue_rules_close(fx_server);
        WANT(queue_rules_open(fx_server, &fx_err));
        (void)queue_rules_all(fx_server, &generation, &again);
        WANT(again == n);
    }
    queue_history_close(fx_server);
    queue_history_open(fx_server);
    queue_history_find(fx_server, FCT_STR("id"), &out);
}

static void run(void)
{
    FCT_CLEANUP(buf_free) struct buf report = BUF_INIT(1 << 20);
    struct store_check_result result;
    struct fct_err ignored = {0};
    static unsigned runs;
    struct batch b;
    uint8_t head[4];
    bool files = write_file("queue-rules");

    files = write_file("queue-history") || files;
    batch_init(&b);
    clean(&b);
    for (int i = 0; i < PUTS_MAX && take(head, sizeof head) == sizeof head; i++)
        put_one(&b, head);
    commit(&b);
    read_lists();
    read_state();
    read_account();
    read_words();
    if (files)
        read_files();
    if (runs++ % CHECK_EVERY == 0)
        (void)!check_run(fx_server, &result, &report, &ignored);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    open_once();
    input = data;
    input_n = size;
    fx_in_fiber(run);
    return 0;
}
