#!/usr/bin/env python3
"""The recipe of dashi's `bag` encoder and label vectors in PyTorch, and a race of both.

Usage: bench/peers/ngame_pytorch.py --program ngame_accuracy [--rounds N] [--threads 1,2] FOLDER
       bench/peers/ngame_pytorch.py --train TASK [--threads N] [--precision bfloat16]
FOLDER holds documents.jsonl, labels.jsonl and relevance.tsv, plain or .gz; TASK is what
`ngame_accuracy ... task=TASK` writes. The first form runs both programs in turn, two epochs of each
stage, and prints the medians of the last epochs. The second trains alone and prints P@1.
Needs `pip install -r bench/peers/ngame_requirements.txt`. See README.md beside this file.
"""

import argparse
import contextlib
import json
import math
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

BATCH, DIM, HIDDEN, TEMPERATURE = 1024, 256, 256, 0.05
RANDOM_LABELS, DROPOUT = 2000, 0.25
CLUSTER_MIN, CLUSTER_MAX, RECLUSTER = 2, 64, 3
NO_LABEL = 0xFFFFFFFF


class Rows:
    """Compressed sparse rows."""

    def __init__(self, offsets, columns, values=None):
        self.offsets, self.columns, self.values = offsets, columns, values

    @classmethod
    def read(cls, path):
        values = path + ".values"
        return cls(np.fromfile(path + ".offsets", np.uint64).astype(np.int64),
                   np.fromfile(path + ".columns", np.uint32).astype(np.int64),
                   np.fromfile(values, np.float32) if os.path.exists(values) else None)

    def __len__(self):
        return len(self.offsets) - 1

    def take(self, rows):
        """The chosen rows, in that order."""
        starts, sizes = self.offsets[rows], self.offsets[rows + 1] - self.offsets[rows]
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(sizes, out=offsets[1:])
        at = np.repeat(starts - offsets[:-1], sizes) + np.arange(offsets[-1])
        return Rows(offsets, self.columns[at], None if self.values is None else self.values[at])

    def owners(self):
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def append(self, other):
        return Rows(np.concatenate([self.offsets, other.offsets[1:] + self.offsets[-1]]),
                    np.concatenate([self.columns, other.columns]),
                    None if self.values is None else np.concatenate([self.values, other.values]))


class Task:
    def __init__(self, folder):
        for name in ("document_tokens", "label_tokens", "relevance", "test_tokens",
                     "test_relevance"):
            setattr(self, name, Rows.read(os.path.join(folder, name)))
        for name in ("own_label", "test_own_label", "vocabulary_size"):
            numbers = np.fromfile(os.path.join(folder, name), np.uint32).astype(np.int64)
            setattr(self, name, numbers)
        self.vocabulary_size = int(self.vocabulary_size[0])
        self.num_documents, self.num_labels = len(self.relevance), len(self.label_tokens)
        self.texts = self.document_tokens.append(self.label_tokens)
        usable = (np.diff(self.document_tokens.offsets) > 0) & (np.diff(self.relevance.offsets) > 0)
        self.documents = np.flatnonzero(usable)
        with_text = np.flatnonzero(np.diff(self.label_tokens.offsets) > 0)
        self.items = np.concatenate([self.documents, self.num_documents + with_text])


def cluster(vectors, size, generator):
    """Rows in the leaf order of a balanced binary tree with leaves of about `size` rows: each level
    splits all its nodes at the median of <x, c0 - c1>, six times with means of the halves."""
    import torch
    num_rows = len(vectors)
    levels = max(0, math.ceil(math.log2(num_rows / size)))
    leaf = math.ceil(num_rows / 2 ** levels)
    order = torch.randperm(num_rows, generator=generator)
    extra = leaf * 2 ** levels - num_rows  # fills the leaves up; dropped at the end
    order = torch.cat([order, order[:extra]])
    last = torch.zeros(len(order), dtype=torch.bool)
    last[num_rows:] = True
    for level in range(levels):
        nodes, width = 2 ** level, len(order) >> level
        for first in range(0, nodes, max(1, nodes // 16)):  # keeps the work space small
            part = slice(first * width, min(nodes, first + max(1, nodes // 16)) * width)
            rows = vectors[order[part]].view(-1, width, vectors.shape[1])
            split = rows[:, 0] - rows[:, 1]
            for _ in range(6):
                by_score = torch.bmm(rows, split.unsqueeze(2)).squeeze(2).argsort(1)
                low = torch.zeros(by_score.shape).scatter_(1, by_score[:, :width // 2], 1.0)
                total = rows.sum(1)
                below = torch.bmm(low.unsqueeze(1), rows).squeeze(1)
                split = torch.nn.functional.normalize(total - below, dim=1) - \
                    torch.nn.functional.normalize(below, dim=1)
            order[part] = order[part].view(-1, width).gather(1, by_score).view(-1)
            last[part] = last[part].view(-1, width).gather(1, by_score).view(-1)
    return order[~last].numpy(), leaf


class Sampler:
    """Batches at random, then of whole clusters whose size doubles from epoch to epoch."""

    def __init__(self, num_rows, epochs, random_share, growth_share, seed):
        import torch
        self.num_rows, self.epochs = num_rows, epochs
        self.random_share, self.growth_share = random_share, growth_share
        self.random = np.random.default_rng(seed)
        self.generator = torch.Generator().manual_seed(seed)
        self.num_batches = math.ceil(num_rows / BATCH)
        self.bank = torch.zeros((num_rows, DIM))
        self.tree, self.tree_epoch = None, 0
        self.seconds = 0.0

    def cluster_size(self, epoch):
        done = epoch / self.epochs
        if done < self.random_share:
            return 1
        if done >= self.growth_share:
            return CLUSTER_MAX
        growth = (done - self.random_share) / (self.growth_share - self.random_share)
        doublings = math.log2(CLUSTER_MAX / CLUSTER_MIN)
        return min(CLUSTER_MAX, CLUSTER_MIN << int(growth * (doublings + 1)))

    def batches(self, epoch):
        start = time.monotonic()
        size = self.cluster_size(epoch)
        if size == 1:
            order = self.random.permutation(self.num_rows)
        else:
            if self.tree is None or epoch - self.tree_epoch >= RECLUSTER:
                self.tree = cluster(self.bank, size, self.generator)
                self.tree_epoch = epoch
            order, leaf = self.tree
            step = leaf * max(1, size // leaf)
            starts = self.random.permutation(np.arange(0, self.num_rows, step))
            order = np.concatenate([order[s:s + step] for s in starts])
        self.seconds = time.monotonic() - start
        return np.array_split(order, self.num_batches)


def make_model(task, seed):
    import torch
    from torch import nn

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.embeddings = nn.EmbeddingBag(task.vocabulary_size, DIM, mode="sum", sparse=True)
            nn.init.normal_(self.embeddings.weight, std=DIM ** -0.5)
            self.first = nn.Linear(DIM, HIDDEN)
            self.second = nn.Linear(HIDDEN, DIM, bias=False)
            nn.init.zeros_(self.second.weight)

        def forward(self, texts):
            sums = self.embeddings(torch.from_numpy(texts.columns),
                                   torch.from_numpy(texts.offsets[:-1]),
                                   per_sample_weights=torch.from_numpy(texts.values))
            moved = self.second(torch.relu(self.first(sums)))
            return nn.functional.normalize(sums + moved.float(), dim=1)

    torch.manual_seed(seed)
    return Encoder()


def encode(encoder, texts):
    import torch
    with torch.no_grad():
        return torch.cat([encoder(texts.take(rows)) for rows in
                          np.array_split(np.arange(len(texts)), math.ceil(len(texts) / 4096))])


def masked_columns(task, documents, positions, column_of_label):
    """(row, column) of what is no negative in each document's row: its known labels and itself."""
    known = task.relevance.take(documents)
    own = task.own_label[documents]
    rows = np.concatenate([known.owners(), np.flatnonzero(own != NO_LABEL)])
    columns = column_of_label[np.concatenate([known.columns, own[own != NO_LABEL]])]
    keep = columns >= 0
    return positions[rows[keep]], columns[keep]


class Trainer:
    def __init__(self, task, precision, seed, on_epoch):
        import torch
        self.task, self.seed, self.on_epoch = task, seed, on_epoch
        self.random = np.random.default_rng(seed)
        self.encoder = make_model(task, seed)
        self.column_of_label = np.full(task.num_labels, -1, np.int64)
        self.precision = contextlib.nullcontext if precision == "float32" else (
            lambda: torch.autocast("cpu", dtype=torch.bfloat16))
        self.label_vectors = None

    def optimizers(self, embedding_rate, with_labels):
        import torch
        encoder = self.encoder
        dense = [{"params": [encoder.first.weight, encoder.second.weight], "weight_decay": 0.01},
                 {"params": [encoder.first.bias], "weight_decay": 0.0}]
        result = [torch.optim.SparseAdam([encoder.embeddings.weight], lr=embedding_rate),
                  torch.optim.AdamW(dense, lr=1e-3)]
        if with_labels:
            result.append(torch.optim.SparseAdam([self.label_vectors.weight], lr=1e-2))
        return result

    def encoder_loss(self, items):
        import torch
        task = self.task
        is_document = items < task.num_documents
        documents = items[is_document]
        counts = task.relevance.offsets[documents + 1] - task.relevance.offsets[documents]
        drawn = task.relevance.offsets[documents] + (self.random.random(len(documents)) *
                                                     counts).astype(np.int64)
        targets = items - task.num_documents
        targets[is_document] = task.relevance.columns[drawn]
        labels, target_columns = np.unique(targets, return_inverse=True)
        rows = target_columns.copy()
        rows[is_document] = len(labels) + np.arange(len(documents))
        self.column_of_label[labels] = np.arange(len(labels))
        positions = np.flatnonzero(is_document)
        masked = masked_columns(task, documents, positions, self.column_of_label)
        self.column_of_label[labels] = -1
        unit = self.encoder(task.texts.take(np.concatenate([labels + task.num_documents,
                                                            documents])))
        embeddings = unit[torch.from_numpy(rows)]
        scores = (embeddings @ unit[:len(labels)].T).float() / TEMPERATURE
        mask = torch.zeros(scores.shape, dtype=torch.bool)
        mask[torch.from_numpy(masked[0]), torch.from_numpy(masked[1])] = True
        target = torch.from_numpy(target_columns)
        mask[torch.arange(len(items)), target] = False
        loss = torch.nn.functional.cross_entropy(scores.masked_fill(mask, -math.inf), target)
        return loss, embeddings.detach()

    def classifier_loss(self, documents):
        import torch
        task = self.task
        positives = task.relevance.take(documents)
        labels = np.unique(positives.columns)
        self.column_of_label[labels] = 0
        drawn = np.unique(self.random.integers(0, task.num_labels, RANDOM_LABELS + 200))
        drawn = self.random.permutation(drawn[self.column_of_label[drawn] < 0])[:RANDOM_LABELS]
        labels = np.concatenate([labels, drawn])
        self.column_of_label[labels] = np.arange(len(labels))
        excluded = masked_columns(task, documents, np.arange(len(documents)),
                                  self.column_of_label)
        columns = self.column_of_label[positives.columns]
        self.column_of_label[labels] = -1
        functional = torch.nn.functional
        unit = self.encoder(task.document_tokens.take(documents))
        dropped = functional.normalize(functional.dropout(unit, DROPOUT), dim=1)
        vectors = functional.normalize(self.label_vectors(torch.from_numpy(labels)), dim=1)
        scores = (dropped @ vectors.T).float() / TEMPERATURE
        rows = torch.from_numpy(positives.owners())
        positive = scores[rows, torch.from_numpy(columns)]
        mask = torch.zeros(scores.shape, dtype=torch.bool)
        mask[torch.from_numpy(excluded[0]), torch.from_numpy(excluded[1])] = True
        negatives = scores.masked_fill(mask, -math.inf).logsumexp(1)
        weight = torch.from_numpy(1.0 / np.diff(positives.offsets)).float()[rows] / len(documents)
        loss = (functional.softplus(negatives[rows] - positive) * weight).sum()
        return loss, unit.detach()

    def run(self, stage, items, sampler, optimizers, loss_of, warmup):
        import torch
        num_steps = sampler.epochs * sampler.num_batches
        warmup = min(warmup, num_steps // 3)
        schedules = [torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: (step + 1) / (warmup + 1) if step < warmup else
            max(0, num_steps - step) / (num_steps - warmup)) for optimizer in optimizers]
        for epoch in range(sampler.epochs):
            batches = sampler.batches(epoch)
            start, processor = time.monotonic(), time.process_time()
            total = 0.0
            for rows in batches:
                for optimizer in optimizers:
                    optimizer.zero_grad(set_to_none=True)
                with self.precision():
                    loss, embeddings = loss_of(items[rows])
                loss.backward()
                for optimizer, schedule in zip(optimizers, schedules):
                    optimizer.step()
                    schedule.step()
                sampler.bank[torch.from_numpy(rows)] = embeddings.float()
                total += float(loss.detach()) * len(rows)
            self.on_epoch(stage, epoch + 1, len(items), time.monotonic() - start,
                          time.process_time() - processor, sampler.seconds, total / len(items))

    def train_encoder(self, epochs):
        sampler = Sampler(len(self.task.items), epochs, 0.2, 0.7, self.seed)
        self.run("encoder", self.task.items, sampler, self.optimizers(1e-2, False),
                 self.encoder_loss, 20)

    def train_classifier(self, epochs):
        import torch
        task = self.task
        vectors = encode(self.encoder, task.label_tokens)
        documents = encode(self.encoder, task.document_tokens.take(task.documents))
        pairs = task.relevance.take(task.documents)
        labels = torch.from_numpy(pairs.columns)
        counts = torch.bincount(labels, minlength=task.num_labels).clamp(min=1)
        share = (1.0 / counts[labels]).unsqueeze(1)
        vectors.index_add_(0, labels, documents[torch.from_numpy(pairs.owners())] * share)
        self.label_vectors = torch.nn.Embedding.from_pretrained(
            torch.nn.functional.normalize(vectors, dim=1), freeze=False, sparse=True)
        sampler = Sampler(len(task.documents), epochs, 0, 0, self.seed + 1)
        sampler.bank[:] = documents
        self.run("classifier", task.documents, sampler, self.optimizers(1e-3, True),
                 self.classifier_loss, 50)

    def precision_at_1(self):
        """P@1 on the test documents by encoder, by label vectors, and by the sum of both."""
        import torch
        task = self.task
        texts = torch.nn.functional.normalize(encode(self.encoder, task.label_tokens), dim=1)
        vectors = torch.nn.functional.normalize(self.label_vectors.weight.detach(), dim=1)
        relevant = [set(task.test_relevance.columns[a:b]) for a, b in
                    zip(task.test_relevance.offsets, task.test_relevance.offsets[1:])]
        documents = encode(self.encoder, task.test_tokens)
        result = {}
        for name, labels in (("encoder", texts), ("classifier", vectors),
                             ("dense", texts + vectors)):
            hits = 0
            for begin in range(0, len(documents), 1024):
                scores = documents[begin:begin + 1024] @ labels.T
                for row in range(len(scores)):
                    own = task.test_own_label[begin + row]
                    if own != NO_LABEL and own not in relevant[begin + row]:
                        scores[row, own] = -math.inf
                best = scores.argmax(1).tolist()
                hits += sum(label in relevant[begin + row] for row, label in enumerate(best))
            result[name] = hits / len(documents)
        return result


def train(arguments):
    """Trains in this process and prints a line of JSON an epoch, then the result."""
    import torch
    threads = int(arguments.threads)
    torch.set_num_threads(threads)

    def on_epoch(stage, epoch, texts, seconds, processor, clustering, loss):
        print(json.dumps({"stage": stage, "epoch": epoch, "texts": texts, "seconds": seconds,
                          "processor": processor, "clustering": clustering, "loss": loss}),
              flush=True)

    task = Task(arguments.folder)
    trainer = Trainer(task, arguments.precision, 1, on_epoch)
    trainer.train_encoder(arguments.epochs)
    trainer.train_classifier(arguments.classifier_epochs)
    result = {} if arguments.no_test else trainer.precision_at_1()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"result": result, "peak_mb": peak}), flush=True)


def run_dashi(program, files, threads, epochs):
    """Returns the figures of the last epoch of each stage and the peak memory."""
    printed = subprocess.run(
        [program, *files, f"threads={threads}", f"epochs={epochs}", f"classifier_epochs={epochs}",
         "validation_share=0", "ranker=0", "device=cpu"],
        check=True, stdout=subprocess.PIPE, text=True).stdout
    figures = {}
    for stage, clusters, waits, steps, processor in re.findall(
            r"epoch (\w+) \d+: clusters (\S+) s, batches \S+ s, waits (\S+) s, steps (\S+) s, "
            r"processor (\S+) s", printed):
        figures[stage] = {"seconds": float(clusters) + float(waits) + float(steps),
                          "processor": float(processor), "clustering": float(clusters)}
    return figures, float(re.search(r"peak (\d+) MB", printed).group(1))


def run_peer(task, threads, epochs, precision):
    printed = subprocess.run(
        [sys.executable, os.path.abspath(__file__), "--train", "--no-test", "--threads",
         str(threads), "--precision", precision, "--epochs", str(epochs), "--classifier-epochs",
         str(epochs), task], check=True, stdout=subprocess.PIPE, text=True,
        # Threads that spin while they wait make PyTorch many times slower beside other work.
        env={**os.environ, "OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE"}).stdout
    lines = [json.loads(line) for line in printed.splitlines()]
    return {line["stage"]: line for line in lines[:-1]}, lines[-1]["peak_mb"]


def find(folder, name):
    for path in (os.path.join(folder, name), os.path.join(folder, name + ".gz")):
        if os.path.exists(path):
            return path
    sys.exit(f"ngame_pytorch.py: {folder} has no {name}")


def race(arguments):
    files = [find(arguments.folder, name)
             for name in ("documents.jsonl", "labels.jsonl", "relevance.tsv")]
    with tempfile.TemporaryDirectory(prefix="dashi_ngame_") as task:
        subprocess.run([arguments.program, *files, f"task={task}", "task_only=1"], check=True)
        print("| threads | stage | program | texts/s, wall | texts/s, processor | peak MB |")
        print("| --- |" + " --- |" * 5)
        for threads in arguments.threads.split(","):
            runs = {}
            for _ in range(arguments.rounds):
                for name in ["dashi"] + arguments.precision.split(","):
                    run = run_dashi(arguments.program, files, threads, arguments.epochs) \
                        if name == "dashi" else run_peer(task, threads, arguments.epochs, name)
                    name = name if name == "dashi" else "PyTorch " + name
                    runs.setdefault(name, []).append(run)
                    print(threads, name, run, file=sys.stderr, flush=True)
            some_peer = next(of_name for name, of_name in runs.items() if name != "dashi")
            texts = {stage: line["texts"] for stage, line in some_peer[0][0].items()}
            for stage, count in texts.items():
                for name, of_name in runs.items():
                    wall, processor = (
                        count / statistics.median(run[0][stage][key] for run in of_name)
                        for key in ("seconds", "processor"))
                    peak = max(run[1] for run in of_name)
                    print(f"| {threads} | {stage} | {name} | {wall:,.0f} | {processor:,.0f} | "
                          f"{peak:.0f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", metavar="FOLDER")
    parser.add_argument("--program", help="bench/ngame_accuracy of a build")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", default="1", help="a list in a race; default: %(default)s")
    parser.add_argument("--precision", help="default: both in a race, bfloat16 with --train")
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--no-test", action="store_true")
    parser.add_argument("--epochs", type=int, help="default: 2 in a race, 12 with --train")
    parser.add_argument("--classifier-epochs", type=int, default=6)
    arguments = parser.parse_args()
    if arguments.train:
        arguments.epochs = arguments.epochs or 12
        arguments.precision = arguments.precision or "bfloat16"
        train(arguments)
    elif arguments.program:
        arguments.epochs = arguments.epochs or 2
        arguments.precision = arguments.precision or "float32,bfloat16"
        race(arguments)
    else:
        parser.error("one of --program and --train is needed")


if __name__ == "__main__":
    main()
