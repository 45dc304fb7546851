#include "trainer/text/subword_tokenizer.h"

#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/trainer/text/golden_files.h"
#include "trainer/text/tokenizer_spec.h"
#include "trainer/text/vocabulary.h"

namespace dashi::trainer {
namespace {

constexpr std::size_t kGoldenTokens = 64;

std::vector<std::string> Joined(std::initializer_list<const char*> tokens) {
  return {tokens.begin(), tokens.end()};
}

class GoldenTokenizerTest : public testing::TestWithParam<const char*> {};

TEST_P(GoldenTokenizerTest, GivesTheIdsOfTheReference) {
  const auto tokenizer = GoldenTokenizer(GetParam());
  const std::vector<std::string> texts = GoldenTexts();
  const std::vector<std::string> want = SplitLines(ReadGolden(std::string(GetParam()) + ".ids"));
  ASSERT_EQ(texts.size(), want.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::ostringstream got;
    for (const std::uint32_t id : IdsOf(*tokenizer, texts[i], kGoldenTokens)) {
      got << (got.tellp() > 0 ? " " : "") << id;
    }
    EXPECT_EQ(got.str(), want[i]) << "text " << i << ": " << texts[i].substr(0, 200);
  }
}

TEST_P(GoldenTokenizerTest, SurvivesWritingAndReading) {
  const auto tokenizer = GoldenTokenizer(GetParam());
  auto spec = ParseTokenizerJson(FormatTokenizerJson(tokenizer->spec()));
  ASSERT_TRUE(spec.ok()) << spec.status().ToString();
  const auto again = SubwordTokenizer::Make(std::move(spec).value());
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ((*again)->spec().vocabulary, tokenizer->spec().vocabulary);
  EXPECT_EQ((*again)->spec().merges, tokenizer->spec().merges);
  EXPECT_EQ((*again)->spec().added_tokens, tokenizer->spec().added_tokens);
  for (const std::string& text : GoldenTexts()) {
    ASSERT_EQ(IdsOf(**again, text), IdsOf(*tokenizer, text));
  }
}

TEST_P(GoldenTokenizerTest, CutsLongTextsAtTheEnd) {
  const auto tokenizer = GoldenTokenizer(GetParam());
  for (const std::string& text : GoldenTexts()) {
    const std::vector<std::uint32_t> whole = IdsOf(*tokenizer, text);
    for (const std::size_t size_max : {0, 1, 2, 3, 7, 40}) {
      std::vector<std::uint32_t> want = whole;
      if (size_max < 2) {
        want.resize(size_max);
        if (size_max == 1) {
          want = {whole.front()};
        }
      } else if (whole.size() > size_max) {
        want.resize(size_max - 1);
        want.push_back(whole.back());
      }
      ASSERT_EQ(IdsOf(*tokenizer, text, size_max), want) << size_max << " " << text;
    }
  }
}

TEST_P(GoldenTokenizerTest, ReadsWhatIsNoUtf8AsReplacementCharacters) {
  const auto tokenizer = GoldenTokenizer(GetParam());
  EXPECT_EQ(IdsOf(*tokenizer, "caf\xC3 na\xFFve"), IdsOf(*tokenizer, "caf\uFFFD na\uFFFDve"));
  Random random(5);
  for (int i = 0; i < 2000; ++i) {
    for (const std::uint32_t id : IdsOf(*tokenizer, RandomText(random))) {
      ASSERT_LT(id, tokenizer->num_tokens());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, GoldenTokenizerTest,
                         testing::Values("uncased", "cased", "byte_level"));

// Ids of the reference, with a token that is looked for in the normalised text.
TEST(SubwordTokenizerTest, FindsNormalisedAndSingleWordTokens) {
  TokenizerSpec spec = BertTokenizerSpec(
      Joined({"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##a", "b", "##b"}), {});
  AddedToken normalized;
  normalized.content = "AB";
  normalized.id = 9;
  normalized.special = false;
  normalized.normalized = true;
  AddedToken single;
  single.content = "ba";
  single.id = 10;
  single.special = false;
  single.single_word = true;
  spec.added_tokens.push_back(normalized);
  spec.added_tokens.push_back(single);
  const auto tokenizer = SubwordTokenizer::Make(spec);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  EXPECT_EQ((*tokenizer)->num_tokens(), 11U);
  using Ids = std::vector<std::uint32_t>;
  EXPECT_EQ(IdsOf(**tokenizer, "ab"), (Ids{2, 9, 3}));
  EXPECT_EQ(IdsOf(**tokenizer, "\u00C1B a"), (Ids{2, 9, 5, 3}));
  EXPECT_EQ(IdsOf(**tokenizer, "ba"), (Ids{2, 10, 3}));
  EXPECT_EQ(IdsOf(**tokenizer, "bba ba.ba"), (Ids{2, 7, 8, 6, 10, 1, 10, 3}));
}

TEST(SubwordTokenizerTest, RefusesWhatDoesNotFitTogether) {
  const auto message = [](const TokenizerSpec& spec) {
    const auto made = SubwordTokenizer::Make(spec);
    EXPECT_EQ(made.status().code(), StatusCode::kInvalidArgument);
    return std::string(made.status().message());
  };
  const auto bert = [](std::initializer_list<const char*> tokens) {
    return BertTokenizerSpec(Joined(tokens), {});
  };
  EXPECT_EQ(message(bert({"[PAD]", "[CLS]", "[SEP]", "a"})),
            "vocabulary lacks the unknown token: [UNK]");
  EXPECT_EQ(message(bert({"[PAD]", "[UNK]", "[SEP]", "a"})),
            "vocabulary lacks the special token: [CLS]");
  EXPECT_EQ(message(bert({"[PAD]", "[UNK]", "[CLS]", "a"})),
            "vocabulary lacks the special token: [SEP]");
  EXPECT_EQ(message(bert({"[UNK]", "[CLS]", "[SEP]", "a"})),
            "vocabulary lacks the special token: [PAD]");
  EXPECT_EQ(message(bert({"[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "a"})),
            "vocabulary has a token twice: 'a', ids 4 and 6");
  EXPECT_EQ(message(bert({"[PAD]", "[UNK]", "[CLS]", "[SEP]", ""})),
            "vocabulary token is empty: id 4");
  EXPECT_EQ(message(bert({"[PAD]", "[UNK]", "[CLS]", "[SEP]", "\xFF"})),
            "vocabulary token is not UTF-8: id 4");
  TokenizerSpec wrong_id = bert({"[PAD]", "[UNK]", "[CLS]", "[SEP]"});
  wrong_id.added_tokens[2].id = 3;
  EXPECT_EQ(message(wrong_id), "added token '[CLS]' has another id: got 3, want 2");
  EXPECT_EQ(message(RobertaTokenizerSpec(
                Joined({"<s>", "<pad>", "</s>", "<unk>", "<mask>", "a", "b"}), {{"a", "b"}})),
            "merge of tokens that the vocabulary lacks: merge 0, 'a' and 'b'");
}

}  // namespace
}  // namespace dashi::trainer
