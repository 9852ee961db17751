"""Many sessions of a plain listener at once, all blocked, and then let go.

usage: blocked_sessions.py PORT SESSIONS BYTES

Each session's first end sends BYTES of a pattern of its own, and its second end reads nothing. Prints "blocked" once nothing
moves any more, and waits for a line on standard input. Then the second ends read; it prints "intact N of SESSIONS".
"""

import hashlib
import selectors
import socket
import sys
import time

PORT, SESSIONS, BYTES = (int(word) for word in sys.argv[1:])
STILL = 0.5  # seconds without a byte moved, after which all are blocked


def dial(receive_buffer=None):
    end = socket.socket()
    if receive_buffer is not None:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    else:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    end.connect(("127.0.0.1", PORT))
    end.setblocking(False)
    return end


def pattern(session):
    return hashlib.sha256(str(session).encode()).digest() * (BYTES // 32)


class Session:
    def __init__(self, number):
        self.number = number
        self.sender = dial()
        self.reader = dial(receive_buffer=4096)
        self.sent = 0
        self.got = hashlib.sha256()

    def send(self):
        """True while there is more to send."""
        data = memoryview(pattern(self.number))
        try:
            while self.sent < BYTES:
                self.sent += self.sender.send(data[self.sent : self.sent + 262144])
        except BlockingIOError:
            return True
        self.sender.shutdown(socket.SHUT_WR)
        return False

    def read(self):
        """True until the end has come."""
        try:
            while data := self.reader.recv(262144):
                self.got.update(data)
        except BlockingIOError:
            return True
        return False


sessions = [Session(number) for number in range(SESSIONS)]
selector = selectors.DefaultSelector()
for one in sessions:
    selector.register(one.sender, selectors.EVENT_WRITE, one)


def turn(timeout):
    moved = False
    for key, _ in selector.select(timeout):
        moved = True
        act = key.data.send if key.fileobj is key.data.sender else key.data.read
        if not act():
            selector.unregister(key.fileobj)
    return moved


last = time.monotonic()
while time.monotonic() - last < STILL:
    if turn(0.1):
        last = time.monotonic()
print("blocked", sum(one.sent < BYTES for one in sessions), flush=True)
sys.stdin.readline()

for one in sessions:
    one.reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    selector.register(one.reader, selectors.EVENT_READ, one)
while selector.get_map():
    turn(5)
intact = sum(one.got.digest() == hashlib.sha256(pattern(one.number)).digest() for one in sessions)
print("intact", intact, "of", SESSIONS, flush=True)
