"""Which way mail goes: MX by the DNS and what must not come of it, routes, smart hosts with passwords, TLS as far as a server has it."""
import json, os, sys, tempfile, time, unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur, ports
from fake_dns import FakeDNS, sign
from smtp_sink import DROP, Sink, USUAL, certificate
from test_relay import fields, inbox, letter, own_part, send, wait_for

FAST = 'relay { retry = ["1s"]  retry_jitter = 0  dead_first = 1s  dead_max = 1s  idle_keep = 1s  address_delay = 100ms  connect_timeout = 3s  %s }\n'
ZONE = {
    'plain.test': {'MX': ['10 a.plain.test', '20 b.plain.test']},
    'a.plain.test': {'A': ['127.0.0.2']},
    'b.plain.test': {'A': ['127.0.0.3']},
    'implicit.test': {'A': ['127.0.0.2']},
    'null.test': {'MX': ['0 .']},
    'loop.test': {'MX': ['10 localhost']},
    'behind-us.test': {'MX': ['5 a.plain.test', '10 localhost', '20 b.plain.test']},
    'self.test': {'MX': ['10 mx.self.test']},
    'mx.self.test': {'A': ['127.0.0.1']},
    'nowhere.test': {'MX': ['10 gone.nowhere.test']},
    'broken.test': 'SERVFAIL',
    'two.test': {'MX': ['10 both.two.test']},
    'both.two.test': {'A': ['127.0.0.3', '127.0.0.2']},
    'cloud.test': {'MX': ['10 meta.cloud.test']},
    'meta.cloud.test': {'A': ['169.254.169.254']},
    'intern.test': {'A': ['10.1.2.3']},
    'mapped.test': {'AAAA': ['::ffff:192.168.1.1']},
}


class ByDns(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dns = FakeDNS(ZONE)
        cls.dns.__enter__()
        cls.port = ports.free_base([0])
        cls.server = facteur.Server(conf=FAST.replace('idle_keep = 1s', 'idle_keep = 10s') % ('allow_private = yes  port = %d' % cls.port), dns=cls.dns.address)
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)
        cls.dns.__exit__(None, None, None)

    def sink(self, host='127.0.0.2', **more):
        sink = Sink(host=host, port=self.port, **more)
        sink.__enter__()
        self.addCleanup(time.sleep, 1.2)
        self.addCleanup(sink.__exit__)
        return sink

    def queued(self):
        return json.loads(self.server.ctl('queue', 'list', '--json', '--domain', 'plain.test').stdout)

    def failure(self, to):
        send(self.server, to)
        got = inbox(self.server, 1)
        self.assertEqual(len(got), 1, self.server.log()[-2000:])
        return fields(got[0])

    def test_best_preference(self):
        best, other = self.sink(), self.sink('127.0.0.3')
        send(self.server, 'far@plain.test')
        self.assertTrue(best.wait(1))
        self.assertEqual([s.lines for s in other.sessions], [])

    def test_next_preference(self):
        other = self.sink('127.0.0.3')
        send(self.server, 'far@plain.test')
        self.assertTrue(other.wait(1))

    def test_next_preference_when_the_first_refuses_to_talk(self):
        best, other = self.sink(at={'connect': '554 5.3.2 not now'}), self.sink('127.0.0.3')
        send(self.server, 'far@plain.test')
        self.assertTrue(other.wait(1))
        self.assertEqual(best.messages, [])

    def test_implicit_mx(self):
        sink = self.sink()
        send(self.server, 'far@implicit.test')
        self.assertTrue(sink.wait(1))

    def test_second_address(self):
        sink = self.sink()
        send(self.server, 'far@two.test')
        self.assertTrue(sink.wait(1))

    def test_only_what_is_better_than_we(self):
        best, worse = self.sink(at={'connect': ['421 busy', None]}), self.sink('127.0.0.3')
        send(self.server, 'far@behind-us.test')
        self.assertTrue(best.wait(1))
        self.assertEqual([s.lines for s in worse.sessions], [])

    def test_one_destination_for_two_domains(self):
        self.dns.zone['also.test'] = ZONE['plain.test']
        sink = self.sink()
        send(self.server, 'far@plain.test')
        self.assertTrue(sink.wait(1))
        wait_for(lambda: not self.queued(), 60)  # the connection is free
        send(self.server, 'far@also.test')
        self.assertTrue(sink.wait(2))
        self.assertEqual(len(sink.sessions), 1)

    def test_never(self):
        for domain, status, words in (('null.test', '5.1.10', 'null MX'), ('loop.test', '5.4.6', 'leads back'), ('self.test', '5.4.6', 'come back to this server'),
                                      ('nowhere.test', '5.4.4', 'no host'), ('not-there.test', '5.1.2', 'does not exist'),
                                      ('cloud.test', '5.4.4', 'nothing outside'), ('intern.test', '5.4.4', 'nothing outside'), ('mapped.test', '5.4.4', 'nothing outside')):
            with self.subTest(domain=domain):
                told = self.failure('far@' + domain)
                self.assertEqual(told['status'], status)
                self.assertIn(words, told['diagnostic-code'])

    def test_dns_is_broken(self):
        send(self.server, 'far@broken.test')
        self.server.wait_log('status=4.4.3')
        self.dns.zone['broken.test'] = ZONE['implicit.test']


class Routes(unittest.TestCase):
    """Several servers with different certificates and passwords, one configuration."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.cert, _, context = certificate(cls.folder.name, 'good.name')
        os.mkdir(os.path.join(cls.folder.name, 'other'))
        _, _, other = certificate(os.path.join(cls.folder.name, 'other'))
        auth = USUAL + ['AUTH PLAIN LOGIN']
        cls.sinks = {
            'may': Sink(context=other), 'broken': Sink(context=context, at={'starttls': '220 go'}), 'refused': Sink(context=context, at={'starttls': '454 not now'}),
            'required': Sink(context=other), 'missing': Sink(), 'verified': Sink(context=context), 'wrong': Sink(context=other),
            'implicit': Sink(context=other, implicit=True), 'first': Sink(context=context, implicit=True), 'fake': Sink(context=other, implicit=True),
            'raised': Sink(context=other, implicit=True), 'plain': Sink(context=context, extensions=auth), 'login': Sink(context=context, extensions=USUAL + ['AUTH LOGIN']),
            'injected': Sink(context=context, at={'starttls': b'220 go\r\n250-sink.test\r\n250 SIZE 1\r\n250 2.1.0 ok\r\n'}),
            'bare': Sink(extensions=auth), 'denied': Sink(context=context, extensions=auth, at={'auth': '535 5.7.8 no'}), 'sender': Sink(),
        }
        cls.sinks['broken'].context = Broken()
        for sink in cls.sinks.values():
            sink.__enter__()
        settings = {'required': 'tls = required', 'injected': 'tls = required', 'missing': 'tls = required', 'implicit': 'tls = implicit',
                    'first': 'tls = implicit_verified', 'fake': 'tls = implicit_verified', 'raised': 'tls = implicit'}
        users = {name: 'user = u  password = "p w"' for name in ('plain', 'login', 'bare', 'denied')}
        conf = FAST % ('trust = "%s"  expire = 4s' % cls.cert)
        for name, sink in cls.sinks.items():
            host = 'good.name' if name in ('verified', 'wrong', 'first', 'fake', 'raised') else '127.0.0.1'
            if host == 'good.name':
                settings.setdefault(name, 'tls = verified')
            who = 'sender = ["bob@example.test"]' if name == 'sender' else 'domain = ["%s.test"]' % name
            conf += 'route %s { %s  host = ["%s:%d"]  %s  %s }\n' % (name, who, host, sink.port, settings.get(name, ''), users.get(name, ''))
        with open(os.path.join(cls.folder.name, 'raise.lua'), 'w') as f:
            f.write('hook { "queue.route", function(c, ev) if ev.domain == "raised.test" then ev.tls = "verified" end end }\n')
        conf += 'server { user_filter = "" }\nlua { file = "%s/raise.lua" }\n' % cls.folder.name
        cls.dns = FakeDNS({'good.name': {'A': ['127.0.0.1']}})
        cls.dns.__enter__()
        cls.server = facteur.Server(conf=conf + 'smtp { relay_networks = ["127.0.0.0/8"] }\n', dns=cls.dns.address)
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)
        cls.dns.__exit__(None, None, None)
        for sink in cls.sinks.values():
            sink.__exit__()
        cls.folder.cleanup()

    def arrives(self, name, sender='alice@example.test'):
        sink = self.sinks[name]
        data = send(self.server, 'far@%s.test' % name, sender=sender, port='smtp')
        self.assertTrue(sink.wait(1), self.server.log()[-2000:])
        self.assertEqual(own_part(sink.messages[0].data), data)
        return sink.messages[0].session

    def fails(self, name):
        send(self.server, 'far@%s.test' % name)
        got = inbox(self.server, 1)
        self.assertEqual(len(got), 1, self.server.log()[-2000:])
        self.assertEqual(self.sinks[name].messages, [])
        return fields(got[0])['diagnostic-code']

    def test_tls_when_there_is_some(self):
        self.assertTrue(self.arrives('may').tls)

    def test_without_when_the_handshake_fails(self):
        self.assertFalse(self.arrives('broken').tls)

    def test_without_when_it_is_refused(self):
        self.assertFalse(self.arrives('refused').tls)

    def test_what_was_said_before_the_handshake_is_forgotten(self):
        """Answers that somebody put behind the 220 of STARTTLS are not those of the server."""
        session = self.arrives('injected')
        self.assertTrue(session.tls)
        self.assertEqual([line.split()[0] for line in session.lines[:4]], ['EHLO', 'STARTTLS', 'EHLO', 'MAIL'])

    def test_required(self):
        self.assertTrue(self.arrives('required').tls)
        self.assertIn('TLS is required', self.fails('missing'))

    def test_verified(self):
        with self.subTest('good'):
            self.assertTrue(self.arrives('verified').tls)
        with self.subTest('unknown certificate'):
            self.assertIn('cannot be verified', self.fails('wrong'))

    def test_before_the_greeting(self):
        self.assertTrue(self.arrives('implicit').tls)

    def test_verified_before_the_greeting(self):
        self.assertTrue(self.arrives('first').tls)
        self.assertIn('cannot be verified', self.fails('fake'))
        with self.subTest('a plugin asks for it'):
            self.assertIn('cannot be verified', self.fails('raised'))

    def test_passwords(self):
        for name in ('plain', 'login'):
            with self.subTest(name):
                session = self.arrives(name)
                self.assertEqual((session.user, session.tls), (b'u:p w', True))

    def test_no_password_in_the_clear(self):
        self.assertIn('not sent without TLS', self.fails('bare'))
        self.assertTrue(all(s.user is None for s in self.sinks['bare'].sessions))

    def test_wrong_password_is_no_fault_of_the_mail(self):
        send(self.server, 'far@denied.test')
        self.server.wait_log('535 5.7.8')
        self.assertEqual(len(inbox(self.server, 1)), 1)

    def test_by_sender(self):
        with self.subTest('bob has a server of his own'):
            send(self.server, 'far@may.test', sender='bob@example.test', port='smtp')
            self.assertTrue(self.sinks['sender'].wait(1))


class DaneWithoutProof(unittest.TestCase):
    """outbound_tls.dane where the DNS is not validated: who asked for it is warned at each start, nobody else is."""
    WARNING = 'DANE cannot act'

    def test_warning(self):
        with facteur.Server(conf='dns { dnssec = no }\n') as server:
            self.assertNotIn(self.WARNING, server.log())
            anchor = os.path.join(server.dir, 'anchor')
            with open(anchor, 'w') as f:
                f.write(sign({}, 'signed.test'))
            for word, dnssec, n in (('yes', 'no', 1), ('no', 'no', 1), ('yes', 'yes', 1)):
                with open(os.path.join(server.dir, 'test.conf'), 'w') as f:
                    f.write('dns { dnssec = %s  trust_anchor = "%s" }\noutbound_tls { dane = %s }\n' % (dnssec, anchor, word))
                server.ctl('reload')
                self.assertEqual(server.wait_log(self.WARNING, count=n).count(self.WARNING), n, word)
            with open(os.path.join(server.dir, 'test.conf'), 'w') as f:
                f.write('outbound_tls { dane = maybe }\n')
            refused = server.ctl('reload', check=False)
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn('dane: must be yes, no or auto', refused.stderr + refused.stdout + server.log())


class Broken:
    """A context whose handshake never works: noise, then the end."""

    def wrap_socket(self, sock, server_side):
        sock.sendall(b'this is no TLS\r\n')
        raise EOFError


if __name__ == '__main__':
    unittest.main(verbosity=1)
