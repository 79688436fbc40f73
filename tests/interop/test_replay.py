"""facteurctl replay: stored mail judged again by another configuration, beside a running server and without one."""
import contextlib, json, os, pty, smtplib, subprocess, sys, tempfile, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
import fake_dns

ALICE, BOB = 'alice@example.test', 'bob@example.test'
RULES = os.path.join(facteur.ROOT, 'lua', 'filters', 'subject_rules.lua')
SAME = 'server {\n    user_filter = ""\n}\nplugin headers { }\nlua { file = "%s" }\n' % RULES
STRICT = SAME + 'profile default {\n    junk = 1\n}\n'


def mail(subject, to, number):
    return ('From: x@remote.example\r\nTo: %s\r\nSubject: %s\r\nDate: Mon, 5 Jan 2026 10:11:12 +0100\r\nMessage-ID: <%s@remote.example>\r\n\r\nhello\r\n'
            % (to, subject, number))


class Replay(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix='facteur-replay.')
        cls.server = facteur.Server().start()
        with smtplib.SMTP('127.0.0.1', cls.server.port('smtp'), local_hostname=facteur.CLIENT) as s:
            s.sendmail('x@remote.example', [ALICE], mail('Lunch', ALICE, 1))
            s.sendmail('x@remote.example', [ALICE, BOB], mail('BUY THIS VERY NOW', ALICE, 2))
            s.sendmail('y@remote.example', [BOB], mail('AND THIS AS WELL TODAY', BOB, 3))

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)
        cls.folder.cleanup()

    def conf(self, text, name='other.conf'):
        path = os.path.join(self.folder.name, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as f:
            f.write(text)
        return path

    def replay(self, *args, check=True):
        return self.server.ctl('replay', *args, check=check)

    def answer(self, *args):
        return json.loads(self.replay('--json', *args).stdout)

    def test_the_same_rules_change_nothing(self):
        found = self.answer('--conf', self.conf(SAME))
        self.assertEqual(found['changes'], [])
        self.assertEqual((found['summary']['judged'], found['summary']['changed'], found['summary']['lost'], found['summary']['score_differs']), (4, 0, 0, 0))
        self.assertEqual(self.replay('--conf', self.conf(SAME)).stdout, '4 judged, 0 with another verdict, 0 with another score\n')

    def test_a_stricter_threshold(self):
        found = self.answer('--conf', self.conf(STRICT), '--since', '7d')
        self.assertEqual(sorted((c['account'], c['from']) for c in found['changes']),
                         [(ALICE, 'x@remote.example'), (BOB, 'x@remote.example'), (BOB, 'y@remote.example')])
        for c in found['changes']:
            self.assertEqual((c['then']['verdict'], c['now']['verdict'], c['now']['by'], c['now']['only']), ('keep', 'junk', 'default', []))
        self.assertEqual(found['summary']['kinds'], [{'then': 'keep', 'now': 'junk', 'messages': 3}])
        text = self.replay('--conf', self.conf(STRICT)).stdout
        self.assertRegex(text, r'(?m)^    keep 1\.500 -> junk 1\.500 by default$')
        self.assertRegex(text, r'(?m)^keep +junk +3$')
        self.assertNotIn('\x1b', text)

    def test_rules_that_come_and_go(self):
        rule = self.conf('rule { "LUNCH", score = 20, about = "food", function(m) return m.subject == "Lunch" end }\n', 'lunch.lua')
        found = self.answer('--conf', self.conf('server {\n    user_filter = ""\n}\nlua { file = "%s" }\n' % rule))
        self.assertEqual([(c['then']['verdict'], c['now']['verdict'], c['now']['only']) for c in found['changes']], [('keep', 'reject', ['LUNCH'])])
        self.assertEqual(found['summary']['score_differs'], 4)
        self.assertEqual((found['summary']['score_least'], found['summary']['score_most']), (-1.5, 20))

    def test_what_the_dialogue_would_have_refused(self):
        rule = self.conf('hook { "rcpt", function(c, ev) if ev.recipient == "%s" then return reject("5.7.1", "no") end end }\n' % BOB, 'rcpt.lua')
        found = self.answer('--conf', self.conf('server {\n    user_filter = ""\n}\nlua { file = "%s" }\n' % rule))
        self.assertEqual({(c['account'], c['now']['verdict']) for c in found['changes']}, {(BOB, 'reject')})

    def test_one_account_and_a_limit(self):
        strict = self.conf(STRICT)
        self.assertEqual({c['account'] for c in self.answer('--conf', strict, '--account', BOB)['changes']}, {BOB})
        self.assertEqual(self.answer('--conf', strict, '--account', BOB)['summary']['judged'], 2)
        self.assertEqual(self.answer('--conf', strict, '--limit', '3')['summary']['judged'], 3)
        self.assertEqual(self.answer('--conf', strict, '--since', '2100-01-01')['summary']['judged'], 0)
        r = self.replay('--conf', strict, '--account', 'nobody@example.test', check=False)
        self.assertEqual((r.returncode, r.stdout), (1, ''))

    def test_a_folder_of_files(self):
        self.conf(SAME, 'folder/10-rules.conf')
        self.conf('profile default {\n    junk = 1\n}\n', 'folder/20-profile.conf')
        self.conf('frobnicate { }\n', 'folder/notes.txt')
        folder = os.path.join(self.folder.name, 'folder')
        self.assertEqual(self.answer('--conf', folder)['summary']['changed'], 3)
        self.conf('include "10-rules.conf"\n', 'folder/facteur.conf')  # then this one says what counts
        self.assertEqual(self.answer('--conf', folder)['summary']['changed'], 0)
        os.unlink(os.path.join(folder, 'facteur.conf'))

    def test_the_conversation_of_then(self):
        """Address, name and role of the client are those that were kept."""
        rule = self.conf('rule { "THEN", score = 20, about = "all is as it was", function(m)\n'
                         '  local c = m.conn\n'
                         '  return tostring(c.ip) == "127.0.0.1" and c.helo == "%s" and c.role == "mx" and m.envelope.rcpts[1].address == "%s" end }\n' % (facteur.CLIENT, BOB), 'then.lua')
        found = self.answer('--conf', self.conf('server {\n    user_filter = ""\n}\nlua { file = "%s" }\n' % rule))
        self.assertEqual([(c['to'], c['now']['only']) for c in found['changes']], [(BOB, ['THEN']), (BOB, ['THEN'])])

    def test_a_cassette(self):
        rule = self.conf('rule { "ASKED", score = 9, about = "the DNS knows it", function(m) return (dns.a("there.example.test")) ~= nil end }\n', 'dns.lua')
        tape = os.path.join(self.folder.name, 'tape')
        with fake_dns.FakeDNS({'there.example.test': {'A': ['192.0.2.1']}}) as dns:
            conf = self.conf('server {\n    user_filter = ""\n}\ndns {\n    server = ["%s"]\n    dnssec = no\n}\nlua { file = "%s" }\n' % (dns.address, rule))
            live = self.answer('--conf', conf, '--record', tape)
        self.assertEqual(live['summary']['kinds'], [{'then': 'keep', 'now': 'junk', 'messages': 4}])
        again = self.answer('--conf', conf, '--replay', tape)  # nobody answers any more
        self.assertEqual(again['summary'], live['summary'])
        self.assertEqual(sorted(c['id'] for c in again['changes']), sorted(c['id'] for c in live['changes']))

    def test_progress_on_a_terminal(self):
        try:
            master, slave = pty.openpty()
        except OSError as e:
            self.skipTest('no terminals on this machine: %s' % e)
        command = [os.path.join(self.server.build, 'facteurctl'), '--dir', self.server.state, 'replay', '--conf', self.conf(STRICT)]
        p = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=slave, env=dict(os.environ, TERM='xterm'))
        os.close(slave)
        out, shown = p.stdout.read().decode(), b''
        with contextlib.suppress(OSError):  # the terminal is gone
            while more := os.read(master, 4096):
                shown += more
        os.close(master)
        p.stdout.close()
        self.assertEqual(p.wait(60), 0)
        self.assertIn('4 judged, 3 with another verdict', out)
        self.assertNotIn('\x1b', out)
        self.assertRegex(shown, rb'\[[# ]{24}\] \d of 4, \d changed')
        self.assertTrue(shown.endswith(b'\r\x1b[K'))

    def test_wrong_usage(self):
        good = self.conf(SAME)
        for args, why in ((['--since', '7d'], '--conf FILE or DIR is wanted'), (['--conf', '/nowhere'], 'No such file'), (['--conf', good, '--since', 'yesterday'], 'must be as 7d'),
                          (['--conf', good, '--limit', 'x'], 'must be a number'), (['--conf', self.conf('smtp { nothing = 1 }\n', 'bad.conf')], 'bad.conf:1'),
                          (['--conf', self.conf('plugin nowhere { }\n', 'none.conf')], 'nowhere'), (['--conf', good, 'word'], 'usage')):
            r = self.replay(*args, check=False)
            self.assertNotEqual(r.returncode, 0, args)
            self.assertIn(why, r.stderr)


    def test_without_a_server(self):
        with facteur.Server() as other:
            with smtplib.SMTP('127.0.0.1', other.port('smtp'), local_hostname=facteur.CLIENT) as s:
                s.sendmail('x@remote.example', [ALICE], mail('please crash', ALICE, 2))
            crash = 'server {\n    user_filter = ""\n}\nplugin crash { path = "%s" }\n' % os.path.join(facteur.build_dir(), 'zoo', 'crash.so')
            r = other.ctl('replay', '--conf', self.conf(crash), check=False)
            self.assertEqual((r.returncode, 'died over it' in r.stderr), (75, True), r.stderr)
            other.ctl('stop')
            other.process.wait(60)
            found = json.loads(other.ctl('replay', '--json', '--conf', self.conf('profile default {\n    junk = 1\n}\n')).stdout)
            self.assertEqual(found['summary']['judged'], 1)


if __name__ == '__main__':
    unittest.main()
