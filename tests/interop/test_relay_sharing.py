"""Which mail may travel on which connection: routes, rules and plugins that lead to one host with different wishes about TLS, logins, source addresses or pace.
Each pair in both orders: who comes first makes the connection, which the sink would keep open for the other."""
import itertools, os, sys, tempfile, unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur, ports
from fake_dns import FakeDNS
from smtp_sink import Sink, USUAL, certificate
from test_relay import letter, send, wait_for

# A connection without work stays for the next message: it must not be taken by the wrong one.
RELAY = 'relay { suppress = 0s  retry = ["1s"]  retry_jitter = 0  dead_first = 1s  dead_max = 1s  idle_keep = 5m %s }\nsmtp { relay_networks = ["127.0.0.0/8"] }\n'
# domain: what its route says, what its messages must see of the session
WISHES = {
    'clear.test': ('tls = none', lambda s: not s.tls and s.user is None and s.peer == '127.0.0.1'),
    'may.test': ('', lambda s: s.user is None and s.peer == '127.0.0.1'),
    'required.test': ('tls = required', lambda s: s.tls and s.user is None),
    'verified.test': ('tls = verified', lambda s: s.tls and s.user is None),
    'ann.test': ('user = ann  password = "a"', lambda s: s.user == b'ann:a'),
    'ben.test': ('user = ben  password = "b"', lambda s: s.user == b'ben:b'),
    'other-password.test': ('user = ann  password = "x"', lambda s: s.user == b'ann:x'),
    'source.test': ('source = ["127.0.0.7"]', lambda s: s.peer == '127.0.0.7'),
}


class Sharing(unittest.TestCase):
    """All routes lead to the same port."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cert, _, cls.context = certificate(folder.name, 'good.name')
        cls.dns = FakeDNS({'good.name': {'A': ['127.0.0.1']}})
        cls.dns.__enter__()
        cls.addClassCleanup(cls.dns.__exit__, None, None, None)
        cls.port = ports.free_base([0])
        conf = RELAY % ('trust = "%s"' % cert)
        for domain, (wish, _) in WISHES.items():
            conf += 'route %s { domain = ["%s"]  host = ["good.name:%d"]  %s }\n' % (domain[:-5].replace('-', '_'), domain, cls.port, wish)
        cls.server = facteur.Server(conf=conf, dns=cls.dns.address)
        cls.server.start()
        cls.addClassCleanup(cls.server.__exit__, None, None, None)

    def setUp(self):
        """A sink of its own: with the last one its connections ended."""
        self.sink = Sink(port=self.port, context=self.context, extensions=USUAL + ['AUTH PLAIN'])
        self.sink.__enter__()
        self.addCleanup(self.sink.__exit__)

    def arrives(self, domain):
        """The session in which it came."""
        n, sent = len(self.sink.messages), self.server.log().count(' sent queue=')
        send(self.server, 'far@' + domain, letter(), port='smtp')
        self.assertTrue(self.sink.wait(n + 1), self.server.log()[-3000:])
        self.server.wait_log(' sent queue=', count=sent + 1)  # its connection is free
        self.assertEqual(self.sink.messages[n].recipients, ['far@%s>' % domain])
        return self.sink.messages[n].session

    def in_turn(self, *domains):
        for domain in domains:
            session = self.arrives(domain)
            self.assertTrue(WISHES[domain][1](session), '%s in %s: tls %s, user %s, from %s' % (domain, domains, session.tls, session.user, session.peer))

    def test_each_after_each(self):
        """Every order of two stands somewhere in this walk, with connections of all before it still open."""
        walk = [domain for pair in itertools.permutations(WISHES, 2) for domain in pair]
        self.in_turn(*walk)
        self.assertTrue(all(s.user is None or s.tls for s in self.sink.sessions))
        # And those with the same wish did share: one connection each.
        self.assertEqual(len(self.sink.sessions), len(WISHES))

    def test_clear_by_accident_first(self):
        """The server refuses TLS once: opportunistic mail goes in clear, and its connection is free when the others come."""
        self.sink.at['starttls'] = ['454 4.7.0 not now', None]
        self.assertFalse(self.arrives('may.test').tls)
        self.in_turn('required.test', 'verified.test', 'ann.test')
        self.assertFalse(self.arrives('may.test').tls)  # still that connection

    def test_required_first(self):
        self.in_turn('required.test')
        self.assertTrue(self.arrives('may.test').tls)
        self.sink.at['starttls'] = ['454 4.7.0 not now', '454 4.7.0 not now', None]
        self.in_turn('verified.test')

    def rule(self, *words):
        self.server.ctl('queue', 'rules', *words)
        self.addCleanup(self.server.ctl, 'queue', 'rules', words[0], '--remove')

    def test_one_rule_over_all(self):
        """A rule for every destination changes the pace, not who shares with whom."""
        self.rule('*', '--rate', '60000')
        self.sink.at['starttls'] = ['454 4.7.0 not now', None]
        self.assertFalse(self.arrives('may.test').tls)
        self.in_turn('required.test', 'ann.test', 'ben.test', 'source.test', 'required.test', 'verified.test', 'ann.test')

    def test_one_host_for_all(self):
        """The same with another host, where logins of routes are not said."""
        with Sink(context=self.context, extensions=USUAL + ['AUTH PLAIN'], at={'starttls': ['454 4.7.0 not now', None]}) as other:
            self.rule('*', '--host', 'good.name:%d' % other.port)
            for i, (domain, tls) in enumerate((('may.test', False), ('required.test', True), ('verified.test', True), ('ann.test', None))):
                send(self.server, 'far@' + domain, letter(), port='smtp')
                self.assertTrue(other.wait(i + 1), self.server.log()[-3000:])
                session = other.messages[i].session
                self.assertIsNone(session.user)
                self.assertIn(tls, (session.tls, None), domain)
            self.assertEqual(self.sink.messages, [])

    def test_a_rule_that_changes(self):
        """The new rate counts from the next message on."""
        self.rule('may.test', '--rate', '1')
        self.arrives('may.test')
        self.server.ctl('queue', 'rules', 'may.test', '--rate', '60000')
        self.arrives('may.test')


class ByMx(unittest.TestCase):
    """Domains of one provider, whose names of blocks are those that the relay uses itself."""

    def test_blocks_without_hosts(self):
        port = ports.free_base([0])
        zone = {name + '.test': {'MX': ['10 mx.big.test']} for name in ('plain', 'bank', 'firm', 'routed')}
        with tempfile.TemporaryDirectory() as folder, FakeDNS(dict(zone, **{'mx.big.test': {'A': ['127.0.0.2']}})) as dns:
            context = certificate(folder, 'mx.big.test')[2]
            conf = RELAY % ('allow_private = yes  port = %d' % port) + 'outbound_tls { dane = no  mta_sts = no }\n'
            conf += 'route mx { domain = ["bank.test"]  tls = required }\nroute route { domain = ["firm.test"]  tls = required }\n'
            conf += 'route to { domain = ["routed.test"]  host = ["mx.big.test:%d"] }\n' % port
            with Sink(host='127.0.0.2', port=port, context=context, at={'starttls': ['454 4.7.0 not now', '454 4.7.0 not now', None]}) as sink, \
                    facteur.Server(conf=conf, dns=dns.address) as server:
                for i, (domain, tls) in enumerate((('plain', False), ('routed', False), ('bank', True), ('firm', True), ('plain', False))):
                    with self.subTest(domain=domain):
                        send(server, 'far@%s.test' % domain, letter(), port='smtp')
                        self.assertTrue(sink.wait(i + 1), server.log()[-3000:])
                        self.assertEqual((sink.messages[i].recipients, sink.messages[i].session.tls), (['far@%s.test>' % domain], tls))


if __name__ == '__main__':
    unittest.main(verbosity=1)
