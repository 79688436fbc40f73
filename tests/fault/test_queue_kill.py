"""kill -9 while mail for elsewhere goes in and out: every accepted message reaches the other server; twice only what was in hand when a
process died.

Clients submit; in each round the store, the relay, an edge or the whole server is killed. The store alone must make no duplicate: the
relay says again what it knows."""
import collections, json, os, random, signal, smtplib, sys, threading, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur, mail_sink

USER = 'alice@example.test'
ROUNDS = int(os.environ.get('FCT_QUEUE_KILL_ROUNDS', '8'))
CLIENTS = 8
DOMAINS = ['d%d.example' % i for i in range(5)]


class Load:
    """Clients that submit as fast as they are answered and remember what was acknowledged."""

    def __init__(self, server, seed):
        self.server, self.acked, self.lock, self.ending = server, set(), threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.client, args=(random.Random(seed * 1000 + i),)) for i in range(CLIENTS)]
        for t in self.threads:
            t.start()

    def client(self, rnd):
        while not self.ending.is_set():
            try:
                with smtplib.SMTP('127.0.0.1', self.server.port('submission'), local_hostname=facteur.CLIENT, timeout=60) as s:
                    s.ehlo()
                    s.login(USER, facteur.PASSWORD)
                    while not self.ending.is_set():
                        self.submit(s, rnd)
            except (OSError, smtplib.SMTPException):
                time.sleep(0.02)

    def submit(self, s, rnd):
        token = '%016x' % rnd.getrandbits(64)
        to = ['%s@%s' % (token, d) for d in rnd.sample(DOMAINS, rnd.choice((1, 1, 3)))]
        refused = s.sendmail(USER, to, 'Subject: %s\r\n\r\n%s\r\n' % (token, 'x' * rnd.choice((10, 3000))))
        with self.lock:
            self.acked |= set(to) - set(refused)

    def count(self):
        with self.lock:
            return len(self.acked)

    def wait_for(self, more):
        target, end = self.count() + more, time.monotonic() + 120
        while self.count() < target:
            if time.monotonic() > end:
                raise AssertionError('no progress: %d of %d' % (self.count(), target))
            time.sleep(0.005)

    def stop(self):
        self.ending.set()
        for t in self.threads:
            t.join()


def kill_all(server):
    for pid in [server.process.pid] + server.descendants():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    server.process.wait()
    server.process.stdout.close()
    server.errors.close()
    server.process = None


class QueueKill(unittest.TestCase):
    def setUp(self):
        self.sink = mail_sink.Sink().__enter__()
        self.dir = facteur.tempfile.mkdtemp(prefix='facteur-routes.')
        with open(os.path.join(self.dir, 'routes'), 'w') as f:
            f.writelines('%s 127.0.0.1:%d\n' % (d, self.sink.port) for d in DOMAINS)
        self.conf = 'relay { routes = "%s/routes" retry = ["1s"] dead_first = 1s dead_max = 1s }\n' % self.dir

    def tearDown(self):
        self.sink.__exit__(None, None, None)
        facteur.shutil.rmtree(self.dir)

    def arrived(self):
        with self.sink.lock:
            return collections.Counter(r for letter in self.sink.letters for r in letter.recipients)

    def drain(self, server, acked):
        end = time.monotonic() + 240
        while json.loads(server.ctl('queue', 'top', '--json').stdout)['messages'] > 0 or acked - set(self.arrived()):
            if time.monotonic() > end:
                break
            time.sleep(0.1)

    def rounds(self, victims, rounds, seed):
        rnd, acked = random.Random(seed), set()
        build = os.path.join(facteur.ROOT, 'build', 'release')
        with facteur.Server(conf=self.conf, accounts=[USER], build=os.environ.get('FCT_BUILD', build)) as server:
            for number in range(rounds):
                load = Load(server, seed * 100 + number)
                try:
                    load.wait_for(rnd.randrange(20, 120))
                    victim = victims[number % len(victims)]
                    if victim == 'all':
                        kill_all(server)
                    else:
                        for pid in server.role_pids(victim)[:1]:
                            os.kill(pid, signal.SIGKILL)
                        load.wait_for(10)
                finally:
                    load.stop()
                acked |= load.acked
                if not server.process:
                    server.start()
            self.drain(server, acked)
            server.ctl('store', 'check')
            self.assertEqual(json.loads(server.ctl('queue', 'list', '--json').stdout), [])
        found = self.arrived()
        lost, twice = [t for t in acked if not found[t]], sum(found[t] - 1 for t in found)
        print('%d accepted over %d kills of %s: %d lost, %d duplicates' % (len(acked), rounds, '/'.join(victims), len(lost), twice))
        self.assertGreater(len(acked), 20 * rounds)
        self.assertEqual(lost, [])
        return twice

    def test_the_store_dies(self):
        self.assertEqual(self.rounds(['store'], ROUNDS, 3), 0)

    def test_everybody_dies(self):
        # What the relay has in hand when it dies, it may have delivered: at most its open transactions.
        self.assertLessEqual(self.rounds(['relay', 'all', 'edge', 'relay'], ROUNDS, 5), 100 * ROUNDS)


if __name__ == '__main__':
    unittest.main()
