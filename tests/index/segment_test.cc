#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xxhash.h>

#include "base/byte_codec.h"
#include "base/thread_pool.h"
#include "index/hnsw_graph_file.h"
#include "index/segment/segment_index.h"
#include "tests/index/random_vectors.h"

namespace dashi::index {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kRows = 3000;
constexpr std::size_t kDim = 40;
constexpr std::size_t kQueries = 50;
constexpr std::size_t kDuplicates = 30;

// A segment of clustered vectors, some of them twice, in a file of its own.
class SegmentTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Random random(5);
    vectors_ = HalfRows(ClusteredRows(kRows, kDim, 60, 0.4F, random));
    std::copy_n(vectors_.begin(), kDuplicates * kDim, vectors_.end() - kDuplicates * kDim);
    queries_ = ClusteredRows(kQueries, kDim, 60, 0.4F, random);
    for (std::uint32_t i = 0; i < kRows; ++i) {
      ids_.push_back(3 * i + 7);
      hashes_.push_back(random.Next());
    }
    path_ = (std::filesystem::path(::testing::TempDir()) /
             ("segment_" +
              std::string(::testing::UnitTest::GetInstance()->current_test_info()->name())))
                .string();
    options_.num_links = 8;
    options_.seed = 3;
    ASSERT_TRUE(Write(path_).ok());
  }

  Status Write(const std::string& path) {
    return BuildSegment(path, {vectors_.data(), kRows, kDim}, {ids_, hashes_, {4, 9}, 2}, options_,
                        {}, FileGate::System());
  }
  std::string Bytes() { return ReadWholeFile(path_).value(); }
  void Replace(const std::string& bytes) {
    // A file that is mapped is not written to.
    std::filesystem::remove(path_);
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
  }
  std::span<const float> Query(std::size_t i) const {
    return std::span(queries_).subspan(i * kDim, kDim);
  }
  std::unique_ptr<VectorIndex> InMemory() {
    return BuildHnswIndex(vectors_, kDim, options_, {}).value();
  }
  // What searches of an index's graph find, or the first error.
  static Result<std::vector<Shortlist>> SearchAll(const VectorIndex& index,
                                                  const std::vector<float>& queries) {
    std::vector<Shortlist> found;
    for (std::size_t i = 0; i < kQueries; ++i) {
      SearchStatistics statistics;
      auto each = index.Search(std::span(queries).subspan(i * kDim, kDim), Walking(), &statistics);
      if (!each.ok()) {
        return each.status();
      }
      EXPECT_FALSE(statistics.exact);
      found.push_back(std::move(each).value());
    }
    return found;
  }
  // So narrow a beam that a scan of these few rows is not cheaper.
  static SearchOptions Walking() {
    SearchOptions options;
    options.ef = 16;
    return options;
  }

  std::vector<std::uint16_t> vectors_;
  std::vector<float> queries_;
  std::vector<std::uint32_t> ids_;
  std::vector<std::uint64_t> hashes_;
  HnswOptions options_;
  std::string path_;
};

void ExpectSame(const std::vector<Shortlist>& a, const std::vector<Shortlist>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t q = 0; q < a.size(); ++q) {
    ASSERT_EQ(a[q].size(), b[q].size());
    for (std::size_t i = 0; i < a[q].size(); ++i) {
      EXPECT_EQ(a[q][i].position, b[q][i].position);
      EXPECT_EQ(a[q][i].score, b[q][i].score);
    }
  }
}

TEST_F(SegmentTest, SearchesAsTheGraphInMemoryDoes) {
  const auto memory = InMemory();
  const std::shared_ptr<const MappedSegment> segment = MappedSegment::Open(path_).value();
  const auto mapped = MakeSegmentIndex(segment);
  EXPECT_EQ(mapped->kind(), "hnsw");
  EXPECT_EQ(mapped->num_vectors(), kRows);
  EXPECT_EQ(mapped->dim(), kDim);
  EXPECT_LT(mapped->memory_bytes(), 4096U);
  const auto want = SearchAll(*memory, queries_).value();
  // First while blocks are verified on the way, then when all of them are.
  EXPECT_FALSE(segment->blocks().complete());
  ExpectSame(SearchAll(*mapped, queries_).value(), want);
  ASSERT_TRUE(segment->blocks().VerifyAll({}).ok());
  EXPECT_TRUE(segment->blocks().complete());
  ExpectSame(SearchAll(*mapped, queries_).value(), want);
  std::vector<float> row(kDim);
  std::vector<float> other(kDim);
  for (const Position position : {Position{0}, Position{kRows - 1}}) {
    ASSERT_TRUE(mapped->Reconstruct(position, row.data()).ok());
    ASSERT_TRUE(memory->Reconstruct(position, other.data()).ok());
    EXPECT_EQ(row, other);
  }
}

TEST_F(SegmentTest, ExactAndFilteredSearchesAgreeWithTheScan) {
  const auto scan = MakeExactIndex(vectors_, kDim);
  for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{100}, kRows}) {
    // A new mapping each time: nothing of it is verified yet.
    const auto mapped = MakeSegmentIndex(MappedSegment::Open(path_).value());
    SearchOptions options;
    options.exact = step == 1;
    options.ef = 200;
    options.filter = [step](Position position) { return position % step == 0; };
    for (std::size_t i = 0; i < kQueries; ++i) {
      const auto found = mapped->Search(Query(i), options, nullptr).value();
      options.exact = true;
      const auto want = scan->Search(Query(i), options, nullptr).value();
      options.exact = step == 1;
      ASSERT_EQ(found.size(), want.size()) << step;
      EXPECT_EQ(found[0].score, want[0].score) << step;
    }
  }
}

TEST_F(SegmentTest, KeepsWhatStandsBesideTheVectors) {
  const auto segment = MappedSegment::Open(path_).value();
  const auto ids = segment->ids<std::uint32_t>();
  EXPECT_TRUE(std::equal(ids.begin(), ids.end(), ids_.begin(), ids_.end()));
  const auto hashes = segment->text_hashes();
  EXPECT_TRUE(std::equal(hashes.begin(), hashes.end(), hashes_.begin(), hashes_.end()));
  EXPECT_EQ(segment->header().owner, (SegmentOwner{4, 9}));
  EXPECT_EQ(segment->header().generation, 2U);
  EXPECT_EQ(segment->parts().duplicates.all.size(), kDuplicates);
  EXPECT_EQ(segment->parts().graph.FindFault(), "");
  EXPECT_FALSE(std::filesystem::exists(path_ + ".tmp"));
}

TEST_F(SegmentTest, KeepsHowItIsEntered) {
  StoredGraph stored = BuildStoredGraph({vectors_.data(), kRows, kDim}, options_, {}).value();
  stored.entry_percent = 50;
  ASSERT_TRUE(WriteSegment(path_, PartsOf(stored, {vectors_.data(), kRows, kDim}),
                           {ids_, {}, {}, 0}, FileGate::System())
                  .ok());
  EXPECT_EQ(MappedSegment::Open(path_).value()->parts().entry_percent, 50U);
}

TEST_F(SegmentTest, TheSameContentsAreTheSameBytes) {
  const std::string bytes = Bytes();
  ASSERT_TRUE(Write(path_).ok());
  EXPECT_EQ(Bytes(), bytes);
  const double per_row = static_cast<double>(bytes.size()) / kRows;
  EXPECT_NEAR(per_row, static_cast<double>(SegmentRowBytes(kDim, options_.num_links)), 20);
}

TEST_F(SegmentTest, RowsWithoutHashesHaveNone) {
  hashes_.clear();
  ASSERT_TRUE(Write(path_).ok());
  const auto segment = MappedSegment::Open(path_).value();
  EXPECT_TRUE(segment->text_hashes().empty());
  EXPECT_EQ(segment->ids<std::uint32_t>().size(), kRows);
}

TEST_F(SegmentTest, TheFewestRowsAndLinks) {
  const std::vector<std::uint16_t> one(vectors_.begin(), vectors_.begin() + kDim);
  const std::vector<std::uint32_t> id = {5};
  ASSERT_TRUE(
      BuildSegment(path_, {one.data(), 1, kDim}, {id, {}, {}, 0}, options_, {}, FileGate::System())
          .ok());
  const auto mapped = MakeSegmentIndex(MappedSegment::Open(path_).value());
  const auto found = mapped->Search(Query(0), {}, nullptr).value();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].position, 0U);
}

TEST_F(SegmentTest, AFileThatIsNoSegmentIsRefused) {
  EXPECT_EQ(MappedSegment::Open(path_ + "x").status().code(), StatusCode::kNotFound);
  const std::string bytes = Bytes();
  const auto refused = [&](const std::string& with) {
    Replace(with);
    const auto opened = MappedSegment::Open(path_);
    EXPECT_FALSE(opened.ok());
    EXPECT_THAT(std::string(opened.status().message()), HasSubstr(path_));
    return opened.status();
  };
  EXPECT_EQ(refused("").code(), StatusCode::kCorruption);
  EXPECT_EQ(refused("DSHIHNSW").code(), StatusCode::kCorruption);
  EXPECT_EQ(refused(bytes.substr(0, 4096)).code(), StatusCode::kCorruption);
  EXPECT_EQ(refused(bytes + "x").code(), StatusCode::kCorruption);
}

TEST_F(SegmentTest, ANewerFormatIsNamed) {
  const auto header =
      ParseSegmentHeader(Bytes().substr(0, kSegmentHeaderBytes), std::filesystem::file_size(path_));
  ASSERT_TRUE(header.ok());
  std::string page = SerializeSegmentHeader(*header);
  page[8] = 9;  // The version stands behind the magic.
  EXPECT_EQ(ParseSegmentHeader(page, header->file_bytes).status().code(), StatusCode::kCorruption);
  page.resize(page.size() - 16);
  const XXH128_hash_t hash = XXH3_128bits(page.data(), page.size());
  AppendLittleEndian64(&page, hash.low64);
  AppendLittleEndian64(&page, hash.high64);
  const Status status = ParseSegmentHeader(page, header->file_bytes).status();
  EXPECT_EQ(status.code(), StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()), HasSubstr("format 9"));
}

TEST_F(SegmentTest, HeadersThatLieAreRefused) {
  const SegmentHeader good =
      ParseSegmentHeader(Bytes().substr(0, kSegmentHeaderBytes), std::filesystem::file_size(path_))
          .value();
  const auto code = [&](const std::function<void(SegmentHeader*)>& change) {
    SegmentHeader header = good;
    change(&header);
    return ParseSegmentHeader(SerializeSegmentHeader(header), good.file_bytes).status().code();
  };
  ASSERT_EQ(code([](SegmentHeader*) {}), StatusCode::kOk);
  EXPECT_EQ(code([](SegmentHeader* h) { ++h->num_rows; }), StatusCode::kCorruption);
  EXPECT_EQ(code([](SegmentHeader* h) { h->num_rows = 0; }), StatusCode::kCorruption);
  EXPECT_EQ(code([](SegmentHeader* h) { h->num_rows = ~0ULL; }), StatusCode::kCorruption);
  EXPECT_EQ(code([](SegmentHeader* h) { ++h->dim; }), StatusCode::kCorruption);
  EXPECT_EQ(code([](SegmentHeader* h) { h->num_links = 0; }), StatusCode::kCorruption);
  EXPECT_EQ(code([](SegmentHeader* h) { h->entry_point = kRows; }), StatusCode::kCorruption);
  EXPECT_EQ(code([](SegmentHeader* h) { h->ef_search = 0; }), StatusCode::kCorruption);
  EXPECT_EQ(code([](SegmentHeader* h) { h->entry_percent = 101; }), StatusCode::kCorruption);
  const std::vector<std::function<void(SegmentRange*, std::uint64_t)>> faults = {
      [](SegmentRange* range, std::uint64_t file_bytes) { range->offset = file_bytes; },
      [](SegmentRange* range, std::uint64_t) { range->offset = ~std::uint64_t{4095}; },
      [](SegmentRange* range, std::uint64_t) { range->bytes += 1; },
      [](SegmentRange* range, std::uint64_t) { range->bytes = ~std::uint64_t{0}; }};
  for (std::size_t i = 0; i < kNumSegmentSections; ++i) {
    for (const auto& fault : faults) {
      const auto place = [&](SegmentHeader* h) {
        SegmentRange& range = h->sections[i];
        if (range.bytes == 0) {  // It is absent.
          range = {h->sections[0].offset, 2 * sizeof(Position)};
        }
        fault(&range, h->file_bytes);
      };
      EXPECT_EQ(code(place), StatusCode::kCorruption) << i;
    }
  }
}

// Damage of every kind at every place: what is opened is either refused, or answers as before, or
// says that it is damaged. It never answers otherwise.
TEST_F(SegmentTest, DamagedFilesNeverAnswerOtherwise) {
  const std::string bytes = Bytes();
  const auto want =
      SearchAll(*MakeSegmentIndex(MappedSegment::Open(path_).value()), queries_).value();
  constexpr std::uint64_t kSeed = 11;
  constexpr int kFiles = 2000;
  SCOPED_TRACE(kSeed);
  Random random(kSeed);
  int refused = 0;
  int found_by_search = 0;
  int found_later = 0;
  for (int file = 0; file < kFiles; ++file) {
    std::string damaged = bytes;
    const std::uint64_t kind = random.Uniform(6);
    if (kind == 0) {
      damaged.resize(random.Uniform(bytes.size()));
    } else if (kind == 1) {
      const std::size_t at = random.Uniform(bytes.size() - 1);
      const std::size_t size = std::min<std::size_t>(1 + random.Uniform(8192), bytes.size() - at);
      std::fill_n(damaged.begin() + static_cast<std::ptrdiff_t>(at), size, '\0');
      if (damaged == bytes) {
        continue;  // Zeros stood there already.
      }
    } else {
      damaged[random.Uniform(kind == 2 ? kSegmentHeaderBytes : bytes.size())] ^=
          static_cast<char>(1U << random.Uniform(8));
    }
    if (damaged.size() == bytes.size() &&
        std::equal(bytes.begin(), bytes.end() - 16, damaged.begin())) {
      continue;  // The hash of the whole file, which nobody reads who serves it.
    }
    Replace(damaged);
    auto opened = MappedSegment::Open(path_);
    if (!opened.ok()) {
      ASSERT_EQ(opened.status().code(), StatusCode::kCorruption);
      ++refused;
      continue;
    }
    const std::shared_ptr<const MappedSegment> segment(std::move(opened).value());
    const auto index = MakeSegmentIndex(segment);
    const auto found = SearchAll(*index, queries_);
    if (found.ok()) {
      ExpectSame(*found, want);
      const Status verified = segment->blocks().VerifyAll({});
      ASSERT_EQ(verified.code(), StatusCode::kCorruption) << "file " << file;
      EXPECT_THAT(std::string(verified.message()), HasSubstr(path_));
      ++found_later;
    } else {
      ASSERT_EQ(found.status().code(), StatusCode::kCorruption);
      ++found_by_search;
    }
    // From now on nothing of it is used any more.
    EXPECT_EQ(index->Search(Query(0), Walking(), nullptr).status().code(), StatusCode::kCorruption);
  }
  EXPECT_GT(refused, 300);
  EXPECT_GT(found_by_search, 300);
  std::printf("%d refused, %d found by searches, %d by verification\n", refused, found_by_search,
              found_later);
}

// A writer that is wrong, or means harm, can seal what it likes.
TEST_F(SegmentTest, LinksOutOfRangeAreNotFollowedThoughTheirChecksumsAreRight) {
  StoredGraph stored = BuildStoredGraph({vectors_.data(), kRows, kDim}, options_, {}).value();
  GraphParts parts;
  parts.vectors = {vectors_.data(), kRows, kDim};
  parts.ef_search = stored.ef_search;
  parts.duplicates = stored.duplicates.view();
  for (Position& link : stored.graph.base_links()) {
    link = link == kNoLink ? link : kRows;
  }
  parts.graph = stored.graph.view();
  ASSERT_TRUE(WriteSegment(path_, parts, {ids_, {}, {}, 0}, FileGate::System()).ok());
  const auto opened = MappedSegment::Open(path_);
  EXPECT_EQ(opened.status().code(), StatusCode::kCorruption);
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr("links in block 0"));
}

TEST_F(SegmentTest, UpperLinksAndIdsOutOfOrderAreRefusedAtOpen) {
  StoredGraph stored = BuildStoredGraph({vectors_.data(), kRows, kDim}, options_, {}).value();
  ASSERT_FALSE(stored.graph.upper_links().empty());
  GraphParts parts;
  parts.vectors = {vectors_.data(), kRows, kDim};
  parts.ef_search = stored.ef_search;
  parts.graph = stored.graph.view();
  std::swap(ids_[3], ids_[4]);
  ASSERT_TRUE(WriteSegment(path_, parts, {ids_, {}, {}, 0}, FileGate::System()).ok());
  EXPECT_THAT(std::string(MappedSegment::Open(path_).status().message()), HasSubstr("ids"));
  std::swap(ids_[3], ids_[4]);
  stored.graph.upper_links()[0] = kRows;
  ASSERT_TRUE(WriteSegment(path_, parts, {ids_, {}, {}, 0}, FileGate::System()).ok());
  EXPECT_THAT(std::string(MappedSegment::Open(path_).status().message()), HasSubstr("link"));
}

TEST_F(SegmentTest, ManyThreadsMaySearchWhileBlocksAreVerified) {
  const auto want = SearchAll(*InMemory(), queries_).value();
  const std::shared_ptr<const MappedSegment> segment = MappedSegment::Open(path_).value();
  const auto index = MakeSegmentIndex(segment);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto found = SearchAll(*index, queries_).value();
      for (std::size_t q = 0; q < kQueries; ++q) {
        wrong += found[q].empty() || found[q][0].position != want[q][0].position ? 1 : 0;
      }
    });
  }
  EXPECT_TRUE(segment->blocks().VerifyAll({}).ok());
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(segment->blocks().complete());
}

TEST_F(SegmentTest, VerificationStopsWhenAskedAndGoesOn) {
  const std::shared_ptr<const MappedSegment> segment = MappedSegment::Open(path_).value();
  EXPECT_EQ(segment->blocks().VerifyAll([] { return true; }).code(), StatusCode::kCancelled);
  EXPECT_FALSE(segment->blocks().is_damaged());
  EXPECT_TRUE(segment->blocks().VerifyAll([] { return false; }).ok());
}

TEST_F(SegmentTest, AFileThatIsCutWhileItIsOpenIsAnErrorAndNoSignal) {
  const auto index = MakeSegmentIndex(MappedSegment::Open(path_).value());
  // Nothing of the rest is verified, or was ever read.
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) / 2);
  const Status status = SearchAll(*index, queries_).status();
  EXPECT_TRUE(status.code() == StatusCode::kCorruption || status.code() == StatusCode::kIoError)
      << status.ToString();
  SearchOptions exact;
  exact.exact = true;
  EXPECT_FALSE(index->Search(Query(0), exact, nullptr).ok());
}

// Lets some changes pass, then the disk is full; what is removed makes no room.
class FullDisk : public FileGate {
 public:
  explicit FullDisk(int num_passing) : num_passing_(num_passing) {}
  int Pass(const FileChange& change, const std::function<int(std::size_t size)>& make) override {
    if (change.step == FileStep::kRemove || num_passing_-- > 0) {
      return FileGate::Pass(change, make);
    }
    return ENOSPC;
  }

 private:
  int num_passing_;
};

TEST_F(SegmentTest, AFullDiskAtAnyStepLeavesTheOldFileAndNoOther) {
  int num_failed = 0;
  for (int num_passing = 0;; ++num_passing) {
    FullDisk gate(num_passing);
    const Status status = BuildSegment(path_, {vectors_.data(), kRows, kDim},
                                       {ids_, hashes_, {4, 9}, 3}, options_, {}, gate);
    if (status.ok()) {
      break;
    }
    ++num_failed;
    EXPECT_EQ(status.sqlstate(), "53100");
    EXPECT_FALSE(std::filesystem::exists(path_ + ".tmp"));
    ASSERT_TRUE(MappedSegment::Open(path_).ok());
  }
  EXPECT_GE(num_failed, 7);
  EXPECT_EQ(MappedSegment::Open(path_).value()->header().generation, 3U);
}

TEST_F(SegmentTest, WhatCannotBeWrittenLeavesNoFile) {
  std::filesystem::remove(path_);
  EXPECT_EQ(Write("/nonexistent/folder/segment").code(), StatusCode::kIoError);
  const auto stopped = BuildSegment(
      path_, {vectors_.data(), kRows, kDim}, {ids_, {}, {}, 0}, options_,
      [](std::size_t, std::size_t) { return false; }, FileGate::System());
  EXPECT_EQ(stopped.code(), StatusCode::kCancelled);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace dashi::index
