"""Mail servers of others, each private to one test: Exim and OpenSMTPD in a root folder of their own (tools/install-mtas), Postfix from its package. All take
mail for any domain on one port and send it on by `routes`: {domain: port of 127.0.0.1, or (address, port)}.

    with Exim({'far.test': sink.port}) as mta: … smtplib.SMTP('127.0.0.1', mta.port) …"""
import contextlib, os, shutil, signal, socket, stat, subprocess, tempfile, time

import postfix
from ports import free_port

MTAS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'build', 'mtas')
DEVICES = {'null': (1, 3), 'zero': (1, 5), 'random': (1, 8), 'urandom': (1, 9)}


def next_hop(to):
    return to if isinstance(to, tuple) else ('127.0.0.1', to)


def make_devices(folder):
    for name, (major, minor) in DEVICES.items():
        path = os.path.join(folder, name)
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(major, minor))
        os.chmod(path, 0o666)


def why_not():
    """Why they cannot run here, or None."""
    if postfix.why_not():
        return postfix.why_not()
    if not os.path.exists(os.path.join(MTAS, 'complete')):
        return 'Exim and OpenSMTPD are not there (tools/install-mtas)'
    with tempfile.TemporaryDirectory() as folder:
        try:
            make_devices(folder)
            with open(os.path.join(folder, 'null')):
                return None
        except OSError as e:
            return 'device files cannot be made here: %s' % e


class Caged:
    """A server that runs in a copy of the root folder, in the foreground."""
    COMMAND, LOG, CONF = (), '', ''
    utf8 = tls_works = True

    def __init__(self, routes, tls=None, address='127.0.0.1', port=0):
        """tls: (file of the certificate, file of the key)."""
        self.address, self.port = address, port or free_port()
        self.root = tempfile.mkdtemp(prefix='facteur-%s.' % type(self).__name__.lower())
        os.chmod(self.root, 0o755)
        shutil.copytree(MTAS, self.root, symlinks=True, dirs_exist_ok=True)
        make_devices(os.path.join(self.root, 'dev'))
        self.give('')
        if tls:
            for name, file in zip(('cert.pem', 'key.pem'), tls):
                shutil.copy(file, self.path(name))
        self.prepare({domain: next_hop(to) for domain, to in routes.items()}, bool(tls))

    def path(self, *names):
        return os.path.join(self.root, *names)

    def write(self, name, text):
        with open(self.path(name), 'w') as f:
            f.write(text)

    def give(self, folder):
        """The folders that the package would have made for its users."""

    def __enter__(self):
        with open(self.path('output'), 'wb') as output:
            self.process = subprocess.Popen(['chroot', self.root, *self.COMMAND], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                                            env={'PATH': '/usr/sbin:/usr/bin', 'TZ': 'UTC'})
        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection((self.address, self.port), 5) as s:
                if s.recv(3):
                    return self
            time.sleep(0.05)
        log = self.log()
        self.__exit__(None, None, None)
        raise RuntimeError('%s does not answer\n%s' % (self.COMMAND[0], log))

    def __exit__(self, *exc):
        for number in signal.SIGTERM, signal.SIGKILL:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
        shutil.rmtree(self.root, ignore_errors=True)

    def log(self):
        text = ''
        for name in 'output', self.LOG:
            with contextlib.suppress(OSError), open(self.path(name), errors='replace') as f:
                text += f.read()
        return text


EXIM = """\
exim_user = Debian-exim
exim_group = Debian-exim
primary_hostname = exim.test
spool_directory = /var/spool/exim
log_file_path = /var/spool/exim/log.%%s
daemon_smtp_ports = %(port)d
local_interfaces = %(address)s
disable_ipv6 = true
host_lookup =
rfc1413_query_timeout = 0s
message_size_limit = 60M
smtp_accept_max = 200
smtp_accept_max_per_connection = 1000
smtp_accept_queue_per_connection = 0
accept_8bitmime = true
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
chunking_advertise_hosts = *
pipelining_advertise_hosts = *
never_users =
acl_smtp_rcpt = take
acl_smtp_data = take_data
delay_warning = 1s
delay_warning_condition = yes
queue_run_in_order = false
remote_max_parallel = 10
check_spool_space = 0
check_log_space = 0
tls_advertise_hosts = %(advertise)s
%(tls)s
begin acl
take:
  accept
take_data:
  accept
begin routers
next:
  driver = manualroute
  route_list = %(routes)s
  transport = out
  self = send
begin transports
out:
  driver = smtp
  port = ${extract{$domain}{%(ports)s}}
  allow_localhost = true
  hosts_try_dane =
  hosts_try_fastopen =
  connection_max_messages = 100
  tls_verify_certificates =
  tls_try_verify_hosts =
begin retry
* * F,1h,1s
"""


class Exim(Caged):
    COMMAND = ('/usr/sbin/exim4', '-C', '/etc/exim.conf', '-bdf', '-q1s')
    LOG = 'var/spool/exim/log.main'

    def give(self, folder):
        os.chown(self.path('var/spool/exim'), 60001, 60001)

    def prepare(self, routes, tls):
        if tls:
            os.chown(self.path('key.pem'), 60001, 60001)
        self.write('etc/exim.conf', EXIM % {
            'port': self.port, 'address': self.address, 'advertise': '*' if tls else '', 'tls': 'tls_certificate = /cert.pem\ntls_privatekey = /key.pem\n' if tls else '',
            'routes': ' ; '.join('%s %s' % (domain, to[0]) for domain, to in routes.items()), 'ports': ' '.join('%s=%d' % (domain, to[1]) for domain, to in routes.items())})


class OpenSmtpd(Caged):
    COMMAND = ('/usr/sbin/smtpd', '-d', '-f', '/etc/smtpd.conf')
    utf8 = False  # it has no SMTPUTF8
    tls_works = False  # the one of Debian 12 offers it and then fails with OpenSSL 3 (its issue 1171); as a client it can

    def give(self, folder):
        os.chmod(self.path('var/spool/smtpd'), 0o711)

    def prepare(self, routes, tls):
        text = 'pki own cert "/cert.pem"\npki own key "/key.pem"\n' if tls else ''
        text += 'bounce warn-interval 1s\nsmtp max-message-size 60M\nlisten on %s port %d hostname opensmtpd.test %s\n' % (self.address, self.port, 'tls pki own' if tls else '')
        for i, (domain, to) in enumerate(routes.items()):
            text += 'action to%d relay host "smtp://%s:%d"\nmatch from any for domain "%s" action to%d\n' % (i, *to, domain, i)
        self.write('etc/smtpd.conf', text)
        if tls:
            os.chmod(self.path('key.pem'), 0o600)


class Postfix(postfix.Postfix):
    """As the others, by transport_maps."""
    utf8 = tls_works = True

    def __init__(self, routes, tls=None, address='127.0.0.1', port=0):
        class Nowhere:
            port = 9
        more = 'smtputf8_enable = yes\ndelay_warning_time = 1s\ndefault_transport = smtp\nsmtp_tls_security_level = may\n'
        more += 'confirm_delay_cleared = no\ntransport_maps = inline:{%s}\n' % ', '.join('{%s=smtp:[%s]:%d}' % (domain, *next_hop(to)) for domain, to in routes.items())
        if tls:
            more += 'smtpd_tls_cert_file = %s\nsmtpd_tls_key_file = %s\nsmtpd_tls_security_level = may\nsmtpd_tls_loglevel = 1\nsmtpd_tls_received_header = yes\n' % tls
        super().__init__(Nowhere, more=more, address=address, port=port)


ALL = {'Postfix': Postfix, 'Exim': Exim, 'OpenSmtpd': OpenSmtpd}
