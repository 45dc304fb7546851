#include "trainer/torch/batch_tokens.h"

#include <limits>

namespace dashi::trainer {
namespace {

constexpr std::uint32_t kAbsent = std::numeric_limits<std::uint32_t>::max();

}  // namespace

BatchTokenizer::BatchTokenizer(std::uint32_t vocabulary_size)
    : position_(vocabulary_size, kAbsent) {}

const BatchTokens& BatchTokenizer::Transpose(const SparseRows& texts) {
  auto& tokens = batch_.tokens;
  auto& offsets = batch_.offsets;
  tokens.clear();
  offsets.assign(1, 0);
  for (const std::uint32_t token : texts.columns) {
    if (position_[token] == kAbsent) {
      position_[token] = static_cast<std::uint32_t>(tokens.size());
      tokens.push_back(token);
      offsets.push_back(0);
    }
    ++offsets[position_[token] + 1];
  }
  for (std::size_t i = 1; i < offsets.size(); ++i) {
    offsets[i] += offsets[i - 1];
  }
  std::vector<std::uint32_t> next(offsets.begin(), offsets.end() - 1);
  batch_.texts.resize(texts.columns.size());
  batch_.weights.resize(texts.columns.size());
  for (std::size_t text = 0; text < texts.num_rows(); ++text) {
    for (std::uint64_t i = texts.offsets[text]; i < texts.offsets[text + 1]; ++i) {
      const std::uint32_t at = next[position_[texts.columns[i]]]++;
      batch_.texts[at] = static_cast<std::uint32_t>(text);
      batch_.weights[at] = texts.values.empty() ? 1.0F : texts.values[i];
    }
  }
  for (const std::uint32_t token : tokens) {
    position_[token] = kAbsent;
  }
  return batch_;
}

}  // namespace dashi::trainer
