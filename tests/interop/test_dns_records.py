"""facteurctl dns records: what to publish for a domain, and whether the DNS has it."""
import copy, hashlib, json, os, subprocess, sys, tempfile, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from fake_dns import FakeDNS, sign

CTL = os.path.join(facteur.build_dir(), 'facteurctl')
ADDRESSES = ['--address', '192.0.2.1', '--address', '2001:db8::1']
LISTENERS = """
listener smtp        { address = ["*:25"]           protocol = smtp  role = mx }
listener submissions { address = ["*:465"]          protocol = smtp  role = submission  tls = implicit }
listener imaps       { address = ["192.0.2.1:1993"] protocol = imap  tls = implicit }
listener pop3        { address = ["127.0.0.1:110"]  protocol = pop3 }
"""


class RunningServer(unittest.TestCase):
    def test_addresses_of_reports(self):
        """They are published, so they must exist: the running server is asked."""
        def records(*args):
            conf = os.path.join(server.dir, 'name.conf')
            with open(conf, 'w') as f:
                f.write('server { name = "mx.example.test" }\n')
            return subprocess.run([CTL, '--conf', conf, '--run-dir', server.state + '/run', *args[:-1], 'dns', 'records', 'example.test', *ADDRESSES, *args[-1]],
                                  capture_output=True, text=True, timeout=120, check=True).stdout

        def said():
            return [note for note in json.loads(records('--json', []))['notes'] if 'reports' in note]

        with facteur.Server() as server:
            dmarc, tls = said()
            self.assertIn('facteurctl alias set dmarc@example.test ADDRESS, or name another one by --rua', dmarc)
            self.assertTrue(tls.startswith('tls-reports@example.test does not exist here'), tls)
            server.ctl('alias', 'set', 'dmarc@example.test', 'alice@example.test')
            self.assertEqual(said(), [tls])
            zone = records(['--rua', 'nobody@example.test', '--tls-rua', 'reports@elsewhere.test'])
            self.assertIn('; nobody@example.test does not exist here', zone)
            self.assertNotIn('elsewhere.test does not', zone)


class Records(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = cls.folder.name
        cls.certificate, key = os.path.join(cls.path, 'cert.pem'), os.path.join(cls.path, 'key.pem')
        cls.openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=mx.example.org',
                    '-keyout', key, '-out', cls.certificate)
        cls.conf = cls.write('server { name = "mx.example.org" }\ntls { certificate = "%s" key = "%s" }\nplugin dkim { keys = "%s/dkim" }\n%s'
                             % (cls.certificate, key, cls.path, LISTENERS))
        for args in (('example.org', 'one'), ('example.org', 'two', '--type', 'ed25519')):
            cls.ctl('dkim', 'genkey', *args)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @staticmethod
    def openssl(*args, stdin=None):
        return subprocess.run(['openssl', *args], input=stdin, capture_output=True, check=True).stdout

    @classmethod
    def write(cls, text, name='facteur.conf'):
        path = os.path.join(cls.path, name)
        with open(path, 'w') as f:
            f.write(text)
        return path

    @classmethod
    def ctl(cls, *args, conf=None):
        return subprocess.run([CTL, '--conf', conf or cls.conf, *args], capture_output=True, text=True, timeout=120)

    def records(self, *args):
        r = self.ctl('--json', 'dns', 'records', 'Example.ORG.', *ADDRESSES, *args)
        self.assertEqual(r.returncode, 0, r.stderr)
        return json.loads(r.stdout)

    def zone(self, rows):
        zone = {}
        for row in rows:
            zone.setdefault(row['name'], {}).setdefault(row['type'], []).append(row['value'])
        return zone

    def check(self, zone, *args):
        """(exit status, {(name, type): row that is not ok})"""
        with FakeDNS(zone) as dns:
            r = self.ctl('--json', 'dns', 'records', 'example.org', *ADDRESSES, '--check', '--dns', dns.address, *args)
            return r.returncode, {(row['name'], row['type']): row for row in json.loads(r.stdout)['records'] if row['state'] != 'ok'}

    def test_everything_to_publish(self):
        found = self.records()
        rows = [(row['name'], row['type'], row['value']) for row in found['records']]
        for row in [('example.org', 'MX', '10 mx.example.org.'), ('mx.example.org', 'A', '192.0.2.1'), ('mx.example.org', 'AAAA', '2001:db8::1'),
                    ('1.2.0.192.in-addr.arpa', 'PTR', 'mx.example.org.'), ('example.org', 'TXT', 'v=spf1 mx -all'), ('mx.example.org', 'TXT', 'v=spf1 a -all'),
                    ('_dmarc.example.org', 'TXT', 'v=DMARC1; p=none; rua=mailto:dmarc@example.org'),
                    ('_submissions._tcp.example.org', 'SRV', '0 1 465 mx.example.org.'), ('_imaps._tcp.example.org', 'SRV', '0 1 1993 mx.example.org.')]:
            self.assertIn(row, rows)
        key = self.openssl('pkey', '-pubin', '-outform', 'DER', stdin=self.openssl('x509', '-in', self.certificate, '-noout', '-pubkey'))
        self.assertIn(('_25._tcp.mx.example.org', 'TLSA', '3 1 1 ' + hashlib.sha256(key).hexdigest()), rows)
        names = [row[0] for row in rows]
        for name in ('one._domainkey.example.org', 'two._domainkey.example.org'):
            self.assertIn(name, names)
        for name in ('_pop3._tcp.example.org', '_imap._tcp.example.org', '_submission._tcp.example.org'):  # not offered, or on loopback only
            self.assertNotIn(name, names)
        self.assertEqual(found['notes'], [])

    def test_mta_sts_and_tls_reports(self):
        policies = {}
        for mode, lines in (('testing', ['mode: testing', 'mx: mx.example.org', 'max_age: 604800']),
                            ('enforce', ['mode: enforce', 'mx: mx.example.org', 'max_age: 2592000']), ('none', ['mode: none', 'max_age: 604800'])):
            found = self.records('--mta-sts', mode)
            self.assertEqual(found['mta_sts']['url'], 'https://mta-sts.example.org/.well-known/mta-sts.txt')
            self.assertEqual(found['mta_sts']['policy'], '\r\n'.join(['version: STSv1', *lines, '']))
            rows = {row['name']: row['value'] for row in found['records']}
            self.assertRegex(rows['_mta-sts.example.org'], r'^v=STSv1; id=[0-9a-f]{16}$')
            self.assertEqual(rows['_smtp._tls.example.org'], 'v=TLSRPTv1; rua=mailto:tls-reports@example.org')
            policies[rows['_mta-sts.example.org']] = mode
        self.assertEqual(len(policies), 3)  # another policy has another id
        self.assertEqual(policies[{row['name']: row['value'] for row in self.records()['records']}['_mta-sts.example.org']], 'testing')
        text = self.ctl('dns', 'records', 'example.org', '--tls-rua', 'x@y.example').stdout
        self.assertIn('\n_smtp._tls.example.org. IN TXT "v=TLSRPTv1; rua=mailto:x@y.example"\n', text)
        self.assertIn('; https://mta-sts.example.org/.well-known/mta-sts.txt\n;   version: STSv1\n;   mode: testing\n', text)
        self.assertTrue(all(line.startswith(';') or ' IN ' in line for line in text.splitlines() if line), text)

    def test_lines_of_a_zone_file(self):
        text = self.ctl('dns', 'records', 'example.org', *ADDRESSES, '--rua', 'reports@elsewhere.example').stdout
        lines = text.splitlines()
        self.assertIn('example.org. IN MX 10 mx.example.org.', lines)
        self.assertIn('example.org. IN TXT "v=spf1 mx -all"', lines)
        self.assertIn('; 1.2.0.192.in-addr.arpa. IN PTR mx.example.org.', lines)
        self.assertIn('; example.org._report._dmarc.elsewhere.example. IN TXT "v=DMARC1"', lines)
        key = next(line for line in lines if line.startswith('one._domainkey'))
        pieces = key.split(' IN TXT ')[1].strip('"').split('" "')
        self.assertTrue(all(len(piece) <= 255 for piece in pieces))
        self.assertIn(''.join(pieces), [row['value'] for row in self.records()['records']])
        self.assertNotIn('_report', self.ctl('dns', 'records', 'example.org', '--rua', 'x@sub.example.org').stdout)

    def test_what_is_published(self):
        zone = self.zone(self.records()['records'])
        self.assertEqual(self.check(zone), (0, {}))
        # the same said otherwise
        other = copy.deepcopy(zone)
        other['example.org'] = {'MX': ['5 backup.example.net', '20 MX.example.org'], 'TXT': ['site-verification=x', 'v=spf1 include:spf.example.org ~all']}
        other['spf.example.org'] = {'TXT': ['v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all']}
        other['_dmarc.example.org'] = {'TXT': ['v=DMARC1; p=reject']}
        other['_imaps._tcp.example.org'] = {'SRV': ['10 5 1993 mx.example.org']}
        self.assertEqual(self.check(other), (0, {}))

    def test_what_is_not(self):
        zone = self.zone(self.records()['records'])
        zone['example.org'] = {'MX': ['10 mx.old.example'], 'TXT': ['v=spf1 ip4:192.0.2.9 -all']}
        zone['two._domainkey.example.org'] = {'TXT': ['v=DKIM1; k=ed25519; p=AAAA']}
        zone['_dmarc.example.org'] = 'SERVFAIL'
        del zone['one._domainkey.example.org'], zone['_imaps._tcp.example.org']
        status, bad = self.check(zone)
        self.assertEqual(status, 1)
        self.assertEqual({key: row['state'] for key, row in bad.items()}, {
            ('example.org', 'MX'): 'different', ('example.org', 'TXT'): 'different', ('one._domainkey.example.org', 'TXT'): 'missing',
            ('two._domainkey.example.org', 'TXT'): 'different', ('_dmarc.example.org', 'TXT'): 'unknown', ('_imaps._tcp.example.org', 'SRV'): 'missing'})
        self.assertEqual(bad[('example.org', 'MX')]['found'], '10 mx.old.example.')
        with FakeDNS(zone) as dns:
            text = self.ctl('dns', 'records', 'example.org', *ADDRESSES, '--check', '--dns', dns.address).stdout
        self.assertRegex(text, r'(?m)^different +yes +example\.org +MX +10 mx\.example\.org\.; found: 10 mx\.old\.example\.$')
        self.assertRegex(text, r'(?m)^missing +advised +_imaps\._tcp\.example\.org +SRV ')

    def test_two_policies_are_none(self):
        zone = self.zone(self.records()['records'])
        zone['example.org']['TXT'] = ['v=spf1 mx -all', 'v=spf1 a -all']
        self.assertEqual([row['state'] for row in self.check(zone)[1].values()], ['different'])

    def test_the_rest_advised_only(self):
        rows = [row for row in self.records()['records'] if row['needed']]
        status, bad = self.check(self.zone(rows))
        self.assertEqual(status, 0)
        self.assertEqual({row['state'] for row in bad.values()}, {'missing'})

    def test_nobody_can_say(self):
        rows = self.records()['records']
        zone = {row['name']: 'SERVFAIL' for row in rows}
        self.assertEqual(self.check(zone)[0], 75)

    def test_validated(self):
        zone = self.zone(self.records()['records'])
        anchor = self.write(sign(zone, 'mx.example.org') + sign(zone, '_25._tcp.mx.example.org'), 'anchor')
        conf = self.write('include "facteur.conf"\ndns { dnssec = yes trust_anchor = "%s" }\n' % anchor, 'validating.conf')
        for chosen, wanted in ((self.conf, False), (conf, True)):
            with FakeDNS(zone) as dns:
                r = self.ctl('--json', 'dns', 'records', 'example.org', *ADDRESSES, '--check', '--dns', dns.address, conf=chosen)
            row = next(row for row in json.loads(r.stdout)['records'] if row['type'] == 'TLSA')
            self.assertEqual((row['state'], row['authentic']), ('ok', wanted), (row, r.stderr))

    def test_mistakes(self):
        nameless = self.write('server { name = "localhost" }\n', 'nameless.conf')
        for args, conf, why in ((['a..b'], None, 'the domain a..b'), (['example.org', '--address', 'mx'], None, 'not an IP address'),
                                (['example.org', '--rua', 'nobody'], None, 'must be an address'),
                                (['example.org', '--tls-rua', 'a b@c'], None, 'must be an address'), (['example.org', '--mta-sts', 'on'], None, 'must be testing'), (['example.org'], nameless, 'server.name is localhost')):
            r = self.ctl('dns', 'records', *args, conf=conf)
            self.assertNotEqual(r.returncode, 0)
            self.assertIn(why, r.stderr)


if __name__ == '__main__':
    unittest.main()
