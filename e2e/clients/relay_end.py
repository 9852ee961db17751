"""One end of a raw route with nothing but Python's standard library (PROTOCOL.md, "A client, step by step").

It says on standard output how far it has come, a line each, and ends with 0 only if all went well.
"""

import argparse
import socket
import ssl
import sys
import urllib.parse

TIMEOUT_S = 20


def main():
    options = parse_arguments()
    outer = dial(options)
    outer.sendall(request(options.peer))
    bare = detach(outer, options.pipelined)
    say("detached")
    fields = read_answer(bare)
    say(f"paired with {fields['relay-peer']} as {fields['relay-role']}")
    talk(secure(bare, fields["relay-role"], options), options.message)


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--cert", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--message", required=True)
    parser.add_argument("--pipelined", action="store_true", help="send close_notify without waiting for the relay's")
    return parser.parse_args()


def dial(options):
    """TCP, and the outer TLS over it."""
    tcp = socket.create_connection(("127.0.0.1", options.port), timeout=TIMEOUT_S)
    return context_of(ssl.PROTOCOL_TLS_CLIENT, options).wrap_socket(tcp, server_hostname="localhost")


def request(peer):
    target = f"{urllib.parse.quote(peer, safe='')}:443"
    return f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nRelay-Transport: raw\r\n\r\n".encode()


def detach(outer, pipelined):
    """Takes the outer TLS off: unwrap() sends close_notify, waits for the relay's, and gives the bare connection."""
    if not pipelined:
        refusal = receive_until_end(outer)
        if refusal:
            refused(refusal)
    return outer.unwrap()


def read_answer(bare):
    """The head of the answer, and no byte beyond it. Returns the fields of a 200."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = bare.recv(1)
        if not byte:
            sys.exit("the relay is gone")
        head += byte
    status_line, *lines = head.decode("latin-1").split("\r\n")[:-2]
    if status_line.split(" ")[1] != "200":
        refused(head + receive_until_end(bare))
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def secure(bare, role, options):
    """The inner TLS: both ends show a certificate, and each looks for the other's name in it."""
    server_side = role == "server"
    context = context_of(ssl.PROTOCOL_TLS_SERVER if server_side else ssl.PROTOCOL_TLS_CLIENT, options)
    context.check_hostname = False  # the name is looked for below, by the same rule on both sides
    context.verify_mode = ssl.CERT_REQUIRED
    inner = context.wrap_socket(bare, server_side=server_side)
    names = [value for kind, value in inner.getpeercert()["subjectAltName"] if kind in ("DNS", "URI")]
    if options.peer not in names:
        sys.exit(f"{options.peer} is not among {names}")
    say(f"verified {options.peer}")
    return inner


def talk(inner, message):
    """Says a line, hears one, and takes leave."""
    inner.sendall(f"{message}\n".encode())
    heard = b""
    while not heard.endswith(b"\n"):
        chunk = inner.recv(65536)
        if not chunk:
            sys.exit(f"the peer ended in mid-line, after {heard}")
        heard += chunk
    say(f"heard {heard.decode().rstrip()}")
    inner.unwrap().close()


def context_of(protocol, options):
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(options.ca)
    context.load_cert_chain(options.cert, options.key)
    return context


def receive_until_end(connection):
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    return received


def refused(answer):
    sys.exit(f"refused: {answer.decode('latin-1')}")


def say(line):
    print(line, flush=True)


main()
