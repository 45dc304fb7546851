#include "trainer/transformer/transformer_encoder.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi::trainer {
namespace {

// Texts that one thread tokenizes at a time.
constexpr std::size_t kTextsAtOnce = 64;

class TransformerEncoder final : public Encoder {
 public:
  TransformerEncoder(std::unique_ptr<SubwordTokenizer> tokenizer,
                     std::unique_ptr<TransformerModule> module, std::size_t dim,
                     std::size_t num_tokens_max)
      : tokenizer_(std::move(tokenizer)),
        module_(std::move(module)),
        dim_(dim),
        num_tokens_max_(num_tokens_max) {}

  std::size_t dim() const override { return dim_; }

  Status Encode(std::string_view text, std::span<float> out) const override {
    DASHI_RETURN_IF_ERROR(CheckRoom(out, 1));
    SparseRows rows;
    AppendTokenRow(*tokenizer_, text, num_tokens_max_, &rows);
    return module_->Encode(rows, out.data());
  }

  Status EncodeBatch(std::span<const std::string_view> texts, std::span<float> out,
                     ThreadPool& pool) const override {
    DASHI_RETURN_IF_ERROR(CheckRoom(out, texts.size()));
    return module_->Encode(TokenRows(*tokenizer_, texts, num_tokens_max_, pool), out.data());
  }

 private:
  Status CheckRoom(std::span<float> out, std::size_t num_texts) const {
    return out.size() == num_texts * dim_
               ? Status()
               : Status::InvalidArgument(fmt::format("embedding shape mismatch: got {}, want {} x "
                                                     "{}",
                                                     out.size(), num_texts, dim_));
  }

  std::unique_ptr<SubwordTokenizer> tokenizer_;
  std::unique_ptr<TransformerModule> module_;
  std::size_t dim_;
  std::size_t num_tokens_max_;
};

}  // namespace

void AppendTokenRow(const SubwordTokenizer& tokenizer, std::string_view text,
                    std::size_t num_tokens_max, SparseRows* rows) {
  std::vector<std::uint32_t> tokens;
  tokenizer.Tokenize(text, num_tokens_max, &tokens);
  rows->columns.insert(rows->columns.end(), tokens.begin(), tokens.end());
  rows->offsets.push_back(rows->columns.size());
}

SparseRows TokenRows(const SubwordTokenizer& tokenizer, std::span<const std::string_view> texts,
                     std::size_t num_tokens_max, ThreadPool& pool) {
  std::vector<SparseRows> parts((texts.size() + kTextsAtOnce - 1) / kTextsAtOnce);
  pool.ParallelFor(texts.size(), kTextsAtOnce, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      AppendTokenRow(tokenizer, texts[i], num_tokens_max, &parts[begin / kTextsAtOnce]);
    }
  });
  SparseRows rows;
  for (const SparseRows& part : parts) {
    const std::uint64_t first = rows.columns.size();
    rows.columns.insert(rows.columns.end(), part.columns.begin(), part.columns.end());
    for (std::size_t row = 0; row < part.num_rows(); ++row) {
      rows.offsets.push_back(first + part.offsets[row + 1]);
    }
  }
  return rows;
}

Result<std::unique_ptr<Encoder>> MakeTransformerEncoder(std::unique_ptr<SubwordTokenizer> tokenizer,
                                                        std::unique_ptr<TransformerModule> module,
                                                        const TransformerConfig& config,
                                                        const PoolingConfig& pooling) {
  if (tokenizer->num_tokens() > config.vocabulary_size) {
    return Status::InvalidArgument(
        fmt::format("tokenizer has more tokens than the transformer has vectors: {} and {}",
                    tokenizer->num_tokens(), config.vocabulary_size));
  }
  const std::uint32_t limit = config.num_tokens_max();
  const std::uint32_t num_tokens_max =
      pooling.num_tokens_max > 0 ? std::min(pooling.num_tokens_max, limit) : limit;
  if (num_tokens_max == 0 || tokenizer->num_template_tokens() > num_tokens_max) {
    return Status::InvalidArgument(
        fmt::format("a text may have {} tokens, fewer than the {} around it", num_tokens_max,
                    tokenizer->num_template_tokens()));
  }
  if (tokenizer->num_template_tokens() == 0) {
    return Status::InvalidArgument(
        "the tokenizer puts no token around a text, so that an empty "
        "text has none");
  }
  return std::unique_ptr<Encoder>(std::make_unique<TransformerEncoder>(
      std::move(tokenizer), std::move(module), config.dim, num_tokens_max));
}

}  // namespace dashi::trainer
