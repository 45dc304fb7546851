#include <filesystem>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "storage/store.h"
#include "tests/storage/store_fixture.h"

namespace dashi::storage {
namespace {

namespace fs = std::filesystem;

using ::testing::HasSubstr;

class EmbeddingsTest : public StoreFixture {
 protected:
  static std::vector<std::uint16_t> Values(std::uint32_t dim, std::uint32_t seed) {
    std::vector<std::uint16_t> values(dim);
    for (std::uint32_t i = 0; i < dim; ++i) {
      values[i] = static_cast<std::uint16_t>(seed * 31 + i);
    }
    return values;
  }
  std::unique_ptr<EmbeddingWriter> Writer(std::uint64_t version, std::uint32_t dim) {
    auto writer = store().NewEmbeddingVersion(version, dim);
    EXPECT_OK(writer);
    return std::move(writer).value();
  }
  std::vector<std::uint32_t> Scan(std::uint64_t version, EntityKind kind, std::uint32_t dim) {
    std::vector<std::uint32_t> ordinals;
    const auto view = Snapshot();
    auto cursor = view->ScanEmbeddings(version, kind);
    EXPECT_OK(cursor);
    while (cursor.value()->Next().value()) {
      ordinals.push_back(ToInteger(cursor.value()->ordinal()));
      EXPECT_EQ(cursor.value()->text_hash(), ordinals.back() + 1000U);
      const auto got = cursor.value()->values();
      EXPECT_EQ(std::vector<std::uint16_t>(got.begin(), got.end()), Values(dim, ordinals.back()));
    }
    return ordinals;
  }
};

TEST_F(EmbeddingsTest, ComeBackInOrderKindByKindAfterAReopen) {
  Open();
  auto writer = Writer(3, 300);
  std::vector<std::uint32_t> documents;
  for (std::uint32_t ordinal = 0; ordinal < 3000; ordinal += 3) {
    documents.push_back(ordinal);
    ASSERT_OK(
        writer->Add(EntityKind::kDocument, Ordinal{ordinal}, ordinal + 1000, Values(300, ordinal)));
  }
  ASSERT_OK(writer->Add(EntityKind::kLabel, Ordinal{7}, 1007, Values(300, 7)));
  ASSERT_OK(writer->Finish());
  writer.reset();
  ReleaseRecord release;
  release.model = "m";
  release.number = 1;
  release.embedding_version = 3;
  auto transaction = Begin();
  ASSERT_OK(transaction->PutRelease(release));
  ASSERT_OK(transaction->Commit());
  transaction.reset();
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(Scan(3, EntityKind::kDocument, 300), documents);
    EXPECT_EQ(Scan(3, EntityKind::kLabel, 300), std::vector<std::uint32_t>{7});
    EXPECT_TRUE(Scan(3, EntityKind::kAnchor, 300).empty());
    Open();
  }
}

TEST_F(EmbeddingsTest, AnEmptyVersionExists) {
  Open();
  ASSERT_OK(Writer(1, 4)->Finish());
  EXPECT_TRUE(Scan(1, EntityKind::kLabel, 4).empty());
}

TEST_F(EmbeddingsTest, RowsOutOfOrderAndOfAnotherDimAreRefused) {
  Open();
  auto writer = Writer(1, 4);
  ASSERT_OK(writer->Add(EntityKind::kLabel, Ordinal{5}, 1, Values(4, 5)));
  EXPECT_EQ(writer->Add(EntityKind::kLabel, Ordinal{5}, 1, Values(4, 5)).code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(writer->Add(EntityKind::kDocument, Ordinal{9}, 1, Values(4, 5)).code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(writer->Add(EntityKind::kLabel, Ordinal{6}, 1, Values(5, 5)).code(),
            StatusCode::kInvalidArgument);
  ASSERT_OK(writer->Finish());
  EXPECT_EQ(writer->Finish().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(store().NewEmbeddingVersion(1, 4).status().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(store().NewEmbeddingVersion(2, 0).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(EmbeddingsTest, AnUnfinishedVersionLeavesNothing) {
  Open();
  ASSERT_OK(Writer(1, 4)->Add(EntityKind::kLabel, Ordinal{5}, 1, Values(4, 5)));
  EXPECT_EQ(Snapshot()->ScanEmbeddings(1, EntityKind::kLabel).status().code(),
            StatusCode::kNotFound);
  EXPECT_TRUE(fs::is_empty(directory() + "/tmp"));
}

TEST_F(EmbeddingsTest, ADroppedVersionStaysReadableForEarlierViews) {
  Open();
  auto writer = Writer(1, 4);
  for (std::uint32_t ordinal = 0; ordinal < 100; ++ordinal) {
    ASSERT_OK(writer->Add(EntityKind::kLabel, Ordinal{ordinal}, 1, Values(4, ordinal)));
  }
  ASSERT_OK(writer->Finish());
  const auto view = Snapshot();
  auto cursor = view->ScanEmbeddings(1, EntityKind::kLabel);
  ASSERT_OK(cursor);
  ASSERT_TRUE(cursor.value()->Next().value());
  ASSERT_OK(store().DropEmbeddingVersion(1));
  ASSERT_OK(store().DropEmbeddingVersion(1));
  int more = 0;
  while (cursor.value()->Next().value()) {
    ++more;
  }
  EXPECT_EQ(more, 99);
  EXPECT_EQ(Snapshot()->ScanEmbeddings(1, EntityKind::kLabel).status().code(),
            StatusCode::kNotFound);
  ASSERT_OK(Writer(1, 8)->Finish());  // The number may be used again.
  auto again = view->ScanEmbeddings(1, EntityKind::kLabel);
  ASSERT_OK(again);
  for (more = 0; again.value()->Next().value(); ++more) {
    EXPECT_EQ(again.value()->values().size(), 4U);
  }
  EXPECT_EQ(more, 100);
  EXPECT_TRUE(Scan(1, EntityKind::kLabel, 8).empty());
}

// What stands beside a version, as text: "ordinal:hash:first value".
class DeltaEmbeddingsTest : public EmbeddingsTest {
 protected:
  void SetUp() override {
    EmbeddingsTest::SetUp();
    Open();
    AddVersion(3);
  }
  // A version that a release names, so that an open keeps it.
  void AddVersion(std::uint64_t version) {
    ASSERT_OK(Writer(version, 4)->Finish());
    ReleaseRecord release;
    release.model = "m";
    release.number = static_cast<std::uint32_t>(version);
    release.embedding_version = version;
    auto transaction = Begin();
    ASSERT_OK(transaction->PutRelease(release));
    ASSERT_OK(transaction->Commit());
  }
  Status Put(std::uint64_t version, EntityKind kind, std::uint32_t ordinal, std::uint64_t hash,
             std::uint32_t seed) {
    const std::vector<std::uint16_t> values = Values(4, seed);
    const DeltaEmbedding embedding{Ordinal{ordinal}, hash, values};
    return store().PutDeltaEmbeddings(version, kind, {&embedding, 1});
  }
  std::string Beside(std::uint64_t version, EntityKind kind) {
    const auto view = Snapshot();
    const auto cursor = view->ScanDeltaEmbeddings(version, kind).value();
    std::string all;
    while (cursor->Next().value()) {
      all += std::to_string(ToInteger(cursor->ordinal())) + ":" +
             std::to_string(cursor->text_hash()) + ":" + std::to_string(cursor->values()[0]) + " ";
    }
    return all;
  }
};

TEST_F(DeltaEmbeddingsTest, ComeBackByVersionAndKindAndReplaceEarlierOnes) {
  AddVersion(4);
  ASSERT_OK(Put(3, EntityKind::kLabel, 300, 9, 1));
  ASSERT_OK(Put(3, EntityKind::kLabel, 7, 8, 2));
  ASSERT_OK(Put(3, EntityKind::kDocument, 7, 6, 3));
  ASSERT_OK(Put(4, EntityKind::kLabel, 7, 5, 4));
  ASSERT_OK(Put(3, EntityKind::kLabel, 300, 10, 5));
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(Beside(3, EntityKind::kLabel), "7:8:62 300:10:155 ");
    EXPECT_EQ(Beside(3, EntityKind::kDocument), "7:6:93 ");
    EXPECT_EQ(Beside(3, EntityKind::kAnchor), "");
    EXPECT_EQ(Beside(4, EntityKind::kLabel), "7:5:124 ");
    EXPECT_TRUE(Scan(3, EntityKind::kLabel, 4).empty());
    Open();
  }
}

TEST_F(DeltaEmbeddingsTest, AreRemovedOneByOne) {
  AddVersion(4);
  for (std::uint32_t ordinal = 0; ordinal < 5; ++ordinal) {
    ASSERT_OK(Put(3, EntityKind::kLabel, ordinal, 1, 1));
  }
  ASSERT_OK(Put(3, EntityKind::kDocument, 2, 1, 1));
  ASSERT_OK(Put(4, EntityKind::kLabel, 2, 1, 1));
  const std::vector<Ordinal> removed{Ordinal{0}, Ordinal{2}, Ordinal{3}, Ordinal{99}};
  ASSERT_OK(store().RemoveDeltaEmbeddings(3, EntityKind::kLabel, removed));
  ASSERT_OK(store().RemoveDeltaEmbeddings(3, EntityKind::kLabel, {}));
  EXPECT_EQ(Beside(3, EntityKind::kLabel), "1:1:31 4:1:31 ");
  EXPECT_EQ(Beside(3, EntityKind::kDocument), "2:1:31 ");
  EXPECT_EQ(Beside(4, EntityKind::kLabel), "2:1:31 ");
  EXPECT_EQ(store().RemoveDeltaEmbeddings(8, EntityKind::kLabel, removed).code(),
            StatusCode::kNotFound);
}

TEST_F(DeltaEmbeddingsTest, GoWithTheirVersion) {
  AddVersion(4);
  ASSERT_OK(Put(4, EntityKind::kLabel, 1, 1, 1));
  for (std::uint32_t ordinal = 0; ordinal < 10'000; ++ordinal) {
    ASSERT_OK(Put(3, EntityKind::kLabel, ordinal, 1, 1));
  }
  ASSERT_OK(store().DropEmbeddingVersion(3));
  EXPECT_EQ(Snapshot()->ScanDeltaEmbeddings(3, EntityKind::kLabel).status().code(),
            StatusCode::kNotFound);
  EXPECT_EQ(Put(3, EntityKind::kLabel, 1, 1, 1).code(), StatusCode::kNotFound);
  ASSERT_OK(Writer(3, 4)->Finish());
  EXPECT_EQ(Beside(3, EntityKind::kLabel), "");
  EXPECT_EQ(Beside(4, EntityKind::kLabel), "1:1:31 ");
}

TEST_F(DeltaEmbeddingsTest, ThoseOfNoVersionAreRemovedAtOpen) {
  ASSERT_OK(Writer(9, 4)->Finish());  // No release names it.
  ASSERT_OK(Put(9, EntityKind::kLabel, 1, 1, 1));
  ASSERT_OK(Put(3, EntityKind::kLabel, 1, 1, 1));
  Open();
  EXPECT_EQ(Beside(3, EntityKind::kLabel), "1:1:31 ");
  ASSERT_OK(Writer(9, 4)->Finish());
  EXPECT_EQ(Beside(9, EntityKind::kLabel), "");
}

TEST_F(DeltaEmbeddingsTest, OfAnotherSizeAreRefused) {
  const std::vector<std::uint16_t> values = Values(5, 1);
  const DeltaEmbedding embedding{Ordinal{1}, 1, values};
  EXPECT_EQ(store().PutDeltaEmbeddings(3, EntityKind::kLabel, {&embedding, 1}).code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(Beside(3, EntityKind::kLabel), "");
}

class WeightsTest : public StoreFixture {
 protected:
  static std::string Blob(std::size_t size, std::uint64_t seed) {
    Random random(seed);
    std::string bytes(size, '\0');
    for (char& byte : bytes) {
      byte = static_cast<char>(random.Next());
    }
    return bytes;
  }
};

TEST_F(WeightsTest, BlobsOfAnySizeComeBack) {
  Open();
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{1} << 20U,
                                 (std::size_t{1} << 20U) + 1, std::size_t{5} << 19U}) {
    const std::string blob = Blob(size, size);
    ASSERT_OK(store().PutWeights("w", blob));
    EXPECT_EQ(Snapshot()->GetWeights("w").value(), blob);
  }
  ASSERT_OK(store().DeleteWeights("w"));
  ASSERT_OK(store().DeleteWeights("w"));
  EXPECT_EQ(Snapshot()->GetWeights("w").status().code(), StatusCode::kNotFound);
}

TEST_F(WeightsTest, ASnapshotKeepsTheBlobThatWasReplaced) {
  Open();
  const std::string before = Blob(3 << 20, 1);
  const std::string after = Blob(2 << 20, 2);
  ASSERT_OK(store().PutWeights("w", before));
  const auto view = Snapshot();
  ASSERT_OK(store().PutWeights("w", after));
  EXPECT_EQ(view->GetWeights("w").value(), before);
  EXPECT_EQ(Snapshot()->GetWeights("w").value(), after);
}

TEST_F(WeightsTest, ReplacedAndDeletedBlobsGiveTheirSpaceBack) {
  Open();
  const std::string kept = Blob(1 << 20, 99);
  ASSERT_OK(store().PutWeights("kept", kept));
  constexpr std::size_t kSize = std::size_t{24} << 20U;
  constexpr int kRounds = 16;
  for (int round = 0; round < kRounds; ++round) {
    ASSERT_OK(store().PutWeights("replaced", Blob(kSize / 2, static_cast<std::uint64_t>(round))));
    const std::string name = "deleted" + std::to_string(round);
    ASSERT_OK(store().PutWeights(name, Blob(kSize / 2, static_cast<std::uint64_t>(round) + 50)));
    ASSERT_OK(store().DeleteWeights(name));
  }
  std::uintmax_t stored = 0;
  for (const auto& entry : fs::directory_iterator(directory() + "/data")) {
    stored += entry.path().extension() == ".log" ? 0 : entry.file_size();
  }
  EXPECT_LT(stored, kRounds * kSize / 2);
  EXPECT_EQ(Snapshot()->GetWeights("kept").value(), kept);
}

// Flips a byte in every file of `folder` that ends with `suffix`, in the middle of it.
int FlipFiles(const std::string& folder, const std::string& suffix) {
  int flipped = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.path().string().ends_with(suffix) || entry.file_size() == 0) {
      continue;
    }
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    const auto middle = static_cast<std::streamoff>(entry.file_size() / 3);
    file.seekg(middle);
    const int byte = file.get();
    file.seekp(middle);
    file.put(static_cast<char>(byte ^ 0x10));
    ++flipped;
  }
  return flipped;
}

TEST_F(WeightsTest, DamagedWeightsAreReportedByName) {
  Open();
  ASSERT_OK(store().PutWeights("model@1/encoder", Blob(12 << 20, 3)));  // enough to be flushed
  ReleaseRecord release;
  release.model = "m";
  release.number = 1;
  release.weights = {"model@1/encoder"};
  auto transaction = Begin();
  ASSERT_OK(transaction->PutRelease(release));
  ASSERT_OK(transaction->Commit());
  transaction.reset();
  Close();
  ASSERT_GT(FlipFiles(directory() + "/data", ".blob"), 0);
  Open();
  const Status status = Snapshot()->GetWeights("model@1/encoder").status();
  EXPECT_EQ(status.code(), StatusCode::kCorruption);
  EXPECT_EQ(status.sqlstate(), "XX001");
  EXPECT_THAT(std::string(status.message()), HasSubstr("model@1/encoder"));
}

TEST_F(WeightsTest, ADamagedRowIsReportedByTableAndOrdinal) {
  Open();
  auto load = store().BeginRowLoad(EntityKind::kDocument, DuplicatePolicy::kFail);
  ASSERT_OK(load);
  for (int i = 0; i < 2000; ++i) {
    ASSERT_OK(load.value()->AddRow(
        Row("d" + std::to_string(i), std::string(100, 'x') + std::to_string(i * 7919))));
  }
  ASSERT_OK(load.value()->Commit({}));
  load.value().reset();
  Close();
  ASSERT_GT(FlipFiles(directory() + "/data", ".sst"), 0);
  auto opened = Store::Open(directory(), {});
  if (!opened.ok()) {
    EXPECT_EQ(opened.status().code(), StatusCode::kCorruption);
    return;
  }
  auto view = opened.value()->NewSnapshot();
  ASSERT_OK(view);
  int damaged = 0;
  for (std::uint32_t ordinal = 0; ordinal < 2000; ++ordinal) {
    auto row = view.value()->GetRow(EntityKind::kDocument, Ordinal{ordinal});
    if (row.ok()) {
      ASSERT_TRUE(row.value().has_value());
      EXPECT_EQ(row.value()->id, "d" + std::to_string(ordinal));
      continue;
    }
    ++damaged;
    EXPECT_EQ(row.status().sqlstate(), "XX001");
    EXPECT_THAT(std::string(row.status().message()),
                HasSubstr("documents row with ordinal " + std::to_string(ordinal)));
  }
  EXPECT_GT(damaged, 0);
  const auto cursor = view.value()->ScanRows(EntityKind::kDocument);
  Status end;
  while (true) {
    auto more = cursor->Next();
    if (!more.ok() || !more.value()) {
      end = more.status();
      break;
    }
  }
  EXPECT_EQ(end.code(), StatusCode::kCorruption) << "a damaged block ended the scan quietly";
}

}  // namespace
}  // namespace dashi::storage
