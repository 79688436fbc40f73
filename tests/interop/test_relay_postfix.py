"""Mail for other servers, to a real Postfix, which sends it on to a sink: the bytes, with DATA and with BDAT, many messages, refusals, TLS."""
import os, sys, tempfile, time, unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur, postfix
from smtp_sink import Sink, certificate
from test_relay import fields, inbox, letter, own_part, send, wait_for

FAST = '''relay { retry = ["1s"]  retry_jitter = 0  dead_first = 1s  dead_max = 1s  idle_keep = 1s }
smtp { relay_networks = ["127.0.0.0/8"] }
'''
BODIES = {
    'dots': b'.\r\n..\r\n.a\r\na.\r\n\r\n.\r\nend\r\n',
    'starts with a dot': b'.first\r\n',
    'large': (b'x' * 70 + b'\r\n.' + b'y' * 70 + b'\r\n') * 20000,
    'eight bits': 'Grüße, жук\r\n'.encode(),
}


@unittest.skipIf(postfix.why_not(), postfix.why_not())
class ToPostfix(unittest.TestCase):
    def check(self, more, wanted):
        """All bodies through a Postfix with this configuration, whose log then has `wanted`."""
        with postfix.Sink() as sink, postfix.Postfix(sink, more=more) as mta:
            with facteur.Server(conf=FAST, routes={'far.test': mta.port}) as server:
                for i, (name, body) in enumerate(BODIES.items()):
                    with self.subTest(body=name):
                        data = send(server, 'b%d@far.test' % i, letter(b'mark-%d-\r\n' % i + body), options=['BODY=8BITMIME'])
                        got = sink.find('mark-%d-' % i)
                        self.assertEqual(own_part(got[0][2]), data)
                        self.assertEqual(got[0][1], ['b%d@far.test' % i])
            # It says what was spoken when the connection is over.
            self.assertTrue(wait_for(lambda: wanted in mta.log()), mta.log()[-2000:])

    def test_data(self):
        self.check('smtpd_discard_ehlo_keywords = chunking\n', ' data=')

    def test_chunks(self):
        self.check('', ' bdat=')

    def test_one_command_at_a_time(self):
        self.check('smtpd_discard_ehlo_keywords = chunking, pipelining\n', ' data=')

    def test_tls(self):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            cert, key, _ = certificate(folder)
            self.check('smtpd_tls_cert_file = %s\nsmtpd_tls_key_file = %s\nsmtpd_tls_security_level = encrypt\nsmtpd_tls_loglevel = 1\n' % (cert, key), 'TLS connection established')

    def test_many(self):
        """Few connections, nothing lost, nothing doubled."""
        with postfix.Sink() as sink, postfix.Postfix(sink) as mta:
            with facteur.Server(conf=FAST.replace('idle_keep = 1s', 'idle_keep = 20s'), routes={'far.test': mta.port}) as server:
                for i in range(40):
                    send(server, 'm%d@far.test' % i, letter(b'many-%03d-\r\n' % i))
                self.assertEqual(len(sink.find('many-', n=40)), 40)
                self.assertTrue(all(len(sink.find('many-%03d-' % i)) == 1 for i in range(40)))
                self.assertLessEqual(mta.log().count(': connect from'), 10)

    def test_refusals(self):
        with postfix.Sink() as sink, postfix.Postfix(sink, more='message_size_limit = 100000\nsmtpd_recipient_restrictions = '
                                                     'check_recipient_access inline:{{never@far.test=550 5.1.1 no such user here}, {later@far.test=450 4.2.0 not now}}, permit\n') as mta:
            with facteur.Server(conf=FAST, routes={'far.test': mta.port}) as server:
                send(server, ['never@far.test', 'later@far.test', 'good@far.test'], letter(b'three-\r\n'))
                self.assertEqual(sink.find('three-')[0][1], ['good@far.test'])
                told = inbox(server, 1)
                self.assertEqual(len(told), 1)
                self.assertEqual((fields(told[0])['final-recipient'], fields(told[0])['status']), ('rfc822; never@far.test', '5.1.1'))
                self.assertTrue(wait_for(lambda: server.log().count('450 4.2.0') >= 2))
                send(server, 'good@far.test', letter(b'x' * 78 + b'\r\n' + (b'y' * 78 + b'\r\n') * 2000))
                told = inbox(server, 1)
                self.assertEqual(fields(told[0])['status'], '5.3.4')


if __name__ == '__main__':
    unittest.main(verbosity=1)
