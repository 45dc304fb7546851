#include "trainer/text/byte_pairs.h"

#include <regex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/trainer/text/golden_files.h"
#include "trainer/text/byte_level_words.h"

namespace dashi::trainer {
namespace {

std::vector<std::string> WordsOf(std::string_view text) {
  std::vector<std::string> words;
  ForEachByteLevelWord(text, [&](std::string_view word) {
    words.emplace_back(word);
    return true;
  });
  return words;
}

// For ASCII the standard library's regular expressions know the pattern too.
TEST(ByteLevelWordsTest, AgreesWithTheRegularExpressionOnAscii) {
  const std::regex pattern(
      "'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\\sA-Za-z0-9]+|\\s+(?!\\S)|\\s+");
  static constexpr std::string_view kCharacters = "  \t\n'''srtlvemdAZ09._-";
  Random random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (std::uint64_t size = random.Uniform(14); size > 0; --size) {
      text.push_back(kCharacters[random.Uniform(kCharacters.size())]);
    }
    std::vector<std::string> want;
    for (std::sregex_iterator match(text.begin(), text.end(), pattern);
         match != std::sregex_iterator(); ++match) {
      want.push_back(match->str());
    }
    ASSERT_EQ(WordsOf(text), want) << text;
  }
}

TEST(ByteLevelWordsTest, BytesHaveCharactersOfTheirOwn) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) {
    bytes.push_back(static_cast<char>(byte));
  }
  const std::string text = ByteLevelText(bytes);
  EXPECT_EQ(ByteLevelText(" a\n"), "\u0120a\u010A");
  std::string back;
  ASSERT_TRUE(ParseByteLevelText(text, &back));
  EXPECT_EQ(back, bytes);
  EXPECT_FALSE(ParseByteLevelText("a b", &back));
  EXPECT_FALSE(ParseByteLevelText("\u0144", &back));
  EXPECT_FALSE(ParseByteLevelText("\xFF", &back));
}

TEST(BytePairModelTest, MergesAsLookingAtEveryPairDoes) {
  const TokenizerSpec spec = GoldenTokenizer("byte_level")->spec();
  const auto model = BytePairModel::Make(spec.byte_pairs, spec.vocabulary, spec.merges);
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  Random random(19);
  static constexpr std::string_view kLetters = "aeinorst th";
  for (int i = 0; i < 3000; ++i) {
    std::string word;
    for (std::uint64_t size = random.Uniform(i % 3 == 0 ? 200 : 30); size > 0; --size) {
      word.push_back(kLetters[random.Uniform(kLetters.size())]);
    }
    std::vector<std::uint32_t> got;
    std::vector<std::uint32_t> want;
    (*model)->AppendWord(word, &got);
    (*model)->AppendWordNaively(word, &want);
    ASSERT_EQ(got, want) << word;
  }
}

TEST(BytePairModelTest, LongWordsTakeNoSquaredTime) {
  const auto tokenizer = GoldenTokenizer("byte_level");
  const std::string word(1'000'000, 'e');
  EXPECT_GT(IdsOf(*tokenizer, word, 2'000'000).size(), 1000U);
}

TEST(BytePairModelTest, UnknownBytesAreLeftOutOrMarked) {
  const std::vector<std::string> vocabulary = {"a", "b", "ab", "<unk>"};
  using Ids = std::vector<std::uint32_t>;
  for (const bool marked : {false, true}) {
    BytePairOptions options;
    if (marked) {
      options.unknown_token = "<unk>";
    }
    const auto model = BytePairModel::Make(options, vocabulary, {{"a", "b"}});
    ASSERT_TRUE(model.ok()) << model.status().ToString();
    Ids ids;
    (*model)->AppendPieces("abxab", 100, &ids);
    EXPECT_EQ(ids, marked ? (Ids{2, 3, 2}) : (Ids{2, 2}));
  }
  BytePairOptions options;
  options.unknown_token = "<none>";
  EXPECT_EQ(BytePairModel::Make(options, vocabulary, {}).status().message(),
            "vocabulary lacks the unknown token: <none>");
}

}  // namespace
}  // namespace dashi::trainer
