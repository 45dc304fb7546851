#pragma once

#include <cstdint>
#include <vector>

#include "trainer/bag_module.h"
#include "trainer/ngame.h"

namespace dashi::trainer {

/// The backend that is built beside the tests.
TensorBackend& Backend();

/// A row of distinct tokens, equal weights, unit length.
void AppendBag(std::vector<std::uint32_t> tokens, SparseRows* rows);

/// Label l's text has the tokens 2l and 2l + 1. A document of label l has synonyms of them (another
/// range of tokens, which only training can tie to the label) and noise.
TrainingTask SyntheticTask(std::uint32_t num_documents, std::uint32_t num_labels,
                           std::uint64_t seed);

/// A task on which tokens lie: each document has the words of another label beside its own, and
/// only a pair of words, which the ranker sees, tells which is right.
TrainingTask TaskForRanker();

/// The same task as token ids in the order of the text between two special tokens.
TrainingTask TaskForTransformer(TrainingTask task);

/// Small and quick.
NgameOptions FastOptions();
/// The same with a transformer of one layer.
NgameOptions TransformerOptions(std::uint32_t vocabulary_size);

}  // namespace dashi::trainer
