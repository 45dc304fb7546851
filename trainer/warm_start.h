#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "storage/view.h"
#include "trainer/encoder_module.h"
#include "trainer/model_options.h"
#include "trainer/training_data.h"

namespace dashi::trainer {

/// What a training takes over from a release, in the rows of its own task.
struct WarmStart {
  /// Parameters of a bag encoder; of "embeddings" those rows that known_tokens names. Empty for a
  /// transformer, which starts from the release's weights as from pretrained ones.
  std::vector<NamedTensor> encoder;
  std::vector<std::uint8_t> known_tokens;  ///< [vocabulary] whether the release knows the word
  std::vector<float> classifiers;          ///< [num_labels, dim]
  std::vector<std::uint8_t> known_labels;  ///< [num_labels] whether the release has the label
  double fusion_encoder = 1.0;             ///< for a training without a hold-out
  double fusion_classifier = 0.0;
  double fusion_ranker = 0.0;
  double fusion_votes = 0.0;
  double ranker_c = kUsualRankerC;
  std::uint32_t ranker_word_candidates = 0;
};

/// The release that `warm_start` means: with "on" the published one of the model.
///
/// Errors: kInvalidArgument (22023) naming the option when nothing is published, there is no such
///         release, or an option of the encoder's shape differs from the release's, with both
///         values.
Result<storage::ReleaseRecord> FindStartRelease(const storage::View& view, const std::string& model,
                                                const ModelOptions& options);

/// Reads the weights of a release for the labels and, unless `data` has subwords, the words of
/// `data`.
///
/// Errors: kNotFound when the release is gone; kInvalidArgument when its encoder has another shape;
///         kCorruption.
Result<std::shared_ptr<const WarmStart>> ReadWarmStart(const storage::View& view,
                                                       const std::string& release,
                                                       const TrainingData& data,
                                                       const NgameOptions& options);

/// The parameters of a fresh bag encoder with all that `warm` knows put in their place.
///
/// Errors: kInvalidArgument when they have another shape.
Result<std::vector<NamedTensor>> TakeOver(const WarmStart& warm, std::uint32_t dim,
                                          std::vector<NamedTensor> fresh);

/// A release by its name, "m@3".
///
/// Errors: kNotFound (42704).
Result<storage::ReleaseRecord> ReleaseByName(const storage::View& view, const std::string& name);

}  // namespace dashi::trainer
