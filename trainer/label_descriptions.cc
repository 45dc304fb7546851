#include "trainer/label_descriptions.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <utility>
#include <vector>

#include "trainer/sparse_rows.h"

namespace dashi::trainer {
namespace {

// Tokens that describe a label; about as many as a text of a few sentences has.
constexpr std::size_t kTokensMax = 64;

using Weights = std::unordered_map<std::uint32_t, float>;

void AddTokens(const SparseRows& tokens, std::uint32_t document, Weights* sum) {
  for (std::uint64_t i = tokens.offsets[document]; i < tokens.offsets[document + 1]; ++i) {
    (*sum)[tokens.columns[i]] += tokens.values.empty() ? 1.0F : tokens.values[i];
  }
}

void AppendHeaviest(const Weights& sum, SparseRows* rows) {
  std::vector<std::pair<std::uint32_t, float>> entries(sum.begin(), sum.end());
  const std::size_t count = std::min(kTokensMax, entries.size());
  std::partial_sort(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(count),
                    entries.end(), [](const auto& a, const auto& b) {
                      return a.second != b.second ? a.second > b.second : a.first < b.first;
                    });
  entries.resize(count);
  std::sort(entries.begin(), entries.end());
  double squares = 0;
  for (const auto& [token, weight] : entries) {
    squares += double{weight} * weight;
  }
  const auto scale = static_cast<float>(squares > 0 ? 1.0 / std::sqrt(squares) : 0.0);
  for (const auto& [token, weight] : entries) {
    rows->columns.push_back(token);
    rows->values.push_back(weight * scale);
  }
  rows->offsets.push_back(rows->columns.size());
}

}  // namespace

SparseRows DescribeLabels(const TrainingTask& task, std::span<const std::uint32_t> documents) {
  const std::size_t num_labels = task.label_tokens.num_rows();
  std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;  // (label without a token, document)
  for (const std::uint32_t document : documents) {
    for (const std::uint32_t label : RowColumns(task.relevance, document)) {
      if (RowColumns(task.label_tokens, label).empty()) {
        pairs.emplace_back(label, document);
      }
    }
  }
  std::sort(pairs.begin(), pairs.end());
  SparseRows described;
  Weights sum;
  auto pair = pairs.begin();
  for (std::uint32_t label = 0; label < num_labels; ++label) {
    if (!RowColumns(task.label_tokens, label).empty()) {
      AppendRow(task.label_tokens, label, &described);
      continue;
    }
    sum.clear();
    for (; pair != pairs.end() && pair->first == label; ++pair) {
      AddTokens(task.document_tokens, pair->second, &sum);
    }
    AppendHeaviest(sum, &described);
  }
  return described;
}

}  // namespace dashi::trainer
