"""Reports that the server sends by itself: DMARC aggregate ones after midnight, once however often it starts and however many share a Redis; TLS-RPT.
Both are signed, which three verifiers confirm."""
import calendar, contextlib, email, gzip, imaplib, json, os, pwd, re, smtplib, subprocess, sys, tempfile, time, unittest
import xml.etree.ElementTree as ET

sys.path[:0] = [os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'), os.path.dirname(os.path.abspath(__file__))]
import facteur
from fake_dns import FakeDNS
from redis_server import Redis, wait_for
from smtp_sink import Sink
from test_dkim import make_key
from test_dmarc import ALICE, HERE, V, conf, message, send
from test_dmarc_reports import kept, text, wait_for_a_safe_time
from test_server_mode import USERS, Service

SINK = '127.0.3.1'
SERVER = 'mx.example.test'
DAILY = ('report_email = dmarc@example.test', 'report_after = 0s', 'report_retry = 1s')


def zone(**more):
    """good and other ask for both kinds of report; home asks for its DMARC reports at an address here."""
    out = {
        'good.example': dict(HERE, MX=['10 mx.good.example']), 'mx.good.example': {'A': [SINK]},
        '_dmarc.good.example': {'TXT': [V + 'p=reject; rua=mailto:dmarc@good.example']},
        '_smtp._tls.good.example': {'TXT': ['v=TLSRPTv1; rua=mailto:tls@good.example']},
        'home.example': HERE, '_dmarc.home.example': {'TXT': [V + 'p=none; rua=mailto:' + ALICE]},
        'home.example._report._dmarc.example.test': {'TXT': ['v=DMARC1']},
    }
    out.update(more)
    return out


def counted(zone, *domains):
    """Commands for Redis: what a server would have written a day ago of one message in the name of each."""
    day = 'fct:dmarc:{%s}' % time.strftime('%Y%m%d', time.gmtime(time.time() - 86400))
    for domain in domains:
        line = json.dumps(['192.0.2.1', 'none', 0, 1, [], domain, domain, 'example.test', [['mfrom', domain, '', 'pass']]], separators=(',', ':'))
        yield 'HSET', day, domain, '1', '*', str(len(domains))
        yield 'HSET', day + ':' + domain, line, '1', 'policy', zone['_dmarc.' + domain]['TXT'][0], 'method', 'treewalk'


class Reports(unittest.TestCase):
    def setUp(self):
        wait_for_a_safe_time()
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        self.folder = stack.enter_context(tempfile.TemporaryDirectory(prefix='facteur-sent.'))
        os.chmod(self.folder, 0o755)
        self.keys = os.path.join(self.folder, 'keys')
        self.records = {name: make_key(self.keys, name, 'r1', 'rsa') for name in ('example.test', SERVER)}
        self.redis = Redis(os.path.join(self.folder, 'redis'))
        stack.callback(self.redis.kill)
        self.dns = stack.enter_context(FakeDNS(zone(**{'r1._domainkey.' + name: {'TXT': [record]} for name, record in self.records.items()})))
        self.sink = stack.enter_context(Sink(host=SINK))
        self.started = stack

    def server(self, *dmarc, more=''):
        text = ('server { user_filter = ""  name = %s }\nredis { url = "unix:%s" }\nplugin headers { }\nrelay { port = %d  allow_private = yes }\n%s'
                % (SERVER, self.redis.socket, self.sink.port, more) + conf(*dmarc))
        text = text.replace('plugin dkim {\n', 'plugin dkim {\n keys = "%s"\n sign = yes\n' % self.keys)
        return self.started.enter_context(facteur.Server(text, dns=self.dns.address))

    def counted_yesterday(self, *domains):
        for words in counted(self.dns.zone, *domains):
            self.redis.cli(*words)

    def comes_then_a_day_passes(self, *domains):
        """Mail in the name of each, by a server that sends no reports."""
        with self.started.pop_all() as rest:
            server = self.server('report_send = no', 'report_email = dmarc@example.test')
            for domain in domains:
                self.assertEqual(send(server, 'x@' + domain, message('<a@%s>' % domain))[0], 250)
            wait_for(lambda: set(kept(self.redis)) >= set(domains), 'all messages in Redis')
            server.stop()
            self.started = rest.pop_all()
        self.addCleanup(self.started.close)
        self.a_day_passes()

    def a_day_passes(self):
        today, yesterday = (time.strftime('%Y%m%d', time.gmtime(time.time() - ago)) for ago in (0, 86400))
        for key in self.redis.cli('KEYS', 'fct:dmarc:{%s}*' % today).split():
            self.redis.cli('RENAME', key, key.replace(today, yesterday))

    def arrived(self, to):
        return [m for m in self.sink.messages if m.recipients == [to + '>']]

    def marks(self):
        """{domain: its mark}, '' for the day's."""
        out = {}
        for key in self.redis.cli('KEYS', 'fct:dmarc:*').split():
            domain = key.split('}')[1].lstrip(':')
            mark = self.redis.cli('HGET', key, 'sent' if domain else '*sent')
            if mark:
                out[domain] = mark
        return out

    def verify(self, raw, domain='example.test'):
        """By ours, dkimpy and OpenDKIM."""
        import dkim
        self.assertEqual(raw.count(b'DKIM-Signature:'), 1, raw)
        self.assertRegex(raw.replace(b'\r\n\t', b' ').replace(b'\r\n ', b' '), rb'DKIM-Signature:[^\r]*\bd=%s;' % domain.encode())
        self.assertTrue(dkim.verify(raw, dnsfunc=lambda name, timeout=5: self.records[domain].encode()), raw)
        path = os.path.join(self.folder, 'message')
        with open(path, 'wb') as f:
            f.write(raw)
        r = subprocess.run([os.path.join(facteur.build_dir(), 'facteurctl'), 'check', 'dkim', path, '--dns', self.dns.address],
                           capture_output=True, text=True, timeout=60)
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        with open(os.path.join(self.folder, 'opendkim.keys'), 'w') as f:
            f.write('r1._domainkey.%s %s\n' % (domain, self.records[domain]))
        with open(os.path.join(self.folder, 'opendkim.conf'), 'w') as f:
            f.write('TestPublicKeys %s/opendkim.keys\nMode v\nSyslog no\n' % self.folder)
        r = subprocess.run(['/usr/sbin/opendkim', '-x', os.path.join(self.folder, 'opendkim.conf'), '-t', path, '-v'],
                           capture_output=True, text=True, timeout=60)
        self.assertIn('succeeded', r.stdout + r.stderr)

    def test_dmarc_after_midnight(self):
        """With its consent home's goes to a mailbox here; the marks say that all is done, and the next start sends nothing."""
        self.comes_then_a_day_passes('good.example', 'home.example')
        server = self.server(*DAILY)
        wait_for(lambda: self.arrived('dmarc@good.example'), server.log()[-3000:])
        wait_for(lambda: self.marks().get(''), 'the mark of the day')
        self.assertEqual(self.marks(), {'': 'sent', 'good.example': 'sent', 'home.example': 'sent'})
        (sent,) = self.arrived('dmarc@good.example')
        self.assertEqual(sent.sender, 'dmarc@example.test')
        self.verify(sent.data)
        report = email.message_from_bytes(sent.data)
        self.assertEqual(email.utils.parseaddr(report['From'])[1], 'dmarc@example.test')  # aligned with the signature
        root = ET.fromstring(gzip.decompress(report.get_payload()[1].get_payload(decode=True)))
        day = int(time.time()) // 86400 * 86400 - 86400
        self.assertEqual((text(root, 'report_metadata/date_range/begin'), text(root, 'report_metadata/date_range/end')), (str(day), str(day + 86399)))
        self.assertEqual((text(root, 'policy_published/domain'), text(root, 'record/row/count')), ('good.example', '1'))
        server.wait_log('about="DMARC of good.example"')
        with imaplib.IMAP4('127.0.0.1', server.port('imap')) as m:
            m.login(ALICE, facteur.PASSWORD)
            m.select('INBOX')
            own = m.search(None, 'SUBJECT', '"home.example"')[1][0].split()
            self.assertEqual(len(own), 1)
            raw = m.fetch(own[0], '(BODY.PEEK[])')[1][0][1]
        self.verify(raw)
        self.assertTrue(raw.startswith(b'Return-Path: <dmarc@example.test>'), raw[:200])
        answer = json.loads(server.ctl('--json', 'dmarc', 'received', ALICE).stdout)
        self.assertEqual([(one['domain'], one['source'], one['messages'], one['pass']) for one in answer['sources']], [('home.example', '127.0.0.1', 1, 1)])
        self.assertEqual(server.stop(), 0)
        again = self.server(*DAILY)
        time.sleep(4)  # a round is due after two seconds
        self.assertEqual(len(self.arrived('dmarc@good.example')), 1, again.log()[-2000:])

    def test_servers_with_one_redis(self):
        names = ['d%d.example' % i for i in range(12)]
        for name in names:
            self.dns.zone.update({name: HERE, '_dmarc.' + name: {'TXT': [V + 'p=none; rua=mailto:%s@good.example' % name]},
                                  name + '._report._dmarc.good.example': {'TXT': ['v=DMARC1']}})
        self.counted_yesterday(*names)
        for _ in range(2):
            self.server(*DAILY)
        wait_for(lambda: self.marks().get(''), 'the mark of the day')
        wait_for(lambda: len(self.sink.messages) >= len(names), 'all reports')
        time.sleep(1)
        self.assertEqual(sorted(m.recipients[0] for m in self.sink.messages), sorted(name + '@good.example>' for name in names))

    def test_a_claim_of_one_who_died(self):
        """It runs out; before that nobody else sends the report."""
        self.counted_yesterday('good.example')
        key = 'fct:dmarc:{%s}:good.example' % time.strftime('%Y%m%d', time.gmtime(time.time() - 86400))
        self.redis.cli('HSET', key, 'sent', 'until %d' % (time.time() + 600))
        server = self.server(*DAILY)
        time.sleep(4)
        self.assertEqual(self.arrived('dmarc@good.example'), [])
        self.assertNotIn('', self.marks())
        self.redis.cli('HSET', key, 'sent', 'until %d' % (time.time() - 1))
        wait_for(lambda: self.arrived('dmarc@good.example'), server.log()[-3000:])

    def test_the_dns_is_silent_for_a_while(self):
        """Both destinations are wanted: the report waits until the DNS can say all."""
        asked = 'good.example._report._dmarc.other.example'
        self.dns.zone['_dmarc.good.example'] = {'TXT': [V + 'p=reject; rua=mailto:dmarc@good.example,mailto:box@other.example']}
        self.dns.zone.update({asked: 'REFUSED', 'other.example': {'MX': ['10 mx.good.example']}})
        self.counted_yesterday('good.example')
        server = self.server(*DAILY)
        wait_for(lambda: any(name == asked for name, _, _ in self.dns.queries), 'a question')
        time.sleep(2)
        wait_for(lambda: not self.marks(), 'no mark but the claim of the one who tries just now')
        self.assertEqual(self.sink.messages, [])
        self.dns.zone[asked] = {'TXT': ['v=DMARC1']}
        wait_for(lambda: self.arrived('dmarc@good.example') and self.arrived('box@other.example'), server.log()[-3000:])

    def test_only_when_it_is_wanted(self):
        """Without an address of its own (auto), and with report_send = no."""
        self.counted_yesterday('good.example')
        for i, keys in enumerate([DAILY[1:], DAILY + ('report_send = no',)]):
            server = self.server(*keys)
            time.sleep(4)
            self.assertEqual((self.sink.messages, self.marks()), ([], {}), server.log()[-2000:])
            server.stop()

    def test_by_command(self):
        """--send takes the same way, and the server does not send it once more."""
        self.counted_yesterday('good.example')
        server = self.server('report_email = dmarc@example.test', 'report_send = no')
        server.ctl('--conf', os.path.join(server.dir, 'test.conf'), 'dmarc', 'report', '--send', '--dns', self.dns.address)
        wait_for(lambda: self.arrived('dmarc@good.example'), server.log()[-3000:])
        self.verify(self.arrived('dmarc@good.example')[0].data)
        self.assertEqual(self.marks(), {'good.example': 'sent'})
        server.stop()
        r = server.ctl('--conf', os.path.join(server.dir, 'test.conf'), 'dmarc', 'report', '--send', '--dns', self.dns.address, check=False)
        self.assertEqual(r.returncode, 75, r.stderr)  # nobody is there to sign it

    def test_tls_reports_are_signed(self):
        server = self.server(more='outbound_tls { report_every = 5s  report_from = tls-reports@example.test  mta_sts = no }\n')
        with smtplib.SMTP('127.0.0.1', server.port('submission'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.login(ALICE, facteur.PASSWORD)
            s.sendmail(ALICE, ['bob@good.example'], b'From: <alice@example.test>\r\nSubject: x\r\n\r\nhello\r\n')
        wait_for(lambda: self.arrived('tls@good.example'), server.log()[-3000:])
        sent = self.arrived('tls@good.example')[0]
        self.assertEqual(sent.sender, 'tls-reports@example.test')
        report = email.message_from_bytes(sent.data)
        self.assertEqual((report['TLS-Report-Domain'], report.get_param('report-type')), ('good.example', 'tlsrpt'))
        self.verify(sent.data)


    def test_bounces_are_signed(self):
        """To a sender elsewhere whom our network vouches for."""
        self.sink.at['rcpt'] = ['550 5.1.1 nobody', None]
        server = self.server(more='smtp { relay_networks = ["127.0.0.0/8"] }\n')
        with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.sendmail('ann@good.example', ['bob@good.example'], b'From: <ann@good.example>\r\nSubject: x\r\n\r\nhello\r\n')
        wait_for(lambda: self.arrived('ann@good.example'), server.log()[-3000:])
        (bounce,) = self.arrived('ann@good.example')
        self.assertEqual((bounce.sender, email.message_from_bytes(bounce.data).get_content_type()), ('', 'multipart/report'))
        self.verify(bounce.data, SERVER)

    def test_tls_report_that_waits_over_a_restart(self):
        """The relay ends while a plugin is asked about the report: the next one makes it again, of the counts that were kept."""
        with open(os.path.join(self.folder, 'slow.lua'), 'w') as f:
            f.write('hook { "queue.in", function(m, ev)\n  if ev.origin == "report" then\n    log.info("asked about a report")\n    sleep_ms(4500)\n  end\nend }\n')
        tls = 'outbound_tls { report_every = 10s  report_from = tls-reports@example.test  mta_sts = no }\n'
        server = self.server(more=tls + 'lua { file = "%s/slow.lua" }\n' % self.folder)
        with smtplib.SMTP('127.0.0.1', server.port('submission'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.login(ALICE, facteur.PASSWORD)
            s.sendmail(ALICE, ['bob@good.example'], b'From: <alice@example.test>\r\nSubject: x\r\n\r\nhello\r\n')
        wait_for(lambda: 'asked about a report' in server.log(), server.log()[-3000:])
        asked = time.time()
        self.assertEqual(server.stop(), 0)
        server.conf = server.conf.replace('lua { file', '# lua { file')
        server.start()

        def told():
            """Of the time before the rule was asked."""
            reports = [json.loads(gzip.decompress(email.message_from_bytes(m.data).get_payload()[1].get_payload(decode=True))) for m in self.arrived('tls@good.example')]
            return [r for r in reports if calendar.timegm(time.strptime(r['date-range']['end-datetime'], '%Y-%m-%dT%H:%M:%SZ')) < asked]
        wait_for(told, server.log()[-3000:])
        self.assertEqual(told()[0]['policies'][0]['summary'], {'total-successful-session-count': 0, 'total-failure-session-count': 1})


@unittest.skipIf(os.geteuid() != 0, 'needs root: own users are taken at the start')
class OwnUser(unittest.TestCase):
    """The relay's user is not the filters', whose group the private Redis lets in."""

    def test_private_redis(self):
        wait_for_a_safe_time()
        with FakeDNS(zone()) as dns, Sink(host=SINK) as sink:
            server = Service()
            self.addCleanup(server.notify.close)
            server.configure('dns { server = ["%s"] }\nrelay { port = %d  allow_private = yes }\n' % (dns.address, sink.port) + conf(*DAILY))
            with server:
                wait_for(lambda: os.path.exists(server.state + '/run/redis/redis.sock'), 'the private Redis')
                for words in counted(dns.zone, 'good.example'):
                    subprocess.run(['redis-cli', '-s', server.state + '/run/redis/redis.sock', *words], check=True, capture_output=True, timeout=60)
                wait_for(lambda: sink.messages, server.log()[-3000:])
                self.assertEqual(sink.messages[0].recipients, ['dmarc@good.example>'])
                (relay,) = server.pids('relay')
                with open('/proc/%d/status' % relay) as f:
                    self.assertRegex(f.read(), r'(?m)^Groups:\s+%d\s*$' % pwd.getpwnam(USERS['filter']).pw_gid)


if __name__ == '__main__':
    unittest.main()
