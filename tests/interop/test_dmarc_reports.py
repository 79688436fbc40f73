"""Aggregate reports: messages are counted in Redis, facteurctl dmarc report makes files of them that a schema finds valid, facteurctl dmarc
show reads them back with the same sums; reports of others, as they really come."""
import collections, email, glob, gzip, io, json, os, re, smtplib, subprocess, sys, tempfile, time, unittest, zipfile
import xml.etree.ElementTree as ET

sys.path[:0] = [os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'), os.path.dirname(os.path.abspath(__file__))]
import facteur
from fake_dns import FakeDNS
from redis_server import Redis, wait_for
from test_dkim import make_key
from test_dmarc import V, conf, message, send

HERE = {'TXT': ['v=spf1 ip4:127.0.0.1 -all']}
ZONE = {
    'good.example': HERE, 'evil.example': HERE, 'lists.example': HERE,
    '_dmarc.good.example': {'TXT': [V + 'p=reject; np=reject; adkim=s; fo=1:d; rua=mailto:r@stranger.example, https://good.example/, mailto:dmarc@good.example!10m']},
    '_dmarc.bank.example': {'TXT': [V + 'p=reject; sp=quarantine; rua=mailto:dmarc@mail.bank.example']},
    '_dmarc.quar.example': {'TXT': [V + 'p=quarantine; rua=mailto:quar%2bdmarc@collector.example,mailto:tiny@quar.example!1k,mailto:moved@other.example']},
    '_dmarc.test.example': {'TXT': [V + 'p=reject; t=y; rua=mailto:dmarc@test.example']},
    '_dmarc.none.example': {'TXT': [V + 'p=none']},
    '_dmarc.later.example': {'TXT': [V + 'p=none; rua=mailto:x@silent.example']},
    'quar.example._report._dmarc.collector.example': {'TXT': ['v=DMARC1']},
    'quar.example._report._dmarc.other.example': {'TXT': ['v=DMARC1; rua=mailto:box@other.example']},
    'good.example._report._dmarc.stranger.example': {'TXT': ['v=spf1 -all']},
    '_dmarc.silent.example': 'SERVFAIL',
}
NS = '{urn:ietf:params:xml:ns:dmarc-2.0}'
SCHEMA = os.path.join(facteur.ROOT, 'tests', 'data', 'dmarc', 'aggregate.xsd')


def today():
    return time.strftime('%Y-%m-%d', time.gmtime())


def wait_for_a_safe_time():
    """The day must not change while a test counts on it."""
    while time.time() % 86400 > 86400 - 300:
        time.sleep(1)


def kept(redis):
    """{domain: messages} of today."""
    day = time.strftime('fct:dmarc:{%Y%m%d}', time.gmtime())
    out = {}
    for domain in redis.cli('HKEYS', day).split():
        if domain != '*':
            pairs = redis.cli('--json', 'HGETALL', day + ':' + domain)
            out[domain] = sum(int(n) for line, n in json.loads(pairs).items() if line.startswith('['))
    return out


def ctl(*args, stdin=None):
    return subprocess.run([os.path.join(facteur.build_dir(), 'facteurctl'), *args], input=stdin, capture_output=True, timeout=120)


def dmarc(server, *args, **how):
    """facteurctl dmarc with the server's whole configuration."""
    flags = ['--json'] if args[0] == '--json' else []
    return server.ctl('--conf', os.path.join(server.dir, 'test.conf'), *flags, 'dmarc', *args[len(flags):], **how)


def validate(xml):
    r = subprocess.run(['xmllint', '--noout', '--nonet', '--schema', SCHEMA, '-'], input=xml, capture_output=True)
    return r.stderr.decode() if r.returncode else ''


def text(node, path):
    found = node.find('/'.join(NS + name for name in path.split('/')))
    return None if found is None else found.text or ''


def rows(root):
    """{(author, disposition, dkim, spf, reasons, sender's domain, spf of): messages}"""
    out = collections.Counter()
    for record in root.findall(NS + 'record'):
        evaluated = record.find(NS + 'row/' + NS + 'policy_evaluated')
        reasons = tuple(text(reason, 'type') for reason in evaluated.findall(NS + 'reason'))
        out[(text(record, 'identifiers/header_from'), text(evaluated, 'disposition'), text(evaluated, 'dkim'), text(evaluated, 'spf'), reasons,
             text(record, 'identifiers/envelope_from'), text(record, 'auth_results/spf/domain'))] += int(text(record, 'row/count'))
    return out


class Reports(unittest.TestCase):
    """One server, the same mail for all."""

    @classmethod
    def setUpClass(cls):
        wait_for_a_safe_time()
        cls.folder = tempfile.TemporaryDirectory(prefix='facteur-reports.')
        cls.redis = Redis(os.path.join(cls.folder.name, 'redis'))
        cls.dns = FakeDNS(ZONE).__enter__()
        cls.server = facteur.Server('redis { url = "unix:%s" }\n' % cls.redis.socket +
                                    conf('report_org = "Facteur & Söhne"', 'report_email = dmarc@facteur.example', 'trusted_forwarders = ["lists.example"]'),
                                    dns=cls.dns.address).start()
        send_all = [('x@good.example', '<a@good.example>', 3, 250), ('x@good.example', '<a@news.good.example>', 1, 250), ('x@evil.example', '<a@bank.example>', 2, 550),
                    ('x@lists.example', '<a@bank.example>', 1, 250), ('x@evil.example', '<a@quar.example>', 2, 250), ('x@evil.example', '<a@test.example>', 1, 250),
                    ('x@evil.example', '<a@none.example>', 1, 250), ('', '<a@later.example>', 1, 250)]
        for sender, author, times, code in send_all:
            for _ in range(times):
                got = send(cls.server, sender, message(author))
                assert got[0] == code, (sender, author, got)
        cls.want = {'good.example': 4, 'bank.example': 3, 'quar.example': 2, 'test.example': 1, 'later.example': 1}
        wait_for(lambda: kept(cls.redis) == cls.want, 'all messages in Redis')

    @classmethod
    def tearDownClass(cls):
        try:
            assert cls.server.sanitizer_report() is None, cls.server.sanitizer_report()
        finally:
            cls.server.__exit__(None, None, None)
            cls.dns.__exit__(None, None, None)
            cls.redis.kill()
            cls.folder.cleanup()

    def report(self, *more, status=75):
        out = tempfile.mkdtemp(dir=self.folder.name)
        r = dmarc(self.server, '--json', 'report', '--day', today(), '--out', out, '--dns', self.dns.address, *more, check=False)
        self.assertEqual((r.returncode, r.stderr), (status, ''), r.stdout)
        answer = json.loads(r.stdout)
        return out, {one['domain']: one for one in answer['reports']}, answer

    def test_what_is_in_them(self):
        out, reports, answer = self.report()
        self.assertEqual({domain: one['messages'] for domain, one in reports.items()}, self.want)
        self.assertTrue(answer['partial'])
        trees = {}
        for path in glob.glob(os.path.join(out, '*.xml.gz')):
            with gzip.open(path) as f:
                xml = f.read()
            self.assertEqual(validate(xml), '', xml.decode())
            root = ET.fromstring(xml)
            domain = text(root, 'policy_published/domain')
            trees[domain] = root
            begin, end = answer['begin'], answer['end']
            self.assertRegex(os.path.basename(path), r'^[\w.-]+!%s!%d!%d\.xml\.gz$' % (re.escape(domain), begin, end))
            self.assertEqual((text(root, 'report_metadata/date_range/begin'), text(root, 'report_metadata/date_range/end')), (str(begin), str(end)))
            self.assertEqual((text(root, 'report_metadata/org_name'), text(root, 'report_metadata/email')), ('Facteur & Söhne', 'dmarc@facteur.example'))
            self.assertIn('Facteur', text(root, 'report_metadata/generator'))
        self.assertEqual(set(trees), {'good.example', 'bank.example', 'quar.example', 'test.example'})
        self.assertEqual(rows(trees['good.example']), {
            ('good.example', 'pass', 'fail', 'pass', (), 'good.example', 'good.example'): 3,
            ('news.good.example', 'pass', 'fail', 'pass', (), 'good.example', 'good.example'): 1})
        self.assertEqual(rows(trees['bank.example']), {
            ('bank.example', 'reject', 'fail', 'fail', (), 'evil.example', 'evil.example'): 2,
            ('bank.example', 'none', 'fail', 'fail', ('trusted_forwarder',), 'lists.example', 'lists.example'): 1})
        self.assertEqual(rows(trees['quar.example']), {('quar.example', 'quarantine', 'fail', 'fail', (), 'evil.example', 'evil.example'): 2})
        self.assertEqual(rows(trees['test.example']), {('test.example', 'quarantine', 'fail', 'fail', ('policy_test_mode',), 'evil.example', 'evil.example'): 1})
        published = trees['good.example'].find(NS + 'policy_published')
        self.assertEqual({child.tag[len(NS):]: child.text for child in published},
                         {'domain': 'good.example', 'discovery_method': 'treewalk', 'p': 'reject', 'sp': 'reject', 'np': 'reject', 'fo': '1:d', 'adkim': 's', 'aspf': 'r', 'testing': 'n'})
        published = trees['bank.example'].find(NS + 'policy_published')
        self.assertEqual((text(published, 'sp'), text(published, 'np'), text(published, 'adkim')), ('quarantine', 'quarantine', 'r'))
        for record in trees['bank.example'].findall(NS + 'record'):
            self.assertEqual((text(record, 'row/source_ip'), text(record, 'identifiers/envelope_to'), text(record, 'auth_results/spf/scope')), ('127.0.0.1', 'example.test', 'mfrom'))

    def test_nothing_about_people(self):
        everything = ''.join(self.redis.cli('HGETALL', key) for key in self.redis.cli('KEYS', 'fct:dmarc:*').split())
        self.assertNotIn('alice', everything)
        self.assertNotIn('a@', everything)
        for key in self.redis.cli('KEYS', 'fct:dmarc:*').split():
            self.assertGreater(int(self.redis.cli('TTL', key)), 6 * 86400)

    def test_who_gets_them(self):
        out, reports, _ = self.report()
        not_to = {domain: {one['address']: one['why'] for one in report['not_to']} for domain, report in reports.items()}
        self.assertEqual(reports['good.example']['to'], ['dmarc@good.example'])
        self.assertIn('no record of DMARC', not_to['good.example']['r@stranger.example'])
        self.assertIn('only mailto:', not_to['good.example']['https://good.example/'])
        self.assertEqual(reports['bank.example']['to'], ['dmarc@mail.bank.example'])
        self.assertEqual(reports['quar.example']['to'], ['quar+dmarc@collector.example', 'box@other.example'])
        self.assertRegex(not_to['quar.example']['tiny@quar.example'], r'the message has \d+ bytes, it takes 1024')
        self.assertEqual((reports['later.example']['to'], reports['later.example']['file']), ([], None))
        self.assertIn('cannot say', not_to['later.example']['x@silent.example'])
        self.assertEqual(len(os.listdir(out)), 8)

    def test_messages_to_send(self):
        out, reports, _ = self.report()
        for domain, report in reports.items():
            if not report['mail']:
                continue
            with open(os.path.join(out, report['mail']), 'rb') as f:
                raw = f.read()
            self.assertNotIn(b'\n', raw.replace(b'\r\n', b''))
            self.assertLess(max(len(line) for line in raw.split(b'\r\n')), 998)
            mail = email.message_from_bytes(raw)
            self.assertRegex(mail['Subject'].replace('\r\n', ''), r'^Report Domain: %s Submitter: \S+ Report-ID: <%s>$' % (re.escape(domain), re.escape(report['id'])))
            self.assertEqual(mail['From'], '<dmarc@facteur.example>')
            self.assertEqual(re.findall(r'<([^>]+)>', mail['To']), report['to'])
            self.assertEqual((mail['MIME-Version'], mail['Message-ID']), ('1.0', '<%s>' % report['id']))
            note, attached = mail.get_payload()
            self.assertEqual((note.get_content_type(), attached.get_content_type(), attached.get_filename()), ('text/plain', 'application/gzip', report['file']))
            with open(os.path.join(out, report['file']), 'rb') as f:
                self.assertEqual(attached.get_payload(decode=True), f.read())

    def test_into_the_queue(self):
        """--send: each message is queued for those who may get it."""
        r = dmarc(self.server, 'report', '--day', today(), '--send', '--dns', self.dns.address, check=False)
        self.assertEqual((r.returncode, r.stderr), (75, ''), r.stdout)
        self.assertFalse(glob.glob('*.eml'))
        _, reports, _ = self.report()
        want = {domain: sorted(one['to']) for domain, one in reports.items() if one['to']}
        self.assertEqual(r.stdout.count('  queued\n'), len(want))
        wait_for(lambda: {to for to in sum(want.values(), [])} <= {to for _, to in self.tried()}, 'the relay has them')
        self.assertEqual({sender for sender, to in self.tried() if to in sum(want.values(), [])}, {'dmarc@facteur.example'})

    def tried(self):
        """Of `facteur dev` nothing leaves: each recipient fails, which the log tells."""
        return re.findall(r' send_failed .*?from=(\S+) .*?rcpt=(\S+)', self.server.log())

    def test_they_are_read_back_with_the_same_sums(self):
        out, reports, _ = self.report()
        mine = {domain: one for domain, one in reports.items() if one['file']}
        for what in ('*.xml.gz', '*.eml', '*'):
            r = ctl('--json', 'dmarc', 'show', *sorted(glob.glob(os.path.join(out, what))))
            self.assertEqual(r.returncode, 0, r.stderr)
            shown = json.loads(r.stdout)
            self.assertEqual({one['domain']: one['messages'] for one in shown['sources']}, {domain: one['messages'] for domain, one in mine.items()}, what)
            self.assertEqual({one['id'] for one in shown['reports']}, {one['id'] for one in mine.values()})
            self.assertEqual(shown['twice'], len(mine) if what == '*' else 0)
            by = {one['domain']: one for one in shown['sources']}
            self.assertEqual((by['bank.example']['disposition'], by['bank.example']['overridden'], by['bank.example']['pass']), ({'reject': 2, 'none': 1}, 1, 0))
            self.assertEqual((by['good.example']['disposition'], by['good.example']['pass'], by['good.example']['spf'], by['good.example']['dkim']), ({'pass': 4}, 4, 4, 0))
            self.assertEqual(by['good.example']['reported_by'], ['Facteur & Söhne'])
            self.assertEqual({one['form'] for one in shown['reports']}, {'RFC 9990'})
        r = ctl('dmarc', 'show', out)
        self.assertRegex(r.stdout.decode(), r'4 reports, .*: 10 messages, 4 pass \(40\.0 %\); 4 came twice')
        self.assertRegex(r.stdout.decode(), r'bank\.example +127\.0\.0\.1 +3 +0 +0 +0 +none 1, reject 2 +Facteur & Söhne')

    def test_made_again_they_are_the_same(self):
        day = time.strftime('%Y%m%d', time.gmtime(time.time() - 86400))
        now = time.strftime('%Y%m%d', time.gmtime())
        for name in ('', ':bank.example'):
            self.redis.cli('COPY', 'fct:dmarc:{%s}%s' % (now, name), 'fct:dmarc:{%s}%s' % (day, name))
        made = []
        for _ in range(2):
            out = tempfile.mkdtemp(dir=self.folder.name)
            r = dmarc(self.server, 'report', '--out', os.path.join(out, 'new'), '--domain', 'Bank.example', '--dns', self.dns.address)  # yesterday, a folder to be made
            self.assertNotIn('not over', r.stdout)
            (path,) = glob.glob(os.path.join(out, 'new', '*.xml.gz'))
            with open(path, 'rb') as f:
                made.append((os.path.basename(path), f.read()))
        self.assertEqual(made[0], made[1])
        self.assertRegex(made[0][0], r'!bank\.example!\d+00!\d+99\.xml\.gz$')

    def test_mistakes(self):
        for words, says in ((['--day', '2026-13-01'], 'must be as 2026-01-05'), (['--day', '2999-01-01'], 'has not begun'), (['--day', 'x'], 'must be as'),
                            (['--domain', 'a b'], 'is no domain')):
            r = dmarc(self.server, 'report', *words, check=False)
            self.assertEqual(r.returncode, 2, words)
            self.assertIn(says, r.stderr)
        r = dmarc(self.server, 'report', '--day', '2001-01-01', '--dns', self.dns.address)
        self.assertIn('nothing to report', r.stdout)
        r = dmarc(self.server, 'report', '--day', today(), '--domain', 'bank.example', '--out', '/proc/nowhere', '--dns', self.dns.address, check=False)
        self.assertNotEqual(r.returncode, 0)
        self.assertIn('/proc/nowhere', r.stderr)


class Details(unittest.TestCase):
    def test_signatures_lists_and_the_private_redis(self):
        """The server's own Redis, with nothing configured; what DKIM said; an override that nobody configured."""
        import dkim
        wait_for_a_safe_time()
        listed = 'List-Id: <talk.lists.example>\r\nList-Post: <mailto:talk@lists.example>\r\n' + message('<a@bank.example>')
        with tempfile.TemporaryDirectory(prefix='facteur-reports.') as folder:
            zone, keys = dict(ZONE), {}
            for domain in ('mail.bank.example', 'evil.example'):
                zone['s1._domainkey.' + domain] = {'TXT': [make_key(folder, domain, 's1', 'rsa')]}
                with open(os.path.join(folder, domain, 's1.pem'), 'rb') as f:
                    keys[domain] = f.read()
            mail = message('<a@bank.example>')
            for domain in ('mail.bank.example', 'evil.example'):
                mail = (dkim.sign(mail.encode(), b's1', domain.encode(), keys[domain], include_headers=[b'from']) + mail.encode()).decode()
            with FakeDNS(zone) as dns, facteur.Server(conf(), dns=dns.address) as server:
                self.assertEqual(send(server, 'x@evil.example', mail)[0], 250)
                self.assertEqual(send(server, 'x@evil.example', mail.replace('body', 'BODY'))[0], 550)
                self.assertEqual(send(server, '', mail)[0], 250)
                self.assertEqual(send(server, 'x@lists.example', listed)[0], 250)
                out = os.path.join(folder, 'out')

                def all_counted():
                    r = dmarc(server, '--json', 'report', '--day', today(), '--out', out, '--dns', dns.address)
                    return [one for one in json.loads(r.stdout)['reports'] if one['messages'] == 4]
                (report,) = wait_for(all_counted, 'four messages in a report')
                with gzip.open(os.path.join(out, report['file'])) as f:
                    xml = f.read()
        self.assertEqual(validate(xml), '', xml.decode())
        got = set()
        for record in ET.fromstring(xml).findall(NS + 'record'):
            signatures = tuple((one['domain'], one['selector'], one['result']) for one in
                               ({child.tag[len(NS):]: child.text for child in node} for node in record.findall(NS + 'auth_results/' + NS + 'dkim')))
            evaluated = record.find(NS + 'row/' + NS + 'policy_evaluated')
            got.add((text(record, 'identifiers/envelope_from'), text(evaluated, 'disposition'), text(evaluated, 'dkim'),
                     tuple(text(reason, 'type') for reason in evaluated.findall(NS + 'reason')), signatures, text(record, 'auth_results/spf/domain')))
        both = (('mail.bank.example', 's1', 'pass'), ('evil.example', 's1', 'pass'))
        broken = (('evil.example', 's1', 'fail'), ('mail.bank.example', 's1', 'fail'))
        self.assertEqual(got, {('evil.example', 'pass', 'pass', (), both, 'evil.example'), ('evil.example', 'reject', 'fail', (), broken, 'evil.example'),
                               ('', 'pass', 'pass', (), both, 'client.test'), ('lists.example', 'quarantine', 'fail', ('mailing_list',), (), 'lists.example')})


class Collecting(unittest.TestCase):
    def test_nothing_is_lost_by_a_reload_or_a_stop(self):
        wait_for_a_safe_time()
        with tempfile.TemporaryDirectory(prefix='facteur-reports.') as folder, FakeDNS(ZONE) as dns:
            redis = Redis(folder)
            try:
                with facteur.Server('redis { url = "unix:%s" }\n' % redis.socket + conf(), dns=dns.address) as server:
                    for _ in range(3):
                        self.assertEqual(send(server, 'x@good.example', message('<a@good.example>'))[0], 250)
                        server.ctl('reload')
                    self.assertEqual(send(server, 'x@good.example', message('<a@good.example>'))[0], 250)
                    self.assertEqual(server.stop(), 0)
                    self.assertEqual(kept(redis), {'good.example': 4})
            finally:
                redis.kill()

    def test_a_sender_that_is_none(self):
        with tempfile.NamedTemporaryFile('w', suffix='.conf') as f:
            f.write('plugin dmarc {\n report_email = "dmarc"\n}\n')
            f.flush()
            r = ctl('--conf', f.name, 'dmarc', 'report')
            self.assertEqual(r.returncode, 2)
            self.assertIn(b'report_email dmarc: there is no @ in it', r.stderr)

    def test_limits(self):
        wait_for_a_safe_time()
        with tempfile.TemporaryDirectory(prefix='facteur-reports.') as folder, FakeDNS(ZONE) as dns:
            redis = Redis(folder)
            try:
                with facteur.Server('redis { url = "unix:%s" }\n' % redis.socket + conf('report_lines = 2', 'report_domains = 2'), dns=dns.address) as server:
                    key = time.strftime('fct:dmarc:{%Y%m%d}:good.example', time.gmtime())
                    for name in ('good', 'a.good', 'b.good', 'a.good', 'c.good'):
                        self.assertEqual(send(server, 'x@good.example', message('<a@%s.example>' % name))[0], 250)
                    left_out = lambda: int(redis.cli('HGET', key, 'left_out') or 0)
                    wait_for(lambda: kept(redis).get('good.example', 0) + left_out() == 5, 'all five')
                    self.assertEqual(len([line for line in redis.cli('HKEYS', key).split('\n') if line.startswith('[')]), 2)
                    left = left_out()
                    self.assertIn(left, (2, 3))
                    send(server, 'x@evil.example', message('<a@bank.example>'))
                    wait_for(lambda: 'bank.example' in kept(redis), 'the second domain')
                    send(server, 'x@evil.example', message('<a@quar.example>'))
                    lost = lambda: sum(int(n) for n in re.findall(r'reports_lost"\} (\d+)', server.ctl('metrics').stdout))
                    wait_for(lambda: lost() == left + 1, 'the counter')
                    self.assertEqual(set(kept(redis)), {'good.example', 'bank.example'})
                    out = os.path.join(folder, 'out')
                    dmarc(server, 'report', '--day', today(), '--domain', 'good.example', '--out', out, '--dns', dns.address)
                    with gzip.open(glob.glob(os.path.join(out, '*.gz'))[0]) as f:
                        xml = f.read()
                    self.assertEqual(validate(xml), '')
                    self.assertIn(b'%d more messages are not listed' % left, xml)
            finally:
                redis.kill()

    def test_redis_goes_and_comes_back(self):
        wait_for_a_safe_time()
        with tempfile.TemporaryDirectory(prefix='facteur-reports.') as folder, FakeDNS(ZONE) as dns:
            redis = Redis(folder)
            try:
                with facteur.Server('redis {\n url = "unix:%s"\n retry = 100ms\n}\n' % redis.socket + conf(), dns=dns.address) as server:
                    redis.kill()
                    for _ in range(3):
                        self.assertEqual(send(server, 'x@good.example', message('<a@good.example>'))[0], 250)
                    wait_for(lambda: 'nothing is collected for now' in server.log(), 'the warning')
                    redis.start()
                    wait_for(lambda: kept(redis) == {'good.example': 3}, 'what waited')
                    self.assertEqual(send(server, 'x@evil.example', message('<a@bank.example>'))[0], 550)
                    wait_for(lambda: kept(redis) == {'good.example': 3, 'bank.example': 1}, 'the next one')
                    self.assertIsNone(server.sanitizer_report())
            finally:
                redis.kill()

    def test_without_redis_and_without_reports(self):
        with FakeDNS(ZONE) as dns, facteur.Server('redis { spawn = no }\n' + conf(), dns=dns.address) as server:
            self.assertEqual(send(server, 'x@good.example', message('<a@good.example>'))[0], 250)
            wait_for(lambda: 'nothing is collected for now' in server.log(), 'the warning')
            r = dmarc(server, 'report', '--dns', dns.address, check=False)
            self.assertEqual(r.returncode, 75)
            self.assertIn('there is no Redis', r.stderr)
        with FakeDNS(ZONE) as dns, facteur.Server('redis { spawn = no }\n' + conf('reports = no'), dns=dns.address) as server:
            self.assertEqual(send(server, 'x@good.example', message('<a@good.example>'))[0], 250)
            time.sleep(1.5)  # a tick would have come
            self.assertNotIn('nothing is collected', server.log())


# ---- reports of others ----

OLD = '''<?xml version="1.0" encoding="UTF-8" ?>
<feedback>
  <report_metadata>
    <org_name>google.com</org_name><email>noreply-dmarc-support@google.com</email><report_id>%(id)s</report_id>
    <date_range><begin>1706832000</begin><end>1706918399</end></date_range>
  </report_metadata>
  <policy_published><domain>Example.COM</domain><adkim>r</adkim><aspf>r</aspf><p>reject</p><sp>reject</sp><pct>100</pct></policy_published>
%(records)s</feedback>
'''
RECORD = '''  <record><row><source_ip>%s</source_ip><count>%s</count><policy_evaluated><disposition>%s</disposition><dkim>%s</dkim><spf>%s</spf></policy_evaluated></row>
    <identifiers><header_from>example.com</header_from></identifiers>
    <auth_results><spf><domain>example.com</domain><result>pass</result></spf></auth_results></record>
'''
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'


def old(number='1', *records):
    return (OLD % {'id': number, 'records': ''.join(RECORD % r for r in records or [('192.0.2.1', 7, 'none', 'pass', 'fail')])}).encode()


class Pipe(io.BytesIO):
    """Cannot go back: an archive written to it has its sizes behind the data."""

    def seekable(self):
        return False

    def seek(self, *where):
        raise io.UnsupportedOperation

    def tell(self):
        raise io.UnsupportedOperation


def streamed(xml):
    out = Pipe()
    with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as z:
        z.writestr('report.xml', xml)
    return out.getvalue()


def packed(xml, name='report.xml', method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', method) as z:
        z.writestr(name, xml)
    return out.getvalue()


class Show(unittest.TestCase):
    def show(self, *inputs, status=0):
        with tempfile.TemporaryDirectory() as folder:
            for i, (name, content) in enumerate(inputs):
                with open(os.path.join(folder, '%02d-%s' % (i, name)), 'wb') as f:
                    f.write(content)
            r = ctl('--json', 'dmarc', 'show', folder)
            self.assertEqual(r.returncode, status, r.stdout + r.stderr)
            return json.loads(r.stdout)

    def sources(self, answer):
        return {(one['domain'], one['source']): (one['messages'], one['pass'], one['dkim'], one['spf'], one['disposition']) for one in answer['sources']}

    def test_every_packing(self):
        want = {('example.com', '192.0.2.1'): (7, 7, 7, 0, {'none': 7})}
        mail = email.message.EmailMessage()
        mail['Subject'] = 'Report domain: example.com'
        mail.set_content('see the attachment\n')
        mail.add_attachment(packed(old()), maintype='application', subtype='zip', filename='google.com!example.com!1!2.zip')
        as_is = email.message.EmailMessage()
        as_is.add_header('Content-Type', 'application/octet-stream', name='report.xml.gz')
        as_is.add_header('Content-Transfer-Encoding', 'base64')
        as_is.set_payload(__import__('base64').encodebytes(gzip.compress(old())).decode())
        box = b'From x@y Mon Jan  5 10:11:12 2026\n' + mail.as_bytes() + b'\n\nFrom x@y Mon Jan  5 10:11:12 2026\n' + as_is.as_bytes()
        for name, content, twice in (
                ('a.xml', old(), 0), ('a.xml.gz', gzip.compress(old()), 0), ('a.zip', packed(old()), 0), ('stored.zip', packed(old(), method=zipfile.ZIP_STORED), 0), ('streamed.zip', streamed(old()), 0),
                ('two-members.gz', gzip.compress(old()[:200]) + gzip.compress(old()[200:]), 0), ('bom.xml', b'\xef\xbb\xbf' + old(), 0),
                ('utf16.xml', old().decode().replace('UTF-8', 'UTF-16').encode('utf-16'), 0), ('mail.eml', mail.as_bytes(), 0), ('mail-crlf.eml', mail.as_bytes().replace(b'\n', b'\r\n'), 0),
                ('bare.eml', as_is.as_bytes(), 0), ('mbox', box, 1)):
            with self.subTest(name):
                answer = self.show((name, content))
                self.assertEqual(self.sources(answer), want)
                self.assertEqual((answer['twice'], answer['reports'][0]['org'], answer['reports'][0]['form']), (twice, 'google.com', 'RFC 7489'))
                r = ctl('--json', 'dmarc', 'show', '-', stdin=content)
                self.assertEqual(self.sources(json.loads(r.stdout)), want)

    def test_folders(self):
        """A Maildir, with something else in it."""
        mail = email.message.EmailMessage()
        mail.add_attachment(gzip.compress(old('2')), maintype='application', subtype='gzip', filename='r.xml.gz')
        with tempfile.TemporaryDirectory() as folder:
            for path, content in (('cur/1:2,S', mail.as_bytes()), ('new/2', b'Subject: x\n\nhello\n'), ('.hidden', b'\x1f\x8bnothing'), ('deep/er/report.xml', old('3'))):
                path = os.path.join(folder, path)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, 'wb') as f:
                    f.write(content)
            shown = json.loads(ctl('--json', 'dmarc', 'show', folder).stdout)
            self.assertEqual(sorted(one['id'] for one in shown['reports']), ['2', '3'])
            self.assertEqual(shown['problems'], [])
            r = ctl('dmarc', 'show', os.path.join(folder, 'new', '2'), os.path.join(folder, 'nowhere'))
            self.assertEqual(r.returncode, 1)
            self.assertIn(b'new/2: no report in it', r.stderr)
            self.assertIn(b'nowhere: No such file', r.stderr)

    def test_sums(self):
        answer = self.show(
            ('a.xml', old('1', ('192.0.2.1', 7, 'none', 'pass', 'fail'), ('192.0.2.1', 3, 'reject', 'fail', 'fail'), ('2001:db8::1', 5, 'quarantine', 'fail', 'fail'))),
            ('b.xml', old('2', ('192.0.2.1', 10, 'none', 'pass', 'pass'))), ('c.xml', old('2', ('192.0.2.1', 10, 'none', 'pass', 'pass'))), ('notes.txt', b'no report\n'))
        self.assertEqual(self.sources(answer), {('example.com', '192.0.2.1'): (20, 17, 17, 10, {'none': 17, 'reject': 3}), ('example.com', '2001:db8::1'): (5, 0, 0, 0, {'quarantine': 5})})
        self.assertEqual((answer['messages'], answer['pass'], answer['twice'], len(answer['reports'])), (25, 17, 1, 2))

    def test_sloppy_ones(self):
        shuffled = b'<?xml version="1.0" encoding="windows-1252"?>\r\n<ns:feedback xmlns:ns="urn:ietf:params:xml:ns:dmarc-2.0" xmlns:x="urn:x"><ns:record><x:odd><count>9</count></x:odd>' \
            b'<ns:row><ns:count> 4 </ns:count><ns:source_ip>\n192.0.2.9\n</ns:source_ip><ns:policy_evaluated><ns:reason><ns:type>local_policy</ns:type></ns:reason><ns:spf>PASS</ns:spf>' \
            b'<ns:dkim>fail</ns:dkim><ns:disposition>none</ns:disposition></ns:policy_evaluated></ns:row></ns:record><ns:policy_published><ns:domain>x.example</ns:domain></ns:policy_published>' \
            b'<ns:report_metadata><ns:org_name>Soci\xe9t\xe9 \x1b[31m</ns:org_name></ns:report_metadata></ns:feedback>'
        answer = self.show(('a.xml', shuffled.replace(b'\x1b', b'')))
        self.assertEqual(self.sources(answer), {('x.example', '192.0.2.9'): (4, 4, 0, 4, {'none': 4})})
        self.assertEqual((answer['sources'][0]['reported_by'], answer['sources'][0]['overridden'], answer['reports'][0]['form']), (['Société [31m'], 4, 'RFC 9990'))
        bad = old('1', ('192.0.2.1', -7, 'none', 'pass', 'fail'), ('', 1, 'none', 'pass', 'fail'), ('192.0.2.1', 2, 'whatever', 'pass', 'fail'), ('192.0.2.1', '9' * 30, 'none', 'pass', 'fail'))
        answer = self.show(('a.xml', bad))
        self.assertEqual(self.sources(answer), {('example.com', '192.0.2.1'): (2, 2, 2, 0, {'other': 2})})
        self.assertEqual(answer['reports'][0]['bad_records'], 3)

    def test_hostile_ones(self):
        start = time.monotonic()
        bomb = old().replace(b'<feedback>', (BOMB + '<feedback>').encode()).replace(b'google.com<', b'&b;<', 1)
        deep = old().replace(b'<report_metadata>', b'<a>' * 5000 + b'</a>' * 5000 + b'<report_metadata>')
        big = old().replace(b'<report_metadata>', b'<report_metadata>' + b' ' * (300 << 20))
        wide = old().replace(b'google.com<', b'g' * (5 << 20) + b'<')
        for name, content, says in (
                ('entities.xml', bomb, 'declares entities'), ('deep.xml', deep, 'too deep'), ('big.xml.gz', gzip.compress(big), 'larger than 256 MiB'), ('cut.xml', old()[:-20], 'line'),
                ('cut.xml.gz', gzip.compress(old())[:-12], 'cut off'), ('cut.zip', packed(old())[:120], 'cut off'), ('empty.zip', b'PK\x03\x04', 'cut off'), ('page.xml', b'<html></html>', 'not <feedback>'),
                ('nobody.xml', b'<feedback></feedback>', 'names no domain'), ('folder.zip', packed(b'', 'folder/'), 'no file'), ('noise.gz', b'\x1f\x8b' + os.urandom(50), '')):
            with self.subTest(name):
                answer = self.show((name, content), ('good.xml', old('9')), status=1)
                self.assertIn(says, answer['problems'][0]['why'])
                self.assertEqual((len(answer['problems']), answer['messages']), (1, 7))  # the good one all the same
        self.assertEqual(len(self.show(('wide.xml', wide))['reports'][0]['org']), 256)
        self.assertLess(time.monotonic() - start, 300)

    def test_many_records(self):
        """Memory is of the sources, and theirs is limited."""
        def xml():
            head, tail = (OLD % {'id': 'big', 'records': '\0'}).split('\0')
            yield head
            for i in range(150000):
                yield '<record><row><source_ip>10.%d.%d.%d</source_ip><count>1</count></row></record>\n' % (i >> 16, i >> 8 & 255, i & 255)
            yield tail
        answer = self.show(('many.xml.gz', gzip.compress(''.join(xml()).encode(), 1)))
        self.assertEqual((answer['messages'], len(answer['sources'])), (150000, 100000))
        self.assertEqual([one['messages'] for one in answer['sources'] if one['source'] == '(others)'], [50001])


if __name__ == '__main__':
    unittest.main()
