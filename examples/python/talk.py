"""One end of a route: says a line, hears a line, and takes leave.

It says on standard output how far it has come, a line each, and ends with 0 only if all went well.
"""

import argparse
import asyncio
import sys

import relay
from relay import Identity, Wish


def main():
    options = parse_arguments()
    identity = Identity(options.cert, options.key, options.ca)
    wish = Wish(options.transport, pipelined=options.pipelined)
    try:
        if options.asyncio:
            asyncio.run(meet_asyncio(options, identity, wish))
        else:
            meet(options, identity, wish)
    except (relay.Refused, relay.Dropped, relay.NotVerified, OSError) as error:
        sys.exit(f"{type(error).__name__}: {error}")


def meet(options, identity, wish):
    session = relay.connect(options.relay, options.peer, identity, wish)
    say(f"verified {options.peer} as {session.role}, session {session.id}")
    talk(session.stream, options.message)


async def meet_asyncio(options, identity, wish):
    import relay_asyncio  # needs Python 3.11, the rest does not

    session = await relay_asyncio.connect(options.relay, options.peer, identity, wish)
    say(f"verified {options.peer} as {session.role}, session {session.id}")
    await talk_asyncio(session.stream, options.message)


def talk(stream, message):
    stream.sendall(f"{message}\n".encode())
    heard = b""
    while not heard.endswith(b"\n"):
        chunk = stream.recv(65536)
        if not chunk:
            sys.exit(f"the peer ended in mid-line, after {heard!r}")
        heard += chunk
    say(f"heard {heard.decode().rstrip()}")
    stream.unwrap().close()


async def talk_asyncio(stream, message):
    """The same, but this direction ends first: the peer's goes on until it has said its line, too."""
    await stream.sendall(f"{message}\n".encode())
    await stream.send_close_notify()
    heard = b""
    while chunk := await stream.recv(65536):
        heard += chunk
    say(f"heard {heard.decode().rstrip()}")
    stream.close()


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--relay", required=True, metavar="HOST:PORT")
    parser.add_argument("--peer", required=True, help="the name of the function to meet")
    parser.add_argument("--cert", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--message", required=True)
    parser.add_argument("--transport", choices=["raw", "tls"], default="raw")
    parser.add_argument("--pipelined", action="store_true", help="send close_notify without waiting for the relay's")
    parser.add_argument("--asyncio", action="store_true", help="by relay_asyncio.py in place of relay.py")
    return parser.parse_args()


def say(line):
    print(line, flush=True)


if __name__ == "__main__":
    main()
