#include "trainer/text/word_piece.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/status.h"
#include "trainer/text/reference_unicode.h"
#include "trainer/text/vocabulary.h"

namespace dashi::trainer {
namespace {

bool IsCharacterStart(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }

bool HasMoreCharacters(std::string_view word, std::size_t characters_max) {
  return word.size() > characters_max &&
         static_cast<std::size_t>(std::count_if(word.begin(), word.end(), IsCharacterStart)) >
             characters_max;
}

}  // namespace

WordPieceModel::WordPieceModel(const WordPieceOptions& options, ByteTrie trie)
    : options_(options),
      words_(options.text),
      trie_(std::move(trie)),
      unknown_(trie_.Find(options.unknown_token)),
      continuation_node_(trie_.Walk(ByteTrie::kRoot, options.continuation)) {}

Result<std::unique_ptr<WordPieceModel>> WordPieceModel::Make(
    const WordPieceOptions& options, const std::vector<std::string>& vocabulary) {
  DASHI_ASSIGN_OR_RETURN(ByteTrie trie, IndexVocabulary(vocabulary));
  if (trie.Find(options.unknown_token) == ByteTrie::kNone) {
    return Status::InvalidArgument("vocabulary lacks the unknown token: " + options.unknown_token);
  }
  return std::unique_ptr<WordPieceModel>(new WordPieceModel(options, std::move(trie)));
}

void WordPieceModel::AppendWord(std::string_view word, std::vector<std::uint32_t>* ids) const {
  if (HasMoreCharacters(word, options_.word_characters_max)) {
    ids->push_back(unknown_);
    return;
  }
  const std::size_t size_before = ids->size();
  std::uint32_t node = ByteTrie::kRoot;
  while (!word.empty()) {
    const ByteTrie::Match match =
        node == ByteTrie::kNone ? ByteTrie::Match() : trie_.LongestMatch(node, word);
    if (match.number == ByteTrie::kNone) {
      ids->resize(size_before);
      ids->push_back(unknown_);
      return;
    }
    ids->push_back(match.number);
    word.remove_prefix(match.size);
    node = continuation_node_;
  }
}

void WordPieceModel::AppendPieces(std::string_view text, std::size_t size_max,
                                  std::vector<std::uint32_t>* ids) const {
  words_.ForEach(text, [&](std::string_view word) {
    AppendWord(word, ids);
    return ids->size() < size_max;
  });
}

std::string WordPieceModel::Normalize(std::string_view text) const {
  return words_.Normalize(text);
}

std::vector<std::uint32_t> naive::WordPieces(const WordPieceOptions& options,
                                             const std::vector<std::string>& vocabulary,
                                             std::string_view text) {
  std::unordered_map<std::string, std::uint32_t> numbers;
  for (std::uint32_t number = 0; number < vocabulary.size(); ++number) {
    numbers.emplace(vocabulary[number], number);
  }
  std::vector<std::uint32_t> ids;
  ForEachBertWord(options.text, text, [&](std::string_view word) {
    std::u32string characters;
    AppendCodePoints(word, &characters);
    std::vector<std::uint32_t> pieces;
    bool known = characters.size() <= options.word_characters_max;
    for (std::size_t begin = 0; known && begin < characters.size();) {
      std::size_t end = characters.size();
      for (; end > begin; --end) {
        std::string piece = begin == 0 ? "" : options.continuation;
        for (std::size_t i = begin; i < end; ++i) {
          AppendUtf8(characters[i], &piece);
        }
        const auto found = numbers.find(piece);
        if (found != numbers.end()) {
          pieces.push_back(found->second);
          break;
        }
      }
      known = end > begin;
      begin = end;
    }
    if (!known) {
      pieces.assign(1, numbers.at(options.unknown_token));
    }
    ids.insert(ids.end(), pieces.begin(), pieces.end());
    return true;
  });
  return ids;
}

}  // namespace dashi::trainer
