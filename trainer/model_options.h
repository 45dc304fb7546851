#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "storage/catalog_records.h"
#include "trainer/graph/graph_reading.h"
#include "trainer/ngame.h"
#include "trainer/positives/positive_source.h"

namespace dashi::trainer {

/// Documentation of one option of CREATE MODEL or TRAIN MODEL, for error messages and docs.
struct ModelOptionInfo {
  std::string_view name;
  std::string default_value;
  std::string_view description;
};

/// What only transformers have.
struct TransformerOptions {
  std::string path;  ///< the folder that CREATE MODEL read the start from; empty: from scratch
  std::uint32_t layers = 4;
  std::uint32_t hidden_size = 256;  ///< the network between the attentions is four times as wide
  std::uint32_t heads = 4;
  std::uint32_t vocabulary_size = 30'000;  ///< at most, of the vocabulary learned from the texts
  std::uint32_t max_tokens = 128;          ///< of a text, with those of the template
  float weight_decay = 0.01F;
};

/// All options of a model, resolved.
struct ModelOptions {
  /// The defaults with the `bag` encoder.
  ModelOptions() { ngame.num_threads = 0; }  // One per core, unlike the library's default of one.

  std::string algorithm = "ngame";
  std::string encoder = "bag";
  TransformerOptions transformer;
  /// The release that training starts from: "off", "on" (the published one), or its name. Resolved
  /// to the name when a job is submitted.
  std::string warm_start = "off";
  std::string index = "auto";             ///< "auto", "exact" or "hnsw"
  bool relink = true;                     ///< begin with the published release's graph
  double checkpoint_seconds = 60;         ///< between two checkpoints
  bool token_cache = true;                ///< keep token lists for the next training
  std::uint64_t memory_limit_mb = 0;      ///< most MiB that a training may need; 0: what there is
  std::string validation = "random";      ///< see ParseValidationRule
  PositiveReading positives;              ///< which labels are positives of a document
  std::string positive_weights = "auto";  ///< "auto", "uniform" or "propensity"
  GraphReading graphs;                    ///< of algorithm ramen: what regularises the encoder
  NgameOptions ngame;
};

/// All options of an algorithm ("ngame", or "ramen", which has more), in documentation order, with
/// the defaults of the `bag` encoder where it has the option.
///
/// Errors: kUnimplemented (0A000) for an algorithm that this version lacks, kInvalidArgument for an
///         unknown one.
Result<std::vector<ModelOptionInfo>> ListModelOptions(std::string_view algorithm);

/// Checks every name, value and range of user options and resolves the defaults. Pass the model's
/// options with TRAIN's overrides merged over them.
///
/// Errors: as ListModelOptions; kInvalidArgument (22023) naming the option, the value and what is
///         allowed; an unknown name gets a hint with the nearest known one; an option that the
///         model's encoder does not know, or that a transformer takes from its folder.
Result<ModelOptions> ParseModelOptions(std::string_view algorithm,
                                       const storage::OptionMap& options);

/// Whether positives count by the propensities of their labels.
bool WeighsByPropensity(const ModelOptions& options);

/// Whether the options ask for a warm start.
bool AsksForWarmStart(const storage::OptionMap& options);

/// A model's options with those of a TRAIN statement over them. A warm start has its own numbers of
/// epochs: those of the model, which are for a cold one, do not count. Nor do those for clicks
/// where the statement takes positives from the table relevance.
storage::OptionMap MergeModelOptions(const storage::OptionMap& model,
                                     const storage::OptionMap& statement);

/// Every option with its resolved value, for the release's record.
storage::OptionMap DescribeModelOptions(const ModelOptions& options);

}  // namespace dashi::trainer
