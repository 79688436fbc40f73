"""plugins/dkim with a server and a name server: what we sign passes here and elsewhere, what others sign is judged; facteurctl dkim and check dkim."""
import base64, imaplib, json, os, re, smtplib, ssl, subprocess, sys, tempfile, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from fake_dns import FakeDNS

ALICE, BOB = 'alice@example.test', 'bob@example.test'
MESSAGE = 'From: Alice <alice@example.test>\r\nTo: <bob@example.test>\r\nSubject: x\r\nDate: Fri, 1 Nov 2024 10:00:00 +0000\r\nMessage-ID: <1@example.test>\r\n\r\n' \
          'body \r\n\r\nend\r\n\r\n'


def without_checking():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def ctl(*args, build=None):
    return subprocess.run([os.path.join(build or facteur.build_dir(), 'facteurctl'), *args], capture_output=True, text=True, timeout=120)


def make_key(folder, domain, selector, kind):
    """Writes the key; the record for its name."""
    path = os.path.join(folder, domain, selector + '.pem')
    os.makedirs(os.path.dirname(path), exist_ok=True)
    options = ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'] if kind == 'rsa' else ['-algorithm', 'ED25519']
    subprocess.run(['openssl', 'genpkey', *options, '-out', path], check=True, capture_output=True)
    os.chmod(path, 0o600)
    public = subprocess.run(['openssl', 'pkey', '-in', path, '-pubout', '-outform', 'DER'], check=True, capture_output=True).stdout
    return 'v=DKIM1; k=%s; p=%s' % (kind, base64.b64encode(public if kind == 'rsa' else public[-32:]).decode())


class Dkim(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.zone = {}
        for selector, kind in (('r1', 'rsa'), ('e1', 'ed25519')):
            self.zone['%s._domainkey.example.test' % selector] = {'TXT': [make_key(self.folder.name, 'example.test', selector, kind)]}

    def conf(self, *keys):
        return 'server {\n    user_filter = ""\n}\nplugin dkim {\n    deadline = 25s\n    keys = "%s"\n%s}\n' % (self.folder.name, ''.join('    %s\n' % k for k in keys))

    def submit(self, server, message=MESSAGE, options=()):
        with smtplib.SMTP_SSL('127.0.0.1', server.port('submissions'), local_hostname=facteur.CLIENT, timeout=60, context=without_checking()) as s:
            s.login(ALICE, facteur.PASSWORD)
            s.sendmail(ALICE, [BOB], message, options)
        return self.newest(server)

    def newest(self, server):
        with imaplib.IMAP4('127.0.0.1', server.port('imap')) as m:
            m.login(BOB, facteur.PASSWORD)
            _, (count,) = m.select('INBOX', readonly=True)
            _, data = m.fetch(count.decode(), '(BODY.PEEK[])')
            return data[0][1]

    def receive(self, server, message, options=()):
        """The ledger of a message that somebody else sends."""
        with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.ehlo()
            s.mail('x@other.example', options)
            s.rcpt(BOB)
            code, text = s.data(message)
            self.assertEqual(code, 250, text)
        return server.ctl('trace', text.decode().split()[-1].strip('.')).stdout

    def symbols(self, ledger):
        return {word for word in re.findall(r'[A-Z_]+', ledger) if word.startswith('DKIM_')}

    def signatures(self, message):
        return re.findall(rb'(?m)^DKIM-Signature:', message)

    def test_what_we_sign_passes(self):
        with FakeDNS(self.zone) as dns, facteur.Server(self.conf('sign = yes'), dns=dns.address) as server:
            signed = self.submit(server)
            self.assertEqual(len(self.signatures(signed)), 2)
            path = os.path.join(self.folder.name, 'signed.eml')
            with open(path, 'wb') as f:
                f.write(signed)
            checked = ctl('check', 'dkim', path, '--dns', dns.address, '--json')
            found = json.loads(checked.stdout)
            self.assertEqual((checked.returncode, found['result']), (0, 'pass'), checked.stdout)
            self.assertEqual({(s['selector'], s['algorithm'], s['result']) for s in found['signatures']},
                             {('r1', 'rsa-sha256', 'pass'), ('e1', 'ed25519-sha256', 'pass')})
            ledger = self.receive(server, signed)
            self.assertEqual(self.symbols(ledger), {'DKIM_PASS'}, ledger)
            self.assertRegex(ledger, r'd=example\.test s=[re]1 a=')
            self.assertEqual(self.symbols(self.receive(server, signed.replace(b'end', b'END'))), {'DKIM_FAIL'})
            other = signed.replace(b'alice@example.test>\r\nTo', b'eve@example.test>\r\nTo')
            self.assertEqual(self.symbols(self.receive(server, other)), {'DKIM_FAIL'})

    def test_dkimpy_takes_it(self):
        import dkim
        with FakeDNS(self.zone) as dns, facteur.Server(self.conf('sign = yes', 'canonicalization = "simple/simple"'), dns=dns.address) as server:
            signed = self.submit(server)
        keys = {name: rows['TXT'][0].encode() for name, rows in self.zone.items()}
        kinds = [re.search(rb'a=([a-z0-9-]+)', part).group(1) for part in signed.split(b'DKIM-Signature:')[1:]]
        number = kinds.index(b'rsa-sha256')  # for the other kind it needs a library of its own
        self.assertTrue(dkim.DKIM(signed).verify(idx=number, dnsfunc=lambda name, timeout=5: keys[name.decode().rstrip('.')]))

    def test_only_those_who_have_logged_in_are_signed(self):
        with FakeDNS(self.zone) as dns, facteur.Server(self.conf('sign = yes'), dns=dns.address) as server:
            self.assertEqual(self.symbols(self.receive(server, MESSAGE)), {'DKIM_NONE'})
            self.assertEqual(self.signatures(self.newest(server)), [])
            self.assertEqual(self.signatures(self.submit(server, MESSAGE.replace('alice@example.test>', 'alice@elsewhere.example>'))), [])
            self.assertEqual(len(self.signatures(self.submit(server, MESSAGE.replace('alice@example.test>', 'alice@below.example.test>')))), 2)

    def test_authors_of_domains_beyond_ascii(self):
        """Filed under either form, a key signs for both, and the signature says the A-labels (RFC 8616 4)."""
        for folder in ('b\u00fccher.example', 'xn--strae-oqa.example'):
            self.zone['s1._domainkey.' + {'b': 'xn--bcher-kva', 'x': 'xn--strae-oqa'}[folder[0]] + '.example'] = {'TXT': [make_key(self.folder.name, folder, 's1', 'rsa')]}
        with FakeDNS(self.zone) as dns, facteur.Server(self.conf('sign = yes'), dns=dns.address) as server:
            for author, domain in (('B\u00fccher.example', 'xn--bcher-kva.example'), ('XN--BCHER-KVA.example', 'xn--bcher-kva.example'),
                                   ('stra\u00dfe.example', 'xn--strae-oqa.example'), ('news.b\u00fccher.example', 'xn--bcher-kva.example')):
                with self.subTest(author=author):
                    signed = self.submit(server, MESSAGE.replace('alice@example.test>', 'alice@%s>' % author, 1).encode(), ['SMTPUTF8'])
                    self.assertEqual(re.findall(rb'(?m)^DKIM-Signature:[^;]*;[^;]*;[^;]*;\s+d=([^;]*);', signed), [domain.encode()])
                    self.assertIn('DKIM_PASS', self.symbols(self.receive(server, signed, ['SMTPUTF8'])))

    def test_keys_that_others_may_read_are_refused(self):
        os.chmod(os.path.join(self.folder.name, 'example.test', 'r1.pem'), 0o644)
        path = os.path.join(self.folder.name, 'test.conf')
        with open(path, 'w') as f:
            f.write(self.conf('sign = yes') + 'server {\n    plugin_dir = "%s"\n}\n' % os.path.join(facteur.build_dir(), 'plugins'))
        checked = ctl('--conf', path, 'config', 'check')
        self.assertNotEqual(checked.returncode, 0)
        self.assertIn('chmod 600', checked.stdout + checked.stderr)

    def signed_by(self, *names):
        head = ''.join('DKIM-Signature: v=1; a=rsa-sha256; d=%s; s=s1; h=From; b=AAAA;\r\n bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\r\n' % name for name in names)
        return head + MESSAGE

    def test_time_outs_floods_and_giants(self):
        self.zone.update({'s1._domainkey.silent%d.example' % i: 'SILENT' for i in range(10)})
        self.zone['s1._domainkey.huge.example'] = {'TXT': ['v=DKIM1; p=' + 'A' * 60000]}
        self.zone['s1._domainkey.broken.example'] = 'SERVFAIL'
        with FakeDNS(self.zone) as dns, facteur.Server(self.conf() + 'dns {\n    timeout = 3s\n}\n', dns=dns.address) as server:
            began = time.monotonic()
            ledger = self.receive(server, self.signed_by(*('silent%d.example' % i for i in range(10))))
            self.assertEqual(self.symbols(ledger), {'DKIM_TEMPERROR'}, ledger)
            self.assertLess(time.monotonic() - began, 15)  # all were asked at once, not one after the other
            before = len(dns.queries)
            ledger = self.receive(server, self.signed_by(*('flood%d.example' % i for i in range(400))))
            self.assertEqual(self.symbols(ledger), {'DKIM_PERMERROR', 'DKIM_FLOOD'}, ledger)
            self.assertEqual(len({name for name, _, _ in dns.queries[before:] if 'flood' in name}), 10)  # a busy machine still repeats silent ones
            self.assertEqual(self.symbols(self.receive(server, self.signed_by('huge.example'))), {'DKIM_PERMERROR'})
            self.assertEqual(self.symbols(self.receive(server, self.signed_by('broken.example'))), {'DKIM_TEMPERROR'})
            self.assertEqual(self.symbols(self.receive(server, 'DKIM-Signature: nonsense\r\n' + MESSAGE)), {'DKIM_NEUTRAL'})


class Keys(unittest.TestCase):
    """facteurctl dkim"""

    def setUp(self):
        work = tempfile.TemporaryDirectory()
        self.addCleanup(work.cleanup)
        self.keys = os.path.join(work.name, 'dkim')
        self.folder = os.path.join(self.keys, 'example.test')

    def run_dkim(self, *args, status=0):
        r = ctl('dkim', *args, '--keys', self.keys)
        self.assertEqual(r.returncode, status, r.stdout + r.stderr)
        return r.stdout if status == 0 else r.stderr

    def publish(self, zone, verb='record'):
        for key in json.loads(self.run_dkim(verb, 'example.test', '--json')):
            zone[key['name']] = {'TXT': [key['record']]}

    def files(self):
        return {os.path.splitext(name)[1]: os.path.splitext(name)[0] for name in os.listdir(self.folder)}

    def test_genkey_and_record(self):
        self.assertRegex(self.run_dkim('genkey', 'Example.TEST', 's1'), r'^s1\._domainkey\.example\.test\. IN TXT \( "v=DKIM1; k=rsa; p=MII')
        self.assertIn('"v=DKIM1; k=ed25519; p=', self.run_dkim('genkey', 'example.test', '--type', 'ed25519'))
        self.assertEqual(os.stat(os.path.join(self.folder, 's1.pem')).st_mode & 0o777, 0o600)
        with open(os.path.join(self.folder, 's1.pem')) as f:
            before = f.read()
        self.assertIn('already', self.run_dkim('genkey', 'example.test', 's1', status=1))
        with open(os.path.join(self.folder, 's1.pem')) as f:
            self.assertEqual(f.read(), before)
        found = json.loads(self.run_dkim('record', 'example.test', '--json'))
        self.assertEqual([(k['algorithm'], k['bits'], k['state']) for k in found if k['selector'] == 's1'], [('rsa', 2048, 'signs')])
        self.assertEqual(len(found), 2)
        for piece in re.findall(r'"([^"]*)"', self.run_dkim('record', 'example.test')):
            self.assertLessEqual(len(piece), 255)

    def test_domains_beyond_ascii(self):
        self.assertIn('s1._domainkey.xn--bcher-kva.example. IN TXT', self.run_dkim('genkey', 'B\u00fccher.example', 's1'))
        self.assertEqual(os.listdir(self.keys), ['xn--bcher-kva.example'])
        self.assertIn('s1._domainkey.xn--bcher-kva.example.', self.run_dkim('record', 'xn--bcher-kva.example'))

    def test_wrong_words(self):
        for args in (('genkey', '../x'), ('genkey', 'example.test', 'a/b'), ('genkey', 'example.test', '--bits', '512'), ('genkey', 'example.test', '--type', 'dsa'),
                     ('genkey', 'example.test', '--type', 'ed25519', '--bits', '2048'), ('record', 'example.test'), ('rotate', 'example.test')):
            self.assertNotEqual(ctl('dkim', *args, '--keys', self.keys).returncode, 0, args)
        self.assertFalse(os.path.exists(self.folder))

    def test_rotate(self):
        zone = {'example.test': {'TXT': ['x']}}
        self.run_dkim('genkey', 'example.test', 's1')
        self.run_dkim('rotate', 'example.test')
        fresh = self.files()['.next']
        self.assertEqual(self.files()['.pem'], 's1')
        with FakeDNS(zone) as dns:
            self.assertIn('does not have the record of ' + fresh, self.run_dkim('rotate', 'example.test', '--dns', dns.address, status=75))
            self.assertEqual(self.files(), {'.pem': 's1', '.next': fresh})
            self.publish(dns.zone)
            self.assertIn(fresh + '._domainkey', self.run_dkim('rotate', 'example.test', '--dns', dns.address))
        self.assertEqual(self.files(), {'.pem': fresh, '.old': 's1'})
        self.run_dkim('rotate', 'example.test')
        self.run_dkim('rotate', 'example.test', '--force')
        self.assertNotEqual(self.files()['.pem'], fresh)


class PublicSuite(unittest.TestCase):
    def test_cases(self):
        folder = facteur.data_dir()
        path = folder and os.path.join(folder, 'auth', 'dkim', 'cases.yml')
        if not path or not os.path.exists(path):
            self.skipTest('the public suite is not there')
        import yaml
        with open(path) as f:
            suite = yaml.safe_load(f)
        zone = {name: {'TXT': [row['TXT'] for row in rows]} for name, rows in suite['zonedata'].items()}
        with FakeDNS(zone) as dns, tempfile.TemporaryDirectory() as work:
            lines = ''
            for number, test in enumerate(suite['tests']):
                with open(os.path.join(os.path.dirname(path), test['file']), 'rb') as f:
                    message = re.sub(rb'\r?\n', b'\r\n', f.read())
                with open(os.path.join(work, str(number)), 'wb') as f:
                    f.write(message)
                lines += 'dkim\t%s\n' % os.path.join(work, str(number))
            r = subprocess.run([os.path.join(facteur.build_dir(), 'facteurctl'), 'check', '--driver', 'dkim', '--dns', dns.address],
                               input=lines, capture_output=True, text=True, timeout=120)
        answers = r.stdout.splitlines()
        self.assertEqual(len(answers), len(suite['tests']), r.stderr)
        for test, answer in zip(suite['tests'], answers):
            with self.subTest(case=test['file']):
                self.assertIn(answer.split('\t')[0], test['want'], answer)


if __name__ == '__main__':
    unittest.main()
