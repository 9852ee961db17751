"""The client of relay.py for asyncio (Python 3.11 or later).

asyncio's own TLS will not do for the outer connection: it reads ahead of the record that it needs, and when its TLS ends
it closes TCP. Nor for the inner one: a connection that is cut off looks like one that has ended, and half-close is not
there (StreamWriter.write_eof raises). So TLS is an ssl.SSLObject here, which is fed one record at a time. Fed so, it has
nothing of what follows close_notify, and close_notify may be sent without waiting for the relay's.
"""

import asyncio
import socket
import ssl
from dataclasses import dataclass

from relay import (
    CONTENT_LIMIT,
    HEAD_LIMIT,
    Dropped,
    Refused,
    Session,
    Wish,
    check_answer,
    parse_head,
    request,
    split_address,
    verify,
)

RECORD_HEADER = 5


@dataclass(frozen=True)
class Bare:
    """A TCP connection."""

    socket: socket.socket

    async def recv(self, size):
        return await asyncio.get_running_loop().sock_recv(self.socket, size)

    async def sendall(self, data):
        await asyncio.get_running_loop().sock_sendall(self.socket, data)

    def close(self):
        self.socket.close()


class Tls:
    """TLS over whatever has recv and sendall. It takes whole records from below, and never a byte of the next."""

    def __init__(self, below, context, *, server_side=False, hostname=None):
        self.below = below
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side, hostname)

    async def handshake(self):
        await self._run(self._tls.do_handshake)
        return self

    async def sendall(self, data):
        view = memoryview(data)
        while view:
            view = view[await self._run(self._tls.write, view) :]

    async def recv(self, size):
        """b"" after the peer's close_notify; ssl.SSLEOFError if the connection ended without it."""
        try:
            data = await self._run(self._tls.read, size)
        except ssl.SSLZeroReturnError:
            return b""
        if not data and self._incoming.eof:  # Python 3.11.2 takes the one for the other
            raise ssl.SSLEOFError("the connection ended without close_notify")
        return data

    async def send_close_notify(self):
        """The first half of `unwrap`: this direction of TLS is over. What the other sends may still be read."""
        try:
            self._tls.unwrap()
        except ssl.SSLWantReadError:
            pass  # it would wait for the peer's close_notify now
        await self._flush()

    async def unwrap(self):
        """Sends close_notify, waits for the peer's, and gives the connection below."""
        await self._run(self._tls.unwrap)
        return self.below

    def getpeercert(self, binary_form=False):
        return self._tls.getpeercert(binary_form)

    def close(self):
        self.below.close()

    async def _run(self, step, *args):
        while True:
            try:
                result = step(*args)
            except ssl.SSLWantReadError:
                await self._flush()
                await self._feed_record()
                continue
            except ssl.SSLError:
                await self._flush()  # the alert
                raise
            await self._flush()
            return result

    async def _flush(self):
        if self._outgoing.pending:
            await self.below.sendall(self._outgoing.read())

    async def _feed_record(self):
        header = await self._exactly(RECORD_HEADER)
        if len(header) == RECORD_HEADER:
            self._incoming.write(header + await self._exactly(int.from_bytes(header[3:], "big")))
        else:
            self._incoming.write_eof()

    async def _exactly(self, size):
        """Less only at the end of the connection below."""
        received = b""
        while len(received) < size:
            chunk = await self.below.recv(size - len(received))
            if not chunk:
                break
            received += chunk
        return received


async def connect(relay, peer, identity, wish=Wish()):
    """As relay.connect; `stream` of the Session is a Tls. Cancelling it closes the connection."""
    host, port = split_address(relay)
    tcp = Bare(await dial(host, port))
    try:
        async with asyncio.timeout(wish.wait + 30):
            outer = await Tls(tcp, identity.outer_context(), hostname=host).handshake()
            await outer.sendall(request(peer, wish))
            link = await detach(outer, wish.pipelined) if wish.transport == "raw" else outer
            fields = await read_answer(link)
            check_answer(fields, peer, wish)
            role = fields["relay-role"]
            server_side = role == "server"
            inner = await Tls(link, identity.inner_context(server_side), server_side=server_side).handshake()
            verify(inner, peer)
            return Session(inner, role, fields["relay-session"])
    except BaseException:
        tcp.close()
        raise


async def dial(host, port):
    loop = asyncio.get_running_loop()
    family, kind, protocol, _, address = (await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))[0]
    tcp = socket.socket(family, kind, protocol)
    try:
        tcp.setblocking(False)
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_connect(tcp, address)
        return tcp
    except BaseException:
        tcp.close()
        raise


async def detach(outer, pipelined=False):
    """Takes the outer TLS off. Reads are record-exact: so a refusal is found even behind a close_notify of our own."""
    if pipelined:
        await outer.send_close_notify()
    refusal = await receive_until_end(outer, HEAD_LIMIT + CONTENT_LIMIT)
    if refusal:
        raise Refused(refusal)
    return await outer.unwrap()


async def read_answer(connection):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = await connection.recv(1)
        if not byte or len(head) >= HEAD_LIMIT:
            raise Dropped(f"the relay is gone, or no relay: {head[:80]!r}")
        head += byte
    status, fields = parse_head(head)
    if status != 200:
        raise Refused(head + await receive_until_end(connection, CONTENT_LIMIT))
    return fields


async def receive_until_end(connection, limit):
    received = b""
    while len(received) <= limit:
        chunk = await connection.recv(limit)
        if not chunk:
            break
        received += chunk
    return received
