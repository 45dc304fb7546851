#!/usr/bin/env python3
"""Compares the accuracy of dashi with that of peers on the same data, one process per method.

Usage: bench/peers/accuracy.py [--methods knn,omikuji,...] [--threads N] FOLDER ...
A folder holds documents.jsonl, labels.jsonl and relevance.tsv, each plain or .gz. Prints a
Markdown table per folder. See README.md beside this file.
"""

import argparse
import csv
import gzip
import io
import json
import os
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PEERS = os.path.join(ROOT, ".deps", "peers")
REQUIREMENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "requirements.txt")
A, B = 0.55, 1.5
CUTOFFS = (1, 5)
# Labels that a method returns per document: the cut-off, and room for the document's own page.
NUM_RANKED = 10


def find(folder, name):
    for path in (os.path.join(folder, name), os.path.join(folder, name + ".gz")):
        if os.path.exists(path):
            return path
    sys.exit(f"accuracy.py: {folder} has no {name}")


def read_lines(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as stream:
        yield from (line.rstrip("\n") for line in stream if line.strip())


class Task:
    """The texts and the sparse relevance matrices of a folder; labels keep the file's order."""

    def __init__(self, folder):
        import scipy.sparse
        documents = [json.loads(line) for line in read_lines(find(folder, "documents.jsonl"))]
        labels = [json.loads(line) for line in read_lines(find(folder, "labels.jsonl"))]
        label_index = {label["id"]: index for index, label in enumerate(labels)}
        relevant = {document["id"]: [] for document in documents}
        for line in read_lines(find(folder, "relevance.tsv")):
            document, label = (name.replace("\\\\", "\\") for name in line.split("\t")[:2])
            relevant[document].append(label_index[label])
        self.label_texts = [label["text"] for label in labels]
        for split in ("train", "test"):
            part = [d for d in documents if d.get("split") == split and relevant[d["id"]]]
            rows = [row for row, d in enumerate(part) for _ in relevant[d["id"]]]
            columns = [label for d in part for label in relevant[d["id"]]]
            matrix = scipy.sparse.csr_matrix(
                ([1.0] * len(rows), (rows, columns)), shape=(len(part), len(labels)),
                dtype="float32")
            setattr(self, split + "_texts", [d["text"] for d in part])
            setattr(self, split + "_relevance", matrix)
            setattr(self, split + "_own_label", [label_index.get(d["id"], -1) for d in part])


def evaluate(task, ranked):
    """P@k and PSP@k (a ratio of means) of [document] -> labels, best first. The document's own
    page is dropped unless it is relevant; a missing slot counts as a miss."""
    import numpy as np
    num_documents = len(task.train_texts)
    counts = np.asarray(task.train_relevance.sum(axis=0)).ravel()
    inverse = 1 + (np.log(num_documents) - 1) * (B + 1) ** A * (counts + B) ** -A
    result = {}
    for k in CUTOFFS:
        hits = gained = attainable = 0.0
        for row, labels in enumerate(ranked):
            positives = task.test_relevance.indices[
                task.test_relevance.indptr[row]:task.test_relevance.indptr[row + 1]]
            relevant = set(positives)
            own = task.test_own_label[row]
            top = [label for label in labels if label != own or label in relevant][:k]
            found = [label for label in top if label in relevant]
            hits += len(found) / k
            gained += inverse[found].sum() / k
            attainable += np.sort(inverse[positives])[::-1][:k].sum() / k
        result[f"P@{k}"] = hits / len(ranked)
        result[f"PSP@{k}"] = gained / attainable
    return result


def tfidf(task):
    """Returns L2-normalised (1 + ln tf) * idf features of training, test and label texts."""
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer
    vectorizer = TfidfVectorizer(sublinear_tf=True, token_pattern=r"(?u)\w+", dtype=np.float32)
    vectorizer.fit(task.train_texts + task.label_texts)
    features = [vectorizer.transform(texts)
                for texts in (task.train_texts, task.test_texts, task.label_texts)]
    for matrix in features:
        matrix.sort_indices()
    return features


def ranked_rows(scores):
    """Returns the labels of each row of a sparse matrix, best first, ties by ascending label."""
    import numpy as np
    scores = scores.tocsr()
    ranked = []
    for row in range(scores.shape[0]):
        begin, end = scores.indptr[row], scores.indptr[row + 1]
        labels, values = scores.indices[begin:end], scores.data[begin:end]
        if len(values) > 4 * NUM_RANKED:
            least = np.partition(values, -NUM_RANKED)[-NUM_RANKED]
            labels, values = labels[values >= least], values[values >= least]
        ranked.append(labels[np.lexsort((labels, -values))][:NUM_RANKED])
    return ranked


def keep_nearest(near, count):
    """Zeroes all but the `count` largest entries of each row; ties keep the first document."""
    import numpy as np
    for row in range(near.shape[0]):
        values = near.data[near.indptr[row]:near.indptr[row + 1]]
        if len(values) > count:
            values[np.argsort(-values, kind="stable")[count:]] = 0
    near.eliminate_zeros()


def run_knn(task, power, label_weight):
    """The labels of the 50 nearest training documents, each with the vote sim^power, normalised
    to a sum of 1, plus label_weight times the similarity to the label's text."""
    import numpy as np
    import scipy.sparse
    start = time.monotonic()
    train, test, labels = tfidf(task)
    ranked = []
    for begin in range(0, test.shape[0], 512):
        part = test[begin:begin + 512]
        near = (part @ train.T).tocsr()
        keep_nearest(near, 50)
        near.data **= power
        total = np.maximum(np.asarray(near.sum(axis=1)).ravel(), 1e-9)
        votes = scipy.sparse.diags(1 / total).astype("float32") @ near @ task.train_relevance
        ranked += ranked_rows(votes + label_weight * (part @ labels.T))
    return ranked, time.monotonic() - start


def with_label_texts(task, train, labels):
    """Returns features and relevance with every label's text as one more training document, but
    for texts without a known word."""
    import numpy as np
    import scipy.sparse
    rows = np.flatnonzero(np.diff(labels.indptr))
    own = scipy.sparse.identity(labels.shape[0], dtype="float32", format="csr")
    return (scipy.sparse.vstack([train, labels[rows]]).tocsr(),
            scipy.sparse.vstack([task.train_relevance, own[rows]]).tocsr())


def run_pecos(task, threads, label_texts=False):
    from pecos.xmc import Indexer, LabelEmbeddingFactory
    from pecos.xmc.xlinear.model import XLinearModel
    start = time.monotonic()
    train, test, labels = tfidf(task)
    relevance = task.train_relevance
    if label_texts:
        train, relevance = with_label_texts(task, train, labels)
    relevance = relevance.astype("float32")
    features = LabelEmbeddingFactory.create(relevance, train)
    chain = Indexer.gen(features, threads=threads)
    model = XLinearModel.train(train, relevance, C=chain, threads=threads)
    seconds = time.monotonic() - start
    return ranked_rows(model.predict(test, only_topk=NUM_RANKED, threads=threads)), seconds


def write_repository_file(path, features, relevance):
    """Writes the bag-of-words file of the Extreme Classification Repository."""
    with open(path, "w", encoding="ascii") as stream:
        stream.write(f"{features.shape[0]} {features.shape[1]} {relevance.shape[1]}\n")
        for row in range(features.shape[0]):
            labels = relevance.indices[relevance.indptr[row]:relevance.indptr[row + 1]]
            begin, end = features.indptr[row], features.indptr[row + 1]
            entries = zip(features.indices[begin:end], features.data[begin:end])
            stream.write(",".join(map(str, labels)) + " " +
                         " ".join(f"{index}:{value:.6g}" for index, value in entries) + "\n")


def bonsai_settings(omikuji):
    """Omikuji's own settings for Bonsai: unbalanced clusters, k = 100, depth 3."""
    settings = omikuji.Model.default_hyper_param()
    settings.cluster_balanced = False
    settings.cluster_k = 100
    settings.max_depth = 3
    return settings


def run_omikuji(task, threads, label_texts=False, bonsai=False):
    import omikuji
    start = time.monotonic()
    train, test, labels = tfidf(task)
    relevance = task.train_relevance
    if label_texts:
        train, relevance = with_label_texts(task, train, labels)
    with tempfile.NamedTemporaryFile(suffix=".txt") as file:
        write_repository_file(file.name, train, relevance)
        settings = (bonsai_settings(omikuji) if bonsai else
                    omikuji.Model.default_hyper_param())
        model = omikuji.Model.train_on_data(file.name, settings, n_threads=threads)
    seconds = time.monotonic() - start
    ranked = []
    for row in range(test.shape[0]):
        begin, end = test.indptr[row], test.indptr[row + 1]
        entries = [(int(i), float(v)) for i, v in zip(test.indices[begin:end],
                                                      test.data[begin:end])]
        found = model.predict(entries, top_k=NUM_RANKED)
        ranked.append([label for label, _ in sorted(found, key=lambda pair: (-pair[1], pair[0]))])
    return ranked, seconds


METHODS = {
    "knn": ("TF-IDF kNN 50 + label text",
            lambda task, threads: run_knn(task, power=1, label_weight=1)),
    "knn-sharp": ("TF-IDF kNN 50, votes sim^4, + .474 label text",
                  lambda task, threads: run_knn(task, power=4, label_weight=0.474)),
    "omikuji": ("Omikuji (Parabel)", run_omikuji),
    "omikuji-labels": ("Omikuji (Parabel), label texts as documents",
                       lambda task, threads: run_omikuji(task, threads, label_texts=True)),
    "bonsai": ("Omikuji (Bonsai)",
               lambda task, threads: run_omikuji(task, threads, bonsai=True)),
    "bonsai-labels": ("Omikuji (Bonsai), label texts as documents",
                      lambda task, threads: run_omikuji(task, threads, label_texts=True,
                                                        bonsai=True)),
    "pecos": ("PECOS XR-Linear", run_pecos),
    "pecos-labels": ("PECOS XR-Linear, label texts as documents",
                     lambda task, threads: run_pecos(task, threads, label_texts=True)),
}
DASHI = {"dashi": "fused", "dashi-encoder": "encoder", "dashi-classifier": "classifier"}


def run_worker(method, folder, threads):
    """Runs one peer in this process and prints its figures as JSON."""
    sys.path.insert(0, PEERS)
    task = Task(folder)
    ranked, seconds = METHODS[method][1](task, threads)
    print(json.dumps({"seconds": seconds, **evaluate(task, ranked)}))


def run_process(command, environment=None):
    """Returns (what the command printed, seconds, peak memory in MB); stops at a failure.
    Peers draw progress bars on standard error, so that is shown only when one fails."""
    start = time.monotonic()
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True,
                                   env={**os.environ, **(environment or {})})
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            log.seek(0)
            sys.stderr.write(log.read()[-2000:])
            sys.exit(f"accuracy.py: exit status {process.returncode}: {' '.join(command)}")
    return printed, time.monotonic() - start, usage.ru_maxrss / 1024


def run_peer(method, folder, threads):
    command = [sys.executable, os.path.abspath(__file__), "--worker", method,
               "--threads", str(threads), folder]
    printed, _, megabytes = run_process(command, {"OMP_NUM_THREADS": str(threads),
                                                  "OPENBLAS_NUM_THREADS": str(threads)})
    figures = json.loads(printed.splitlines()[-1])
    return [{"method": METHODS[method][0], "megabytes": megabytes, **figures}]


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def run_dashi(scores, folder, threads, options):
    """Imports, trains once, and evaluates each way of scoring."""
    with tempfile.TemporaryDirectory(prefix="dashi_accuracy_") as temporary:
        execute = [os.path.join(ROOT, "run"), "dashi", "exec", os.path.join(temporary, "db")]
        documents, labels, relevance = (
            quoted(os.path.abspath(find(folder, name)))
            for name in ("documents.jsonl", "labels.jsonl", "relevance.tsv"))
        run_process(execute + [
            "-c", f"COPY documents FROM {documents} WITH (FORMAT jsonl, unknown = 'ignore')",
            "-c", f"COPY labels FROM {labels} WITH (FORMAT jsonl, unknown = 'ignore')",
            "-c", f"COPY relevance (document, label) FROM {relevance} WITH (FORMAT tsv)"])
        settings = ", ".join([f"threads = {threads}"] + options)
        _, seconds, megabytes = run_process(execute + [
            "-c", f"CREATE MODEL m USING ngame WITH ({settings})", "-c", "TRAIN MODEL m"])
        rows = []
        for method in scores:
            printed, _, _ = run_process(execute + [
                "--format", "csv", "-c",
                f"EVALUATE MODEL m@1 ON 'test' WITH (k = '1,5', scores = '{DASHI[method]}')"])
            figures = {f"{row['metric']}@{row['k']}": float(row["value"])
                       for row in csv.DictReader(io.StringIO(printed)) if row["slice"] == "all"}
            rows.append({"method": f"dashi, {DASHI[method]} scores", "seconds": seconds,
                         "megabytes": megabytes, **figures})
        return rows


def save_rows(path, folder, rows):
    """Appends one JSON object a row, so that a long comparison loses nothing when it is stopped."""
    if path:
        with open(path, "a", encoding="utf-8") as stream:
            for row in rows:
                name = os.path.basename(os.path.normpath(folder))
                stream.write(json.dumps({"folder": name, **row}) + "\n")


def print_table(folder, rows):
    columns = [f"{metric}@{k}" for metric in ("P", "PSP") for k in CUTOFFS]
    print(f"\n{os.path.basename(os.path.normpath(folder))}\n")
    print("| method | " + " | ".join(columns) + " | seconds | peak MB |")
    print("| --- |" + " --- |" * (len(columns) + 2))
    for row in rows:
        figures = " | ".join(f"{row[column]:.3f}" for column in columns)
        print(f"| {row['method']} | {figures} | {row['seconds']:.0f} | {row['megabytes']:.0f} |",
              flush=True)


def install_peers():
    """Installs the pinned peers once; a marker says that the installation is whole."""
    marker = os.path.join(PEERS, "requirements.txt")
    with open(REQUIREMENTS, encoding="utf-8") as stream:
        wanted = stream.read()
    if os.path.exists(marker):
        with open(marker, encoding="utf-8") as stream:
            if stream.read() == wanted:
                return
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade",
                    "--disable-pip-version-check", "--target", PEERS, "-r", REQUIREMENTS],
                   check=True)
    with open(marker, "w", encoding="utf-8") as stream:
        stream.write(wanted)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    every = list(METHODS) + list(DASHI)
    parser.add_argument("--methods", default=",".join(every), help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE",
                        help="an option of dashi's CREATE MODEL, for example epochs=20")
    parser.add_argument("--save", metavar="FILE", help="also append every row to it, as JSON")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        run_worker(arguments.worker, arguments.folders[0], arguments.threads)
        return
    methods = arguments.methods.split(",")
    for method in methods:
        if method not in every:
            sys.exit(f"accuracy.py: unknown method {method}: want {', '.join(every)}")
    peers = [method for method in methods if method in METHODS]
    if peers:
        install_peers()
    for folder in arguments.folders:
        rows = []
        for method in peers:
            rows += run_peer(method, folder, arguments.threads)
            save_rows(arguments.save, folder, rows[-1:])
        scores = [method for method in methods if method in DASHI]
        if scores:
            found = run_dashi(scores, folder, arguments.threads, arguments.option)
            save_rows(arguments.save, folder, found)
            rows += found
        print_table(folder, rows)


if __name__ == "__main__":
    main()
