#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dashi/status.h"
#include "trainer/text/flat_map.h"
#include "trainer/text/piece_model.h"

namespace dashi::trainer {

using TokenPair = std::pair<std::string, std::string>;

struct BytePairOptions {
  bool add_prefix_space = false;  ///< a space before a text that begins with none
  /// Stands for bytes that the vocabulary lacks; without it they are left out.
  std::optional<std::string> unknown_token;
};

/// Byte-level byte-pair encoding, as GPT-2 and RoBERTa have it: the bytes of a word are joined pair
/// by pair, the pair that stands first among the merges first, from the left.
class BytePairModel final : public PieceModel {
 public:
  /// Errors: kInvalidArgument as IndexVocabulary, and for a merge of tokens, or into a token, that
  ///         the vocabulary lacks, naming the merge.
  static Result<std::unique_ptr<BytePairModel>> Make(const BytePairOptions& options,
                                                     const std::vector<std::string>& vocabulary,
                                                     const std::vector<TokenPair>& merges);

  void AppendPieces(std::string_view text, std::size_t size_max,
                    std::vector<std::uint32_t>* ids) const override;
  std::string Normalize(std::string_view text) const override { return std::string(text); }

  /// The pieces of one word of ForEachByteLevelWord.
  void AppendWord(std::string_view word, std::vector<std::uint32_t>* ids) const;
  /// The same, looking at every pair after every merge: the twin of AppendWord.
  void AppendWordNaively(std::string_view word, std::vector<std::uint32_t>* ids) const;

 private:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;
  struct Merge {
    std::uint32_t rank = kNone;
    std::uint32_t result = kNone;
  };

  explicit BytePairModel(const BytePairOptions& options) : options_(options) {}
  Merge FindMerge(std::uint32_t left, std::uint32_t right) const;
  std::vector<std::uint32_t> ByteIds(std::string_view word) const;
  void MergeShort(std::vector<std::uint32_t>* symbols) const;
  void MergeLong(std::vector<std::uint32_t>* symbols) const;

  BytePairOptions options_;
  std::array<std::uint32_t, 256> bytes_{};  ///< the id of each byte, or kNone
  std::uint32_t unknown_ = kNone;
  FlatMap<Merge> merges_;  ///< by left id and right id
};

}  // namespace dashi::trainer
