"""plugins/greylist with a server, a Redis and a name server: only uncertain mail waits, who comes back passes, who is known need not; without Redis nobody waits."""
import os, shutil, smtplib, subprocess, sys, tempfile, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from fake_dns import FakeDNS
from redis_server import Redis, wait_for

ALICE, BOB = 'alice@example.test', 'bob@example.test'
ZONE = {'known.example': {'TXT': ['v=spf1 ip4:127.0.0.0/8 -all']}}
RULE = """rule { "UNSURE", score = 4.5, about = "the subject says so", function(m) return m.subject == "unsure" end }
rule { "SURE", score = 7, about = "the subject says so", function(m) return m.subject == "sure" end }
"""


class Greylist(unittest.TestCase):
    def serve(self, *keys, redis=True):
        folder = tempfile.mkdtemp(prefix='facteur-greylist.')
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        rule = os.path.join(folder, 'rule.lua')
        with open(rule, 'w') as f:
            f.write(RULE)
        self.redis = Redis(os.path.join(folder, 'redis')) if redis else None
        if redis:
            self.addCleanup(self.redis.kill)
        dns = FakeDNS(ZONE)
        dns.__enter__()
        self.addCleanup(dns.__exit__, None, None, None)
        place = 'url = "unix:%s"' % self.redis.socket if redis else 'spawn = no'
        conf = 'redis { %s }\nlua { file = "%s" }\nplugin spf { skip_net = [] }\nplugin greylist {\n%s}\n' % (place, rule, ''.join('    %s\n' % k for k in keys))
        self.server = facteur.Server(conf, dns=dns.address)
        self.server.start()
        self.addCleanup(self.server.__exit__, None, None, None)

    def send(self, subject, sender='x@other.example', to=ALICE, source='127.0.0.1'):
        with smtplib.SMTP('127.0.0.1', self.server.port('smtp'), facteur.CLIENT, 60, (source, 0)) as s:
            s.ehlo()
            s.mail(sender)
            s.rcpt(to)
            code, text = s.data('From: <%s>\r\nSubject: %s\r\n\r\nbody\r\n' % (sender, subject))
            self.text = text.decode()
            return code

    def test_only_what_is_uncertain_waits(self):
        self.serve('delay = 1h')
        self.assertEqual([self.send(s) for s in ('fine', 'sure', 'unsure', 'unsure')], [250, 250, 451, 451])
        self.assertRegex(self.text, r'^4\.7\.1 Greylisted, please come back in (3600|359\d) s$')
        self.assertEqual(self.send('unsure', to=BOB), 451)

    def test_who_comes_back_passes(self):
        self.serve('delay = 0s')
        self.assertEqual(self.send('unsure'), 250)  # the first meeting is as good as a second one
        self.serve('delay = 1s')
        self.assertEqual(self.send('unsure'), 451)
        wait_for(lambda: self.send('unsure', source='127.0.0.9') == 250, 'another machine of the network may pass')
        self.assertEqual(self.send('unsure', source='127.0.9.1'), 451)  # another network
        self.assertEqual(self.send('unsure', sender='x@third.example'), 451)

    def test_who_is_known_need_not(self):
        self.serve('delay = 1h')
        self.assertEqual(self.send('unsure', 'x@known.example'), 451)
        self.assertEqual(self.send('fine', 'x@known.example'), 250)
        self.assertEqual(self.send('unsure', 'y@known.example', BOB, '127.0.7.7'), 250)
        self.assertEqual(self.send('fine'), 250)  # nobody vouches for this one
        self.assertEqual(self.send('unsure'), 451)
        self.serve('delay = 1h', 'known_pass = no')
        self.assertEqual([self.send(s, 'x@known.example') for s in ('fine', 'unsure')], [250, 451])

    def test_without_redis_everybody_passes(self):
        self.serve('delay = 1h', redis=False)
        self.assertEqual(self.send('unsure'), 250)

    def test_nobody_can_read_addresses_in_redis(self):
        self.serve('delay = 1h')
        self.send('unsure')
        self.send('fine', 'x@known.example')
        keys = subprocess.run(['redis-cli', '-s', self.redis.socket, 'KEYS', 'fct:{g}:*'], capture_output=True, text=True).stdout.split()
        self.assertEqual(sorted(k.rpartition(':')[0] for k in keys), ['fct:{g}:kept', 'fct:{g}:met'])
        self.assertTrue(all(len(k.rpartition(':')[2]) == 32 for k in keys), keys)


if __name__ == '__main__':
    unittest.main()
