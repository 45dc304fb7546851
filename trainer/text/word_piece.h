#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "trainer/text/bert_words.h"
#include "trainer/text/byte_trie.h"
#include "trainer/text/piece_model.h"

namespace dashi::trainer {

struct WordPieceOptions {
  BertTextOptions text;
  std::string unknown_token = "[UNK]";
  std::string continuation = "##";  ///< before pieces that do not begin their word
  std::uint32_t word_characters_max = 100;
};

/// WordPiece behind BERT's basic tokenizer: each word is cut into the longest pieces from the left;
/// a word that cannot be, or is too long, is the unknown token.
///
/// Paper: Devlin et al. 2019, as Hugging Face's `tokenizers` does it.
class WordPieceModel final : public PieceModel {
 public:
  /// Errors: kInvalidArgument for a token that is there twice, is empty or no UTF-8, and for a
  ///         vocabulary without the unknown token; each names the token's line.
  static Result<std::unique_ptr<WordPieceModel>> Make(const WordPieceOptions& options,
                                                      const std::vector<std::string>& vocabulary);

  void AppendPieces(std::string_view text, std::size_t size_max,
                    std::vector<std::uint32_t>* ids) const override;
  std::string Normalize(std::string_view text) const override;

 private:
  WordPieceModel(const WordPieceOptions& options, ByteTrie trie);
  void AppendWord(std::string_view word, std::vector<std::uint32_t>* ids) const;

  WordPieceOptions options_;
  BertWords words_;
  ByteTrie trie_;
  std::uint32_t unknown_ = 0;
  std::uint32_t continuation_node_ = ByteTrie::kNone;
};

/// The same by definition: every shorter beginning of the word is looked up in turn.
namespace naive {
std::vector<std::uint32_t> WordPieces(const WordPieceOptions& options,
                                      const std::vector<std::string>& vocabulary,
                                      std::string_view text);
}  // namespace naive

}  // namespace dashi::trainer
