"""kill -9 under load: every acknowledged message is there, whole, once (SMTP: at most twice), and the store checks clean.

16 clients deliver; in each of 20 rounds a process is killed: the store, the edge or a filter in turn, and in every fourth round the
whole server. A store built to answer before it writes must be caught by the same test."""
import collections, hashlib, os, random, re, signal, smtplib, sys, threading, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur, imaplib

imaplib._MAXLINE = 10 ** 8
USERS = ['u%02d@example.test' % i for i in range(20)]
ROUNDS = int(os.environ.get('FCT_KILL_ROUNDS', '20'))
CLIENTS = 16


class Load:
    """Clients that deliver as fast as they are answered and remember what was acknowledged."""

    def __init__(self, server, seed):
        self.server, self.acked, self.lock, self.ending = server, {}, threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.client, args=(random.Random(seed * 1000 + i),)) for i in range(CLIENTS)]
        for t in self.threads:
            t.start()

    def client(self, rnd):
        while not self.ending.is_set():
            try:
                with smtplib.SMTP('127.0.0.1', self.server.port('smtp'), local_hostname=facteur.CLIENT, timeout=60) as s:
                    while not self.ending.is_set():
                        self.deliver(s, rnd)
            except (OSError, smtplib.SMTPException):
                time.sleep(0.02)

    def deliver(self, s, rnd):
        token, user = '%016x' % rnd.getrandbits(64), rnd.choice(USERS)
        body = ((token + ' ') * 8 + '\r\n') * rnd.choice((1, 20, 400))
        digest = hashlib.sha256(body.encode()).hexdigest()
        s.sendmail('sender@outside.example', [user], 'Subject: %s\r\nX-Digest: %s\r\n\r\n%s' % (token, digest, body))
        with self.lock:
            self.acked[token] = user

    def count(self):
        with self.lock:
            return len(self.acked)

    def wait_for(self, more, seconds=120):
        """Until `more` further messages were acknowledged: progress, not time, paces the test."""
        target, end = self.count() + more, time.monotonic() + seconds
        while self.count() < target:
            if time.monotonic() > end:
                raise AssertionError('no progress: %d of %d in %d s' % (self.count(), target, seconds))
            time.sleep(0.005)

    def stop(self):
        self.ending.set()
        for t in self.threads:
            t.join()


def look(server, acked):
    """(lost, broken, too often) among the acknowledged."""
    found, broken = collections.Counter(), []
    for user in USERS:
        m = imaplib.IMAP4('127.0.0.1', server.port('imap'))
        m.login(user, facteur.PASSWORD)
        for box in ('INBOX', 'Quarantine'):
            if m.select('"%s"' % box, readonly=True)[0] != 'OK' or not m.search(None, 'ALL')[1][0]:
                continue
            for part in m.fetch('1:*', '(BODY.PEEK[])')[1]:
                if isinstance(part, tuple):
                    head, _, body = part[1].partition(b'\r\n\r\n')
                    token = re.search(rb'(?m)^Subject: (\w+)\r$', head).group(1).decode()
                    digest = re.search(rb'(?m)^X-Digest: (\w+)\r$', head + b'\r\n').group(1).decode()
                    found[token] += 1
                    if hashlib.sha256(body).hexdigest() != digest:
                        broken.append(token)
        m.logout()
    return [t for t in acked if not found[t]], broken, [t for t in found if found[t] > 2]


def kill_all(server):
    pids = server.descendants()
    for pid in [server.process.pid] + pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    server.process.wait()
    server.process.stdout.close()
    server.errors.close()
    server.process = None


def kill_rounds(server, rounds, seed):
    rnd, acked = random.Random(seed), {}
    for number in range(rounds):
        load = Load(server, seed * 100 + number)
        try:
            load.wait_for(rnd.randrange(20, 120))
            if number % 4 == 3:
                kill_all(server)
            else:
                for pid in server.role_pids(('store', 'edge', 'filter')[number % 4])[:1]:
                    os.kill(pid, signal.SIGKILL)
                load.wait_for(10)
        finally:
            load.stop()
        acked.update(load.acked)
        if not server.process:
            server.start()
    return acked


class Kill(unittest.TestCase):
    def test_nothing_acknowledged_is_lost(self):
        build = os.path.join(facteur.ROOT, 'build', 'release')
        with facteur.Server(accounts=USERS, build=build) as server:
            acked = kill_rounds(server, ROUNDS, 7)
            lost, broken, often = look(server, acked)
            print('%d acknowledged over %d kills: %d lost, %d broken, %d more than twice' % (len(acked), ROUNDS, len(lost), len(broken), len(often)))
            self.assertGreater(len(acked), 20 * ROUNDS)
            self.assertEqual((lost, broken, often), ([], [], []))
            server.ctl('store', 'check')

    def test_a_store_that_answers_before_it_writes_is_caught(self):
        build = os.path.join(facteur.ROOT, 'build', 'release')
        for seed in range(1, 6):
            with facteur.Server(accounts=USERS, build=build, program='facteur-planted') as server:
                acked = kill_rounds(server, 4, seed)
                lost, broken, often = look(server, acked)
            if lost or broken:
                print('noticed with seed %d: %d lost, %d broken of %d' % (seed, len(lost), len(broken), len(acked)))
                return
        self.fail('a store that answers too early was not noticed')


if __name__ == '__main__':
    unittest.main()
