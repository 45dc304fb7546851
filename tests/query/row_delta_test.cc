#include "query/row_delta.h"

#include <atomic>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/query/delta_fixture.h"

namespace dashi::query {
namespace {

using storage::EntityKind;
using storage::Ordinal;

/// Counts the texts that it is asked to encode.
class CountingEncoder : public trainer::Encoder {
 public:
  explicit CountingEncoder(const trainer::Encoder& encoder) : encoder_(encoder) {}
  std::size_t dim() const override { return encoder_.dim(); }
  Status Encode(std::string_view text, std::span<float> out) const override {
    ++num_texts_;
    return encoder_.Encode(text, out);
  }
  Status EncodeBatch(std::span<const std::string_view> texts, std::span<float> out,
                     ThreadPool& pool) const override {
    num_texts_ += texts.size();
    return encoder_.EncodeBatch(texts, out, pool);
  }
  std::size_t TakeCount() { return num_texts_.exchange(0); }

 private:
  const trainer::Encoder& encoder_;
  mutable std::atomic<std::size_t> num_texts_ = 0;
};

class RowDeltaTest : public DeltaFixture {
 protected:
  void SetUp() override {
    DeltaFixture::SetUp();
    AddFirstRelease({});
    release_ = releases_->Resolve(*View(), "m", 1).value();
    encoder_ = std::make_unique<CountingEncoder>(*release_->encoder);
    delta_ = std::make_unique<RowDelta>(
        EntityKind::kLabel, release_->record.snapshot_sequence,
        BaseRows{release_->labels->ordinals(), release_->labels->text_hashes()}, store_->memory());
  }

  DeltaResources Resources() {
    return {*encoder_,
            pool_,
            store_->memory(),
            [](storage::MemoryLease* lease, std::uint64_t bytes) { return lease->Resize(bytes); },
            check_stop_,
            /*known=*/{},
            /*needed_sequence=*/std::nullopt,
            /*num_left_out=*/nullptr,
            /*embedded=*/{}};
  }

  std::shared_ptr<const DeltaPicture> At(const storage::View& view) {
    auto picture = delta_->At(view, Resources());
    EXPECT_TRUE(picture.ok()) << picture.status().ToString();
    return picture.value();
  }

  /// Compares with the twin that looks at every row.
  void ExpectLikeTwin(const storage::View& view) {
    const auto picture = At(view);
    const auto twin = delta_->CompareAll(view, Resources()).value();
    const std::size_t dim = encoder_->dim();
    ASSERT_EQ(picture->entries.size(), twin->entries.size());
    std::size_t num_live = 0;
    for (std::size_t i = 0; i < twin->entries.size(); ++i) {
      const DeltaPicture::Entry& entry = picture->entries[i];
      EXPECT_EQ(entry.ordinal, twin->entries[i].ordinal);
      EXPECT_EQ(entry.text_hash, twin->entries[i].text_hash);
      EXPECT_TRUE(std::ranges::equal(picture->Vector(entry.position, dim),
                                     twin->Vector(twin->entries[i].position, dim)));
      EXPECT_TRUE(picture->live[entry.position]);
      EXPECT_EQ(picture->blocks[entry.position / kDeltaBlockRows]
                    ->ordinals[entry.position % kDeltaBlockRows],
                entry.ordinal);
    }
    for (const bool live : picture->live) {
      num_live += live ? 1 : 0;
    }
    EXPECT_EQ(num_live, picture->entries.size());
    for (index::Position row = 0; row < release_->labels->ordinals().size(); ++row) {
      EXPECT_EQ(picture->live_base == nullptr || picture->live_base->Contains(row),
                twin->live_base == nullptr || twin->live_base->Contains(row));
    }
  }

  std::function<Status()> check_stop_;
  std::shared_ptr<const ServingRelease> release_;
  std::unique_ptr<CountingEncoder> encoder_;
  std::unique_ptr<RowDelta> delta_;
};

TEST_F(RowDeltaTest, ATextIsEmbeddedOnce) {
  At(*View());
  EXPECT_EQ(encoder_->TakeCount(), 0U);
  InsertLabel("a", "word1 word2");
  InsertLabel("b", "word2 word3");
  At(*View());
  EXPECT_EQ(encoder_->TakeCount(), 2U);
  At(*View());
  UpdateLabel("a", "word1 word2");
  UpdateLabel("L5", "word5 group5");  // As the release has it.
  At(*View());
  EXPECT_EQ(encoder_->TakeCount(), 0U);
  EXPECT_EQ(At(*View())->entries.size(), 2U);
}

TEST_F(RowDeltaTest, ManyChangesMayBeLeftToWhoeverEmbedsThem) {
  constexpr std::size_t kMany = RowDelta::kChangesAtOnceMax + 1;
  At(*View());
  const std::uint64_t before = View()->CommitSequence().value();
  const auto insert = [&](std::size_t count, const std::string& prefix) {
    const auto transaction = Begin();
    for (std::size_t i = 0; i < count; ++i) {
      Insert(*transaction, EntityKind::kLabel, prefix + std::to_string(i),
             "word1 word" + std::to_string(i));
    }
    ASSERT_TRUE(transaction->Commit().ok());
  };
  insert(kMany, "M");
  std::size_t num_left_out = 0;
  const auto num_rows = [&](const storage::View& view, std::uint64_t needed) {
    DeltaResources resources = Resources();
    resources.needed_sequence = needed;
    num_left_out = 0;
    resources.num_left_out = &num_left_out;
    return delta_->At(view, resources).value()->num_rows();
  };
  EXPECT_EQ(num_rows(*View(), before), 0U);
  EXPECT_EQ(num_left_out, kMany);
  EXPECT_EQ(encoder_->TakeCount(), 0U);
  // What a transaction changes itself is there all the same.
  const auto transaction = Begin();
  Insert(*transaction, EntityKind::kLabel, "own", "word5 word6");
  EXPECT_EQ(num_rows(*transaction, before), 1U);
  // One's own commit is, with all before it.
  EXPECT_EQ(num_rows(*View(), View()->CommitSequence().value()), kMany);
  EXPECT_EQ(num_left_out, 0U);
  // A delta that begins, as after an open, has all that was there before.
  RowDelta other(EntityKind::kLabel, release_->record.snapshot_sequence,
                 BaseRows{release_->labels->ordinals(), release_->labels->text_hashes()},
                 store_->memory());
  DeltaResources resources = Resources();
  resources.needed_sequence = 0;
  EXPECT_EQ(other.At(*View(), resources).value()->num_rows(), kMany);
  insert(kMany, "X");
  EXPECT_EQ(other.At(*View(), resources).value()->num_rows(), kMany);
  encoder_->TakeCount();
  // Few are not worth the delay.
  EXPECT_EQ(num_rows(*View(), View()->CommitSequence().value()), 2 * kMany);
  insert(3, "F");
  EXPECT_EQ(num_rows(*View(), before), 2 * kMany + 3);
}

TEST_F(RowDeltaTest, ATransactionEmbedsATextOnceAndItsCommitNotAgain) {
  const auto transaction = Begin();
  for (int i = 0; i < 10; ++i) {
    Insert(*transaction, EntityKind::kLabel, "T" + std::to_string(i),
           "word1 word" + std::to_string(i + 2));
    EXPECT_EQ(At(*transaction)->entries.size(), static_cast<std::size_t>(i) + 1);
  }
  EXPECT_EQ(encoder_->TakeCount(), 10U);
  ASSERT_TRUE(transaction->Commit().ok());
  EXPECT_EQ(At(*View())->entries.size(), 10U);
  EXPECT_EQ(encoder_->TakeCount(), 0U);
}

TEST_F(RowDeltaTest, AnOldViewIsServedAgainWithoutEmbedding) {
  std::vector<std::shared_ptr<const storage::View>> views;
  for (int i = 0; i < 30; ++i) {  // More than there are kept pictures.
    InsertLabel("V" + std::to_string(i), "word1 word" + std::to_string(i + 2));
    views.push_back(View());
    At(*views.back());
  }
  EXPECT_EQ(encoder_->TakeCount(), 30U);
  for (std::size_t i = 0; i < views.size(); ++i) {
    EXPECT_EQ(At(*views[i])->entries.size(), i + 1);
    ExpectLikeTwin(*views[i]);
    encoder_->TakeCount();
  }
  for (const auto& view : views) {
    At(*view);
  }
  EXPECT_EQ(encoder_->TakeCount(), 0U);
}

TEST_F(RowDeltaTest, FollowsRandomChangesOverManyBlocksLikeTheTwin) {
  constexpr std::uint64_t kSeed = 5;
  SCOPED_TRACE(kSeed);
  Random random(kSeed);
  int next = 0;
  for (int round = 0; round < 12; ++round) {
    const auto transaction = Begin();
    // Updates soon make more dead rows than live ones, so that pictures are written anew.
    for (int i = 0; i < 1500; ++i) {
      const std::string id = "R" + std::to_string(random.Uniform(2500));
      const std::string text = "word" + std::to_string(random.Uniform(60)) + " word" +
                               std::to_string(random.Uniform(60)) + " group" +
                               std::to_string(random.Uniform(7));
      const auto ordinal = transaction->FindOrdinal(EntityKind::kLabel, id).value();
      if (!ordinal) {
        Insert(*transaction, EntityKind::kLabel, id, text);
      } else if (random.Uniform(10) == 0) {
        Delete(*transaction, EntityKind::kLabel, id);
      } else {
        Update(*transaction, EntityKind::kLabel, id, text);
      }
    }
    Update(*transaction, EntityKind::kLabel, "L" + std::to_string(random.Uniform(60)),
           "word1 group" + std::to_string(next++ % 7));
    if (round % 3 == 0) {
      ExpectLikeTwin(*transaction);
    }
    ASSERT_TRUE(transaction->Commit().ok());
    ExpectLikeTwin(*View());
  }
  const auto picture = At(*View());
  EXPECT_LT(picture->blocks.size() * kDeltaBlockRows, 3 * picture->entries.size() + 8192);
}

TEST_F(RowDeltaTest, AStopEndsItAndTheNextCallBeginsAgain) {
  InsertLabel("a", "word1 word2");
  check_stop_ = [] { return Status::Cancelled("stopped"); };
  EXPECT_EQ(delta_->At(*View(), Resources()).status().code(), StatusCode::kCancelled);
  check_stop_ = nullptr;
  EXPECT_EQ(At(*View())->entries.size(), 1U);
}

TEST_F(RowDeltaTest, CountsWhatChangedAndIsStillThere) {
  const auto count = [this] {
    return CountChangedRows(*View(), EntityKind::kLabel, release_->record.snapshot_sequence)
        .value();
  };
  EXPECT_EQ(count(), 0U);
  InsertLabel("a", "word1");
  InsertLabel("b", "word2");
  UpdateLabel("b", "word3");
  UpdateLabel("L7", "word4");
  EXPECT_EQ(count(), 3U);
  const auto transaction = Begin();
  Delete(*transaction, EntityKind::kLabel, "a");
  Delete(*transaction, EntityKind::kLabel, "L8");
  ASSERT_TRUE(transaction->Commit().ok());
  EXPECT_EQ(count(), 2U);
}

}  // namespace
}  // namespace dashi::query
