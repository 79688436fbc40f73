"""The queue between hostile servers and kill -9: every accepted message is delivered, bounced or still queued, and a second copy goes only
where the answer to the first one's dot cannot have been heard.

In each round clients submit while the store, the relay or both are killed; the other servers (tests/lib/hostile_sink.py) are slow, drop the
connection at every step, answer 4xx and 5xx to every command, lie about SIZE and hang after the dot. Each dot is accounted for: it is wrong to
send a message again after a 250, unless the relay was killed at that moment. FCT_TORTURE=20x500 is the whole of it."""
import collections, imaplib, json, os, random, re, signal, socket, sys, threading, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur, hostile_sink

USER = 'alice@example.test'
ROUNDS, MESSAGES = (int(n) for n in os.environ.get('FCT_TORTURE', '6x100').split('x'))
CLIENTS, DOMAINS, SHARE = 4, 10, 0.06
TELLING = 0.5  # seconds from an answer, or the store's return, to the store's knowing, at most, on a very busy machine
VICTIMS = (('store',), ('relay',), ('store', 'relay'))
CONF = '''smtp { relay_networks = ["127.0.0.0/8"] max_errors = 1000 }
relay { retry = ["1s"] dead_first = 200ms dead_max = 200ms dot_timeout = 2s delay_warning = [] }
'''


class Client:
    """Submits letters over one connection as long as it lasts, by pipelining."""

    def __init__(self, port):
        self.s = socket.create_connection(('127.0.0.1', port), timeout=20)
        self.f = self.s.makefile('rb')
        self.want('220')
        self.s.sendall(b'EHLO client.test\r\n')
        self.want('250')

    def want(self, code):
        while True:
            line = self.f.readline().decode()
            if not line.startswith(code):
                raise OSError('answered ' + repr(line))
            if line[3:4] == ' ':
                return

    def submit(self, to, size):
        lines = ['MAIL FROM:<%s>' % USER] + ['RCPT TO:<%s>' % r for r in to] + ['DATA', '']
        self.s.sendall('\r\n'.join(lines).encode())
        for _ in range(1 + len(to)):
            self.want('250')
        self.want('354')
        self.s.sendall(b'From: %s\r\nSubject: x\r\n\r\n%s\r\n.\r\n' % (USER.encode(), b'x' * size))
        self.want('250')

    def close(self):
        self.f.close()
        self.s.close()


class Load:
    """Some clients until `messages` more were accepted."""

    def __init__(self, port, messages, seed):
        self.port, self.left, self.lock, self.accepted = port, messages, threading.Lock(), set()
        self.threads = [threading.Thread(target=self.run, args=(random.Random(seed * 100 + i),)) for i in range(CLIENTS)]
        for t in self.threads:
            t.start()

    def run(self, rnd):
        while self.left > 0:
            try:
                client = Client(self.port)
            except OSError:
                time.sleep(0.02)
                continue
            try:
                while self.left > 0:
                    token = '%016x' % rnd.getrandbits(64)
                    to = ['%s@d%d.example' % (token, d) for d in rnd.sample(range(DOMAINS), rnd.choice((1, 1, 1, 3)))]
                    client.submit(to, rnd.choice((10, 1000, 4000)))
                    with self.lock:
                        self.left -= 1
                        self.accepted.update(to)
            except OSError:
                pass
            client.close()

    def wait(self, until):
        end = time.monotonic() + 120
        while self.left > until:
            if time.monotonic() > end:
                raise AssertionError('no progress: %d left' % self.left)
            time.sleep(0.002)


class QueueTorture(unittest.TestCase):
    def setUp(self):
        self.kills = []   # of relays, with or without the store: (before, after)
        self.outages = [] # of the store: (killed, surely back)

    def kill(self, server, victims, rnd):
        pids = [pid for v in victims for pid in server.role_pids(v)[:1]]
        before = time.monotonic()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            time.sleep(rnd.random() / 50)
        if 'relay' in victims:
            self.kills.append((before, time.monotonic()))

    def one_round(self, server, rnd, number):
        load = Load(server.port('smtp'), MESSAGES, number)
        try:
            load.wait(rnd.randrange(MESSAGES // 4, MESSAGES))
            killed = time.monotonic()
            self.kill(server, VICTIMS[number % len(VICTIMS)], rnd)
            load.wait(0)
            if 'store' in VICTIMS[number % len(VICTIMS)]:
                self.outages.append((killed, time.monotonic()))
        finally:
            load.left = 0
            for t in load.threads:
                t.join()
        return load.accepted

    def drain(self, server):
        end = time.monotonic() + 60
        while json.loads(server.ctl('queue', 'top', '--json').stdout)['messages'] > 0 and time.monotonic() < end:
            time.sleep(0.2)

    def queued(self, server):
        return {r['address'] for m in json.loads(server.ctl('queue', 'list', '--json').stdout) for r in m['recipients'] if r['status'] == 'pending'}

    def bounced(self, server):
        found = collections.Counter()
        with imaplib.IMAP4('127.0.0.1', server.port('imap')) as imap:
            imap.login(USER, facteur.PASSWORD)
            n = int(imap.select('INBOX', readonly=True)[1][0])
            if n:
                for part in imap.fetch('1:%d' % n, '(BODY.PEEK[])')[1]:
                    if isinstance(part, tuple):
                        found.update(re.findall(r'(?mi)^Final-Recipient: *rfc822; *(\S+)', part[1].decode('latin-1')))
        return found

    def killed_at(self, dot):
        """When the relay was killed that may have had no time to tell the store of this answer, or None."""
        for before, after in self.kills:
            start = min([down for down, up in self.outages if down <= before <= up + TELLING] + [before]) - TELLING
            if start <= dot.at < after:
                return before
        return None

    def judge(self, dots):
        """Recipients that came once more after an answer that was heard, and why others did: 'no answer', 'relay killed'."""
        last, copies, again, wrong, oldest = {}, collections.Counter(), collections.Counter(), [], 0
        for dot in dots:
            for r in dot.to:
                before = last.get(r)
                if before and before.answer == '':
                    again['no answer'] += 1
                elif before and before.answer in ('250', '5xx') and self.killed_at(before) is None:
                    wrong.append('%s: 250 at %.3f, again at %.3f; its connection ended at %s by %s; relays killed at %s' % (
                        r, before.at, dot.at, before.connection.closed, before.connection.ended, [round(k[0], 3) for k in self.kills]))
                elif before and before.answer == '250':
                    again['relay killed'] += 1
                    oldest = max(oldest, self.killed_at(before) - before.at)
                last[r] = dot
                copies[r] += dot.answer in ('250', '')
        return wrong, copies, again, oldest

    def test_torture(self):
        rnd, accepted, start = random.Random(7), set(), time.monotonic()
        build = os.environ.get('FCT_BUILD', os.path.join(facteur.ROOT, 'build', 'release'))
        with hostile_sink.Sink(7, SHARE, DOMAINS) as sink:
            routes = {'d%d.example' % i: port for i, port in enumerate(sink.ports)}
            with facteur.Server(conf=CONF, accounts=[USER], build=build, routes=routes) as server:
                for number in range(ROUNDS):
                    accepted |= self.one_round(server, rnd, number)
                self.drain(server)
                queued, bounced = self.queued(server), self.bounced(server)
                server.ctl('store', 'check')
                wrong, copies, again, oldest = self.judge(list(sink.dots))
                delivered = {r for r, n in copies.items() if n}
                missing = [r for r in accepted if r not in delivered and r not in bounced and r not in queued]
                answers = collections.Counter(d.answer for d in sink.dots)
                print('%d rounds, %d recipients accepted: %d delivered, %d bounced, %d queued, %d missing' % (
                    ROUNDS, len(accepted), len(delivered), len(bounced), len(queued), len(missing)))
                print('%d dots: %d answered 250, %d not answered, %d refused; second copies: %d of dots without an answer, %d of what a killed relay had '
                      'not told yet (at most %.0f ms before), %d others; %.0f s' % (
                          len(sink.dots), answers['250'], answers[''], answers['4xx'] + answers['5xx'], again['no answer'], again['relay killed'],
                          1000 * oldest, len(wrong), time.monotonic() - start))
                print('faults: ' + ', '.join('%s %d' % f for f in sorted(sink.counted.items())))
                self.assertEqual(missing, [])
                self.assertEqual(wrong, [])
                self.assertEqual([r for r, n in bounced.items() if n > 1], [], 'told twice')
                self.assertEqual(queued, set())
                self.assertGreaterEqual(len(accepted), ROUNDS * MESSAGES)
                self.assertGreater(answers[''], 0)


if __name__ == '__main__':
    unittest.main()
