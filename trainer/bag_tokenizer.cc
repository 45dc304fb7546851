#include "trainer/bag_tokenizer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include <xxhash.h>

#include "base/byte_codec.h"
#include "base/status.h"
#include "trainer/unicode_words.h"
#include "trainer/word_table.h"

namespace dashi::trainer {

namespace {

constexpr std::string_view kMagic = "DSHIBAGT";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kChecksumBytes = 8;

/// What an ASCII byte becomes inside a word; 0 separates words.
constexpr std::array<char, 128> kAsciiFold = [] {
  std::array<char, 128> fold{};
  for (char c = '0'; c <= '9'; ++c) {
    fold[static_cast<std::size_t>(c)] = c;
  }
  for (char c = 'a'; c <= 'z'; ++c) {
    fold[static_cast<std::size_t>(c)] = c;
    fold[static_cast<std::size_t>(c) - 'a' + 'A'] = c;
  }
  return fold;
}();

bool IsAscii(char byte) { return static_cast<unsigned char>(byte) < 128; }

bool IsAsciiSeparator(char byte) {
  return IsAscii(byte) && kAsciiFold[static_cast<unsigned char>(byte)] == 0;
}

/// The separators that a following combining mark (U+0338) can compose with.
bool IsComposingSeparator(char byte) { return byte == '<' || byte == '=' || byte == '>'; }

Status Broken(const char* what) {
  return Status::Corruption(std::string("tokenizer bytes are damaged: ") + what);
}

}  // namespace

// A stretch between ASCII separators is normalised alone: normalisation never reaches across one,
// except that a mark may compose with '<', '=' or '>', which then belongs to the stretch.
void ForEachWord(std::string_view text, const std::function<void(std::string_view)>& on_token) {
  std::string word;
  UnicodeWords unicode;
  std::size_t begin = 0;
  while (begin < text.size()) {
    if (IsAsciiSeparator(text[begin])) {
      ++begin;
      continue;
    }
    std::size_t end = begin;
    bool ascii = true;
    word.clear();
    while (end < text.size() && !IsAsciiSeparator(text[end])) {
      if (IsAscii(text[end])) {
        word.push_back(kAsciiFold[static_cast<unsigned char>(text[end])]);
      } else {
        ascii = false;
      }
      ++end;
    }
    if (ascii) {
      on_token(word);
    } else {
      if (begin > 0 && IsComposingSeparator(text[begin - 1])) {
        --begin;
      }
      unicode.ForEach(text.substr(begin, end - begin), on_token);
    }
    begin = end;
  }
}

float InverseDocumentFrequency(std::uint64_t num_texts, std::uint32_t document_frequency) {
  return static_cast<float>(
      std::log(static_cast<double>(num_texts) / static_cast<double>(document_frequency)));
}

void WeighTokens(const std::function<float(std::uint32_t id)>& idf, TokenBag* bag) {
  std::vector<std::uint32_t>& ids = bag->ids;
  std::sort(ids.begin(), ids.end());
  bag->weights.clear();
  bag->weights.reserve(ids.size());
  double square = 0;
  std::size_t num_distinct = 0;
  for (std::size_t i = 0; i < ids.size();) {
    const std::uint32_t id = ids[i];
    std::size_t count = 0;
    for (; i < ids.size() && ids[i] == id; ++i) {
      ++count;
    }
    const float information = idf(id);
    if (information <= 0) {
      continue;
    }
    const double weight = (1.0 + std::log(static_cast<double>(count))) * information;
    square += weight * weight;
    ids[num_distinct++] = id;
    bag->weights.push_back(static_cast<float>(weight));
  }
  ids.resize(num_distinct);
  const double norm = std::sqrt(square);
  for (float& weight : bag->weights) {
    weight = static_cast<float>(weight / norm);
  }
}

struct BagTokenizer::State {
  WordTable words;
  std::uint64_t num_texts = 0;
  std::vector<std::uint32_t> document_frequencies;
  std::vector<float> idf;

  void ComputeIdf() {
    idf.clear();
    idf.reserve(document_frequencies.size());
    for (const std::uint32_t frequency : document_frequencies) {
      idf.push_back(InverseDocumentFrequency(num_texts, frequency));
    }
  }
};

struct BagTokenizer::Learner::State {
  struct Count {
    std::uint32_t document_frequency = 0;
    bool is_in_name = false;
    std::uint64_t last_text = 0;  ///< counts from 1
  };

  void Add(std::string_view text, bool is_name) {
    ++num_texts;
    ForEachWord(text, [&](std::string_view word) {
      const std::uint32_t index = words.FindOrAdd(word);
      if (index == counts.size()) {
        counts.emplace_back();
      }
      Count& count = counts[index];
      count.is_in_name = count.is_in_name || is_name;
      if (count.last_text != num_texts) {
        count.last_text = num_texts;
        ++count.document_frequency;
      }
    });
  }

  LearnOptions options;
  WordTable words;
  std::vector<Count> counts;
  std::uint64_t num_texts = 0;
};

BagTokenizer::Learner::Learner(const LearnOptions& options) : state_(std::make_unique<State>()) {
  state_->options = options;
}

BagTokenizer::Learner::~Learner() = default;

void BagTokenizer::Learner::AddText(std::string_view text) { state_->Add(text, /*is_name=*/false); }

void BagTokenizer::Learner::AddName(std::string_view text) { state_->Add(text, /*is_name=*/true); }

std::unique_ptr<BagTokenizer> BagTokenizer::Learner::Build() { return Build(/*with_names=*/false); }

std::unique_ptr<BagTokenizer> BagTokenizer::Learner::BuildWithNames() {
  return Build(/*with_names=*/true);
}

std::unique_ptr<BagTokenizer> BagTokenizer::Learner::Build(bool with_names) const {
  const State& learned = *state_;
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < learned.words.size(); ++i) {
    const Learner::State::Count& count = learned.counts[i];
    if (count.document_frequency >= learned.options.document_frequency_min ||
        (with_names && count.is_in_name)) {
      order.push_back(i);
    }
  }
  std::sort(order.begin(), order.end(), [&learned](std::uint32_t a, std::uint32_t b) {
    const std::uint32_t frequency_a = learned.counts[a].document_frequency;
    const std::uint32_t frequency_b = learned.counts[b].document_frequency;
    return frequency_a != frequency_b ? frequency_a > frequency_b
                                      : learned.words.word(a) < learned.words.word(b);
  });
  order.resize(std::min<std::size_t>(order.size(), learned.options.vocabulary_size_max));
  auto state = std::make_unique<BagTokenizer::State>();
  state->num_texts = learned.num_texts;
  for (const std::uint32_t index : order) {
    state->words.FindOrAdd(learned.words.word(index));
    state->document_frequencies.push_back(learned.counts[index].document_frequency);
  }
  state->ComputeIdf();
  return std::unique_ptr<BagTokenizer>(new BagTokenizer(std::move(state)));
}

BagTokenizer::BagTokenizer(std::unique_ptr<State> state) : state_(std::move(state)) {}

BagTokenizer::~BagTokenizer() = default;

std::uint32_t BagTokenizer::vocabulary_size() const { return state_->words.size(); }

std::uint64_t BagTokenizer::num_texts() const { return state_->num_texts; }

std::uint32_t BagTokenizer::Find(std::string_view word) const {
  static_assert(kUnknown == WordTable::kNone);
  return state_->words.Find(word);
}

std::string_view BagTokenizer::word(std::uint32_t id) const { return state_->words.word(id); }

float BagTokenizer::idf(std::uint32_t id) const { return state_->idf[id]; }

TokenBag BagTokenizer::Tokenize(std::string_view text) const { return Weigh(FindIds(text)); }

std::vector<std::uint32_t> BagTokenizer::FindIds(std::string_view text) const {
  const State& state = *state_;
  std::vector<std::uint32_t> ids;
  ids.reserve(32);
  ForEachWord(text, [&](std::string_view word) {
    const std::uint32_t id = state.words.Find(word);
    if (id != WordTable::kNone) {
      ids.push_back(id);
    }
  });
  return ids;
}

TokenBag BagTokenizer::Weigh(std::vector<std::uint32_t> ids) const {
  const State& state = *state_;
  TokenBag bag;
  bag.ids = std::move(ids);
  WeighTokens([&state](std::uint32_t id) { return state.idf[id]; }, &bag);
  return bag;
}

// docs/FORMATS.md describes these bytes.
std::string BagTokenizer::Serialize() const {
  const State& state = *state_;
  std::string bytes(kMagic);
  AppendLittleEndian32(&bytes, kVersion);
  AppendLittleEndian64(&bytes, state.num_texts);
  AppendLittleEndian32(&bytes, state.words.size());
  AppendLittleEndian64(&bytes, state.words.arena().size());
  for (std::uint32_t id = 0; id < state.words.size(); ++id) {
    AppendVarint(&bytes, state.words.word(id).size());
    AppendVarint(&bytes, state.document_frequencies[id]);
  }
  bytes.append(state.words.arena());
  AppendLittleEndian64(&bytes, XXH3_64bits(bytes.data(), bytes.size()));
  return bytes;
}

Result<std::unique_ptr<BagTokenizer>> BagTokenizer::Parse(std::string_view bytes) {
  if (bytes.size() < kMagic.size() + kChecksumBytes || !bytes.starts_with(kMagic)) {
    return Broken("magic");
  }
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  ByteReader tail(bytes.substr(body.size()));
  std::uint64_t checksum = 0;
  if (!tail.ReadLittleEndian64(&checksum) || checksum != XXH3_64bits(body.data(), body.size())) {
    return Broken("checksum");
  }
  ByteReader reader(body.substr(kMagic.size()));
  auto state = std::make_unique<State>();
  std::uint32_t version = 0;
  std::uint32_t num_words = 0;
  std::uint64_t arena_bytes = 0;
  if (!reader.ReadLittleEndian32(&version) || version != kVersion) {
    return Broken("version");
  }
  if (!reader.ReadLittleEndian64(&state->num_texts) || !reader.ReadLittleEndian32(&num_words) ||
      !reader.ReadLittleEndian64(&arena_bytes) || num_words > reader.rest().size() / 2 ||
      arena_bytes > reader.rest().size()) {
    return Broken("counts");
  }
  std::vector<std::uint64_t> lengths(num_words);
  state->document_frequencies.reserve(num_words);
  for (std::uint64_t& length : lengths) {
    std::uint64_t frequency = 0;
    if (!reader.ReadVarint(&length) || !reader.ReadVarint(&frequency) || length == 0 ||
        frequency == 0 || frequency > state->num_texts || frequency > 0xFFFFFFFFU) {
      return Broken("word list");
    }
    state->document_frequencies.push_back(static_cast<std::uint32_t>(frequency));
  }
  if (reader.rest().size() != arena_bytes) {
    return Broken("length");
  }
  state->words.Reserve(num_words, arena_bytes);
  for (std::uint32_t id = 0; id < num_words; ++id) {
    std::string_view word;
    if (!reader.ReadBytes(lengths[id], &word) || state->words.FindOrAdd(word) != id) {
      return Broken("words");
    }
  }
  if (!reader.empty()) {
    return Broken("words");
  }
  state->ComputeIdf();
  return std::unique_ptr<BagTokenizer>(new BagTokenizer(std::move(state)));
}

}  // namespace dashi::trainer
