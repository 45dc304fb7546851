#include "query/label_propensities.h"

#include <vector>

#include "base/status.h"
#include "trainer/labelled_documents.h"

namespace dashi::query {

Result<LabelPropensities> LabelPropensities::Read(const storage::View& view,
                                                  const std::function<bool()>& cancelled) {
  LabelPropensities counts;
  const auto count = [&](storage::Ordinal, const storage::EntityRow& row,
                         const std::vector<storage::RelevanceNeighbour>& labels) {
    if (trainer::IsTrainingDocument(row)) {
      ++counts.num_documents_;
      for (const storage::RelevanceNeighbour& label : labels) {
        ++counts.num_documents_of_[storage::ToInteger(label.ordinal)];
      }
    }
    return Status::Ok();
  };
  DASHI_RETURN_IF_ERROR(trainer::ForEachLabelledDocument(view, cancelled, count));
  return counts;
}

double LabelPropensities::Inverse(storage::Ordinal label,
                                  const trainer::PropensityModel& model) const {
  const auto found = num_documents_of_.find(storage::ToInteger(label));
  const std::uint64_t count = found == num_documents_of_.end() ? 0 : found->second;
  return trainer::InversePropensities({&count, 1}, num_documents_, model)[0];
}

}  // namespace dashi::query
