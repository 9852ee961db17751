"""TLS over anything that has sendall and recv: over another TLS, where the session stays inside the outer one.

ssl.SSLContext.wrap_socket takes the file descriptor out of what it is given, and so would go round a TLS that is there
already. SSLObject with two MemoryBIOs is the standard library's way to put one TLS into another.
"""

import ssl

CHUNK = 64 * 1024


class TlsOver:
    def __init__(self, below, context, server_side):
        self._below = below
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side)
        self._run(self._tls.do_handshake)

    def sendall(self, data):
        view = memoryview(data)
        while view:
            view = view[self._run(self._tls.write, view) :]

    def recv(self, size):
        """b"" after the peer's close_notify; ssl.SSLEOFError if the connection ended without it."""
        try:
            data = self._run(self._tls.read, size)
        except ssl.SSLZeroReturnError:
            return b""
        if not data and self._incoming.eof:  # Python 3.11.2 takes the one for the other
            raise ssl.SSLEOFError("the connection ended without close_notify")
        return data

    def unwrap(self):
        """Sends close_notify, waits for the peer's, and gives what was below."""
        self._run(self._tls.unwrap)
        return self._below

    def getpeercert(self, binary_form=False):
        return self._tls.getpeercert(binary_form)

    def close(self):
        self._below.close()

    def _run(self, step, *args):
        """Does a step of the TLS, and brings records to and fro until it is done."""
        while True:
            try:
                result = step(*args)
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()
                continue
            except ssl.SSLError:
                self._flush()  # the alert
                raise
            self._flush()
            return result

    def _flush(self):
        if self._outgoing.pending:
            self._below.sendall(self._outgoing.read())

    def _fill(self):
        records = self._below.recv(CHUNK)
        if records:
            self._incoming.write(records)
        else:
            self._incoming.write_eof()
