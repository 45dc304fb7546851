#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "trainer/text/byte_pairs.h"
#include "trainer/text/word_piece.h"

namespace dashi::trainer {

/// A token that is found in the text itself, before the text is cut into words: "[SEP]", "<mask>".
struct AddedToken {
  std::string content;
  std::uint32_t id = 0;
  bool special = true;
  bool single_word = false;  ///< not inside a longer word
  bool strip_left = false;   ///< takes the white space before it
  bool strip_right = false;  ///< takes the white space behind it
  bool normalized = false;   ///< is looked for in the normalised text

  friend bool operator==(const AddedToken&, const AddedToken&) = default;
};

/// Everything that says how a text becomes token ids. A plain value; MakeSubwordTokenizer checks
/// it.
struct TokenizerSpec {
  enum class Kind : std::uint8_t { kWordPiece, kBytePairs };

  Kind kind = Kind::kWordPiece;
  std::vector<std::string> vocabulary;  ///< by id
  WordPieceOptions word_piece;          ///< of kWordPiece
  BytePairOptions byte_pairs;           ///< of kBytePairs
  std::vector<TokenPair> merges;        ///< of kBytePairs
  /// Their ids are those of the vocabulary's tokens of the same text, or follow the vocabulary.
  std::vector<AddedToken> added_tokens;
  std::vector<std::string> before_text;  ///< tokens around every text: "[CLS]"
  std::vector<std::string> after_text;   ///< "[SEP]"
  std::string padding_token = "[PAD]";
  std::string mask_token = "[MASK]";

  /// The vocabulary and the added tokens behind it.
  std::uint32_t num_tokens() const;
};

/// What BERT calls its special tokens.
struct SpecialTokens {
  std::string padding = "[PAD]";
  std::string unknown = "[UNK]";
  std::string begin = "[CLS]";
  std::string end = "[SEP]";
  std::string mask = "[MASK]";
};

/// BERT's special tokens and template around a vocabulary, which must hold them.
TokenizerSpec BertTokenizerSpec(std::vector<std::string> vocabulary, const BertTextOptions& text,
                                const SpecialTokens& special = {});

/// RoBERTa's, likewise.
TokenizerSpec RobertaTokenizerSpec(std::vector<std::string> vocabulary,
                                   std::vector<TokenPair> merges);

/// Reads a tokenizer.json of Hugging Face's `tokenizers`: WordPiece with BertNormalizer and
/// BertPreTokenizer, or BPE with ByteLevel. Truncation and padding in the file are left to the
/// caller.
///
/// Errors: kCorruption for JSON that is damaged or not of this form, kUnimplemented for another
///         kind of normalizer, pre-tokenizer, model or post-processor, kInvalidArgument for a
///         vocabulary that MakeSubwordTokenizer would refuse. Each names the place in the file.
Result<TokenizerSpec> ParseTokenizerJson(std::string_view bytes);
/// Writes what ParseTokenizerJson and `tokenizers` read.
std::string FormatTokenizerJson(const TokenizerSpec& spec);

/// vocab.json: token -> id. Errors as ParseTokenizerJson.
Result<std::vector<std::string>> ParseVocabularyJson(std::string_view bytes);
std::string FormatVocabularyJson(const std::vector<std::string>& vocabulary);
/// merges.txt: a line "#version: ..." if any, then two tokens a line. Errors: kCorruption naming
/// the line.
Result<std::vector<TokenPair>> ParseMergeLines(std::string_view bytes);
std::string FormatMergeLines(const std::vector<TokenPair>& merges);

}  // namespace dashi::trainer
