"""Ports of 127.0.0.1 that are free: below the ephemeral range, so that no client socket sits there. Test files that run side by side (unit.py -j) look in
different parts of that range, so that none takes what another has just found."""
import contextlib, os, random, socket

FIRST, LAST = 2000, 31000
given = set()  # by this process: who asked first may not have bound his yet


def part():
    """FCT_TEST_PART=1/2: the second half."""
    at, of = map(int, os.environ.get('FCT_TEST_PART', '0/1').split('/'))
    size = (LAST - FIRST) // of
    return FIRST + at * size, FIRST + (at + 1) * size


def free_base(offsets):
    """A port which is free together with those so far above it."""
    rnd = random.Random(os.urandom(8))
    first, last = part()
    for _ in range(200):
        base = rnd.randrange(first, last - max(offsets))
        wanted = {base + offset for offset in offsets}
        if wanted & given:
            continue
        with contextlib.ExitStack() as held:
            try:
                for port in wanted:
                    s = held.enter_context(socket.socket())
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    s.bind(('127.0.0.1', port))
                given.update(wanted)
                return base
            except OSError:
                continue
    raise RuntimeError('no free ports')


def free_port():
    return free_base([0])
