#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "trainer/bag_module.h"
#include "trainer/bag_weights.h"

namespace dashi::trainer {

inline constexpr std::uint32_t kVocabulary = 40;
inline constexpr std::uint32_t kDim = 24;
inline constexpr std::uint32_t kHidden = 20;

/// A module on the processor with the sizes above.
std::unique_ptr<BagModule> NewModule(bool portable, const std::string& precision = "float32",
                                     std::uint32_t hidden = kHidden, int num_threads = 1);

/// Weights that binary16 holds exactly, so that importing them loses nothing.
BagWeights RandomWeights(std::uint64_t seed);
/// Random texts.  Shape: [num_texts, kVocabulary]
SparseRows RandomTexts(std::size_t num_texts, Random& random);
/// Two terms over 12 texts: rows 0..5 against columns 6..11, and rows 6, 7 against columns 0..2.
EncoderBatch RandomBatch(Random& random);
/// 8 texts against every second label.
ClassifierBatch RandomClassifierBatch(std::uint32_t num_labels, Random& random);
std::vector<float> RandomVectors(std::size_t size, Random& random);

void ExpectNear(const std::vector<float>& actual, const std::vector<float>& expected,
                double tolerance);

}  // namespace dashi::trainer
