"""A mail server that fails in every way it can, and keeps account of it: for tests of what a sender does about that.

Faults are drawn for each connection and message from one random generator. Every end of a message (its dot) is written down with what
became of its answer; `lost` says whether the other side can have read it."""
import asyncio, collections, random, re, threading, time

# Steps at which a connection is dropped, or answered with a code that ends or postpones the message.
STEPS = ('greeting', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'body', 'dot')
FAULTS = ['drop ' + s for s in STEPS] + ['4xx ' + s for s in STEPS if s != 'body'] + ['5xx ' + s for s in STEPS if s != 'body'] + [
    'slow', 'hang dot', 'size lie']
REFUSED = {'4xx': '451 4.3.0 not now', '5xx': '554 5.7.1 never'}


class Dot:
    """One message that came in whole. answer: '250', '4xx', '5xx', or '' when none was given."""

    def __init__(self, connection, to):
        self.connection, self.to, self.at, self.answer = connection, to, time.monotonic(), ''


class Connection:
    def __init__(self, sink):
        self.sink, self.opened, self.closed, self.ended, self.fault = sink, time.monotonic(), None, '', sink.draw(5)

    def strikes(self, step):
        """The fault of this connection if it is one of this step: then a new one is drawn for the next message."""
        kind, _, where = self.fault.partition(' ')
        if where != step or kind not in ('drop', '4xx', '5xx', 'hang'):
            return ''
        self.fault, self.ended = '', kind + ' ' + where if kind in ('drop', 'hang') else ''
        self.sink.counted[kind + ' ' + where] += 1
        return kind

    async def say(self, text):
        if self.fault == 'slow':
            await asyncio.sleep(0.02)
        self.out.write(text.encode() + b'\r\n')
        await self.out.drain()

    async def answer(self, step, text):
        """True: the dialogue goes on as the sender hopes."""
        fault = self.strikes(step)
        if fault == 'drop':
            raise ConnectionError('on purpose')
        await self.say(REFUSED.get(fault, text))
        return not fault

    async def serve(self, reader, out):
        self.reader, self.out = reader, out
        try:
            if await self.answer('greeting', '220 hostile.test ESMTP'):
                while await self.command():
                    pass
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self.closed = time.monotonic()
            out.transport.abort()

    async def command(self):
        line = (await self.reader.readuntil(b'\n')).decode('latin-1').rstrip('\r\n')
        verb = line.split(' ')[0].upper()
        if verb in ('EHLO', 'HELO'):
            lie = self.fault == 'size lie'
            words = ['hostile.test', 'PIPELINING', '8BITMIME', 'ENHANCEDSTATUSCODES', 'SIZE %d' % (2000 if lie else 0)] + self.sink.words
            self.sink.counted['size lie'] += lie
            await self.answer('EHLO', '\r\n'.join('250-' + w for w in words) + '\r\n250 OK')
        elif verb == 'MAIL':
            self.to, self.fault = [], self.sink.draw() if not self.fault else self.fault
            await self.answer('MAIL', '250 2.1.0 ok')
        elif verb == 'RCPT':
            if await self.answer('RCPT', '250 2.1.5 ok'):
                self.to.append(re.search(r'<(.*)>', line).group(1))
        elif verb == 'DATA':
            if not self.to:
                await self.say('503 5.5.1 nobody')
            elif await self.answer('DATA', '354 go on'):
                await self.body()
        elif verb == 'BDAT':
            await self.reader.readexactly(int(line.split()[1]))
            if not self.to:
                await self.say('503 5.5.1 nobody')
            else:
                await self.end()
        elif verb == 'QUIT':
            self.ended = 'QUIT'
            await self.say('221 2.0.0 bye')
            return False
        else:
            await self.say('250 2.0.0 ok')
        return True

    async def body(self):
        if self.strikes('body'):
            raise ConnectionError('on purpose')
        while await self.reader.readuntil(b'\n') != b'.\r\n':
            pass
        await self.end()

    async def end(self):
        """The dot. What is answered is written down before it leaves."""
        dot = Dot(self, self.to)
        self.sink.dots.append(dot)
        fault, self.to = self.strikes('dot'), []
        self.fault = ''
        if fault == 'hang':
            await self.reader.read()  # until the other side gives up
            raise ConnectionError('on purpose')
        if fault == 'drop':
            raise ConnectionError('on purpose')
        dot.answer = fault or '250'
        await self.say(REFUSED.get(fault, '250 2.0.0 taken'))


class Sink:
    """with Sink(seed, share, ports=10) as s: … s.ports … s.dots; share: of the messages that meet a fault."""

    def __init__(self, seed, share, ports=10, words=('CHUNKING',)):
        self.random, self.share, self.number, self.words = random.Random(seed), share, ports, list(words)
        self.dots, self.counted, self.connections, self.ports, self.next = [], collections.Counter(), [], [], []

    def draw(self, times=1):
        """All faults in some order, then all of them in another: none is left out by chance."""
        if self.random.random() >= times * self.share:
            return ''
        self.next = self.next or self.random.sample(FAULTS, len(FAULTS))
        return self.next.pop()

    async def accept(self, reader, out):
        c = Connection(self)
        self.connections.append(c)
        await c.serve(reader, out)

    async def run(self, ready):
        self.loop, self.ending = asyncio.get_running_loop(), asyncio.Event()
        servers = [await asyncio.start_server(self.accept, '127.0.0.1', 0, backlog=128) for _ in range(self.number)]
        self.ports = [s.sockets[0].getsockname()[1] for s in servers]
        ready.set()
        await self.ending.wait()
        for s in servers:
            s.close()

    def __enter__(self):
        ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run(ready)), daemon=True)
        self.thread.start()
        ready.wait()
        return self

    def __exit__(self, *exc):
        self.loop.call_soon_threadsafe(self.ending.set)
        self.thread.join()
