"""8-bit mail for servers without 8BITMIME (RFC 6152 3): what arrives is 7-bit, and says the same; or the sender hears why it cannot be."""
import email, email.policy, os, re, sys, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import facteur, postfix
from smtp_sink import Sink, USUAL
from test_relay import FAST, Relaying, own_part, send, wait_for

OLD = [word for word in USUAL if word != '8BITMIME']  # a server of before 1994
HEAD = b'From: <alice@example.test>\r\nSubject: a letter\r\nMIME-Version: 1.0\r\n'
TEXT = b'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n'


def mixed(boundary, *parts, type=b'multipart/mixed'):
    lines = b''.join(b'--' + boundary + b'\r\n' + part + b'\r\n' for part in parts)
    return b'Content-Type: ' + type + b'; boundary="' + boundary + b'"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n' + lines + b'--' + boundary + b'--\r\n'


def text(s):
    return TEXT + b'\r\n' + s.encode()


def contents(data):
    """Type, name and decoded bytes of every leaf."""
    return [(p.get_content_type(), p.get_filename(), p.get_payload(decode=True))
            for p in email.message_from_bytes(data, policy=email.policy.SMTP).walk() if not p.is_multipart()]


PICTURE = b'Content-Type: image/png\r\nContent-Disposition: attachment; filename=p.png\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\x89PNG\r\n\x1a\xff' + bytes(range(128, 256)) * 20
ENCLOSED = b'Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: inside\r\nMIME-Version: 1.0\r\n' + text('жук — жучок\r\n')
MESSAGES = {
    'text': text('Grüße, жук = 5\r\n.\r\n.. dots \r\n' + 'ö' * 900 + '\r\n'),
    'parts': mixed(b'b', text('Grüße'), PICTURE, b'Content-Type: text/plain\r\n\r\nplain text stays = as it is'),
    'nested': mixed(b'b', mixed(b'c', text('né'), text('<p>né</p>'), type=b'multipart/alternative'), ENCLOSED),
    'large': mixed(b'b', text('Zeile für Zeile\r\n' * 40000), PICTURE * 50),
}


class Sending(Relaying):
    def deliver(self, sink, data, **more):
        before, self.told = len(sink.messages), len(self.sent_lines())
        send(self.server, 'far@one.test', data, options=['BODY=8BITMIME'], **more)
        self.assertTrue(sink.wait(before + 1), self.server.log()[-3000:])
        return sink.messages[-1]

    def sent_lines(self):
        return [line for line in self.server.log().splitlines() if ' sent ' in line]

    def sent(self):
        """What the log says of the last delivery; the sink has it before the log does."""
        self.assertTrue(wait_for(lambda: len(self.sent_lines()) > self.told), self.server.log()[-3000:])
        return self.sent_lines()[-1]

    def check(self, got, data, announces_size):
        self.assertTrue(got.data.isascii())
        self.assertLessEqual(max(len(line) for line in got.data.split(b'\r\n')), 998)
        self.assertEqual(contents(own_part(got.data)), contents(data))
        self.assertNotIn(b'8bit', got.data.lower())
        self.assertNotIn('BODY=', got.mail)
        self.assertNotIn('BDAT', ' '.join(got.session.lines))
        if announces_size:
            self.assertIn('SIZE=%d' % len(got.data), got.mail.split())
        self.assertIn('converted=8bit-to-7bit', self.sent())

    def refused(self, message, status, words, extensions=OLD):
        self.sink(extensions=extensions)
        send(self.server, 'far@one.test', message, options=['BODY=8BITMIME'])
        got = self.report()
        self.assertEqual((got['action'], got['status']), ('failed', status))
        self.assertIn(words, ' '.join(got['diagnostic-code'].split()))


class Converting(Sending):
    def test_same_contents(self):
        for extensions in (OLD, OLD + ['CHUNKING'], []):
            with Sink(port=self.routes['one.test'], extensions=extensions) as sink:
                for name, message in MESSAGES.items():
                    with self.subTest(message=name, extensions=extensions):
                        data = HEAD + message
                        self.check(self.deliver(sink, data), data, extensions)
            self.settle()

    def test_parts_that_need_nothing_stay(self):
        sink = self.sink(extensions=OLD)
        got = self.deliver(sink, HEAD + MESSAGES['parts'])
        self.assertIn(b'\r\nplain text stays = as it is\r\n--b--', got.data)

    def test_mail_without_mime(self):
        """RFC 1428: a charset that nobody knows has a name."""
        sink = self.sink(extensions=OLD)
        got = self.deliver(sink, b'From: <alice@example.test>\r\nSubject: old\r\n\r\nGr\xfc\xdfe\r\n')
        parsed = email.message_from_bytes(got.data)
        self.assertEqual((parsed['MIME-Version'], parsed['Content-Type']), ('1.0', 'text/plain; charset=unknown-8bit'))
        self.assertEqual(parsed.get_payload(decode=True), b'Gr\xfc\xdfe\r\n')

    def test_a_server_that_takes_it_gets_it_as_it_is(self):
        sink = self.sink()
        data = HEAD + MESSAGES['nested']
        got = self.deliver(sink, data)
        self.assertEqual(own_part(got.data), data)
        self.assertIn('BODY=8BITMIME', got.mail)
        self.assertNotIn('converted=', self.sent())

    def test_one_message_to_both(self):
        """Only this transmission is converted: the queue keeps the original."""
        old, new = self.sink(extensions=OLD), self.sink('two.test')
        data = HEAD + MESSAGES['parts']
        send(self.server, ['far@one.test', 'far@two.test'], data, options=['BODY=8BITMIME'])
        self.assertTrue(old.wait(1) and new.wait(1))
        self.assertEqual(own_part(new.messages[0].data), data)
        self.assertEqual(contents(own_part(old.messages[0].data)), contents(data))

    def test_converted_twice(self):
        """A try that fails, and the next one with a server that has learned of 8BITMIME."""
        sink = self.sink(extensions=OLD, at={'dot': ['451 4.3.0 later', None]})
        data = HEAD + MESSAGES['parts']
        got = self.deliver(sink, data)
        self.assertEqual(contents(own_part(got.data)), contents(data))
        sink.extensions = USUAL
        self.settle()
        self.assertEqual(own_part(self.deliver(sink, data).data), data)

    def test_behind_one_another(self):
        """RFC 2920: the commands of a converted message travel behind the end of the one before."""
        sink = self.sink(extensions=OLD, at={'connect': 0.5})
        wanted = [HEAD + text('жук %d\r\n' % i) for i in range(6)]
        for data in wanted:
            send(self.server, 'far@one.test', data, options=['BODY=8BITMIME'])
        self.assertTrue(sink.wait(6))
        self.assertEqual(sorted(contents(own_part(m.data)) for m in sink.messages), sorted(map(contents, wanted)))

    def test_trace(self):
        sink = self.sink(extensions=OLD)
        self.deliver(sink, HEAD + MESSAGES['text'])
        trace = re.search(r'\[(\S+)\] sent ', self.sent()).group(1)
        self.assertIn('converted=8bit-to-7bit', self.server.ctl('trace', trace).stdout)

    def test_signatures_are_left_alone(self):
        signature = b'Content-Type: application/pgp-signature\r\n\r\nabc'
        self.refused(HEAD + mixed(b'b', text('Grüße'), signature, type=b'multipart/signed; protocol="application/pgp-signature"'), '5.6.3', 'signature')

    def test_header_in_eight_bits(self):
        self.refused(HEAD + b'X-Raw: Gr\xfc\xdfe\r\n' + text('Grüße'), '5.6.7', 'header')

    def test_grown_above_size(self):
        data = HEAD + text('ж' * 300 + '\r\n')
        self.refused(data, '5.3.4', 'SIZE', extensions=['PIPELINING', 'SIZE 1500'])


class FromTheStore(Sending):
    """A large message that is read piece by piece, twice."""
    EXTRA = 'body_memory = 0'

    def test_large(self):
        sink = self.sink(extensions=OLD)
        data = HEAD + mixed(b'b', text('Zeile für Zeile, = und .\r\n' * 150000), PICTURE * 300, text('ö' * 3000000))
        self.check(self.deliver(sink, data), data, True)


class NotConverting(Sending):
    EXTRA = 'down_convert = no'

    def test_bounces(self):
        self.refused(HEAD + MESSAGES['text'], '5.6.3', '8BITMIME')


@unittest.skipIf(postfix.why_not(), postfix.why_not())
class ToPostfix(unittest.TestCase):
    """One that takes 7-bit mail only, and is strict about it: bytes, headers, and labels that contradict one another."""
    STRICT = 'smtpd_discard_ehlo_keywords = 8bitmime, chunking\nstrict_8bitmime = yes\nstrict_mime_encoding_domain = yes\n'

    def test_contents(self):
        with postfix.Sink() as sink, postfix.Postfix(sink, more=self.STRICT) as mta:
            with facteur.Server(conf=FAST % '', routes={'far.test': mta.port}) as server:
                for name, message in MESSAGES.items():
                    with self.subTest(message=name):
                        data = HEAD + b'X-Mark: -%s-\r\n' % name.encode() + message
                        send(server, 'far@far.test', data, options=['BODY=8BITMIME'])
                        got = sink.find('X-Mark: -%s-' % name)[0][2]
                        self.assertEqual(contents(own_part(got)), contents(data))


if __name__ == '__main__':
    unittest.main()
