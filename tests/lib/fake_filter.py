"""A foreign filter for tests of plugins/milter: speaks the milter protocol, answers by a script, remembers what it heard.

    with FakeFilter({'M': [reply('550 5.7.1 no')]}) as f: … f.address … f.heard

The script maps a command's letter to the answers to it, or to a function (filter, data) → answers; the last answer is `c` where the
script says nothing. `raw` in a script entry is bytes sent as they are."""
import socket, struct, threading, time

CONTINUE, ACCEPT, REJECT, TEMPFAIL, DISCARD, SKIP, PROGRESS = b'c', b'a', b'r', b't', b'd', b's', b'p'
NO_CONNECT, NO_HELO, NO_MAIL, NO_RCPT, NO_BODY, NO_HEADERS, NO_EOH = 1, 2, 4, 8, 0x10, 0x20, 0x40
NR_HEADER, NO_UNKNOWN, NO_DATA, CAN_SKIP, RCPT_REJ = 0x80, 0x100, 0x200, 0x400, 0x800
NR_CONNECT, NR_HELO, NR_MAIL, NR_RCPT, NR_DATA, NR_EOH, NR_BODY, LEADING_SPACE = 0x1000, 0x2000, 0x4000, 0x8000, 0x10000, 0x40000, 0x80000, 0x100000
SILENT = NR_HEADER | NR_CONNECT | NR_HELO | NR_MAIL | NR_RCPT | NR_DATA | NR_EOH | NR_BODY
ALL_ACTIONS = 0x1ff
NR_OF = {'L': NR_HEADER, 'C': NR_CONNECT, 'H': NR_HELO, 'M': NR_MAIL, 'R': NR_RCPT, 'T': NR_DATA, 'N': NR_EOH, 'B': NR_BODY}


def reply(text):
    return b'y' + text.encode() + b'\0'


def add_header(name, value):
    return b'h' + name.encode() + b'\0' + value.encode() + b'\0'


def insert_header(index, name, value):
    return b'i' + struct.pack('!I', index) + name.encode() + b'\0' + value.encode() + b'\0'


def change_header(nth, name, value):
    return b'm' + struct.pack('!I', nth) + name.encode() + b'\0' + value.encode() + b'\0'


class Raw(bytes):
    """Bytes that are no packet: sent without a length."""


class Close:
    """The filter hangs up."""


class Silence:
    """The filter says nothing for so long."""

    def __init__(self, seconds):
        self.seconds = seconds


class FakeFilter:
    def __init__(self, script=None, version=6, actions=0x3f, protocol=0, macros=b'', path=None):
        self.script, self.version, self.actions, self.protocol, self.macros = script or {}, version, actions, protocol, macros
        self.heard = []  # (letter, data) of every packet but macros
        self.told = []  # (letter they belong to, {macro: value})
        self.connections = 0
        self.path = path
        self.done = threading.Event()

    @property
    def address(self):
        return 'unix:' + self.path if self.path else 'inet:127.0.0.1:%d' % self.server.getsockname()[1]

    def letters(self):
        return ''.join(letter for letter, _ in self.heard)

    def data(self, letter):
        return [data for heard, data in self.heard if heard == letter]

    def wait_for(self, letters, seconds=60, count=1):
        """Notices travel behind the reply: until one of these was heard so often."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if sum(self.letters().count(letter) for letter in letters) >= count:
                return True
            time.sleep(0.01)
        return False

    def __enter__(self):
        self.server = socket.socket(socket.AF_UNIX if self.path else socket.AF_INET)
        self.server.bind(self.path or ('127.0.0.1', 0))
        self.server.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.done.set()
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()

    def accept(self):
        while not self.done.is_set():
            try:
                s, _ = self.server.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        with s:
            try:
                while True:
                    head = self.exactly(s, 4)
                    packet = self.exactly(s, struct.unpack('!I', head)[0])
                    if not self.answer(s, chr(packet[0]), packet[1:]):
                        return
            except (OSError, EOFError):
                return

    def exactly(self, s, n):
        got = b''
        while len(got) < n:
            more = s.recv(n - len(got))
            if not more:
                raise EOFError
            got += more
        return got

    def answer(self, s, letter, data):
        if letter == 'D':
            words = data[1:].split(b'\0')[:-1]
            self.told.append((chr(data[0]), dict(zip((w.decode() for w in words[::2]), (w.decode() for w in words[1::2])))))
            return True
        self.heard.append((letter, data))
        if letter == 'Q':
            return False
        if letter == 'O' and 'O' not in self.script:
            return self.send(s, [b'O' + struct.pack('!III', self.version, self.actions, self.protocol) + self.macros])
        answers = self.script.get(letter)
        if callable(answers):
            answers = answers(self, data)
        if answers is None:
            answers = [] if letter in 'AK' or self.protocol & NR_OF.get(letter, 0) else [CONTINUE]
        return self.send(s, answers)

    def send(self, s, answers):
        for a in answers:
            if isinstance(a, Close):
                return False
            if isinstance(a, Silence):
                self.done.wait(a.seconds)
            elif isinstance(a, Raw):
                s.sendall(a)
            else:
                s.sendall(struct.pack('!I', len(a)) + a)
        return True
