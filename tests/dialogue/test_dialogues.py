"""Runs every dialogue file below this folder: one file is one conversation with the real server.

  # RFC 5321 4.5.3.1.8: what is shown          first line: the section and the point
  conf max_recipients = 100                    a setting in the protocol's own block (smtp, imap …)
  conf smtp.max_message = 1K                   … or in a named one
  rules judge.lua                              a rule file beside the dialogue is loaded
  port submission                              another listener than the folder's
  fresh                                        a server of its own (mailboxes start empty)
  modes lines bytes                            only these ways of sending (default: lines bytes tls cut)
  C: MAIL FROM:<a@example.org>                 sends the line with CRLF
  C> MAIL FR\\x4fM:<>\\n                       sends exactly these bytes; \\r \\n \\t \\0 \\\\ \\xHH
  S: 250 2.1.0 *                               the next reply line; * stands for anything. A multi-line reply may be left
                                               after any line: the rest of it is read before the next C
  S~ pattern                                   skips lines until one matches
  S- pattern                                   must not come before the next matching S
  repeat 100  C: RCPT TO:<u%d@x>   S: 250 *    %d counts from 1
  tls                                          the TLS handshake happens here
  sleep 0.2                                    only where the server's waiting is the point
  closed                                       the server ends the connection

Ways of sending: lines (as written), bytes (one byte per packet), tls (over the listener's implicit-TLS twin), cut (the client
vanishes after each line in turn; the server must go on serving)."""
import fnmatch, os, re, socket, ssl, sys, time, unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'lib'))
import facteur

TLS_TWIN = {'submission': 'submissions', 'imap': 'imaps', 'pop3': 'pop3s'}
DEFAULT_MODES = ('lines', 'bytes', 'tls', 'cut')
GREETING = {'smtp': '220 *', 'lmtp': '220 *', 'imap': '* OK *', 'pop3': '+OK*'}


def unescape(text):
    table = {'r': b'\r', 'n': b'\n', 't': b'\t', '0': b'\0', '\\': b'\\'}
    out, i = b'', 0
    raw = text.encode('utf-8')
    while i < len(raw):
        if raw[i:i + 1] == b'\\' and i + 1 < len(raw):
            c = chr(raw[i + 1])
            if c == 'x':
                out += bytes([int(raw[i + 2:i + 4], 16)])
                i += 4
                continue
            out += table[c]
            i += 2
            continue
        out += raw[i:i + 1]
        i += 1
    return out


class Dialogue:
    def __init__(self, path):
        self.path = path
        self.name = os.path.relpath(path, HERE)[:-4]
        self.protocol = self.name.split(os.sep)[0]
        self.port, self.conf, self.fresh, self.modes, self.steps = self.protocol, [], False, DEFAULT_MODES, []
        self.rules = []
        with open(path, encoding='utf-8') as f:
            for number, line in enumerate(f, 1):
                self.parse(number, line.rstrip('\n'))

    def parse(self, number, line):
        word, _, rest = line.partition(' ')
        if not line.strip() or line.startswith('#'):
            return
        if word == 'conf':
            key, _, value = rest.strip().partition('=')
            block, _, key = key.strip().rpartition('.')
            self.conf.append((block or self.protocol, key, value.strip()))
        elif word == 'rules':
            self.rules.append(os.path.join(os.path.dirname(self.path), rest.strip()))
        elif word == 'port':
            self.port = rest.strip()
        elif word == 'fresh':
            self.fresh = True
        elif word == 'modes':
            self.modes = tuple(rest.split())
        elif word == 'repeat':
            m = re.match(r'(\d+)\s+(.*?)(?:\s{2,}(S: .*))?$', rest.strip())
            for i in range(1, int(m.group(1)) + 1):
                for part in filter(None, m.groups()[1:]):
                    self.parse(number, part.strip().replace('%d', str(i)))
        elif word in ('C:', 'C>', 'S:', 'S~', 'S-', 'tls', 'sleep', 'closed'):
            self.steps.append((number, word, rest))
        else:
            raise ValueError('%s:%d: what is %r?' % (self.path, number, word))

    def conf_text(self):
        blocks = {}
        for block, key, value in self.conf:
            blocks.setdefault(block, []).append('    %s = %s\n' % (key, value))
        rules = ''.join('lua { file = "%s" }\n' % path for path in self.rules)
        return rules + ''.join('%s {\n%s}\n' % (b, ''.join(lines)) for b, lines in sorted(blocks.items()))


def matches(pattern, line):
    glob = re.sub(r'([\[\]?])', r'[\1]', pattern)
    return fnmatch.fnmatchcase(line, glob)


class Client:
    def __init__(self, server, dialogue, mode):
        self.d, self.mode = dialogue, mode
        port = TLS_TWIN[dialogue.port] if mode == 'tls' else dialogue.port
        self.s = socket.create_connection(('127.0.0.1', server.port(port)), timeout=60)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer, self.open_reply = b'', False
        if mode == 'tls':
            self.tls()

    def tls(self):
        if self.buffer:
            raise AssertionError('plain bytes behind the go-ahead for TLS: %r' % self.buffer)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.s = context.wrap_socket(self.s, server_hostname='mx.example.test')

    def send(self, data):
        try:
            if self.mode == 'bytes':
                for i in range(len(data)):
                    self.s.sendall(data[i:i + 1])
            else:
                self.s.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the replies tell

    def line(self):
        while b'\n' not in self.buffer:
            try:
                got = self.s.recv(65536)
            except (ConnectionResetError, ssl.SSLError):
                got = b''
            if not got:
                return None
            self.buffer += got
        line, _, self.buffer = self.buffer.partition(b'\n')
        if not line.endswith(b'\r'):
            raise AssertionError('a reply line without CR: %r' % line)
        text = line[:-1].decode('utf-8', 'replace')
        self.open_reply = self.d.protocol in ('smtp', 'lmtp') and re.match(r'\d\d\d-', text) is not None
        return text

    def finish_reply(self):
        while self.open_reply and self.line() is not None:
            pass

    def run(self, stop_after=None):
        """All steps; with stop_after, the connection is dropped after that many lines were sent."""
        sent, unwanted = 0, []
        for number, word, rest in self.d.steps:
            where = '%s:%d' % (self.d.path, number)
            if word in ('C:', 'C>'):
                self.finish_reply()
                self.send(rest.encode() + b'\r\n' if word == 'C:' else unescape(rest))
                sent += 1
                if stop_after is not None and sent > stop_after:
                    return False
            elif word == 'tls':
                self.finish_reply()
                self.tls()
            elif word == 'sleep':
                time.sleep(float(rest))
            elif word == 'S-':
                unwanted.append(rest)
            elif word == 'closed':
                got = self.line()
                if got is not None:
                    raise AssertionError('%s: expected the end, got %r' % (where, got))
            else:
                self.expect(where, word, rest, unwanted)
                unwanted = []
        return True

    def expect(self, where, word, pattern, unwanted):
        while True:
            got = self.line()
            if got is None:
                raise AssertionError('%s: wanted %r, but the server closed' % (where, pattern))
            for u in unwanted:
                if matches(u, got):
                    raise AssertionError('%s: %r must not come, got %r' % (where, u, got))
            if matches(pattern, got):
                return
            if word == 'S:':
                raise AssertionError('%s: wanted %r, got %r' % (where, pattern, got))

    def close(self):
        self.s.close()


servers = {}


def server_for(dialogue):
    if dialogue.fresh:
        return facteur.Server(conf=dialogue.conf_text()).start(), True
    text = dialogue.conf_text()
    if text not in servers:
        servers[text] = facteur.Server(conf=text).start()
    return servers[text], False


def tearDownModule():
    for s in servers.values():
        s.__exit__(None, None, None)


class Dialogues(unittest.TestCase):
    pass


def make_test(dialogue, mode):
    def whole(self, server):
        client = Client(server, dialogue, mode)
        try:
            client.run()
        finally:
            client.close()

    def cut(self, server):
        at = 0
        while True:
            client = Client(server, dialogue, mode)
            done = client.run(stop_after=at)
            client.close()
            if done:
                break
            at += max(1, len(dialogue.steps) // 12)
        client = Client(server, dialogue, mode)
        self.assertTrue(matches(GREETING[dialogue.protocol], client.line() or ''))
        client.close()

    def test(self):
        server, own = server_for(dialogue)
        try:
            (cut if mode == 'cut' else whole)(self, server)
        finally:
            if own:
                server.__exit__(None, None, None)
    return test


for folder, _, names in sorted(os.walk(HERE)):
    for name in sorted(names):
        if name.endswith('.txt') and folder != HERE:
            one = Dialogue(os.path.join(folder, name))
            plain = not any(word == 'tls' for _, word, _ in one.steps)
            for how in one.modes:
                if how == 'tls' and (not plain or one.port not in TLS_TWIN):
                    continue
                setattr(Dialogues, 'test_%s_%s' % (re.sub(r'\W', '_', one.name), how), make_test(one, how))
