#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "dashi/status.h"
#include "storage/store.h"
#include "storage/view.h"
#include "trainer/bag_encoder.h"
#include "trainer/model_options.h"
#include "trainer/ngame.h"
#include "trainer/training_data.h"
#include "trainer/transformer/transformer_directory.h"

namespace dashi::trainer {

/// The encoder of a training job: how texts are read for it, what it starts from, and what becomes
/// of its parameters. Everything that depends on the kind of encoder stands here.
class TrainingEncoder {
 public:
  /// Reads what a transformer starts from: the weights that the model names, or those of the
  /// release of a warm start.
  ///
  /// Errors: kNotFound for an unknown model or release; kInvalidArgument for the release of another
  ///         kind of encoder; kCorruption for damaged weights.
  static Result<TrainingEncoder> Read(const storage::View& view, const std::string& model,
                                      const ModelOptions& options);

  /// How texts are read; nullopt: as bags.
  std::optional<SubwordReading> subwords() const;

  /// The options of the training, with the encoder's shape, which `data` completes.
  ///
  /// Errors: kInvalidArgument for a transformer whose sizes do not fit together.
  Result<NgameOptions> Resolve(const TrainingData& data) const;

  /// The bytes that the release keeps.
  static Result<std::string> Serialize(const TrainingData& data, const NgameOptions& resolved,
                                       const NgameModel& model);

 private:
  explicit TrainingEncoder(ModelOptions options) : options_(std::move(options)) {}
  Status StartFrom(std::string bytes, const std::string& release);
  std::uint32_t max_tokens() const;

  ModelOptions options_;
  std::optional<PretrainedTransformer> start_;
};

/// Reads a folder of a pretrained transformer and writes what training needs of it to the store's
/// weights, under a name that is returned.
///
/// Errors: those of ReadTransformerDirectory and of the store.
Result<std::string> StoreStartWeights(storage::Store& store, const std::string& folder);

}  // namespace dashi::trainer
