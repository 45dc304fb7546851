#include "trainer/torch/batch_checks.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi::trainer {
namespace {

Status CheckRowWeights(std::span<const float> weights, std::size_t num_rows) {
  if (weights.empty()) {
    return Status();
  }
  if (weights.size() != num_rows) {
    return Status::InvalidArgument(
        fmt::format("row weights shape mismatch: got {}, want {}", weights.size(), num_rows));
  }
  const auto bad = std::find_if(weights.begin(), weights.end(), [](float weight) {
    return !(weight >= 0) || !std::isfinite(weight);
  });
  return bad == weights.end() ? Status()
                              : Status::InvalidArgument(
                                    fmt::format("a row weight is negative or no number: {}", *bad));
}

}  // namespace

Status CheckBelow(const char* what, std::span<const std::uint32_t> numbers, std::size_t bound) {
  for (const std::uint32_t number : numbers) {
    if (number >= bound) {
      return Status::InvalidArgument(
          fmt::format("{} out of range: got {}, want below {}", what, number, bound));
    }
  }
  return Status();
}

Status CheckTerms(const EncoderBatch& batch) {
  for (const ContrastiveTerm& term : batch.terms) {
    DASHI_RETURN_IF_ERROR(CheckBelow("row", term.rows, batch.texts.num_rows()));
    DASHI_RETURN_IF_ERROR(CheckBelow("column", term.columns, batch.texts.num_rows()));
    if (term.loss.kind == LossKind::kBinary) {
      return Status::InvalidArgument("the binary loss is the classifier stage's alone");
    }
    if (term.positives.num_rows() != term.rows.size() ||
        term.masked.num_rows() != term.rows.size()) {
      return Status::InvalidArgument(
          fmt::format("contrastive term shape mismatch: got {} rows, {} of positives, {} masked",
                      term.rows.size(), term.positives.num_rows(), term.masked.num_rows()));
    }
    DASHI_RETURN_IF_ERROR(CheckRowWeights(term.row_weights, term.rows.size()));
    DASHI_RETURN_IF_ERROR(
        CheckBelow("positive column", term.positives.columns, term.columns.size()));
    DASHI_RETURN_IF_ERROR(CheckBelow("masked column", term.masked.columns, term.columns.size()));
  }
  return Status();
}

Status CheckRows(const ClassifierBatch& batch, std::size_t dim, std::size_t num_labels,
                 bool trains_encoder) {
  const std::size_t num_rows = batch.positives.num_rows();
  DASHI_RETURN_IF_ERROR(CheckBelow("label row", batch.columns, num_labels));
  const std::size_t num_columns =
      batch.loss.kind == LossKind::kBinary ? num_labels : batch.columns.size();
  DASHI_RETURN_IF_ERROR(CheckRowWeights(batch.row_weights, num_rows));
  DASHI_RETURN_IF_ERROR(CheckBelow("positive column", batch.positives.columns, num_columns));
  DASHI_RETURN_IF_ERROR(CheckBelow("masked column", batch.masked.columns, num_columns));
  const bool rows_fit = trains_encoder ? batch.texts.num_rows() == num_rows
                                       : batch.embeddings.size() == num_rows * dim;
  if (!rows_fit || batch.masked.num_rows() != num_rows) {
    return Status::InvalidArgument(fmt::format(
        "classifier batch shape mismatch: {} rows of positives, {} masked, {} texts, {} numbers",
        num_rows, batch.masked.num_rows(), batch.texts.num_rows(), batch.embeddings.size()));
  }
  return Status();
}

}  // namespace dashi::trainer
