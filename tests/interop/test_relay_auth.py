"""Logging in at smart hosts: SCRAM-SHA-256 with a server of ours at the other end, and with servers that do not deserve the password."""
import base64, hashlib, hmac, os, sys, time, unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from smtp_sink import Sink, USUAL
from test_relay import ALICE, own_part, send, wait_for

RELAY = 'relay { retry = ["1h"]  retry_jitter = 0  dead_first = 1h  dead_max = 1h }\n'
PASSWORD = 'p w'


def digest(key, text):
    return hmac.digest(key, text.encode(), 'sha256')


def scram(iterations=4096, nonce=lambda ours: ours + 'theirs', signature=lambda s: s, proves=True):
    """A server of RFC 5802, as it should be or not quite."""
    def serve(session, first):
        bare = first.removeprefix('n,,')
        ours = bare.split('r=')[1]
        said = 'r=%s,s=%s,i=%d' % (nonce(ours), base64.b64encode(b'salt').decode(), iterations)
        final, _, proof = session.challenge(said).partition(',p=')
        message = ','.join((bare, said, final))
        salted = hashlib.pbkdf2_hmac('sha256', PASSWORD.encode(), b'salt', iterations)
        key = digest(salted, 'Client Key')
        wanted = bytes(a ^ b for a, b in zip(key, digest(hashlib.sha256(key).digest(), message)))
        if base64.b64decode(proof) != wanted:
            return session.say('535 5.7.8 no')
        if proves:
            session.challenge('v=' + base64.b64encode(signature(digest(digest(salted, 'Server Key'), message))).decode())
        session.user = bare.split(',')[0].removeprefix('n=').encode()
        session.say('235 2.7.0 welcome')
    return serve


SERVERS = {
    'good': scram(), 'few': scram(iterations=1), 'nonce': scram(nonce=lambda ours: 'x' + ours), 'same': scram(nonce=lambda ours: ours),
    'lies': scram(signature=lambda s: s[::-1]), 'silent': scram(proves=False), 'wrong': scram(), 'lost': lambda session, first: session.say('334 ?'),
}


class Sinks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sinks, conf = {}, RELAY
        for name, serve in SERVERS.items():
            sink = cls.sinks[name] = Sink(extensions=USUAL + ['AUTH PLAIN SCRAM-SHA-256 LOGIN']).__enter__()
            sink.scram = serve
            conf += 'route %s { domain = ["%s.test"]  host = ["127.0.0.1:%d"]  tls = none  user = "a,b=c"  password = "%s" }\n' % (
                name, name, sink.port, 'another' if name == 'wrong' else PASSWORD)
        cls.server = facteur.Server(conf=conf).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)
        for sink in cls.sinks.values():
            sink.__exit__()

    def test_the_best_that_is_offered(self):
        data = send(self.server, 'far@good.test')
        self.assertTrue(self.sinks['good'].wait(1), self.server.log()[-2000:])
        message = self.sinks['good'].messages[0]
        self.assertEqual((own_part(message.data), message.session.user), (data, b'a=2Cb=3Dc'))

    def test_servers_that_get_nothing(self):
        for name, why in (('few', 'iterations'), ('nonce', 'go on from ours'), ('same', 'go on from ours'), ('lies', 'does not prove'), ('silent', '235 2.7.0 welcome'),
                          ('wrong', '535 5.7.8'), ('lost', 'not base64')):
            with self.subTest(name):
                send(self.server, 'far@%s.test' % name)
                deferred = lambda: [line for line in self.server.log().splitlines() if 'send_deferred' in line and 'far@%s.test' % name in line]
                self.assertTrue(wait_for(deferred), self.server.log()[-2000:])
                self.assertIn(why, deferred()[0])
                sink = self.sinks[name]
                self.assertEqual(sink.messages, [])
                self.assertFalse([line for s in sink.sessions for line in s.lines if line.startswith(('AUTH PLAIN', 'AUTH LOGIN', 'MAIL'))])


class OurOwn(unittest.TestCase):
    def test_smart_host(self):
        """Both sides are ours; one user with another password."""
        with Sink() as sink, facteur.Server(routes={'right.test': sink.port, 'wrong.test': sink.port}) as host:
            conf = RELAY
            for name, password in (('right', facteur.PASSWORD), ('wrong', 'another')):
                conf += 'route %s { domain = ["%s.test"]  host = ["127.0.0.1:%d"]  tls = none  user = "%s"  password = "%s" }\n' % (
                    name, name, host.port('submission'), ALICE, password)
            with facteur.Server(conf=conf) as server:
                data = send(server, 'far@right.test')
                self.assertTrue(sink.wait(1), server.log()[-2000:] + host.log()[-2000:])
                self.assertEqual(own_part(sink.messages[0].data), data)
                host.wait_log('SCRAM-SHA-256')
                send(server, 'far@wrong.test')
                self.assertTrue(wait_for(lambda: 'send_deferred' in server.log()), server.log()[-2000:])
                server.wait_log('535 5.7.8')


if __name__ == '__main__':
    unittest.main()
