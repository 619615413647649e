#!/usr/bin/env python3
"""A server for tests that is no good neighbour:  bad_server.py MODE PORT [UPSTREAM_PORT]

  relay     hands each request on to the server at UPSTREAM_PORT, and its answer back
  lose      takes that answer, and closes without a word
  hang      takes each request and never answers
  redirect  sends the client on to UPSTREAM_PORT
  flood     answers with a body without end
  drip      answers with a body that comes byte by byte, ten in a second
  TEXT      anything else: the body of each answer, with status 200

Prints one line as soon as it listens.
"""
import socket
import sys
import threading
import time


def read_request(client):
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.recv(65536)
        if not more:
            return None
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(body) < sum(lengths):
        body += client.recv(65536)
    return head + b"\r\n\r\n" + body


def hand_on(request, port):
    with socket.create_connection(("127.0.0.1", port)) as server:
        server.sendall(request)
        return server.recv(65536)


def flood(client):
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n")
    while True:
        client.sendall(b"[" * 65536)


def drip(client):
    body = b'{"header":{}}' + b" " * 1000
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body):
        client.sendall(bytes([byte]))
        time.sleep(0.1)


def serve(client, mode, upstream):
    request = read_request(client)
    if request is None:
        return
    if mode == "relay":
        client.sendall(hand_on(request, upstream))
    elif mode == "lose":
        hand_on(request, upstream)
    elif mode == "hang":
        time.sleep(60)
    elif mode == "redirect":
        client.sendall(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:%d/v3/kv/txn\r\n"
                       b"Content-Length: 0\r\n\r\n" % upstream)
    elif mode == "flood":
        flood(client)
    elif mode == "drip":
        drip(client)
    else:
        body = mode.encode()
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def serve_quietly(client, mode, upstream):
    with client:
        try:
            serve(client, mode, upstream)
        except OSError:
            pass  # the client has left


def main():
    mode, port = sys.argv[1], int(sys.argv[2])
    upstream = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    with socket.create_server(("127.0.0.1", port)) as listener:
        print("ready", flush=True)
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve_quietly, args=(client, mode, upstream), daemon=True).start()


if __name__ == "__main__":
    main()
