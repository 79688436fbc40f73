"""plugins/spf with a server and a name server, facteurctl check spf, and the public test suite of RFC 7208."""
import imaplib, json, os, smtplib, socket, ssl, subprocess, sys, tempfile, threading, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from fake_dns import FakeDNS
from ports import free_port

ALICE, BOB = 'alice@example.test', 'bob@example.test'
MESSAGE = 'From: <x@good.example>\r\nTo: <alice@example.test>\r\nSubject: x\r\n\r\nbody\r\n'
ZONE = {
    'good.example': {'TXT': ['v=spf1 ip4:127.0.0.1 -all']},
    'far.example': {'TXT': ['v=spf1 ip4:192.0.2.7 -all']},
    'bad.example': {'TXT': ['v=spf1 -all exp=why.bad.example']},
    'why.bad.example': {'TXT': ['%{i} is not ours, ask %{r}; sender %{s}']},
    'soft.example': {'TXT': ['v=spf1 ~all']},
    'wrong.example': {'TXT': ['v=spf1 ip4:999 -all']},
    'broken.example': 'SERVFAIL',
    'silent.example': 'SILENT',
    'helo.example': {'TXT': ['v=spf1 a -all'], 'A': ['127.0.0.1']},
    'xn--bcher-kva.example': {'TXT': ['v=spf1 ip4:127.0.0.0/8 -all']},
    'loop.example': {'TXT': ['v=spf1 include:loop.example -all']},
    'bomb.example': {'TXT': ['v=spf1 ' + ' '.join('exists:%s.bomb.example' % ('%{s}' * 60) for _ in range(200)) + ' -all']},
    'huge.example': {'TXT': ['v=spf1 ' + 'ip4:192.0.2.1 ' * 4000 + '-all']},
    'slow.example': ('SLOW', 1.5, {'TXT': ['v=spf1 include:slow.example -all']}),
}
for i in range(12):
    ZONE['chain%d.example' % i] = ('SLOW', 1, {'TXT': ['v=spf1 include:chain%d.example -all' % (i + 1)]})


def conf(*keys):
    """Clients come from 127.0.0.1 here: nothing is skipped unless said."""
    own = ''.join('    %s\n' % key for key in keys if 'skip_net' not in key)
    skip = next((key for key in keys if 'skip_net' in key), 'skip_net = []')
    return 'plugin spf {\n    deadline = 25s\n    %s\n%s}\n' % (skip, own)


class WithServer(unittest.TestCase):
    def send(self, server, sender, helo=facteur.CLIENT, options=()):
        """(code, text) of MAIL, or of the message when that was taken."""
        with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=helo, timeout=60) as s:
            s.ehlo()
            code, text = s.mail(sender, options)
            if code == 250:
                s.rcpt(ALICE)
                code, text = s.data(MESSAGE)
            return code, text.decode()

    def read(self, server):
        with imaplib.IMAP4('127.0.0.1', server.port('imap')) as m:
            m.login(ALICE, facteur.PASSWORD)
            _, (count,) = m.select('INBOX', readonly=True)
            _, data = m.fetch(count.decode(), '(BODY.PEEK[HEADER])')
            return data[0][1].decode()

    def ledger(self, server, text):
        """What is known of the message that this reply is about."""
        return server.ctl('trace', text.split()[-1].strip('.')).stdout

    def check(self, server, sender, symbols, helo=facteur.CLIENT, options=()):
        code, text = self.send(server, sender, helo, options)
        self.assertEqual(code, 250, (sender, text))
        ledger = self.ledger(server, text)
        found = {word for word in ledger.replace('(', ' ').split() if word.startswith('SPF_')}
        self.assertEqual(found, set(symbols), (sender, ledger))
        return ledger

    def test_results_become_symbols(self):
        with FakeDNS(ZONE) as dns, facteur.Server(conf(), dns=dns.address) as server:
            ledger = self.check(server, 'x@good.example', ['SPF_PASS', 'SPF_HELO_NONE'])
            self.assertIn('mailfrom=good.example; client=127.0.0.1; by=ip4:127.0.0.1', ledger)
            self.check(server, 'x@bad.example', ['SPF_FAIL', 'SPF_HELO_PASS'], helo='helo.example')
            self.check(server, 'x@soft.example', ['SPF_SOFTFAIL', 'SPF_HELO_FAIL'], helo='bad.example')
            self.assertEqual(dns.asked('why.bad.example'), 0)  # nobody would read it
            self.assertIn('a mistake in a mechanism: ip4:999', self.check(server, 'x@wrong.example', ['SPF_PERMERROR', 'SPF_HELO_NONE']))
            self.check(server, 'x@broken.example', ['SPF_TEMPERROR', 'SPF_HELO_NONE'])
            self.check(server, 'x@nobody.example', ['SPF_NONE', 'SPF_HELO_NONE'])
            self.assertIn('helo=helo.example', self.check(server, '', ['SPF_PASS'], helo='helo.example'))
            self.check(server, 'x@b\u00fccher.example', ['SPF_PASS', 'SPF_HELO_NONE'], options=('SMTPUTF8',))

    def test_loops_bombs_and_giants(self):
        with FakeDNS(ZONE) as dns, facteur.Server(conf('helo = no'), dns=dns.address) as server:
            self.assertIn('more than 10 terms', self.check(server, 'x@loop.example', ['SPF_PERMERROR']))
            before, began = len(dns.queries), time.monotonic()
            self.check(server, 'a' * 60 + '@bomb.example', ['SPF_PERMERROR'])
            self.assertLess(len(dns.queries) - before, 30)
            self.assertLess(time.monotonic() - began, 20)
            self.check(server, 'x@huge.example', ['SPF_FAIL'])

    def test_refusals(self):
        with FakeDNS(ZONE) as dns, facteur.Server(conf('reject_fail = yes', 'reject_helo_fail = yes', 'defer_temperror = yes'), dns=dns.address) as server:
            code, text = self.send(server, 'x@bad.example')
            self.assertEqual(code, 550)
            self.assertRegex(text, r'^5\.7\.23 SPF: MAIL FROM check failed: bad\.example does not permit 127\.0\.0\.1; bad\.example explains: '
                             r'127\.0\.0\.1 is not ours, ask \S+; sender x@bad\.example')
            code, text = self.send(server, 'x@good.example', helo='bad.example')
            self.assertEqual((code, text[:28]), (550, '5.7.23 SPF: HELO check faile'))
            code, text = self.send(server, '', helo='bad.example')
            self.assertEqual((code, text[:28]), (550, '5.7.23 SPF: HELO check faile'))
            code, text = self.send(server, 'x@broken.example')
            self.assertEqual((code, text[:12]), (451, '4.7.24 SPF: '))
            self.assertEqual(self.send(server, 'x@soft.example')[0], 250)
            self.assertEqual(self.send(server, 'x@good.example')[0], 250)

    def test_without_explanation(self):
        with FakeDNS(ZONE) as dns, facteur.Server(conf('reject_fail = yes', 'explanation = no'), dns=dns.address) as server:
            code, text = self.send(server, 'x@bad.example')
            self.assertEqual(code, 550)
            self.assertNotIn('explains', text)
            self.assertEqual(dns.asked('why.bad.example'), 0)

    def test_who_is_not_checked(self):
        with FakeDNS(ZONE) as dns, facteur.Server(conf('reject_fail = yes', 'skip_net = ["127.0.0.0/8"]'), dns=dns.address) as server:
            self.check(server, 'x@bad.example', [])
            self.assertEqual(dns.asked('bad.example'), 0)
        with FakeDNS(ZONE) as dns, facteur.Server(conf('reject_fail = yes'), dns=dns.address) as server:
            with smtplib.SMTP('127.0.0.1', server.port('submission'), local_hostname='bad.example', timeout=60) as s:
                s.ehlo()
                context = ssl.create_default_context()
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                s.starttls(context=context)
                s.login(ALICE, facteur.PASSWORD)
                self.assertEqual(s.mail(ALICE)[0], 250)
            self.assertEqual(dns.queries, [])

    def test_received_spf(self):
        with FakeDNS(ZONE) as dns, facteur.Server(conf('received_spf = yes'), dns=dns.address) as server:
            self.assertEqual(self.send(server, '"odd\\"one"@good.example')[0], 250)
            head = self.read(server)
            field = next(f for f in head.replace('\r\n\t', ' ').split('\r\n') if f.startswith('Received-SPF:'))
            self.assertRegex(field, r'^Received-SPF: pass \(\S+: good\.example designates as permitted sender 127\.0\.0\.1\) receiver=\S+; client-ip=127\.0\.0\.1; '
                             r'envelope-from="\\"odd\\\\\\"one\\"@good\.example"; helo=client\.test; identity=mailfrom; mechanism="ip4:127\.0\.0\.1"$')
            self.assertLess(head.index('Received-SPF:'), head.index('Received:'))

    def mail_from_far(self, port, sender):
        """The reply to MAIL of a client at 192.0.2.7: libspf2 lets everything pass that comes from loopback."""
        with socket.create_connection(('127.0.0.1', port), 60) as s, s.makefile('rwb') as f:
            f.write(('PROXY TCP4 192.0.2.7 198.51.100.9 4711 25\r\nHELO c.example\r\nMAIL FROM:<%s>\r\nQUIT\r\n' % sender).encode())
            f.flush()
            return f.read().decode().split('\r\n')[2]

    def test_libspf2(self):
        """The other engine, in the fiber too: a silent name keeps nobody waiting."""
        port = free_port()
        text = conf('engine = "libspf2"', 'helo = no', 'reject_fail = yes', 'defer_temperror = yes') + 'dns { timeout = 10s }\n' + \
            'listener far { address = ["127.0.0.1:%d"] protocol = smtp proxy = yes }\n' % port
        with FakeDNS(ZONE) as dns, facteur.Server(text, dns=dns.address) as server:
            self.assertRegex(self.mail_from_far(port, 'x@far.example'), '^250 ')
            self.assertRegex(self.mail_from_far(port, 'x@bad.example'), '^550 5.7.23 SPF: MAIL FROM check failed: bad.example does not permit 192.0.2.7')
            self.assertRegex(self.mail_from_far(port, 'x@broken.example'), '^451 4.7.24 SPF: .*: libspf2: ')
            slow = threading.Thread(target=self.mail_from_far, args=(port, 'x@silent.example'))
            slow.start()
            while not dns.asked('silent.example'):
                time.sleep(0.01)
            self.assertRegex(self.mail_from_far(port, 'x@far.example'), '^250 ')
            self.assertTrue(slow.is_alive())
            slow.join()
            self.assertRegex(self.mail_from_far(port, 'x@loop.example'), '^250 ')

    def test_a_slow_dns_costs_no_mail(self):
        """Nobody answers: temperror in time, the message is taken; the limit of all questions together holds."""
        keys = 'helo = no', 'time_limit = 3s'
        with FakeDNS(ZONE) as dns, facteur.Server(conf(*keys) + 'dns { timeout = 3s }\n', dns=dns.address) as server:
            self.check(server, 'x@silent.example', ['SPF_TEMPERROR'])
            self.assertIn('no answer from the DNS', self.check(server, 'x@chain0.example', ['SPF_TEMPERROR']))
            self.assertLess(dns.asked('chain6.example'), 1)
            self.check(server, 'x@good.example', ['SPF_PASS'])

    def test_the_deadline_of_the_plugin(self):
        """It passes its deadline: the message is taken all the same, as on_timeout says of plugins that only score."""
        with FakeDNS(ZONE) as dns, facteur.Server('plugin spf {\n skip_net = []\n helo = no\n deadline = 3s\n on_timeout = pass\n}\ndns { timeout = 10s }\n', dns=dns.address) as server:
            self.check(server, 'x@silent.example', [])
            self.check(server, 'x@good.example', ['SPF_PASS'])

    def test_settings_that_are_wrong(self):
        for key, says in (('skip_net = ["10.0.0.0/33"]', 'skip_net'), ('engine = "other"', 'engine'), ('max_names = 21', 'max_names'), ('max_lookups = 0', 'max_lookups'), ('time_limit = 10ms', 'time_limit')):
            path = os.path.join(self.folder, 'x.conf')
            with open(path, 'w') as f:
                f.write('server { plugin_dir = "%s/plugins" }\n%s' % (facteur.build_dir(), conf(key)))
            r = ctl('--conf', path, 'plugin', 'check', 'spf')
            self.assertNotEqual(r.returncode, 0, key)
            self.assertIn(says, r.stdout + r.stderr)

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='facteur-spf.')
        self.addCleanup(folder.cleanup)
        self.folder = folder.name


def ctl(*args, stdin=None):
    return subprocess.run([os.path.join(facteur.build_dir(), 'facteurctl'), *args], input=stdin, capture_output=True, text=True, timeout=120)


class Command(unittest.TestCase):
    def test_steps(self):
        with FakeDNS(ZONE) as dns:
            r = ctl('check', 'spf', 'bad.example', '192.0.2.1', '--dns', dns.address)
            self.assertEqual(r.returncode, 1, r.stderr)
            for line in ('TXT bad.example: 1 record', 'bad.example: v=spf1 -all exp=why.bad.example', '-all: match', 'result       fail', 'decided by   -all'):
                self.assertIn(line, r.stdout)
            r = ctl('--json', 'check', 'spf', 'x@good.example', '127.0.0.1', '--dns', dns.address)
            self.assertEqual(r.returncode, 0)
            answer = json.loads(r.stdout)
            self.assertEqual((answer['result'], answer['term'], answer['lookups']), ('pass', 'ip4:127.0.0.1', 0))
            self.assertEqual(ctl('check', 'spf', 'broken.example', '192.0.2.1', '--dns', dns.address).returncode, 75)
            self.assertEqual(ctl('check', 'spf', 'good.example', '--dns', dns.address).returncode, 0)
            self.assertEqual(ctl('check', 'spf', 'wrong.example', '--dns', dns.address).returncode, 1)
            r = ctl('check', 'spf', 'good.example', '1.2.3', '--dns', dns.address)
            self.assertEqual((r.returncode, r.stderr.strip().split(': ')[-1]), (2, '1.2.3 is not an IP address'))

    def test_driver(self):
        with FakeDNS(ZONE) as dns:
            lines = '127.0.0.1\tc.example\tx@good.example\n\n192.0.2.1\tbad.example\t\n'
            r = ctl('check', '--driver', 'spf', '--dns', dns.address, stdin=lines)
            self.assertEqual(r.returncode, 0, r.stderr)
            answers = [line.split('\t') for line in r.stdout.splitlines()]
            self.assertEqual([a[0] for a in answers], ['pass', 'error', 'fail'])
            self.assertTrue(answers[2][2].startswith('192.0.2.1 is not ours, ask '))
            self.assertEqual(dns.asked('good.example'), 1)
            r = ctl('check', '--driver', 'spf', '--engine', 'libspf2', '--dns', dns.address, stdin=lines)
            self.assertEqual([line.split('\t')[0] for line in r.stdout.splitlines()], ['pass', 'error', 'fail'])
            self.assertEqual(ctl('check', 'spf', 'good.example', '127.0.0.1', '--engine', 'nothing').returncode, 2)
            self.assertEqual(ctl('check', '--driver', 'nothing').returncode, 2)
            self.assertIn('check what?', ctl('check').stderr)


# ---- the public suite ----

class SuiteDNS(FakeDNS):
    """Zones in the form of the suite: {name: [{TYPE: value} or TIMEOUT]}. SPF entries are TXT unless the name has those; TIMEOUT: no answer
    for every type that was not named before."""

    def __init__(self):
        super().__init__({})
        self.timeouts = set()

    def load(self, data):
        self.zone, self.timeouts = {}, set()
        for name, entries in data.items():
            name, rows, spf = str(name).rstrip('.').lower(), {}, []
            for entry in entries:
                if entry == 'TIMEOUT':
                    self.timeouts.add(name)
                    continue
                (kind, value), = entry.items()
                if kind == 'SPF':
                    spf.append(value)
                elif value == 'NONE':
                    rows.setdefault(kind, [])
                elif kind == 'MX':
                    rows.setdefault(kind, []).append('%d %s' % (value[0], value[1] or '.'))
                else:
                    rows.setdefault(kind, []).append(value)
            if 'TXT' not in rows and spf:
                rows['TXT'] = spf
            self.zone[name] = rows

    def collect(self, name, kind):
        manner, rcode, records = super().collect(name, kind)
        if name in self.timeouts and not records:
            return 'SERVFAIL', rcode, records
        return manner, rcode, records


class PublicSuite(unittest.TestCase):
    def test_rfc7208(self):
        folder = facteur.data_dir()
        path = folder and os.path.join(folder, 'auth', 'spf', 'rfc7208-dev.yml')
        if not path or not os.path.exists(path):
            self.skipTest('the public suite is not there')
        import yaml
        with open(path) as f:
            scenarios = [d for d in yaml.safe_load_all(f) if d and 'tests' in d]
        for scenario in scenarios:
            with SuiteDNS() as dns:
                dns.load(scenario['zonedata'])
                tests = list(scenario['tests'].items())
                lines = ''.join('%s\t%s\t%s\n' % (t['host'], t['helo'], t.get('mailfrom') or '') for _, t in tests)
                answers = ctl('check', '--driver', 'spf', '--dns', dns.address, stdin=lines).stdout.split('\n')
            for (name, test), answer in zip(tests, answers):
                with self.subTest(case=name):
                    got = answer.split('\t')
                    wanted = test['result'] if isinstance(test['result'], list) else [test['result']]
                    self.assertIn(got[0], wanted, answer)
                    if test.get('explanation', 'DEFAULT') != 'DEFAULT':
                        self.assertEqual(got[2], test['explanation'])


if __name__ == '__main__':
    unittest.main()
