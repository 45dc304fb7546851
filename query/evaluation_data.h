#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "dashi/status.h"
#include "storage/view.h"
#include "trainer/training_task.h"

namespace dashi::query {

/// Numbers labels: first those of the release by index position, then any other that is relevant to
/// a document of the split and so belongs to the truth.
class LabelNumbers {
 public:
  explicit LabelNumbers(const std::vector<storage::Ordinal>& ordinals) {
    for (const storage::Ordinal ordinal : ordinals) {
      Number(ordinal);
    }
  }
  std::uint32_t Number(storage::Ordinal ordinal) {
    const auto next = static_cast<std::uint32_t>(numbers_.size());
    return numbers_.emplace(storage::ToInteger(ordinal), next).first->second;
  }
  std::size_t size() const { return numbers_.size(); }

 private:
  std::unordered_map<std::uint32_t, std::uint32_t> numbers_;
};

/// The documents of a split with their truth and with what may not be an answer.
struct Split {
  std::vector<std::string> ids;
  std::vector<std::string> texts;
  trainer::SparseRows truth;                            // [documents, labels]
  std::vector<std::vector<std::uint32_t>> not_answers;  // [documents]
  std::size_t not_answers_max = 0;
};

/// What is measured: the split, and the training pairs for propensities.
struct EvaluationData {
  Split split;
  std::vector<std::uint64_t> label_counts;  // [labels] training documents
  std::uint64_t num_training_documents = 0;
};

/// Reads a split. With `filter_reciprocal` label l is no answer and no truth of document d when the
/// pair (l as a training document, d as a label) is relevant.
///
/// Errors: kFailedPrecondition when no document of the split has a relevant label; kCancelled.
Result<EvaluationData> ReadEvaluationData(const storage::View& view, const std::string& split,
                                          bool filter_reciprocal,
                                          const std::function<bool()>& cancelled,
                                          LabelNumbers* numbers);

}  // namespace dashi::query
