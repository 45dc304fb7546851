#include "trainer/tokens/token_cache.h"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/testing/tiny_database.h"
#include "tests/trainer/planted_rows.h"
#include "trainer/text/tokenizer_spec.h"
#include "trainer/tokens/kept_tokens.h"
#include "trainer/tokens/token_lists.h"
#include "trainer/training_data.h"
#include "trainer/training_data_state.h"

namespace dashi::trainer {
namespace {

using storage::EntityKind;
using Parts = std::map<std::string, std::string>;

TEST(TokenListsTest, ComeBackInEveryWidth) {
  for (const std::uint32_t largest : {5U, 0xFFFFU, 0x10000U, 0xFFFFFFU, 0x1000000U, 0xFFFFFFFFU}) {
    TokenLists lists;
    lists.Append(0, 7, std::vector<std::uint32_t>{3, 1, largest, 1});
    lists.Append(9, 8, {});
    lists.Append(0xFFFFFFFE, 9, std::vector<std::uint32_t>{largest});
    const std::string bytes = lists.Encode(/*stamp=*/42);
    const auto read = TokenLists::Decode(bytes, 42);
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    ASSERT_EQ(read.value().size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(read.value().ordinal(i), lists.ordinal(i));
      EXPECT_EQ(read.value().text_hash(i), lists.text_hash(i));
      EXPECT_TRUE(std::equal(lists.ids(i).begin(), lists.ids(i).end(), read.value().ids(i).begin(),
                             read.value().ids(i).end()));
    }
    EXPECT_EQ(TokenLists::Decode(bytes, 43).status().code(), StatusCode::kCorruption);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(TokenLists::Decode(bytes.substr(0, size), 42).ok()) << size;
    }
    EXPECT_FALSE(TokenLists::Decode(bytes + "x", 42).ok());
  }
}

/// A database with a model "m" whose texts are read with and without its token lists.
class TokenCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = testing::OpenStore(directory_.path());
    ASSERT_NE(store_, nullptr);
    AddPlantedRows(*store_, 200);
    ASSERT_TRUE(CreatePlantedModel(*store_, SmallOptions()).ok());
  }

  struct Counts {
    std::uint64_t found = 0;
    std::uint64_t added = 0;
    friend bool operator==(const Counts&, const Counts&) = default;
  };

  // Reads the rows with the kept lists, checks that they are what they are without, and tells how
  // many lists were found and how many were made.
  Counts ReadBoth(const TrainingDataOptions& options) {
    const auto view = store_->NewSnapshot().value();
    Counts counts;
    Parts with;
    const Status read = ReadWithKeptTokens(*store_, *view, "m", [&](TokenCache* cache) -> Status {
      TrainingDataOptions cached = options;
      cached.cache = cache;
      Result<TrainingData> data = ReadTrainingData(*view, cached, {});
      if (!data.ok()) {
        return data.status();
      }
      with = PartsOf(data.value());
      counts = {cache->tokens.num_found() + cache->features.num_found(),
                cache->tokens.num_added() + cache->features.num_added()};
      return Status();
    });
    EXPECT_TRUE(read.ok()) << read.ToString();
    const auto plain = ReadTrainingData(*view, options, {});
    EXPECT_TRUE(plain.ok()) << plain.status().ToString();
    EXPECT_TRUE(with == PartsOf(plain.value())) << "the data differ";
    return counts;
  }

  static Parts PartsOf(const TrainingData& data) {
    struct Writer final : StateWriter {
      Status Put(const std::string& name, std::string_view bytes) override {
        parts[name] = bytes;
        return Status();
      }
      Parts parts;
    } writer;
    EXPECT_TRUE(SaveTrainingData(data, writer).ok());
    return writer.parts;
  }

  std::vector<std::string> Names() {
    return store_->NewSnapshot().value()->GetModel("m").value()->tokens;
  }

  void Change(const std::function<Status(storage::Transaction&)>& change) {
    const auto transaction = store_->Begin().value();
    ASSERT_TRUE(change(*transaction).ok());
    ASSERT_TRUE(transaction->Commit().ok());
  }

  void SetText(EntityKind kind, const std::string& id, const std::string& text) {
    Change([&](storage::Transaction& transaction) {
      const auto ordinal = transaction.FindOrdinal(kind, id).value();
      auto row = *transaction.GetRow(kind, *ordinal).value();
      row.text = text;
      return transaction.UpdateRow(kind, *ordinal, row);
    });
  }

  testing::TemporaryDirectory directory_;
  std::unique_ptr<storage::Store> store_;
};

TEST_F(TokenCacheTest, ASecondReadingOfTheSameTextsCutsNoneIntoTokens) {
  const Counts first = ReadBoth({});
  EXPECT_EQ(first.found, 0U);
  EXPECT_GT(first.added, 2U * kNumPlantedLabels);
  const std::vector<std::string> names = Names();
  EXPECT_FALSE(names.empty());
  EXPECT_EQ(ReadBoth({}), (Counts{first.added, 0}));
  EXPECT_EQ(Names(), names) << "nothing had to be written";

  // A vocabulary that is learned depends on all texts.
  SetText(EntityKind::kLabel, "L3", "another text");
  EXPECT_EQ(ReadBoth({}), (Counts{0, first.added}));
  EXPECT_EQ(ReadBoth({}), (Counts{first.added, 0}));
  // Without a ranker there are no features to keep, and the lists of the encoder are as they were.
  TrainingDataOptions plain;
  plain.ranker = false;
  EXPECT_EQ(ReadBoth(plain), (Counts{first.added / 2, 0}));
  for (const std::string& name : Names()) {
    EXPECT_EQ(name.find("features"), std::string::npos) << name;
  }
}

TEST_F(TokenCacheTest, WithAGivenTokenizerOnlyChangedRowsAreDoneAnew) {
  const TokenizerSpec spec = BertTokenizerSpec(
      {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "##a", "##b", "##c", "c"},
      BertTextOptions());
  TrainingDataOptions options;
  options.ranker = false;
  options.subwords = SubwordReading{&spec, 0, 16};
  const Counts first = ReadBoth(options);
  EXPECT_EQ(first.found, 0U);
  EXPECT_EQ(ReadBoth(options), (Counts{first.added, 0}));
  SetText(EntityKind::kLabel, "L3", "abc cab");
  SetText(EntityKind::kDocument, "D1", "bca");
  EXPECT_EQ(ReadBoth(options), (Counts{first.added - 2, 2}));
  Change([](storage::Transaction& transaction) {
    return transaction.DeleteRow(EntityKind::kDocument,
                                 *transaction.FindOrdinal(EntityKind::kDocument, "D1").value());
  });
  const std::vector<std::string> before = Names();
  EXPECT_EQ(ReadBoth(options), (Counts{first.added - 1, 0}));
  EXPECT_NE(Names(), before) << "the list of a deleted row does not stay";
  EXPECT_EQ(ReadBoth(options), (Counts{first.added - 1, 0}));
  options.subwords->max_tokens = 8;
  EXPECT_EQ(ReadBoth(options), (Counts{0, first.added - 1})) << "texts are cut elsewhere";
}

TEST_F(TokenCacheTest, ListsThatAreGoneAreMadeAnew) {
  const Counts first = ReadBoth({});
  const std::vector<std::string> names = Names();
  for (const std::string& name : names) {
    ASSERT_TRUE(store_->DeleteWeights(name).ok());
  }
  EXPECT_EQ(ReadBoth({}), (Counts{0, first.added}));
  EXPECT_EQ(ReadBoth({}), (Counts{first.added, 0}));
  // A blob of other bytes counts as gone.
  for (const std::string& name : Names()) {
    ASSERT_TRUE(store_->PutWeights(name, "damage").ok());
  }
  EXPECT_EQ(ReadBoth({}), (Counts{0, first.added}));
}

TEST_F(TokenCacheTest, ReopeningKeepsWhatTheModelNames) {
  const Counts first = ReadBoth({});
  store_.reset();
  store_ = testing::OpenStore(directory_.path());
  ASSERT_NE(store_, nullptr);
  EXPECT_EQ(ReadBoth({}), (Counts{first.added, 0}));
}

}  // namespace
}  // namespace dashi::trainer
