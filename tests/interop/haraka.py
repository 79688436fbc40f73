"""Haraka as the neighbour that test_relay_mtas.py has three of. Not part of ./test, because it is in no Debian package:

    npm install --ignore-scripts --omit=optional Haraka
    HARAKA=$PWD/node_modules/Haraka /usr/bin/python3 tests/interop/haraka.py

It has no RFC 3461: what it reports are failures."""
import contextlib, os, re, shutil, signal, socket, subprocess, sys, tempfile, time, unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import mtas
from ports import free_port

PLUGIN = '''\
const routes = %s;
exports.hook_rcpt = function (next, connection) { connection.relaying = true; next(OK); };
exports.hook_get_mx = function (next, hmail, domain) {
    const to = routes[domain.toLowerCase()];
    if (!to) return next(DENY, 'no route');
    next(OK, { priority: 0, exchange: to[0], port: to[1] });
};
'''


class Haraka:
    utf8 = tls_works = True

    def __init__(self, routes, tls=None):
        self.port = free_port()
        self.dir = tempfile.mkdtemp(prefix='facteur-haraka.')
        for name in 'config', 'plugins', 'queue':
            os.mkdir(os.path.join(self.dir, name))
        table = {domain: list(mtas.next_hop(to)) for domain, to in routes.items()}
        files = {'config/smtp.ini': 'listen=127.0.0.1:%d\nnodes=0\nsmtputf8=true\n' % self.port, 'config/me': 'haraka.test\n', 'config/plugins': 'tls\ntake\n', 'config/databytes': '60000000\n',
                 'config/outbound.ini': 'enable_tls=true\nlocal_mx_ok=true\ntemp_fail_intervals=1s\n', 'config/host_list': '', 'config/loglevel': 'LOGINFO\n',
                 'plugins/take.js': PLUGIN % repr(table)}
        with open(os.path.join(os.environ['HARAKA'], 'config', 'connection.ini')) as f:
            files['config/connection.ini'] = re.sub(r'(?m)^bytes=.*', 'bytes=60000000', f.read().replace('hosts[] =', 'hosts[] = 192.0.2.1'))
        for name, text in files.items():
            with open(os.path.join(self.dir, name), 'w') as f:
                f.write(text)
        for name, file in zip(('tls_cert.pem', 'tls_key.pem'), tls):
            shutil.copy(file, os.path.join(self.dir, 'config', name))

    def __enter__(self):
        with open(os.path.join(self.dir, 'log'), 'wb') as log:
            self.process = subprocess.Popen(['node', os.path.join(os.environ['HARAKA'], 'bin', 'haraka'), '-c', self.dir], cwd=self.dir, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        end = time.monotonic() + 30
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', self.port), 5) as s:
                if s.recv(3):
                    return self
            time.sleep(0.1)
        raise RuntimeError('Haraka does not answer\n' + self.log())

    def __exit__(self, *exc):
        for number in signal.SIGTERM, signal.SIGKILL:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(2)
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self):
        with open(os.path.join(self.dir, 'log'), errors='replace') as f:
            return f.read()


if __name__ == '__main__':
    if not os.path.exists(os.path.join(os.environ.get('HARAKA', ''), 'haraka.js')):
        sys.exit(__doc__)
    mtas.ALL = {'Haraka': Haraka}
    from test_relay_mtas import Neighbours

    tests = unittest.TestSuite(Neighbours(name) for name in ('test_we_send', 'test_they_send', 'test_smtputf8', 'test_unknown_here'))
    sys.exit(not unittest.TextTestRunner(verbosity=2).run(tests).wasSuccessful())
