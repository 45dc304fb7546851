#include "trainer/bag_tokenizer.h"

#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "trainer/bag_tokenizer_naive.h"

namespace dashi::trainer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  ForEachWord(text, [&](std::string_view word) { words.emplace_back(word); });
  return words;
}

std::vector<std::string> NaiveWords(std::string_view text) {
  std::vector<std::string> words;
  naive::ForEachWord(text, [&](std::string_view word) { words.emplace_back(word); });
  return words;
}

TEST(ForEachWordTest, CutsAtEverythingThatIsNoLetterMarkOrNumber) {
  EXPECT_THAT(Words(""), IsEmpty());
  EXPECT_THAT(Words(" \t\n--!!"), IsEmpty());
  EXPECT_THAT(Words("Reg_OpenKey(HKEY, \"x86\")"), ElementsAre("reg", "openkey", "hkey", "x86"));
  EXPECT_THAT(Words("don't C++ 3.14"), ElementsAre("don", "t", "c", "3", "14"));
  EXPECT_THAT(Words(std::string_view("a\0b", 3)), ElementsAre("a", "b"));
}

TEST(ForEachWordTest, NormalisesAndFoldsCase) {
  EXPECT_THAT(Words("Straße ÉCOLE"), ElementsAre("strasse", "école"));
  EXPECT_THAT(Words("e\xCC\x81t\xC3\xA9"),
              ElementsAre("\xC3\xA9t\xC3\xA9"));  // one accent is a mark
  EXPECT_THAT(Words("ﬁn ² ｆｕｌｌ ㎏"), ElementsAre("fin", "2", "full", "kg"));
  EXPECT_THAT(Words("½"), ElementsAre("1", "2"));
  EXPECT_THAT(Words("ΟΔΟΣ"), ElementsAre("οδοσ"));
  EXPECT_THAT(Words("東京 и Москва，हिन्दी"), ElementsAre("東京", "и", "москва", "हिन्दी"));
}

TEST(ForEachWordTest, BytesThatAreNotUtf8SeparateWords) {
  EXPECT_THAT(Words("ab\xFF"
                    "cd"),
              ElementsAre("ab", "cd"));
  EXPECT_THAT(Words("ab\xC3"), ElementsAre("ab"));
  EXPECT_THAT(Words("\xED\xA0\x80z"), ElementsAre("z"));  // a surrogate
  EXPECT_THAT(Words("\xC0\xAFz"), ElementsAre("z"));      // an overlong slash
}

TEST(ForEachWordTest, AMarkThatComposesWithASeparatorIsNoWord) {
  EXPECT_THAT(Words("a=\xCC\xB8"
                    "b"),
              ElementsAre("a", "b"));
  EXPECT_THAT(Words("a+\xCC\xB8"
                    "b"),
              ElementsAre("a",
                          "\xCC\xB8"
                          "b"));
}

TEST(ForEachWordTest, TheFastPathAgreesWithNormalisingTheWholeText) {
  const std::vector<std::string> pieces = {"a",
                                           "Z",
                                           "0",
                                           " ",
                                           "<",
                                           "=",
                                           ">",
                                           "_",
                                           "-",
                                           "\xCC\xB8",
                                           "\xCC\x81",
                                           "é",
                                           "É",
                                           "ß",
                                           "ﬁ",
                                           "Å",
                                           "K",
                                           "한",
                                           "\xE1\x84\x92",
                                           "\xE1\x85\xA1",
                                           "\xCC\xA7",
                                           "½",
                                           "İ",
                                           "ς",
                                           "東",
                                           "\xFF",
                                           "\xC3",
                                           "\xE2\x80",
                                           "😀",
                                           "\xC2\xAD",
                                           "\xE2\x80\x8D",
                                           "．",
                                           "≠",
                                           "\xCD\xBE",
                                           "´",
                                           "¨",
                                           "हि",
                                           "\xF4\x90\x80\x80",
                                           "ﷺ"};
  for (std::uint64_t seed = 1; seed <= 4000; ++seed) {
    Random random(seed);
    std::string text;
    const std::size_t size = random.Uniform(24);
    for (std::size_t i = 0; i < size; ++i) {
      if (random.Uniform(4) == 0) {
        text.push_back(static_cast<char>(random.Uniform(seed % 3 == 0 ? 256 : 128)));
      } else {
        text += pieces[random.Uniform(pieces.size())];
      }
    }
    ASSERT_EQ(Words(text), NaiveWords(text))
        << "seed " << seed << " " << ::testing::PrintToString(text);
  }
}

std::unique_ptr<BagTokenizer> Learn(const std::vector<std::string>& texts,
                                    const BagTokenizer::LearnOptions& options) {
  BagTokenizer::Learner learner(options);
  for (const std::string& text : texts) {
    learner.AddText(text);
  }
  return learner.Build();
}

TEST(BagTokenizerTest, WeighsByLogFrequencyAndRarity) {
  // Document frequencies: open 3, key 2, door 2, file 1 (too rare).
  const auto tokenizer =
      Learn({"open key open", "Open key door", "door, OPEN file", "nothing"}, {});
  ASSERT_EQ(tokenizer->vocabulary_size(), 3U);
  const TokenBag bag = tokenizer->Tokenize("open the OPEN door; open file");
  ASSERT_THAT(bag.ids, ElementsAre(0U, 1U));  // open; then door before key
  const double open = (1 + std::log(3.0)) * std::log(4.0 / 3.0);
  const double door = std::log(4.0 / 2.0);
  const double norm = std::hypot(open, door);
  EXPECT_NEAR(bag.weights[0], open / norm, 1e-6);
  EXPECT_NEAR(bag.weights[1], door / norm, 1e-6);
  EXPECT_THAT(tokenizer->Tokenize("file nothing").ids, IsEmpty());
  EXPECT_THAT(tokenizer->Tokenize("").weights, IsEmpty());
}

TEST(BagTokenizerTest, AWordOfEveryTextSaysNothing) {
  const auto tokenizer = Learn({"a b", "a b", "a"}, {});
  EXPECT_EQ(tokenizer->vocabulary_size(), 2U);
  EXPECT_THAT(tokenizer->Tokenize("a").ids, IsEmpty());
  EXPECT_THAT(tokenizer->Tokenize("a b").ids, ElementsAre(1U));
}

TEST(BagTokenizerTest, WordsOfNamesCanBeKeptHoweverRare) {
  BagTokenizer::Learner learner({});
  learner.AddText("open door rarely");
  learner.AddName("open sesame");
  learner.AddText("door");
  const auto without = learner.Build();
  const auto with = learner.BuildWithNames();
  EXPECT_EQ(without->vocabulary_size(), 2U);
  EXPECT_EQ(with->vocabulary_size(), 3U);
  for (const std::string_view word : {"open", "door"}) {
    EXPECT_EQ(with->Find(word), without->Find(word)) << word;
  }
  EXPECT_EQ(with->Find("sesame"), 2U);
  EXPECT_EQ(with->Find("rarely"), BagTokenizer::kUnknown);
  EXPECT_FLOAT_EQ(with->idf(2), std::log(3.0F));
}

TEST(BagTokenizerTest, KeepsTheMostFrequentWords) {
  BagTokenizer::LearnOptions options;
  options.document_frequency_min = 1;
  options.vocabulary_size_max = 2;
  const auto tokenizer = Learn({"c b", "c a", "d"}, options);
  EXPECT_EQ(tokenizer->vocabulary_size(), 2U);
  EXPECT_THAT(tokenizer->Tokenize("a b c d").ids, ElementsAre(0U, 1U));  // c, then a before b, d
  EXPECT_THAT(tokenizer->Tokenize("b d").ids, IsEmpty());
  EXPECT_THAT(tokenizer->Tokenize("a").ids, ElementsAre(1U));
  EXPECT_EQ(Learn({}, options)->vocabulary_size(), 0U);
}

std::vector<std::string> RandomTexts(Random& random, std::size_t num_texts) {
  std::vector<std::string> texts(num_texts);
  for (std::string& text : texts) {
    for (std::size_t i = random.Uniform(30); i > 0; --i) {
      const std::uint64_t rank = random.Uniform(random.Uniform(3000) + 1);
      text += (rank % 7 == 0 ? "Wört" : "w") + std::to_string(rank) + " ";
    }
  }
  return texts;
}

TEST(BagTokenizerTest, AgreesWithCountingInMaps) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const std::vector<std::string> texts = RandomTexts(random, 400);
    std::map<std::string, std::uint32_t> frequencies;
    for (const std::string& text : texts) {
      const std::vector<std::string> words = NaiveWords(text);
      for (const std::string& word : std::set<std::string>(words.begin(), words.end())) {
        ++frequencies[word];
      }
    }
    std::vector<std::pair<std::int64_t, std::string>> order;  // [(-frequency, word)]
    for (const auto& [word, frequency] : frequencies) {
      if (frequency >= 2) {
        order.emplace_back(-static_cast<std::int64_t>(frequency), word);
      }
    }
    std::sort(order.begin(), order.end());
    const auto tokenizer = Learn(texts, {});
    ASSERT_EQ(tokenizer->vocabulary_size(), order.size());
    for (std::uint32_t id = 0; id < order.size(); ++id) {
      ASSERT_THAT(tokenizer->Tokenize(order[id].second).ids, ElementsAre(id));
    }
    for (const std::string& text : texts) {
      std::map<std::uint32_t, double> weights;
      for (const std::string& word : NaiveWords(text)) {
        for (std::uint32_t id = 0; id < order.size(); ++id) {
          if (order[id].second == word) {
            weights[id] += 1;
          }
        }
      }
      double square = 0;
      for (auto& [id, weight] : weights) {
        weight = (1 + std::log(weight)) * std::log(400.0 / static_cast<double>(-order[id].first));
        square += weight * weight;
      }
      const TokenBag bag = tokenizer->Tokenize(text);
      ASSERT_EQ(bag.ids.size(), weights.size());
      std::size_t i = 0;
      for (const auto& [id, weight] : weights) {
        ASSERT_EQ(bag.ids[i], id);
        ASSERT_NEAR(bag.weights[i], weight / std::sqrt(square), 1e-6);
        ++i;
      }
    }
  }
}

TEST(BagTokenizerTest, ReadsBackWhatItWrote) {
  Random random(11);
  const std::vector<std::string> texts = RandomTexts(random, 300);
  const auto tokenizer = Learn(texts, {});
  const std::string bytes = tokenizer->Serialize();
  const auto parsed = BagTokenizer::Parse(bytes);
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  EXPECT_EQ((*parsed)->Serialize(), bytes);
  for (const std::string& text : texts) {
    const TokenBag want = tokenizer->Tokenize(text);
    const TokenBag got = (*parsed)->Tokenize(text);
    ASSERT_EQ(got.ids, want.ids);
    ASSERT_EQ(got.weights, want.weights);
  }
  const auto empty = BagTokenizer::Parse(Learn({}, {})->Serialize());
  ASSERT_TRUE(empty.ok());
  EXPECT_EQ((*empty)->vocabulary_size(), 0U);
}

TEST(BagTokenizerTest, LearningIsReproducible) {
  Random random(12);
  const std::vector<std::string> texts = RandomTexts(random, 200);
  EXPECT_EQ(Learn(texts, {})->Serialize(), Learn(texts, {})->Serialize());
}

TEST(BagTokenizerTest, RefusesDamagedBytes) {
  Random random(13);
  const std::string bytes = Learn(RandomTexts(random, 60), {})->Serialize();
  for (int round = 0; round < 2000; ++round) {
    std::string damaged = bytes;
    if (round % 3 == 0) {
      damaged.resize(random.Uniform(bytes.size()));
    } else {
      damaged[random.Uniform(bytes.size())] ^= static_cast<char>(1U << random.Uniform(8));
    }
    const auto parsed = BagTokenizer::Parse(damaged);
    ASSERT_FALSE(parsed.ok()) << "round " << round;
    ASSERT_EQ(parsed.status().code(), StatusCode::kCorruption);
  }
  EXPECT_FALSE(BagTokenizer::Parse("").ok());
}

}  // namespace
}  // namespace dashi::trainer
