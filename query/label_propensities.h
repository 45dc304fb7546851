#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>

#include "dashi/status.h"
#include "storage/view.h"
#include "trainer/evaluation/metrics.h"

namespace dashi::query {

/// How often each label is relevant to training documents, as EVALUATE MODEL counts it.
///
/// Threads: a value; const methods may be called at once.
class LabelPropensities {
 public:
  /// Counts all pairs of training documents.
  ///
  /// Errors: kCancelled when `cancelled`, which may be empty, says so; storage errors.
  /// Cost:   one merged scan of documents and relevance, and 16 bytes or so a label.
  static Result<LabelPropensities> Read(const storage::View& view,
                                        const std::function<bool()>& cancelled);

  /// 1 / p_l, at least 1, by the PropensityModel.
  double Inverse(storage::Ordinal label, const trainer::PropensityModel& model) const;

 private:
  std::uint64_t num_documents_ = 0;  // training documents that have a label
  std::unordered_map<std::uint32_t, std::uint64_t> num_documents_of_;
};

}  // namespace dashi::query
