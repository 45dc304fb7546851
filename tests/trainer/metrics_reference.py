"""Recomputes the metrics of metrics_export with plain Python and compares to 1e-9.

Usage: metrics_reference.py <metrics_export program>

Written from the definitions of the extreme-classification repository (P@k, nDCG@k, PSP@k as a ratio
of sums, R@k), with fractions where that is possible, and without looking at the C++ code's shape.
"""

import json
import math
import subprocess
import sys
from fractions import Fraction


def inverse_propensity(count, num_documents, a, b):
    c = (math.log(num_documents) - 1) * (b + 1) ** a
    return 1 + c * math.exp(-a * math.log(count + b))


def slice_of_labels(counts):
    """label -> head, torso or tail."""
    half = Fraction(sum(counts), 2)
    taken = 0
    result = {}
    for label in sorted(range(len(counts)), key=lambda l: (-counts[l], l)):
        if counts[label] <= 5:
            result[label] = "tail"
        elif taken < half:
            result[label] = "head"
        else:
            result[label] = "torso"
        taken += counts[label]
    return result


def precision(ranked, positives, k):
    return Fraction(len(set(ranked[:k]) & positives), k)


def recall(ranked, positives, k):
    return Fraction(len(set(ranked[:k]) & positives), max(len(positives), 1))


def ndcg(ranked, positives, k):
    hits = [i for i, label in enumerate(ranked[:k]) if label in positives]
    dcg = math.fsum(1 / math.log2(i + 2) for i in hits)
    ideal = math.fsum(1 / math.log2(i + 2) for i in range(min(k, len(positives))))
    return dcg / ideal if ideal else 0.0


def psp(rankings, truths, inverse, k):
    gained = math.fsum(
        inverse[label]
        for ranked, positives in zip(rankings, truths)
        for label in ranked[:k]
        if label in positives
    )
    attainable = math.fsum(
        gain
        for positives in truths
        for gain in sorted((inverse[label] for label in positives), reverse=True)[:k]
    )
    return gained / attainable if attainable else 0.0


def mean(values):
    return float(sum(values)) / len(values) if values else 0.0


def evaluate(case):
    """(slice, metric, k) -> (value, documents)."""
    slices = slice_of_labels(case["counts"])
    results = {}
    for name in ("all", "head", "torso", "tail"):
        rankings, truths = [], []
        for ranked, positives in zip(case["ranked"], case["positives"]):
            kept = {label for label in positives if name == "all" or slices[label] == name}
            if kept or name == "all":
                rankings.append(ranked)
                truths.append(kept)
        documents = list(zip(rankings, truths))
        for k in case["ks"]:
            values = {
                "P": mean([precision(r, t, k) for r, t in documents]),
                "nDCG": mean([ndcg(r, t, k) for r, t in documents]),
                "R": mean([recall(r, t, k) for r, t in documents]),
                "PSP": psp(rankings, truths, case["inverse"], k),
            }
            for metric, value in values.items():
                results[name, metric, k] = (value, len(documents))
    return results


def check(case):
    failures = []
    for count, inverse in zip(case["counts"], case["inverse"]):
        want = inverse_propensity(count, case["num_training_documents"], case["a"], case["b"])
        if not abs(inverse - want) <= 1e-9 * max(1, want):
            failures.append(f"inverse propensity of {count}: got {inverse}, want {want}")
    wanted = evaluate(case)
    seen = set()
    for name, metric, k, value, documents in case["results"]:
        want, want_documents = wanted[name, metric, k]
        seen.add((name, metric, k))
        if not abs(value - want) <= 1e-9 or documents != want_documents:
            failures.append(
                f"{name} {metric}@{k}: got {value} of {documents}, "
                f"want {want} of {want_documents}"
            )
    if seen != set(wanted):
        failures.append(f"missing: {set(wanted) - seen}")
    return [f"seed {case['seed']}: {failure}" for failure in failures]


def main():
    output = subprocess.run([sys.argv[1]], check=True, capture_output=True, text=True).stdout
    cases = [json.loads(line) for line in output.splitlines()]
    failures = [failure for case in cases for failure in check(case)]
    print("\n".join(failures[:20]))
    print(f"{len(cases)} evaluations, {len(failures)} differences")
    return 1 if failures or len(cases) < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
