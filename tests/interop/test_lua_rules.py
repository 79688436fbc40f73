"""Rules in a running server: options of their block, a set that is taken only when its tests pass, lists that are read again, waits beside each other, and
the examples that are shipped."""
import concurrent.futures, contextlib, imaplib, os, re, shutil, smtplib, ssl, sys, tempfile, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from fake_dns import FakeDNS

ALICE = 'alice@example.test'
RELEASE = os.path.join(facteur.ROOT, 'build', 'release')
EXAMPLES = os.path.join(facteur.ROOT, 'lua', 'filters', 'examples')
RULE = '''
local word = config.string("word", "nothing", "what is refused")
hook { "mail", function(_, ev)
  if ev.reverse_path:find(word, 1, true) then return reject("5.7.1", "%s") end
  if lists.bad:has(ev.reverse_path:match("@(.*)")) then return reject("5.7.1", "listed") end
end }
hook { "rcpt", function()
  local seen = {}
  local function waits(n) return function() seen[#seen + 1] = "begins" sleep_ms(300) seen[#seen + 1] = "ends" return n end end
  local a, b = wait_all(waits(1), waits(2))
  spawn(function() sleep_ms(10) log.info("spawned") end)
  log.info("both %%d %%s", a + b, table.concat(seen, " "))
end }
'''
TEST = '''
return { { "its word", from = "x@word.example", config = { word = "word" }, verdict = "reject", reply = "5.7.1 %s" } }
'''


def write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + '.new', 'w') as f:
        f.write(text)
    os.rename(path + '.new', path)


def sender_reply(server, sender):
    with smtplib.SMTP('127.0.0.1', server.port('smtp'), facteur.CLIENT) as s:
        s.ehlo()
        code, text = s.mail(sender)
        return '%d %s' % (code, text.decode())


def until(what, seconds=60):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


class Reload(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='facteur-rules.')
        self.addCleanup(shutil.rmtree, self.folder)
        write(self.folder, 'r.lua', RULE % 'first')
        write(self.folder, 'r_test.lua', TEST % 'first')
        write(self.folder, 'lists/bad.domains', 'bad.example\n')

    def conf(self, more=''):
        return 'lua r { file = "%s/*.lua"\n word = "spam"\n %s }\nplugin lua { list_every = 200ms }\n' % (self.folder, more)

    def test_reload_takes_what_passes(self):
        with facteur.Server(conf=self.conf()) as server:
            self.assertEqual(sender_reply(server, 'spam@x.example'), '550 5.7.1 first')
            write(self.folder, 'r.lua', RULE % 'second')
            self.assertNotEqual(server.ctl('reload', check=False).returncode, 0)
            server.wait_log(r'r_test.lua:2: test .*its word.*: reply: .*5\.7\.1 first.* is wanted, got .*5\.7\.1 second')
            self.assertEqual(sender_reply(server, 'spam@x.example'), '550 5.7.1 first')
            write(self.folder, 'r_test.lua', TEST % 'second')
            server.ctl('reload')
            self.assertTrue(until(lambda: sender_reply(server, 'spam@x.example') == '550 5.7.1 second'))

    def test_lists_are_read_again(self):
        with facteur.Server(conf=self.conf()) as server:
            self.assertEqual(sender_reply(server, 'a@bad.example'), '550 5.7.1 listed')
            self.assertTrue(sender_reply(server, 'a@worse.example').startswith('250 '))
            write(self.folder, 'lists/bad.domains', 'worse.example\n')
            self.assertTrue(until(lambda: sender_reply(server, 'a@worse.example') == '550 5.7.1 listed'), server.log()[-2000:])
            write(self.folder, 'lists/bad.domains', 'not a domain\n')
            self.assertTrue(until(lambda: 'bad.domains:1' in server.log()))
            self.assertEqual(sender_reply(server, 'a@worse.example'), '550 5.7.1 listed')

    def test_waits_beside_each_other(self):
        with facteur.Server(conf=self.conf()) as server:
            with smtplib.SMTP('127.0.0.1', server.port('smtp'), facteur.CLIENT) as s:
                s.ehlo()
                s.mail('x@outside.example')
                self.assertEqual(s.rcpt(ALICE)[0], 250)
            server.wait_log('both 3 begins begins ends ends')
            self.assertTrue(until(lambda: 'spawned' in server.log()), server.log()[-2000:])

    def test_deadline_while_waiting(self):
        """What is left behind by a callback whose time is over ends by itself and harms nobody."""
        write(self.folder, 'r.lua', '''
hook { "helo", function(c)
  spawn(function() sleep_ms(60000) log.info("late %s", c.ip) end)
  wait_all(function() sleep_ms(60000) return c.ip end, function() return kv.seen("x") end)
end }
hook { "mail", function(c) return wait_all(function() return reject("5.7.1", "from beside") end) end }
''')
        write(self.folder, 'r_test.lua', 'return { { "nothing waits in a test", verdict = "reject" } }')
        conf = 'lua r { file = "%s/*.lua" }\nplugin lua { deadline = 3s; on_timeout = pass }\n' % self.folder
        with facteur.Server(conf=conf.replace('; ', '\n')) as server:
            with concurrent.futures.ThreadPoolExecutor(5) as pool:
                self.assertEqual(list(pool.map(lambda _: sender_reply(server, 'x@outside.example'), range(5))), ['550 5.7.1 from beside'] * 5)
            self.assertNotIn('late', server.log())

    def test_unknown_option(self):
        with self.assertRaises(RuntimeError) as failed:
            with facteur.Server(conf=self.conf('wrd = "x"')):
                pass
        self.assertRegex(str(failed.exception), r'test\.conf:3: no rule file of this block has an option .*did you mean .*word')

    def test_a_relative_name_is_meant_from_its_configuration_file(self):
        server = facteur.Server(conf='lua r { file = "rules/*.lua"\n word = "spam" }\n')
        shutil.copytree(self.folder, os.path.join(server.dir, 'rules'))
        with server:
            self.assertEqual(sender_reply(server, 'spam@x.example'), '550 5.7.1 first')


def sandboxed_build():
    """Only an optimised build closes its sandbox whole: the one under test, or build/release."""
    for build in (facteur.build_dir(), RELEASE):
        with contextlib.suppress(OSError), open(os.path.join(build, 'CMakeCache.txt')) as f:
            if re.search(r'(?m)^CMAKE_BUILD_TYPE:\w+=Rel', f.read()) and os.path.exists(os.path.join(build, 'facteur')):
                return build
    return None


@unittest.skipUnless(sandboxed_build(), 'the sandbox closes in release builds: build/release is not there')
class InTheSandbox(unittest.TestCase):
    """Landlock shows a filter nothing of the file system but the lists beside its rule files."""

    def test_lists_are_read_again_and_nothing_else(self):
        folder = tempfile.mkdtemp(prefix='facteur-rules.')
        self.addCleanup(shutil.rmtree, folder)
        write(folder, 'rules/r.lua', RULE % 'first')
        write(folder, 'rules/lists/bad.domains', 'bad.example\n')
        conf = 'lua r { file = "%s/rules/*.lua"\n word = "spam" }\nplugin lua { list_every = 200ms }\n' % folder
        with facteur.Server(conf=conf, build=sandboxed_build()) as server:
            shown = server.ctl('status', '--sandbox').stdout
            if not re.search(r'(?m)^filter .*landlock=[1-9]', shown):
                self.skipTest('this kernel has no Landlock')
            self.assertEqual(sender_reply(server, 'a@bad.example'), '550 5.7.1 listed')
            write(folder, 'rules/lists/bad.domains', 'worse.example\n')
            self.assertTrue(until(lambda: sender_reply(server, 'a@worse.example') == '550 5.7.1 listed'), server.log()[-2000:])
            self.assertTrue(sender_reply(server, 'a@bad.example').startswith('250 '))
            write(folder, 'outside', 'outside.example\n')  # a link out of the folder leads nowhere, and the old list goes on
            os.symlink('../../outside', os.path.join(folder, 'rules', 'lists', 'new'))
            os.rename(os.path.join(folder, 'rules', 'lists', 'new'), os.path.join(folder, 'rules', 'lists', 'bad.domains'))
            self.assertTrue(until(lambda: 'bad.domains' in server.log()), server.log()[-2000:])
            self.assertTrue(sender_reply(server, 'a@outside.example').startswith('250 '))
            self.assertEqual(sender_reply(server, 'a@worse.example'), '550 5.7.1 listed')
            server.ctl('reload')  # it is read before the sandbox closes: the admin's link is the admin's wish
            self.assertTrue(until(lambda: sender_reply(server, 'a@outside.example') == '550 5.7.1 listed'), server.log()[-2000:])


class Shadow(unittest.TestCase):
    def test_only_the_ledger_knows(self):
        folder = tempfile.mkdtemp(prefix='facteur-rules.')
        self.addCleanup(shutil.rmtree, folder)
        write(folder, 'live.lua', 'rule { "WORD", score = 1.5, about = "x", function(m) return m.subject == "live" end }')
        write(folder, 'tried.lua', 'rule { "WORD", score = 9, about = "x", function(m) return m.subject and "tried" end }\n'
              'hook { "headers", function() return reject("5.7.1", "tried") end }')
        conf = 'lua live { file = "%s/live.lua" }\nlua new { file = "%s/tried.lua"\n mode = shadow }\n' % (folder, folder)
        with facteur.Server(conf=conf) as server:
            with smtplib.SMTP('127.0.0.1', server.port('smtp'), facteur.CLIENT) as s:
                s.sendmail('x@outside.example', [ALICE], 'To: %s\r\nSubject: other\r\n\r\nx\r\n' % ALICE)
            message_id = re.search(r'edge\[(\S+?\.1)\] message ', server.log()).group(1)
            ledger = server.ctl('trace', message_id).stdout
            self.assertRegex(ledger, r'headers +would verdict +lua:tried +reject')
            self.assertRegex(ledger, r'scan +would symbol +lua:tried +WORD +1\.500 "tried"')
            self.assertRegex(ledger, r'score +0\.000')


class Examples(unittest.TestCase):
    def test_all_at_once(self):
        with facteur.Server(conf='profile default { reject = 0 }\nlua examples { file = "%s/*.lua" }\n' % EXAMPLES) as server:
            message = ('From: a@bank.example\r\nTo: %s\r\nReply-To: b@gmail.com\r\nSubject: x\r\nContent-Type: text/html\r\n\r\n'
                       '<a href="https://evil.example/">www.bank.example</a> please pay in bitcoin now'
                       '<img src="https://t.spy.example/p" width=1 height=1>\r\n' % ALICE)
            with smtplib.SMTP('127.0.0.1', server.port('smtp'), facteur.CLIENT) as s:
                refused = s.sendmail('a@bank.example', [ALICE], message)
            self.assertEqual(refused, {})
            message_id = re.search(r'edge\[(\S+?\.1)\] message ', server.log()).group(1)
            ledger = server.ctl('trace', message_id).stdout
            for symbol in ('REPLYTO_FREEMAIL', 'LINK_TEXT_LIES', 'CRYPTO_THREAT'):
                self.assertIn(symbol, ledger)
            self.assertNotIn('rule_failed', server.log())
            view = self.fetch(server)
            self.assertIn(b'X-Facteur-Privacy: 1 tracker removed (spy.example 1)', view)
            self.assertNotIn(b'spy.example/p', view)
            self.assertIn(b'please pay in bitcoin now', view)

    def fetch(self, server):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with imaplib.IMAP4_SSL('127.0.0.1', server.port('imaps'), ssl_context=context) as c:
            c.login(ALICE, facteur.PASSWORD)
            for name in ('INBOX', 'Junk'):
                c.select(name, readonly=True)
                if c.search(None, 'ALL')[1][0]:
                    return c.fetch('1', '(BODY.PEEK[])')[1][0][1]


SERVICES = '''
rule { "RBL_TEST", on = "connect", score = 2.5, about = "listed", function(c)
  local a, b = wait_all(function() return dns.a(c.ip:reversed() .. ".rbl.test") end, function() return dns.txt("txt.test") end)
  return a and a[1]:within("127.0.0.2-127.0.0.11") and b and a[1] .. " " .. b[1]
end }
rule { "NO_MX", on = "mail", about = "no MX", max_hits = 2, function(c, ev)
  local mx, why = dns.mx(ev.reverse_path:match("@(.*)"))
  if not mx then c:hit(why) c:hit("twice") end
end }
hook { "rcpt", function(c)
  local ok, wait = limit.take("test", "2/1h")
  local n = kv.add("rcpts", 1, "1h")
  log.info("take %s %s %d %s %s", ok, wait ~= nil, n, kv.seen("x", "1h"), kv.get("none"))
  if not ok then return tempfail("4.7.1", "enough") end
end }
hook { "deliver", function(m, user)
  m:add_header("X-Colour", user.settings.colour or "none")
  local r, err = http.get("https://127.0.0.1:1/")
  log.info("http %s %s", r, err)
end }
rule { "SUM", about = "what was found so far", after = "none?", function(m) return #m:symbols() .. " " .. m:score("RBL_TEST") end }
'''


class Services(unittest.TestCase):
    def test_dns_kv_limits_settings(self):
        folder = tempfile.mkdtemp(prefix='facteur-rules.')
        self.addCleanup(shutil.rmtree, folder)
        write(folder, 's.lua', SERVICES)
        zone = {'1.0.0.127.rbl.test': {'A': ['127.0.0.4']}, 'txt.test': {'TXT': ['hello']}, 'outside.example': {'A': ['192.0.2.1']}}
        with FakeDNS(zone) as dns, facteur.Server(conf='lua s { file = "%s/s.lua" }\n' % folder, dns=dns.address) as server:
            server.wait_redis()  # one that comes in the middle would count anew
            server.ctl('account', 'set', ALICE, 'colour=blue')
            with smtplib.SMTP('127.0.0.1', server.port('smtp'), facteur.CLIENT) as s:
                s.sendmail('x@outside.example', [ALICE], 'To: %s\r\nSubject: x\r\n\r\nx\r\n' % ALICE)
                s.ehlo()
                s.mail('x@outside.example')
                self.assertEqual(s.rcpt(ALICE)[0], 250)
                self.assertEqual(s.rcpt('bob@example.test'), (451, b'4.7.1 enough'))
            log = server.wait_log('take false')
            for line in ('take true false 1 false nil', 'take true false 2 true nil', 'take false true 3 true nil', 'http nil '):
                self.assertIn(line, log)
            self.assertNotIn('rule_failed', log)
            message_id = re.search(r'edge\[(\S+?\.1)\] message ', log).group(1)
            ledger = server.ctl('trace', message_id).stdout
            self.assertRegex(ledger, r'RBL_TEST.*127\.0\.0\.4 hello')
            self.assertRegex(ledger, r'NO_MX.*no_data, twice')
            self.assertRegex(ledger, r'SUM.*2 2\.5')
            self.assertIn(b'X-Colour: blue', Examples.fetch(self, server))


if __name__ == '__main__':
    unittest.main()
