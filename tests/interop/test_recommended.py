"""plugins/recommended.conf: all of it starts together, in its order, and a message goes through with everything on."""
import imaplib, os, re, smtplib, sys, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from fake_dns import FakeDNS

ALICE = 'alice@example.test'
FILE = os.path.join(facteur.ROOT, 'plugins', 'recommended.conf')
MESSAGE = 'From: Bob <bob@outside.example>\r\nTo: %s\r\nSubject: a plain message\r\nMessage-ID: <1@outside.example>\r\n\r\nNothing in it.\r\n' % ALICE


class Recommended(unittest.TestCase):
    def test_everything_together(self):
        with open(FILE) as f:
            conf = f.read()
        named = re.findall(r'(?m)^plugin (\w+)', conf)
        with FakeDNS({}) as dns, facteur.Server(conf, dns=dns.address) as server:
            order = server.ctl('plugin', 'order').stdout
            for name in named:
                self.assertIn(name, order)
            with smtplib.SMTP('127.0.0.1', server.port('smtp'), facteur.CLIENT, timeout=60) as s:
                s.sendmail('bob@outside.example', [ALICE], MESSAGE)
            m = imaplib.IMAP4('127.0.0.1', server.port('imap'))
            m.login(ALICE, facteur.PASSWORD)
            m.select('INBOX')
            text = m.fetch('1', '(BODY.PEEK[])')[1][0][1].decode()
            m.logout()
            self.assertRegex(text, r'(?m)^Authentication-Results: localhost;\r\n\tarc=none;\r\n\tdkim=none\r$')
            ledger = server.ctl('trace', re.findall(r'edge\[(\S+)\] message ', server.log())[-1]).stdout
            for symbol in ('DKIM_NONE', 'ARC_NONE', 'LINT_NO_DATE'):
                self.assertIn(symbol, ledger)
            self.assertEqual(re.findall(r'(?m)^.* (?:warning|error) .*$', server.log()), [])
            self.assertIsNone(server.sanitizer_report())

    def test_it_names_what_ships(self):
        """Each plugin with a block of its own is named here, be it as one to think about."""
        with open(FILE) as f:
            text = f.read()
        folder = os.path.join(facteur.ROOT, 'plugins')
        for name in sorted(os.listdir(folder)):
            if os.path.exists(os.path.join(folder, name, name + '.conf')):
                self.assertRegex(text, r'\b%s\b' % name)


if __name__ == '__main__':
    unittest.main()
