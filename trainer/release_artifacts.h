#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "storage/entity.h"
#include "trainer/bag_encoder.h"
#include "trainer/ranker/sparse_ranker.h"

namespace dashi::trainer {

/// What a release keeps in the `weights` column family, as safetensors (docs/FORMATS.md): the
/// encoder, the label classifiers and the sparse ranker.

/// The names of a release's blobs. They carry the job's number, so that a blob belongs to one
/// training run for ever.
std::string EncoderWeightsName(std::uint64_t job);
std::string ClassifierWeightsName(std::uint64_t job);
std::string RankerWeightsName(std::uint64_t job);

std::string SerializeBagEncoder(const BagTokenizer& tokenizer, const BagWeights& weights);
/// A bag encoder's parts as SerializeBagEncoder was given them.
struct BagEncoderParts {
  std::unique_ptr<BagTokenizer> tokenizer;
  BagWeights weights;
};

/// Errors: kCorruption naming the tensor that is missing or of another shape.
Result<BagEncoderParts> ParseBagEncoderParts(std::string_view bytes);
/// Errors: the same; kInvalidArgument for numbers that are not finite.
Result<std::unique_ptr<Encoder>> ParseBagEncoder(std::string_view bytes);

/// One vector per label, ascending by ordinal.  Shape: vectors [ordinals.size(), dim] binary16.
struct ClassifierWeights {
  std::uint32_t dim = 0;
  std::vector<storage::Ordinal> ordinals;
  std::vector<std::uint16_t> vectors;
  /// How many training documents each label had; empty when it is not known.
  std::vector<std::uint32_t> num_documents = {};
};

std::string SerializeClassifier(const ClassifierWeights& classifier);
Result<ClassifierWeights> ParseClassifier(std::string_view bytes);

/// The vectors alone, without ordinals, which mean something in one database only.
/// Shape: vectors [num_labels, dim] binary16.
std::string SerializeClassifierVectors(std::uint32_t dim,
                                       const std::vector<std::uint16_t>& vectors);
/// Errors: kCorruption naming the tensor, also for a vector that is not finite.
Result<ClassifierWeights> ParseClassifierVectors(std::string_view bytes);

/// The sparse ranker with its vocabulary; row i belongs to the release's i-th label.
std::string SerializeRanker(const RankerFeatures& features, const SparseRankerWeights& weights);
/// Errors: kCorruption naming what is missing, of another shape or out of range.
Result<std::unique_ptr<SparseRanker>> ParseRanker(std::string_view bytes);

}  // namespace dashi::trainer
