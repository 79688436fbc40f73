"""plugins/dmarc with a server and a name server: results, policies, every kind of From; facteurctl check dmarc; the public cases."""
import imaplib, json, os, re, smtplib, subprocess, sys, tempfile, unittest

sys.path[:0] = [os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'), os.path.dirname(os.path.abspath(__file__))]
import facteur
from fake_dns import FakeDNS
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
                           '(a@good.example) a@bank.example', '"a@good.example"@bank.example', 'a@bank.example (a@good.example)', 'a@bank.example(.good.example'):
                self.refused(server, 'x@good.example', message(author), 'bank.example')
            for author in ('A <a@GOOD.example>', '<a@good.example>, <b@good.example>', 'us: a@good.example, b@good.example;'):
                self.taken(server, 'x@good.example', message(author), ['DMARC_PASS'])
            self.taken(server, 'x@xn--bcher-kva.example', message('<a@b\u00fccher.example>'), ['DMARC_PASS'])
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

    def test_settings_that_are_wrong(self):
        for key, says in (('discovery = dig', 'discovery'), ('policy = strict', 'policy'), ('on_reject = bounce', 'on_reject'), ('bad_from = x', 'bad_from'),
                          ('skip_net = ["10.0.0.0/33"]', 'skip_net'), ('trusted_forwarders = ["a b"]', 'trusted_forwarders'), ('rank = 1000001', 'rank')):
            with tempfile.NamedTemporaryFile('w', suffix='.conf') as f:
                f.write('server { plugin_dir = "%s/plugins" }\nplugin dmarc { %s }\n' % (facteur.build_dir(), key))
                f.flush()
                r = ctl('--conf', f.name, 'plugin', 'check', 'dmarc')
            self.assertNotEqual(r.returncode, 0, key)
            self.assertIn(says, r.stdout + r.stderr)


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
                                  (['a.bank.example', '--discovery', 'psl'], 0), (['bank.example', '--discovery', 'dig'], 2)):
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

class PublicCases(unittest.TestCase):
    def test_cases(self):
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
            answers = ctl('check', '--driver', 'dmarc', '--dns', dns.address, stdin=lines).stdout.splitlines()
        self.assertEqual(len(answers), len(tests))
        for (name, test), answer in zip(tests, answers):
            with self.subTest(case=name):
                result, policy = answer.split('\t')[:2]
                self.assertIn(result, test['want']['result'])
                if result == 'fail' and test['want']['policy']:
                    self.assertEqual(policy, test['want']['policy'])


if __name__ == '__main__':
    unittest.main()
