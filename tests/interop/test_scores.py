"""What administrators and users see of scores: settings of accounts judge, symbols say where they come from, the history knows what was kept and refused."""
import imaplib, json, os, shutil, smtplib, sys, tempfile, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from redis_server import Redis, wait_for

ALICE, BOB, CAROL = 'alice@example.test', 'bob@example.test', 'carol@example.test'
RULE = '''
rule { "NEWS_WORD", score = 3, group = "words", about = "Speaks of news",
  function(m) if m.subject:find("news", 1, true) then return "seen" end end }
'''
CONF = '''
redis { spawn = no }
lua { file = ["%s"] }
composite NEWS_TWICE { expression = "NEWS_WORD" score = 1.5 group = words doc = "Made of one" }
profile default {
    junk = 6
    reject = 15
    score = ["NEWS_WORD=4"]
    group_cap = ["words=5"]
}
profile loud { score = ["NEWS_WORD=0", "NEWS_TWICE=20"] group_cap = ["words=30"] }
profile quiet { disable = ["NEWS_WORD"] }
'''
server = folder = None


def setUpModule():
    global server, folder
    folder = tempfile.TemporaryDirectory()
    path = os.path.join(folder.name, 'news.lua')
    with open(path, 'w') as f:
        f.write(RULE)
    server = facteur.Server(conf=CONF % path, accounts=[ALICE, BOB, CAROL]).start()


def tearDownModule():
    server.__exit__(None, None, None)
    folder.cleanup()


def ctl(*args, check=True):
    return server.ctl(*args, check=check)


def send(subject, *to, sender='boss@remote.example'):
    """The id of the message; an SMTPDataError when it was refused."""
    with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=facteur.CLIENT) as s:
        s.ehlo()
        s.mail(sender)
        for rcpt in to:
            assert s.rcpt(rcpt)[0] == 250
        code, reply = s.data('From: boss@remote.example\r\nTo: you@remote.example\r\nSubject: %s\r\n\r\nx\r\n' % subject)
        if code != 250:
            raise smtplib.SMTPDataError(code, reply)
        return reply.decode().split()[-1]


def where(user, identity):
    """The mailbox of a user's copy, and its ledger."""
    for copy in json.loads(ctl('--json', 'trace', identity).stdout):
        if copy['account'] == user:
            return copy['mailbox'], copy['ledger']
    return None, None


class Settings(unittest.TestCase):
    def test_own_threshold(self):
        ctl('account', 'set', BOB, 'junk=4.5')
        identity = send('news', ALICE, BOB)
        self.assertEqual(where(ALICE, identity)[0], 'INBOX')
        mailbox, ledger = where(BOB, identity)
        self.assertEqual(mailbox, 'Junk')
        judged = [e for e in ledger['entries'] if e['kind'] == 'profile']
        self.assertEqual([e['by'] for e in judged], ['default+own'])
        self.assertIn('junk 4.5', judged[0]['detail'])
        ctl('account', 'set', BOB, 'junk=')
        self.assertEqual(where(BOB, send('news', ALICE, BOB))[0], 'INBOX')

    def test_block_and_allow(self):
        ctl('account', 'set', CAROL, 'block_from=*.example, other.example')
        identity = send('hello', ALICE, CAROL)
        self.assertEqual(where(ALICE, identity)[0], 'INBOX')
        mailbox, ledger = where(CAROL, identity)
        self.assertEqual(mailbox, 'Junk')
        self.assertIn('block_from *.example', json.dumps(ledger))
        ctl('account', 'set', CAROL, 'allow_from=boss@remote.example', 'allow_unproven=yes')
        self.assertEqual(where(CAROL, send('hello', CAROL))[0], 'INBOX')
        ctl('account', 'set', CAROL, 'allow_unproven=')  # nobody proved it
        self.assertEqual(where(CAROL, send('hello', CAROL))[0], 'Junk')
        ctl('account', 'set', CAROL, 'allow_from=', 'block_from=')

    def test_what_is_wrong_is_refused(self):
        for item, why in (('junk=six', 'score from 0 to 1000'), ('allow_from=example', 'not an address'), ('privacy=much', 'none of'),
                          ('languages=d', 'language tag'), ('block_action=keep', 'none of')):
            done = ctl('account', 'set', ALICE, item, check=False)
            self.assertNotEqual(done.returncode, 0, item)
            self.assertIn(why, done.stderr)
        ctl('account', 'set', ALICE, 'a_rule_of_mine=anything')
        self.assertIn('a_rule_of_mine', ctl('account', 'show', ALICE).stdout)
        self.assertIn('the server itself knows junk', ctl('account', 'set', ALICE, 'jnk=5').stderr)
        self.assertIn('no profile lowd', ctl('account', 'set', ALICE, 'profile=lowd').stderr)
        for name in ('loud', 'default', ''):
            self.assertEqual(ctl('account', 'set', ALICE, 'profile=' + name).stderr, '')
        self.assertEqual(ctl('account', 'set', ALICE, 'jnk=', 'colour=blue', 'junk=').stderr.count('itself'), 1)


class Symbols(unittest.TestCase):
    def test_where_a_symbol_comes_from(self):
        told = ctl('symbol', 'show', 'NEWS_WORD').stdout
        self.assertRegex(told, r'(?m)^  about +Speaks of news$')
        self.assertRegex(told, r'(?m)^  score +3$')
        self.assertRegex(told, r'(?m)^  origin +.*news\.lua:2$')
        self.assertRegex(told, r'(?m)^  profile +default: 4  \(.*:\d+:\d+\)$')
        self.assertRegex(told, r'(?m)^  profile +quiet: does not count  \(.*:\d+:\d+\)$')
        self.assertRegex(told, r'(?m)^  group limit +default: at most 5 ')

    def test_a_pattern_among_others(self):
        """Of a table of patterns the symbol's own line."""
        told = json.loads(ctl('--json', 'symbol', 'show', 'PHISH_VERIFY_ACCOUNT').stdout)
        path, line = told['origin'].rsplit(':', 1)
        with open(path) as f:
            self.assertRegex(f.read().splitlines()[int(line) - 1], r'^ *PHISH_VERIFY_ACCOUNT = ')

    def test_a_composite(self):
        told = json.loads(ctl('--json', 'symbol', 'show', 'NEWS_TWICE').stdout)
        self.assertEqual((told['score'], told['expression'], told['doc']), (1.5, 'NEWS_WORD', 'Made of one'))
        self.assertRegex(told['origin'], r':\d+:\d+$')
        self.assertEqual([(o['profile'], o['score']) for o in told['overrides']], [('loud', 20)])

    def test_list(self):
        self.assertRegex(ctl('symbol', 'list').stdout, r'(?m)^NEWS_WORD +4 +words +lua +Speaks of news$')
        names = [s['name'] for s in json.loads(ctl('--json', 'symbol', 'list').stdout)]
        self.assertIn('NEWS_TWICE', names)

    def test_unknown(self):
        done = ctl('symbol', 'show', 'NEWS_WORDS', check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('did you mean NEWS_WORD?', done.stderr)


class History(unittest.TestCase):
    def entries(self, *filters):
        return json.loads(ctl('--json', 'history', *filters).stdout)

    def test_kept_and_refused(self):
        ctl('account', 'set', BOB, 'profile=loud')
        kept = send('news for you', ALICE, sender='a@one.example')
        with self.assertRaises(smtplib.SMTPDataError):
            send('news', BOB, sender='a@two.example')
        ctl('account', 'set', BOB, 'profile=')
        one = self.entries('--from', 'one.example')[0]
        self.assertEqual((one['id'], one['action'], one['score'], one['recipients']), (kept, 'keep', 5, 1))
        self.assertIn('NEWS_WORD=4', one['symbols'])
        self.assertIn('words=-0.5', one['symbols'])  # the limit of the group: the sum is the score
        self.assertRegex(one['from'], r'^#[0-9a-f]{12}@one\.example$')
        two = self.entries('--from', 'a@two.example')[0]  # by the address, though it is hashed
        self.assertEqual((two['action'], two['score'], two['profile']), ('reject', 20, 'loud'))
        self.assertEqual(self.entries('--from', 'b@two.example'), [])
        self.assertIn(two['id'], [e['id'] for e in self.entries('--action', 'reject', '--symbol', 'NEWS_TWICE', '--min-score', '20')])
        self.assertEqual(self.entries('--min-score', '21'), [])
        self.assertEqual(self.entries('--ip', '192.0.2.1'), [])
        self.assertEqual(len(self.entries('--limit', '1')), 1)
        told = ctl('trace', two['id']).stdout  # refused: the history knows more than the store
        self.assertRegex(told, r'reject  20')
        self.assertIn('NEWS_TWICE=20', told)
        self.assertRegex(ctl('history', '--since', '1h').stdout, r'(?m)^TIME +ID +ACTION')

    def test_outlives_a_reload(self):
        before = send('hello', ALICE)
        ctl('reload')
        after = send('hello', ALICE)
        known = [e['id'] for e in self.entries()]
        self.assertLess(known.index(after), known.index(before))  # the newest first

    def test_wrong_filters(self):
        for args in (('--action', 'eat'), ('--limit', '0'), ('--min-score', 'x'), ('--since', 'never')):
            self.assertNotEqual(ctl('history', *args, check=False).returncode, 0, args)


class Stream(unittest.TestCase):
    """The history in Redis: it goes there behind the replies, waits while Redis is away, and outlives the server."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='facteur-history.')
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.redis = Redis(self.folder)
        self.addCleanup(self.redis.kill)

    def serve(self):
        own = facteur.Server(conf='redis { url = "unix:%s" retry = 200ms }\ncomposite ALWAYS { expression = "!NOBODY?" score = 2 }\n' % self.redis.socket, accounts=[ALICE])
        own.start()
        self.addCleanup(own.__exit__, None, None, None)
        return own

    def send(self, own, sender):
        with smtplib.SMTP('127.0.0.1', own.port('smtp'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.sendmail(sender, [ALICE], 'Subject: x\r\n\r\nx\r\n')

    def entries(self, own, *filters):
        return json.loads(own.ctl('--json', 'history', *filters).stdout)

    def senders(self, own, *filters):
        return [e['from'].split('@')[1] for e in self.entries(own, *filters)]

    def test_a_redis_that_stood_still_has_each_once(self):
        """What it was sent before it stood still it does as soon as it goes on, though nobody waits any more."""
        own = self.serve()
        self.send(own, 'a@one.example')
        wait_for(lambda: self.redis.cli('xlen', 'fct:hist') == '1', 'the first entry in Redis')
        self.redis.pause()
        self.send(own, 'a@two.example')
        own.wait_log('redis_away')
        self.redis.resume()
        wait_for(lambda: self.redis.cli('xlen', 'fct:hist') != '1', 'the entry that waited')
        self.send(own, 'a@three.example')
        wait_for(lambda: 'three.example' in self.redis.cli('xrevrange', 'fct:hist', '+', '-', 'count', '1'), 'the last one')
        self.assertEqual(self.senders(own), ['three.example', 'two.example', 'one.example'])

    def test_it_goes_there_and_waits_while_redis_is_away(self):
        own = self.serve()
        self.send(own, 'a@one.example')
        wait_for(lambda: self.redis.cli('xlen', 'fct:hist') == '1', 'the first entry in Redis')
        fields = self.redis.cli('xrange', 'fct:hist', '-', '+').split()
        self.assertIn('ALWAYS=2', fields)
        self.assertRegex(' '.join(fields), r'from #[0-9a-f]{12}@one\.example')
        self.redis.kill()
        self.send(own, 'a@two.example')
        self.assertEqual(self.senders(own)[0], 'two.example')  # from memory
        self.redis.start()
        wait_for(lambda: 'two.example' in self.redis.cli('xrevrange', 'fct:hist', '+', '-', 'count', '1'), 'the entry that waited')
        before = {e['id'] for e in self.entries(own)}
        own.__exit__(None, None, None)
        other = self.serve()  # another server, the same Redis: the same key, as soon as Redis was asked for it

        def has_both():
            self.send(other, 'a@two.example')
            found = {e['id'] for e in self.entries(other, '--from', 'a@two.example')}
            return found & before and found - before

        wait_for(has_both, 'what both servers wrote')
        self.assertEqual(set(self.senders(other, '--local')), {'two.example'})


if __name__ == '__main__':
    unittest.main()
