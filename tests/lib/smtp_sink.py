"""A server that takes mail and remembers it, or misbehaves at the step a test names. One thread a connection.

    with Sink(at={'rcpt': ['451 later', None]}) as sink: …            # the first RCPT gets 451, later ones the usual answer
    with Sink(at={'dot': DROP}) as sink: …                            # hangs up instead of answering the end of the message

Steps: connect, ehlo, helo, starttls, auth, mail, rcpt, data, dot (the end of the message, of BDAT too), rset, quit. What can be done at one: a
reply (a string; several lines by newlines), bytes (said as they are; the first one begins with a code), DROP, HANG, a number (seconds to wait
before the usual answer), a function of (session, argument) that gives one of these; None is the usual answer. A list is used up one by one; its last entry stays."""
import base64, socket, ssl, threading, time

DROP, HANG = object(), object()
USUAL = ['PIPELINING', '8BITMIME', 'SIZE 50000000', 'ENHANCEDSTATUSCODES']


class Message:
    def __init__(self, sender, recipients, data, session):
        self.sender, self.recipients, self.data, self.session = sender, recipients, data, session
        self.mail, self.time = session.mail_arguments, time.monotonic()


class Session:
    def __init__(self, sink, sock):
        self.sink, self.sock, self.buffer, self.peer = sink, sock, b'', sock.getpeername()[0]
        self.lines, self.groups, self.tls, self.user = [], [], False, None
        self.messages = 0
        self.reset()

    def reset(self):
        self.sender, self.mail_arguments, self.recipients, self.chunks = None, '', [], b''

    def more(self):
        got = self.sock.recv(262144)
        if not got:
            raise EOFError
        self.buffer += got
        self.groups.append(got)

    def line(self):
        while b'\n' not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b'\n', 1)
        return line.rstrip(b'\r')

    def exactly(self, n):
        while len(self.buffer) < n:
            self.more()
        got, self.buffer = self.buffer[:n], self.buffer[n:]
        return got

    def lines_of(self, reply):
        lines = reply.split('\n')
        return (''.join(line[:3] + '-' + line[4:] + '\r\n' for line in lines[:-1]) + lines[-1] + '\r\n').encode()

    def say(self, reply):
        self.sock.sendall(self.lines_of(reply))

    def answer(self, step, usual, argument='', send=None):
        """What was said, by send(reply, bytes) or at once."""
        what = self.sink.what(step)
        if callable(what):
            what = what(self, argument)
        if what is DROP:
            raise EOFError
        if what is HANG:
            self.sink.ending.wait()
            raise EOFError
        if isinstance(what, (int, float)):
            self.sink.ending.wait(what)
            what = None
        reply = what.decode() if isinstance(what, bytes) else what or usual
        send = send or (lambda reply, data: self.sock.sendall(data))
        send(reply, what if isinstance(what, bytes) else self.lines_of(reply))
        return reply

    def data(self):
        """Between DATA and its end, dots undone."""
        end = b'\r\n.\r\n'
        body = b'\r\n'
        while True:
            while not self.buffer:
                self.more()
            at = (body[-4:] + self.buffer).find(end)
            if at >= 0:
                keep = at + len(end) - len(body[-4:])
                body, self.buffer = body + self.buffer[:keep], self.buffer[keep:]
                break
            body, self.buffer = body + self.buffer, b''
        lines = body[2:-3].split(b'\r\n')
        return b'\r\n'.join(line[1:] if line.startswith(b'.') else line for line in lines)

    def taken(self, data):
        """It is there before that is said, for those who wait for the other side; and it was said when Sink.wait returns, for those who then end the sink."""
        def take(reply, line):
            with self.sink.changed:
                if reply.startswith('2'):
                    self.messages += 1
                    self.sink.take(Message(self.sender, list(self.recipients), data, self))
                self.sock.sendall(line)
        self.answer('dot', '250 2.0.0 taken', send=take)
        self.reset()

    def command(self, line):
        text = line.decode('utf-8', 'replace')
        verb, _, rest = text.partition(' ')
        getattr(self, 'do_' + verb.lower(), self.unknown)(rest)

    def unknown(self, rest):
        self.say('500 5.5.1 what?')

    def do_ehlo(self, rest):
        words = list(self.sink.extensions)
        if self.sink.context and not self.tls:
            words.append('STARTTLS')
        self.answer('ehlo', '\n'.join('250 ' + w for w in ['sink.test'] + words), rest)

    def do_helo(self, rest):
        self.answer('helo', '250 sink.test', rest)

    def do_starttls(self, rest):
        if self.answer('starttls', '220 go').startswith('2'):
            self.sock = self.sink.context.wrap_socket(self.sock, server_side=True)
            self.buffer, self.tls = b'', True

    def do_auth(self, rest):
        words = rest.split()
        if words[0].upper() == 'SCRAM-SHA-256':
            return self.sink.scram(self, base64.b64decode(words[1]).decode())
        if words[0].upper() == 'LOGIN':
            self.say('334 VXNlcm5hbWU6')
            self.user = base64.b64decode(self.line())
            self.say('334 UGFzc3dvcmQ6')
            self.user += b':' + base64.b64decode(self.line())
        else:
            self.user = b':'.join(base64.b64decode(words[1]).split(b'\0')[1:])
        self.answer('auth', '235 2.7.0 welcome')

    def challenge(self, text):
        """Asked, and answered."""
        self.say('334 ' + base64.b64encode(text.encode()).decode())
        return base64.b64decode(self.line()).decode()

    def do_mail(self, rest):
        reply = self.answer('mail', '250 2.1.0 ok' if self.sender is None else '503 5.5.1 one at a time', rest)
        if reply.startswith('2'):
            self.sender, _, self.mail_arguments = rest[len('FROM:<'):].partition('>')

    def do_rcpt(self, rest):
        usual = '250 2.1.5 ok' if self.sender is not None else '503 5.5.1 MAIL first'
        if self.answer('rcpt', usual, rest).startswith('2'):
            self.recipients.append(rest[len('TO:<'):])

    def do_data(self, rest):
        if self.answer('data', '354 go' if self.recipients else '503 5.5.1 RCPT first').startswith('3'):
            self.taken(self.data())

    def do_bdat(self, rest):
        words = rest.split()
        self.chunks += self.exactly(int(words[0]))
        if words[-1].upper() != 'LAST':
            self.say('250 2.0.0 more')
        elif not self.recipients:
            self.say('503 5.5.1 RCPT first')
            self.reset()
        else:
            self.taken(self.chunks)

    def do_rset(self, rest):
        self.reset()
        self.answer('rset', '250 2.0.0 forgotten')

    def do_quit(self, rest):
        self.answer('quit', '221 2.0.0 bye')
        raise EOFError

    def run(self):
        try:
            if self.sink.implicit:
                self.sock, self.tls = self.sink.context.wrap_socket(self.sock, server_side=True), True
            self.answer('connect', '220 sink.test ESMTP')
            while True:
                line = self.line()
                self.lines.append(line.decode('utf-8', 'replace'))
                self.command(line)
        except (EOFError, OSError, ValueError):
            pass
        finally:
            self.sink.left(self)
            self.sock.close()


class Sink:
    def __init__(self, at=None, extensions=None, context=None, implicit=False, host='127.0.0.1', port=0):
        self.at = {step: list(what) if isinstance(what, list) else [what] for step, what in (at or {}).items()}
        self.extensions = USUAL if extensions is None else extensions
        self.context, self.implicit = context, implicit
        self.lock, self.changed = threading.Lock(), threading.Condition()
        self.messages, self.sessions, self.open, self.most = [], [], 0, 0
        self.ending = threading.Event()
        self.listener = socket.create_server((host, port), backlog=256, family=socket.AF_INET6 if ':' in host else socket.AF_INET)
        self.port = self.listener.getsockname()[1]

    def scram(self, session, first):
        """AUTH SCRAM-SHA-256: for those that announce it."""
        session.say('504 5.5.4 not here')

    def what(self, step):
        with self.lock:
            todo = self.at.get(step)
            if not todo:
                return None
            return todo.pop(0) if len(todo) > 1 else todo[0]

    def take(self, message):
        with self.changed:
            self.messages.append(message)
            self.changed.notify_all()

    def left(self, session):
        with self.changed:
            self.open -= 1
            self.changed.notify_all()

    def wait(self, n=1, seconds=60):
        """Until n messages came; whether they did."""
        with self.changed:
            return self.changed.wait_for(lambda: len(self.messages) >= n, seconds)

    def wait_sessions(self, n, seconds=60):
        with self.changed:
            return self.changed.wait_for(lambda: len(self.sessions) >= n, seconds)

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            session = Session(self, sock)
            with self.changed:
                self.sessions.append(session)
                self.open += 1
                self.most = max(self.most, self.open)
                self.changed.notify_all()
            threading.Thread(target=session.run, daemon=True).start()

    def __enter__(self):
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.ending.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        for session in self.sessions:
            try:
                session.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        return False


def certificate(folder, name='sink.test', extra=()):
    """(file of certificate, file of key, a server's context): self-signed."""
    import os, subprocess
    cert, key = os.path.join(folder, 'sink.pem'), os.path.join(folder, 'sink.key')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=' + name,
                    '-addext', 'subjectAltName=' + ','.join('DNS:' + n for n in (name, *extra)), '-keyout', key, '-out', cert], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, key, context
