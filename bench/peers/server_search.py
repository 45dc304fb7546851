#!/usr/bin/env python3
"""Compares top-k searches of dashi, through its server and embedded, with those of LanceDB.

Usage: bench/peers/server_search.py DATABASE QUERIES [--k 10] [--rounds N] [--clients N,...]
                                    [--seconds S] [--only NAME,...] [--bin FOLDER]
DATABASE has one published release that finds labels by their embeddings alone; QUERIES is a file
of texts, one a line. Copies of DATABASE are served by `dashi serve` and opened by the program
embedded_search. LanceDB gets the embeddings of the same labels, and at each search that of the
query: dashi's time includes encoding the text, LanceDB's does not. What dashi's searches take
without it stands below the table, as the table search_times of the server has it.

All systems take turns in each of N rounds, on the same machine: first one client asks every query,
then several ask at once for S seconds, each in a process of its own (embedded_search: a thread).
Prints recall@k against an exact scan of the embeddings, p50 and p99 of all rounds, and the medians
of the rounds for queries a second and for the ratio to the p50 of dashi's server.
See README.md beside this file.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PEERS = os.path.join(ROOT, ".deps", "server_search_peers")
REQUIREMENTS = os.path.join(HERE, "server_search_requirements.txt")
SERVER, EMBEDDED = "dashi, its server", "dashi, embedded"
# LanceDB's: how the index is made, and what a search is given.
LANCE = {
    "LanceDB, exact": (None, {}),
    "LanceDB, IVF_PQ, nprobes 20, refined 10": ("IVF_PQ", {"nprobes": 20, "refine_factor": 10}),
    "LanceDB, IVF_PQ, nprobes 64, refined 30": ("IVF_PQ", {"nprobes": 64, "refine_factor": 30}),
    "LanceDB, IVF_HNSW_SQ, its own ef": ("IVF_HNSW_SQ", {"nprobes": 1}),
    "LanceDB, IVF_HNSW_SQ, ef 64, refined 2": (
        "IVF_HNSW_SQ", {"nprobes": 1, "ef": 64, "refine_factor": 2}),
    "LanceDB, IVF_HNSW_SQ, ef 256, refined 2": (
        "IVF_HNSW_SQ", {"nprobes": 1, "ef": 256, "refine_factor": 2}),
}
# Without it LanceDB keeps two cores for reading, and warns where there are no more.
os.environ.setdefault("LANCE_IO_CORE_RESERVATION", "0")
PARTITIONS = {"IVF_PQ": 256, "IVF_HNSW_SQ": 1}


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


class DashiServer:
    """One connection and a prepared statement, with binary results."""

    def __init__(self, where, k):
        import psycopg
        self.connection = psycopg.connect(autocommit=True, **where)
        self.cursor = self.connection.cursor(binary=True)
        self.k = k

    def search(self, query):
        self.cursor.execute("SELECT label, score FROM topk(%s, %s)", (query["text"], self.k),
                            prepare=True)
        return [row[0] for row in self.cursor.fetchall()]


class Lance:
    def __init__(self, folder, table, options, k):
        import lancedb
        self.table = lancedb.connect(folder).open_table(table)
        self.options, self.k = options, k

    def search(self, query):
        search = self.table.search(query["vector"]).metric("l2").select(["id"]).limit(self.k)
        for option, value in self.options.items():
            search = getattr(search, option)(value)
        return search.to_arrow()["id"].to_pylist()


def opened(name, setup):
    if name == SERVER:
        return DashiServer(setup["where"], setup["k"])
    index, options = LANCE[name]
    return Lance(setup["lance"], index or "exact", options, setup["k"])


def read_queries(setup):
    """The texts, and their embeddings as LanceDB takes them."""
    import numpy as np
    with open(setup["queries"], encoding="utf-8") as stream:
        texts = stream.read().splitlines()
    vectors = np.load(setup["vectors"])
    return [{"text": text, "vector": vector} for text, vector in zip(texts, vectors)]


class Asker:
    """A process that does what its input says: "one", or "many SECONDS"; see work()."""

    def __init__(self, name, setup, first):
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--work", name, json.dumps({**setup, "first": first})],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.read()

    def tell(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()

    def read(self):
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def work(name, setup):
    queries = read_queries(setup)
    peer = opened(name, setup)
    for query in queries[:20]:
        peer.search(query)
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        what, *seconds = line.split()
        if what == "one":
            taken, found = [], []
            for query in queries:
                begin = time.perf_counter()
                found.append(peer.search(query))
                taken.append(time.perf_counter() - begin)
            print(json.dumps({"seconds": taken, "found": found}), flush=True)
            continue
        asked, end = 0, time.perf_counter() + float(seconds[0])
        while time.perf_counter() < end:
            peer.search(queries[(setup["first"] + asked) % len(queries)])
            asked += 1
        print(json.dumps(asked), flush=True)


class Embedded:
    """The program embedded_search, which speaks almost as Asker does."""

    def __init__(self, program, database, queries):
        self.process = subprocess.Popen([program, database, queries], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return [float(word) for word in self.process.stdout.readline().split()]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def serve(program, database):
    process = subprocess.Popen([program, "serve", database, "--port", "0"], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    port = re.search(r"port (\d+)", process.stdout.readline()).group(1)
    return process, {"host": "127.0.0.1", "port": int(port), "user": "bench", "dbname": "bench"}


def embeddings(where, sql, parameters=None):
    """Ids and vectors of rows (id, embedding as JSON)."""
    import numpy as np
    import psycopg
    ids, vectors = [], []
    with psycopg.connect(**where) as connection, connection.cursor("rows") as cursor:
        cursor.itersize = 1000
        for identity, vector in cursor.execute(sql, parameters):
            ids.append(identity)
            vectors.append(np.array(json.loads(vector), np.float32))
    return ids, np.stack(vectors)


def unit_rows(vectors, names):
    """Leaves out zeros, which texts without a known word have, and checks the others' length."""
    import numpy as np
    lengths = np.linalg.norm(vectors, axis=1)
    if not np.allclose(lengths[lengths > 0], 1, atol=1e-2):
        sys.exit("the embeddings are not of unit length, so that distances are no products")
    return vectors[lengths > 0], [name for name, one in zip(names, lengths) if one > 0]


def make_tables(folder, ids, vectors, only):
    """Makes LanceDB's tables, one for each kind of index. Returns the seconds that each took."""
    import lancedb
    import pyarrow as pa
    dim = vectors.shape[1]
    rows = pa.table({"id": ids, "vector": pa.FixedSizeListArray.from_arrays(
        pa.array(vectors.reshape(-1)), dim)})
    seconds = {}
    for kind in {LANCE[name][0] for name in only if name in LANCE}:
        table = lancedb.connect(folder).create_table(kind or "exact", rows)
        begin = time.perf_counter()
        if kind:
            table.create_index(metric="l2", index_type=kind, num_partitions=PARTITIONS[kind],
                               num_sub_vectors=dim // 8)  # of IVF_PQ alone
        seconds[kind] = time.perf_counter() - begin
    return seconds


def search_times(where):
    import psycopg
    with psycopg.connect(**where) as connection:
        return {part: (float(searches), float(seconds)) for part, searches, seconds in
                connection.execute("SELECT part, sum(searches), sum(seconds) FROM search_times "
                                   "GROUP BY part")}


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def measure(arguments, setup, embedded, truth):
    """Every system in turn, round by round. Returns latencies, speeds and recalls by name."""
    taken = {name: [] for name in arguments.only}
    speeds = {(name, count): [] for name in arguments.only for count in arguments.clients}
    recalls = {}
    askers = {name: [Asker(name, setup, i * 97) for i in range(max(arguments.clients))]
              for name in arguments.only if name != EMBEDDED}
    for _ in range(arguments.rounds):
        for name in arguments.only:
            if name == EMBEDDED:
                taken[name].append(embedded.ask("one"))
                continue
            askers[name][0].tell("one")
            answer = askers[name][0].read()
            taken[name].append(answer["seconds"])
            hits = sum(len(set(a) & set(b)) for a, b in zip(answer["found"], truth))
            recalls[name] = hits / (len(truth) * setup["k"])
        for count in arguments.clients:
            for name in arguments.only:
                if name == EMBEDDED:
                    asked = embedded.ask(f"many {count} {arguments.seconds}")[0]
                else:
                    for asker in askers[name][:count]:
                        asker.tell(f"many {arguments.seconds}")
                    asked = sum(asker.read() for asker in askers[name][:count])
                speeds[name, count].append(asked / arguments.seconds)
    for asker in (one for group in askers.values() for one in group):
        asker.close()
    recalls[EMBEDDED] = recalls.get(SERVER, float("nan"))
    return taken, speeds, recalls


def show(arguments, taken, speeds, recalls, built):
    columns = "".join(f" queries/s of {count} |" for count in arguments.clients)
    print(f"| | recall@{arguments.k} | p50 | p99 | to dashi's server |{columns} index built in |")
    print("|---|---|---|---|---|" + "---|" * len(arguments.clients) + "---|")
    first = [statistics.median(one) for one in taken.get(SERVER, next(iter(taken.values())))]
    for name in arguments.only:
        everything = [one for once in taken[name] for one in once]
        ratio = statistics.median(statistics.median(once) / base
                                  for once, base in zip(taken[name], first))
        row = (f"| {name} | {recalls[name]:.3f} | {percentile(everything, .5) * 1e3:.2f} ms | "
               f"{percentile(everything, .99) * 1e3:.2f} ms | {ratio:.2f} |")
        for count in arguments.clients:
            row += f" {statistics.median(speeds[name, count]):,.0f} |"
        kind = LANCE[name][0] if name in LANCE else None
        print(row + (f" {built[kind]:.0f} s |" if kind else " |"))


def run(arguments, folder):
    import numpy as np
    copies = [shutil.copytree(arguments.database, os.path.join(folder, name))
              for name in ("served.db", "embedded.db")]
    process, where = serve(os.path.join(arguments.bin, "bin", "dashi"), copies[0])
    embedded = None
    try:
        with open(arguments.queries, encoding="utf-8") as stream:
            texts = stream.read().splitlines()
        ids, vectors = embeddings(where, "SELECT id, embed(text) FROM labels")
        _, queries = embeddings(where, "SELECT n, embed(text) FROM (SELECT key AS n, value AS text "
                                "FROM json_each(%s)) ORDER BY n", (json.dumps(texts),))
        vectors, ids = unit_rows(vectors, ids)
        queries, texts = unit_rows(queries, texts)
        best = np.argsort(-(queries @ vectors.T), axis=1)[:, :arguments.k]
        truth = [[ids[i] for i in row] for row in best]
        lance = os.path.join(folder, "lance")
        built = make_tables(lance, ids, vectors, arguments.only)
        setup = {"where": where, "lance": lance, "k": arguments.k,
                 "queries": os.path.join(folder, "queries.txt"),
                 "vectors": os.path.join(folder, "queries.npy")}
        with open(setup["queries"], "w", encoding="utf-8") as stream:
            stream.write("\n".join(texts) + "\n")
        np.save(setup["vectors"], queries)
        embedded = Embedded(os.path.join(arguments.bin, "bench", "embedded_search"), copies[1],
                            setup["queries"])
        before = search_times(where)
        results = measure(arguments, setup, embedded, truth)
        after = search_times(where)
        print(f"{len(ids):,} vectors of {vectors.shape[1]} values, {len(texts):,} queries, "
              f"{arguments.rounds} rounds")
        show(arguments, *results, built)
        for part, (searches, seconds) in after.items():
            if searches > before[part][0]:
                mean = (seconds - before[part][1]) / (searches - before[part][0])
                print(f"search_times of the server, {part}: {mean * 1e6:.0f} us each")
    finally:
        if embedded:
            embedded.close()
        process.terminate()
        process.communicate()


def main():
    if sys.argv[1:2] == ["--work"]:
        sys.path.insert(0, PEERS)
        return work(sys.argv[2], json.loads(sys.argv[3]))
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database")
    parser.add_argument("queries")
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--clients", default=[1, 2, 4],
                        type=lambda text: [int(number) for number in text.split(",")])
    parser.add_argument("--only", default=[SERVER, EMBEDDED, *LANCE],
                        type=lambda text: [name for name in [SERVER, EMBEDDED, *LANCE] if any(
                            wanted in name for wanted in text.split(","))])
    parser.add_argument("--bin", default=os.path.join(ROOT, "build", "release"))
    arguments = parser.parse_args()
    install()
    sys.path.insert(0, PEERS)
    folder = tempfile.mkdtemp(prefix="server_search_")
    try:
        run(arguments, folder)
    finally:
        shutil.rmtree(folder)
    return None


if __name__ == "__main__":
    main()
