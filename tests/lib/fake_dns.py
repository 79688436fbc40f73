"""A name server for tests, on loopback, UDP and TCP: answers from a dictionary, and misbehaves when told to.

    with FakeDNS({'example.org': {'TXT': ['v=spf1 -all'], 'MX': ['10 mx.example.org']}}) as dns:
        Server(dns=dns.address) …

Zone: {name: {TYPE: [text, …]}} in the form of a zone file (TXT: the text itself, bytes or a list of strings for several;
any other type: bytes of the record). Names that are missing but have something below them are empty (NODATA), others NXDOMAIN.
A name may have one manner instead of records: 'SERVFAIL', 'REFUSED', 'SILENT', 'GARBAGE' (bytes that are no message),
or ('SLOW', seconds, records); ('TRUNCATED', records): the answer only by TCP; ('FORGED', records): answers that say "forged", one with
another id and one from another port, come before the right one. ('DELEGATED', {'NS': [name], 'A': [its address]}): everything
at and below it is somebody else's. A CNAME is followed inside the zone.
dns.queries: (name, type, 'udp' or 'tcp') of every question so far; one that a resolver repeats before it has its answer, as on a busy machine, is one."""
import base64, ipaddress, os, socket, socketserver, struct, subprocess, tempfile, threading, time

TYPES = {'A': 1, 'NS': 2, 'CNAME': 5, 'SOA': 6, 'PTR': 12, 'MX': 15, 'TXT': 16, 'AAAA': 28, 'SRV': 33, 'DS': 43, 'RRSIG': 46, 'DNSKEY': 48, 'TLSA': 52}
NAMES = {number: name for name, number in TYPES.items()}
RCODES = {'NOERROR': 0, 'SERVFAIL': 2, 'NXDOMAIN': 3, 'REFUSED': 5}
UDP_MAX = 1232
TTL = 300
SO_TIMESTAMPNS = 35  # of Linux: when the kernel had the packet


def wire_name(name):
    labels = [label.encode() for label in name.rstrip('.').split('.') if label]
    return b''.join(bytes([len(label)]) + label for label in labels) + b'\0'


def wire_text(value):
    pieces = value if isinstance(value, (list, tuple)) else [value]
    out = b''
    for piece in pieces:
        piece = piece if isinstance(piece, bytes) else piece.encode()
        for at in range(0, max(len(piece), 1), 255):
            part = piece[at:at + 255]
            out += bytes([len(part)]) + part
    return out


def wire_data(kind, value):
    if kind == 'TXT':
        return wire_text(value)
    if isinstance(value, bytes):
        return value
    if kind in ('A', 'AAAA'):
        return ipaddress.ip_address(value).packed
    if kind in ('NS', 'CNAME', 'PTR'):
        return wire_name(value)
    words = value.split()
    if kind == 'MX':
        return struct.pack('>H', int(words[0])) + wire_name(words[1])
    if kind == 'SOA':
        return wire_name(words[0]) + wire_name(words[1]) + struct.pack('>5I', *map(int, words[2:7]))
    if kind == 'SRV':
        return struct.pack('>3H', *map(int, words[:3])) + wire_name(words[3])
    if kind == 'TLSA':
        return bytes(int(w) for w in words[:3]) + bytes.fromhex(''.join(words[3:]))
    raise ValueError('records of type %s must be bytes' % kind)


def record(owner, kind, data, ttl=TTL):
    return wire_name(owner) + struct.pack('>2HIH', TYPES[kind], 1, ttl, len(data)) + data


# ---- DNSSEC: one key for a zone, ECDSA P-256 (RFC 6605) ----

def openssl(*args, data=None):
    return subprocess.run(['openssl', *args], input=data, capture_output=True, check=True).stdout


def der_integers(der):
    """r and s of an ECDSA signature, 32 bytes each."""
    out, at = b'', 2
    for _ in range(2):
        size = der[at + 1]
        out += der[at + 2:at + 2 + size].lstrip(b'\0').rjust(32, b'\0')
        at += 2 + size
    return out


def key_tag(dnskey):
    """RFC 4034 appendix B."""
    total = sum(byte << 8 if i % 2 == 0 else byte for i, byte in enumerate(dnskey))
    return (total + (total >> 16)) & 0xffff


def signature(key, tag, apex, name, kind, values):
    """The data of an RRSIG (RFC 4034 3.1.8.1), good from yesterday to tomorrow."""
    now = int(time.time())
    head = struct.pack('>HBBIIIH', TYPES[kind], 13, len([p for p in name.split('.') if p]), TTL, now + 86400, now - 86400, tag) + wire_name(apex)
    rows = b''.join(record(name, kind, data) for data in sorted(wire_data(kind, v) for v in values))
    return head + der_integers(openssl('dgst', '-sha256', '-sign', key, data=head + rows))


def sign(zone, apex):
    """Signs, in place, every record at and below apex; returns the trust anchor as a line of a zone file."""
    with tempfile.TemporaryDirectory() as folder:
        key = os.path.join(folder, 'key.pem')
        openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', key)
        public = openssl('ec', '-in', key, '-pubout', '-outform', 'DER')[-64:]
        dnskey = struct.pack('>HBB', 257, 3, 13) + public
        zone.setdefault(apex, {})['DNSKEY'] = [dnskey]
        for name, rows in zone.items():
            if name == apex or name.endswith('.' + apex):
                rows['RRSIG'] = [signature(key, key_tag(dnskey), apex, name, kind, values) for kind, values in rows.items()]
    return '%s. IN DNSKEY 257 3 13 %s\n' % (apex, base64.b64encode(public).decode())


class FakeDNS:
    def __init__(self, zone, host='127.0.0.1', port=0):
        self.host, self.port = host, port
        self.zone = {name.rstrip('.').lower(): rows for name, rows in zone.items()}
        self.queries, self.lock = [], threading.Lock()
        self.busy, self.answered = {}, {}  # by (name, type): how many threads are at it; when the last answer was ready
        self.udp = self.tcp = None

    # ---- answers ----

    def rows(self, name):
        """(manner or None, {type: records}) of a name; None when there is no such name."""
        entry = self.zone.get(name)
        if entry is None:
            return (None, {}) if any(other.endswith('.' + name) for other in self.zone) else None
        if isinstance(entry, str):
            return (entry, {})
        if isinstance(entry, tuple):
            return (entry[:-1] if entry[0] == 'SLOW' else entry[0], entry[-1])
        return (None, entry)

    def collect(self, name, kind):
        """-> (manner, rcode, [record bytes]), following CNAMEs."""
        out, manner, seen = [], None, set()
        while name not in seen:
            seen.add(name)
            found = self.rows(name)
            if found is None:
                return manner, 'NXDOMAIN', out
            manner = manner or found[0]
            out += [record(name, kind, wire_data(kind, value)) for value in found[1].get(kind, [])]
            signatures = [value for value in found[1].get('RRSIG', []) if value[:2] == struct.pack('>H', TYPES[kind])] if found[1].get(kind) else []
            out += [record(name, 'RRSIG', value) for value in signatures]
            alias = found[1].get('CNAME')
            if not alias or kind == 'CNAME':
                break
            out.append(record(name, 'CNAME', wire_name(alias[0])))
            name = alias[0].rstrip('.').lower()
        return manner, 'NOERROR', out

    def asked_by(self, query, transport, came=None):
        """The answer to a question that came at that time, which is written down unless somebody only repeats himself."""
        key = self.name(query), NAMES.get(struct.unpack('>H', self.question(query)[-4:-2])[0])
        with self.lock:
            if came is None or not self.busy.get(key) and came > self.answered.get(key, 0):
                self.queries.append((*key, transport))
            self.busy[key] = self.busy.get(key, 0) + 1
        try:
            return self.answer(query, transport)
        finally:
            with self.lock:
                self.busy[key] -= 1
                self.answered[key] = time.time()

    def answer(self, query, transport):
        """The bytes to send back, or None."""
        question, name = self.question(query), self.name(query)
        kind = NAMES.get(struct.unpack('>H', question[-4:-2])[0])
        apex = self.delegated(name)
        if apex is not None:
            return query[:2] + struct.pack('>5H', 0x8000, 1, 0, 1, 1) + question + self.referral(apex)
        manner, rcode, records = self.collect(name, kind) if kind else (None, 'NOERROR', [])
        if isinstance(manner, tuple):
            time.sleep(manner[1])
        if manner == 'SILENT':
            return None
        if manner == 'GARBAGE':
            return query[:2] + b'\x81\x80garbage'
        if manner in RCODES:
            rcode, records = manner, []
        flags = 0x8400 | RCODES[rcode]
        body = b''.join(records)
        if transport == 'udp' and (manner == 'TRUNCATED' or 12 + len(question) + len(body) > UDP_MAX):
            flags, records, body = flags | 0x0200, [], b''
        return query[:2] + struct.pack('>5H', flags, 1, len(records), 0, 0) + question + body

    def delegated(self, name):
        for apex, entry in self.zone.items():
            if isinstance(entry, tuple) and entry[0] == 'DELEGATED' and (name == apex or name.endswith('.' + apex)):
                return apex
        return None

    def referral(self, apex):
        """The authority and additional sections (RFC 1034 4.3.2)."""
        rows = self.zone[apex][1]
        return record(apex, 'NS', wire_name(rows['NS'][0])) + record(rows['NS'][0], 'A', wire_data('A', rows['A'][0]))

    @staticmethod
    def question(query):
        at = 12
        while query[at]:
            at += query[at] + 1
        return query[12:at + 5]

    @staticmethod
    def name(query):
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode('latin-1'))
            at += query[at] + 1
        return '.'.join(labels).lower()

    def forges(self, query):
        entry = self.zone.get(self.name(query))
        return isinstance(entry, tuple) and entry[0] == 'FORGED'

    # ---- sockets ----

    @property
    def address(self):
        return '%s@%d' % (self.host, self.port)

    def __enter__(self):
        fake = self

        class Udp(socketserver.BaseRequestHandler):
            def handle(self):
                reply = fake.asked_by(self.request[0], 'udp', self.request[2])
                if reply and fake.forges(self.request[0]):
                    self.forge(reply)
                if reply:
                    self.request[1].sendto(reply, self.client_address)

            def forge(self, reply):
                wrong = record('x', 'TXT', wire_text('forged'))[3:]
                wrong = reply[:6] + b'\0\1' + reply[8:12] + fake.question(self.request[0]) + b'\xc0\x0c' + wrong
                self.request[1].sendto(bytes([wrong[0] ^ 1]) + wrong[1:], self.client_address)
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                    s.sendto(wrong, self.client_address)

        class Tcp(socketserver.StreamRequestHandler):
            def handle(self):
                while True:
                    size = self.rfile.read(2)
                    if len(size) < 2:
                        return
                    reply = fake.asked_by(self.rfile.read(struct.unpack('>H', size)[0]), 'tcp')
                    if not reply:
                        return
                    self.wfile.write(struct.pack('>H', len(reply)) + reply)

        class Tcp4(socketserver.ThreadingTCPServer):
            daemon_threads = allow_reuse_address = True
            request_queue_size = 128

        class Udp4(socketserver.ThreadingUDPServer):
            daemon_threads = True

            def server_bind(self):
                self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
                super().server_bind()

            def get_request(self):
                data, more, _, address = self.socket.recvmsg(65535, 64)
                seconds, nanoseconds = struct.unpack('@qq', more[0][2])
                return (data, self.socket, seconds + nanoseconds / 1e9), address

        failed = []  # kept until one port is free for both, so that none is tried twice
        while not self.udp:
            self.tcp = Tcp4((self.host, self.port), Tcp)
            port = self.tcp.server_address[1]
            try:
                self.udp = Udp4((self.host, port), Udp)
            except OSError:
                failed.append(self.tcp)
                if self.port or len(failed) > 50:
                    raise
        self.port = port
        for server in failed:
            server.server_close()
        for server in (self.udp, self.tcp):
            threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exc):
        for server in (self.udp, self.tcp):
            server.shutdown()
            server.server_close()
        self.udp = self.tcp = None
        return False

    def asked(self, name, kind=None):
        """How often."""
        with self.lock:
            return sum(1 for n, k, _ in self.queries if n == name.lower() and kind in (None, k))
