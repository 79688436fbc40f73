"""A mail server that takes everything and remembers it: where mail for elsewhere goes in tests."""
import collections, re, socket, socketserver, threading

Letter = collections.namedtuple('Letter', 'sender recipients data mail_line rcpt_lines helo')


class _Session(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b'\r\n')
        self.wfile.flush()

    def handle(self):
        sink, self.sender, self.to, helo = self.server.sink, None, [], ''
        with sink.lock:
            sink.connections += 1
        try:
            self.say('220 sink.test ESMTP')
            while True:
                line = self.rfile.readline(4096).decode('latin-1').rstrip('\r\n')
                if not line:
                    return
                verb = line.split(' ')[0].upper()
                answer = sink.answer(line)
                if answer:
                    self.say(answer)
                elif verb in ('EHLO', 'HELO'):
                    helo = line[5:]
                    self.say('\r\n'.join(['250-sink.test'] + ['250-' + w for w in sink.words] + ['250 OK']))
                elif verb == 'MAIL':
                    self.mail_line, self.sender, self.to, self.rcpt_lines = line, re.search(r'<(.*?)>', line).group(1), [], []
                    self.say('250 2.1.0 ok')
                elif verb == 'RCPT':
                    self.to.append(re.search(r'<(.*)>', line).group(1))
                    self.rcpt_lines.append(line)
                    self.say('250 2.1.5 ok')
                elif verb == 'DATA':
                    self.say('354 go on')
                    self.take(sink, helo, self.until_dot())
                elif verb == 'QUIT':
                    self.say('221 2.0.0 bye')
                    return
                else:
                    self.say('250 2.0.0 ok')
        except OSError:
            pass

    def until_dot(self):
        data = b''
        while True:
            line = self.rfile.readline()
            if not line:
                raise OSError('gone in the middle of a message')
            if line == b'.\r\n':
                return data
            data += line[1:] if line.startswith(b'.') else line

    def take(self, sink, helo, data):
        with sink.lock:
            sink.letters.append(Letter(self.sender, self.to, data, self.mail_line, self.rcpt_lines, helo))
        self.say('250 2.0.0 taken')


class Sink:
    """with Sink() as s: … s.port … s.letters; answer(line) may return a reply of its own to a command."""

    def __init__(self, words=('PIPELINING', '8BITMIME', 'SIZE 50000000', 'ENHANCEDSTATUSCODES'), answer=lambda line: None):
        self.words, self.answer, self.letters, self.lock, self.connections = words, answer, [], threading.Lock(), 0

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads, allow_reuse_address, request_queue_size = True, True, 128
        self.server = Server(('127.0.0.1', 0), _Session)
        self.server.sink = self
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def closed_port():
    """A port of this machine that refuses connections as long as the socket lives: (port, socket)."""
    s = socket.socket()
    s.bind(('127.0.0.1', 0))
    return s.getsockname()[1], s
