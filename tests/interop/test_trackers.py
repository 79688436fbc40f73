"""plugins/trackers with a server: what each recipient sees over IMAP, by level and by sender; a copy that is not cleaned is the original, whose DKIM signature
verifies; signed and encrypted mail stays; what is said about it."""
import email, imaplib, os, re, smtplib, sys, tempfile, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from fake_dns import FakeDNS
from test_dkim import ctl, make_key, without_checking

ALICE, BOB, CAROL = 'alice@example.test', 'bob@example.test', 'carol@example.test'
ID = 'k3J9x2Lq7Zw1'
PIXEL = '<img src=3D"https://mail.example/%s.gif" width=3D"1" height=3D"1">' % ID
KNOWN = '<img src=3D"https://u1.ct.sendgrid.net/wf/open?upn=3D%s">' % ID
GIF = 'data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7'
LOGO = '<img src=3D"https://mail.example/logo.png" width=3D"300">'
HTML = '<p>Hello,=20</p>\r\n' + KNOWN + '\r\n' + PIXEL + LOGO + '\r\n<a href=3D"https://shop.example/?a=3D1&amp;utm_source=3Dm">now</a>\r\n'
HEAD = 'From: Shop <news@shop.example>\r\nTo: %s\r\nSubject: x\r\nDate: Fri, 1 Nov 2024 10:00:00 +0000\r\nMessage-ID: <1@shop.example>\r\nMIME-Version: 1.0\r\n' % BOB
QP = 'Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n' + HTML
MESSAGE = HEAD + QP
SIGNED = HEAD + 'Content-Type: multipart/signed; boundary=b; protocol="application/pgp-signature"\r\n\r\n--b\r\n' + QP + '\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n'
ENCRYPTED = HEAD + 'Content-Type: multipart/encrypted; boundary=b; protocol="application/pgp-encrypted"\r\n\r\n--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\n' + QP + '\r\n--b--\r\n'
SMIME = HEAD + 'Content-Type: application/pkcs7-mime; smime-type=signed-data\r\nContent-Transfer-Encoding: base64\r\n\r\nPGltZyBzcmM9aHR0cHM6Ly94LmV4YW1wbGUvd2Yvb3Blbj4=\r\n'
INLINE = HEAD + QP.replace('<p>Hello', '-----BEGIN PGP SIGNED MESSAGE-----\r\n<p>Hello')


class Trackers(unittest.TestCase):
    def serve(self, conf='', **how):
        server = facteur.Server(conf or 'plugin trackers { }\n', accounts=[ALICE, BOB, CAROL], **how)
        server.start()
        self.addCleanup(server.__exit__, None, None, None)
        return server

    def send(self, server, message=MESSAGE, to=(BOB,), sender='news@shop.example'):
        """The log id."""
        with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.ehlo()
            s.mail(sender)
            for r in to:
                s.rcpt(r)
            code, text = s.data(message)
            self.assertEqual(code, 250, text)
            return text.decode().split()[-1].strip('.')

    def newest(self, server, account=BOB):
        """Bytes, flags; the size that the server names is that of the bytes."""
        with imaplib.IMAP4('127.0.0.1', server.port('imap')) as m:
            m.login(account, facteur.PASSWORD)
            _, (count,) = m.select('INBOX', readonly=True)
            _, data = m.fetch(count.decode(), '(RFC822.SIZE FLAGS BODY.PEEK[])')
            raw = data[0][1]
            said = (data[0][0] + data[-1]).decode()
            self.assertEqual(int(re.search(r'RFC822\.SIZE (\d+)', said).group(1)), len(raw))
            _, part = m.fetch(count.decode(), '(BODY.PEEK[TEXT])')
            self.assertEqual(part[0][1], raw.split(b'\r\n\r\n', 1)[1])
            return raw, said

    def html(self, raw):
        return [p for p in email.message_from_bytes(raw).walk() if p.get_content_type() == 'text/html'][0].get_payload(decode=True).decode()

    def test_standard(self):
        server = self.serve()
        ident = self.send(server)
        raw, said = self.newest(server)
        self.assertEqual(self.html(raw), '<p>Hello, </p>\r\n<img src="%s">\r\n<img src="%s" width="1" height="1"><img src="https://mail.example/logo.png" width="300">\r\n<a href="https://shop.example/?a=1">now</a>\r\n' % (GIF, GIF))
        self.assertIn(b'<p>Hello,=20</p>\r\n', raw)  # lines that did not change are as they were
        with open(os.path.join(facteur.ROOT, 'plugins', 'trackers', 'trackers.list')) as f:
            version = re.search(r'(?m)^version (\S+)', f.read()).group(1)
        self.assertEqual(email.message_from_bytes(raw)['X-Facteur-Privacy'].replace('\r\n', ''),
                         '2 trackers removed (SendGrid 1, unknown 1); 1 link cleaned; level=standard; list=%s; original=%s' % (version, ident))
        self.assertIn('$TrackersRemoved', said)
        ledger = server.ctl('trace', ident).stdout
        for line in (r'tracker removed.*list of SendGrid, u1\.ct\.sendgrid\.net; list %s' % version, r'tracker removed.*hidden of unknown, mail\.example',
                     r'link cleaned.*parameter, shop\.example, 1 time; list %s' % version):
            self.assertRegex(ledger, line)

    def test_each_recipient_has_a_level(self):
        server = self.serve('plugin trackers {\n    level = known\n}\n')
        server.ctl('account', 'set', ALICE, 'privacy=off')
        server.ctl('account', 'set', CAROL, 'privacy=strict')
        self.send(server, to=(ALICE, BOB, CAROL))
        alice, bob, carol = (self.newest(server, a)[0] for a in (ALICE, BOB, CAROL))
        self.assertTrue(alice.endswith(MESSAGE.encode()))  # to the byte
        self.assertNotIn(b'X-Facteur-Privacy', alice)
        self.assertEqual((self.html(bob).count('<img'), self.html(bob).count(GIF), 'wf/open' in self.html(bob)), (3, 1, False))
        self.assertNotRegex(self.html(carol), r'src="h')
        self.assertIn('href="https://shop.example/?a=1"', self.html(carol))

    def test_a_company_and_a_heuristic_can_be_switched_off(self):
        server = self.serve('plugin trackers {\n    keep_companies = ["sendgrid"]\n    shape = no\n    parameters = no\n}\n')
        self.send(server)
        self.assertTrue(self.newest(server)[0].endswith(MESSAGE.encode()))

    def test_mail_that_is_signed_stays(self):
        server = self.serve()
        for message in (SIGNED, ENCRYPTED, SMIME, INLINE):
            with self.subTest(message=message):
                self.send(server, message)
                raw, said = self.newest(server)
                self.assertTrue(raw.endswith(message.encode()))
                self.assertNotIn('$TrackersRemoved', said)

    def test_mail_without_trackers_stays(self):
        server = self.serve()
        message = MESSAGE.replace(KNOWN, '').replace(PIXEL, '').replace('&amp;utm_source=3Dm', '')
        self.send(server, message)
        raw, said = self.newest(server)
        self.assertTrue(raw.endswith(message.encode()))
        self.assertNotIn(b'X-Facteur-Privacy', raw)
        self.assertNotIn('$TrackersRemoved', said)

    def test_lines_stay_short(self):
        """A tag that goes leaves its line end where two long lines would become one."""
        server = self.serve()
        lines = 'a' * 900, '<link rel="prefetch"', 'href="https://mail.example/%s">' % ID + 'b' * 900
        self.send(server, HEAD + 'Content-Type: text/html\r\n\r\n' + '\r\n'.join(lines).replace('a\r\n<', 'a<') + '\r\n')
        self.assertEqual(self.html(self.newest(server)[0]), 'a' * 900 + '\r\n' + 'b' * 900 + '\r\n')

    def test_a_long_list_of_edits(self):
        """Stored packed; read from the disk as it was meant."""
        server = self.serve('plugin trackers {\n    level = strict\n}\n')
        page = ''.join('<img src="https://mail.example/%d.png">\r\n' % i for i in range(100))
        self.send(server, HEAD + 'Content-Type: text/html\r\n\r\n' + page)
        for _ in range(2):
            self.assertEqual(self.html(self.newest(server)[0]), ('<img src="%s">\r\n' % GIF) * 100)

    def test_own_lists(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'more.list')
            with open(path, 'w') as f:
                f.write('pixel mail.example/logo.png The Shop\nparam a shop.example\n')
            server = self.serve('plugin trackers {\n    more_lists = ["%s"]\n}\n' % path)
            self.send(server)
            raw, _ = self.newest(server)
            self.assertIn('The Shop 1', email.message_from_bytes(raw)['X-Facteur-Privacy'].replace('\r\n', ''))
            self.assertIn('href="https://shop.example/"', self.html(raw))
            with open(path, 'w') as f:
                f.write('pixel mail.example/logo.png The Shop\n\nwrong a b\n')
            conf = os.path.join(folder, 'facteur.conf')
            with open(conf, 'w') as f:
                f.write('server {\n    plugin_dir = "%s"\n}\nplugin trackers {\n    more_lists = ["%s"]\n}\n' % (os.path.join(facteur.build_dir(), 'plugins'), path))
            bad = ctl('--conf', conf, 'config', 'check')
            self.assertNotEqual(bad.returncode, 0)
            self.assertIn('more.list:3: pixel, param, unwrap or version is wanted', bad.stdout + bad.stderr)

    def test_senders_that_are_spared(self):
        """Only when who sent it is proven, here by a login."""
        server = self.serve()
        server.ctl('account', 'set', BOB, 'privacy_keep=other.example example.test')
        message = MESSAGE.replace('news@shop.example', ALICE)
        self.send(server, message)
        self.assertNotIn('wf/open', self.html(self.newest(server)[0]))
        for account, stays in ((BOB, True), (CAROL, False)):
            with smtplib.SMTP_SSL('127.0.0.1', server.port('submissions'), local_hostname=facteur.CLIENT, timeout=60, context=without_checking()) as s:
                s.login(ALICE, facteur.PASSWORD)
                s.sendmail(ALICE, [account], message)
            self.assertEqual('wf/open' in self.html(self.newest(server, account)[0]), stays)

    def test_the_original_verifies(self):
        """Signed here on submission; Alice's copy is not cleaned, Bob's is."""
        with tempfile.TemporaryDirectory() as folder:
            zone = {'s._domainkey.example.test': {'TXT': [make_key(folder, 'example.test', 's', 'rsa')]}}
            with FakeDNS(zone) as dns:
                server = self.serve('server {\n    user_filter = ""\n}\nplugin dkim {\n    deadline = 25s\n    keys = "%s"\n    sign = yes\n}\nplugin trackers { }\n' % folder, dns=dns.address)
                server.ctl('account', 'set', ALICE, 'privacy=off')
                with smtplib.SMTP_SSL('127.0.0.1', server.port('submissions'), local_hostname=facteur.CLIENT, timeout=60, context=without_checking()) as s:
                    s.login(ALICE, facteur.PASSWORD)
                    s.sendmail(ALICE, [ALICE, BOB], MESSAGE.replace('news@shop.example', ALICE))
                self.assertNotIn('wf/open', self.html(self.newest(server)[0]))
                raw, path = self.newest(server, ALICE)[0], os.path.join(folder, 'original.eml')
                self.assertIn(b'wf/open', raw)
                with open(path, 'wb') as f:
                    f.write(raw)
                said = server.ctl('check', 'dkim', path, '--dns', dns.address).stdout
                self.assertRegex(said, r'\bpass\b')


if __name__ == '__main__':
    unittest.main()
