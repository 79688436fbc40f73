"""The queue between hostile servers and kill -9: every accepted message is delivered, bounced or still queued, and a second copy goes only
where the answer to the first one's dot cannot have been heard.

In each round clients submit while the store, the relay or both are killed; the other servers (tests/lib/hostile_sink.py) are slow, drop the
connection at every step, answer 4xx and 5xx to every command, lie about SIZE and hang after the dot. Each dot is accounted for: it is wrong to
send a message again after a 250, unless the relay was killed before it had told the store. That is judged by order alone: before each kill
of a relay the store says what is not recorded as done, and a second copy is excused when one of the two came over a connection older than the
kill, the other over a younger one, and the store had not recorded the recipient before. FCT_TORTURE=20x500 is the whole of it."""
import collections, imaplib, json, os, random, re, signal, socket, sys, threading, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur, hostile_sink

USER = 'alice@example.test'
ROUNDS, MESSAGES = (int(n) for n in os.environ.get('FCT_TORTURE', '6x100').split('x'))
CLIENTS, DOMAINS, SHARE = 4, 10, 0.06
VICTIMS = (('store',), ('relay',), ('store', 'relay'))
CONF = '''smtp { relay_networks = ["127.0.0.0/8"] max_errors = 1000 }
relay { retry = ["1s"] dead_first = 200ms dead_max = 200ms dot_timeout = 10s delay_warning = [] }
'''


class Client:
    """Submits letters over one connection as long as it lasts, by pipelining."""

    def __init__(self, port):
        self.s = socket.create_connection(('127.0.0.1', port), timeout=60)
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
    """Some clients that submit until they are stopped."""

    def __init__(self, port, seed):
        self.port, self.messages, self.lock, self.accepted, self.ending = port, 0, threading.Lock(), set(), False
        self.threads = [threading.Thread(target=self.run, args=(random.Random(seed * 100 + i),)) for i in range(CLIENTS)]
        for t in self.threads:
            t.start()

    def run(self, rnd):
        while not self.ending:
            try:
                client = Client(self.port)
            except OSError:
                time.sleep(0.02)
                continue
            try:
                while not self.ending:
                    token = '%016x' % rnd.getrandbits(64)
                    to = ['%s@d%d.example' % (token, d) for d in rnd.sample(range(DOMAINS), rnd.choice((1, 1, 1, 3)))]
                    client.submit(to, rnd.choice((10, 1000, 4000)))
                    with self.lock:
                        self.messages += 1
                        self.accepted.update(to)
            except OSError:
                pass
            client.close()

    def so_far(self):
        with self.lock:
            return set(self.accepted)

    def wait(self, more):
        until, end = self.messages + more, time.monotonic() + 120
        while self.messages < until:
            if time.monotonic() > end:
                raise AssertionError('no progress: %d of %d' % (self.messages, until))
            time.sleep(0.002)

    def stop(self):
        self.ending = True
        for t in self.threads:
            t.join()


class RelayKill:
    """Of a relay: from `begin` to `end`, and who was done for the store when it was asked before that."""

    def __init__(self, accepted, queued):
        self.recorded = accepted - queued
        self.begin = self.end = None

    def excuses(self, recipient, dots):
        """Connections say whose a dot was: before its greeting, which comes after `opened`, nobody sends anything."""
        old, young = sorted(d.connection.opened for d in dots)
        return old < self.end and young > self.begin and recipient not in self.recorded


class QueueTorture(unittest.TestCase):
    def setUp(self):
        self.kills = []

    def kill(self, server, victims, rnd, accepted):
        before = accepted()
        kill = RelayKill(before, self.queued(server)) if 'relay' in victims else None
        for victim in victims:
            for pid in server.role_pids(victim)[:1]:  # none: it is just being started again
                begin = time.monotonic()
                os.kill(pid, signal.SIGKILL)
                if victim == 'relay':
                    kill.begin, kill.end = begin, time.monotonic()
                    self.kills.append(kill)
            time.sleep(rnd.random() / 50)

    def one_round(self, server, rnd, number, accepted):
        load, first = Load(server.port('smtp'), number), rnd.randrange(MESSAGES * 3 // 4)
        try:
            load.wait(first)
            self.kill(server, VICTIMS[number % len(VICTIMS)], rnd, lambda: accepted | load.so_far())
            load.wait(MESSAGES - first)
        finally:
            load.stop()
        return load.accepted

    def ask(self, server, *words):
        """The store may have been killed a moment ago."""
        end = time.monotonic() + 60
        while True:
            r = server.ctl(*words, '--json', check=False)
            if r.returncode == 0:
                return json.loads(r.stdout)
            self.assertLess(time.monotonic(), end, r.stderr)
            time.sleep(0.05)

    def drain(self, server):
        end = time.monotonic() + 180
        while self.ask(server, 'queue', 'top')['messages'] > 0 and time.monotonic() < end:
            time.sleep(0.2)

    def queued(self, server):
        return {r['address'] for m in self.ask(server, 'queue', 'list') for r in m['to'] if r['status'] == 'pending'}

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

    def judge(self, dots):
        """Recipients that came once more after an answer that was heard, and why others did: 'no answer', 'relay killed'."""
        last, copies, again, wrong = {}, collections.Counter(), collections.Counter(), []
        for dot in dots:
            for r in dot.to:
                before = last.get(r)
                if before and before.answer == '':
                    again['no answer'] += 1
                elif before and before.answer in ('250', '5xx') and not any(k.excuses(r, (before, dot)) for k in self.kills):
                    wrong.append('%s: %s at %.3f, again at %.3f; its connection ended at %s by %s; relays killed at %s' % (
                        r, before.answer, before.at, dot.at, before.connection.closed, before.connection.ended, [round(k.begin, 3) for k in self.kills]))
                elif before and before.answer == '250':
                    again['relay killed'] += 1
                last[r] = dot
                copies[r] += dot.answer in ('250', '')
        return wrong, copies, again

    def test_torture(self):
        rnd, accepted, start = random.Random(7), set(), time.monotonic()
        build = os.environ.get('FCT_BUILD', os.path.join(facteur.ROOT, 'build', 'release'))
        with hostile_sink.Sink(7, SHARE, DOMAINS) as sink:
            routes = {'d%d.example' % i: port for i, port in enumerate(sink.ports)}
            with facteur.Server(conf=CONF, accounts=[USER], build=build, routes=routes) as server:
                for number in range(ROUNDS):
                    accepted |= self.one_round(server, rnd, number, accepted)
                self.drain(server)
                queued, bounced = self.queued(server), self.bounced(server)
                server.ctl('store', 'check')
                wrong, copies, again = self.judge(list(sink.dots))
                delivered = {r for r, n in copies.items() if n}
                missing = [r for r in accepted if r not in delivered and r not in bounced and r not in queued]
                answers = collections.Counter(d.answer for d in sink.dots)
                print('%d rounds, %d recipients accepted: %d delivered, %d bounced, %d queued, %d missing' % (
                    ROUNDS, len(accepted), len(delivered), len(bounced), len(queued), len(missing)))
                print('%d dots: %d answered 250, %d not answered, %d refused; second copies: %d of dots without an answer, %d of what a killed relay had '
                      'not told yet, %d others; %.0f s' % (
                          len(sink.dots), answers['250'], answers[''], answers['4xx'] + answers['5xx'], again['no answer'], again['relay killed'],
                          len(wrong), time.monotonic() - start))
                print('faults: ' + ', '.join('%s %d' % f for f in sorted(sink.counted.items())))
                self.assertEqual(missing, [])
                self.assertEqual(wrong, [])
                self.assertEqual([r for r, n in bounced.items() if n > 1], [], 'told twice')
                self.assertEqual(queued, set())
                self.assertGreaterEqual(len(accepted), ROUNDS * MESSAGES)
                self.assertGreater(answers[''], 0)


if __name__ == '__main__':
    unittest.main()
