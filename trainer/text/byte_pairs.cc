#include "trainer/text/byte_pairs.h"

#include <algorithm>
#include <queue>
#include <tuple>

#include <fmt/format.h>

#include "base/status.h"
#include "trainer/text/byte_level_words.h"
#include "trainer/text/byte_trie.h"
#include "trainer/text/vocabulary.h"

namespace dashi::trainer {
namespace {

/// Words of more bytes keep their pairs in a heap.
constexpr std::size_t kShortWord = 32;

std::uint64_t PairKey(std::uint32_t left, std::uint32_t right) {
  return (std::uint64_t{left} << 32U) | right;
}

}  // namespace

Result<std::unique_ptr<BytePairModel>> BytePairModel::Make(
    const BytePairOptions& options, const std::vector<std::string>& vocabulary,
    const std::vector<TokenPair>& merges) {
  DASHI_ASSIGN_OR_RETURN(const ByteTrie tokens, IndexVocabulary(vocabulary));
  std::unique_ptr<BytePairModel> model(new BytePairModel(options));
  for (std::size_t byte = 0; byte < 256; ++byte) {
    model->bytes_[byte] = tokens.Find(ByteLevelText(std::string(1, static_cast<char>(byte))));
  }
  if (options.unknown_token.has_value()) {
    model->unknown_ = tokens.Find(*options.unknown_token);
    if (model->unknown_ == ByteTrie::kNone) {
      return Status::InvalidArgument("vocabulary lacks the unknown token: " +
                                     *options.unknown_token);
    }
  }
  for (std::uint32_t rank = 0; rank < merges.size(); ++rank) {
    const auto& [left, right] = merges[rank];
    const std::uint32_t left_id = tokens.Find(left);
    const std::uint32_t right_id = tokens.Find(right);
    const std::uint32_t result = tokens.Find(left + right);
    if (left_id == ByteTrie::kNone || right_id == ByteTrie::kNone || result == ByteTrie::kNone) {
      return Status::InvalidArgument(fmt::format(
          "merge of tokens that the vocabulary lacks: merge {}, '{}' and '{}'", rank, left, right));
    }
    // A pair that is there twice counts with its later rank, as in the reference.
    model->merges_.FindOrInsert(PairKey(left_id, right_id), {}) = {rank, result};
  }
  return model;
}

BytePairModel::Merge BytePairModel::FindMerge(std::uint32_t left, std::uint32_t right) const {
  const Merge* merge = merges_.Find(PairKey(left, right));
  return merge == nullptr ? Merge() : *merge;
}

std::vector<std::uint32_t> BytePairModel::ByteIds(std::string_view word) const {
  std::vector<std::uint32_t> symbols;
  symbols.reserve(word.size());
  for (const char byte : word) {
    std::uint32_t id = bytes_[static_cast<unsigned char>(byte)];
    id = id == kNone ? unknown_ : id;
    if (id != kNone) {
      symbols.push_back(id);
    }
  }
  return symbols;
}

void BytePairModel::MergeShort(std::vector<std::uint32_t>* symbols) const {
  std::array<Merge, kShortWord> merges;
  std::size_t size = symbols->size();
  auto& ids = *symbols;
  for (std::size_t i = 0; i + 1 < size; ++i) {
    merges[i] = FindMerge(ids[i], ids[i + 1]);
  }
  while (size > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < size; ++i) {
      best = merges[i].rank < merges[best].rank ? i : best;
    }
    if (merges[best].rank == kNone) {
      break;
    }
    ids[best] = merges[best].result;
    std::copy(ids.begin() + static_cast<std::ptrdiff_t>(best) + 2,
              ids.begin() + static_cast<std::ptrdiff_t>(size),
              ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    std::copy(merges.begin() + best + 1, merges.begin() + size - 1, merges.begin() + best);
    --size;
    if (best > 0) {
      merges[best - 1] = FindMerge(ids[best - 1], ids[best]);
    }
    if (best + 1 < size) {
      merges[best] = FindMerge(ids[best], ids[best + 1]);
    }
  }
  ids.resize(size);
}

void BytePairModel::MergeLong(std::vector<std::uint32_t>* symbols) const {
  auto& ids = *symbols;
  const auto size = static_cast<std::uint32_t>(ids.size());
  std::vector<std::uint32_t> next(size);
  std::vector<std::uint32_t> previous(size);
  for (std::uint32_t i = 0; i < size; ++i) {
    next[i] = i + 1;
    previous[i] = i - 1;  // kNone before the first
  }
  // A pair by rank and place, with what it consisted of: it is stale when that has changed.
  using Pair = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>;
  std::priority_queue<Pair, std::vector<Pair>, std::greater<>> pairs;
  const auto push = [&](std::uint32_t at) {
    if (at != kNone && next[at] < size) {
      const Merge merge = FindMerge(ids[at], ids[next[at]]);
      if (merge.rank != kNone) {
        pairs.emplace(merge.rank, at, ids[at], ids[next[at]]);
      }
    }
  };
  for (std::uint32_t i = 0; i < size; ++i) {
    push(i);
  }
  while (!pairs.empty()) {
    const auto [rank, at, left, right] = pairs.top();
    pairs.pop();
    const std::uint32_t gone = next[at];
    if (ids[at] != left || gone >= size || ids[gone] != right) {
      continue;
    }
    ids[at] = FindMerge(left, right).result;
    ids[gone] = kNone;
    next[at] = next[gone];
    if (next[at] < size) {
      previous[next[at]] = at;
    }
    push(previous[at]);
    push(at);
  }
  std::erase(ids, kNone);
}

void BytePairModel::AppendWord(std::string_view word, std::vector<std::uint32_t>* ids) const {
  std::vector<std::uint32_t> symbols = ByteIds(word);
  if (symbols.size() <= kShortWord) {
    MergeShort(&symbols);
  } else {
    MergeLong(&symbols);
  }
  ids->insert(ids->end(), symbols.begin(), symbols.end());
}

void BytePairModel::AppendWordNaively(std::string_view word,
                                      std::vector<std::uint32_t>* ids) const {
  std::vector<std::uint32_t> symbols = ByteIds(word);
  while (true) {
    Merge best;
    std::size_t place = 0;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const Merge merge = FindMerge(symbols[i], symbols[i + 1]);
      if (merge.rank < best.rank) {
        best = merge;
        place = i;
      }
    }
    if (best.rank == kNone) {
      break;
    }
    symbols[place] = best.result;
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(place) + 1);
  }
  ids->insert(ids->end(), symbols.begin(), symbols.end());
}

void BytePairModel::AppendPieces(std::string_view text, std::size_t size_max,
                                 std::vector<std::uint32_t>* ids) const {
  std::string with_space;
  if (options_.add_prefix_space && !text.empty() && !text.starts_with(' ')) {
    with_space = " ";
    with_space += text;
    text = with_space;
  }
  ForEachByteLevelWord(text, [&](std::string_view word) {
    AppendWord(word, ids);
    return ids->size() < size_max;
  });
}

}  // namespace dashi::trainer
