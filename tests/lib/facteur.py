"""A private Facteur for one test: `facteur dev` in a folder of its own on ports that are free."""
import contextlib, os, re, select, shutil, signal, subprocess, sys, tempfile, time

import ports

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OFFSETS = {'smtp': 25, 'submission': 587, 'submissions': 465, 'lmtp': 24, 'imap': 143, 'imaps': 993, 'pop3': 110, 'pop3s': 995, 'milter': 89}
PASSWORD = 'pass'
CLIENT = 'client.test'  # for EHLO: without a name smtplib asks DNS for one, for seconds where there is none
LIMITS = 'redis { timeout = 2s }\nfilter { watchdog = 10s }\n'  # on a machine that pauses the shipped ones strike, too
ACCOUNTS = ['tester@example.test', 'alice@example.test', 'bob@example.test']


def build_dir():
    """FCT_BUILD names the build to test; the sanitized one by default, so that every end-to-end test is a sanitizer run too."""
    return os.environ.get('FCT_BUILD', os.path.join(ROOT, 'build', 'dev'))


def data_dir():
    """The public test data outside the tree, or None: its cases then count as skipped."""
    d = os.environ.get('FACTEUR_TEST_DATA', os.path.join(os.path.dirname(ROOT), 'shared', 'data'))
    return d if os.path.isdir(d) else None


def limits(conf):
    """Those that the configuration does not set itself."""
    return ''.join(line + '\n' for line in LIMITS.splitlines() if not re.search(r'\b%s\s*\{[^}]*\b%s\b' % (line.split()[0], line.split()[2]), conf))


def free_base():
    return ports.free_base(OFFSETS.values())


# The shipped rules' own tests are run by the servers whose configuration says something of lua, not at each of a thousand starts.
RULES_UNTESTED = 'plugin lua { tests = no }\n'


class Server:
    """with Server() as s: … s.port('imap') … s.ctl('trace', id) …"""

    def __init__(self, conf='', accounts=None, build=None, env=None, directory=None, dns=None, routes=None, program='facteur'):
        self.program = program
        self.build = build or build_dir()
        self.conf = conf
        self.dns = dns  # ADDRESS@PORT, as fake_dns.FakeDNS().address
        self.routes = routes  # {domain: port on this machine}: the only mail that leaves
        self.accounts = accounts or ACCOUNTS
        self.env = dict(os.environ, **(env or {}))
        self.own = directory is None
        self.dir = directory or tempfile.mkdtemp(prefix='facteur-test.')
        self.base = free_base()
        self.process = None

    def port(self, name):
        return self.base + OFFSETS[name]

    @property
    def state(self):
        return os.path.join(self.dir, 'server')

    def start(self, wait=120):
        accounts = os.path.join(self.dir, 'accounts')
        with open(accounts, 'w') as f:
            f.writelines('%s:%s\n' % (a, PASSWORD) for a in self.accounts)
        command = [os.path.join(self.build, self.program), 'dev', '--dir', self.state, '--base-port', str(self.base), '--accounts', accounts]
        confs = {} if re.search(r'\blua\b', self.conf) else {'rules.conf': RULES_UNTESTED}
        if self.conf:
            confs['test.conf'] = self.conf + limits(self.conf)
        for name, text in confs.items():
            path = os.path.join(self.dir, name)
            with open(path, 'w') as f:
                f.write(text)
            command += ['--conf', path]
        if self.routes is not None:
            path = os.path.join(self.dir, 'routes')
            with open(path, 'w') as f:
                f.writelines('%s 127.0.0.1:%d\n' % route for route in self.routes.items())
            command += ['--route', path]
        if self.dns:
            command += ['--dns', self.dns]
        self.errors = open(os.path.join(self.dir, 'stderr'), 'ab')
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.errors, env=self.env)
        end, seen = time.monotonic() + wait, b''
        while time.monotonic() < end:
            if select.select([self.process.stdout], [], [], 1)[0]:
                got = os.read(self.process.stdout.fileno(), 65536)
                seen += got
                if re.search(rb'(?m)^ready\b', seen):
                    return self
                if not got:
                    break
        self.stop()
        raise RuntimeError('server did not become ready\n%s\n%s' % (seen.decode(errors='replace'), self.log()[-4000:]))

    def stop(self, wait=60):
        """SIGTERM and wait; the exit status, or None when it had to be killed."""
        if not self.process:
            return 0
        status = None
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(wait)
        except subprocess.TimeoutExpired:
            for pid in [self.process.pid] + self.descendants():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()
        self.process = None
        return status

    def log(self):
        text = ''
        for path in (os.path.join(self.dir, 'stderr'), os.path.join(self.state, 'facteur.log')):
            if os.path.exists(path):
                with open(path, errors='replace') as f:
                    text += f.read()
        return text

    def wait_log(self, pattern, start=0, wait=60, count=1):
        """Until the log has it, so often; what it has from `start` on. A process writes what it did at the end of its turn, which may come behind its answer."""
        end = time.monotonic() + wait
        while len(re.findall(pattern, self.log()[start:])) < count:
            if time.monotonic() > end:
                raise AssertionError('the log does not say %s %d times\n%s' % (pattern, count, self.log()[start:][-3000:]))
            time.sleep(0.02)
        return self.log()[start:]

    def ctl(self, *args, check=True, stdin=None):
        r = subprocess.run([os.path.join(self.build, 'facteurctl'), '--dir', self.state, *args], input=stdin, capture_output=True, text=True, timeout=120)
        if check and r.returncode != 0:
            raise RuntimeError('facteurctl %s: %d\n%s%s' % (' '.join(args), r.returncode, r.stdout, r.stderr))
        return r

    def wait_redis(self):
        """Until each filter has its Redis; the private one may have come up behind them."""
        end = time.monotonic() + 60
        while set(re.findall(r'redis_there (\S+)', self.ctl('status').stdout)) != {'yes'}:
            if time.monotonic() > end:
                raise AssertionError('the filters have no Redis\n' + self.log()[-3000:])
            time.sleep(0.05)

    def descendants(self):
        """Process ids of every child, oldest first: (pid)."""
        table = {}
        for entry in os.listdir('/proc'):
            if entry.isdigit():
                with contextlib.suppress(OSError):
                    with open('/proc/%s/stat' % entry) as f:
                        table.setdefault(int(f.read().rsplit(')', 1)[1].split()[1]), []).append(int(entry))
        todo, got = [self.process.pid], []
        while todo:
            for child in table.get(todo.pop(), []):
                got.append(child)
                todo.append(child)
        return sorted(got)

    def role_pids(self, role):
        """Of the processes named facteur:ROLE."""
        found = []
        for pid in self.descendants():
            with contextlib.suppress(OSError):
                with open('/proc/%d/comm' % pid) as f:
                    if f.read().strip().startswith(('facteur:' + role)[:15]):
                        found.append(pid)
        return found

    def sanitizer_report(self):
        """What ASan, LSan or UBSan said in any process, or None."""
        path, text = os.path.join(self.dir, 'stderr'), ''
        if os.path.exists(path):
            with open(path, errors='replace') as f:
                text = f.read()
        m = re.search(r'(?m)^.*(AddressSanitizer|LeakSanitizer|runtime error:)', text)
        return text[m.start():m.start() + 6000] if m else None

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        status = self.stop()
        report = self.sanitizer_report()
        if report and exc[0] is None:
            raise RuntimeError('a sanitizer complains:\n' + report)
        if self.own and exc[0] is None:
            shutil.rmtree(self.dir, ignore_errors=True)
        elif exc[0] is not None:
            sys.stderr.write('server log:\n%s\n(kept in %s)\n' % (self.log()[-6000:], self.dir))
        if exc[0] is None and status is None:
            raise RuntimeError('the server did not end by itself within its time')
        return False
