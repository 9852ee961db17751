"""Stands in for systemd: binds a NOTIFY_SOCKET, a path or "@NAME", and prints each message on one line, as JSON."""

import json
import socket
import sys

address = sys.argv[1]
bound = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
bound.bind("\0" + address[1:] if address.startswith("@") else address)
print("bound", flush=True)
while True:
    print(json.dumps(bound.recv(4096).decode()), flush=True)
