"""Passwords and addresses that are tried out, in every protocol: an end after a few tries, told neither right from wrong; owners come in from where they have been."""
import base64, os, re, socket, ssl, sys, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'lib'))
import facteur
from ports import free_port

ALICE, BOB = 'alice@example.test', 'bob@example.test'
LIMIT, ACCOUNT_LIMIT, UNKNOWN_LIMIT = 4, 6, 5
DOORS = {'smtp': 'smtp role = submission', 'imap': 'imap', 'pop3': 'pop3', 'mx': 'smtp'}
# No delays, and connections that never end by themselves: what is left is the guard.
CONF = '''
guard { max_failures = %d  max_account_failures = %d  max_unknown_recipients = %d }
smtp { auth_failure_delay = 0s  error_delay = 0s  max_auth_failures = 1000  max_errors = 1000  mx_auth = no }
imap { login_delay = 0s  max_login_failures = 1000 }
pop3 { login_delay = 0s  max_login_failures = 1000 }
''' % (LIMIT, ACCOUNT_LIMIT, UNKNOWN_LIMIT)
RIGHT, WRONG, LATER = 'right', 'wrong', 'later'
ANSWERS = {  # of a login, by protocol
    'smtp': ((r'235 ', RIGHT), (r'535 5\.7\.8 ', WRONG), (r'454 4\.7\.0 too many failed logins', LATER)),
    'imap': ((r'a OK ', RIGHT), (r'a NO \[AUTHENTICATIONFAILED\] ', WRONG), (r'a NO \[UNAVAILABLE\] too many failed logins', LATER)),
    'pop3': ((r'\+OK ', RIGHT), (r'-ERR \[AUTH\] ', WRONG), (r'-ERR \[SYS/TEMP\] too many failed logins', LATER)),
}
server, ports, nets = None, {}, iter(range(1, 250))


def setUpModule():
    global server
    ports.update((name, free_port()) for name in DOORS)
    server = facteur.Server(conf=CONF + ''.join('listener guarded%s { address = ["127.0.0.1:%d"] protocol = %s tls = implicit proxy = yes }\n' % (name, ports[name], protocol)
                                                for name, protocol in DOORS.items())).start()


def tearDownModule():
    server.__exit__(None, None, None)


def network():
    """One nobody has come from."""
    return '10.7.%d.' % next(nets)


class Client:
    """One connection, by way of a load balancer that says it comes from `ip`."""

    def __init__(self, door, ip):
        self.door = door
        raw = socket.create_connection(('127.0.0.1', ports[door]), 60)
        raw.sendall(('PROXY TCP4 %s 198.51.100.9 4711 25\r\n' % ip).encode())
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.sock = context.wrap_socket(raw)
        self.file = self.sock.makefile('rb')
        self.read()
        if door in ('smtp', 'mx'):
            self.say('EHLO ' + facteur.CLIENT)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.file.close()
        self.sock.close()

    def read(self):
        """The last line of an answer."""
        while True:
            line = self.file.readline().decode()
            if not line or not (re.match(r'\d\d\d-|\* (?!OK|BYE)', line)):
                return line

    def say(self, line):
        self.sock.sendall(line.encode() + b'\r\n')
        return self.read()

    def login(self, user, password, sasl=False):
        plain = base64.b64encode(('\0%s\0%s' % (user, password)).encode()).decode()
        if self.door == 'smtp':
            answer = self.say('AUTH PLAIN ' + plain)
        elif self.door == 'imap':
            answer = self.say('a AUTHENTICATE PLAIN ' + plain if sasl else 'a LOGIN %s %s' % (user, password))
        elif sasl:
            answer = self.say('AUTH PLAIN ' + plain)
        else:
            answer = self.say('USER ' + user)
            if answer.startswith('+OK'):
                answer = self.say('PASS ' + password)
        for pattern, what in ANSWERS[self.door]:
            if re.match(pattern, answer):
                return what
        return answer


def login(door, ip, user, password, sasl=False):
    with Client(door, ip) as c:
        return c.login(user, password, sasl)


class BruteForce(unittest.TestCase):
    def test_one_network(self):
        """So many wrong passwords, whether on one connection or many; then not even the right one is told."""
        for door in ANSWERS:
            for sasl in (False, True):
                with self.subTest(door=door, sasl=sasl):
                    net = network()
                    with Client(door, net + '1') as c:
                        self.assertEqual([c.login('%s%d@example.test' % (net, i), 'no', sasl) for i in range(2)], [WRONG] * 2)
                    self.assertEqual([login(door, net + str(i), '%s%d@example.test' % (net, i), 'no', sasl) for i in range(2, LIMIT)], [WRONG] * (LIMIT - 2))
                    with Client(door, net + '200') as c:
                        self.assertEqual([c.login(ALICE, p, sasl) for p in ('no', facteur.PASSWORD) * 20], [LATER] * 40)
                    self.assertEqual(login(door, network() + '1', BOB, facteur.PASSWORD, sasl), RIGHT)

    def test_all_protocols_count_together(self):
        net = network()
        for i in range(LIMIT):
            self.assertEqual(login(list(ANSWERS)[i % 3], net + '1', net + '@example.test', 'no'), WRONG)
        for door in ANSWERS:
            self.assertEqual(login(door, net + '2', BOB, facteur.PASSWORD), LATER)

    def test_an_owner_is_not_locked_out(self):
        """One user, attacked from many networks: strangers learn nothing any more, the owner's networks go on."""
        home, work = network(), network()
        for door in ANSWERS:
            self.assertEqual(login(door, home + '9', 'tester@example.test', facteur.PASSWORD), RIGHT)
        self.assertEqual(login('imap', work + '9', 'Tester@Example.Test', facteur.PASSWORD), RIGHT)
        tried = [login('imap', network() + '1', 'tester@example.test', 'no') for _ in range(ACCOUNT_LIMIT + 3)]
        self.assertEqual(tried, [WRONG] * ACCOUNT_LIMIT + [LATER] * 3)
        for door in ANSWERS:
            self.assertEqual(login(door, network() + '1', 'tester@example.test', facteur.PASSWORD), LATER)
            self.assertEqual(login(door, home + '10', 'tester@example.test', facteur.PASSWORD), RIGHT)
            self.assertEqual(login(door, work + '10', 'tester@example.test', facteur.PASSWORD), RIGHT)
        self.assertEqual(login('imap', network() + '1', BOB, facteur.PASSWORD), RIGHT)  # nobody else is concerned

    def test_a_neighbour_guesses(self):
        """In a barred network those who have been there come in, others do not."""
        net = network()
        self.assertEqual(login('pop3', net + '1', BOB, facteur.PASSWORD), RIGHT)
        for i in range(LIMIT):
            self.assertEqual(login('smtp', net + '66', '%s%d@example.test' % (net, i), 'no'), WRONG)
        self.assertEqual(login('imap', net + '1', BOB, facteur.PASSWORD), RIGHT)
        self.assertEqual(login('imap', net + '66', ALICE, facteur.PASSWORD), LATER)

    def test_said_in_log_and_status(self):
        net = network()
        for _ in range(LIMIT + 2):
            login('imap', net + '1', net + 'x@example.test', 'no')
        barred = r'(?m) login_barred .*network.*%s' % re.escape(net)
        self.assertEqual(len(re.findall(barred, server.wait_log(barred))), 1)
        refused = re.search(r'guard_refused\W+(\d+)', server.ctl('status').stdout + server.ctl('--json', 'status').stdout)
        self.assertGreaterEqual(int(refused.group(1)), 2)

    def test_this_machine_is_not_counted(self):
        import imaplib
        for password in ['no'] * (LIMIT + 2) + [facteur.PASSWORD]:
            with imaplib.IMAP4('127.0.0.1', server.port('imap')) as c:
                try:
                    c.login(ALICE, password)
                    self.assertEqual(password, facteur.PASSWORD)
                except imaplib.IMAP4.error as e:
                    self.assertIn('AUTHENTICATIONFAILED', str(e))

    # ---- addresses ----

    def names(self, ip, *addresses):
        with Client('mx', ip) as c:
            self.assertRegex(c.say('MAIL FROM:<x@outside.example>'), '^250 ')
            return [c.say('RCPT TO:<%s>' % a)[:3] for a in addresses]

    def test_harvest(self):
        """A dictionary of local parts: in the end those that exist look like those that do not."""
        net = network()
        first = self.names(net + '1', *['a%d@example.test' % i for i in range(UNKNOWN_LIMIT - 1)], ALICE)
        self.assertEqual(first, ['550'] * (UNKNOWN_LIMIT - 1) + ['250'])
        self.assertEqual(self.names(net + '2', 'b@example.test', 'c@example.test', ALICE), ['550', '450', '450'])
        self.assertEqual(self.names(network() + '1', ALICE, 'd@example.test'), ['250', '550'])
        barred = r'(?m) harvest_barred .*%s' % re.escape(net)
        self.assertEqual(len(re.findall(barred, server.wait_log(barred))), 1)

    def test_sessions_are_bounded(self):
        """One connection may not try for ever either, whatever the network."""
        with facteur.Server() as s, socket.create_connection(('127.0.0.1', s.port('smtp')), 60) as c, c.makefile('rb') as f:
            f.readline()
            c.sendall(b'HELO x\r\nMAIL FROM:<>\r\n' + b''.join(b'RCPT TO:<x%d@example.test>\r\n' % i for i in range(200)))
            answers = f.read().decode().splitlines()
            self.assertEqual(len([a for a in answers if a.startswith('550 ')]), 100)
            self.assertRegex(answers[-1], r'^421 4\.7\.0 ')


if __name__ == '__main__':
    unittest.main()
