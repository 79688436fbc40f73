"""The Redis behind the filters: the private one that the supervisor keeps, one that Sentinels fail over, and a cluster."""
import contextlib, json, os, re, shutil, signal, smtplib, subprocess, sys, tempfile, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from redis_server import Redis, free_port, wait_for

MAIL = 'Subject: x\r\n\r\nx\r\n'
COUNT = '''
rule { "COUNTED", score = 0.1, about = "how many messages there were", function(m)
  return "n=" .. tostring(kv.add("n", 1, "1d"))
end }
'''


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='facteur-redis.')
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def serve(self, conf, rule=COUNT):
        path = os.path.join(self.folder, 'rule.lua')
        with open(path, 'w') as f:
            f.write(rule)
        server = facteur.Server(conf=conf + 'lua { file = "%s" }\n' % path)
        server.start()
        self.addCleanup(server.__exit__, None, None, None)
        return server

    def judged(self, server):
        """Send a message; the ledger of its copy."""
        before = server.log().count(' message ')
        with smtplib.SMTP('127.0.0.1', server.port('smtp'), facteur.CLIENT, timeout=60) as s:
            s.sendmail('a@example.org', ['alice@example.test'], MAIL)
        wait_for(lambda: server.log().count(' message ') > before, 'the message in the log')
        return server.ctl('trace', re.findall(r'edge\[(\S+)\] message ', server.log())[-1]).stdout

    def until_judged(self, server, has, lacks):
        """The ledger of the first message of which this is true."""
        found = []

        def look():
            found[:] = [self.judged(server)]
            return has in found[0] and lacks not in found[0]
        try:
            wait_for(look, 'a message with %s and without %s' % (has, lacks))
        except RuntimeError as e:
            self.fail('%s\n%s' % (e, found[0]))
        return found[0]


def private(server):
    """Its row in facteurctl status, or None."""
    rows = [p for p in json.loads(server.ctl('--json', 'status').stdout)['processes'] if p['role'] == 'redis']
    return rows[0] if rows else None


def ask(server, *words):
    socket = os.path.join(server.state, 'run', 'redis', 'redis.sock')
    return subprocess.run(['redis-cli', '-s', socket, *words], capture_output=True, text=True, timeout=60).stdout.strip()


class Private(Case):
    def ready(self, server, restarts):
        return wait_for(lambda: (p := private(server)) and p['state'] == 'ready' and p['restarts'] == restarts and p, 'a redis that is ready')

    def test_it_is_there_and_comes_back(self):
        server = self.serve('')
        server.wait_redis()
        self.assertIn('n=1', self.judged(server))
        row = self.ready(server, 0)
        self.assertEqual(ask(server, 'config', 'get', 'port').split(), ['port', '0'])
        self.assertEqual(ask(server, 'config', 'get', 'appendonly').split(), ['appendonly', 'yes'])
        self.assertEqual(ask(server, 'config', 'get', 'maxmemory').split(), ['maxmemory', str(256 << 20)])
        self.assertRegex(server.ctl('status').stdout, r'(?m)^redis +0 pid %d  ready' % row['pid'])
        self.assertRegex(server.ctl('status', '--sandbox').stdout, r'(?m)^redis .*no_new_privs=on')
        os.kill(row['pid'], signal.SIGKILL)
        self.assertNotEqual(self.ready(server, 1)['pid'], row['pid'])
        server.wait_log(r'child_died program=redis pid=%d by=signal status=9' % row['pid'])
        self.assertIn('n=2', self.until_judged(server, 'n=2', 'degraded'))  # nothing was forgotten
        self.assertEqual(server.stop(), 0)
        self.assertFalse(os.path.exists('/proc/%d' % row['pid']))
        self.assertNotIn('patience ended', server.log())
        server.start()
        server.wait_redis()
        self.assertIn('n=3', self.judged(server))

    def test_it_ends_with_a_supervisor_that_was_killed(self):
        server = self.serve('')
        server.wait_redis()
        self.judged(server)
        pid = self.ready(server, 0)['pid']
        others = server.descendants()
        server.process.kill()
        server.process.wait()
        wait_for(lambda: not any(alive(p) for p in others), 'the end of all processes')
        server.process.stdout.close()
        server.errors.close()
        server.start()
        server.wait_redis()
        self.assertIn('n=2', self.judged(server))
        self.assertFalse(alive(pid))

    def test_one_that_outlived_its_supervisor_is_ended(self):
        server = self.serve('')
        server.wait_redis()
        self.judged(server)
        pid = self.ready(server, 0)['pid']
        os.kill(pid, signal.SIGSTOP)
        others = [p for p in server.descendants() if p != pid]
        server.process.kill()
        server.process.wait()
        wait_for(lambda: not any(alive(p) for p in others), 'the end of our own processes')
        self.assertTrue(alive(pid))
        server.process.stdout.close()
        server.errors.close()
        server.start()
        self.assertFalse(alive(pid))
        server.wait_redis()
        self.assertIn('n=2', self.judged(server))

    def test_one_that_hangs_is_replaced(self):
        server = self.serve('server { hang_limit = 4s }\nredis { retry = 200ms }\n')
        server.wait_redis()
        self.judged(server)
        pid = self.ready(server, 0)['pid']
        os.kill(pid, signal.SIGSTOP)
        self.assertNotEqual(self.ready(server, 1)['pid'], pid)
        server.wait_log(r' hung program=\S*redis-server pid=%d' % pid)
        self.until_judged(server, 'n=2', 'degraded')

    def test_two_servers_and_one_folder(self):
        """The second one may not take the first one's Redis away; it goes without."""
        folder = os.path.join(self.folder, 'data')
        conf = 'redis { data_dir = "%s" }\n' % folder
        first, second = self.serve(conf), self.serve(conf)
        first.wait_redis()
        self.assertIn('n=1', self.judged(first))
        second.wait_log(r'program=redis text="[^"]*is in use by another server \(process %d\)' % first.process.pid)
        self.assertIn('degraded', self.judged(second))
        self.assertEqual(first.stop(), 0)
        self.until_judged(second, 'n=2', 'degraded')

    def test_metrics(self):
        server = self.serve('')
        server.wait_redis()
        self.judged(server)
        text = server.ctl('metrics').stdout
        self.assertRegex(text, r'(?m)^facteur_redis_there\{filter="0"\} 1$')
        self.assertRegex(text, r'(?m)^facteur_state_asked_total\{filter="\d",from="redis"\} 1$')

    def test_a_machine_without_redis(self):
        server = self.serve('redis { program = no-such-program }\n')
        ledger = self.judged(server)
        self.assertIn('n=1', ledger)
        self.assertNotIn('degraded', ledger)
        self.assertIsNone(private(server))
        self.assertEqual(server.wait_log('no no-such-program on this machine').count('no no-such-program on this machine'), 1)
        self.assertNotIn('redis_away', server.log())

    def test_damaged_data_do_not_stop_mail(self):
        server = self.serve('')
        self.judged(server)
        self.assertEqual(server.stop(), 0)
        folder = os.path.join(server.state, 'data', 'redis', 'appendonlydir')
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), 'wb') as f:
                f.write(b'nonsense\n' * 10)
        server.start()
        self.assertRegex(self.judged(server), r'degraded +"redis"')
        server.wait_log(r'child_died program=redis .* by=exit status=1 what="[^"]*AOF')
        shutil.rmtree(os.path.dirname(folder))
        self.assertIn('n=1', self.until_judged(server, 'n=1', 'degraded'))

    def test_a_reload(self):
        server = self.serve('')
        first = self.ready(server, 0)['pid']
        conf = os.path.join(server.dir, 'test.conf')
        with open(conf) as f:
            text = f.read()
        server.ctl('reload')
        self.assertEqual(self.ready(server, 0)['pid'], first)  # nothing of it has changed
        with open(conf, 'w') as f:
            f.write(text + 'redis { max_memory = 100M }\n')
        server.ctl('reload')
        wait_for(lambda: ask(server, 'config', 'get', 'maxmemory').split() == ['maxmemory', str(100 << 20)], 'another maxmemory')
        self.assertNotEqual(self.ready(server, 0)['pid'], first)
        with open(conf, 'w') as f:
            f.write(text + 'redis { spawn = no }\n')
        server.ctl('reload')
        wait_for(lambda: private(server) is None, 'its end')
        self.assertNotIn('degraded', self.judged(server))


def alive(pid):
    with contextlib.suppress(OSError):
        with open('/proc/%d/stat' % pid) as f:
            return f.read().rsplit(')', 1)[1].split()[0] not in 'ZX'
    return False


class Sentinel(Case):
    def test_failover(self):
        """The master dies; what it knew is known to the next, and nobody restarts anything."""
        login = ('--requirepass', 'secret', '--masterauth', 'secret')
        ports = [free_port() for _ in range(3)]
        master = Redis(os.path.join(self.folder, 'master'), *login, port=ports[0])
        self.addCleanup(master.kill)
        replica = Redis(os.path.join(self.folder, 'replica'), *login, '--replicaof', '127.0.0.1', str(ports[0]), port=ports[1])
        self.addCleanup(replica.kill)
        os.environ['REDISCLI_AUTH'] = 'secret'
        self.addCleanup(os.environ.pop, 'REDISCLI_AUTH')
        wait_for(lambda: 'master_link_status:up' in replica.cli('info', 'replication'), 'a replica in step')
        sentinel = self.sentinel(ports)
        wait_for(lambda: 'num-slaves\n1\n' in sentinel('sentinel', 'master', 'mail') + '\n', 'a Sentinel that knows the replica')
        with open(os.path.join(self.folder, 'password'), 'w') as f:
            f.write('watch\n')
        server = self.serve('redis { url = "sentinel://:secret@127.0.0.1:%d,127.0.0.1:%d/mail"  retry = 200ms  '
                            'sentinel_password_file = "%s" }\n' % (free_port(), ports[2], f.name))  # the first one is not there
        self.assertRegex(self.until_judged(server, 'n=', 'degraded'), 'n=1')
        self.assertIn('n=2', self.judged(server))
        wait_for(lambda: replica.cli('get', 'fct:kv:lua:n') == '2', 'the replica in step')
        master.kill()
        self.until_judged(server, 'n=3', 'degraded')
        self.assertEqual(replica.cli('get', 'fct:kv:lua:n'), '3')
        self.assertIn('role:master', replica.cli('info', 'replication'))

    def sentinel(self, ports):
        conf = os.path.join(self.folder, 'sentinel.conf')
        with open(conf, 'w') as f:
            f.write('port %d\nbind 127.0.0.1\ndir %s\nlogfile %s/sentinel.log\nrequirepass watch\n'
                    'sentinel monitor mail 127.0.0.1 %d 1\nsentinel auth-pass mail secret\nsentinel down-after-milliseconds mail 2000\n'
                    'sentinel failover-timeout mail 5000\n' % (ports[2], self.folder, self.folder, ports[0]))
        process = subprocess.Popen(['redis-server', conf, '--sentinel'])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return lambda *words: subprocess.run(['redis-cli', '-a', 'watch', '--no-auth-warning', '-p', str(ports[2]), *words],
                                             capture_output=True, text=True, timeout=60).stdout


MANY = '''
local two = redis.script("two", "redis.call('INCR', KEYS[1]) return redis.call('INCR', KEYS[2])")
rule { "MANY", score = 0.1, about = "keys on all servers", function(m)
  local sums = {}
  for i = 1, 24 do sums[i] = kv.add("k" .. i, 1, "1d") end
  local tagged = two:call({ "a{x}", "b{x}" })
  local _, crossed = two:call({ "a", "b" })
  return string.format("sums=%s tagged=%s crossed=%s", table.concat(sums, ","), tostring(tagged), tostring(crossed))
end }
'''


class Cluster(Case):
    def setUp(self):
        super().setUp()
        self.nodes = []
        for i in range(3):
            node = Redis(os.path.join(self.folder, str(i)), '--cluster-enabled', 'yes', '--cluster-port', str(free_port()), '--cluster-node-timeout', '10000', '--cluster-allow-replica-migration', 'no',
                         '--cluster-require-full-coverage', 'no', '--cluster-config-file', os.path.join(self.folder, '%d.conf' % i), port=free_port())
            self.addCleanup(node.kill)
            self.nodes.append(node)
        subprocess.run(['redis-cli', '--cluster', 'create', *self.addresses(), '--cluster-yes'], check=True, stdout=subprocess.DEVNULL, timeout=120)
        self.wait_until_whole()

    def addresses(self):
        return ['127.0.0.1:%d' % node.port for node in self.nodes]

    def wait_until_whole(self):
        wait_for(lambda: all('cluster_state:ok' in n.cli('cluster', 'info') and 'cluster_known_nodes:3' in n.cli('cluster', 'info') and
                             n.cli('cluster', 'nodes').count('connected') == 3 and 'fail' not in n.cli('cluster', 'nodes')
                             for n in self.nodes), 'a whole cluster')

    def sums(self, n):
        return 'sums=' + ','.join([str(n)] * 24)

    def test_keys_everywhere(self):
        server = self.serve('redis { url = "cluster://%s"  retry = 200ms }\n' % self.addresses()[0], MANY)
        ledger = self.until_judged(server, 'sums=', 'degraded')
        self.assertIn(self.sums(1), ledger)
        self.assertRegex(ledger, r'tagged=1 crossed=.*CROSSSLOT')
        self.assertTrue(all(int(n.cli('dbsize')) > 3 for n in self.nodes))
        self.moved(server)
        self.on_its_way(server)
        self.one_away(server)

    def owner(self, key):
        """The node that has its slot, once all agree on that."""
        def mine():
            return [n for n in self.nodes if not n.cli('get', key).startswith('MOVED')]
        return wait_for(lambda: len(mine()) == 1 and mine(), 'one owner of ' + key)[0]

    def moved(self, server):
        """Slots change hands while nobody tells us."""
        key = 'fct:kv:lua:k1'
        source = self.owner(key)
        target = next(n for n in self.nodes if n is not source)
        subprocess.run(['redis-cli', '--cluster', 'reshard', self.addresses()[0], '--cluster-from', source.cli('cluster', 'myid'), '--cluster-to',
                        target.cli('cluster', 'myid'), '--cluster-slots', '4000', '--cluster-pipeline', '1000', '--cluster-yes'],
                       check=True, stdout=subprocess.DEVNULL, timeout=240)
        ledger = self.judged(server)
        self.assertIn(self.sums(2), ledger)
        self.assertNotIn('degraded', ledger)

    def on_its_way(self, server):
        """A slot that is being moved: the old owner says ASK for a key that it does not have."""
        key = 'fct:kv:lua:k2'
        source = self.owner(key)
        target = next(n for n in self.nodes if n is not source)
        slot = source.cli('cluster', 'keyslot', key)
        self.assertEqual(target.cli('cluster', 'setslot', slot, 'importing', source.cli('cluster', 'myid')), 'OK')
        self.assertEqual(source.cli('cluster', 'setslot', slot, 'migrating', target.cli('cluster', 'myid')), 'OK')
        self.assertEqual(source.cli('migrate', '127.0.0.1', str(target.port), key, '0', '5000'), 'OK')
        self.assertTrue(source.cli('get', key).startswith('ASK '))
        ledger = self.judged(server)
        self.assertIn(self.sums(3), ledger)
        self.assertNotIn('degraded', ledger)
        for node in self.nodes:
            node.cli('cluster', 'setslot', slot, 'node', target.cli('cluster', 'myid'))
        self.assertEqual(target.cli('get', key), '3')

    def one_away(self, server):
        """A third of the keys is away, the others are counted on; and it comes back."""
        victim = self.owner('fct:kv:lua:k3')
        victim.kill()
        ledger = self.judged(server)
        self.assertRegex(ledger, r'degraded +"redis"')
        self.assertIn(',4', ledger)
        victim.start()
        self.wait_until_whole()
        self.until_judged(server, 'tagged=', 'degraded')


class Ticks(Case):
    """What is to run once runs once among servers that share a Redis, and in each without one."""

    def lines(self, server):
        return server.log().count('plugin=ticker') and len(re.findall(r'text="once \d+ now"', server.log()))

    def grows(self, server):
        before = self.lines(server)
        wait_for(lambda: self.lines(server) > before + 2, 'more ticks')

    def held_by(self, redis, server):
        """On a busy machine a lease may lapse and be taken again."""
        def is_held():
            keys = redis.cli('keys', 'fct:tick:ticker/ticker:once/*').split()
            return any(server.state in redis.cli('get', key) for key in keys)
        wait_for(is_held, 'the lease of %s' % server.state)

    def test_one_server_ticks(self):
        redis = Redis(os.path.join(self.folder, 'redis'))
        self.addCleanup(redis.kill)
        animal = os.path.join(facteur.build_dir(), 'zoo', 'ticker.so')
        conf = 'redis { url = "unix:%s"  retry = 200ms }\nplugin ticker { path = "%s" }\n' % (redis.socket, animal)
        servers = [self.serve(conf) for _ in range(2)]
        first, second = servers
        self.grows(first)
        self.held_by(redis, first)
        self.assertEqual(self.lines(second), 0)
        os.kill(first.process.pid, signal.SIGKILL)  # no goodbye: the lease ends by itself
        first.process.wait()
        self.grows(second)
        self.held_by(redis, second)
        first.process.stdout.close()
        first.errors.close()
        first.start()
        before = self.lines(first)
        self.grows(second)
        self.assertEqual(self.lines(first), before)
        redis.kill()
        self.grows(first)
        self.grows(second)


if __name__ == '__main__':
    unittest.main()
