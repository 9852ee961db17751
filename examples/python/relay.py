"""A client of the relay with nothing but Python's standard library (3.8 or later): PROTOCOL.md, "A client, step by step".

    identity = Identity("f1.pem", "f1.key", "ca.pem")
    session = connect("127.0.0.1:8443", "f2", identity)
    session.stream.sendall(b"hello")      # mTLS with f2, which is verified

Copy it into your function. What it raises: Refused (the relay said no, and why), Dropped (it said nothing), NotVerified
(somebody else is at the other end), OSError with TimeoutError and ssl.SSLError among its kinds.
"""

import socket
import ssl
import urllib.parse
from dataclasses import dataclass

from tls_over import TlsOver

HEAD_LIMIT = 16 * 1024
CONTENT_LIMIT = 4 * 1024

# DER of two object identifiers: the extension "extended key usage", and the usage "TLS client" (RFC 5280 4.2.1.12).
EXTENDED_KEY_USAGE = bytes.fromhex("0603551d25")
CLIENT_AUTH = bytes.fromhex("06082b06010505070302")


class Refused(Exception):
    """The relay's answer, where it is not a 200: status, the reason from Proxy-Status, a line of advice."""

    def __init__(self, answer):
        head, _, content = answer.partition(b"\r\n\r\n")
        self.status, fields = parse_head(head)
        proxy_status = fields.get("proxy-status", "")
        self.reason = proxy_status.rpartition("reason=")[2] or f"http_{self.status}"
        self.retry_after = fields.get("retry-after")  # seconds, as text
        super().__init__(f"{self.status} {printable(content) or self.reason}")


class Dropped(Exception):
    """The connection ended where an answer or close_notify should have come. It may be tried again, with backoff."""


class NotVerified(Exception):
    """Whoever is at the other end did not prove to be the peer."""


@dataclass(frozen=True)
class Identity:
    """Paths of PEM files: the certificate, its key, and the CA that issues the relay's and the peers' certificates."""

    cert: str
    key: str
    ca: str

    def context(self, server_side=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server_side else ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_verify_locations(self.ca)
        context.load_cert_chain(self.cert, self.key)
        return context

    def outer_context(self):
        context = self.context()
        context.set_alpn_protocols(["http/1.1"])
        return context

    def inner_context(self, server_side):
        """For the inner TLS: a certificate of a CA of ours is demanded; `verify` looks for the name in it."""
        context = self.context(server_side)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        if server_side:
            context.num_tickets = 0  # a resumed session would be believed without a certificate
        return context


@dataclass(frozen=True)
class Session:
    """`stream` has sendall, recv, unwrap and close. recv gives b"" after the peer's close_notify, and only then."""

    stream: object
    role: str
    id: str


@dataclass(frozen=True)
class Wish:
    """What is asked for, besides the peer: the fields of PROTOCOL.md, section 5."""

    transport: str = "raw"
    channel: object = 443  # a port, or a token
    role: str = None
    wait: int = 60
    # raw: close_notify goes out with the request, and saves a round trip. A refusal is then an ssl.SSLError without words.
    pipelined: bool = False


def connect(relay, peer, identity, wish=Wish()):
    """Meets `peer` at `relay` ("host:port"), and gives a Session. Nothing is left open if it raises."""
    host, port = split_address(relay)
    tcp = socket.create_connection((host, port), timeout=wish.wait + 30)
    tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    outer = bare = None
    try:
        outer = identity.outer_context().wrap_socket(tcp, server_hostname=host, suppress_ragged_eofs=False)
        outer.sendall(request(peer, wish))
        bare = detach(outer, wish.pipelined) if wish.transport == "raw" else outer
        fields = read_answer(bare)
        check_answer(fields, peer, wish)
        stream = secure(bare, fields["relay-role"], peer, identity, wish)
        return Session(stream, fields["relay-role"], fields["relay-session"])
    except BaseException:
        for connection in (tcp, outer, bare):
            if connection is not None:
                connection.close()
        raise


def request(peer, wish):
    port = wish.channel if isinstance(wish.channel, int) else 443
    target = f"{urllib.parse.quote(peer, safe='')}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", f"Relay-Transport: {wish.transport}"]
    if not isinstance(wish.channel, int):
        lines.append(f"Relay-Channel: {wish.channel}")
    if wish.role is not None:
        lines.append(f"Relay-Role: {wish.role}")
    lines.append(f"Prefer: wait={wish.wait}")
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


def detach(outer, pipelined=False):
    """Takes the outer TLS off: unwrap() sends close_notify, waits for the relay's, and gives the bare connection."""
    if not pipelined:
        refusal = receive_until_end(outer, HEAD_LIMIT + CONTENT_LIMIT)
        if refusal:
            raise Refused(refusal)
    return outer.unwrap()


def read_answer(connection):
    """The head of the answer, and no byte beyond it. Returns the fields of a 200."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte or len(head) >= HEAD_LIMIT:
            raise Dropped(f"the relay is gone, or no relay: {head[:80]!r}")
        head += byte
    status, fields = parse_head(head)
    if status != 200:
        raise Refused(head + receive_until_end(connection, CONTENT_LIMIT))
    return fields


def check_answer(fields, peer, wish):
    """This finds mistakes. It proves nothing: `verify` does."""
    asked = {"relay-peer": peer, "relay-transport": wish.transport}
    if wish.role is not None:
        asked["relay-role"] = wish.role
    for name, value in asked.items():
        if fields.get(name) != value:
            raise NotVerified(f"{name} is {fields.get(name)}, not {value}")
    if fields.get("relay-role") not in ("client", "server"):
        raise NotVerified(f"relay-role is {fields.get('relay-role')}")


def secure(connection, role, peer, identity, wish):
    """The inner TLS: both ends show a certificate, and each looks for the other's name in it."""
    server_side = role == "server"
    context = identity.inner_context(server_side)
    if wish.transport == "raw":
        inner = context.wrap_socket(connection, server_side=server_side, suppress_ragged_eofs=False)
    else:
        inner = TlsOver(connection, context, server_side)
    try:
        verify(inner, peer)
    except NotVerified:
        inner.close()
        raise
    return inner


def verify(inner, peer):
    """The proof, after the handshake has verified the chain. Raises NotVerified."""
    names = names_of(inner.getpeercert())
    if peer not in names:
        raise NotVerified(f"{peer} is not among {names}")
    # The ssl module does not show key usages. A relay's certificate has serverAuth alone; it never passes for a function's.
    der = inner.getpeercert(True)
    if EXTENDED_KEY_USAGE in der and CLIENT_AUTH not in der:
        raise NotVerified(f"the certificate of {peer} is not for TLS clients: it is a server's, or a relay's")


def names_of(certificate):
    """PROTOCOL.md, section 4.2: URI names if there are any, else DNS names, else the common name."""
    alternatives = certificate.get("subjectAltName", ())
    uris = [value for kind, value in alternatives if kind == "URI"]
    if uris:
        return uris if len(uris) == 1 or not any(uri.startswith("spiffe:") for uri in uris) else []
    if alternatives:
        return [value for kind, value in alternatives if kind == "DNS"]
    common = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    return common if len(common) == 1 else []


def parse_head(head):
    status_line, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    parts = status_line.split(" ")
    if not status_line.startswith("HTTP/1.1 ") or not parts[1].isdigit():
        raise Dropped(f"no answer of a relay: {printable(head[:80])}")
    return int(parts[1]), fields


def receive_until_end(connection, limit):
    received = b""
    while len(received) <= limit:
        chunk = connection.recv(limit)
        if not chunk:
            break
        received += chunk
    return received


def split_address(text):
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def printable(content):
    """What comes on the bare connection is anybody's: no control characters reach a terminal."""
    return "".join(c for c in content.decode("utf-8", "replace") if c.isprintable())
