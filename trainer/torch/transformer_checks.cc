#include "trainer/torch/transformer_checks.h"

#include <span>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi::trainer {
namespace {

Status CheckBelow(const char* what, std::span<const std::uint32_t> numbers, std::size_t bound) {
  for (const std::uint32_t number : numbers) {
    if (number >= bound) {
      return Status::InvalidArgument(
          fmt::format("{} out of range: got {}, want below {}", what, number, bound));
    }
  }
  return Status();
}

}  // namespace

Status CheckTokenRows(const SparseRows& texts, const TransformerConfig& config) {
  for (std::size_t text = 0; text < texts.num_rows(); ++text) {
    const std::uint64_t length = texts.offsets[text + 1] - texts.offsets[text];
    if (length == 0 || length > config.num_tokens_max()) {
      return Status::InvalidArgument(
          fmt::format("number of tokens out of range: text {} has {}, want 1 to {}", text, length,
                      config.num_tokens_max()));
    }
  }
  if (!texts.values.empty()) {
    return Status::InvalidArgument("tokens of a transformer have no weights");
  }
  return CheckBelow("token", texts.columns, config.vocabulary_size);
}

Status CheckTransformerBatch(const EncoderBatch& batch, const TransformerConfig& config) {
  DASHI_RETURN_IF_ERROR(CheckTokenRows(batch.texts, config));
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
    DASHI_RETURN_IF_ERROR(CheckBelow("positive", term.positives.columns, term.columns.size()));
    DASHI_RETURN_IF_ERROR(CheckBelow("masked", term.masked.columns, term.columns.size()));
  }
  return Status();
}

Status CheckTransformerBatch(const ClassifierBatch& batch, const TransformerConfig& config,
                             std::size_t num_labels, bool trains_encoder) {
  const std::size_t num_rows = batch.positives.num_rows();
  DASHI_RETURN_IF_ERROR(CheckBelow("label row", batch.columns, num_labels));
  const std::size_t num_columns =
      batch.loss.kind == LossKind::kBinary ? num_labels : batch.columns.size();
  DASHI_RETURN_IF_ERROR(CheckBelow("positive", batch.positives.columns, num_columns));
  DASHI_RETURN_IF_ERROR(CheckBelow("masked", batch.masked.columns, num_columns));
  const bool rows_fit = trains_encoder ? batch.texts.num_rows() == num_rows
                                       : batch.embeddings.size() == num_rows * config.dim;
  if (!rows_fit || batch.masked.num_rows() != num_rows) {
    return Status::InvalidArgument(fmt::format(
        "classifier batch shape mismatch: {} rows of positives, {} masked, {} texts, {} numbers",
        num_rows, batch.masked.num_rows(), batch.texts.num_rows(), batch.embeddings.size()));
  }
  return trains_encoder ? CheckTokenRows(batch.texts, config) : Status();
}

}  // namespace dashi::trainer
