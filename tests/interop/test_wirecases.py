"""The public dialogue cases, SMTP and POP3, against the real server. The cases and their runner live beside the tree (see
docs/testing.md); where they are absent every case counts as skipped."""
import json, os, subprocess, sys, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur

DATA = facteur.data_dir()
USER = 'tester@example.test'


class WireCases(unittest.TestCase):
    def run_cases(self, protocol, *more):
        runner = os.path.join(os.path.dirname(DATA or ''), 'tools', 'wirecases.py')
        cases = os.path.join(DATA or '', protocol, 'cases-dev.json')
        if not (os.path.exists(cases) and os.path.exists(runner)):
            self.skipTest('the public cases are not beside this tree')
        with facteur.Server() as server:
            out = os.path.join(server.dir, 'cases.json')
            host = '127.0.0.1'
            command = [sys.executable, runner, cases, host, str(server.port(protocol)), '--rcpt', USER, '--imap', '%s:%d' % (host, server.port('imap')),
                       '--user', USER, '--password', facteur.PASSWORD, '--submission', str(server.port('submission')), '--settle', '0.1', '--json', out]
            r = subprocess.run(command, capture_output=True, text=True, timeout=1500)
            self.assertTrue(os.path.exists(out), r.stdout + r.stderr)
            with open(out) as f:
                results = json.load(f)
        self.assertGreater(len(results), 10, r.stdout[-2000:])
        for row in results:
            with self.subTest(row['id']):
                if row['level'] == 'must':
                    self.assertIn(row['result'], ('pass', 'skip'), json.dumps(row)[:2000])

    def test_smtp(self):
        self.run_cases('smtp')

    def test_pop3(self):
        self.run_cases('pop3')


if __name__ == '__main__':
    unittest.main()
