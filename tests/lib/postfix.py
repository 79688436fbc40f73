"""A private Postfix for one test: its own configuration, queue and ports on loopback, and a sink that takes what it delivers.

    with Sink() as sink, Postfix(sink, milters='inet:127.0.0.1:…') as mta: … smtplib.SMTP('127.0.0.1', mta.port) …"""
import contextlib, grp, os, pwd, shutil, socket, subprocess, tempfile, threading, time

from ports import free_port

DAEMONS = '/usr/lib/postfix/sbin'


def why_not():
    """Why no Postfix can run here, or None."""
    if os.geteuid() != 0:
        return 'Postfix is started by root only'
    if not os.path.exists(DAEMONS + '/master'):
        return 'the package postfix is not installed (tools/install-deps test)'
    try:
        pwd.getpwnam('postfix'), grp.getgrnam('postdrop')
    except KeyError as e:
        return 'the package postfix made no user: %s' % e
    return None


class Sink:
    """An SMTP server that keeps every message: (sender, recipients, bytes)."""

    def __init__(self):
        self.messages, self.changed = [], threading.Condition()
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.listener.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def serve(self, conn):
        f = conn.makefile('rwb')

        def say(text):
            f.write(text + b'\r\n')
            f.flush()
        with contextlib.suppress(OSError), conn:
            say(b'220 sink')
            sender, recipients = None, []
            for line in f:
                verb = line.strip().upper()
                if verb.startswith(b'DATA'):
                    say(b'354 go on')
                    data = []
                    for piece in f:
                        if piece == b'.\r\n':
                            break
                        data.append(piece[1:] if piece.startswith(b'.') else piece)
                    with self.changed:
                        self.messages.append((sender, recipients, b''.join(data)))
                        self.changed.notify_all()
                    sender, recipients = None, []
                elif verb.startswith(b'MAIL FROM:'):
                    sender = line.split(b'<', 1)[1].split(b'>', 1)[0].decode()
                elif verb.startswith(b'RCPT TO:'):
                    recipients = recipients + [line.split(b'<', 1)[1].split(b'>', 1)[0].decode()]
                elif verb.startswith(b'QUIT'):
                    say(b'221 bye')
                    return
                say(b'250 ok')

    def find(self, mark, wait=120, n=1):
        """The messages with these bytes in them; waits until there are n."""
        end = time.monotonic() + wait
        with self.changed:
            while True:
                found = [m for m in self.messages if mark.encode() in m[2]]
                if len(found) >= n:
                    return found
                if time.monotonic() > end:
                    raise AssertionError('%r was not delivered: %d of %d' % (mark, len(found), n))
                self.changed.wait(0.5)


MASTER = """\
%(address)s:%(port)d inet n - n - 200 smtpd
pickup    unix  n       -       n       1       1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       1       1       qmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
proxymap  unix  -       -       n       -       -       proxymap
smtp      unix  -       -       n       -       -       smtp
relay     unix  -       -       n       -       -       smtp
showq     unix  n       -       n       -       -       showq
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
anvil     unix  -       -       n       -       1       anvil
scache    unix  -       -       n       -       1       scache
postlog   unix-dgram n  -       n       -       1       postlogd
"""

MAIN = """\
compatibility_level = 3.6
queue_directory = %(dir)s/queue
data_directory = %(dir)s/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file_prefixes = %(dir)s, /dev/stdout
maillog_file = %(dir)s/log
myhostname = mta.test
mydomain = test
myorigin = mta.test
mydestination =
local_recipient_maps =
local_transport = error:nobody lives here
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
disable_dns_lookups = yes
smtp_host_lookup = native
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = check_recipient_access inline:{{unknown@example.test=550 5.1.1 no such user here}}, permit
smtpd_delay_reject = no
smtpd_hard_error_limit = 1000
smtpd_client_connection_count_limit = 0
relayhost = [127.0.0.1]:%(sink)d
message_size_limit = 60000000
queue_minfree = 0
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
milter_default_action = tempfail
milter_protocol = %(protocol)s
smtpd_milters = %(milters)s
non_smtpd_milters = %(non_smtpd)s
"""


class Postfix:
    def __init__(self, sink, milters='', non_smtpd='', protocol=6, more='', address='127.0.0.1', port=0):
        self.sink, self.address, self.port = sink, address, port or free_port()
        self.dir = tempfile.mkdtemp(prefix='facteur-postfix.')
        os.chmod(self.dir, 0o755)
        for name, user in (('queue', 'root'), ('data', 'postfix'), ('conf', 'root')):
            os.mkdir(os.path.join(self.dir, name), 0o755)
            os.chown(os.path.join(self.dir, name), pwd.getpwnam(user).pw_uid, 0)
        self.conf = os.path.join(self.dir, 'conf')
        values = {'dir': self.dir, 'sink': sink.port, 'address': address, 'port': self.port, 'milters': milters, 'non_smtpd': non_smtpd, 'protocol': protocol}
        self.write('main.cf', MAIN % values + more)
        self.write('master.cf', MASTER % values)

    def write(self, name, text):
        with open(os.path.join(self.conf, name), 'w') as f:
            f.write(text)

    def run(self, *command, check=True, **more):
        return subprocess.run(command, check=check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(os.environ, MAIL_CONFIG=self.conf), **more)

    def __enter__(self):
        r = self.run('/usr/sbin/postfix', '-c', self.conf, 'start', check=False)
        if r.returncode != 0:
            raise RuntimeError('postfix start: %s\n%s' % (r.stdout, self.log()))
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection((self.address, self.port), 5) as s:
                if s.recv(3):
                    return self
            time.sleep(0.1)
        log = self.log()
        self.__exit__(None, None, None)
        raise RuntimeError('postfix does not answer\n' + log)

    def __exit__(self, *exc):
        self.run('/usr/sbin/postfix', '-c', self.conf, 'stop', check=False)
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self):
        with contextlib.suppress(OSError), open(os.path.join(self.dir, 'log'), errors='replace') as f:
            return f.read()
        return ''

    def queue(self, name):
        """Ids of the messages in a queue, as in hold."""
        found = []
        for _, _, files in os.walk(os.path.join(self.dir, 'queue', name)):
            found += files
        return sorted(found)
