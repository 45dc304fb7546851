#!/usr/bin/env python3
"""Compares the durable bulk import of dashi with that of peers: same rows, same disk, one run.

Usage: bench/peers/import_speed.py [--rows N] [--folder DIR] [--dashi PATH] [--only NAME,...]
Makes N documents (id and 10 to 50 words, JSON lines) and N pairs in DIR, then loads the documents,
and where the peer has tables the pairs, into an empty database of each system, each load in a
process of its own. A load is over when its process has ended with the data synced. Prints a table:
wall and processor seconds, rows a second, bytes on disk, and what each system checks.
See README.md beside this file.
"""

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PEERS = os.path.join(ROOT, ".deps", "import_peers")
REQUIREMENTS = os.path.join(HERE, "import_requirements.txt")


def install():
    """Installs the pinned peers once, beside the project's other dependencies."""
    stamp = os.path.join(PEERS, "stamp")
    with open(REQUIREMENTS, encoding="utf-8") as stream:
        wanted = stream.read()
    if not os.path.exists(stamp) or open(stamp, encoding="utf-8").read() != wanted:
        shutil.rmtree(PEERS, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--target", PEERS,
                        "-r", REQUIREMENTS], check=True)
        with open(stamp, "w", encoding="utf-8") as stream:
            stream.write(wanted)


def make_data(folder, num_rows):
    generator = random.Random(1)
    words = [f"w{i}" for i in range(30_000)]
    num_labels = max(1, num_rows // 5)
    with open(os.path.join(folder, "documents.jsonl"), "w", encoding="utf-8") as stream:
        for i in range(num_rows):
            text = " ".join(generator.choices(words, k=generator.randint(10, 50)))
            stream.write(json.dumps({"id": f"d{i:07}", "text": text}) + "\n")
    with open(os.path.join(folder, "labels.jsonl"), "w", encoding="utf-8") as stream:
        for i in range(num_labels):
            text = " ".join(generator.choices(words, k=5))
            stream.write(json.dumps({"id": f"l{i:06}", "text": text}) + "\n")
    with open(os.path.join(folder, "relevance.tsv"), "w", encoding="utf-8") as stream:
        for i in range(num_rows):
            stream.write(f"d{i:07}\tl{generator.randrange(num_labels):06}\n")


def json_rows(path):
    with open(path, encoding="utf-8") as stream:
        for line in stream:
            row = json.loads(line)
            yield row["id"], row["text"]


def tsv_rows(path):
    with open(path, encoding="utf-8") as stream:
        for line in stream:
            yield tuple(line.rstrip("\n").split("\t"))


# Each of these runs in a process of its own. Arguments: the folder of the data, the database.

def sqlite_documents(data, database):
    import sqlite3
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE documents (id TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID")
    connection.executemany("INSERT INTO documents VALUES (?, ?)",
                           json_rows(os.path.join(data, "documents.jsonl")))
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def sqlite_pairs(data, database):
    import sqlite3
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE relevance (document TEXT, label TEXT, "
                       "PRIMARY KEY (document, label)) WITHOUT ROWID")
    connection.execute("CREATE INDEX by_label ON relevance (label)")
    connection.executemany("INSERT INTO relevance VALUES (?, ?)",
                           tsv_rows(os.path.join(data, "relevance.tsv")))
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def duckdb_documents(data, database):
    import duckdb
    connection = duckdb.connect(database)
    connection.execute("CREATE TABLE documents (id VARCHAR PRIMARY KEY, text VARCHAR)")
    connection.execute(
        "INSERT INTO documents SELECT id, text FROM read_json(?, format = 'newline_delimited', "
        "columns = {id: 'VARCHAR', text: 'VARCHAR'})", [os.path.join(data, "documents.jsonl")])
    connection.execute("CHECKPOINT")
    connection.close()


def duckdb_pairs(data, database):
    import duckdb
    connection = duckdb.connect(database)
    connection.execute("CREATE TABLE relevance (document VARCHAR, label VARCHAR, "
                       "PRIMARY KEY (document, label))")
    connection.execute("CREATE INDEX by_label ON relevance (label)")
    connection.execute(
        "INSERT INTO relevance SELECT * FROM read_csv(?, delim = '\t', header = false, "
        "columns = {document: 'VARCHAR', label: 'VARCHAR'})",
        [os.path.join(data, "relevance.tsv")])
    connection.execute("CHECKPOINT")
    connection.close()


def lancedb_documents(data, database):
    import lancedb
    import pyarrow.json
    table = pyarrow.json.read_json(os.path.join(data, "documents.jsonl"))
    lancedb.connect(database).create_table("documents", table)
    os.sync()  # Lance does not sync its files.


def chroma_documents(data, database):
    import chromadb
    client = chromadb.PersistentClient(path=database)
    collection = client.create_collection("documents", embedding_function=None)
    batch = []

    def add():
        collection.add(ids=[row[0] for row in batch], documents=[row[1] for row in batch],
                       embeddings=[[0.0, 1.0]] * len(batch))
        batch.clear()

    for row in json_rows(os.path.join(data, "documents.jsonl")):
        batch.append(row)
        if len(batch) == 5000:
            add()
    if batch:
        add()


PEER_LOADS = {
    "SQLite": ("id unique", sqlite_documents, sqlite_pairs),
    "DuckDB": ("id unique", duckdb_documents, duckdb_pairs),
    "LanceDB": ("nothing", lancedb_documents, None),
    "Chroma": ("id unique; needs a vector a row, here of 2 numbers", chroma_documents, None),
}


def version_of(name):
    if name == "SQLite":
        import sqlite3
        return sqlite3.sqlite_version
    from importlib import metadata
    return metadata.version({"DuckDB": "duckdb", "LanceDB": "lancedb", "Chroma": "chromadb"}[name])


def bytes_of(path):
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(folder, name))
               for folder, _, names in os.walk(path) for name in names)


def timed(command):
    """Runs a command; returns its wall and processor seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall = time.monotonic() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def report(name, what, num_rows, seconds, size, checks):
    wall, processor = seconds
    print(f"| {name} | {what} | {wall:.2f} | {processor:.2f} | {num_rows / wall:,.0f} | "
          f"{size / 1e6:.0f} MB | {checks} |", flush=True)


def run_dashi(program, data, folder, num_rows):
    database = os.path.join(folder, "dashi.db")

    def copy(statement):
        return timed([program, "exec", database, "-c", statement])

    documents = copy(f"COPY documents FROM '{data}/documents.jsonl'")
    report("dashi", "documents", num_rows, documents, bytes_of(database),
           "id unique, UTF-8; all or nothing")
    before = bytes_of(database)
    copy(f"COPY labels FROM '{data}/labels.jsonl'")
    pairs = copy(f"COPY relevance (document, label) FROM '{data}/relevance.tsv'")
    report("dashi", "pairs", num_rows, pairs, bytes_of(database) - before,
           "both ends exist, pair unique; found from both ends; all or nothing")


def run_peer(name, data, folder, num_rows):
    checks, documents, pairs = PEER_LOADS[name]
    database = os.path.join(folder, name.lower())
    shown = f"{name} {version_of(name)}"
    for what, load in (("documents", documents), ("pairs", pairs)):
        if load is None:
            continue
        before = bytes_of(database)
        seconds = timed([sys.executable, os.path.abspath(__file__), "--load", load.__name__, data,
                         database])
        report(shown, what, num_rows, seconds, bytes_of(database) - before,
               checks if what == "documents" else "pair unique; index from both ends")


def raw_write(data, folder):
    """The limit: the documents' bytes written one after the other and synced."""
    size = os.path.getsize(os.path.join(data, "documents.jsonl"))
    block = os.urandom(1 << 20)
    begin = time.monotonic()
    with open(os.path.join(folder, "raw"), "wb") as stream:
        for _ in range(size >> 20):
            stream.write(block)
        stream.flush()
        os.fsync(stream.fileno())
    wall = time.monotonic() - begin
    os.remove(os.path.join(folder, "raw"))
    print(f"\nThe file of the documents has {size / 1e6:.0f} MB; the disk writes and syncs as many "
          f"bytes in {wall:.2f} s ({size / 1e6 / wall:,.0f} MB/s).")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", default=tempfile.gettempdir())
    parser.add_argument("--dashi", default=os.path.join(ROOT, "build", "release", "bin", "dashi"))
    parser.add_argument("--only", default="")
    parser.add_argument("--load", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    sys.path.insert(0, PEERS)
    if arguments.load:
        name, data, database = arguments.load
        globals()[name](data, database)
        return
    wanted = [name for name in arguments.only.split(",") if name] or ["dashi", *PEER_LOADS]
    if wanted != ["dashi"]:
        install()
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix="import_speed_") as folder:
        data = os.path.join(folder, "data")
        os.mkdir(data)
        make_data(data, arguments.rows)
        print("| system | rows | wall s | processor s | rows/s | on disk | what is checked |")
        print("|---|---|---|---|---|---|---|")
        for name in wanted:
            if name == "dashi":
                run_dashi(arguments.dashi, data, folder, arguments.rows)
            else:
                run_peer(name, data, folder, arguments.rows)
        raw_write(data, folder)


if __name__ == "__main__":
    main()
