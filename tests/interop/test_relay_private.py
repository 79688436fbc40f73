"""A name of the DNS may lead anywhere: outside `facteur dev` no mail goes to this machine, to private networks or to what is no host, whichever record says so;
neither do policies and reports about TLS (SSRF by MX)."""
import json, os, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur, ports
from fake_dns import FakeDNS
from smtp_sink import Sink
from test_relay import ALICE, fields, inbox, letter, send, wait_for
from test_server_mode import DOORS, Service

# name: (its address, what the report says of it)
LEADS = {
    'loopback': ('127.0.0.9', 'loopback'), 'here': ('127.0.0.1', 'come back to this server'), 'nothing': ('0.0.0.0', 'no host'),
    'private10': ('10.1.2.3', 'private'), 'private172': ('172.31.0.1', 'private'), 'private192': ('192.168.1.1', 'private'), 'carrier': ('100.64.0.1', 'private'),
    'metadata': ('169.254.169.254', 'link-local'), 'manual': ('192.0.2.1', 'documentation'), 'many': ('224.0.0.1', 'multicast'), 'all': ('255.255.255.255', 'reserved'),
    'loopback6': ('::1', ''), 'any6': ('::', 'loopback or reserved'), 'local6': ('fe80::1', 'link-local'), 'unique6': ('fd00::1', 'private'),
    'mapped': ('::ffff:127.0.0.9', 'loopback'), 'mapped_private': ('::ffff:10.1.2.3', 'private'), 'compatible': ('::127.0.0.9', 'reserved'),
    'nat64': ('64:ff9b::7f00:9', 'loopback'), 'nat64_private': ('64:ff9b::a9fe:a9fe', 'link-local'), 'sixtofour': ('2002:7f00:9::1', 'loopback'), 'unknown6': ('5f00::1', 'reserved'),
}
LITERALS = {'[127.0.0.9]': 'loopback', '[10.1.2.3]': 'private', '[169.254.169.254]': 'link-local', '[0.0.0.0]': 'no host', '[IPv6:::ffff:127.0.0.9]': 'loopback', '[IPv6:fd00::1]': 'private'}


def records(address):
    return {'AAAA' if ':' in address else 'A': [address]}


@unittest.skipIf(os.geteuid() != 0, 'needs root: own users are taken at the start')
class Private(unittest.TestCase):
    MORE = ''

    @classmethod
    def setUpClass(cls):
        zone = {}
        for name, (address, _) in LEADS.items():
            zone['mx.%s.test' % name] = records(address)
            zone[name + '.test'] = {'MX': ['10 mx.%s.test' % name]}
            zone['implicit-%s.test' % name] = records(address)
        zone['both.test'] = {'MX': ['10 mx.loopback.test', '20 mx.metadata.test', '30 mx.mapped.test']}
        # The web server of a policy and of a report is a name of theirs, too.
        zone.update({'sts.test': {'MX': ['10 mx.loopback.test']}, '_mta-sts.sts.test': {'TXT': ['v=STSv1; id=1;']}, 'mta-sts.sts.test': records('127.0.0.9')})
        cls.dns = FakeDNS(zone)
        cls.dns.__enter__()
        cls.addClassCleanup(cls.dns.__exit__, None, None, None)
        # What must stay unheard: sinks where these names lead, at the port that mail and policies go to.
        cls.port, cls.web = ports.free_base([0]), ports.free_base([0])
        cls.sinks = [Sink(host=host, port=port) for host in ('127.0.0.9', '127.0.0.1', '::1') for port in (cls.port, cls.web)]
        for sink in cls.sinks:
            sink.__enter__()
            cls.addClassCleanup(sink.__exit__)
        cls.server = Service()
        cls.server.configure('dns { server = ["%s"]  dnssec = no }\nrelay { port = %d  suppress = 0s  %s }\noutbound_tls { port = %d }\nsmtp { relay_networks = ["127.0.0.0/8"] }\n'
                             % (cls.dns.address, cls.port, cls.MORE, cls.web),
                             dict(DOORS, imap='protocol = imap plain_login = yes'))
        cls.server.start()
        cls.addClassCleanup(cls.server.notify.close)
        cls.addClassCleanup(cls.server.__exit__, None, None, None)
        cls.server.ctl('account', 'add', ALICE, stdin='pass\n')

    def told(self, domains):
        """{domain: what its report says} of one message to each."""
        for domain in domains:
            send(self.server, 'far@' + domain, letter(), port='smtp')
        reports = [fields(m) for m in inbox(self.server, len(domains), 120)]
        return {r['final-recipient'].split('@')[1]: (r['status'], r['diagnostic-code']) for r in reports}

    def refused(self, wanted):
        told = self.told(wanted)
        for domain, words in wanted.items():
            with self.subTest(domain=domain):
                self.assertIn(domain, told, self.server.log()[-2000:])
                self.assertIn(told[domain][0], ('5.4.4', '5.4.6'))
                self.assertIn(words, told[domain][1])
        self.assertEqual([s.sessions for s in self.sinks], [[]] * len(self.sinks))

    def test_by_mx(self):
        self.refused({name + '.test': words for name, (_, words) in LEADS.items()})

    def test_without_mx(self):
        self.refused({'implicit-%s.test' % name: words for name, (_, words) in LEADS.items()})

    def test_all_of_several(self):
        self.refused({'both.test': ''})

    def test_by_literal(self):
        self.refused(LITERALS)

    def test_web_servers(self):
        """MTA-STS: the policy cannot be had, nobody was asked for it."""
        self.refused({'sts.test': 'loopback'})
        self.assertTrue(wait_for(lambda: 'no public address' in self.server.log()), self.server.log()[-2000:])


class Allowed(Private):
    """`relay.allow_private`: where it is said so, mail goes there, but never to our own addresses."""
    MORE = 'allow_private = yes'

    def test_by_mx(self):
        self.refused({'here.test': 'come back', 'loopback6.test': 'come back'})
        send(self.server, 'far@loopback.test', letter(), port='smtp')
        self.assertTrue(self.sinks[0].wait(1), self.server.log()[-2000:])
        self.sinks[0].sessions.clear()

    test_without_mx = test_all_of_several = test_by_literal = test_web_servers = None


if __name__ == '__main__':
    unittest.main(verbosity=1)
