"""A cleaned message as a product: every way to read it agrees with every other one (IMAP, POP3, facteurctl), its original is there to the byte, by command and by
copying it into `Show original`, and its view can be changed and changed back without ever changing the bytes of a UID."""
import base64, email, email.policy, imaplib, json, os, poplib, quopri, re, smtplib, subprocess, sys, tempfile, unittest

import dkim

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from fake_dns import FakeDNS
from test_dkim import make_key, without_checking

ALICE, BOB = 'alice@example.test', 'bob@example.test'
TOKEN = 'k3J9x2Lq7Zw1'
PAGE = ('<html><body><p>Guten Tag, Frühling = schön</p>\r\n<img src="https://u1.ct.sendgrid.net/wf/open?upn=%s">\r\n'
        '<img src="https://mail.example/logo.png" width="300">\r\n<img src="https://t.example/%s.gif" width="1" height="1">'
        '<a href="https://shop.example/?a=1&amp;utm_source=mail">now</a>\r\n' % (TOKEN, TOKEN) + '<p>a line of text that is long enough</p>\r\n' * 40 + '</body></html>\r\n').encode()
TEXT = b'Plain words. https://shop.example/?b=2&utm_source=mail\r\n'
HEAD = 'From: Shop <News@Shop.example>\r\nTo: %s\r\nSubject: x %%s\r\nDate: Fri, 1 Nov 2024 10:00:00 +0000\r\nMessage-ID: <%%s@shop.example>\r\nMIME-Version: 1.0\r\n' % BOB


def qp(data):
    return quopri.encodestring(data.replace(b'\r\n', b'\n')).decode().replace('\n', '\r\n')


def part(kind, encoding, data):
    body = qp(data) if encoding == 'quoted-printable' else base64.encodebytes(data).decode().replace('\n', '\r\n') if encoding == 'base64' else data.decode()
    return 'Content-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n%s' % (kind, encoding, body)


def multipart(kind, *parts):
    return 'Content-Type: multipart/%s; boundary="b-%s"\r\n\r\n' % (kind, kind) + ''.join('--b-%s\r\n%s\r\n' % (kind, p) for p in parts) + '--b-%s--\r\n' % kind


MAILS = {
    'qp': part('text/html', 'quoted-printable', PAGE),
    'base64': part('text/html', 'base64', PAGE),
    '8bit': part('text/html', '8bit', PAGE),
    'alternative': multipart('alternative', part('text/plain', '8bit', TEXT), part('text/html', 'quoted-printable', PAGE)),
    'mixed': multipart('mixed', multipart('alternative', part('text/plain', 'quoted-printable', TEXT), part('text/html', 'base64', PAGE)),
                       'Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=x.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n'),
}


class Box:
    """One mailbox over IMAP, by UID."""

    def __init__(self, server, account=BOB, name='INBOX'):
        self.m = imaplib.IMAP4('127.0.0.1', server.port('imap'))
        self.m.login(account, facteur.PASSWORD)
        self.open(name)

    def open(self, name):
        status, (count,) = self.m.select('"%s"' % name)
        assert status == 'OK', count
        return int(count)

    def uids(self, *criteria):
        return [int(u) for u in self.m.uid('SEARCH', *(criteria or ('ALL',)))[1][0].split()]

    def fetch(self, uid, what):
        """The line without its literals, and the literals."""
        status, data = self.m.uid('FETCH', str(uid), what)
        assert status == 'OK', data
        line = b''.join(d[0] if isinstance(d, tuple) else d for d in data if d)
        return line.decode(), [d[1] for d in data if isinstance(d, tuple)]

    def bytes(self, uid, what='BODY.PEEK[]'):
        line, literals = self.fetch(uid, '(%s)' % what)
        return literals[0] if literals else b''

    def command(self, name, *args):
        status, data = self.m.uid(name, *args)
        assert status == 'OK', data
        return self.m.response('COPYUID')[1]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.m.logout()


def sections(message, prefix=''):
    """IMAP's numbers of the leaves of an email.message."""
    if not message.is_multipart():
        yield (prefix + '1' if not prefix else prefix.rstrip('.')), message
        return
    for i, p in enumerate(message.get_payload(), 1):
        if p.is_multipart():
            yield from sections(p, '%s%d.' % (prefix, i))
        else:
            yield '%s%d' % (prefix, i), p


class WithServer(unittest.TestCase):
    conf = 'plugin trackers { }\n'

    def serve(self, conf=None, **how):
        server = facteur.Server(conf or self.conf, accounts=[ALICE, BOB], **how)
        server.start()
        self.addCleanup(server.__exit__, None, None, None)
        return server

    def send(self, server, name, to=(BOB,), body=None):
        """The log id and the bytes as sent."""
        message = (HEAD % (name, name) + (body or MAILS[name])).encode()
        with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.ehlo()
            s.mail('news@shop.example', options=['BODY=8BITMIME'])
            for r in to:
                s.rcpt(r)
            code, text = s.data(message)
            self.assertEqual(code, 250, text)
            return text.decode().split()[-1].strip('.'), message

    def raw(self, server, *words):
        r = subprocess.run([os.path.join(server.build, 'facteurctl'), '--dir', server.state, 'mail', *words], capture_output=True, timeout=120)
        self.assertEqual(r.returncode, 0, r.stderr)
        return r.stdout

    def good(self, server):
        self.assertRegex(server.ctl('store', 'check').stdout, r'\b0 damaged|nothing is damaged|no damage')


class Reading(WithServer):
    def test_all_ways_agree(self):
        server = self.serve()
        idents = {name: self.send(server, name) for name in MAILS}
        with Box(server) as box:
            self.assertEqual(len(box.uids()), len(MAILS))
            for uid, name in zip(box.uids(), MAILS):
                with self.subTest(mail=name):
                    self.one_mail(server, box, uid, *idents[name])
            self.assertEqual(box.uids('KEYWORD', '$TrackersRemoved'), box.uids())
            self.assertEqual(box.uids('BODY', TOKEN), [])  # what is not shown is not found
            self.assertEqual(box.uids('BODY', '"long enough"'), box.uids())
            self.assertEqual(box.uids('HEADER', 'X-Facteur-Privacy', 'SendGrid'), box.uids())
            for uid in box.uids():
                size = len(box.bytes(uid))
                self.assertIn(uid, box.uids('LARGER', str(size - 1)))
                self.assertNotIn(uid, box.uids('LARGER', str(size)))
        self.pop3(server)
        self.good(server)

    def one_mail(self, server, box, uid, ident, sent):
        whole = box.bytes(uid)
        line, _ = box.fetch(uid, '(RFC822.SIZE FLAGS BODYSTRUCTURE)')
        self.assertEqual(int(re.search(r'RFC822\.SIZE (\d+)', line).group(1)), len(whole))
        self.assertIn('$TrackersRemoved', line)
        self.assertIn(b'X-Facteur-Privacy', whole)
        self.assertEqual(self.raw(server, 'show', ident), whole)
        self.assertTrue(self.raw(server, 'original', ident).endswith(sent))
        head, text = box.bytes(uid, 'BODY.PEEK[HEADER]'), box.bytes(uid, 'BODY.PEEK[TEXT]')
        self.assertEqual(head + text, whole)
        self.assertEqual(box.bytes(uid, 'RFC822.HEADER'), head)
        for at in range(0, len(whole), 997):
            self.assertEqual(box.bytes(uid, 'BODY.PEEK[]<%d.997>' % at), whole[at:at + 997])
        self.assertEqual(box.bytes(uid, 'BODY.PEEK[TEXT]<100.50>'), text[100:150])
        lengths = []
        for number, p in sections(email.message_from_bytes(whole)):
            encoded, decoded = box.bytes(uid, 'BODY.PEEK[%s]' % number), p.get_payload(decode=True)
            lengths.append(len(encoded))
            self.assertEqual(email.message_from_bytes(b'Content-Transfer-Encoding: %s\r\n\r\n' % p['Content-Transfer-Encoding'].encode() + encoded).get_payload(decode=True).rstrip(b'\r\n'),
                             decoded.rstrip(b'\r\n'))
            binary = box.bytes(uid, 'BINARY.PEEK[%s]' % number)
            self.assertEqual(binary.rstrip(b'\r\n'), decoded.rstrip(b'\r\n'))
            size, _ = box.fetch(uid, '(BINARY.SIZE[%s])' % number)
            self.assertEqual(int(re.search(r'BINARY\.SIZE\[[\d.]+\] (\d+)', size).group(1)), len(binary))
            self.assertEqual(box.bytes(uid, 'BINARY.PEEK[%s]<3.20>' % number), binary[3:23])
            if p.get_content_type() == 'text/html':
                self.assertEqual(binary.decode().count('src="http'), 1)
                self.assertNotIn(TOKEN.encode(), binary)
                self.assertIn('Frühling = schön'.encode(), binary)
        # body-type … encoding, then the octets (RFC 9051 7.5.2)
        self.assertEqual([int(n) for n in re.findall(r'"(?:7BIT|8BIT|BASE64|QUOTED-PRINTABLE)" (\d+)', line, re.I)], lengths)

    def pop3(self, server):
        with Box(server) as box:
            wholes = [box.bytes(u) for u in box.uids()]
        pop = poplib.POP3('127.0.0.1', server.port('pop3'))
        pop.user(BOB)
        pop.pass_(facteur.PASSWORD)
        self.assertEqual(pop.stat(), (len(wholes), sum(map(len, wholes))))
        for n, whole in enumerate(wholes, 1):
            self.assertEqual(int(pop.list(n).split()[2]), len(whole))
            self.assertEqual(b''.join(l + b'\r\n' for l in pop.retr(n)[1]), whole)
            head, _, text = whole.partition(b'\r\n\r\n')
            self.assertEqual(pop.top(n, 2)[1], head.split(b'\r\n') + [b''] + text.split(b'\r\n')[:2])
        pop.quit()


class Originals(WithServer):
    def test_show_original(self):
        server = self.serve()
        with Box(server) as box:
            self.assertNotIn('Show original', str(box.m.list()))  # nothing was cleaned so far
        idents = {name: self.send(server, name)[0] for name in MAILS}
        with Box(server) as box:
            self.assertIn('Show original', str(box.m.list()))
            self.assertIn('Show original', str(box.m.lsub()))  # mail programs show what is subscribed
            box.command('STORE', '1:*', '+FLAGS', r'(\Seen \Flagged mine)')
            before = {u: box.bytes(u) for u in box.uids()}
            source, target = re.match(rb'\d+ (\S+) (\S+)', box.command('COPY', '1:*', '"Show original"')[0]).groups()
            self.assertEqual((source, target), (b'1:5', b'1:5'))
            self.assertEqual(box.uids(), sorted(before))
            for u in before:
                self.assertEqual(box.bytes(u), before[u])
            self.assertIn('$TrackersRemoved', box.fetch(1, '(FLAGS)')[0])
            box.open('Show original')
            for u, ident in zip(box.uids(), idents.values()):
                original = self.raw(server, 'original', ident)
                self.assertEqual(box.bytes(u), original)
                line, _ = box.fetch(u, '(RFC822.SIZE FLAGS BODYSTRUCTURE)')
                self.assertIn('RFC822.SIZE %d' % len(original), line)
                self.assertNotIn('$TrackersRemoved', line)
                for flag in (r'\Seen', r'\Flagged', 'mine'):
                    self.assertIn(flag, line)
            self.assertEqual(box.uids('BODY', TOKEN), box.uids())
            box.command('COPY', '1', 'INBOX')  # from there: as it is, so it is an original in INBOX now
            box.open('INBOX')
            self.assertEqual(box.bytes(6), self.raw(server, 'original', idents['qp']))
            box.command('MOVE', '2', '"Show original"')
            self.assertEqual(box.uids(), [1, 3, 4, 5, 6])
            box.open('Show original')
            self.assertEqual(box.bytes(6), self.raw(server, 'original', idents['base64']))
        self.good(server)
        self.assertIn('shown anew', server.ctl('trace', idents['qp']).stdout)
        self.assertEqual(server.stop(), 0)
        server.start()
        with Box(server, name='Show original') as box:
            self.assertEqual(box.bytes(1), self.raw(server, 'original', idents['qp']))

    def test_the_mailbox_is_the_users(self):
        """Another name stays its name; who deletes it does not get it again, but can make it."""
        server = self.serve()
        ident, _ = self.send(server, 'qp')
        with Box(server) as box:
            self.assertEqual(box.m.rename('"Show original"', 'Echt')[0], 'OK')
            box.command('COPY', '1', 'Echt')
            box.open('Echt')
            self.assertEqual(box.bytes(1), self.raw(server, 'original', ident))
            box.open('INBOX')
            self.assertEqual(box.m.delete('Echt')[0], 'OK')
            self.send(server, 'base64')
            self.assertNotIn('Show original', str(box.m.list()))
            self.assertEqual(box.m.uid('COPY', '1', '"Show original"')[0], 'NO')
            self.assertEqual(box.m.create('"Show original"')[0], 'OK')
            box.command('COPY', '1', '"Show original"')
            box.open('Show original')
            self.assertEqual(box.bytes(1), self.raw(server, 'original', ident))

    def test_limit_and_another_name(self):
        server = self.serve('plugin trackers { }\nimap { max_originals = 2 }\nstore { show_original = "Original/anzeigen" }\n')
        for name in ('qp', 'base64', '8bit'):
            self.send(server, name)
        with Box(server) as box:
            status, data = box.m.uid('COPY', '1:3', '"Original/anzeigen"')
            self.assertEqual((status, b'[LIMIT]' in data[0]), ('NO', True))
            box.command('COPY', '1:2', '"Original/anzeigen"')
            self.assertEqual(box.open('Original/anzeigen'), 2)

    def test_mail_that_has_no_edits(self):
        """APPENDed: it is its own original. Moved together with one that was cleaned."""
        server = self.serve()
        ident, _ = self.send(server, 'qp')
        own = b'From: me\r\nSubject: own\r\n\r\nhello\r\n'
        with Box(server) as box:
            self.assertEqual(box.m.append('INBOX', '(kept)', None, own)[0], 'OK')
            box.command('MOVE', '1:2', '"Show original"')
            self.assertEqual(box.uids(), [])
            box.open('Show original')
            self.assertEqual([box.bytes(u) for u in box.uids()], [self.raw(server, 'original', ident), own])
            self.assertIn('kept', box.fetch(2, '(FLAGS)')[0])
            box.command('MOVE', '1:2', 'INBOX')
            box.open('INBOX')
            self.assertEqual(box.bytes(4), own)
            self.assertEqual(server.ctl('mail', 'clean', ident).stdout.count('UID 3 is now UID 5'), 1)
            box.m.noop()
            self.assertIn(b'X-Facteur-Privacy', box.bytes(5))
        self.good(server)

    def test_nothing_is_learned_by_looking(self):
        """Spam that is copied to look at it is still spam."""
        server = self.serve('plugin trackers { }\naccess { learn_delay = 0s }\nplugin bayes { }\n')
        self.send(server, 'qp')
        with Box(server) as box:
            box.command('MOVE', '1', 'Junk')
            box.open('Junk')
            box.command('COPY', '1', '"Show original"')
        self.assertNotIn('"ham"', server.log())


class Restoring(WithServer):
    def test_restore_and_back(self):
        server = self.serve()
        ident, sent = self.send(server, 'alternative', to=(ALICE, BOB))
        with Box(server) as box:
            cleaned = box.bytes(1)
            box.command('STORE', '1', '+FLAGS', r'(\Answered mine)')
            said = server.ctl('mail', 'restore', ident, '--account', BOB).stdout
            self.assertIn('UID 1 is now UID 2', said)
            box.m.noop()
            self.assertEqual(box.uids(), [2])
            restored = box.bytes(2)
            line, _ = box.fetch(2, '(RFC822.SIZE FLAGS)')
            self.assertIn('RFC822.SIZE %d' % len(restored), line)
            self.assertNotIn('$TrackersRemoved', line)
            for flag in (r'\Answered', 'mine'):
                self.assertIn(flag, line)
            self.assertTrue(restored.endswith(sent))
            self.assertIn(b'Return-Path: <news@shop.example>', restored)
            self.assertNotIn(b'X-Facteur-Privacy', restored)
            self.assertIn('UID 2 shows everything already', server.ctl('mail', 'restore', ident, '--account', BOB).stdout)
            server.ctl('mail', 'restore', ident, '--account', BOB, '--original')
            box.m.noop()
            self.assertEqual(box.bytes(3), self.raw(server, 'original', ident, '--account', BOB))
            server.ctl('mail', 'clean', ident, '--account', BOB)
            box.m.noop()
            self.assertEqual(box.uids(), [4])
            self.assertEqual(box.bytes(4), cleaned)
            self.assertIn('$TrackersRemoved', box.fetch(4, '(FLAGS)')[0])
        with Box(server, ALICE) as box:  # her copy is hers
            self.assertEqual(box.uids(), [1])
        all_of_them = server.ctl('--json', 'mail', 'restore', ident).stdout
        self.assertEqual(all_of_them.count('"changed": true'), 2)
        self.good(server)

    def test_what_the_commands_refuse(self):
        server = self.serve()
        ident, _ = self.send(server, 'qp')
        for words, why in ((('original', 'nobody'), 'no stored message has the id nobody'), (('show', ident, '--account', ALICE), 'in the account ' + ALICE),
                           (('original', ident, '--out', '/no/such/folder/x'), 'No such file')):
            r = server.ctl('mail', *words, check=False)
            self.assertEqual(r.returncode, 1, r)
            self.assertIn(why, r.stderr)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'x.eml')
            server.ctl('mail', 'original', ident, '--out', path)
            with open(path, 'rb') as f:
                self.assertEqual(f.read(), self.raw(server, 'original', ident))
            self.assertEqual(os.listdir(folder), ['x.eml'])

    def test_a_mail_without_edits(self):
        """APPENDed mail has no id of the log; mail that was not cleaned is restored already."""
        server = self.serve()
        ident, sent = self.send(server, 'plain', body='\r\nhello\r\n')
        self.assertIn('shows everything already', server.ctl('mail', 'restore', ident).stdout)
        self.assertTrue(self.raw(server, 'show', ident).endswith(sent))


class Reports(WithServer):
    def test_report(self):
        """Counted at delivery: deleting the messages does not change it."""
        server = self.serve()
        for name in ('qp', 'base64'):
            self.send(server, name, to=(ALICE, BOB))
        self.send(server, 'alternative')
        with Box(server) as box:
            box.command('STORE', '1:*', '+FLAGS', r'(\Deleted)')
            box.m.expunge()
        for words, messages in (((), 5), (('--user', BOB), 3), (('--user', ALICE, '--since', '1d'), 2)):
            got = json.loads(server.ctl('--json', 'privacy', 'report', *words).stdout)
            self.assertEqual((got['messages'], got['trackers_removed']), (messages, 2 * messages))
            self.assertEqual([(c['name'], c['trackers'], c['messages']) for c in got['companies']], [('SendGrid', messages, messages), ('unknown', messages, messages)])
            self.assertEqual([(c['name'], c['trackers'], c['messages']) for c in got['senders']], [('news@shop.example', 2 * messages, messages)])
        text = server.ctl('privacy', 'report', '--limit', '1').stdout
        for line in (r'5 messages cleaned, 10 trackers removed, \d+ links cleaned, in 2 accounts', r'SendGrid +5 +5', 'and 1 more', r'news@shop\.example +10 +5'):
            self.assertRegex(text, line)
        for words, why in ((('--since', 'never'), 'never'), (('--limit', '0'), 'must be a number'), (('--user', 'nobody@example.test'), 'no account')):
            self.assertIn(why, server.ctl('privacy', 'report', *words, check=False).stderr)
        self.assertEqual(server.stop(), 0)  # without a running server, too
        self.assertEqual(json.loads(server.ctl('--json', 'privacy', 'report').stdout)['messages'], 5)


class Digests(WithServer):
    def test_digest(self):
        server = self.serve()
        server.ctl('account', 'set', BOB, 'privacy_digest=weekly', 'languages=de fr-CH en')
        self.assertIn('nothing was taken out', server.ctl('privacy', 'digest', '--now').stdout)
        self.send(server, 'qp', to=(ALICE, BOB))
        self.assertEqual(server.ctl('privacy', 'digest', '--now').stdout, BOB + ' got a digest\n')  # who did not ask gets none
        self.assertIn('got a digest', server.ctl('privacy', 'digest', '--now', '--user', ALICE).stdout)
        for account, subject, words in ((ALICE, 'Your week: 2 trackers removed', ('2 trackers were taken out of 1 messages', 'mailbox "Show original"')),
                                        (BOB, 'Votre semaine : 2 pisteurs retirés', ('2 pisteurs ont été retirés de 1 messages', 'la boîte « Show original »'))):
            with Box(server, account) as box:
                self.assertEqual(box.uids(), [1, 2])
                raw = box.bytes(2)
                digest = email.message_from_bytes(raw, policy=email.policy.default)
                self.assertEqual((digest['Subject'], digest['To'], digest['Auto-Submitted']), (subject, account, 'auto-generated'))
                text = digest.get_content()
                for word in words + ('      1  SendGrid', '      1  unknown', '      2  news@shop.example'):
                    self.assertIn(word, text)
                self.assertIn('RFC822.SIZE %d' % len(raw), box.fetch(2, '(RFC822.SIZE BODYSTRUCTURE)')[0])
                self.assertNotIn(b'\n', raw.replace(b'\r\n', b''))
        self.assertIn('once a week', server.ctl('privacy', 'digest', check=False).stderr)
        self.assertIn('no account', server.ctl('privacy', 'digest', '--now', '--user', 'nobody@example.test', check=False).stderr)
        self.assertIn('is none of: off weekly', server.ctl('account', 'set', BOB, 'privacy_digest=daily', check=False).stderr)
        self.good(server)


class Signatures(WithServer):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        zone = {'s._domainkey.example.test': {'TXT': [make_key(self.folder, 'example.test', 's', 'rsa')]}}
        for name, text in (('keys', 's._domainkey.example.test %s\n' % zone['s._domainkey.example.test']['TXT'][0]),
                           ('opendkim.conf', 'TestPublicKeys %s/keys\nMode v\nSyslog no\n' % self.folder)):
            with open(os.path.join(self.folder, name), 'w') as f:
                f.write(text)
        self.dns = self.enterContext(FakeDNS(zone)).address

    def signed(self, server, name):
        """By somebody else, who sends it here."""
        message = (HEAD % (name, name) + MAILS[name]).replace('News@Shop.example', ALICE).encode()
        with open(os.path.join(self.folder, 'example.test', 's.pem'), 'rb') as f:
            message = dkim.sign(message, b's', b'example.test', f.read(), canonicalize=(b'simple', b'simple')) + message
        with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.sendmail(ALICE, [BOB], message, mail_options=['BODY=8BITMIME'])

    def test_originals_verify(self):
        """simple/simple: nothing at all may change."""
        server = self.serve(dns=self.dns)
        for name in MAILS:
            self.signed(server, name)
        with Box(server) as box:
            idents = [re.search(r'original=(\S+)', email.message_from_bytes(box.bytes(u))['X-Facteur-Privacy'].replace('\r\n', '')).group(1) for u in box.uids()]
            for u in box.uids():
                self.assertIn('failed', self.opendkim(box.bytes(u)))  # the view was cleaned
            box.command('COPY', '1:*', '"Show original"')
            box.open('Show original')
            for u, ident in zip(box.uids(), idents):
                with self.subTest(mail=u):
                    original = self.raw(server, 'original', ident)
                    self.assertEqual(box.bytes(u), original)
                    self.verify(original, server)
                    self.assertIn('failed', self.opendkim(original.replace(b'10:00:00', b'10:00:01')))
            server.ctl('mail', 'restore', idents[0])
            box.open('INBOX')
            self.verify(box.bytes(len(MAILS) + 1), server)

    def test_what_was_signed_here(self):
        """The signature of mail that is submitted here is an edit as well: the message as submitted has none, the restored view has it."""
        server = self.serve('server {\n    user_filter = ""\n}\nplugin dkim {\n    deadline = 25s\n    keys = "%s"\n    sign = yes\n}\nplugin trackers { }\n' % self.folder, dns=self.dns)
        with smtplib.SMTP_SSL('127.0.0.1', server.port('submissions'), local_hostname=facteur.CLIENT, timeout=60, context=without_checking()) as s:
            s.login(ALICE, facteur.PASSWORD)
            s.sendmail(ALICE, [BOB], (HEAD % ('x', 'x') + MAILS['qp']).replace('News@Shop.example', ALICE).encode())
        with Box(server) as box:
            ident = re.search(r'original=(\S+)', email.message_from_bytes(box.bytes(1))['X-Facteur-Privacy'].replace('\r\n', '')).group(1)
            self.assertNotIn(b'DKIM-Signature', self.raw(server, 'original', ident))
            server.ctl('mail', 'restore', ident)
            box.m.noop()
            self.verify(box.bytes(2), server)

    def verify(self, raw, server):
        """By our engine, and by opendkim, which reads the key from a file instead of the DNS."""
        path = os.path.join(self.folder, 'original.eml')
        with open(path, 'wb') as f:
            f.write(raw)
        self.assertRegex(server.ctl('check', 'dkim', path, '--dns', self.dns).stdout, r'\bpass\b')
        self.assertIn('succeeded', self.opendkim(raw))

    def opendkim(self, raw):
        path = os.path.join(self.folder, 'opendkim.eml')
        with open(path, 'wb') as f:
            f.write(raw)
        r = subprocess.run(['/usr/sbin/opendkim', '-x', os.path.join(self.folder, 'opendkim.conf'), '-t', path], capture_output=True, text=True, timeout=60)
        return r.stdout + r.stderr


if __name__ == '__main__':
    unittest.main()
