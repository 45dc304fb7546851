"""kill -9 of a server under load: what it has acknowledged is there when it comes back.

Needs DASHI_COMMAND and psycopg2. Clients insert by statements, in transactions and by COPY, and
note what was acknowledged; the server is killed in the midst of it, started again and asked.
"""

import io
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import psycopg2

ROUNDS = int(os.environ.get("DASHI_TEST_ROUNDS", "4"))
SEED = int(os.environ.get("DASHI_TEST_SEED", "20261129"))
CLIENTS = 8


class Server:
    def __init__(self, database):
        self.process = subprocess.Popen(
            [os.environ["DASHI_COMMAND"], "serve", database, "--port", "0"], text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        port = re.search(r"port (\d+)", self.process.stderr.readline()).group(1)
        self.where = {"host": "127.0.0.1", "port": int(port), "user": "ann", "dbname": "w"}

    def end(self, signal_number):
        self.process.send_signal(signal_number)
        status = self.process.wait(60)
        self.process.stderr.close()
        return status


class Writer(threading.Thread):
    """Writes rows until the server is gone. A row belongs to a set that is there whole or not."""

    def __init__(self, where, name, seed):
        super().__init__()
        self.where = where
        self.name = name
        self.random = random.Random(seed)
        self.acknowledged = []  # sets of ids
        self.undone = []

    def run(self):
        try:
            connection = psycopg2.connect(**self.where)
            connection.autocommit = True
            cursor = connection.cursor()
            for i in range(1_000_000):
                ids = [f"{self.name}-{i}-{j}" for j in range(self.random.randrange(1, 20))]
                kind = self.random.randrange(4)
                if kind == 0:
                    cursor.copy_expert("COPY labels (id, text) FROM STDIN",
                                       io.StringIO("".join(f"{id}\ttext\n" for id in ids)))
                elif kind == 1:
                    values = ", ".join(f"('{id}', 'text')" for id in ids)
                    cursor.execute(f"INSERT INTO labels (id, text) VALUES {values}")
                else:
                    cursor.execute("BEGIN")
                    for id in ids:
                        cursor.execute("INSERT INTO labels (id, text) VALUES (%s, 'text')", (id,))
                    cursor.execute("COMMIT" if kind == 2 else "ROLLBACK")
                (self.undone if kind == 3 else self.acknowledged).append(ids)
        except psycopg2.Error as error:
            # The server went. Anything else is a failure of the test.
            self.error = error


class KillTest(unittest.TestCase):
    def test_what_was_acknowledged_survives(self):
        folder = tempfile.mkdtemp(prefix="dashi_kill_test_")
        self.addCleanup(shutil.rmtree, folder)
        database = os.path.join(folder, "w.db")
        subprocess.run([os.environ["DASHI_COMMAND"], "exec", database, "-c", "SELECT 1"],
                       check=True, capture_output=True)
        chance = random.Random(SEED)
        print(f"DASHI_TEST_SEED={SEED}")
        acknowledged, undone = [], []
        for round_number in range(ROUNDS):
            server = Server(database)
            writers = [Writer(server.where, f"r{round_number}c{i}", chance.random())
                       for i in range(CLIENTS)]
            for writer in writers:
                writer.start()
            time.sleep(0.2 + chance.random())
            self.assertEqual(server.end(signal.SIGKILL), -signal.SIGKILL)
            for writer in writers:
                writer.join()
                self.assertIsInstance(writer.error,
                                      (psycopg2.OperationalError, psycopg2.InterfaceError),
                                      str(writer.error))
                acknowledged += writer.acknowledged
                undone += writer.undone
            server = Server(database)
            connection = psycopg2.connect(**server.where)
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute("SELECT id FROM labels")
            there = {row[0] for row in cursor}
            cursor.execute("CHECK DATABASE")
            self.assertEqual(cursor.fetchall(), [])
            connection.close()
            self.assertEqual(server.end(signal.SIGTERM), 0)
            lost = [id for ids in acknowledged for id in ids if id not in there]
            self.assertEqual(lost, [], f"round {round_number}")
            self.assertEqual([id for ids in undone for id in ids if id in there], [])
            # What was on its way is there whole or not at all.
            sets = {}
            for id in there:
                sets.setdefault(id.rsplit("-", 1)[0], set()).add(id)
            for ids in acknowledged:
                sets.pop(ids[0].rsplit("-", 1)[0], None)
            for rows in sets.values():
                numbers = sorted(int(id.rsplit("-", 1)[1]) for id in rows)
                self.assertEqual(numbers, list(range(len(numbers))))
        self.assertGreater(len(acknowledged), 10 * ROUNDS)
        print(f"{ROUNDS} kills, {sum(map(len, acknowledged))} rows acknowledged, none lost")


if __name__ == "__main__":
    unittest.main()
