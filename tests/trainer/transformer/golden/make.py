#!/usr/bin/env python3
"""Makes the tiny transformers and their expected embeddings in this folder, with `transformers`.

Usage: make.py. Needs `pip install torch transformers==5.24.0 sentence-transformers==6.2.0
safetensors==0.8.0 tokenizers==0.23.3`. See README.md.
"""

import json
import os
import shutil
import sys

import torch
import transformers
from safetensors.torch import save_file
from tokenizers import (AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors,
                        trainers)

HERE = os.path.dirname(os.path.abspath(__file__))
BERT_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TEXTS = ["a cat sat on the mat", "The dog!", "", "cats and dogs, dogs and cats",
         "the the the the the the the the the the the the the the the the the the", "x"]


def write(name, text):
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as stream:
        stream.write(text)


def word_pieces():
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    words = ["cat", "dog", "the", "mat", "sat", "and", "on", "##s", "##at", "!", ","]
    pieces = BERT_TOKENS + letters + ["##" + letter for letter in letters if letter != "s"] + words
    tokenizer = Tokenizer(models.WordPiece({p: i for i, p in enumerate(pieces)},
                                           unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(BERT_TOKENS)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer, pieces


def byte_pairs():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True)]
    tokenizer.train_from_iterator(TEXTS, trainers.BpeTrainer(
        vocab_size=300, special_tokens=special, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0),
                                                            add_prefix_space=False)
    return tokenizer


def randomize(model):
    """Larger numbers than training starts with, so that every part of the network shows."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(0, 0.5)
            if "norm" in name.lower() and name.endswith("weight"):
                parameter.add_(1)


def embeddings(model, tokenizer, first, normalize, max_tokens):
    tokenizer.enable_truncation(max_tokens)
    rows = []
    with torch.no_grad():
        for text in TEXTS:
            ids = torch.tensor([tokenizer.encode(text).ids])
            state = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
            row = state[0, 0] if first else state[0].mean(0)
            rows.append((row / row.norm() if normalize else row).tolist())
    tokenizer.no_truncation()
    return rows


def training(model, tokenizer):
    """Three steps of AdamW without dropout: texts 0 to 2 against 3 to 5, one positive each."""
    model.train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    tokenizer.enable_truncation(12)
    ids = [torch.tensor([tokenizer.encode(text).ids]) for text in TEXTS]
    tokenizer.no_truncation()
    trained = [parameter for name, parameter in model.named_parameters()
               if "pooler" not in name]
    optimizer = torch.optim.AdamW(
        [{"params": [p for p in trained if p.dim() == 2], "weight_decay": 0.01},
         {"params": [p for p in trained if p.dim() != 2], "weight_decay": 0.0}],
        lr=0.01, eps=1e-6)
    losses = []
    for step in range(4):
        rows = torch.cat([torch.nn.functional.normalize(
            model(input_ids=i, attention_mask=torch.ones_like(i)).last_hidden_state.mean(1))
            for i in ids])
        loss = torch.nn.functional.cross_entropy(rows[:3] @ rows[3:].T / 0.3, torch.arange(3))
        losses.append(loss.item())
        if step < 3:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return {"losses": losses, "embeddings": rows.tolist()}


def save(name, model, tokenizer, dtype, prefix="", first=False, normalize=True, modules=True):
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    model.to(dtype)
    tensors = {prefix + key: value.contiguous() for key, value in model.state_dict().items()
               if "pooler" not in key}
    save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    model.to(torch.float32)
    write(f"{name}/config.json", json.dumps(json.loads(model.config.to_json_string()), indent=1))
    tokenizer.save(os.path.join(folder, "tokenizer.json"), pretty=False)
    max_tokens = 12
    if modules:
        parts = ["Transformer", "Pooling"] + (["Normalize"] if normalize else [])
        write(f"{name}/modules.json", json.dumps(
            [{"idx": i, "name": str(i), "path": f"{i}_{part}" if i else "",
              "type": f"sentence_transformers.models.{part}"} for i, part in enumerate(parts)]))
        os.makedirs(os.path.join(folder, "1_Pooling"))
        write(f"{name}/1_Pooling/config.json", json.dumps(
            {"word_embedding_dimension": model.config.hidden_size,
             "pooling_mode_cls_token": first, "pooling_mode_mean_tokens": not first}))
        write(f"{name}/sentence_bert_config.json", json.dumps({"max_seq_length": max_tokens}))
    else:
        max_tokens = 20
    return {"folder": name,
            "embeddings": embeddings(model, tokenizer, first, normalize, max_tokens)}


def main():
    assert transformers.__version__ == "5.24.0", transformers.__version__
    torch.manual_seed(5)
    wordpiece, pieces = word_pieces()
    bpe = byte_pairs()
    bert = transformers.BertModel(transformers.BertConfig(
        vocab_size=len(pieces), hidden_size=8, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=12, max_position_embeddings=20))
    distilbert = transformers.DistilBertModel(transformers.DistilBertConfig(
        vocab_size=len(pieces) + 3, dim=8, n_layers=2, n_heads=4, hidden_dim=12,
        max_position_embeddings=20))
    roberta = transformers.RobertaModel(transformers.RobertaConfig(
        vocab_size=bpe.get_vocab_size(), hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=12, max_position_embeddings=22, type_vocab_size=1, pad_token_id=1,
        bos_token_id=0, eos_token_id=2, layer_norm_eps=1e-5, hidden_act="gelu_new"))
    made = []
    for model in (bert, distilbert, roberta):
        randomize(model)
        model.eval()
    # The dtypes hold the numbers exactly: they are rounded before the expected vectors are made.
    half = distilbert.half().float()
    brain = roberta.bfloat16().float()
    made.append(save("bert", bert, wordpiece, torch.float32))
    made.append(save("distilbert", half, wordpiece, torch.float16, prefix="distilbert.",
                     first=True, normalize=False))
    made.append(save("roberta", brain, bpe, torch.bfloat16, prefix="roberta.", modules=False))
    write("embeddings.json", json.dumps({"texts": TEXTS, "models": made}) + "\n")
    write("training.json", json.dumps(training(bert, wordpiece)) + "\n")
    # The older form of a tokenizer, beside the same weights.
    write("bert/vocab.txt", "".join(piece + "\n" for piece in pieces))
    write("bert/tokenizer_config.json", json.dumps({"do_lower_case": True}))
    root = json.loads(bpe.to_str())["model"]
    write("roberta/vocab.json", json.dumps(root["vocab"]))
    write("roberta/merges.txt", "#version: 0.2\n" + "".join(
        " ".join(merge) + "\n" for merge in root["merges"]))


if __name__ == "__main__":
    sys.exit(main())
