#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/trainer/text/golden_files.h"
#include "trainer/text/tokenizer_spec.h"
#include "trainer/text/vocabulary.h"

namespace dashi::trainer {
namespace {

using Json = nlohmann::json;

Json BertJson() {
  return Json::parse(R"({
    "added_tokens": [{"id": 0, "content": "[PAD]", "special": true, "normalized": false}],
    "normalizer": {"type": "BertNormalizer", "lowercase": true},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
    "model": {"type": "WordPiece", "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3}}})");
}

Json BytePairJson() {
  return Json::parse(R"({
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
    "post_processor": {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0]},
    "model": {"vocab": {"<s>": 0, "<pad>": 1, "</s>": 2, "a": 3, "b": 4, "ab": 5},
              "merges": ["a b"]}})");
}

TEST(TokenizerJsonTest, ReadsBothForms) {
  const auto bert = ParseTokenizerJson(BertJson().dump());
  ASSERT_TRUE(bert.ok()) << bert.status().ToString();
  EXPECT_TRUE(bert->word_piece.text.strip_accents);
  EXPECT_EQ(bert->before_text, std::vector<std::string>{"[CLS]"});
  const auto roberta = ParseTokenizerJson(BytePairJson().dump());
  ASSERT_TRUE(roberta.ok()) << roberta.status().ToString();
  EXPECT_EQ(roberta->kind, TokenizerSpec::Kind::kBytePairs);
  EXPECT_EQ(roberta->merges, (std::vector<TokenPair>{{"a", "b"}}));
  Json pairs = BytePairJson();
  pairs["model"]["merges"] = Json::parse(R"([["a", "b"]])");
  EXPECT_EQ(ParseTokenizerJson(pairs.dump())->merges, roberta->merges);
  Json cased = BertJson();
  cased["normalizer"]["lowercase"] = false;
  EXPECT_FALSE(ParseTokenizerJson(cased.dump())->word_piece.text.strip_accents);
  Json plain = BertJson();
  plain["normalizer"] = nullptr;
  EXPECT_FALSE(ParseTokenizerJson(plain.dump())->word_piece.text.clean_text);
}

struct BadCase {
  const char* path;
  Json value;
  StatusCode code;
  const char* message;  // a part of it
};

void ExpectRefused(const Json& good, const std::vector<BadCase>& cases) {
  for (const BadCase& item : cases) {
    Json bad = good;
    bad[Json::json_pointer(item.path)] = item.value;
    const Status status = ParseTokenizerJson(bad.dump()).status();
    EXPECT_EQ(status.code(), item.code) << item.path << " " << status.ToString();
    EXPECT_NE(status.message().find(item.message), std::string_view::npos)
        << item.path << ": " << status.ToString();
  }
}

TEST(TokenizerJsonTest, RefusesWhatItDoesNotKnow) {
  const auto unknown = StatusCode::kUnimplemented;
  const auto broken = StatusCode::kCorruption;
  ExpectRefused(
      BertJson(),
      {{"/model/type", "Unigram", unknown, "model.type that is not supported: \"Unigram\""},
       {"/normalizer/type", "NFC", unknown, "normalizer that is not supported"},
       {"/pre_tokenizer/type", "Whitespace", unknown, "pre_tokenizer that is not supported"},
       {"/post_processor/type", "Mystery", unknown, "post_processor that is not supported"},
       {"/post_processor/cls", 3, broken, "post_processor.cls"},
       {"/post_processor", Json::parse(R"({"type": "TemplateProcessing", "single": []})"), broken,
        "no place for the text"},
       {"/model", 1, broken, "model: missing"},
       {"/model/vocab", Json::array(), broken, "model.vocab: no object"},
       {"/model/vocab/[SEP]", 4, broken, "the id of '[SEP]' is 4 among 4 tokens"},
       {"/model/vocab/[SEP]", 2, broken, "two tokens have the id 2"},
       {"/model/vocab/[SEP]", -1, broken, "the id of '[SEP]' is no number"},
       {"/model/vocab/[SEP]", "3", broken, "the id of '[SEP]' is no number"},
       {"/model/unk_token", 1, broken, "model.unk_token: wrong type"},
       {"/model/max_input_chars_per_word", 1.5, broken, "max_input_chars_per_word: wrong type"},
       {"/normalizer/lowercase", "yes", broken, "normalizer.lowercase: wrong type"},
       {"/added_tokens", 1, broken, "added_tokens: no list"},
       {"/added_tokens/0/id", "0", broken, "added_tokens[0]: no id"},
       {"/added_tokens/0/special", 1, broken, "added_tokens[0].special: wrong type"}});
  ExpectRefused(
      BytePairJson(),
      {{"/model/merges/0", "a", broken, "model.merges: merge 0 is no pair"},
       {"/model/merges/0", "a b c", broken, "model.merges: merge 0 is no pair"},
       {"/model/merges", 1, broken, "model.merges: no list"},
       {"/model/dropout", 0.1, unknown, "model.dropout that is not supported"},
       {"/model/byte_fallback", true, unknown, "model.byte_fallback that is not supported"},
       {"/model/continuing_subword_prefix", "##", unknown, "continuing_subword_prefix"},
       {"/normalizer", Json::parse(R"({"type": "NFC"})"), unknown, "normalizer"},
       {"/pre_tokenizer/use_regex", false, unknown, "pre_tokenizer"},
       {"/pre_tokenizer/type", "Metaspace", unknown, "pre_tokenizer"}});
}

TEST(TokenizerJsonTest, RefusesDamagedJson) {
  const auto message = [](std::string_view bytes) {
    const Status status = ParseTokenizerJson(bytes).status();
    EXPECT_EQ(status.code(), StatusCode::kCorruption);
    return std::string(status.message());
  };
  EXPECT_NE(message("{\"a\": }").find("line 1, column 7"), std::string::npos);
  EXPECT_NE(message("{\"a\": \"\xFF\"}").find("ill-formed UTF-8"), std::string::npos);
  EXPECT_EQ(message("[]"), "tokenizer.json is no JSON object");
  std::string twice = BertJson().dump();
  twice.insert(twice.find("\"[CLS]\":2"), "\"[SEP]\":3,");
  EXPECT_EQ(message(twice), "tokenizer.json names a key twice: [SEP]");
  const std::string good = ReadGolden("uncased.tokenizer.json");
  for (std::size_t size = 0; size < good.size() - 3; size += 97) {
    EXPECT_FALSE(ParseTokenizerJson(good.substr(0, size)).ok()) << size;
  }
}

TEST(TokenizerJsonTest, ReadsTheOlderFiles) {
  const auto vocabulary = ParseVocabularyLines("[UNK]\r\n[CLS]\na b\n\u00E9");
  ASSERT_TRUE(vocabulary.ok()) << vocabulary.status().ToString();
  EXPECT_EQ(*vocabulary, (std::vector<std::string>{"[UNK]", "[CLS]", "a b", "\u00E9"}));
  EXPECT_EQ(*ParseVocabularyLines(FormatVocabularyLines(*vocabulary)), *vocabulary);
  EXPECT_EQ(*ParseVocabularyJson(FormatVocabularyJson(*vocabulary)), *vocabulary);
  EXPECT_EQ(ParseVocabularyLines("").status().message(), "vocabulary file is empty");
  EXPECT_EQ(ParseVocabularyLines("a\nb\na\n").status().message(),
            "vocabulary has a token twice: 'a', ids 0 and 2");
  EXPECT_EQ(ParseVocabularyLines("a\n\nb").status().message(), "vocabulary token is empty: id 1");
  EXPECT_EQ(ParseVocabularyLines("a\n\x80\n").status().message(),
            "vocabulary token is not UTF-8: id 1");
  const std::vector<TokenPair> merges = {{"a", "b"}, {"#", "#"}};
  EXPECT_EQ(*ParseMergeLines(FormatMergeLines(merges)), merges);
  for (const char* bad : {"#version: 0.2\na\n", "\na b c\n", "\n b\n", "\na \n", "\n\xFF b\n"}) {
    EXPECT_EQ(ParseMergeLines(bad).status().message(),
              "merges.txt is damaged: line 2 is no pair of tokens");
  }
}

}  // namespace
}  // namespace dashi::trainer
