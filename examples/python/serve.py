"""An HTTPS server that listens on no port: its connections are those that it is paired into. The standard library's
http.server does the rest. It says a line for each request, and ends after --sessions of them.
"""

import argparse
import http.server
import io
import sys

import relay


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        content = f"{self.path}, for {self.client_address[0]}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format, *args):
        print(f"{self.client_address[0]} asked for {self.path}", flush=True)

    def setup(self):
        self.connection = self.request
        self.rfile = io.BufferedReader(Reader(self.request))
        self.wfile = Writer(self.request)

    def finish(self):
        pass


class Reader(io.RawIOBase):
    def __init__(self, stream):
        self._stream = stream

    def readable(self):
        return True

    def readinto(self, buffer):
        received = self._stream.recv(len(buffer))
        buffer[: len(received)] = received
        return len(received)


class Writer(io.RawIOBase):
    def __init__(self, stream):
        self._stream = stream

    def writable(self):
        return True

    def write(self, data):
        self._stream.sendall(data)
        return len(data)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--relay", required=True, metavar="HOST:PORT")
    parser.add_argument("--peer", required=True, help="the name of the function that asks")
    parser.add_argument("--cert", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--sessions", type=int, default=1)
    options = parser.parse_args()
    identity = relay.Identity(options.cert, options.key, options.ca)
    for _ in range(options.sessions):
        try:
            # curl takes the client's side of the inner TLS whatever the relay says: so this end insists on the other.
            session = relay.connect(options.relay, options.peer, identity, relay.Wish(role="server"))
            Handler(session.stream, (options.peer, 0), None)
            session.stream.close()
        except (relay.Refused, relay.Dropped, relay.NotVerified, OSError) as error:
            sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
