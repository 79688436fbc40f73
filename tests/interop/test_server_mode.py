"""`facteur --conf FILE` as root, the way a service manager runs it: users of its own, reload, stop, sd_notify. Needs nothing but /proc and /dev."""
import contextlib, ctypes, fcntl, imaplib, json, os, pwd, re, signal, smtplib, socket, ssl, struct, subprocess, sys, threading, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from redis_server import wait_for

USERS = {'edge': 'nobody', 'filter': 'daemon', 'store': 'games', 'redis': 'bin', 'relay': 'mail'}  # every Debian has them
ALICE = 'alice@example.test'
DOORS = {'smtp': 'protocol = smtp role = mx', 'submissions': 'protocol = smtp role = submission tls = implicit', 'imap': 'protocol = imap',
         'imaps': 'protocol = imap tls = implicit', 'pop3': 'protocol = pop3'}
GREETING = {'smtp': b'220 ', 'imap': b'* OK ', 'pop3': b'+OK '}

STANDARD = {25: b'220 ', 587: b'220 ', 465: b'220 ', 143: b'* OK ', 993: b'* OK ', 110: b'+OK ', 995: b'+OK '}
IMPLICIT = (465, 993, 995)


class Service(facteur.Server):
    """The same binary without `dev`: everything comes from one file."""

    def __init__(self):
        super().__init__()
        os.chmod(self.dir, 0o711)  # the store's user passes through
        os.mkdir(self.state)
        os.chmod(self.state, 0o711)
        self.file = os.path.join(self.state, 'facteur.conf')
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(os.path.join(self.dir, 'notify'))
        self.notify.settimeout(60)
        self.configure()

    def configure(self, more='', doors=DOORS):
        with open(self.file, 'w') as f:
            f.write('server {\n  name = mx.example.test\n  drain = 2s\n  edge_processes = 2\n  data_dir = "%s/data"\n  run_dir = "%s/run"\n'
                    '  log_file = "%s/facteur.log"\n' % ((self.state,) * 3))
            f.writelines('  user_%s = %s\n' % u for u in USERS.items())
            f.write('}\nplugin headers { }\n')
            for name, words in doors.items():
                f.write('listener %s { address = ["127.0.0.1:%d"] %s }\n' % (name, self.port(name), words))
            f.write(more)

    def command(self):
        return [os.path.join(self.build, 'facteur'), '--conf', self.file]

    def start(self, wait=60):
        self.errors = open(os.path.join(self.dir, 'stderr'), 'ab')
        self.process = subprocess.Popen(self.command(), stdout=subprocess.PIPE, stderr=self.errors,
                                        env=dict(os.environ, NOTIFY_SOCKET=self.notify.getsockname()))
        self.ready = self.notify.recv(1000).decode()
        return self

    def ctl(self, *args, check=True, stdin=None):
        r = subprocess.run([os.path.join(self.build, 'facteurctl'), '--conf', self.file, '--run-dir', self.state + '/run', *args],
                           input=stdin, capture_output=True, text=True, timeout=120)
        if check and r.returncode != 0:
            raise RuntimeError('facteurctl %s: %d\n%s%s' % (' '.join(args), r.returncode, r.stdout, r.stderr))
        return r

    def processes(self):
        return json.loads(self.ctl('status', '--json').stdout)['processes']

    def pids(self, role):
        return sorted(p['pid'] for p in self.processes() if p['role'] == role)


def greeting(port):
    with socket.create_connection(('127.0.0.1', port), 20) as s, s.makefile('rb') as f:
        return f.readline()


def uid_of(pid):
    with open('/proc/%d/status' % pid) as f:
        return set(map(int, re.search(r'(?m)^Uid:\s+(.*)$', f.read()).group(1).split()))


@unittest.skipIf(os.geteuid() != 0, 'needs root: own users are taken at the start')
class ServerMode(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for user in USERS.values():
            try:
                pwd.getpwnam(user)
            except KeyError:
                raise unittest.SkipTest('there is no user ' + user)
        cls.server = Service().start()
        cls.server.ctl('account', 'add', ALICE, stdin='pass\n')

    @classmethod
    def tearDownClass(cls):
        cls.server.notify.close()
        cls.server.__exit__(None, None, None)

    def reload(self, wanted):
        start = len(self.server.log())
        self.server.process.send_signal(signal.SIGHUP)
        self.server.wait_log(wanted, start)

    def test_readiness_is_told(self):
        self.assertIn('READY=1', self.server.ready.split('\n'))

    def test_each_role_runs_under_its_user(self):
        seen = set()
        for p in self.server.processes():
            self.assertEqual(uid_of(p['pid']), {pwd.getpwnam(USERS[p['role']]).pw_uid}, p['role'])
            seen.add(p['role'])
        self.assertEqual(seen, set(USERS))
        wait_for(lambda: 'redis_there yes' in self.server.ctl('status').stdout, 'a filter whose group lets it into the socket of Redis')
        shown = self.server.ctl('status', '--sandbox').stdout
        for role, user in USERS.items():
            self.assertRegex(shown, r'(?m)^%s .* user=%s( |$)' % (role, user))
        # What this kernel has, all roles have: also where the build lies in a folder that only root may enter.
        ours = '\n'.join(line for line in shown.splitlines() if not line.startswith('redis '))  # not ours: also in a sanitizer build
        for protection in ('landlock', 'seccomp'):
            self.assertEqual(len(set(re.findall(protection + r'=(\S+)', ours))), 1, shown)

    def test_mail_is_delivered_and_read_under_its_own_certificate(self):
        for name, wanted in GREETING.items():
            self.assertEqual(greeting(self.server.port(name))[:len(wanted)], wanted)
        with smtplib.SMTP('127.0.0.1', self.server.port('smtp'), local_hostname=facteur.CLIENT) as s:
            s.sendmail('x@remote.example', [ALICE], 'Subject: for a user of its own\r\n\r\nhello\r\n')
        certificate = self.server.state + '/data/tls/cert.pem'
        context = ssl.create_default_context(cafile=certificate)
        m = imaplib.IMAP4_SSL('127.0.0.1', self.server.port('imaps'), ssl_context=context)
        m.login(ALICE, 'pass')
        self.assertEqual(m.select()[1], [b'1'])
        self.assertIn(b'a user of its own', m.fetch('1', '(BODY[])')[1][0][1])
        m.logout()
        self.assertEqual(len(re.findall(r'warning supervisor warning .*self-signed.*tls\.certificate', self.server.log().split(' reload')[0])), 1)
        key = os.stat(self.server.state + '/data/tls/key.pem')
        self.assertEqual((key.st_uid, key.st_mode & 0o777), (0, 0o600))

    def test_a_good_reload_refuses_no_connection(self):
        stop, served, failed = threading.Event(), [], []

        def load():
            while not stop.is_set():
                try:
                    word = greeting(self.server.port('smtp'))[:4]
                    # 421: accepted by a process that was told to end meanwhile; said, not cut off
                    (served if word in (b'220 ', b'421 ') else failed).append(word)
                except OSError as e:
                    failed.append(e)

        threads = [threading.Thread(target=load) for _ in range(4)]
        before, store = self.server.pids('edge'), self.server.pids('store')
        for t in threads:
            t.start()
        try:
            for i in range(3):
                self.server.configure('smtp { max_recipients = %d }\n' % (200 + i))
                self.reload(r' reloaded ')
                time.sleep(0.2)
        finally:
            stop.set()
            for t in threads:
                t.join()
        self.assertEqual(failed, [])
        self.assertGreater(served.count(b'220 '), 20)
        self.assertFalse(set(before) & {p['pid'] for p in self.server.processes() if p['state'] == 'ready'})
        self.assertEqual(self.server.pids('store'), store)

    def test_a_bad_reload_changes_nothing(self):
        before = self.server.pids('edge')
        self.server.configure('smtp {\n  max_recipient = 5\n}\n')
        with open(self.server.file) as f:
            line = f.read().split('\n').index('  max_recipient = 5') + 1
        try:
            self.reload(r'reload_refused .*%s:%d:3: .*max_recipients' % (re.escape(self.server.file), line))
        finally:
            self.server.configure()
        self.assertTrue(set(self.server.pids('edge')) & set(before))
        self.assertEqual(greeting(self.server.port('imap'))[:5], b'* OK ')


@unittest.skipIf(os.geteuid() != 0, 'needs root: own users are taken at the start')
class ServerEnds(unittest.TestCase):
    def test_sigterm_ends_everything_whoever_is_connected(self):
        """Within five seconds where the machine has nothing else to do: server.drain, two here, and no more than it takes to end."""
        server = Service().start()
        pids = server.descendants()
        self.assertGreaterEqual(len(pids), 4)
        with contextlib.ExitStack() as open_connections:
            for name in ('smtp', 'imap', 'pop3'):
                s = open_connections.enter_context(socket.create_connection(('127.0.0.1', server.port(name)), 10))
                s.recv(100)
            started = time.monotonic()
            self.assertEqual(server.stop(), 0)
            self.assertLess(time.monotonic() - started, 20)
        for pid in pids:
            self.assertFalse(os.path.exists('/proc/%d' % pid), pid)
        for name in DOORS:
            self.assertRaises(ConnectionRefusedError, socket.create_connection, ('127.0.0.1', server.port(name)), 5)
        server.notify.close()
        server.__exit__(None, None, None)

    def test_a_port_in_use_is_named(self):
        server = Service()
        with socket.create_server(('127.0.0.1', server.port('imap'))):
            r = subprocess.run(server.command(), capture_output=True, text=True, timeout=60)
        self.assertEqual(r.returncode, 1)
        self.assertRegex(r.stderr, r'listener imap: .*127\.0\.0\.1:%d.*in use' % server.port('imap'))
        server.notify.close()
        server.__exit__(None, None, None)

    def test_only_a_milter(self):
        """Beside somebody else's MTA: no edge process, no certificate; both come with the first listener of ours, and the edge goes with it."""
        server = Service()
        server.configure(doors={'milter': 'protocol = milter'})
        with server:
            self.assertEqual(server.pids('edge'), [])
            self.assertFalse(os.path.exists(server.state + '/data/tls'))
            self.assertNotIn('certificate', server.log())
            with socket.create_connection(('127.0.0.1', server.port('milter')), 20) as s:
                s.sendall(struct.pack('>IcIII', 13, b'O', 6, 0x1ff, 0x1fffff))
                self.assertEqual(s.recv(5)[4:], b'O')
            server.configure(doors={'milter': 'protocol = milter', 'smtp': 'protocol = smtp'})
            server.ctl('reload')
            self.assertEqual(len(server.pids('edge')), 2)
            self.assertEqual(greeting(server.port('smtp'))[:4], b'220 ')
            server.configure(doors={'milter': 'protocol = milter'})
            server.ctl('reload')
            wait_for(lambda: server.role_pids('edge') == [], 'the end of the edge')
            self.assertRaises(ConnectionRefusedError, socket.create_connection, ('127.0.0.1', server.port('smtp')), 5)
        server.notify.close()

    def test_without_a_listener_block_the_standard_ports_are_served(self):
        r = subprocess.run([sys.executable, os.path.abspath(__file__), 'standard-ports'], capture_output=True, text=True, timeout=120)
        if r.returncode == 77:
            self.skipTest('no network namespace of its own here')
        self.assertEqual((r.returncode, r.stdout), (0, 'served\n'), r.stderr)


def own_network():
    """Every port is free there. False: not allowed on this machine."""
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:  # CLONE_NEWNET
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x8914, struct.pack('16sH22x', b'lo', 0x41))  # SIOCSIFFLAGS: up, running
    return True


def standard_ports():
    if not own_network():
        sys.exit(77)
    service = Service()
    service.configure(doors={})
    with service:
        context = ssl.create_default_context(cafile=service.state + '/data/tls/cert.pem')
        for port, wanted in STANDARD.items():
            s = socket.create_connection(('127.0.0.1', port), 20)
            with context.wrap_socket(s, server_hostname='mx.example.test') if port in IMPLICIT else s as s:
                got = s.recv(100)
            if not got.startswith(wanted):
                sys.exit('port %d says %r' % (port, got))
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(('127.0.0.1', 24), 5)
            sys.exit('LMTP is served, though nobody configured it')
    service.notify.close()
    print('served')


if __name__ == '__main__':
    standard_ports() if sys.argv[1:] == ['standard-ports'] else unittest.main()
