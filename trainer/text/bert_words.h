#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>

namespace dashi::trainer {

/// What happens to a text before BERT's tokenizer cuts it into words.
struct BertTextOptions {
  bool clean_text = true;        ///< removes control characters; any white space becomes a space
  bool split_ideographs = true;  ///< CJK ideographs become words of their own
  bool strip_accents = true;     ///< NFD, then without nonspacing marks
  bool lower_case = true;
};

/// BERT's basic tokenizer: words are what stands between white space; a punctuation mark is a word.
///
/// Threads: const methods may be called at once.
class BertWords {
 public:
  explicit BertWords(const BertTextOptions& options);

  /// Calls `on_word` for each word, normalised, in order, until it returns false. The view is valid
  /// during the call. Bytes that are no UTF-8 read as U+FFFD.
  void ForEach(std::string_view text, const std::function<bool(std::string_view)>& on_word) const;

  /// The normalised text, before it is cut.
  std::string Normalize(std::string_view text) const;

  const BertTextOptions& options() const { return options_; }

 private:
  /// What an ASCII byte is; letters and the like are given as what they become.
  enum ByteKind : unsigned char { kSpace = 1, kMark = 2, kRemoved = 3, kNotAscii = 4 };

  BertTextOptions options_;
  std::array<unsigned char, 256> bytes_{};
};

/// The words of a text, by passes over the whole of it: the twin of BertWords::ForEach.
namespace naive {
void ForEachBertWord(const BertTextOptions& options, std::string_view text,
                     const std::function<bool(std::string_view)>& on_word);
}  // namespace naive

}  // namespace dashi::trainer
