"""facteurctl dmarc received, tls received: reports of others that came by mail to the addresses that dns records names, or to others."""
import copy, email.message, email.policy, gzip, json, os, smtplib, sys, unittest

sys.path[:0] = [os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'), os.path.dirname(os.path.abspath(__file__))]
import facteur
from fake_dns import FakeDNS
from test_dmarc import ALICE, HERE, V, conf
from test_dmarc_reports import old, packed
from test_tls_reports import REPORT

ZONE = {'good.example': HERE, '_dmarc.good.example': {'TXT': [V + 'p=reject']}}
BOB = 'bob@example.test'


def mail(data, kind, name, author='reports@good.example'):
    m = email.message.EmailMessage()
    m['From'], m['Subject'] = author, 'a report'
    m.set_content('see the attachment\n')
    if data is not None:
        m.add_attachment(data, maintype='application', subtype=kind, filename=name)
    return m.as_bytes(policy=email.policy.SMTP)


def tls_report(name, successful=5326):
    report = copy.deepcopy(REPORT)
    report['report-id'] = name
    report['policies'][0]['summary']['total-successful-session-count'] = successful
    return json.dumps(report).encode()


class Received(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dns = FakeDNS(ZONE).__enter__()
        cls.addClassCleanup(cls.dns.__exit__, None, None, None)
        cls.server = facteur.Server(conf('reports = no'), dns=cls.dns.address).start()
        cls.addClassCleanup(cls.server.__exit__, None, None, None)
        for alias, target in (('dmarc', ALICE), ('tls-reports', ALICE), ('other', BOB)):
            cls.server.ctl('alias', 'set', alias + '@example.test', target)
        a, b = (old(name, ('192.0.2.1', 7, 'none', 'pass', 'fail'), ('192.0.2.2', 3, 'reject', 'fail', 'fail')) for name in 'ab')
        dmarc = [mail(a, 'xml', 'a.xml'), mail(gzip.compress(b), 'gzip', 'b.xml.gz'), mail(packed(old('c')), 'zip', 'c.zip'), mail(a, 'octet-stream', 'again.xml'),
                 mail(gzip.compress(old('d')), 'gzip', 'd.xml.gz', 'x@nobody.example'),  # says who it is, proves nothing
                 mail(b'PK\3\4broken', 'zip', 'broken.zip'), mail(None, '', ''), mail(b'\x89PNG', 'png', 'x.png')]
        tls = [mail(gzip.compress(tls_report('1')), 'tlsrpt+gzip', 'a.json.gz'), mail(tls_report('2', 7), 'tlsrpt+json', 'b.json'),
               mail(tls_report('1'), 'tlsrpt+json', 'again.json'), mail(gzip.compress(b'{"policies": 5}'), 'tlsrpt+gzip', 'c.json.gz')]
        for to, messages in (('DMARC@Example.Test', dmarc), ('tls-reports@example.test', tls), ('other@example.test', [dmarc[0], tls[0]]), (ALICE, [mail(old('mine'), 'xml', 'mine.xml')])):
            for m in messages:
                with smtplib.SMTP('127.0.0.1', cls.server.port('smtp'), local_hostname=facteur.CLIENT, timeout=60) as s:
                    sender = 'x@good.example' if b'good.example' in m else 'x@nobody.example'
                    s.sendmail(sender, [to], m)

    def ask(self, *args):
        r = self.server.ctl('--json', *args)
        return json.loads(r.stdout), r.stderr

    def test_dmarc(self):
        """Other mail to the address is no problem; what looks like a report and is none is told; nothing that was sent to alice herself counts."""
        answer, errors = self.ask('dmarc', 'received')
        self.assertEqual({(one['domain'], one['source']): (one['messages'], one['pass'], one['disposition']) for one in answer['sources']},
                         {('example.com', '192.0.2.1'): (28, 28, {'none': 28}), ('example.com', '192.0.2.2'): (6, 0, {'reject': 6})})
        self.assertEqual((sorted(r['id'] for r in answer['reports']), answer['twice'], answer['unproven']), (['a', 'b', 'c', 'd'], 1, 1))
        self.assertEqual(len(answer['problems']), 1)
        self.assertRegex(answer['problems'][0]['file'], r'(?i)^\S+ to dmarc@example\.test$')
        self.assertIn('cut off', errors)

    def test_those_that_prove_who_they_are(self):
        answer, _ = self.ask('dmarc', 'received', '--proven')
        self.assertEqual((sorted(r['id'] for r in answer['reports']), answer['unproven']), (['a', 'b', 'c'], 0))

    def test_addresses(self):
        for address, wanted in (('other@example.test', ['a']), (ALICE, ['mine'])):
            answer, _ = self.ask('dmarc', 'received', address)
            self.assertEqual([r['id'] for r in answer['reports']], wanted)
        answer, _ = self.ask('dmarc', 'received', 'Other@example.test', 'dmarc@EXAMPLE.test')
        self.assertEqual((sorted(r['id'] for r in answer['reports']), answer['twice']), (['a', 'b', 'c', 'd'], 2))
        r = self.server.ctl('dmarc', 'received', 'nobody@example.test', check=False)
        self.assertEqual((r.returncode, r.stdout), (1, ''))
        self.assertIn('nobody@example.test leads to no mailbox here', r.stderr)

    def test_since(self):
        answer, _ = self.ask('dmarc', 'received', '--since', '1d')
        self.assertEqual(len(answer['reports']), 4)
        r = self.server.ctl('dmarc', 'received', '--since', 'yesterday or so', check=False)
        self.assertEqual((r.returncode, r.stdout), (1, ''))

    def test_for_people(self):
        text = self.server.ctl('dmarc', 'received').stdout
        self.assertIn('4 reports', text)
        self.assertIn('1 came twice; 1 in mail that did not pass DMARC', text)
        self.assertRegex(text, r'(?m)^example\.com +192\.0\.2\.1 +28 +28')
        text = self.server.ctl('tls', 'received').stdout
        self.assertRegex(text, r'(?m)^company-y\.example +sts +Company-X .* 5326 +303')
        self.assertEqual(self.server.ctl('tls', 'received', ALICE).stdout, 'no reports\n')

    def test_tls(self):
        answer, errors = self.ask('tls', 'received')
        self.assertEqual(sorted((r['id'], r['policies'][0]['successful'], r['policies'][0]['failed']) for r in answer['reports']), [('1', 5326, 303), ('2', 7, 303)])
        self.assertEqual(answer['unproven'], 0)
        self.assertIn('no policies', errors)

    def test_without_a_server(self):
        """From the folder itself."""
        self.server.stop()
        self.addCleanup(self.server.start)
        answer, _ = self.ask('dmarc', 'received')
        self.assertEqual(len(answer['reports']), 4)


if __name__ == '__main__':
    unittest.main()
