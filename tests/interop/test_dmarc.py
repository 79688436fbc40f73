"""plugins/dmarc with a server and a name server: results, policies, every kind of From; facteurctl check dmarc; the public cases."""
import imaplib, json, os, re, smtplib, subprocess, sys, tempfile, unittest

sys.path[:0] = [os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'), os.path.dirname(os.path.abspath(__file__))]
import facteur
from fake_dns import FakeDNS
from test_arc import Hop
from test_dkim import make_key
from test_spf import SuiteDNS

ALICE = 'alice@example.test'
V = 'v=DMARC1; '
HERE = {'TXT': ['v=spf1 ip4:127.0.0.1 -all']}
ZONE = {
    'good.example': HERE, 'bounce.good.example': HERE, 'evil.example': HERE, 'lists.example': HERE, 'xn--bcher-kva.example': HERE, 'helo.example': HERE,
    'bad.example': {'TXT': ['v=spf1 -all']},
    'down.example': 'SERVFAIL', 'bounce.bank.example': 'SERVFAIL',
    '_dmarc.good.example': {'TXT': [V + 'p=reject']},
    '_dmarc.helo.example': {'TXT': [V + 'p=reject']},
    '_dmarc.bank.example': {'TXT': [V + 'p=reject']},
    '_dmarc.quar.example': {'TXT': [V + 'p=quarantine']},
    '_dmarc.none.example': {'TXT': [V + 'p=none']},
    '_dmarc.test.example': {'TXT': [V + 'p=reject; t=y']},
    '_dmarc.wrong.example': {'TXT': [V + 'p=often']},
    '_dmarc.silent.example': 'SERVFAIL',
    '_dmarc.xn--bcher-kva.example': {'TXT': [V + 'p=reject']},
}


def conf(*keys, spf=True):
    """Clients come from 127.0.0.1 here: nothing is skipped."""
    own = ''.join('    %s\n' % key for key in keys)
    return 'plugin dkim {\n deadline = 25s\n}\n' + ('plugin spf {\n skip_net = []\n deadline = 25s\n}\n' if spf else '') + 'plugin dmarc {\n    skip_net = []\n    deadline = 20s\n%s}\n' % own


def message(*froms):
    return ''.join('From: %s\r\n' % f for f in froms) + 'To: <alice@example.test>\r\nSubject: x\r\n\r\nbody\r\n'


def send(server, sender, text, helo=facteur.CLIENT):
    """(code, text) of the message."""
    with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=helo, timeout=60) as s:
        s.ehlo()
        s.mail(sender, ['SMTPUTF8'] if any(ord(c) > 127 for c in text) else [])
        s.rcpt(ALICE)
        code, reply = s.data(text.encode())
        return code, reply.decode()


def ledger(server, reply):
    return server.ctl('trace', reply.split()[-1].strip('.')).stdout


def found(text):
    return {word for word in re.findall(r'[A-Z_]+', text) if word.startswith('DMARC_') or word.endswith('_FROM')}


def boxes(server):
    """How many messages in INBOX and Junk."""
    out = []
    with imaplib.IMAP4('127.0.0.1', server.port('imap')) as m:
        m.login(ALICE, facteur.PASSWORD)
        for box in ('INBOX', 'Junk'):
            ok, (count,) = m.select(box, readonly=True)
            out.append(int(count) if ok == 'OK' else 0)
    return out


class WithServer(unittest.TestCase):
    def taken(self, server, sender, text, symbols, says='', helo=facteur.CLIENT):
        code, reply = send(server, sender, text, helo)
        self.assertEqual(code, 250, (text, reply))
        told = ledger(server, reply)
        self.assertEqual(found(told), set(symbols), told)
        self.assertIn(says, told)

    def refused(self, server, sender, text, says, code=550):
        got, reply = send(server, sender, text)
        self.assertEqual((got, reply[:7]), (code, '5.7.26 '), reply)
        self.assertIn(says, reply)

    def test_results_and_what_comes_of_them(self):
        with FakeDNS(ZONE) as dns, facteur.Server(conf(), dns=dns.address) as server:
            self.taken(server, 'x@good.example', message('<a@good.example>'), ['DMARC_PASS'], 'good.example by SPF of good.example')
            self.taken(server, 'x@bounce.good.example', message('<a@news.good.example>'), ['DMARC_PASS'], 'news.good.example by SPF of bounce.good.example')
            self.taken(server, '', message('<a@helo.example>'), ['DMARC_PASS'], helo='helo.example')
            self.refused(server, 'x@evil.example', message('<a@bank.example>'), 'DMARC fails for bank.example, which asks to reject such mail')
            self.refused(server, 'x@evil.example', message('<a@sub.bank.example>'), 'DMARC fails for sub.bank.example')
            self.taken(server, 'x@evil.example', message('<a@none.example>'), ['DMARC_FAIL'], 'none.example asks for none')
            self.taken(server, 'x@evil.example', message('<a@evil.example>'), ['DMARC_NONE'])
            self.taken(server, 'x@evil.example', message('<a@wrong.example>'), ['DMARC_PERMERROR'], 'p=often is not none, quarantine or reject')
            self.taken(server, 'x@evil.example', message('<a@silent.example>'), ['DMARC_TEMPERROR'])
            self.assertEqual(boxes(server), [7, 0])
            self.taken(server, 'x@evil.example', message('<a@quar.example>'), ['DMARC_FAIL', 'DMARC_FAIL_QUARANTINE'])
            self.taken(server, 'x@evil.example', message('<a@test.example>'), ['DMARC_FAIL', 'DMARC_FAIL_QUARANTINE', 'DMARC_TESTING'])
            self.assertEqual(boxes(server), [7, 2])

    def test_the_helo_name_counts_for_an_empty_sender_only(self):
        with FakeDNS(ZONE) as dns, facteur.Server(conf(), dns=dns.address) as server:
            with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname='helo.example', timeout=60) as s:
                s.ehlo()
                s.mail('x@evil.example')
                s.rcpt(ALICE)
                self.assertEqual(s.data(message('<a@helo.example>').encode())[0], 550)

    def test_what_could_not_be_checked(self):
        """A forger's sender whose DNS is broken does not spare his mail; the author's own does."""
        with FakeDNS(ZONE) as dns, facteur.Server(conf(), dns=dns.address) as server:
            self.refused(server, 'x@down.example', message('<a@bank.example>'), 'bank.example')
            self.taken(server, 'x@bounce.bank.example', message('<a@bank.example>'), ['DMARC_TEMPERROR'])
        with FakeDNS(ZONE) as dns, facteur.Server(conf(spf=False), dns=dns.address) as server:
            self.taken(server, 'x@evil.example', message('<a@bank.example>'), ['DMARC_TEMPERROR'], 'SPF was not checked')

    def test_every_kind_of_from(self):
        many = 'From has addresses of several domains'
        with FakeDNS(ZONE) as dns, facteur.Server(conf(), dns=dns.address) as server:
            for froms, says in [
                (['<a@good.example>', '<a@bank.example>'], 'several From fields'),
                (['<a@good.example>', '<a@good.example>'], 'several From fields'),
                (['<a@good.example>, <a@bank.example>'], many),
                (['<a@bank.example>, friends: <a@good.example>;'], many),
                (['<a@good.example> <a@bank.example>'], 'From cannot be read for certain'),
                ([], 'no From field'),
            ]:
                self.refused(server, 'x@good.example', message(*froms), says)
            hidden = 'From : <a@bank.example>\r\n' + message('<a@good.example>')
            self.refused(server, 'x@good.example', hidden, 'several From fields')
            for author in ('"boss@good.example" <a@bank.example>', 'boss@good.example <a@bank.example>', '=?utf-8?q?boss=40good.example?= <a@bank.example>',
                           '(a@good.example) a@bank.example', '"a@good.example"@bank.example', 'a@bank.example (a@good.example)', 'a@bank.example(.good.example',
                           '<@good.example:a@bank.example>', 'a . b @ bank . example', '<a@bank.example(good.example)>', '"a\\" <x@good.example>" <a@bank.example>',
                           'x <a@BANK.example>', 'us: "good.example" <a@bank.example>;,', '<a@bank.example>\r\n', 'a@bank\r\n .example'):
                self.refused(server, 'x@good.example', message(author), 'bank.example')
            for author in ('A <a@GOOD.example>', '<a@good.example>, <b@good.example>', 'us: a@good.example, b@good.example;'):
                self.taken(server, 'x@good.example', message(author), ['DMARC_PASS'])
            for author in ('<a@b\u00fccher.example>', '<a@XN--BCHER-KVA.example>', '<a@b\u00fccher.example>, <b@xn--bcher-kva.example>'):
                self.taken(server, 'x@xn--bcher-kva.example', message(author), ['DMARC_PASS'])
            self.refused(server, 'x@xn--bcher-kva.example', message('<a@b\u00fccher.example>, <a@bucher.example>'), many)
            for author in ('a@good.example\0.bank.example', '<a@bank.example\0>', '<a@good.example>, <a@bank..example>', '<a@bank.example'):
                self.assertEqual(send(server, 'x@good.example', message(author))[0] // 100, 5, author)
            for author in ('undisclosed:;', 'root'):
                self.taken(server, 'x@good.example', message(author), ['DMARC_NONE'])

    def test_what_the_configuration_makes_of_it(self):
        bank = message('<a@bank.example>')
        with FakeDNS(ZONE) as dns, facteur.Server(conf('policy = symbol', 'bad_from = keep'), dns=dns.address) as server:
            code, reply = send(server, 'x@evil.example', bank)
            self.assertEqual(code, 250)
            self.assertIn('DMARC_FAIL_REJECT', ledger(server, reply))
            code, reply = send(server, 'x@good.example', message('<a@good.example>', '<a@bank.example>'))
            self.assertEqual(found(ledger(server, reply)), {'MULTIPLE_FROM', 'DMARC_PERMERROR'})
        with FakeDNS(ZONE) as dns, facteur.Server(conf('policy = ignore', 'discovery = psl'), dns=dns.address) as server:
            code, reply = send(server, 'x@evil.example', message('<a@b.sub.bank.example>'))
            self.assertEqual(code, 250)
            self.assertRegex(ledger(server, reply), r'DMARC_FAIL_REJECT +0\.000 "b\.sub\.bank\.example, by the record of bank\.example"')
            self.assertEqual([dns.asked('_dmarc.' + name) for name in ('b.sub.bank.example', 'sub.bank.example', 'bank.example', 'example')], [1, 0, 1, 0])
        with FakeDNS(ZONE) as dns, facteur.Server(conf('on_reject = junk', 'trusted_forwarders = ["lists.example"]'), dns=dns.address) as server:
            self.taken(server, 'x@evil.example', bank, ['DMARC_FAIL', 'DMARC_FAIL_REJECT'])
            self.assertEqual(boxes(server), [0, 1])
            self.taken(server, 'x@lists.example', bank, ['DMARC_FAIL', 'DMARC_FORWARDED'], 'by lists.example')
            self.assertEqual(boxes(server), [1, 1])
        with FakeDNS(ZONE) as dns, facteur.Server(conf().replace('skip_net = []', 'skip_net = ["127.0.0.0/8"]'), dns=dns.address) as server:
            self.taken(server, 'x@evil.example', bank, [])
            self.assertEqual(dns.queries, [])

    def test_mailing_lists(self):
        """Mail of a list is junk where its author's domain asks to reject; who only says so is refused."""
        bank, quar = message('<a@bank.example>'), message('<a@quar.example>')
        mark = 'List-Id: Friends <friends.lists.example>\r\n'
        post = mark + 'List-Post: <mailto:friends@lists.example>\r\n'
        with FakeDNS(ZONE) as dns, facteur.Server(conf(), dns=dns.address) as server:
            self.taken(server, 'x@lists.example', post + bank, ['DMARC_FAIL', 'DMARC_LIST'], 'friends.lists.example')
            self.taken(server, 'x@lists.example', mark + 'Precedence: list\r\n' + quar, ['DMARC_FAIL', 'DMARC_LIST'])
            self.assertEqual(boxes(server), [0, 2])
            for sender, text in (('x@evil.example', post), ('x@lists.example', mark), ('x@lists.example', mark + 'Precedence: bulk\r\n'), ('x@lists.example', post + mark),
                                 ('x@lists.example', post.replace('<friends.lists.example>', 'friends.lists.example')), ('x@lists.example', post.replace('.lists', '.mylists'))):
                self.refused(server, sender, text + bank, 'bank.example')
            self.refused(server, 'x@lists.example', post + message('<a@bank.example>', '<b@lists.example>'), 'several From fields')
        for action, where in (('keep', [1, 0]), ('quarantine', [0, 1])):  # the milder of on_list and on_quarantine
            with FakeDNS(ZONE) as dns, facteur.Server(conf('on_list = ' + action), dns=dns.address) as server:
                self.taken(server, 'x@lists.example', post + quar, ['DMARC_FAIL', 'DMARC_LIST'])
                self.assertEqual(boxes(server), where)
        with FakeDNS(ZONE) as dns, facteur.Server(conf('on_list = reject'), dns=dns.address) as server:
            self.refused(server, 'x@lists.example', post + bank, 'bank.example')

    def test_opendmarc(self):
        """The other engine, with the same words and actions."""
        with FakeDNS(ZONE) as dns, facteur.Server(conf('engine = opendmarc'), dns=dns.address) as server:
            self.taken(server, 'x@bounce.good.example', message('<a@good.example>'), ['DMARC_PASS'], 'good.example by SPF of bounce.good.example')
            self.refused(server, 'x@evil.example', message('<a@bank.example>'), 'DMARC fails for bank.example, which asks to reject such mail')
            self.taken(server, 'x@evil.example', message('<a@quar.example>'), ['DMARC_FAIL', 'DMARC_FAIL_QUARANTINE'])
            self.taken(server, 'x@evil.example', message('<a@silent.example>'), ['DMARC_TEMPERROR'])
            self.taken(server, 'x@evil.example', message('<a@wrong.example>'), ['DMARC_PERMERROR'])
            self.assertTrue(all(name.startswith('_dmarc.') or kind == 'TXT' for name, kind, _ in dns.queries), dns.queries)

    def test_a_slow_name_server(self):
        """Scans may wait as long as the DNS: a result, not a plugin that ran into its deadline."""
        with FakeDNS(dict(ZONE, **{'_dmarc.slow.example': 'SILENT'})) as dns, facteur.Server(conf() + 'dns { timeout = 9s }\n', dns=dns.address) as server:
            self.taken(server, 'x@good.example', message('<a@slow.example>'), ['DMARC_TEMPERROR'])

    def test_settings_that_are_wrong(self):
        for key, says in (('engine = x', 'native or opendmarc'), ('engine = opendmarc\n public_suffix_list = "/nowhere"', '/nowhere: No such file'), ('on_list = bounce', 'on_list'),
                          ('trusted_sealers = ["*"]', 'trusted_sealers'), ('discovery = dig', 'discovery'), ('policy = strict', 'policy'), ('on_reject = bounce', 'on_reject'), ('bad_from = x', 'bad_from'),
                          ('skip_net = ["10.0.0.0/33"]', 'skip_net'), ('trusted_forwarders = ["a b"]', 'trusted_forwarders'), ('rank = 1000001', 'rank')):
            with tempfile.NamedTemporaryFile('w', suffix='.conf') as f:
                f.write('server { plugin_dir = "%s/plugins" }\nplugin dmarc { %s }\n' % (facteur.build_dir(), key))
                f.flush()
                r = ctl('--conf', f.name, 'plugin', 'check', 'dmarc')
            self.assertNotEqual(r.returncode, 0, key)
            self.assertIn(says, r.stdout + r.stderr)


class Deadlines(unittest.TestCase):
    def test_they_agree(self):
        """As shipped: an answer, all answers, the plugin, the scan, the message; each is shorter than the next, or a plugin has no result to tell."""
        def seconds(path, pattern):
            with open(os.path.join(facteur.ROOT, path)) as f:
                return [int(n) for n in re.findall(pattern, f.read(), re.MULTILINE)]
        (answer,) = seconds('conf.d/35-dns.conf', r'^ *#?timeout = (\d+)s$')
        (dns,) = seconds('conf.d/35-dns.conf', r'^ *#?message_timeout = (\d+)s$')
        (scan,) = seconds('conf.d/50-plugins.conf', r'^ *#?scan_timeout = (\d+)s$')
        (hook,) = seconds('conf.d/50-plugins.conf', r'^ *#?hook_timeout = (\d+)s$')
        (whole,) = seconds('conf.d/50-plugins.conf', r'^ *#?message_timeout = (\d+)s$')
        self.assertLess(answer, dns)
        self.assertLess(scan, whole)
        for name in ('spf', 'dkim', 'dmarc', 'arc'):
            (deadline,) = seconds('plugins/%s/%s.conf' % (name, name), r'^ *deadline = (\d+)s$')
            self.assertLess(dns, deadline, name)
            self.assertLessEqual(deadline, min(scan, hook), name)


class Sealers(unittest.TestCase):
    """Forwarders that changed a message, and sealed what they saw before (plugin arc)."""

    @classmethod
    def setUpClass(cls):
        cls.hops = [Hop('list.example'), Hop('other.example')]
        cls.zone = dict(ZONE, **{name: rows for hop in cls.hops for name, rows in hop.zone.items()})
        cls.message = (message('<a@bank.example>').replace('\r\n\r\n', '\r\nDate: Fri, 1 Nov 2024 10:00:00 +0000\r\nMessage-ID: <1@bank.example>\r\n\r\n')).encode()

    def told(self, text, *keys):
        """(code, symbols) of a message that DMARC would refuse."""
        every = 'plugin arc {\n deadline = 25s\n}\nplugin authres { }\n' + conf(*keys)
        with FakeDNS(self.zone) as dns, facteur.Server(every, dns=dns.address) as server:
            code, reply = send(server, 'x@evil.example', text.decode())
            return code, found(ledger(server, reply)) if code == 250 else reply

    def test_trusted(self):
        listed, other = self.hops
        passed = b'dmarc=pass (p=reject) header.from=bank.example'
        good = listed.seal(self.message, passed)
        excused = (250, {'DMARC_FAIL', 'DMARC_FORWARDED'})
        self.assertEqual(self.told(good, 'trusted_sealers = ["list.example"]'), excused)
        self.assertEqual(self.told(good, 'trusted_sealers = ["*.example"]'), excused)
        again = other.seal(good, b'dmarc=fail header.from=bank.example', 'pass')
        self.assertEqual(self.told(again, 'trusted_sealers = ["list.example", "other.example"]'), excused)
        self.assertEqual(self.told(listed.seal(self.message, b'spf=pass smtp.mailfrom=mail.bank.example'), 'trusted_sealers = ["list.example"]'), excused)
        for text, key in ((good, 'rank = 50'), (good, 'trusted_sealers = ["other.example"]'), (again, 'trusted_sealers = ["list.example"]'),
                          (good.replace(b'body', b'BODY'), 'trusted_sealers = ["list.example"]'),
                          (listed.seal(self.message, b'dmarc=fail header.from=bank.example'), 'trusted_sealers = ["list.example"]'),
                          (listed.seal(self.message, b'dmarc=pass header.from=evil.example'), 'trusted_sealers = ["list.example"]')):
            code, reply = self.told(text, key)
            self.assertEqual((code, reply[:7]), (550, '5.7.26 '), (key, reply))


class WithAllOfThem(unittest.TestCase):
    """spf, dkim and dmarc judge, authres writes it down."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='facteur-dmarc.')
        self.addCleanup(folder.cleanup)
        self.zone = dict(ZONE)
        self.keys = {}
        for domain in ('mail.bank.example', 'evil.example'):
            self.zone['s1._domainkey.' + domain] = {'TXT': [make_key(folder.name, domain, 's1', 'rsa')]}
            with open(os.path.join(folder.name, domain, 's1.pem'), 'rb') as f:
                self.keys[domain] = f.read()
        self.zone['s1._domainkey.unreachable.example'] = 'SERVFAIL'

    def signed(self, text, *domains):
        import dkim
        for domain in domains:
            key = self.keys.get(domain, self.keys['evil.example'])
            text = (dkim.sign(text.encode(), b's1', domain.encode(), key, include_headers=[b'from', b'subject']) + text.encode()).decode()
        return text

    def results(self, server):
        """Our field of the last message, on one line; the fields that come with it."""
        with imaplib.IMAP4('127.0.0.1', server.port('imap')) as m:
            m.login(ALICE, facteur.PASSWORD)
            _, (count,) = m.select('INBOX', readonly=True)
            _, data = m.fetch(count.decode(), '(BODY.PEEK[HEADER])')
            head = re.sub(r'\r\n(?=[ \t])', '', data[0][1].decode())
            fields = [f for f in head.split('\r\n') if f.startswith('Authentication-Results:')]
            self.assertLess(head.index('Authentication-Results:'), head.index('Received:'))
            return re.sub(r'\s+', ' ', fields[0]), fields[1:]

    def test_signatures(self):
        bank = message('<a@bank.example>')
        every = 'plugin authres { }\n' + conf()
        with FakeDNS(self.zone) as dns, facteur.Server(every, dns=dns.address) as server:
            code, reply = send(server, 'x@evil.example', self.signed(bank, 'evil.example', 'mail.bank.example'))
            self.assertEqual(code, 250, reply)
            self.assertIn('bank.example by DKIM of mail.bank.example', ledger(server, reply))
            ours, others = self.results(server)
            self.assertRegex(ours, r'^Authentication-Results: \S+; spf=pass smtp\.mailfrom=evil\.example; spf=none smtp\.helo=client\.test; '
                             r'dkim=pass \(2048 bits\) header\.d=mail\.bank\.example header\.s=s1 header\.a=rsa-sha256 header\.b="[^"]+"; '
                             r'dkim=pass \(2048 bits\) header\.d=evil\.example .*; dmarc=pass header\.from=bank\.example$')
            self.assertEqual(others, [])
            for domains in (['evil.example'], ['unreachable.example'], []):  # a stranger's, one whose key nobody can fetch, none
                self.assertEqual(send(server, 'x@evil.example', self.signed(bank, *domains))[0], 550, domains)
            changed = self.signed(bank, 'mail.bank.example').replace('body', 'BODY')
            self.assertEqual(send(server, 'x@evil.example', changed)[0], 550)

    def test_forged_results_help_nobody(self):
        with FakeDNS(self.zone) as dns, facteur.Server('plugin authres { }\n' + conf(), dns=dns.address) as server:
            self.assertEqual(send(server, 'x@good.example', message('<a@good.example>'))[0], 250)
            name = self.results(server)[0].split()[1].strip(';')
            forged = 'Authentication-Results: %s;\r\n dkim=pass header.d=bank.example; dmarc=pass header.from=bank.example\r\n' % name
            self.assertEqual(send(server, 'x@evil.example', forged + message('<a@bank.example>'))[0], 550)
            elsewhere = 'Authentication-Results: mx.elsewhere.example; dmarc=fail\r\n'
            self.assertEqual(send(server, 'x@evil.example', forged + elsewhere + message('<a@none.example>'))[0], 250)
            ours, others = self.results(server)
            self.assertRegex(ours, r'dmarc=fail header\.from=none\.example policy\.dmarc=none$')
            self.assertEqual(others, ['Authentication-Results: mx.elsewhere.example; dmarc=fail'])


# ---- the command ----

def ctl(*args, stdin=None):
    return subprocess.run([os.path.join(facteur.build_dir(), 'facteurctl'), *args], input=stdin, capture_output=True, text=True, timeout=120)


class Command(unittest.TestCase):
    def test_steps(self):
        with FakeDNS(ZONE) as dns:
            r = ctl('check', 'dmarc', 'sub.bank.example', '--dns', dns.address)
            self.assertEqual(r.returncode, 0, r.stderr)
            for line in ('_dmarc.sub.bank.example: nothing', '_dmarc.bank.example: v=DMARC1; p=reject', '_dmarc.example: nothing', 'record of    bank.example', 'asks for     reject'):
                self.assertIn(line, r.stdout)
            r = ctl('--json', 'check', 'dmarc', 'bank.example', '--dkim', 'mail.bank.example', '--dns', dns.address)
            self.assertEqual(r.returncode, 0, r.stderr)
            answer = json.loads(r.stdout)
            self.assertEqual((answer['result'], answer['aligned']), ('pass', 'mail.bank.example'))
            for words, status in ((['bank.example', '--spf', 'evil.example'], 1), (['nobody.example'], 1), (['wrong.example'], 1), (['silent.example'], 75),
                                  (['a.bank.example', '--discovery', 'psl'], 0), (['bank.example', '--discovery', 'dig'], 2),
                                  (['bank.example', '--engine', 'opendmarc', '--dkim', 'mail.bank.example'], 0), (['bank.example', '--engine', 'opendmarc', '--spf', 'evil.example'], 1),
                                  (['bank.example', '--engine', 'other'], 2)):
                self.assertEqual(ctl('check', 'dmarc', *words, '--dns', dns.address).returncode, status, words)

    def test_driver(self):
        lines = [{'from': 'bank.example', 'spf': {'result': 'fail', 'domain': 'bank.example'}, 'dkim': [{'result': 'pass', 'domain': 'x.bank.example'}]},
                 {'from': 'bank.example', 'spf': {'result': 'neutral', 'domain': 'bank.example'}, 'dkim': []}, 7, {}]
        with FakeDNS(ZONE) as dns:
            r = ctl('check', '--driver', 'dmarc', '--dns', dns.address, stdin=''.join(json.dumps(line) + '\n' for line in lines))
            self.assertEqual(r.returncode, 0, r.stderr)
            self.assertEqual([line.split('\t')[:2] for line in r.stdout.splitlines()], [['pass', 'none'], ['fail', 'reject'], ['error', 'none'], ['permerror', 'none']])
            self.assertEqual(dns.asked('_dmarc.bank.example'), 2)  # each line with an empty cache


# ---- the public cases ----

OPENDMARC_WRONG = ['bad-p-with-rua']

class PublicCases(unittest.TestCase):
    def test_cases(self):
        self.assertEqual(self.wrong(), [])

    def test_opendmarc(self):
        """plugins/dmarc/README.md says so."""
        self.assertEqual(self.wrong('--engine', 'opendmarc'), OPENDMARC_WRONG)
        self.assertEqual(self.wrong('--discovery', 'psl'), [])

    def wrong(self, *options):
        """The names of the cases that are not answered right."""
        folder = facteur.data_dir()
        path = folder and os.path.join(folder, 'auth', 'dmarc', 'cases-dev.yml')
        if not path or not os.path.exists(path):
            self.skipTest('the public cases are not there')
        import yaml
        with open(path) as f:
            cases = yaml.safe_load(f)
        with SuiteDNS() as dns:
            dns.load(cases['zonedata'])
            tests = list(cases['tests'].items())
            lines = ''.join(json.dumps({key: t[key] for key in ('from', 'spf', 'dkim')}) + '\n' for _, t in tests)
            answers = ctl('check', '--driver', 'dmarc', '--dns', dns.address, *options, stdin=lines).stdout.splitlines()
        self.assertEqual(len(answers), len(tests))
        out = []
        for (name, test), answer in zip(tests, answers):
            result, policy = answer.split('\t')[:2]
            if result not in test['want']['result'] or (result == 'fail' and test['want']['policy'] and policy != test['want']['policy']):
                out.append(name)
        return out


if __name__ == '__main__':
    unittest.main()
