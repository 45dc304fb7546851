// The readers of tokenizer files, and tokenizers over any bytes. The first byte picks what the rest
// is: a file, or a text for tokenizers of each kind, which are compared with their twins.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "trainer/text/bert_words.h"
#include "trainer/text/byte_level_words.h"
#include "trainer/text/reference_unicode.h"
#include "trainer/text/subword_tokenizer.h"
#include "trainer/text/tokenizer_spec.h"
#include "trainer/text/vocabulary.h"
#include "trainer/text/word_piece.h"

namespace {

using namespace dashi::trainer;  // NOLINT(google-build-using-namespace): a program of one file

void Require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

const std::vector<std::string>& Pieces() {
  static const std::vector<std::string> pieces = {
      "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##a", "ab", "##bc", "c", "##\u00E9", "."};
  return pieces;
}

std::unique_ptr<SubwordTokenizer> MakeBytePairs() {
  std::vector<std::string> vocabulary = {"<s>", "<pad>", "</s>", "<unk>", "<mask>"};
  for (int byte = 0; byte < 256; ++byte) {
    vocabulary.push_back(ByteLevelText(std::string(1, static_cast<char>(byte))));
  }
  vocabulary.insert(vocabulary.end(), {"ab", "abab", "\u0120a"});
  return SubwordTokenizer::Make(RobertaTokenizerSpec(std::move(vocabulary),
                                                     {{"a", "b"}, {"ab", "ab"}, {"\u0120", "a"}}))
      .value();
}

void Tokenize(std::string_view text) {
  static const auto bert =
      SubwordTokenizer::Make(BertTokenizerSpec(Pieces(), BertTextOptions())).value();
  static const auto byte_pairs = MakeBytePairs();
  for (const SubwordTokenizer* tokenizer : {bert.get(), byte_pairs.get()}) {
    std::vector<std::uint32_t> whole;
    std::vector<std::uint32_t> cut;
    tokenizer->Tokenize(text, 1'000'000, &whole);
    tokenizer->Tokenize(text, 8, &cut);
    Require(whole.size() >= 2 && cut.size() == std::min<std::size_t>(whole.size(), 8));
    for (const std::uint32_t id : whole) {
      Require(id < tokenizer->num_tokens());
    }
  }
  const auto model = WordPieceModel::Make(WordPieceOptions(), Pieces()).value();
  std::vector<std::uint32_t> ids;
  model->AppendPieces(text, 1'000'000, &ids);
  Require(ids == naive::WordPieces(WordPieceOptions(), Pieces(), text));
}

void ReadTokenizer(std::string_view bytes) {
  auto spec = ParseTokenizerJson(bytes);
  if (!spec.ok()) {
    return;
  }
  auto tokenizer = SubwordTokenizer::Make(std::move(spec).value());
  if (!tokenizer.ok()) {
    return;
  }
  std::vector<std::uint32_t> ids;
  (*tokenizer)->Tokenize("A text, [SEP] <mask> caf\u00E9.", 64, &ids);
  auto again = ParseTokenizerJson(FormatTokenizerJson((*tokenizer)->spec()));
  Require(again.ok());
  std::vector<std::uint32_t> ids_again;
  SubwordTokenizer::Make(std::move(again).value())
      .value()
      ->Tokenize("A text, [SEP] <mask> caf\u00E9.", 64, &ids_again);
  Require(ids == ids_again);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      ReadTokenizer(rest);
      break;
    case 1:
      ParseVocabularyLines(rest).status().IgnoreError("any bytes");
      ParseVocabularyJson(rest).status().IgnoreError("any bytes");
      ParseMergeLines(rest).status().IgnoreError("any bytes");
      break;
    default:
      Tokenize(rest.substr(0, 4096));
      break;
  }
  return 0;
}
