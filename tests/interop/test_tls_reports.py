"""facteurctl tls show: reports on TLS as others send them (RFC 8460): JSON, gzip, mail."""
import email.message, gzip, json, os, subprocess, sys, tempfile, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur

CTL = os.path.join(facteur.build_dir(), 'facteurctl')
REPORT = {'organization-name': 'Company-X', 'date-range': {'start-datetime': '2016-04-01T00:00:00Z', 'end-datetime': '2016-04-01T23:59:59Z'},
          'contact-info': 'sts-reporting@company-x.example', 'report-id': '5065427c-23d3-47ca-b6e0-946ea0e8c4be',
          'policies': [{'policy': {'policy-type': 'sts', 'policy-string': ['version: STSv1', 'mode: testing'], 'policy-domain': 'company-y.example',
                                   'mx-host': ['*.mail.company-y.example']},
                        'summary': {'total-successful-session-count': 5326, 'total-failure-session-count': 303},
                        'failure-details': [{'result-type': 'certificate-expired', 'sending-mta-ip': '2001:db8:abcd:0012::1',
                                             'receiving-mx-hostname': 'mx1.mail.company-y.example', 'failed-session-count': 100},
                                            {'result-type': 'new-\x1b[31mkind', 'receiving-ip': '203.0.113.56', 'failed-session-count': 203}]}]}


class Show(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)

    def write(self, name, data):
        path = os.path.join(self.dir.name, name)
        with open(path, 'wb') as f:
            f.write(data)
        return path

    def show(self, *args):
        return subprocess.run([CTL, 'tls', 'show', *args], capture_output=True, text=True, timeout=60)

    def mail(self, kind, name):
        m = email.message.EmailMessage()
        m['Subject'] = 'Report Domain: company-y.example'
        m.set_content('a report')
        m.add_attachment(gzip.compress(json.dumps(REPORT).encode()), maintype='application', subtype=kind, filename=name)
        return m.as_bytes()

    def test_each_form(self):
        text = json.dumps(REPORT).encode()
        files = [self.write('a.json', text), self.write('a.json.gz', gzip.compress(text)), self.write('a.eml', self.mail('tlsrpt+gzip', 'x')),
                 self.write('b.eml', self.mail('gzip', 'x!y!1!2.json.gz'))]
        r = self.show('--json', *files)
        self.assertEqual((r.returncode, r.stderr), (0, ''))
        found = json.loads(r.stdout)['reports']
        self.assertEqual(len(found), 4)
        for report in found:
            self.assertEqual((report['organization'], report['begin'], report['end']), ('Company-X', 1459468800, 1459555199))
            policy = report['policies'][0]
            self.assertEqual((policy['domain'], policy['type'], policy['successful'], policy['failed']), ('company-y.example', 'sts', 5326, 303))
            self.assertEqual([f['sessions'] for f in policy['failures']], [100, 203])

    def test_for_people(self):
        r = self.show(self.write('a.json', json.dumps(REPORT).encode()))
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertRegex(r.stdout, r'(?m)^company-y\.example +sts +Company-X .* 5326 +303')
        self.assertRegex(r.stdout, r'(?m)^ +100 +certificate-expired +mx1\.mail\.company-y\.example$')
        self.assertNotIn('\x1b', r.stdout)

    def test_what_is_none(self):
        for name, data, why in (('x.json', b'{"policies":', 'x.json: line 1'), ('y.eml', b'Subject: x\r\n\r\nhello\r\n', 'no report in it'),
                                ('z.gz', gzip.compress(b'x' * 5000000), 'larger than')):
            r = self.show(self.write(name, data))
            self.assertEqual((r.returncode, r.stdout), (1, ''))
            self.assertIn(why, r.stderr)
        r = self.show(os.path.join(self.dir.name, 'nowhere'), self.write('a.json', json.dumps(REPORT).encode()))
        self.assertEqual(r.returncode, 1)
        self.assertIn('company-y.example', r.stdout)


if __name__ == '__main__':
    unittest.main()
