"""Hostile senders and name servers against spf, dkim, dmarc and arc together: every message is answered within the time that docs/authentication.md names,
with temperror or permerror where nobody can say, nothing passes that should not, and nothing that was taken is lost."""
import base64, imaplib, os, re, secrets, smtplib, sys, tempfile, time, unittest

sys.path[:0] = [os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'), os.path.dirname(os.path.abspath(__file__))]
import facteur
from fake_dns import FakeDNS
from test_dkim import make_key

ALICE = 'alice@example.test'
MARGIN = 20  # seconds that a busy machine may take besides waiting for the DNS
DNS = 'dns {\n timeout = 2s\n message_timeout = 4s\n}\n'
PATIENT = 'dns {\n timeout = 10s\n message_timeout = 20s\n}\n'  # where a result is wanted, however busy the machine
# Two steps of the dialogue ask: MAIL (spf), and the message (dkim, arc, dmarc).
LONGEST = 2 * 4 + MARGIN


def conf(*, dkim='', dns=DNS):
    return ('plugin spf {\n deadline = 25s\n skip_net = []\n}\nplugin dkim {\n deadline = 25s\n %s\n}\nplugin arc {\n deadline = 25s\n}\n'
            'plugin dmarc {\n deadline = 25s\n skip_net = []\n}\n%s' % (dkim, dns))


def signature(domain, selector='s1', tags=''):
    return ('DKIM-Signature: v=1; a=rsa-sha256; d=%s; s=%s; h=From;%s b=%s;\r\n bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\r\n'
            % (domain, selector, tags, base64.b64encode(b'x' * 256).decode()))


def message(domain, above=''):
    return '%sFrom: <a@%s>\r\nTo: <%s>\r\nSubject: x\r\n\r\nbody\r\n' % (above, domain, ALICE)


def der(tag, body):
    n = len(body)
    head = bytes([n]) if n < 128 else bytes([0x81, n]) if n < 256 else bytes([0x82]) + n.to_bytes(2, 'big')
    return bytes([tag]) + head + body


def giant_key(bits, exponent=65537):
    """A record with an RSA key of so many bits; nobody has the other half."""
    modulus = secrets.randbits(bits) | 1 << bits - 1 | 1
    numbers = b''.join(der(2, b'\0' + n.to_bytes((n.bit_length() + 7) // 8, 'big')) for n in (modulus, exponent))
    algorithm = der(0x30, bytes.fromhex('06092a864886f70d010101') + b'\x05\0')
    return 'v=DKIM1; k=rsa; p=' + base64.b64encode(der(0x30, algorithm + der(3, b'\0' + der(0x30, numbers)))).decode()


class Hostile(unittest.TestCase):
    def setUp(self):
        self.taken = 0

    def send(self, server, text, sender='x@evil.example'):
        """(code, symbols, seconds)"""
        began = time.monotonic()
        with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=facteur.CLIENT, timeout=120) as s:
            s.ehlo()
            self.assertEqual(s.mail(sender)[0], 250)
            self.assertEqual(s.rcpt(ALICE)[0], 250)
            code, reply = s.data(text if isinstance(text, bytes) else text.encode())
        took = time.monotonic() - began
        if code != 250:
            return code, set(), took
        self.taken += 1
        ledger = server.ctl('trace', reply.decode().split()[-1].strip('.')).stdout
        return code, {word for word in re.findall(r'[A-Z_]+', ledger) if re.match('(SPF|DKIM|DMARC|ARC)_', word)}, took

    def assert_nothing_lost(self, server):
        with imaplib.IMAP4('127.0.0.1', server.port('imap')) as m:
            m.login(ALICE, facteur.PASSWORD)
            there = 0
            for box in ('INBOX', 'Junk'):
                ok, (count,) = m.select(box, readonly=True)
                there += int(count) if ok == 'OK' else 0
        self.assertEqual(there, self.taken)

    def zone_with(self, entries):
        """Each name is a sender, a signer and has a policy: {name: what is found at the three}."""
        zone = {}
        for name, entry in entries.items():
            for at in (name, 's1._domainkey.' + name, '_dmarc.' + name):
                zone[at] = entry
        return zone

    def test_a_name_server_that_misbehaves(self):
        many = {'TXT': ['v=spf1 +all', 'v=DMARC1; p=none'] + ['x%d' % i for i in range(1000)]}
        entries = {
            'silent.example': 'SILENT', 'servfail.example': 'SERVFAIL', 'refused.example': 'REFUSED', 'garbage.example': 'GARBAGE',
            'slow.example': ('SLOW', 30, {'TXT': ['v=spf1 +all']}),
            'giant.example': {'TXT': ['v=spf1 ' + 'x' * 60000]},
            'many.example': many,
            'circle.example': {'CNAME': ['circle.example']},
        }
        zone = self.zone_with(entries)
        for i in range(40):  # and one that has no end
            zone['chain%d.example' % i] = {'CNAME': ['chain%d.example' % (i + 1)]}
        zone.update(self.zone_with({'chain.example': {'CNAME': ['chain0.example']}}))
        with FakeDNS(zone) as dns, facteur.Server(conf(), dns=dns.address) as server:
            for name in [*entries, 'chain.example']:
                with self.subTest(name=name):
                    code, symbols, took = self.send(server, message(name, signature(name)), 'x@' + name)
                    self.assertEqual(code, 250)
                    self.assertLess(took, LONGEST)
                    self.assertEqual({s for s in symbols if s.endswith('_PASS')}, set(), symbols)
                    self.assertTrue(symbols & {'SPF_TEMPERROR', 'SPF_PERMERROR', 'SPF_NONE'}, symbols)
                    self.assertTrue(symbols & {'DKIM_TEMPERROR', 'DKIM_PERMERROR'}, symbols)
                    if isinstance(entries.get(name), str):
                        self.assertLessEqual({'SPF_TEMPERROR', 'DKIM_TEMPERROR', 'DMARC_TEMPERROR'}, symbols)
            self.assert_nothing_lost(server)

    def test_lies_are_not_believed_and_the_truth_is(self):
        """Forged answers before the right one, and answers only by TCP."""
        texts = {'lied.example': 'FORGED', 'short.example': 'TRUNCATED'}
        zone = {}
        for name, manner in texts.items():
            zone[name] = (manner, {'TXT': ['v=spf1 ip4:127.0.0.1 -all']})
            zone['_dmarc.' + name] = (manner, {'TXT': ['v=DMARC1; p=reject']})
        with FakeDNS(zone) as dns, facteur.Server(conf(dns=PATIENT), dns=dns.address) as server:
            for name in texts:
                with self.subTest(name=name):
                    code, symbols, _ = self.send(server, message(name), 'x@' + name)
                    self.assertEqual(code, 250)
                    self.assertLessEqual({'SPF_PASS', 'DMARC_PASS'}, symbols)
            self.assert_nothing_lost(server)

    def test_a_thousand_signatures(self):
        zone = {'s1._domainkey.d%d.example' % i: 'SILENT' for i in range(1000)}
        flood = ''.join(signature('d%d.example' % i) for i in range(1000))
        with FakeDNS(zone) as dns, facteur.Server(conf(), dns=dns.address) as server:
            code, symbols, took = self.send(server, message('evil.example', flood))
            self.assertEqual(code, 250)
            self.assertLess(took, LONGEST)
            self.assertLessEqual({'DKIM_FLOOD', 'DKIM_TEMPERROR'}, symbols)
            self.assertLessEqual(len({name for name, _, _ in dns.queries if '_domainkey' in name}), 10)
            before = len(dns.queries)  # the same key a thousand times is one question
            code, symbols, _ = self.send(server, message('evil.example', signature('one.example') * 1000))
            self.assertEqual((code, 'DKIM_FLOOD' in symbols), (250, True))
            self.assertLessEqual(len([name for name, _, _ in dns.queries[before:] if name.endswith('one.example')]), 3)
            self.assert_nothing_lost(server)

    def test_what_is_too_large_is_refused_before_it_costs(self):
        """Keys, lists of fields, signatures."""
        keys = {'k8.example': giant_key(8192), 'k16.example': giant_key(16384), 'k5.example': giant_key(512), 'e.example': giant_key(2048, (1 << 600) + 1),
                'none.example': 'v=DKIM1; p=', 'ed.example': 'v=DKIM1; k=ed25519; p=' + base64.b64encode(b'x' * 31).decode(),
                'noise.example': 'v=DKIM1; p=' + base64.b64encode(os.urandom(3000)).decode()}
        zone = {'s1._domainkey.' + name: {'TXT': [text]} for name, text in keys.items()}
        names = ':'.join('X-%d' % i for i in range(10000))
        unasked = {'names.example': ' h=From:%s;' % names, 'sha1.example': ' a=rsa-sha1;', 'expired.example': ' x=1600000000;', 'late.example': ' t=99999999999;'}
        with FakeDNS(zone) as dns, facteur.Server(conf(dns=PATIENT), dns=dns.address) as server:
            for name in keys:
                with self.subTest(name=name):
                    code, symbols, took = self.send(server, message('evil.example', signature(name)))
                    self.assertEqual((code, 'DKIM_PERMERROR' in symbols or 'DKIM_NEUTRAL' in symbols), (250, True), symbols)
                    self.assertLess(took, LONGEST)
            for name, tags in unasked.items():
                with self.subTest(name=name):
                    field = signature(name).replace(' h=From;', tags if 'h=' in tags else ' h=From;' + tags)
                    if 'a=' in tags:
                        field = field.replace(' a=rsa-sha256;', '', 1)
                    code, symbols, _ = self.send(server, message('evil.example', re.sub('(.{900}:)', '\\1\r\n ', field)))
                    self.assertEqual(code, 250)
                    self.assertTrue(symbols & {'DKIM_PERMERROR', 'DKIM_NEUTRAL', 'DKIM_FAIL'}, symbols)
                    self.assertEqual(dns.asked('s1._domainkey.' + name), 0)
            self.assert_nothing_lost(server)

    def test_macro_bombs_and_floods_of_names(self):
        bomb = 'v=spf1 ' + ' '.join('exists:%s.%%{d}' % ('%{l99999r-}' * 40) for _ in range(100)) + ' -all'
        zone = {
            'bomb.example': {'TXT': [bomb]},
            'nested.example': {'TXT': ['v=spf1 ' + ' '.join('include:n%d.example' % i for i in range(10)) + ' -all']},
            'mx.example': {'TXT': ['v=spf1 mx -all'], 'MX': ['%d mx%d.mx.example' % (i, i) for i in range(300)]},
            'ptr.example': {'TXT': ['v=spf1 ptr -all']},
            '1.0.0.127.in-addr.arpa': {'PTR': ['p%d.flood.example' % i for i in range(400)]},
            'voids.example': {'TXT': ['v=spf1 ' + ' '.join('a:v%d.voids.example' % i for i in range(9)) + ' +all']},
            'explains.example': {'TXT': ['v=spf1 -all exp=%{l99999r}.%{l99999r}.explains.example']},
        }
        for i in range(10):
            zone['n%d.example' % i] = {'TXT': ['v=spf1 ' + ' '.join('include:n%d.example' % j for j in range(10)) + ' -all']}
        wanted = {'bomb.example': 'SPF_PERMERROR', 'nested.example': 'SPF_PERMERROR', 'mx.example': 'SPF_PERMERROR', 'ptr.example': 'SPF_FAIL',
                  'voids.example': 'SPF_PERMERROR', 'explains.example': 'SPF_FAIL'}
        with FakeDNS(zone) as dns, facteur.Server(conf(dns=PATIENT), dns=dns.address) as server:
            for name, symbol in wanted.items():
                with self.subTest(name=name):
                    before = len(dns.queries)
                    code, symbols, took = self.send(server, message('evil.example'), '%s@%s' % ('a-' * 30, name))
                    self.assertEqual((code, symbol in symbols), (250, True), symbols)
                    self.assertLess(took, LONGEST)
                    self.assertLess(len(dns.queries) - before, 60)
            self.assert_nothing_lost(server)

    def test_nobody_answers_anything(self):
        """All at once: SPF twice, ten keys, an ARC chain, a walk; then refusing what could not be checked."""
        class Dead(FakeDNS):
            def answer(self, query, transport):
                return None

        chain = ('ARC-Seal: i=1; a=rsa-sha256; cv=none; d=sealer.example; s=s1; b=AAAA\r\n'
                 'ARC-Message-Signature: i=1; a=rsa-sha256; d=sealer.example; s=s1; h=From; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n'
                 'ARC-Authentication-Results: i=1; sealer.example; none\r\n')
        text = message('a.b.c.d.evil.example', chain + ''.join(signature('d%d.example' % i) for i in range(10)))
        with Dead({}) as dns, facteur.Server(conf(), dns=dns.address) as server:
            code, symbols, took = self.send(server, text)
            self.assertEqual(code, 250)
            self.assertLess(took, LONGEST)
            self.assertLessEqual({'SPF_TEMPERROR', 'DKIM_TEMPERROR', 'DMARC_TEMPERROR', 'ARC_TEMPERROR'}, symbols)
            self.assert_nothing_lost(server)
        strict = conf().replace('skip_net = []', 'skip_net = []\n defer_temperror = yes', 1)
        with Dead({}) as dns, facteur.Server(strict, dns=dns.address) as server, smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.ehlo()
            self.assertEqual(s.mail('x@evil.example')[0], 451)

    def test_a_body_behind_its_length(self):
        """l= that ends before a body of some MiB does is never a pass, however long what follows is."""
        with tempfile.TemporaryDirectory() as folder:
            record = make_key(folder, 'good.example', 's1', 'rsa')
            with FakeDNS({'s1._domainkey.good.example': {'TXT': [record]}}) as dns, facteur.Server(conf(dns=PATIENT), dns=dns.address) as server:
                import dkim
                head = b'From: <a@good.example>\r\nSubject: x\r\n\r\n'
                with open(os.path.join(folder, 'good.example', 's1.pem'), 'rb') as f:
                    signed = dkim.sign(head + b'short\r\n', b's1', b'good.example', f.read(), include_headers=[b'From', b'Subject'], length=True)
                whole = signed.replace(b'\n', b'\r\n').replace(b'\r\r\n', b'\r\n') + head + b'short\r\n'
                self.assertIn('DKIM_PASS', self.send(server, whole)[1])
                code, symbols, took = self.send(server, whole + b'appended by somebody else\r\n' * (1 << 17))
                self.assertEqual((code, 'DKIM_POLICY' in symbols, 'DKIM_PASS' in symbols), (250, True, False), symbols)
                self.assertLess(took, LONGEST)
                self.assert_nothing_lost(server)


if __name__ == '__main__':
    unittest.main()
