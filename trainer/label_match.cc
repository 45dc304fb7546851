#include "trainer/label_match.h"

#include <algorithm>
#include <numeric>

#include "base/status.h"
#include "trainer/ranker/ranker_rows.h"

namespace dashi::trainer {

LabelMatch TrainedLabels(std::span<const storage::Ordinal> trained) {
  LabelMatch labels;
  labels.ordinals.assign(trained.begin(), trained.end());
  labels.rows.resize(trained.size());
  std::iota(labels.rows.begin(), labels.rows.end(), 0U);
  return labels;
}

Result<LabelMatch> MatchLabels(const storage::View& view,
                               std::span<const storage::Ordinal> trained) {
  LabelMatch labels;
  std::uint32_t next = 0;
  const auto cursor = view.ScanRows(storage::EntityKind::kLabel);
  for (;;) {
    DASHI_ASSIGN_OR_RETURN(const bool more, cursor->Next());
    if (!more) {
      break;
    }
    const storage::Ordinal ordinal = cursor->ordinal();
    while (next < trained.size() && trained[next] < ordinal) {
      ++next;
    }
    const bool is_known = next < trained.size() && trained[next] == ordinal;
    labels.ordinals.push_back(ordinal);
    labels.rows.push_back(is_known ? next : kNoRankerRow);
  }
  if (labels.ordinals.empty()) {
    return Status::FailedPrecondition("all labels were deleted while the model was trained");
  }
  return labels;
}

std::vector<std::uint16_t> MatchedClassifiers(const LabelMatch& labels,
                                              std::span<const std::uint16_t> trained,
                                              std::span<const std::uint16_t> embeddings) {
  const std::size_t dim = embeddings.size() / labels.rows.size();
  std::vector<std::uint16_t> classifiers(embeddings.begin(), embeddings.end());
  for (std::size_t i = 0; i < labels.rows.size(); ++i) {
    if (labels.rows[i] != kNoRankerRow) {
      const auto from = trained.subspan(labels.rows[i] * dim, dim);
      std::copy(from.begin(), from.end(),
                classifiers.begin() + static_cast<std::ptrdiff_t>(i * dim));
    }
  }
  return classifiers;
}

}  // namespace dashi::trainer
