#include "trainer/release_index.h"

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "index/segment/mapped_segment.h"
#include "index/vector_kernels.h"
#include "tests/index/random_vectors.h"
#include "tests/testing/tiny_database.h"

namespace dashi::trainer {
namespace {

using storage::EntityKind;
using storage::Ordinal;

constexpr std::size_t kLabels = 6500;  // More than a scan is for.
constexpr std::size_t kDocuments = 300;
constexpr std::uint32_t kDim = 24;

// Label indexes of the releases of one model.
class ReleaseIndexTest : public ::testing::Test {
 protected:
  ReleaseIndexTest() {
    Random random(51);
    floats_ = index::ClusteredRows(kLabels + kDocuments, kDim, 150, 0.7F, random);
    store_ = testing::OpenStore(directory_.path());
    for (std::uint32_t i = 0; i < kLabels; ++i) {
      labels_.ordinals.push_back(Ordinal{i});
      labels_.text_hashes.push_back(i);
    }
    // As many documents as ReadProbes is to spread its choice over.
    std::vector<testing::TinyDocument> documents(kDocuments);
    for (std::size_t i = 0; i < kDocuments; ++i) {
      documents[i].id = "D" + std::to_string(i);
    }
    testing::AddRows(*store_, {}, documents);
  }

  // Makes release `number` of the vectors as they are, and publishes it.
  storage::ReleaseRecord Make(std::uint32_t number, bool relink = true) {
    const std::vector<std::uint16_t> all = index::HalfRows(floats_);
    labels_.vectors.assign(all.begin(), all.begin() + kLabels * kDim);
    storage::ReleaseRecord release;
    release.model = "m";
    release.number = number;
    release.job = number;
    release.embedding_version = number;
    release.dim = kDim;
    release.num_labels = kLabels;
    const auto writer = store_->NewEmbeddingVersion(number, kDim).value();
    for (std::uint32_t i = 0; i < kDocuments; ++i) {
      EXPECT_TRUE(writer
                      ->Add(EntityKind::kDocument, Ordinal{i}, i,
                            std::span(all).subspan((kLabels + i) * kDim, kDim))
                      .ok());
    }
    EXPECT_TRUE(writer->Finish().ok());
    const TrainingControl control;
    ThreadPool pool(2);
    const ReleaseSteps steps{*store_, "test", release.job, pool, control};
    ReleaseIndexOptions options;
    options.kind = "hnsw";
    options.relink = relink;
    const Status written = WriteLabelIndex(steps, options, labels_, labels_.vectors, &release);
    EXPECT_TRUE(written.ok()) << written.ToString();
    storage::ModelRecord model;
    model.name = "m";
    model.published = {number};
    const auto transaction = store_->Begin().value();
    EXPECT_TRUE(transaction->PutModel(model).ok());
    EXPECT_TRUE(transaction->PutRelease(release).ok());
    EXPECT_TRUE(transaction->Commit().ok());
    return release;
  }
  std::uint32_t Generation(const storage::ReleaseRecord& release) {
    return index::MappedSegment::Open(Path(release)).value()->header().generation;
  }
  std::string Path(const storage::ReleaseRecord& release) {
    return store_->index_directory() + "/" + release.index_file;
  }
  void Drift(float by, std::uint64_t seed) {
    Random random(seed);
    for (float& value : floats_) {
      value += by * static_cast<float>(random.Normal());
    }
  }

  testing::TemporaryDirectory directory_;
  std::unique_ptr<storage::Store> store_;
  std::vector<float> floats_;  // [labels, then documents, dim]
  EmbeddingRows labels_;
};

TEST_F(ReleaseIndexTest, AGraphIsRelinkedWhereItsRecallAllowsIt) {
  const auto first = Make(1);
  EXPECT_EQ(Generation(first), 0U);
  const double built = first.metrics.at("ann recall@10 built");
  EXPECT_EQ(first.metrics.at("ann recall@10"), built);
  EXPECT_GT(built, 0.95);
  Drift(0.05F, 7);
  const auto second = Make(2);
  EXPECT_EQ(Generation(second), 1U);
  EXPECT_EQ(second.metrics.at("ann recall@10 built"), built);
  EXPECT_GE(second.metrics.at("ann recall@10"), built - 0.005);
  EXPECT_EQ(index::MappedSegment::Open(Path(second)).value()->header().owner,
            (index::SegmentOwner{2, 2}));
  Drift(0.05F, 8);
  EXPECT_EQ(Generation(Make(3)), 2U);
  EXPECT_EQ(Generation(Make(4, /*relink=*/false)), 0U);
}

TEST_F(ReleaseIndexTest, AGraphThatLosesRecallIsBuiltAnew) {
  Make(1);
  // The vectors of other rows: no link leads to what is near any more.
  Random random(9);
  for (std::size_t row = kLabels - 1; row > 0; --row) {
    const std::size_t other = random.Uniform(row + 1);
    std::swap_ranges(floats_.begin() + static_cast<std::ptrdiff_t>(row * kDim),
                     floats_.begin() + static_cast<std::ptrdiff_t>((row + 1) * kDim),
                     floats_.begin() + static_cast<std::ptrdiff_t>(other * kDim));
  }
  const auto second = Make(2);
  EXPECT_EQ(Generation(second), 0U);
  EXPECT_EQ(second.metrics.at("ann recall@10"), second.metrics.at("ann recall@10 built"));
  EXPECT_GT(second.metrics.at("ann recall@10"), 0.95);
}

TEST_F(ReleaseIndexTest, WithoutAGraphToBeginWithOneIsBuilt) {
  const auto first = Make(1);
  std::filesystem::remove(Path(first));
  EXPECT_EQ(Generation(Make(2)), 0U);
}

}  // namespace
}  // namespace dashi::trainer
