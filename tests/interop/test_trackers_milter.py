"""plugins/trackers behind a real Postfix: nothing happens unless `rewrite = yes`; then everybody gets the cleaned body, below our Authentication-Results, and a seal of
ours covers what was made of the message."""
import email, os, smtplib, sys, tempfile, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur, postfix
from fake_dns import FakeDNS
from test_dkim import make_key

ALICE, BOB = 'alice@example.test', 'bob@example.test'
HTML = '<p>Hello,=20</p>\r\n<img src=3D"https://u1.ct.sendgrid.net/wf/open?upn=3Dk3J9x2Lq7Zw1">\r\n<img src=3D"https://mail.example/logo.png" width=3D"300">\r\n<a href=3D"https://shop.example/?a=3D1&amp;utm_source=3Dm">now</a>\r\n'
counter = iter(range(1000000))


def message(html=HTML):
    mark = 'mark%d' % next(counter)
    return mark, ('From: Shop <news@shop.example>\r\nTo: %s\r\nSubject: x\r\nMessage-ID: <%s@shop.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n'
                  'Content-Transfer-Encoding: quoted-printable\r\n\r\n' % (BOB, mark) + html)


class BehindPostfix(unittest.TestCase):
    conf = 'plugin trackers { rewrite = yes }\n'

    def setUp(self):
        why = postfix.why_not()
        if why:
            self.skipTest(why)
        self.server = self.serve()
        self.sink = self.enterContext(postfix.Sink())
        milter = 'inet:127.0.0.1:%d' % self.server.port('milter')
        self.mta = self.enterContext(postfix.Postfix(self.sink, milters=milter, non_smtpd=milter))

    def serve(self, **how):
        server = facteur.Server(conf=self.conf, accounts=[ALICE, BOB], **how).start()
        self.addCleanup(server.__exit__, None, None, None)
        return server

    def cleaned(self, data):
        """How a picture is taken out is tested elsewhere (test_trackers.py)."""
        body = data.split(b'\r\n\r\n', 1)[1].decode()
        self.assertNotIn('sendgrid', body)
        self.assertTrue(body.startswith('<p>Hello,=20</p>\r\n'), body)
        self.assertTrue(body.endswith('<img src=3D"https://mail.example/logo.png" width=3D"300">\r\n<a href=3D"https://shop.example/?a=3D1">now</a>\r\n'), body)

    def send(self, to=(BOB,), html=HTML):
        """What was sent, and what the other server got of it."""
        mark, data = message(html)
        with smtplib.SMTP('127.0.0.1', self.mta.port, local_hostname=facteur.CLIENT, timeout=120) as s:
            s.sendmail('news@shop.example', list(to), data)
        return data, self.sink.find(mark)


class Rewriting(BehindPostfix):
    def test_everybody_gets_the_cleaned_body(self):
        sent, got = self.send(to=(ALICE, BOB))
        for _, _, data in got:
            self.cleaned(data)
            self.assertRegex(email.message_from_bytes(data)['X-Facteur-Privacy'].replace('\r\n', ''), r'^1 tracker removed \(SendGrid 1\); 1 link cleaned; level=standard')

    def test_mail_without_trackers_is_not_touched(self):
        sent, got = self.send(html='<p>nothing=20here</p>\r\n')
        self.assertEqual(got[0][2].split(b'\r\n\r\n', 1)[1].decode(), sent.split('\r\n\r\n', 1)[1])
        self.assertNotIn(b'X-Facteur-Privacy', got[0][2])

    def test_our_own_engine_keeps_the_original(self):
        """The same plugin serves our SMTP: there each recipient has a view, and `rewrite` changes nothing."""
        with smtplib.SMTP('127.0.0.1', self.server.port('smtp'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.ehlo()
            s.mail('news@shop.example')
            s.rcpt(BOB)
            code, text = s.data(message()[1])
        ident = text.decode().split()[-1].strip('.')
        self.assertIn('sendgrid', self.server.ctl('mail', 'original', ident).stdout)
        self.assertNotIn('sendgrid.net', self.server.ctl('mail', 'show', ident).stdout)


class NotRewriting(BehindPostfix):
    conf = 'plugin trackers { }\n'

    def test_it_is_off(self):
        sent, got = self.send()
        self.assertTrue(got[0][2].endswith(HTML.encode()))
        self.assertNotIn(b'X-Facteur-Privacy', got[0][2])


class Sealed(BehindPostfix):
    """Authentication-Results is about the message as it came; the ARC set is sealed last, over what it became."""

    def serve(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        os.chmod(self.folder, 0o755)
        self.zone = {'s._domainkey.example.test': {'TXT': [make_key(self.folder, 'example.test', 's', 'rsa')]}}
        self.dns = self.enterContext(FakeDNS(self.zone))
        self.conf = ('server {\n    user_filter = ""\n    name = "mx.example.test"\n}\nplugin trackers { rewrite = yes }\nplugin authres { }\nplugin spf { }\n'
                     'plugin arc {\n    deadline = 25s\n    keys = "%s"\n    seal = all\n    domain = "example.test"\n}\n' % self.folder)
        return super().serve(dns=self.dns.address)

    def test_order(self):
        sent, got = self.send()
        data = got[0][2]
        self.cleaned(data)
        head = data.split(b'\r\n\r\n', 1)[0]
        self.assertRegex(head, rb'(?m)^Authentication-Results: ')
        self.assertRegex(head, rb'(?m)^ARC-Seal: ')
        path = os.path.join(self.folder, 'sealed.eml')
        with open(path, 'wb') as f:
            f.write(data)
        said = self.server.ctl('check', 'arc', path, '--dns', self.dns.address, check=False)
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)
        self.assertRegex(said.stdout, r'\bpass\b')


if __name__ == '__main__':
    unittest.main()
