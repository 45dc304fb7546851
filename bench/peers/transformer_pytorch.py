#!/usr/bin/env python3
"""Training steps of a transformer of DistilBERT's shape with transformers and PyTorch on a GPU.

Usage: bench/peers/transformer_pytorch.py [--rows 1600] [--length 32] [--dropout 0.1] [--compile]
The same step as `gpu_bench` measures: as many documents as labels of the same length, softmax over
the batch's labels, bfloat16 autocast, fused AdamW, the library's scaled_dot_product_attention. All
activations are kept. Prints milliseconds a step, documents a second and the peak of the memory.
"""

import argparse
import statistics
import time

import torch
import transformers

TEMPERATURE = 0.05


def encode(model, ids, mask):
    states = model(input_ids=ids, attention_mask=mask).last_hidden_state
    weights = mask.unsqueeze(2).to(states.dtype)
    mean = (states * weights).sum(1) / weights.sum(1)
    return torch.nn.functional.normalize(mean.float(), dim=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1600)
    parser.add_argument("--length", type=int, default=32)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--mixed", action="store_true", help="texts of 4 to LENGTH tokens, padded")
    parser.add_argument("--compile", action="store_true", help="through torch.compile")
    options = parser.parse_args()

    torch.manual_seed(1)
    config = transformers.DistilBertConfig(
        vocab_size=30522, dim=768, hidden_dim=3072, n_layers=6, n_heads=12,
        max_position_embeddings=512, dropout=options.dropout, attention_dropout=options.dropout,
        attn_implementation="sdpa")
    model = transformers.DistilBertModel(config).cuda().train()
    run = torch.compile(encode) if options.compile else encode
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, eps=1e-6, fused=True)
    targets = torch.arange(options.rows, device="cuda")
    batches = []
    for _ in range(4):
        ids = torch.randint(0, config.vocab_size, (2 * options.rows, options.length), device="cuda")
        mask = torch.ones_like(ids)
        if options.mixed:
            sizes = torch.randint(4, options.length + 1, (2 * options.rows, 1), device="cuda")
            mask = (torch.arange(options.length, device="cuda") < sizes).long()
        batches.append((ids, mask))

    def step(i):
        ids, mask = batches[i % len(batches)]
        with torch.autocast("cuda", torch.bfloat16):
            documents = run(model, ids[:options.rows], mask[:options.rows])
            labels = run(model, ids[options.rows:], mask[options.rows:])
            scores = documents @ labels.T / TEMPERATURE
        loss = torch.nn.functional.cross_entropy(scores.float(), targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()

    for i in range(3):
        step(i)
    torch.cuda.reset_peak_memory_stats()
    seconds = []
    for i in range(options.steps):
        torch.cuda.synchronize()
        start = time.perf_counter()
        step(i)
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    middle = statistics.median(seconds)
    print(f"transformers {transformers.__version__}, PyTorch {torch.__version__}, "
          f"dropout {options.dropout}{', mixed' if options.mixed else ''}"
          f"{', compiled' if options.compile else ''}: {1e3 * middle:.1f} ms a step, "
          f"{options.rows / middle:.0f} documents/s, "
          f"{torch.cuda.max_memory_allocated() / 1e9:.1f} GB")


if __name__ == "__main__":
    main()
