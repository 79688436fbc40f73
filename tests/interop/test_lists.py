"""facteurctl lists: signed updates that running filters take up, refusals that change nothing, the way back."""
import base64, email, http.server, imaplib, json, os, re, smtplib, subprocess, sys, tempfile, threading, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur

BOB = 'bob@example.test'
MESSAGE = ('From: a@shop.example\r\nTo: bob@example.test\r\nSubject: x\r\nContent-Type: text/html\r\n\r\n<p>hello</p><img src="https://img.shop.example/picture.png" width="300">'
           '<img src="https://u1.ct.sendgrid.net/wf/open?upn=1">\r\n')


counter = iter(range(100000, 1000000))  # none begins another


def rows(version, *more):
    return 'version %s\npixel */wf/open SendGrid\n%s' % (version, ''.join(r + '\n' for r in more))


class WithKeys(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        os.chmod(self.folder, 0o755)
        self.updates = os.path.join(self.folder, 'updates')
        self.key = {}
        for name in ('good', 'other'):
            self.key[name] = os.path.join(self.folder, name + '.pem')
            subprocess.run(['openssl', 'genpkey', '-algorithm', 'ed25519', '-out', self.key[name]], check=True, capture_output=True)
        self.public = self.sign('first', rows('1'))
        self.path = os.path.join(self.folder, 'trackers.conf')
        with open(self.path, 'w') as f:
            f.write('plugin trackers { updates = "%s"  update_keys = ["%s"] }\n' % (self.updates, self.public))

    def write(self, name, text):
        path = os.path.join(self.folder, name, 'trackers.list')
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as f:
            f.write(text)
        return path

    def sign(self, name, text, key='good'):
        """Writes and signs; the public key."""
        return json.loads(self.ctl('--json', 'lists', 'sign', self.write(name, text), '--key', self.key[key], conf=False).stdout)['key']

    def ctl(self, *words, conf=True, check=True):
        r = subprocess.run([os.path.join(facteur.build_dir(), 'facteurctl'), *(['--conf', self.path] if conf else []), *words], capture_output=True, text=True, timeout=120)
        if check:
            self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        return r

    def update(self, name, *options, check=True):
        return self.ctl('lists', 'update', os.path.join(self.folder, name, 'trackers.list'), *options, check=check)

    def refused(self, why, *words):
        before = self.state()
        r = self.update(*words, check=False)
        self.assertEqual(r.returncode, 1, r.stdout)
        self.assertRegex(r.stderr, why)
        self.assertEqual(self.state(), before)

    def state(self):
        found = {}
        for name in os.listdir(self.updates) if os.path.isdir(self.updates) else []:
            with open(os.path.join(self.updates, name)) as f:
                found[name] = f.read()
        return found

    def versions(self):
        return [(r['state'], r.get('version')) for r in json.loads(self.ctl('--json', 'lists', 'list').stdout)]


class Lists(WithKeys):
    def test_what_is_taken(self):
        self.assertEqual(self.versions(), [('built in', None)])
        self.sign('new', rows('2099-01-09'))
        self.assertIn('version 2099-01-09, 1 rows, installed', self.update('new').stdout)
        self.sign('newer', rows('2099-01-10', 'param x'))
        self.update('newer')
        self.assertEqual(self.versions(), [('in use', '2099-01-10'), ('previous', '2099-01-09')])
        table = self.ctl('lists', 'list').stdout
        self.assertRegex(table, r'trackers +in use +2099-01-10 +2 +yes')
        self.assertEqual(sorted(self.state()), ['trackers.list', 'trackers.list.previous', 'trackers.list.previous.sig', 'trackers.list.sig'])
        self.assertIn('2099-01-09', self.ctl('lists', 'rollback', 'trackers').stdout)
        self.assertEqual(self.versions(), [('in use', '2099-01-09')])
        self.assertRegex(self.ctl('lists', 'list').stdout, 'yes')  # its signature came back with it
        self.assertIn('as it came with the server', self.ctl('lists', 'rollback', 'trackers').stdout)
        self.assertEqual(self.state(), {})
        r = self.ctl('lists', 'rollback', 'trackers', check=False)
        self.assertEqual((r.returncode, 'was not updated' in r.stderr), (1, True))

    def test_what_is_refused(self):
        self.sign('good', rows('2099-01-05'))
        self.update('good')
        self.write('unsigned', rows('2099-01-06'))
        self.refused('trackers.list.sig', 'unsigned')
        self.sign('foreign', rows('2099-01-06'), key='other')
        self.refused('not by any of the keys', 'foreign')
        self.sign('changed', rows('2099-01-06'))
        self.write('changed', rows('2099-01-06', 'pixel example.org/ Example'))
        self.refused('not by any of the keys', 'changed')
        for version in ('2099-01-05', '2099-01-04', '2098'):
            self.sign('old', rows(version))
            self.refused('not newer than 2099-01-05', 'old')
        path = self.write('broken', rows('2099-01-06', 'param ok', 'wrong row here'))
        self.refused(r'trackers\.list:4: pixel, param, unwrap or version is wanted: "wrong row here"', 'broken', '--unsigned')
        self.assertIn('trackers.list:4', self.ctl('lists', 'sign', path, '--key', self.key['good'], check=False).stderr)
        self.write('none', 'pixel */wf/open SendGrid\n')
        self.refused('without a version', 'none', '--unsigned')
        self.write('large', rows('2099-01-06') + '# %s\n' % ('x' * 8 * 1024 * 1024))
        self.refused('larger than 8 MiB', 'large', '--unsigned')
        self.refused('No such file', 'missing')
        with open(os.path.join(self.folder, 'unsigned', 'trackers.list.sig'), 'w') as f:
            f.write('nonsense\n')
        self.refused('not the base64 of 64 bytes', 'unsigned')
        self.update('unsigned', '--unsigned')
        self.assertRegex(self.ctl('lists', 'list').stdout, r'2099-01-06 +1 +no ')
        self.sign('old', rows('2099-01-01'))
        self.update('old', '--force')
        self.assertEqual(self.versions()[0], ('in use', '2099-01-01'))
        r = self.ctl('lists', 'update', '/tmp/other.list', check=False)
        self.assertIn('there are: trackers', r.stderr)
        with open(self.path, 'w') as f:
            f.write('plugin trackers { updates = "%s" }\n' % self.updates)
        self.sign('new', rows('2099-02-01'))
        self.refused('no key is pinned', 'new')

    def test_openssl_agrees(self):
        path = os.path.join(self.folder, 'first', 'trackers.list')
        with open(path + '.sig') as f:
            signature = base64.b64decode(f.read())
        raw = os.path.join(self.folder, 'raw')
        with open(raw, 'wb') as f:
            f.write(signature)
        subprocess.run(['openssl', 'pkeyutl', '-verify', '-rawin', '-inkey', self.key['good'], '-sigfile', raw, '-in', path], check=True, capture_output=True)

    def test_from_urls(self):
        self.sign('web', rows('2099-03-01'))
        folder = self.folder

        class Quiet(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *args):
                super().__init__(*args, directory=folder)

            def log_message(self, *args):
                pass

        with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Quiet) as web:
            threading.Thread(target=web.serve_forever, daemon=True).start()
            url = 'http://127.0.0.1:%d/' % web.server_address[1]
            self.ctl('lists', 'update', url + 'web/trackers.list')
            self.assertEqual(self.versions()[0], ('in use', '2099-03-01'))
            r = self.ctl('lists', 'update', url + 'nowhere/trackers.list', check=False)
            self.assertEqual((r.returncode, 'HTTP status 404' in r.stderr), (1, True), r)
            web.shutdown()
        self.sign('web', rows('2099-03-02'))
        self.ctl('lists', 'update', 'file://' + os.path.join(self.folder, 'web', 'trackers.list'))
        self.assertEqual(self.versions()[0], ('in use', '2099-03-02'))


class Running(WithKeys):
    """Filters take a list up while they serve."""

    def send(self, server):
        """The field X-Facteur-Privacy of a message, which others may be sent beside."""
        mark = 'mark%d' % next(counter)
        with smtplib.SMTP('127.0.0.1', server.port('smtp'), local_hostname=facteur.CLIENT, timeout=60) as s:
            s.ehlo()
            s.mail('a@shop.example')
            s.rcpt(BOB)
            code, text = s.data(MESSAGE.replace('Subject: x', 'Subject: ' + mark))
            self.assertEqual(code, 250, text)
        with imaplib.IMAP4('127.0.0.1', server.port('imap')) as m:
            m.login(BOB, facteur.PASSWORD)
            m.select('INBOX', readonly=True)
            _, data = m.fetch(m.search(None, 'SUBJECT', '"%s"' % mark)[1][0].split()[0], '(BODY.PEEK[HEADER])')
            return email.message_from_bytes(data[0][1])['X-Facteur-Privacy'].replace('\r\n', '')

    def wait_for(self, server, text):
        """Until every filter process has logged it."""
        end = time.monotonic() + 60
        while server.log().count(text) < len(server.role_pids('filter')):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.1)

    def test_taken_up_under_load(self):
        errors, stop, sent = [], threading.Event(), []

        def load(server):
            while not stop.is_set():
                try:
                    sent.append(self.send(server))
                except Exception as e:
                    errors.append(e)
        with open(self.path) as f:
            conf = f.read()
        with facteur.Server(conf, accounts=[BOB]) as server:
            pids = server.role_pids('filter')
            idle = imaplib.IMAP4('127.0.0.1', server.port('imap'))
            idle.login(BOB, facteur.PASSWORD)
            threads = [threading.Thread(target=load, args=(server,)) for _ in range(2)]
            for t in threads:
                t.start()
            try:
                self.sign('new', rows('2099-01-02', 'pixel img.shop.example/ The Shop'))
                self.update('new')
                self.wait_for(server, 'list 2099-01-02 is in use')
                got = self.send(server)
                self.assertIn('The Shop 1', got)
                self.assertIn('list=2099-01-02', got)
                with open(os.path.join(self.updates, 'trackers.list'), 'w') as f:
                    f.write('broken by hand\n')  # the filters keep what they have
                self.wait_for(server, 'the updated list is not taken')
                self.assertIn('list=2099-01-02', self.send(server))
                self.ctl('lists', 'rollback', 'trackers')
                with open(os.path.join(facteur.ROOT, 'plugins', 'trackers', 'trackers.list')) as f:
                    version = re.search(r'(?m)^version (\S+)', f.read()).group(1)
                self.wait_for(server, 'list %s is in use' % version)
                self.assertIn('list=' + version, self.send(server))
            finally:
                stop.set()
                for t in threads:
                    t.join()
            self.assertEqual(errors, [])
            self.assertGreater(len(sent), 5)
            self.assertEqual(server.role_pids('filter'), pids)  # nobody was started anew,
            self.assertEqual(idle.noop()[0], 'OK')  # and nobody's connection was closed
            idle.logout()


if __name__ == '__main__':
    unittest.main()
