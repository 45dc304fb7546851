#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dashi/status.h"

namespace dashi::trainer {

/// A text as weighted tokens: distinct ids ascending, weights with unit L2 norm (or empty).
struct TokenBag {
  std::vector<std::uint32_t> ids;
  std::vector<float> weights;
};

/// Calls `on_token` for each token of a text, in order: words of letters, marks and digits (Unicode
/// categories L, M, N), NFKC-normalised and case-folded. Invalid UTF-8 bytes separate words.
///
/// Cost: about 10 ns a byte for ASCII.
void ForEachWord(std::string_view text, const std::function<void(std::string_view)>& on_token);

/// ln(num_texts / document_frequency): what a token tells by being in a text.
float InverseDocumentFrequency(std::uint64_t num_texts, std::uint32_t document_frequency);

/// Makes a bag of `bag->ids`, one for each occurrence and in any order: ids become distinct and
/// ascending, weights (1 + ln tf) * idf(id), L2-normalised. Ids with an idf of 0 say nothing and
/// are left out.
void WeighTokens(const std::function<float(std::uint32_t id)>& idf, TokenBag* bag);

/// Turns texts into token bags with a vocabulary learned from texts: weight (1 + ln tf) * idf,
/// idf = ln(num_texts / document frequency), L2-normalised.
///
/// Threads: const methods may be called at once.
class BagTokenizer {
 public:
  struct LearnOptions {
    std::uint32_t document_frequency_min = 2;
    std::uint32_t vocabulary_size_max = 2'000'000;  ///< the most frequent are kept
  };

  /// Gathers statistics, one text at a time; then Build. Deterministic: ids go by descending
  /// document frequency, ties by bytes.
  class Learner {
   public:
    explicit Learner(const LearnOptions& options);
    ~Learner();
    void AddText(std::string_view text);
    /// A text whose words name something, such as a label's.
    void AddName(std::string_view text);
    std::unique_ptr<BagTokenizer> Build();
    /// The same with all words of names, however rare: what is named can be found by them. Ids of
    /// Build stay, where its vocabulary was not cut.
    std::unique_ptr<BagTokenizer> BuildWithNames();

   private:
    struct State;
    std::unique_ptr<BagTokenizer> Build(bool with_names) const;

    std::unique_ptr<State> state_;
  };

  static constexpr std::uint32_t kUnknown = 0xFFFFFFFF;

  ~BagTokenizer();
  std::uint32_t vocabulary_size() const;
  /// How many texts it learned from.
  std::uint64_t num_texts() const;
  TokenBag Tokenize(std::string_view text) const;
  /// The ids of a text's words, in its order, one for each occurrence. Tokenize is Weigh of them.
  std::vector<std::uint32_t> FindIds(std::string_view text) const;
  TokenBag Weigh(std::vector<std::uint32_t> ids) const;
  /// The id of a word as ForEachWord gives it, or kUnknown.
  std::uint32_t Find(std::string_view word) const;
  /// The word of an id below vocabulary_size(); lives as long as the tokenizer.
  std::string_view word(std::uint32_t id) const;
  /// ln(num_texts / document frequency).
  float idf(std::uint32_t id) const;

  /// Bytes that Parse reads back (docs/FORMATS.md).
  std::string Serialize() const;
  /// Errors: kCorruption for anything that Serialize did not write.
  static Result<std::unique_ptr<BagTokenizer>> Parse(std::string_view bytes);

 private:
  struct State;
  explicit BagTokenizer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dashi::trainer
