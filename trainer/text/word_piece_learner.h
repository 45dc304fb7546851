#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dashi/status.h"
#include "trainer/text/bert_words.h"
#include "trainer/word_table.h"

namespace dashi::trainer {

struct WordPieceLearnOptions {
  BertTextOptions text;
  std::vector<std::string> special_tokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
  std::string continuation = "##";
  std::uint32_t vocabulary_size = 30'000;   ///< at most; fewer when nothing is left to join
  std::uint32_t pair_count_min = 2;         ///< rarer pairs are not joined
  std::uint32_t alphabet_size_max = 1'000;  ///< the most frequent characters are kept
  std::uint32_t word_characters_max = 100;  ///< longer words are left out
};

/// A distinct word and how often it occurs.
using WordCount = std::pair<std::string, std::uint64_t>;

/// Learns a WordPiece vocabulary from texts: special tokens, then characters, then what joining the
/// most frequent pair of neighbouring pieces gives, again and again.
///
/// Deterministic: ties go to the pair whose pieces have the smaller ids; characters are numbered by
/// code point.
/// Threads: one thread at a time.
/// Cost:    memory for the distinct words; 1.4 s for 12 MB of English and 30,000 pieces.
/// Paper:   Sennrich et al. 2016 on characters, with BERT's "##", as WordPieceTrainer of Hugging
///          Face's `tokenizers` does. Deviations: that one numbers characters in the order of a
///          hash table, so that its ties differ; and a word with a character outside the alphabet
///          is left out whole here, since it will be unknown whole.
class WordPieceLearner {
 public:
  explicit WordPieceLearner(const WordPieceLearnOptions& options);

  void AddText(std::string_view text);
  /// The words so far, but too long ones, by bytes.
  std::vector<WordCount> WordCounts() const;

  /// The vocabulary in the order of ids.
  ///
  /// Errors: kInvalidArgument when the special tokens and characters exceed the vocabulary's size,
  ///         or no text had a word.
  Result<std::vector<std::string>> Learn() const;

 private:
  WordPieceLearnOptions options_;
  BertWords words_;
  WordTable table_;
  std::vector<std::uint64_t> counts_;  ///< by the words' numbers in the table
};

/// The same, counting every pair anew for every join: the twin of WordPieceLearner::Learn.
namespace naive {
Result<std::vector<std::string>> LearnWordPieces(const WordPieceLearnOptions& options,
                                                 const std::vector<WordCount>& word_counts);
}  // namespace naive

}  // namespace dashi::trainer
