"""facteurctl learn on thousands of messages: folders, Maildirs, mbox files, a user's database, the bar on a terminal, what cannot be read, a Redis that goes away."""
import json, os, pty, random, re, shutil, subprocess, sys, tempfile, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from redis_server import Redis

MANY = 3000
ANNA = 'anna@example.org'
CONF = 'redis { url = "unix:%s"  retry = 200ms  timeout = 2s }\nplugin bayes { secret = "of this test" }\n'


def mail(seed):
    pick = random.Random(seed)
    words = ' '.join('word%d' % pick.randrange(2000) for _ in range(12))
    return 'From: s%d@outside.example\nSubject: number %d\nMessage-ID: <%d@outside.example>\n\n%s\n' % (seed % 9, seed, seed, words)


def has_terminals():
    try:
        for fd in os.openpty():
            os.close(fd)
        return True
    except OSError:
        return False


class LearnCommand(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='facteur-learn.')
        cls.redis = Redis(os.path.join(cls.folder, 'redis'))
        cls.conf = os.path.join(cls.folder, 'facteur.conf')
        with open(cls.conf, 'w') as f:
            f.write(CONF % cls.redis.socket)

    @classmethod
    def tearDownClass(cls):
        cls.redis.kill()
        shutil.rmtree(cls.folder, ignore_errors=True)

    def setUp(self):
        self.redis.cli('flushall')

    def command(self, *args):
        return [os.path.join(facteur.build_dir(), 'facteurctl'), '--conf', self.conf, *args]

    def ctl(self, *args, status=0):
        r = subprocess.run(self.command(*args), capture_output=True, text=True, timeout=300)
        self.assertEqual(r.returncode, status, r.stdout + r.stderr)
        return r.stdout if status == 0 else r.stdout + r.stderr

    def path(self, name, text=None):
        p = os.path.join(self.folder, name)
        if text is not None:
            os.makedirs(os.path.dirname(p), exist_ok=True)
            with open(p, 'w') as f:
                f.write(text)
        return p

    def mbox(self, name, seeds):
        return self.path(name, ''.join('From x@y.example Thu Jan  1 00:00:00 2026\n%s\n' % mail(i) for i in seeds))

    def maildir(self, name, seeds):
        for i in seeds:
            self.path('%s/%s/%d.%d.host%s' % (name, 'cur' if i % 2 else 'new', i, i, ':2,S' if i % 2 else ''), mail(i))
        self.path(name + '/tmp/unfinished', mail(-1))
        return self.path(name)

    def counts(self, *args):
        status = json.loads(self.ctl('--json', 'learn', 'status', *args))
        return status['spam'], status['ham']

    def test_thousands(self):
        """One mbox and one Maildir; said again by other files, all are known."""
        self.assertIn('%d learned as spam' % MANY, self.ctl('learn', 'spam', self.mbox('box', range(MANY))))
        self.assertEqual(self.counts(), (MANY, 0))
        found = json.loads(self.ctl('--json', 'learn', 'spam', self.maildir('Maildir', range(MANY - 200, MANY + 300)), self.path('box')))
        self.assertEqual((found['learned'], found['known'], found['changed'], found['unread']), (300, MANY + 200, 0, 0))
        self.assertEqual(self.counts(), (MANY + 300, 0))
        self.assertIn('500 learned as ham, 500 of them were learned as spam before', self.ctl('learn', 'ham', self.path('Maildir')))
        self.assertEqual(self.counts(), (MANY - 200, 500))

    def test_an_account(self):
        self.ctl('learn', 'ham', '--account', ANNA, self.mbox('own', range(20)))
        self.assertEqual(self.counts('--account', ANNA), (0, 20))
        self.assertEqual(self.counts('--account', ANNA.upper()), (0, 20))
        self.assertEqual(self.counts(), (0, 0))
        self.assertEqual(self.counts('--account', 'joe@example.org'), (0, 0))

    def test_errors(self):
        """Links that lead nowhere or back, and empty files, are no messages; words that make no sense are named."""
        folder = self.maildir('some', range(10))
        os.symlink(self.path('nowhere'), self.path('some/cur/broken'))
        os.symlink(folder, self.path('some/cur/loop'))
        self.path('some/cur/nothing', '')
        self.assertEqual(self.ctl('learn', 'spam', folder), '10 learned as spam\n')
        for args, said in ((('spam', self.path('missing')), 'No such file'), (('spam',), 'FILE'), (('ham', '--account', 'anna', folder), 'full address'), (('maybe', folder), 'learn')):
            r = subprocess.run(self.command('learn', *args), capture_output=True, text=True, timeout=60)
            self.assertNotEqual(r.returncode, 0)
            self.assertIn(said, r.stderr + r.stdout)
        os.makedirs(self.path('empty'), exist_ok=True)
        self.assertIn('there is no message', self.ctl('learn', 'spam', self.path('empty'), status=1))

    def test_beside_a_server_of_ones_own(self):
        """`facteurctl --dir` knows what `facteur dev --conf` was given."""
        folder = self.maildir('dev', range(3))
        with facteur.Server(CONF % self.redis.socket, accounts=[ANNA]) as server:
            self.assertEqual(server.ctl('learn', 'spam', folder).stdout, '3 learned as spam\n')
            self.assertIn('plugin bayes.secret', server.ctl('config', 'show').stdout)
            self.assertIn('learn forget --account ' + ANNA, server.ctl('account', 'remove', '--yes', ANNA).stderr)
            server.stop()
            self.assertEqual(server.ctl('learn', 'ham', folder).stdout, '3 learned as ham, 3 of them were learned as spam before\n')
            with open(os.path.join(server.dir, 'test.conf'), 'w') as f:
                f.write('redis { spawn = no }\n')  # changed since
            self.assertIn('no plugin bayes', server.ctl('learn', 'spam', folder, check=False).stderr)

    def test_progress(self):
        """On a terminal a bar that is gone in the end; into a file nothing of it."""
        if not has_terminals():
            self.skipTest('this machine has no terminals (no /dev/pts)')
        master, slave = pty.openpty()
        p = subprocess.Popen(self.command('learn', 'spam', self.mbox('bar', range(MANY))), stdout=subprocess.PIPE, stderr=slave, text=True, env=dict(os.environ, TERM='xterm'))
        os.close(slave)
        shown = b''
        try:
            while piece := os.read(master, 65536):
                shown += piece
        except OSError:  # the other side is closed
            pass
        os.close(master)
        self.assertIn('%d learned' % MANY, p.communicate(timeout=300)[0])
        steps = [int(n) for n in re.findall(rb'(\d+) %, \d+ messages', shown)]
        self.assertEqual(steps, sorted(steps))
        self.assertGreater(len(steps), 1)
        self.assertTrue(shown.endswith(b'\r\x1b[K'), shown[-80:])
        r = subprocess.run(self.command('learn', 'spam', self.path('bar')), capture_output=True, text=True, timeout=300)
        self.assertEqual((r.returncode, r.stderr), (0, ''))

    def test_redis_away(self):
        box = self.mbox('away', range(20))
        self.redis.kill()
        try:
            self.assertRegex(self.ctl('learn', 'spam', box, status=75), r'(?m)^facteurctl: unix:%s: .*Redis' % re.escape(self.redis.socket))
        finally:
            self.redis.start()
        self.redis.cli('config', 'set', 'maxmemory', '1')
        try:
            out = self.ctl('learn', 'spam', box, status=75)
            self.assertIn('0 learned as spam', out)
            self.assertRegex(out, r'OOM|memory')
        finally:
            self.redis.cli('config', 'set', 'maxmemory', '0')
        self.assertIn('20 learned', self.ctl('learn', 'spam', box))

    def test_no_redis_no_plugin(self):
        for conf, said in (('redis { spawn = no }\nplugin bayes { }\n', 'there is no Redis'), ('redis { url = "unix:%s" }\n' % self.redis.socket, 'no plugin bayes')):
            path = self.path('other.conf', conf)
            r = subprocess.run([self.command()[0], '--conf', path, 'learn', 'spam', self.mbox('few', range(2))], capture_output=True, text=True, timeout=60)
            self.assertNotEqual(r.returncode, 0)
            self.assertIn(said, r.stderr)

    def test_fuzzy_alone(self):
        """No learner needs another one."""
        path = self.path('fuzzy.conf', 'redis { url = "unix:%s"  retry = 200ms  timeout = 2s }\nplugin fuzzy { }\n' % self.redis.socket)
        long = self.path('long.eml', 'From: a@outside.example\nSubject: long\nMessage-ID: <long@outside.example>\n\n%s\n' % ' '.join('w%s' % chr(97 + i % 26) * (2 + i % 7) for i in range(200)))
        short = self.path('short.eml', 'From: a@outside.example\nSubject: short\nMessage-ID: <short@outside.example>\n\nshort\n')
        for said in ('1 learned as spam, 1 could not be read', '0 learned as spam, 1 were known already, 1 could not be read'):
            r = subprocess.run([self.command()[0], '--conf', path, 'learn', 'spam', long, short], capture_output=True, text=True, timeout=60)
            self.assertEqual((r.returncode, r.stderr), (0, ''))
            self.assertIn(said, r.stdout)
        r = subprocess.run([self.command()[0], '--conf', path, 'learn', 'status'], capture_output=True, text=True, timeout=60)
        self.assertIn('no plugin bayes', r.stderr)


if __name__ == '__main__':
    unittest.main()
