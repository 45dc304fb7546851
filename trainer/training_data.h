#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "dashi/status.h"
#include "storage/view.h"
#include "trainer/bag_tokenizer.h"
#include "trainer/graph/graph_reading.h"
#include "trainer/positives/positive_source.h"
#include "trainer/ranker/ranker_features.h"
#include "trainer/text/subword_tokenizer.h"
#include "trainer/text/tokenizer_spec.h"
#include "trainer/training_task.h"
#include "trainer/validation_rule.h"

namespace dashi::trainer {

/// A training task read from the database, with the way back from its rows to ordinals.
struct TrainingData {
  TrainingTask task;
  std::unique_ptr<BagTokenizer> tokenizer;          ///< null with subwords
  std::unique_ptr<SubwordTokenizer> subwords;       ///< null without
  std::unique_ptr<RankerFeatures> ranker_features;  ///< null without a ranker
  NumberArray<storage::Ordinal> document_ordinals;  ///< [num_documents] ascending
  std::vector<storage::Ordinal> label_ordinals;     ///< [num_labels] ascending
};

/// How texts become the tokens of a transformer.
struct SubwordReading {
  const TokenizerSpec* spec = nullptr;     ///< null: the vocabulary is learned from the texts
  std::uint32_t vocabulary_size = 30'000;  ///< at most, when it is learned
  std::uint32_t max_tokens = 128;          ///< of a text, with those of the template
};

struct TokenCache;

struct TrainingDataOptions {
  std::optional<SubwordReading> subwords;  ///< nullopt: token bags
  bool ranker = true;                      ///< read RankerFeatures too
  ValidationRule validation;               ///< which documents are held out
  PositiveReading positives;
  bool propensity_weights = false;  ///< positives count by their labels' propensities
  GraphReading graphs;
  /// Where token lists of earlier trainings are found, and those of this one are kept; may be null.
  /// The data are the same, bit for bit, with and without.
  TokenCache* cache = nullptr;
};

/// Reads what a model trains on: the documents whose split is 'train' or absent and that have at
/// least one positive label, and all labels. The vocabulary is learned from the texts of documents
/// of those splits (with labels or without) and of labels, unless it is given. Tokens are bags, or
/// with subwords ids in the order of the text. held_out is filled in where the rule names a column.
///
/// Positives are found as PositiveSource does, graphs read as ReadTrainingGraphs does.
///
/// Errors:  those of the two; kFailedPrecondition (55000) when there is no label, no training
/// document with a label,
///          or no token in any text; kInvalidArgument for a tokenizer whose template does not fit
///          max_tokens; kCancelled when control.should_stop says so; kResourceExhausted (53100)
///          when the disk is full.
/// Cost:    two scans of the rows, and a third with a cache; the rows take 8 bytes a distinct token
///          of a text, or 4 bytes a subword, in memory or in files of control.scratch.
Result<TrainingData> ReadTrainingData(const storage::View& view, const TrainingDataOptions& options,
                                      const TrainingControl& control);

}  // namespace dashi::trainer
