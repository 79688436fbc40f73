"""plugins/milter in front of the filters people run: OpenDKIM, OpenDMARC, clamav-milter, rspamd's proxy."""
import contextlib, os, shutil, signal, socket, subprocess, sys, tempfile, time, unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), 'lib'), HERE]
import facteur
from ports import free_port
from test_milter_client import ALICE, BOB, MESSAGE, conf, header_of, read, send

SIGNATURE = 'FACTEUR-TEST-SIGNATURE'  # what the database of one line calls a virus


class Filter:
    """One program with its configuration in a folder of its own."""

    def __init__(self, command, files, port=None, ready=None, env=None):
        self.folder = tempfile.mkdtemp(prefix='facteur-filter.')
        self.port = port or free_port()
        for name, text in files.items():
            path = os.path.join(self.folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'w') as f:
                f.write(text.replace('@DIR@', self.folder).replace('@PORT@', str(self.port)))
            os.chmod(path, 0o600)
        self.command = [word.replace('@DIR@', self.folder) for word in command]
        self.ready = ready and ready.replace('@DIR@', self.folder)
        self.env = dict(os.environ, **(env or {}))

    @property
    def address(self):
        return 'inet:127.0.0.1:%d' % self.port

    def is_ready(self):
        if self.ready:
            with socket.socket(socket.AF_UNIX) as s:
                return s.connect_ex(self.ready) == 0
        # Not by connecting: a connection that is closed at once can leave libmilter's pool of workers asleep.
        with open('/proc/net/tcp') as f:
            return any(row.split()[1:4:2] == ['0100007F:%04X' % self.port, '0A'] for row in f)

    def __enter__(self):
        self.log = open(os.path.join(self.folder, 'output'), 'wb')
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log, env=self.env, start_new_session=True)
        end = time.monotonic() + 60
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > end:
                with open(self.log.name, errors='replace') as f:
                    raise RuntimeError('%s did not start: %s' % (self.command[0], f.read()[-2000:]))
            time.sleep(0.05)
        return self

    def __exit__(self, *exc):
        for how in (signal.SIGTERM, signal.SIGKILL):  # libmilter takes five seconds to notice the first
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(1)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def opendkim():
    key = subprocess.run(['openssl', 'genrsa', '2048'], capture_output=True, text=True, check=True).stdout
    return Filter(['/usr/sbin/opendkim', '-f', '-x', '@DIR@/conf'], {'key': key, 'conf': '''
Socket inet:@PORT@@127.0.0.1
Domain example.test
KeyFile @DIR@/key
Selector s1
Mode s
Canonicalization relaxed/relaxed
InternalHosts 127.0.0.1
PidFile @DIR@/pid
RequireSafeKeys no
Syslog no
UserID root
'''})


def opendmarc():
    return Filter(['/usr/sbin/opendmarc', '-f', '-c', '@DIR@/conf'], {'nobody': '', 'conf': '''
Socket inet:@PORT@@127.0.0.1
PidFile @DIR@/pid
AuthservID ours.example
TrustedAuthservIDs ours.example
IgnoreHosts @DIR@/nobody
Syslog false
UserID root
'''}, env={'RES_OPTIONS': 'timeout:1 attempts:1'})


def clamd():
    pattern = SIGNATURE.encode().hex()
    return Filter(['/usr/sbin/clamd', '-c', '@DIR@/conf'], {'db/test.ndb': 'Facteur.Test:0:*:%s\n' % pattern, 'conf': '''
LocalSocket @DIR@/socket
DatabaseDirectory @DIR@/db
Foreground yes
User root
'''}, ready='@DIR@/socket')


def clamav_milter(daemon):
    return Filter(['/usr/sbin/clamav-milter', '-c', '@DIR@/conf'], {'conf': '''
MilterSocket inet:@PORT@@127.0.0.1
ClamdSocket unix:%s
Foreground yes
User root
OnInfected Reject
RejectMsg virus %%v
AddHeader Replace
''' % daemon.ready})


def rspamd():
    return Filter(['/usr/bin/rspamd', '-i', '-f', '-c', '@DIR@/conf'], {'rule.lua': '''
rspamd_config:register_symbol({ name = 'FACTEUR_TEST', score = 20.0, type = 'normal',
  callback = function(task) return (task:get_header('Subject') or ''):find('BUY') ~= nil end })
''', 'conf': '''
options { pidfile = "@DIR@/pid"; filters = ""; cache_file = "@DIR@/cache"; tempdir = "@DIR@"; dns { nameserver = ["127.0.0.1:1"]; timeout = 0.1s; retransmits = 1; } }
logging { type = "file"; filename = "@DIR@/log"; level = "error"; }
lua = "@DIR@/rule.lua";
worker "rspamd_proxy" { bind_socket = "127.0.0.1:@PORT@"; milter = yes; timeout = 20s; count = 1; upstream "local" { default = yes; self_scan = yes; } }
metric { name = "default"; actions { reject = 15; add_header = 6; } }
'''})


class Filters(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest('these programs are started as root')

    def test_opendkim_signs(self):
        with opendkim() as f, facteur.Server(conf(f)) as server:
            mail = MESSAGE.replace('x@remote.example', BOB)
            self.assertEqual(send(server, mail, sender=BOB)[0][0], 250)
            head = header_of(read(server))
            self.assertTrue(head[0].startswith('DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.test; s=s1;'), head[0])
            self.assertEqual(sum(line.startswith('DKIM-Signature:') for line in head), 1)

    def test_opendmarc_judges(self):
        with opendmarc() as f, facteur.Server(conf(f)) as server:
            self.assertEqual(send(server)[0][0], 250)
            results = [line for line in header_of(read(server)) if line.startswith('Authentication-Results: ours.example; dmarc=')]
            self.assertEqual(len(results), 1, header_of(read(server)))

    def test_clamav_refuses_a_virus(self):
        with clamd() as daemon, clamav_milter(daemon) as f, facteur.Server(conf(f)) as server:
            self.assertEqual(send(server)[0][0], 250)
            self.assertTrue(any(line.startswith('X-Virus-Status: Clean') for line in header_of(read(server))))
            code, text = send(server, MESSAGE + 'before %s behind\r\n' % SIGNATURE)[0]
            self.assertEqual(code, 550)
            self.assertIn('virus Facteur.Test', text)

    def test_clamav_without_its_daemon(self):
        with clamd() as daemon:
            with clamav_milter(daemon) as f, facteur.Server(conf(f)) as server:
                self.assertEqual(send(server)[0][0], 250)
                daemon.process.kill()
                daemon.process.wait()
                self.assertEqual(send(server)[0][0], 451)

    def test_rspamd_proxy(self):
        with rspamd() as f, facteur.Server(conf(f)) as server:
            self.assertEqual(send(server)[0][0], 250)
            self.assertIsNotNone(read(server))
            code, text = send(server, MESSAGE.replace(' two spaces', 'BUY'))[0]
            self.assertEqual(code, 554)

    def test_all_of_them_one_behind_the_other(self):
        with opendkim() as dkim, opendmarc() as dmarc, clamd() as daemon, clamav_milter(daemon) as clam, rspamd() as spam, \
                facteur.Server(conf(dkim, dmarc, clam, spam)) as server:
            mail = MESSAGE.replace('x@remote.example', BOB)
            self.assertEqual(send(server, mail, sender=BOB)[0][0], 250)
            names = [line.split(':')[0] for line in header_of(read(server))]
            for name in ('DKIM-Signature', 'Authentication-Results', 'X-Virus-Status'):
                self.assertIn(name, names)


if __name__ == '__main__':
    unittest.main()
