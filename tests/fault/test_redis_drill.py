"""The Redis drill: everything that can happen to a Redis, during a load of deliveries with a rule that asks it four times per message.
Nothing is lost, nothing is refused, the ledger says degraded=redis and the symbol "unavailable" while it is so, and no message is kept waiting:
those few that were in flight when it happened get redis.timeout (150 ms), all others nothing. What this machine itself holds up is measured by a
second server, without Redis, which gets mail at the same time."""
import imaplib, os, re, shutil, smtplib, sys, tempfile, threading, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from redis_server import Redis, wait_for

SENDERS = 4
EACH = 40  # messages of a sender per exercise
WAITED_MS = 100  # a message that took longer was kept waiting by Redis, or by this machine
ADDED_MS = 200  # the most that Redis may add
NOISE_MS = 1000  # what a busy machine may add to the one and not to the other
MAIL = 'Subject: drill\r\n\r\nx\r\n'
RULE = '''
rule { "DRILL", score = 0.1, about = "what Redis said", function(m)
  local sum = kv.add("sum", 1, "1d")
  local seen = kv.seen("mark", "1d")
  local taken = limit.take("bucket", "1000000/1h")
  local n, why = redis.call("INCR", "fct:drill")
  return string.format("%s sum=%d seen=%s taken=%s", n and "n=" .. n or "unavailable", sum, tostring(seen), tostring(taken))
end }
'''
KEYS = 'fct:kv:lua:sum', 'fct:kv:lua:mark', 'fct:limit:lua:bucket', 'fct:drill'


class Drill(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='facteur-drill.')
        cls.redis = Redis(os.path.join(cls.folder, 'redis'))
        rule = os.path.join(cls.folder, 'rule.lua')
        with open(rule, 'w') as f:
            f.write(RULE)
        # Tried again often: every try is one more chance to keep somebody waiting.
        cls.server = facteur.Server(conf='redis { url = "unix:%s"  retry = 200ms  timeout = 150ms }\nlua { file = "%s" }\n' % (cls.redis.socket, rule))
        cls.server.start()
        cls.other = facteur.Server(conf='redis { spawn = no }\n')
        cls.other.start()

    @classmethod
    def tearDownClass(cls):
        cls.redis.resume()
        cls.server.__exit__(None, None, None)
        cls.other.__exit__(None, None, None)
        cls.redis.kill()
        shutil.rmtree(cls.folder, ignore_errors=True)

    # ---- the load ----

    def send(self, count, ids, server=None):
        with smtplib.SMTP('127.0.0.1', (server or self.server).port('smtp'), facteur.CLIENT, timeout=60) as s:
            for _ in range(count):
                s.ehlo_or_helo_if_needed()
                s.mail('a@example.org')
                s.rcpt('alice@example.test')
                code, text = s.data(MAIL)
                ids.append(text.decode().split()[-1] if code == 250 else '%d %s' % (code, text))

    def load(self, during=None):
        """The ids of the messages of all senders; `during` runs when a third of them is through. Half as many go to the other server."""
        ids, others = [], []
        senders = [threading.Thread(target=self.send, args=(EACH, ids)) for _ in range(SENDERS)]
        senders += [threading.Thread(target=self.send, args=(EACH, others, self.other)) for _ in range(SENDERS // 2)]
        for t in senders:
            t.start()
        if during:
            wait_for(lambda: len(ids) >= SENDERS * EACH // 3, 'a third of the messages')
            during()
        for t in senders:
            t.join()
        self.assertEqual(len(ids), SENDERS * EACH)
        self.assertEqual([i for i in ids + others if ' ' in i], [])
        self.sent.extend(ids)
        self.beside.extend(others)
        return ids

    def took(self, ids, server=None):
        """Milliseconds from the end of their data to the answer, as the server's log says."""
        def times():
            found = dict(re.findall(r'edge\[(\S+)\] message .* ms=(\d+)', (server or self.server).log()))
            return all(i in found for i in ids) and [int(found[i]) for i in ids]
        return wait_for(times, 'all messages in the log')

    def ledger(self, i):
        return self.server.ctl('trace', i).stdout

    def exercise(self, name, begin, end, degraded):
        """Load while `begin` happens, load while it lasts, `end`, and load until all is well again."""
        self.beside = []
        ids = self.load(begin) + self.load()
        last = self.ledger(ids[-1])
        if degraded:
            self.assertRegex(last, r'degraded +"redis"', name)
            self.assertIn('unavailable', last, name)
        end()
        ids += self.load()
        self.judge(name, ids)
        wait_for(lambda: self.is_well(), 'Redis is asked again after: ' + name)

    def is_well(self):
        ids = []
        self.send(1, ids)
        self.sent.extend(ids)
        ledger = self.ledger(ids[0])
        return 'degraded' not in ledger and re.search(r'"n=\d+ sum=\d+ seen=(true|false) taken=true"', ledger)

    def judge(self, name, ids):
        took, beside = self.took(ids), self.took(self.beside, self.other)
        waited, machine = (sum(ms > WAITED_MS for ms in t) for t in (took, beside))
        # In flight when it happened, and when it ended; twice, because that may take a second connection.
        bound = 4 * SENDERS + 3 * max(self.quiet_waited, 2 * machine)
        print('%-12s %4d messages, slowest %4d ms, %d waited; beside it %d ms, %d' % (name, len(took), max(took), waited, max(beside), machine))
        self.assertLessEqual(waited, bound, '%s: %d of %d messages waited' % (name, waited, len(took)))
        self.assertLessEqual(max(took), max(self.quiet_slowest, max(beside)) + ADDED_MS + NOISE_MS, name)

    # ---- the drill ----

    def test_drill(self):
        redis, self.sent, self.beside = self.redis, [], []
        wait_for(self.is_well, 'a Redis that is asked')
        took = self.took(self.load() + self.load() + self.load())
        self.quiet_slowest, self.quiet_waited = max(took), sum(ms > WAITED_MS for ms in took)
        print('\nquiet        %4d messages, slowest %4d ms' % (len(took), max(took)))

        self.exercise('stopped', redis.kill, redis.start, True)
        self.exercise('paused', redis.pause, redis.resume, True)
        self.exercise('full', lambda: redis.cli('config', 'set', 'maxmemory', '1'), lambda: redis.cli('config', 'set', 'maxmemory', '0'), True)
        self.server.wait_log(r' redis_refuses .*OOM ')
        self.exercise('wrong types', self.spoil, lambda: redis.cli('del', *KEYS), True)
        self.exercise('wiped', self.wipe, lambda: None, False)
        self.exercise('restarted', self.restart, lambda: None, False)

        with imaplib.IMAP4('127.0.0.1', self.server.port('imap'), timeout=60) as c:
            c.login('alice@example.test', facteur.PASSWORD)
            self.assertEqual(int(c.select('INBOX')[1][0]), len(self.sent))
        self.assertEqual(len(set(self.sent)), len(self.sent))
        self.assertIsNone(self.server.sanitizer_report())

    def spoil(self):
        for key in KEYS:
            wait_for(lambda: self.redis.cli('del', key) and self.redis.cli('hset', key, 'a', 'b') == '1', 'a hash under ' + key)

    def wipe(self):
        self.redis.cli('flushall')
        self.redis.cli('script', 'flush')

    def restart(self):
        self.redis.kill()
        self.redis.start()


if __name__ == '__main__':
    unittest.main()
