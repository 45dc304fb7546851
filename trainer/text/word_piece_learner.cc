#include "trainer/text/word_piece_learner.h"

#include <algorithm>
#include <map>
#include <queue>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

#include "base/status.h"
#include "trainer/text/flat_map.h"
#include "trainer/text/reference_unicode.h"

namespace dashi::trainer {
namespace {

using Pair = std::uint64_t;  // left id, right id

Pair MakePair(std::uint32_t left, std::uint32_t right) {
  return (std::uint64_t{left} << 32U) | right;
}

struct Word {
  std::vector<std::uint32_t> pieces;
  std::uint64_t count = 0;
};

/// The vocabulary as it grows, and the words in its pieces.
struct Pieces {
  std::vector<std::string> vocabulary;
  std::unordered_map<std::string, std::uint32_t> ids;
  std::vector<Word> words;
  std::string continuation;

  std::uint32_t FindOrAdd(const std::string& piece) {
    const auto [entry, added] = ids.emplace(piece, static_cast<std::uint32_t>(vocabulary.size()));
    if (added) {
      vocabulary.push_back(piece);
    }
    return entry->second;
  }
  std::uint32_t AddJoined(Pair pair) {
    const std::string& right = vocabulary[pair & 0xFFFFFFFFU];
    return FindOrAdd(vocabulary[pair >> 32U] + right.substr(continuation.size()));
  }
};

/// Replaces each occurrence of the pair, from the left.
void Join(Pair pair, std::uint32_t joined, std::vector<std::uint32_t>* pieces) {
  std::size_t size = 0;
  for (std::size_t i = 0; i < pieces->size(); ++size) {
    const bool found = i + 1 < pieces->size() && MakePair((*pieces)[i], (*pieces)[i + 1]) == pair;
    (*pieces)[size] = found ? joined : (*pieces)[i];
    i += found ? 2 : 1;
  }
  pieces->resize(size);
}

/// The most frequent characters of the words.
std::vector<char32_t> Alphabet(const WordPieceLearnOptions& options,
                               const std::vector<WordCount>& word_counts) {
  std::map<char32_t, std::uint64_t> counts;
  std::u32string characters;
  for (const auto& [word, count] : word_counts) {
    characters.clear();
    AppendCodePoints(word, &characters);
    for (const char32_t character : characters) {
      counts[character] += count;
    }
  }
  std::vector<std::pair<char32_t, std::uint64_t>> ordered(counts.begin(), counts.end());
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  ordered.resize(std::min<std::size_t>(ordered.size(), options.alphabet_size_max));
  std::vector<char32_t> alphabet;
  alphabet.reserve(ordered.size());
  for (const auto& [character, count] : ordered) {
    alphabet.push_back(character);
  }
  std::sort(alphabet.begin(), alphabet.end());
  return alphabet;
}

/// The characters that stand behind others.
std::set<char32_t> ContinuingCharacters(const std::vector<WordCount>& word_counts) {
  std::set<char32_t> continuing;
  std::u32string characters;
  for (const auto& [word, count] : word_counts) {
    characters.clear();
    AppendCodePoints(word, &characters);
    continuing.insert(characters.begin() + 1, characters.end());
  }
  return continuing;
}

Result<Pieces> Begin(const WordPieceLearnOptions& options,
                     const std::vector<WordCount>& word_counts) {
  Pieces pieces;
  pieces.continuation = options.continuation;
  for (const std::string& token : options.special_tokens) {
    pieces.FindOrAdd(token);
  }
  const std::vector<char32_t> alphabet = Alphabet(options, word_counts);
  if (alphabet.empty()) {
    return Status::InvalidArgument("no text has a word to learn a vocabulary from");
  }
  const std::set<char32_t> continuing = ContinuingCharacters(word_counts);
  for (const bool first : {true, false}) {
    for (const char32_t character : alphabet) {
      std::string piece = first ? "" : options.continuation;
      AppendUtf8(character, &piece);
      if (first || continuing.contains(character)) {
        pieces.FindOrAdd(piece);
      }
    }
  }
  if (pieces.vocabulary.size() > options.vocabulary_size) {
    return Status::InvalidArgument(
        fmt::format("vocabulary size too small for {} special tokens and {} characters: got {}, "
                    "want at least {}",
                    options.special_tokens.size(), alphabet.size(), options.vocabulary_size,
                    pieces.vocabulary.size()));
  }
  std::u32string characters;
  for (const auto& [text, count] : word_counts) {
    Word word{{}, count};
    characters.clear();
    AppendCodePoints(text, &characters);
    for (const char32_t character : characters) {
      std::string piece = word.pieces.empty() ? "" : options.continuation;
      AppendUtf8(character, &piece);
      const auto found = pieces.ids.find(piece);
      if (found == pieces.ids.end()) {
        word.pieces.clear();
        break;
      }
      word.pieces.push_back(found->second);
    }
    pieces.words.push_back(std::move(word));
  }
  return pieces;
}

/// Counts of pairs that follow the words as they are joined.
class PairCounts {
 public:
  explicit PairCounts(const std::vector<Word>& words) {
    for (std::uint32_t index = 0; index < words.size(); ++index) {
      Count(words[index], index, +1);
    }
    FlushToHeap();
  }

  /// The most frequent pair, or none as frequent as `count_min`.
  bool Top(std::uint64_t count_min, Pair* pair) {
    while (!heap_.empty()) {
      const auto [count, reversed] = heap_.top();
      *pair = ~reversed;
      const std::uint64_t current = entries_.Find(*pair)->count;
      if (count == current) {
        return count >= count_min;
      }
      heap_.pop();
      // An entry with a smaller count than now has a newer one elsewhere in the heap.
      if (current < count && current > 0) {
        heap_.emplace(current, reversed);
      }
    }
    return false;
  }

  void JoinIn(std::vector<Word>* words, Pair pair, std::uint32_t joined) {
    std::vector<std::uint32_t> indexes = std::move(entries_.Find(pair)->words);
    entries_.Find(pair)->words.clear();
    std::sort(indexes.begin(), indexes.end());
    indexes.erase(std::unique(indexes.begin(), indexes.end()), indexes.end());
    for (const std::uint32_t index : indexes) {
      Word& word = (*words)[index];
      Count(word, index, -1);
      Join(pair, joined, &word.pieces);
      Count(word, index, +1);
    }
    FlushToHeap();
  }

 private:
  struct Entry {
    std::uint64_t count = 0;
    std::vector<std::uint32_t> words;  // where the pair occurs, or did
    bool changed = false;
  };

  void Count(const Word& word, std::uint32_t index, int sign) {
    for (std::size_t i = 0; i + 1 < word.pieces.size(); ++i) {
      const Pair pair = MakePair(word.pieces[i], word.pieces[i + 1]);
      Entry& entry = entries_.FindOrInsert(pair, {});
      if (sign < 0) {
        entry.count -= word.count;
        continue;
      }
      entry.count += word.count;
      if (entry.words.empty() || entry.words.back() != index) {
        entry.words.push_back(index);
      }
      if (!entry.changed) {
        entry.changed = true;
        changed_.push_back(pair);
      }
    }
  }

  void FlushToHeap() {
    for (const Pair pair : changed_) {
      Entry* entry = entries_.Find(pair);
      entry->changed = false;
      heap_.emplace(entry->count, ~pair);
    }
    changed_.clear();
  }

  FlatMap<Entry> entries_;
  std::vector<Pair> changed_;
  // By count, then by the complement of the pair: the smaller pair first.
  std::priority_queue<std::pair<std::uint64_t, Pair>> heap_;
};

}  // namespace

WordPieceLearner::WordPieceLearner(const WordPieceLearnOptions& options)
    : options_(options), words_(options.text) {}

void WordPieceLearner::AddText(std::string_view text) {
  words_.ForEach(text, [&](std::string_view word) {
    const std::uint32_t number = table_.FindOrAdd(word);
    if (number == counts_.size()) {
      counts_.push_back(0);
    }
    ++counts_[number];
    return true;
  });
}

std::vector<WordCount> WordPieceLearner::WordCounts() const {
  std::vector<WordCount> word_counts;
  for (std::uint32_t number = 0; number < table_.size(); ++number) {
    const std::string_view word = table_.word(number);
    std::u32string characters;
    AppendCodePoints(word, &characters);
    if (characters.size() <= options_.word_characters_max) {
      word_counts.emplace_back(word, counts_[number]);
    }
  }
  std::sort(word_counts.begin(), word_counts.end());
  return word_counts;
}

Result<std::vector<std::string>> WordPieceLearner::Learn() const {
  DASHI_ASSIGN_OR_RETURN(Pieces pieces, Begin(options_, WordCounts()));
  PairCounts counts(pieces.words);
  Pair pair = 0;
  while (pieces.vocabulary.size() < options_.vocabulary_size &&
         counts.Top(options_.pair_count_min, &pair)) {
    counts.JoinIn(&pieces.words, pair, pieces.AddJoined(pair));
  }
  return std::move(pieces.vocabulary);
}

Result<std::vector<std::string>> naive::LearnWordPieces(const WordPieceLearnOptions& options,
                                                        const std::vector<WordCount>& word_counts) {
  DASHI_ASSIGN_OR_RETURN(Pieces pieces, Begin(options, word_counts));
  while (pieces.vocabulary.size() < options.vocabulary_size) {
    std::map<Pair, std::uint64_t> counts;
    for (const Word& word : pieces.words) {
      for (std::size_t i = 0; i + 1 < word.pieces.size(); ++i) {
        counts[MakePair(word.pieces[i], word.pieces[i + 1])] += word.count;
      }
    }
    const auto best =
        std::max_element(counts.begin(), counts.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    if (best == counts.end() || best->second < options.pair_count_min) {
      break;
    }
    const std::uint32_t joined = pieces.AddJoined(best->first);
    for (Word& word : pieces.words) {
      Join(best->first, joined, &word.pieces);
    }
  }
  return std::move(pieces.vocabulary);
}

}  // namespace dashi::trainer
