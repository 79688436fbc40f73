#!/usr/bin/env python3
"""plugins/reputation with a server, a Redis and a name server: what came before is remembered for networks, domains, senders and links; what people say
counts more and is taken back exactly; nobody profits from names nobody vouches for."""
import base64, imaplib, os, re, shutil, smtplib, struct, subprocess, sys, tempfile, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import dkim, facteur, mmdb
from fake_dns import FakeDNS
from redis_server import Redis, wait_for

ALICE, BOB = 'alice@example.test', 'bob@example.test'
SPF = {'TXT': ['v=spf1 ip4:127.0.0.0/8 -all']}
ZONE = {'bad.example': SPF, 'good.example': SPF, 'list.example': SPF}
RULE = """rule { "SURE", score = 9, about = "the subject says so", function(m) return m.subject:find("^sure") ~= nil end }
rule { "AWFUL", score = 20, about = "the subject says so", function(m) return m.subject:find("^awful") ~= nil end }
rule { "UNSURE", score = 4, about = "the subject says so", function(m) return m.subject:find("^unsure") ~= nil end }
"""
MANY = 14  # enough to be sure of
# Every key of reputation with what is in it.
CONTENT = """
local seen, keys = {}, redis.call('KEYS', 'fct:{rep}:[^m]*')
table.sort(keys)
for i, key in ipairs(keys) do seen[i] = key .. ' ' .. redis.sha1hex(redis.call('GET', key)) end
return seen
"""

# Which of the words stand in its keys or values.
LEAKS = """
local found = {}
for _, key in ipairs(redis.call('KEYS', 'fct:{rep}:*')) do
  local all = key .. redis.call('GET', key)
  for _, word in ipairs(ARGV) do
    if all:find(word, 1, true) then found[word] = true end
  end
end
local out = {}
for word in pairs(found) do out[#out + 1] = word end
return out
"""


class Reputation(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='facteur-reputation.')
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.sent = 0

    def serve(self, *keys, more='', spf=True):
        rule = os.path.join(self.folder, 'rule.lua')
        with open(rule, 'w') as f:
            f.write(RULE)
        self.redis = Redis(os.path.join(self.folder, 'redis'))
        self.addCleanup(self.redis.kill)
        dns = FakeDNS(ZONE)
        dns.__enter__()
        self.addCleanup(dns.__exit__, None, None, None)
        conf = 'redis { url = "unix:%s" }\nlua { file = "%s" }\naccess { learn_delay = 0s learn_retry = 1s }\nplugin reputation {\n    ham_below = 3\n    skip_net = ["127.0.9.0/24"]\n%s}\n%s%s' % (
            self.redis.socket, rule, ''.join('    %s\n' % k for k in keys), 'plugin spf { skip_net = [] }\n' if spf else '', more)
        self.server = facteur.Server(conf, dns=dns.address)
        self.server.start()
        self.addCleanup(self.server.__exit__, None, None, None)

    def go(self, s, subject, sender='x@bad.example', to=(ALICE,), body='body', mail_from=None):
        self.sent += 1
        s.mail(sender if mail_from is None else mail_from)
        for r in to:
            s.rcpt(r)
        return s.data('From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\nDate: Fri, 1 Nov 2024 10:00:00 +0000\r\nMessage-ID: <%d@test.example>\r\n\r\n%s\r\n' % (sender, to[0], subject, self.sent, body))

    def client(self, source):
        s = smtplib.SMTP('127.0.0.1', self.server.port('smtp'), facteur.CLIENT, 60, (source, 0))
        s.ehlo()
        return s

    def send(self, *args, source='127.0.1.1', **more):
        with self.client(source) as s:
            return self.go(s, *args, **more)

    def found(self, *args, **more):
        """symbol -> (score, detail) of a message that is kept."""
        code, text = self.send(*args, **more)
        self.assertEqual(code, 250, text)
        ledger = self.server.ctl('trace', text.decode().split()[-1].strip('.')).stdout
        return self.symbols_of(ledger)

    def symbols_of(self, ledger):
        got = {}
        for line in ledger.splitlines():
            m = re.search(r'(REPUTATION_[A-Z]+)', line)
            score = re.search(r'(?<![\w.])([+-]?\d+\.\d+)(?![\w.])', line[m.end():]) if m else None
            if score:
                got[m.group(1)] = float(score.group(1)), line
        return got

    def counts(self):
        """kind -> [spam, ham] as they were counted within the last seconds, of all its names."""
        out = {}
        for key in self.redis.cli('KEYS', 'fct:{rep}:[^m]*').split():
            # four doubles as hexadecimal digits, for the text of redis-cli
            raw = bytes.fromhex(self.redis.cli('EVAL', "local v = redis.call('GET', KEYS[1]) return (v:gsub('.', function(c) return string.format('%02x', c:byte()) end))", '1', key))
            spam, ham = struct.unpack('<dd', raw[16:])
            grows = 2.0 ** ((time.time() - 2208988800) / 5184000)
            sums = out.setdefault(key[len('fct:{rep}:')], [0, 0])
            sums[0] += spam / grows
            sums[1] += ham / grows
        return {k: [round(x, 1) for x in v] for k, v in out.items()}

    def until(self, expected):
        try:
            wait_for(lambda: {k: self.counts().get(k) for k in expected} == expected, 'counts')
        except RuntimeError:
            self.assertEqual(self.counts(), expected, self.server.log()[-3000:] + self.server.ctl('history').stdout)

    def test_what_came_before(self):
        self.serve()
        self.assertEqual(self.found('hello', source='127.0.7.1'), {})
        with self.client('127.0.1.1') as s:
            for i in range(MANY):
                self.assertEqual(self.go(s, 'sure %d' % i, body='see https://www.shop.example/%d' % i)[0], 250)
        self.until({'n': [MANY, 1], 's': [MANY, 1], 'f': [MANY, 1], 'u': [MANY, 0]})
        got = self.found('hello', body='see http://other.shop.example/')
        self.assertEqual(set(got), {'REPUTATION_NET', 'REPUTATION_SPF', 'REPUTATION_SENDER', 'REPUTATION_URL'})
        self.assertIn('127.0.1.0/24: %d.0 spam, 0.0 ham' % MANY, got['REPUTATION_NET'][1])
        self.assertIn('shop.example: %d.0 spam' % MANY, got['REPUTATION_URL'][1])
        self.assertTrue(all(score > 0.4 for score, _ in got.values()), got)
        self.assertEqual(set(self.found('hello', sender='y@bad.example', source='127.0.2.1')), {'REPUTATION_SPF'})  # another sender and network
        self.assertEqual(self.found('hello', source='127.0.9.1'), {})  # skip_net

    def test_the_good_ones(self):
        self.serve()
        with self.client('127.0.1.1') as s:
            for i in range(2 * MANY):
                self.assertEqual(self.go(s, 'hello %d' % i, sender='friend@good.example', body='http://friend.example/')[0], 250)
        self.until({'n': [0, 2 * MANY], 's': [0, 2 * MANY], 'u': [0, 2 * MANY]})
        got = self.found('hello', sender='friend@good.example', body='http://friend.example/')
        self.assertEqual({s: score < 0 for s, (score, _) in got.items()}, dict.fromkeys(('REPUTATION_NET', 'REPUTATION_SPF', 'REPUTATION_SENDER', 'REPUTATION_URL'), True))
        got = self.found('hello', sender='friend@good.example', source='127.0.2.1', body='http://friend.example/ http://strange.example/')
        self.assertEqual(set(got), {'REPUTATION_SPF', 'REPUTATION_SENDER'})  # a good link beside a strange one helps nobody

    def test_learn_command(self):
        """facteurctl learn: of a message that came here what was counted is replaced; of another one nothing is known."""
        self.serve('learn_weight = 5')
        self.send('hello', body='see https://www.shop.example/')
        self.until({'n': [0, 1], 'u': [0, 1]})
        with imaplib.IMAP4('127.0.0.1', self.server.port('imap'), timeout=60) as c:
            c.login(ALICE, facteur.PASSWORD)
            c.select('INBOX')
            came = c.fetch('1', 'BODY.PEEK[]')[1][0][1]
        for name, text in (('came', came), ('strange', b'From: <x@bad.example>\r\nSubject: strange\r\n\r\nbody\r\n')):
            with open(os.path.join(self.folder, name + '.eml'), 'wb') as f:
                f.write(text)

        def learn(kind, *more):
            return self.server.ctl('--conf', os.path.join(self.server.dir, 'test.conf'), 'learn', kind, *more, os.path.join(self.folder, 'came.eml'), os.path.join(self.folder, 'strange.eml')).stdout

        self.assertIn('1 learned as spam, 1 could not be read', learn('spam'))
        self.until({'n': [5, 0], 'u': [5, 0]})
        self.assertIn('1 were known already', learn('spam'))
        self.until({'n': [5, 0], 'u': [5, 0]})
        self.assertIn('1 of them were learned as spam before', learn('ham'))
        self.until({'n': [0, 5], 'u': [0, 5]})
        self.assertIn('1 learned as spam', learn('spam', '--account', BOB))
        self.assertEqual(self.counts()['n'], [5, 5])  # of BOB's own names, beside everybody's

    def test_nobody_profits_from_names_that_nobody_vouches_for(self):
        self.serve(spf=False)
        for i in range(3):
            self.send('sure %d' % i)
        self.until({'n': [3, 0]})
        self.assertEqual(set(self.counts()), {'n'})

    def make_key(self, domain):
        """The private key; the zone has the record."""
        key = subprocess.run(['openssl', 'genrsa', '-traditional', '2048'], capture_output=True, check=True).stdout
        public = subprocess.run(['openssl', 'rsa', '-pubout', '-outform', 'DER'], input=key, capture_output=True, check=True).stdout
        ZONE['s1._domainkey.' + domain] = {'TXT': ['v=DKIM1; p=' + base64.b64encode(public).decode()]}
        return key

    def signed(self, subject, author, keys):
        self.sent += 1
        message = ('From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\nDate: Fri, 1 Nov 2024 10:00:00 +0000\r\nMessage-ID: <%d@test.example>\r\n\r\nbody\r\n' % (author, ALICE, subject, self.sent)).encode()
        for domain, key in keys.items():
            message = dkim.sign(message, b's1', domain.encode(), key, include_headers=[b'From', b'Subject']) + message
        return message

    def send_signed(self, subject, author, keys, mail_from):
        with self.client('127.0.1.1') as s:
            s.mail(mail_from)
            s.rcpt(ALICE)
            code, text = s.data(self.signed(subject, author, keys))
            self.assertEqual(code, 250, text)
        return self.symbols_of(self.server.ctl('trace', text.decode().split()[-1].strip('.')).stdout)

    def test_who_signed(self):
        own, service = self.make_key('shop.example'), self.make_key('service.example')
        self.serve(more='plugin dkim { }\n', spf=False)
        for i in range(MANY):  # by the author, and by the service that sends for him: only the author's own counts
            self.send_signed('sure %d' % i, 'a@shop.example', {'shop.example': own, 'service.example': service}, 'a@shop.example')
        self.until({'n': [MANY, 0], 'd': [MANY, 0], 'f': [MANY, 0]})
        got = self.send_signed('hello', 'b@shop.example', {'shop.example': own}, 'x@service.example')
        self.assertIn('shop.example: %d.0 spam' % MANY, got['REPUTATION_DKIM'][1])
        self.assertNotIn('REPUTATION_SENDER', got)
        self.assertIn('REPUTATION_SENDER', self.send_signed('hello', 'a@shop.example', {'shop.example': own}, 'a+1@shop.example'))
        got = self.send_signed('hello', 'c@other.example', {'service.example': service}, 'a@shop.example')  # nobody vouches for that sender
        self.assertEqual(set(got), {'REPUTATION_NET'})
        got = self.send_signed('hello', 'c@other.example', {'service.example': service, 'shop.example': own}, '')  # the worst of strangers
        self.assertIn('shop.example', got['REPUTATION_DKIM'][1])

    def test_profiles_that_do_not_agree(self):
        self.serve(more='profile lenient { junk = 50 }\n')
        self.server.ctl('account', 'set', BOB, 'profile=lenient')
        self.send('sure', to=[ALICE, BOB])
        self.send('sure', to=[ALICE])
        self.until({'n': [1, 0]})

    def test_only_what_is_certain_counts(self):
        self.serve()
        self.send('unsure')  # between ham_below and spam_from
        self.send('hello')
        self.until({'n': [0, 1]})
        self.assertEqual(self.send('sure')[0], 250)
        self.until({'n': [1, 1]})
        self.assertEqual(len(self.redis.cli('KEYS', 'fct:{rep}:m*').split()), 3)  # the first, too: people may say what it is

    def test_what_is_refused_counts_as_well(self):
        self.serve()
        with self.client('127.0.1.1') as s:
            self.assertEqual([self.go(s, 'awful %d' % i)[0] for i in range(3)], [550] * 3)
            self.until({'n': [2, 0], 's': [2, 0], 'f': [2, 0]})  # when the next one came
        self.until({'n': [3, 0], 's': [3, 0], 'f': [3, 0]})  # when the client left
        self.assertEqual(self.redis.cli('KEYS', 'fct:{rep}:m*'), '')

    def test_the_same_message_counts_once(self):
        self.serve()
        for _ in range(2):
            self.sent = 7
            self.send('hello')
        self.send('hello')
        self.until({'n': [0, 2]})

    # ---- what people say ----

    def imap(self, user=ALICE):
        c = imaplib.IMAP4('127.0.0.1', self.server.port('imap'))
        c.login(user, facteur.PASSWORD)
        return c

    def move(self, c, source, target):
        c.select(source)
        self.assertEqual(c.uid('MOVE', '1:*', target)[0], 'OK')

    def content(self):
        return self.redis.cli('EVAL', CONTENT, '0')

    def test_moved_to_junk_and_back(self):
        self.serve('learn_weight = 5', 'users_teach_site = yes')
        self.send('unsure')
        self.send('hello', sender='friend@good.example', to=[BOB])
        self.until({'n': [0, 1]})
        before = self.content()
        with self.imap() as c:
            self.move(c, 'INBOX', 'Junk')
            self.until({'n': [5, 1], 's': [5, 1], 'f': [5, 1]})
            self.assertIn('REPUTATION_SPF', self.found('unsure', source='127.0.3.1', to=[BOB]))
            self.move(c, 'Junk', 'INBOX')
            self.until({'n': [0, 1], 's': [0, 1], 'f': [0, 1]})
            self.assertEqual(self.content(), before)  # to the last bit

    def test_what_a_user_says_is_for_this_user(self):
        self.serve()
        self.send('unsure')
        self.send('hello', to=[BOB], sender='friend@good.example', source='127.0.4.1')
        self.until({'n': [0, 1]})
        before = self.content()
        with self.imap() as c:
            self.move(c, 'INBOX', 'Junk')
            wait_for(lambda: self.content() != before, 'what she said')
            got = self.found('unsure', source='127.0.3.1')
            self.assertIn('with own', got['REPUTATION_SPF'][1])
            self.assertGreater(got['REPUTATION_SPF'][0], 0.1)
            self.assertEqual(self.found('unsure', source='127.0.3.1', to=[BOB]), {})  # nobody else's
            self.assertIn('with own', self.found('unsure', source='127.0.3.1', to=[BOB, ALICE])['REPUTATION_SPF'][1])
            self.move(c, 'Junk', 'INBOX')
            wait_for(lambda: 'as ham: taken back' in self.server.log(), 'what she took back')
            self.assertEqual(self.found('unsure', source='127.0.3.1'), {})
        self.assertEqual([k for k in self.redis.cli('KEYS', 'fct:{rep}:[^m]*:*').split()], [])

    def test_a_user_is_forgotten(self):
        self.serve()
        self.send('unsure', to=[ALICE, BOB])
        own = lambda: self.redis.cli('KEYS', 'fct:{rep}:*:*').split()
        with self.imap() as c:
            self.move(c, 'INBOX', 'Junk')
            wait_for(own, 'what she said')
        forget = lambda user: self.server.ctl('--conf', os.path.join(self.server.dir, 'test.conf'), 'learn', 'forget', '--account', user).stdout
        before = self.content()
        self.assertEqual(forget(BOB), '0 messages forgotten\n')
        self.assertEqual(self.content(), before)
        self.assertRegex(forget(ALICE), r'^0 messages forgotten, and what they said of [1-9] networks, domains and senders$')
        self.assertEqual(own(), [])
        self.assertNotIn('with own', str(self.found('unsure', source='127.0.3.1')))

    def test_what_a_person_says_replaces_what_was_counted(self):
        self.serve('learn_weight = 5', 'users_teach_site = yes')
        self.send('sure')
        self.until({'n': [1, 0]})
        with self.imap() as c:
            self.move(c, 'Junk', 'INBOX')
            self.until({'n': [0, 5], 's': [0, 5]})
            self.move(c, 'INBOX', 'Junk')
            self.until({'n': [1, 0], 's': [1, 0]})
            c.select('Junk')
            self.assertEqual(c.uid('STORE', '1:*', '+FLAGS', '($Junk)')[0], 'OK')
            self.until({'n': [5, 0], 's': [5, 0]})
            self.assertEqual(c.uid('STORE', '1:*', '+FLAGS', '($NotJunk)')[0], 'OK')
            self.until({'n': [0, 5], 's': [0, 5]})

    def test_without_redis_nobody_waits(self):
        self.serve('users_teach_site = yes')
        for i in range(MANY):
            self.send('sure %d' % i)
        self.until({'n': [MANY, 0]})
        self.assertIn('REPUTATION_SPF', self.found('hello', source='127.0.3.1'))
        self.send('hello', to=[BOB])
        self.until({'n': [MANY, 2]})
        self.redis.pause()
        try:
            begun = time.monotonic()
            code, text = self.send('hello')
            self.assertEqual(code, 250)
            ledger = self.server.ctl('trace', text.decode().split()[-1].strip('.')).stdout
            self.assertNotIn('REPUTATION_', ledger)
            self.assertIn('redis', ledger)
            self.assertLess(time.monotonic() - begun, 30)  # the drill of Redis measures it
            with self.imap(BOB) as c:
                self.move(c, 'INBOX', 'Junk')
        finally:
            self.redis.resume()
        self.until({'n': [MANY + 5, 1]})  # said while it was away

    def test_strange_things_in_redis(self):
        self.serve()
        self.send('hello')
        self.until({'n': [0, 1]})
        for key in self.redis.cli('KEYS', 'fct:{rep}:*').split():
            self.redis.cli('DEL', key)
            self.redis.cli('RPUSH', key, 'x')
        self.assertEqual(self.found('hello again'), {})
        self.until({'n': [0, 1], 's': [0, 1], 'f': [0, 1]})  # what was strange is written over
        for key in self.redis.cli('KEYS', 'fct:{rep}:m*').split():
            self.redis.cli('SET', key, 'strange')
        with self.imap() as c:
            self.move(c, 'INBOX', 'Junk')
        wait_for(lambda: self.server.log().count('as spam: not known here') == 2, 'a move of what nobody knows')
        self.until({'n': [0, 1]})

    def test_two_who_say_the_same_count_once(self):
        self.serve('learn_weight = 5', 'users_teach_site = yes')
        self.send('hello', to=[ALICE, BOB])
        self.until({'n': [0, 1]})
        before = self.content()

        def heard(words):
            wait_for(lambda: words in self.server.log(), words)

        with self.imap() as a, self.imap(BOB) as b:
            self.move(a, 'INBOX', 'Junk')
            heard('as spam: learned')
            self.move(b, 'INBOX', 'Junk')
            heard('as spam: known already')
            self.until({'n': [5, 0]})
            self.move(a, 'Junk', 'INBOX')
            heard('as ham: taken back')
            self.move(b, 'Junk', 'INBOX')
            heard('as ham: known already')
        self.assertEqual(self.content(), before)

    def test_people_may_be_left_out(self):
        self.serve('learn_weight = 0')
        self.send('hello')
        self.until({'n': [0, 1]})
        with self.imap() as c:
            self.move(c, 'INBOX', 'Junk')
            self.send('hello again')
            self.until({'n': [0, 2]})

    def test_autonomous_systems(self):
        path = os.path.join(self.folder, 'asn.mmdb')
        mmdb.write(path, {'127.0.0.0/22': {'autonomous_system_number': 64500, 'autonomous_system_organization': 'Example'}, '2001:db8::/32': {'autonomous_system_number': 64501}})
        self.serve('asn_database = "%s"' % path, 'strength = 1')
        for i in range(2 * MANY):
            self.send('sure %d' % i, source='127.0.%d.1' % (1 + i % 2))
        self.until({'a': [2 * MANY, 0]})
        got = self.found('hello', sender='friend@good.example', source='127.0.3.1')
        self.assertEqual(set(got), {'REPUTATION_ASN'})
        self.assertIn('AS64500: %d.0 spam' % (2 * MANY), got['REPUTATION_ASN'][1])
        self.assertNotIn('REPUTATION_ASN', self.found('hello', source='127.0.4.1'))

    def test_nobody_can_read_names_in_redis(self):
        self.serve('secret = "of this test"')
        self.send('hello', body='http://shop.example/')
        self.until({'n': [0, 1]})
        self.assertEqual(self.redis.cli('EVAL', LEAKS, '0', 'bad.example', 'shop', '127.0', 'alice'), '')
        self.assertEqual(self.redis.cli('EVAL', LEAKS, '0', 'cmsgpack', 'n'), 'n')  # it does look
        for key in self.redis.cli('KEYS', 'fct:{rep}:*').split():
            self.assertGreater(int(self.redis.cli('TTL', key)), 0)

    def test_mistakes_in_the_configuration(self):
        bad = os.path.join(self.folder, 'bad.mmdb')
        with open(bad, 'w') as f:
            f.write('no database')
        for key, text in (('asn_database = "%s"' % bad, 'asn_database'), ('max_urls = 99', 'max_urls: must be at most 20')):
            path = os.path.join(self.folder, 'x.conf')
            with open(path, 'w') as f:
                f.write('plugin reputation { %s }\n' % key)
            server = facteur.Server('plugin reputation { %s }\n' % key)
            try:
                with self.assertRaises(RuntimeError) as caught:
                    server.start()
                self.assertIn(text, str(caught.exception))
            finally:
                server.stop()
                shutil.rmtree(server.dir, ignore_errors=True)


if __name__ == '__main__':
    unittest.main()
