#include "query/evaluation_data.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "trainer/labelled_documents.h"

namespace dashi::query {
namespace {

using storage::EntityKind;
using storage::EntityRow;
using storage::Ordinal;
using storage::RelevanceNeighbour;
using storage::View;

/// Label numbers l for which (l as a training document -> the document as a label) is relevant.
Result<std::vector<std::uint32_t>> ReciprocalLabels(const View& view, Ordinal own_label,
                                                    LabelNumbers* numbers) {
  std::vector<std::uint32_t> reciprocal;
  DASHI_ASSIGN_OR_RETURN(const auto documents, view.DocumentsOf(own_label));
  for (const RelevanceNeighbour& neighbour : documents) {
    DASHI_ASSIGN_OR_RETURN(const auto row, view.GetRow(EntityKind::kDocument, neighbour.ordinal));
    if (!row || !trainer::IsTrainingDocument(*row)) {
      continue;
    }
    DASHI_ASSIGN_OR_RETURN(const auto label, view.FindOrdinal(EntityKind::kLabel, row->id));
    if (label) {
      reciprocal.push_back(numbers->Number(*label));
    }
  }
  return reciprocal;
}

/// Adds one document: its labels are the truth, except reciprocal ones when those are filtered; its
/// own label and reciprocal ones are no answers, except where they belong to the truth.
Status AddDocument(const View& view, const EntityRow& row,
                   const std::vector<RelevanceNeighbour>& labels, bool filter_reciprocal,
                   LabelNumbers* numbers, Split* split) {
  std::vector<std::uint32_t> truth;
  truth.reserve(labels.size());
  for (const RelevanceNeighbour& label : labels) {
    truth.push_back(numbers->Number(label.ordinal));
  }
  std::vector<std::uint32_t> not_answers;
  DASHI_ASSIGN_OR_RETURN(const auto own, view.FindOrdinal(EntityKind::kLabel, row.id));
  if (own) {
    const std::uint32_t number = numbers->Number(*own);
    if (std::find(truth.begin(), truth.end(), number) == truth.end()) {
      not_answers.push_back(number);
    }
    if (filter_reciprocal) {
      DASHI_ASSIGN_OR_RETURN(const auto reciprocal, ReciprocalLabels(view, *own, numbers));
      for (const std::uint32_t label : reciprocal) {
        std::erase(truth, label);
        not_answers.push_back(label);
      }
    }
  }
  if (truth.empty()) {
    return Status::Ok();
  }
  std::sort(truth.begin(), truth.end());
  split->truth.columns.insert(split->truth.columns.end(), truth.begin(), truth.end());
  split->truth.offsets.push_back(split->truth.columns.size());
  split->not_answers_max = std::max(split->not_answers_max, not_answers.size());
  split->not_answers.push_back(std::move(not_answers));
  split->ids.push_back(row.id);
  split->texts.push_back(row.text);
  return Status::Ok();
}

}  // namespace

Result<EvaluationData> ReadEvaluationData(const View& view, const std::string& split,
                                          bool filter_reciprocal,
                                          const std::function<bool()>& cancelled,
                                          LabelNumbers* numbers) {
  EvaluationData data;
  const auto count = [&](Ordinal, const EntityRow& row,
                         const std::vector<RelevanceNeighbour>& labels) -> Status {
    if (row.split.value_or("train") == split) {
      DASHI_RETURN_IF_ERROR(
          AddDocument(view, row, labels, filter_reciprocal, numbers, &data.split));
    }
    if (!trainer::IsTrainingDocument(row)) {
      return Status::Ok();
    }
    ++data.num_training_documents;
    for (const RelevanceNeighbour& label : labels) {
      const std::uint32_t number = numbers->Number(label.ordinal);
      if (data.label_counts.size() <= number) {
        data.label_counts.resize(number + std::size_t{1});
      }
      ++data.label_counts[number];
    }
    return Status::Ok();
  };
  DASHI_RETURN_IF_ERROR(trainer::ForEachLabelledDocument(view, cancelled, count));
  data.label_counts.resize(numbers->size());
  if (data.split.texts.empty()) {
    return Status::FailedPrecondition(
        fmt::format("no document of split '{}' has a relevant label", split));
  }
  return data;
}

}  // namespace dashi::query
