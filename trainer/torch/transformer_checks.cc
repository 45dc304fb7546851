#include "trainer/torch/transformer_checks.h"

#include <fmt/format.h>

#include "base/status.h"
#include "trainer/torch/batch_checks.h"

namespace dashi::trainer {
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
  return CheckTerms(batch);
}

Status CheckTransformerBatch(const ClassifierBatch& batch, const TransformerConfig& config,
                             std::size_t num_labels, bool trains_encoder) {
  DASHI_RETURN_IF_ERROR(CheckRows(batch, config.dim, num_labels, trains_encoder));
  return trains_encoder ? CheckTokenRows(batch.texts, config) : Status();
}

}  // namespace dashi::trainer
