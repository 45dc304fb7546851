#include "trainer/text/word_piece.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/trainer/text/golden_files.h"
#include "trainer/text/bert_words.h"

namespace dashi::trainer {
namespace {

std::vector<BertTextOptions> AllOptions() {
  std::vector<BertTextOptions> all;
  for (unsigned bits = 0; bits < 16; ++bits) {
    all.push_back({(bits & 1U) != 0, (bits & 2U) != 0, (bits & 4U) != 0, (bits & 8U) != 0});
  }
  return all;
}

TEST(BertWordsTest, GivesTheWordsOfPassesOverTheWholeText) {
  Random random(11);
  for (const BertTextOptions& options : AllOptions()) {
    const BertWords words(options);
    for (int i = 0; i < 2000; ++i) {
      const std::string text = RandomText(random);
      std::vector<std::string> got;
      std::vector<std::string> want;
      words.ForEach(text, [&](std::string_view word) {
        got.emplace_back(word);
        return true;
      });
      naive::ForEachBertWord(options, text, [&](std::string_view word) {
        want.emplace_back(word);
        return true;
      });
      ASSERT_EQ(got, want) << "text " << i << ": " << text;
    }
  }
}

TEST(BertWordsTest, StopsWhenToldTo) {
  const BertWords words({});
  for (const std::string_view text : {"a b c d", "a.b.c", "\u00E4 \u00E4.\u00E4 x"}) {
    int num_words = 0;
    words.ForEach(text, [&](std::string_view) { return ++num_words < 2; });
    EXPECT_EQ(num_words, 2) << text;
  }
}

TEST(BertWordsTest, NormalisingTwiceChangesNothing) {
  Random random(13);
  for (const BertTextOptions& options : AllOptions()) {
    if (options.strip_accents != options.lower_case) {
      continue;
    }
    const BertWords words(options);
    for (int i = 0; i < 500; ++i) {
      const std::string text = RandomText(random);
      std::vector<std::string> once;
      std::vector<std::string> twice;
      words.ForEach(text, [&](std::string_view word) {
        once.emplace_back(word);
        return true;
      });
      words.ForEach(words.Normalize(text), [&](std::string_view word) {
        twice.emplace_back(word);
        return true;
      });
      ASSERT_EQ(once, twice) << text;
    }
  }
}

TEST(WordPieceModelTest, FindsThePiecesOfLookingUpEveryBeginning) {
  const TokenizerSpec spec = GoldenTokenizer("uncased")->spec();
  WordPieceOptions options = spec.word_piece;
  options.word_characters_max = 9;
  const auto model = WordPieceModel::Make(options, spec.vocabulary);
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  Random random(17);
  std::vector<std::string> texts = GoldenTexts();
  for (int i = 0; i < 300; ++i) {
    texts.push_back(RandomText(random));
  }
  for (const std::string& text : texts) {
    if (text.size() > 2000) {
      continue;
    }
    std::vector<std::uint32_t> ids;
    (*model)->AppendPieces(text, 1'000'000, &ids);
    ASSERT_EQ(ids, naive::WordPieces(options, spec.vocabulary, text)) << text;
  }
}

}  // namespace
}  // namespace dashi::trainer
