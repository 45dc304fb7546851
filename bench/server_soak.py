#!/usr/bin/env python3
"""Keeps a server busy with many kinds of clients and watches its memory and descriptors.

    bench/server_soak.py DATABASE --seconds 1800 --clients 24 [--command build/release/bin/dashi]

DATABASE is copied first, and should have a published release. Clients ask topk by prepared
statements, read, write in transactions, load and read by COPY, cancel, break off in the midst of
each, and connect anew. Every sample is a line: seconds, resident MB, what of it the memory limit
bounds and time fills, descriptors, statements, errors that nobody asked for. At the end come the
slopes, over the second half, of the rest of the memory and of descriptors. It needs Debian's
python3-psycopg2.
"""

import argparse
import io
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import psycopg2

EXPECTED = {"57014", "40001", "57P01", "53300", "23505"}


class Counts:
    def __init__(self):
        self.lock = threading.Lock()
        self.statements = 0
        self.errors = 0
        self.seen = {}

    def add(self, statements=0, error=None):
        with self.lock:
            self.statements += statements
            if error is not None:
                self.errors += 1
                self.seen[error] = self.seen.get(error, 0) + 1


class Client(threading.Thread):
    """One client after the other, until it is told to stop."""

    def __init__(self, number, where, stop, counts):
        super().__init__(daemon=True)
        self.number = number
        self.where = where
        self.stop = stop
        self.counts = counts
        self.random = random.Random(number)

    def run(self):
        while not self.stop.is_set():
            try:
                self.session()
            except psycopg2.Error as error:
                code = error.pgcode or type(error).__name__
                if code not in EXPECTED and not self.stop.is_set():
                    self.counts.add(error=f"{code}: {str(error).strip()[:80]}")
            except OSError as error:
                if not self.stop.is_set():
                    self.counts.add(error=str(error))

    def session(self):
        if self.random.random() < 0.1:
            self.break_off()
            return
        connection = psycopg2.connect(**self.where)
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("PREPARE q AS SELECT label, score FROM topk($1, 10)")
        actions = [self.search] * 6 + [self.read, self.write, self.load, self.unload, self.cancel]
        for _ in range(self.random.randrange(1, 200)):
            if self.stop.is_set():
                break
            self.random.choice(actions)(connection, cursor)
            self.counts.add(statements=1)
            time.sleep(self.random.random() * 0.02)
        if self.random.random() < 0.8:
            connection.close()

    def search(self, _, cursor):
        word = self.random.choice(["cable", "dog", "water", "music", "number", "light"])
        cursor.execute("EXECUTE q(%s)", (word + " " + str(self.random.randrange(100)),))
        cursor.fetchall()

    def read(self, _, cursor):
        cursor.execute("SELECT id, text FROM labels LIMIT 500")
        cursor.fetchall()

    def write(self, connection, cursor):
        cursor.execute("BEGIN")
        name = f"soak{self.number}"
        cursor.execute("INSERT INTO anchors (id, text) VALUES (%s, %s) "
                       "ON CONFLICT (id) DO UPDATE SET text = excluded.text",
                       (f"{name}-{self.random.randrange(50)}", "x" * self.random.randrange(1000)))
        cursor.execute("COMMIT" if self.random.random() < 0.8 else "ROLLBACK")

    def load(self, _, cursor):
        rows = "".join(f"load{self.number}-{i}\tsome text {i}\n" for i in range(200))
        cursor.copy_expert("COPY anchors (id, text) FROM STDIN WITH (on_conflict = 'replace')",
                           io.StringIO(rows))

    def unload(self, _, cursor):
        cursor.copy_expert("COPY (SELECT id, text FROM labels LIMIT 2000) TO STDOUT "
                           "(FORMAT binary)", io.BytesIO())

    def cancel(self, connection, cursor):
        done = threading.Event()

        def again():  # One that comes before the statement does is forgotten.
            while not done.wait(0.05):
                connection.cancel()
        thread = threading.Thread(target=again)
        thread.start()
        try:
            cursor.execute("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) "
                           "SELECT max(n) FROM r")
        finally:
            done.set()
            thread.join()

    def break_off(self):
        """Bytes that are none, or half a message, or a query whose answer nobody reads."""
        with socket.create_connection((self.where["host"], self.where["port"])) as raw:
            kind = self.random.randrange(3)
            if kind == 0:
                raw.sendall(self.random.randbytes(self.random.randrange(200)))
                return
            user = b"user\0soak\0\0"
            raw.sendall((8 + len(user)).to_bytes(4, "big") + (3 << 16).to_bytes(4, "big") + user)
            raw.recv(4096)
            query = b"SELECT id, text FROM labels\0"
            message = b"Q" + (4 + len(query)).to_bytes(4, "big") + query
            raw.sendall(message if kind == 1 else message[:7])


def sample(http):
    with urllib.request.urlopen(http, timeout=30) as reply:
        text = reply.read().decode()
    values = dict(re.findall(r"^(process_resident_memory_bytes|process_open_fds) (\S+)$", text,
                             re.MULTILINE))
    kept = dict(re.findall(r'^dashi_memory_bytes\{use="(cache|memtables)"\} (\S+)$', text,
                           re.MULTILINE))
    return (float(values["process_resident_memory_bytes"]) / 1e6,
            sum(float(each) for each in kept.values()) / 1e6,
            int(float(values["process_open_fds"])))


def slope(points):
    """Per hour, by least squares."""
    n = len(points)
    mean_x = sum(x for x, _ in points) / n
    mean_y = sum(y for _, y in points) / n
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return 3600 * sum((x - mean_x) * (y - mean_y) for x, y in points) / spread


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database")
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--every", type=float, default=10)
    parser.add_argument("--memory-limit", default="96MB")
    parser.add_argument("--command", default="build/release/bin/dashi")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="dashi_soak_")
    database = os.path.join(folder, "soak.db")
    shutil.copytree(options.database, database)
    http = f"http://127.0.0.1:{free_port()}/metrics"
    server = subprocess.Popen([options.command, "serve", database, "--port", "0", "--http-port",
                               re.search(r":(\d+)/", http).group(1),
                               "--memory-limit", options.memory_limit],
                              stderr=subprocess.PIPE, text=True)
    port = re.search(r"port (\d+)", server.stderr.readline()).group(1)
    where = {"host": "127.0.0.1", "port": int(port), "user": "soak", "dbname": "soak"}
    stop = threading.Event()
    counts = Counts()
    clients = [Client(i, where, stop, counts) for i in range(options.clients)]
    for client in clients:
        client.start()
    begun = time.monotonic()
    points = []
    last = 0
    print("seconds  MB  cache+memtables  descriptors  statements  errors", flush=True)
    while time.monotonic() - begun < options.seconds:
        time.sleep(options.every)
        memory, kept, descriptors = sample(http)
        now = time.monotonic() - begun
        points.append((now, memory - kept, descriptors))
        if counts.statements == last:
            counts.add(error="no statement has ended since the last line")
        last = counts.statements
        print(f"{now:7.0f} {memory:7.1f} {kept:7.1f} {descriptors:4} {counts.statements:9} "
              f"{counts.errors:4}", flush=True)
    stop.set()
    for client in clients:
        client.join(60)
    memory, _, descriptors = sample(http)
    half = points[len(points) // 2:]
    print(f"after the clients have gone: {memory:.1f} MB, {descriptors} descriptors")
    print(f"second half: {slope([(t, m) for t, m, _ in half]):+.2f} MB/h of the rest, "
          f"{slope([(t, d) for t, _, d in half]):+.2f} descriptors/h")
    for error, count in sorted(counts.seen.items()):
        print(f"{count} x {error}")
    server.send_signal(signal.SIGTERM)
    status = server.wait(60)
    shutil.rmtree(folder)
    sys.exit(1 if counts.errors or status != 0 else 0)


if __name__ == "__main__":
    main()
