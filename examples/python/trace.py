"""One end of a route that prints every TLS record of both layers: the transcript of docs/clients.md.

Header in hexadecimal (content type, version, length), then what the record is once it is decrypted.
"""

import relay
import talk

class TracedIdentity(relay.Identity):
    def outer_context(self):
        return traced("outer", super().outer_context())

    def inner_context(self, server_side):
        return traced("inner", super().inner_context(server_side))


def traced(layer, context):
    context._msg_callback = Tracer(layer)  # not a public interface: Python's own tests look at records with it
    return context


class Tracer:
    def __init__(self, layer):
        self._layer = layer
        self._header = ""

    def __call__(self, _connection, direction, _version, content, message, data):
        """Called with a record's header, then with the type inside if it is encrypted, then with what it holds."""
        kind = content.name
        if kind == "HEADER":
            arrow = "->" if direction == "write" else "<-"
            self._header = f"{self._layer} {arrow} {data[0]:02x} {data[1:3].hex()} {data[3:5].hex()}"
            if message.name == "CHANGE_CIPHER_SPEC":
                self._tell("change_cipher_spec")
        elif kind in ("HANDSHAKE", "ALERT"):
            self._tell(message.name.lower())
        elif data == b"\x17":  # application data: its content is not given to this callback
            self._tell("application_data")

    def _tell(self, what):
        print(f"{self._header}  {what}")


def show(title, head):
    print(title)
    for line in head.decode("latin-1").split("\r\n")[:-2]:
        print(f"         {line}")


class TracedSession:
    """relay.connect's steps that see HTTP, with what they see shown."""

    request = staticmethod(relay.request)
    parse_head = staticmethod(relay.parse_head)

    @classmethod
    def send(cls, peer, wish):
        head = cls.request(peer, wish)
        show("inside the next record of the outer TLS:", head)
        return head

    @classmethod
    def receive(cls, head):
        show("bare  <-", head)
        return cls.parse_head(head)


def main():
    options = talk.parse_arguments()
    relay.request, relay.parse_head = TracedSession.send, TracedSession.receive
    session = relay.connect(options.relay, options.peer, TracedIdentity(options.cert, options.key, options.ca))
    print(f"verified {options.peer}: the inner handshake is done, and its certificate bears the name")
    talk.talk(session.stream, options.message)


main()
