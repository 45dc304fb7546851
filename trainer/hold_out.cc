#include "trainer/hold_out.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "base/random.h"
#include "trainer/sparse_rows.h"
#include "trainer/validation.h"

namespace dashi::trainer {
namespace {

constexpr std::size_t kDocumentsMin = 300;

/// Whether more labels wait for their first document than are carried but not taught: those then
/// stand for what future documents bring.
bool ExpectsNewLabels(const TrainingTask& task, const std::vector<bool>& taught) {
  std::vector<bool> carried(taught.size(), false);
  for (const std::uint32_t label : task.relevance.columns) {
    carried[label] = true;
  }
  std::size_t num_waiting = 0;
  std::size_t num_untaught = 0;
  for (std::size_t label = 0; label < taught.size(); ++label) {
    num_waiting += carried[label] ? 0 : 1;
    num_untaught += carried[label] && !taught[label] ? 1 : 0;
  }
  return num_waiting > num_untaught;
}

// Fills truth and ignored, and drops held-out documents without truth.
void KeepTaughtLabels(const TrainingTask& task, HoldOut* split) {
  std::vector<bool> taught(task.label_tokens.num_rows(), false);
  for (const std::uint32_t document : split->training) {
    for (const std::uint32_t label : RowColumns(task.relevance, document)) {
      taught[label] = true;
    }
  }
  const bool expects_new_labels = ExpectsNewLabels(task, taught);
  std::vector<std::uint32_t> kept;
  std::vector<std::uint32_t> truth;
  std::vector<std::uint32_t> untaught;
  for (const std::uint32_t document : split->validation) {
    truth.clear();
    untaught.clear();
    const auto positives = RowColumns(task.relevance, document);
    for (const std::uint32_t label : positives) {
      (taught[label] || expects_new_labels ? truth : untaught).push_back(label);
    }
    if (truth.empty()) {
      continue;
    }
    kept.push_back(document);
    split->truth.columns.insert(split->truth.columns.end(), truth.begin(), truth.end());
    split->truth.offsets.push_back(split->truth.columns.size());
    AppendIgnored(task.own_label[document], positives, untaught, &split->ignored);
  }
  split->validation = std::move(kept);
}

}  // namespace

HoldOut SplitHoldOut(const TrainingTask& task, double share, std::uint32_t documents_max,
                     std::uint64_t seed) {
  HoldOut split;
  for (std::uint32_t d = 0; d < task.relevance.num_rows(); ++d) {
    if (task.relevance.offsets[d] < task.relevance.offsets[d + 1] &&
        task.document_tokens.offsets[d] < task.document_tokens.offsets[d + 1]) {
      split.all.push_back(d);
    }
  }
  Random random(seed);
  if (task.held_out) {
    std::set_intersection(split.all.begin(), split.all.end(), task.held_out->begin(),
                          task.held_out->end(), std::back_inserter(split.validation));
  } else if (share > 0) {
    const std::size_t num_documents = split.all.size();
    const auto wanted = static_cast<std::size_t>(share * static_cast<double>(num_documents));
    const std::size_t count = std::min<std::size_t>(
        documents_max, std::max(wanted, std::min(kDocumentsMin, num_documents / 10)));
    std::vector<std::uint32_t> shuffled = split.all;
    random.Shuffle(std::span<std::uint32_t>(shuffled));
    split.validation.assign(shuffled.end() - static_cast<std::ptrdiff_t>(count), shuffled.end());
    std::sort(split.validation.begin(), split.validation.end());
  }
  std::set_difference(split.all.begin(), split.all.end(), split.validation.begin(),
                      split.validation.end(), std::back_inserter(split.training));
  if (split.validation.size() > documents_max) {
    random.Shuffle(std::span<std::uint32_t>(split.validation));
    split.validation.resize(documents_max);
    std::sort(split.validation.begin(), split.validation.end());
  }
  KeepTaughtLabels(task, &split);
  return split;
}

}  // namespace dashi::trainer
