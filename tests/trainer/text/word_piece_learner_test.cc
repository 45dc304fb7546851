#include "trainer/text/word_piece_learner.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/trainer/text/golden_files.h"
#include "trainer/text/subword_tokenizer.h"

namespace dashi::trainer {
namespace {

std::string RandomWords(Random& random) {
  std::string text;
  for (int i = 0; i < 8; ++i) {
    for (std::uint64_t size = 1 + random.Uniform(7); size > 0; --size) {
      text.push_back("aaabbcde"[random.Uniform(8)]);
    }
    text += i == 3 ? "\u00DF " : " ";
  }
  return text;
}

TEST(WordPieceLearnerTest, LearnsWhatCountingAnewLearns) {
  Random random(23);
  for (int round = 0; round < 30; ++round) {
    WordPieceLearnOptions options;
    options.vocabulary_size = static_cast<std::uint32_t>(30 + random.Uniform(200));
    options.pair_count_min = static_cast<std::uint32_t>(1 + random.Uniform(3));
    options.alphabet_size_max = round % 5 == 0 ? 4 : 1000;
    options.word_characters_max = round % 7 == 0 ? 5 : 100;
    WordPieceLearner learner(options);
    for (int i = 0; i < 40; ++i) {
      learner.AddText(RandomWords(random));
    }
    const auto got = learner.Learn();
    const auto want = naive::LearnWordPieces(options, learner.WordCounts());
    ASSERT_TRUE(got.ok() && want.ok()) << got.status().ToString();
    ASSERT_EQ(*got, *want) << round;
  }
}

TEST(WordPieceLearnerTest, MakesATokenizerThatKnowsItsTexts) {
  WordPieceLearnOptions options;
  options.vocabulary_size = 2000;
  options.alphabet_size_max = 200;
  WordPieceLearner learner(options);
  const std::vector<std::string> texts = GoldenTexts();
  for (const std::string& text : texts) {
    learner.AddText(text);
  }
  const auto vocabulary = learner.Learn();
  ASSERT_TRUE(vocabulary.ok()) << vocabulary.status().ToString();
  EXPECT_LE(vocabulary->size(), 2000U);
  EXPECT_EQ(std::set<std::string>(vocabulary->begin(), vocabulary->end()).size(),
            vocabulary->size());
  const auto tokenizer = SubwordTokenizer::Make(BertTokenizerSpec(*vocabulary, options.text));
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  const std::vector<std::uint32_t> ids = IdsOf(**tokenizer, texts.back());
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 1U), 0);
  EXPECT_LT(ids.size(), texts.back().size());
}

TEST(WordPieceLearnerTest, SaysWhatIsMissing) {
  WordPieceLearnOptions options;
  options.vocabulary_size = 8;
  WordPieceLearner learner(options);
  EXPECT_EQ(learner.Learn().status().message(), "no text has a word to learn a vocabulary from");
  learner.AddText("abc");
  EXPECT_EQ(learner.Learn().status().message(),
            "vocabulary size too small for 5 special tokens and 3 characters: got 8, want at least "
            "10");
}

}  // namespace
}  // namespace dashi::trainer
