"""What clients that are not let in cost a server: `hostile_logins.py DASHI` (the program's path).

Makes a database with one role and a certificate (openssl), serves it, and reports descriptors and
memory beside 1,000 connections of several kinds, how a login fares meanwhile, and the processor
time of TLS handshakes and of wrong passwords, which it also times for a role that is there and one
that is not.
"""

import os
import re
import socket
import ssl
import statistics
import struct
import subprocess
import sys
import tempfile
import time

SSL_REQUEST = struct.pack(">II", 8, 80877103)
FIRST = b"n,,n=,r=abcdefgh"


def startup(user=b"ann"):
    body = struct.pack(">I", 196608) + b"user\0" + user + b"\0\0"
    return struct.pack(">I", len(body) + 4) + body


def sasl(body):
    return b"p" + struct.pack(">I", len(body) + 4) + body


class Server:
    def __init__(self, command, folder):
        database, certificate, key = (os.path.join(folder, name) for name in ("w.db", "c", "k"))
        roles = "CREATE ROLE ann LOGIN PASSWORD 'x'; GRANT admin TO ann;"
        subprocess.run([command, "exec", database], input=roles, text=True, check=True,
                       capture_output=True)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                        "/CN=localhost", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True)
        os.chmod(key, 0o600)
        self.process = subprocess.Popen(
            [command, "serve", database, "--port", "0", "--tls-certificate-file", certificate,
             "--tls-key-file", key], text=True, stderr=subprocess.PIPE)
        self.port = int(re.search(r"port (\d+)", self.process.stderr.readline()).group(1))

    def connect(self, first=b"", replies=0):
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(first)
        if replies:
            connection.recv(replies)
        return connection

    def resident_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def num_descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def login_seconds(self):
        began = time.perf_counter()
        subprocess.run(["psql", "-XAt", "-h", "127.0.0.1", "-p", str(self.port), "-U", "ann", "-d",
                        "w", "-c", "SELECT 1"], env={**os.environ, "PGPASSWORD": "x"}, check=True,
                       capture_output=True)
        return time.perf_counter() - began

    def wrong_password(self, user):
        """Returns how long the answer to a wrong proof takes."""
        with self.connect(startup(user), 1000) as connection:
            connection.sendall(sasl(b"SCRAM-SHA-256\0" + struct.pack(">I", len(FIRST)) + FIRST))
            nonce = re.search(rb"r=([^,]+)", connection.recv(1000)).group(1)
            began = time.perf_counter()
            connection.sendall(sasl(b"c=biws,r=" + nonce + b",p=" + b"A" * 43 + b"="))
            assert b"28P01" in connection.recv(1000)
            return time.perf_counter() - began

    def handshake(self, context):
        with self.connect(SSL_REQUEST, 1) as plain, context.wrap_socket(plain):
            pass

    def rate(self, act, seconds=5):
        """Returns how often `act` ran a second, and the server's microseconds for each."""
        cpu, began, times = self.cpu_seconds(), time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            act()
            times += 1
        return times / seconds, (self.cpu_seconds() - cpu) / times * 1e6


def main():
    with tempfile.TemporaryDirectory() as folder:
        server = Server(sys.argv[1], folder)
        server.login_seconds()
        print(f"a login by psql: {server.login_seconds() * 1000:.0f} ms")
        memory, descriptors = server.resident_kib(), server.num_descriptors()
        floods = (("say nothing", b"", 0),
                  ("send 9,999 of 10,000 bytes",
                   struct.pack(">II", 10000, 196608) + b"a" * 9991, 0),
                  ("send 8,000 of 8,192 bytes of a login",
                   startup() + b"p" + struct.pack(">I", 8196) + b"x" * 8000, 1),
                  ("ask for TLS and say nothing", SSL_REQUEST, 1))
        for name, first, replies in floods:
            connections = [server.connect(first, replies) for _ in range(1000)]
            time.sleep(0.3)
            print(f"1,000 that {name}: {server.num_descriptors() - descriptors} descriptors, "
                  f"{server.resident_kib() - memory} KiB; a login by psql meanwhile: "
                  f"{server.login_seconds() * 1000:.0f} ms")
            for connection in connections:
                connection.close()
            time.sleep(0.3)
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        rate, cpu = server.rate(lambda: server.handshake(context))
        print(f"TLS handshakes by one client: {rate:.0f} a second, {cpu:.0f} us each")
        rate, cpu = server.rate(lambda: server.wrong_password(b"ann"))
        print(f"wrong passwords by one client: {rate:.0f} a second, {cpu:.0f} us each")
        times = [(server.wrong_password(b"ann"), server.wrong_password(b"bob"))
                 for _ in range(2000)]
        known, unknown = (statistics.median(column) * 1e6 for column in zip(*times))
        print(f"answer to a wrong proof: {known:.1f} us for a role that is there, "
              f"{unknown:.1f} us for one that is not")
        began = time.perf_counter()
        with server.connect(startup(), 1000) as connection:
            connection.recv(1000)
        print(f"a client that stops in the midst of its login is dropped after "
              f"{time.perf_counter() - began:.2f} s")
        server.process.terminate()
        server.process.stderr.close()
        sys.exit(server.process.wait())


if __name__ == "__main__":
    main()
