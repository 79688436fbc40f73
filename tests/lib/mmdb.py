"""Writes a tiny database in MaxMind's format (version 2.0, 24-bit records, IPv6 tree), for tests: {'192.0.2.0/24': {'autonomous_system_number': 64500}}."""
import ipaddress, struct


UINT16, UINT32, UINT64 = 5, 6, 9


def control(kind, size):
    return bytes([kind << 5 | size]) if kind < 8 else bytes([size, kind - 7])


def number(v, kind=UINT32):
    raw = struct.pack('>Q', v).lstrip(b'\0')
    return control(kind, len(raw)) + raw


def value(v):
    """Maps, lists, texts and whole numbers, each shorter than what needs a longer size; bytes: encoded already."""
    if isinstance(v, bytes):
        return v
    if isinstance(v, dict):
        return control(7, len(v)) + b''.join(value(k) + value(x) for k, x in v.items())
    if isinstance(v, list):
        return control(11, len(v)) + b''.join(map(value, v))
    if isinstance(v, str):
        return control(2, len(v.encode())) + v.encode()
    return number(v)


def write(path, networks):
    nodes, data = [[None, None]], b''
    for text, what in networks.items():
        net = ipaddress.ip_network(text)
        bits, length = int(net.network_address), net.prefixlen + (96 if net.version == 4 else 0)
        at = 0
        for i in range(length):
            bit = bits >> (127 - i) & 1
            if i + 1 == length:
                nodes[at][bit] = len(data), 'data'
            else:
                if nodes[at][bit] is None:
                    nodes.append([None, None])
                    nodes[at][bit] = len(nodes) - 1
                at = nodes[at][bit]
        data += value(what)
    tree = b''
    for pair in nodes:
        for record in pair:
            to = len(nodes) if record is None else len(nodes) + 16 + record[0] if isinstance(record, tuple) else record
            tree += struct.pack('>I', to)[1:]
    meta = value({'node_count': len(nodes), 'record_size': number(24, UINT16), 'ip_version': number(6, UINT16), 'database_type': 'Test-ASN', 'languages': [], 'binary_format_major_version': number(2, UINT16),
                  'binary_format_minor_version': number(0, UINT16), 'build_epoch': number(1767225600, UINT64), 'description': {'en': 'for a test'}})
    with open(path, 'wb') as f:
        f.write(tree + bytes(16) + data + b'\xab\xcd\xefMaxMind.com' + meta)
