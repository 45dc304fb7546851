// Checks beside writers, loads and indexes that come and go.

#include <array>
#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "storage/release_removal.h"
#include "storage/schema_record.h"
#include "tests/storage/rocksdb_check_template.h"

namespace dashi::storage {
namespace {

constexpr Ordinal kFirst{0};

void WriteAtRandom(Store& store, std::uint64_t seed, const std::atomic<bool>& stop) {
  Random random(seed);
  for (int i = 0; !stop; ++i) {
    auto transaction = std::move(store.Begin()).value();
    EntityRow row;
    row.id = "w" + std::to_string(seed) + "-" + std::to_string(i);
    row.text = std::string(random.Uniform(300), 'x');
    row.attributes = {{kPrice, Value::Integer(i % 7)}};
    const auto document = transaction->InsertRow(EntityKind::kDocument, row);
    row.attributes.clear();
    const auto label = transaction->InsertRow(EntityKind::kLabel, row);
    EXPECT_OK(transaction->PutRelevance(*document, *label, 0.25F));
    EXPECT_OK(transaction->PutRelevance(*document, kFirst, 2.0F));
    EXPECT_OK(transaction->Commit());
    if (random.Uniform(3) == 0) {
      transaction = std::move(store.Begin()).value();
      EXPECT_OK(transaction->DeleteRow(EntityKind::kLabel, *label));
      EXPECT_OK(transaction->Commit());
    }
  }
}

void AlterIndex(Store& store, const IndexRecord& index, bool drop) {
  auto transaction = std::move(store.Begin()).value();
  SchemaRecord schema = *transaction->GetSchema(EntityKind::kDocument).value();
  std::erase_if(schema.indexes, [&](const IndexRecord& old) { return old.number == index.number; });
  if (!drop) {
    schema.indexes.push_back(index);
  }
  EXPECT_OK(transaction->PutSchema(EntityKind::kDocument, std::move(schema)));
  EXPECT_OK(transaction->Commit());
}

// Drops the release before a phase begins, with all that belongs to it.
class DroppingMonitor : public SilentMonitor {
 public:
  DroppingMonitor(Store* store, std::string phase) : store_(store), phase_(std::move(phase)) {}

  void BeginPhase(std::string_view phase, std::string_view /*unit*/,
                  std::uint64_t /*total*/) override {
    if (phase != phase_) {
      return;
    }
    auto transaction = std::move(store_->Begin()).value();
    const ReleaseRecord release = *transaction->GetRelease("m", 1).value();
    ModelRecord model = *transaction->GetModel("m").value();
    EXPECT_OK(DeleteReleaseRow(*transaction, 1, &model));
    EXPECT_OK(transaction->Commit());
    RemoveReleaseData(*store_, release, "");
    dropped_ = true;
  }
  bool dropped() const { return dropped_; }

 private:
  Store* const store_;
  const std::string phase_;
  bool dropped_ = false;
};

TEST_F(CheckTest, AReleaseThatIsDroppedMeanwhileIsNoDamage) {
  for (const char* phase : {"files", "index files"}) {
    SCOPED_TRACE(phase);
    std::filesystem::remove_all(directory());
    CopyTemplate(directory());
    Open();
    const std::string file =
        store().index_directory() + "/" + Snapshot()->GetRelease("m", 1).value()->index_file;
    ASSERT_TRUE(std::filesystem::is_regular_file(file));
    DroppingMonitor monitor(&store(), phase);
    const auto report = store().Check(monitor);
    ASSERT_OK(report);
    ASSERT_TRUE(monitor.dropped());
    EXPECT_FALSE(std::filesystem::exists(file));
    EXPECT_EQ(report->num_problems, 0U) << Shown(*report);
    Close();
  }
}

TEST_F(CheckTest, AnIndexThatIsBuiltOrRemovedIsNoDamage) {
  Open();
  constexpr std::uint32_t kSteps = 3000;
  for (std::uint32_t i = 0; i < kSteps; ++i) {
    auto transaction = std::move(store().Begin()).value();
    EXPECT_OK(transaction->InsertRow(EntityKind::kDocument, Row("more-" + std::to_string(i), "")));
    EXPECT_OK(transaction->Commit(Durability::kSoon));
  }
  SilentMonitor monitor;
  const IndexRecord index{50, "half", kPrice, IndexState::kBuilding};
  AlterIndex(store(), index, /*drop=*/false);
  for (const bool drop : {false, true}) {
    EXPECT_TRUE(store().StepIndexWork().value());
    auto report = store().Check(monitor);
    ASSERT_OK(report);
    EXPECT_EQ(Shown(*report), "");
    if (!drop) {
      AlterIndex(store(), index, /*drop=*/true);
    }
  }
}

TEST_F(CheckTest, FindsNothingWhileWritersAndALoadWork) {
  Open();
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    threads.emplace_back([&, seed] { WriteAtRandom(store(), seed, stop); });
  }
  threads.emplace_back([&] {
    for (int round = 0; !stop; ++round) {
      auto load =
          std::move(store().BeginRowLoad(EntityKind::kAnchor, DuplicatePolicy::kFail)).value();
      for (int i = 0; i < 2000; ++i) {
        EXPECT_OK(load->AddRow(
            Row("a" + std::to_string(round) + "-" + std::to_string(i), std::string(100, 'y'))));
      }
      EXPECT_OK(load->Commit({}));
    }
  });
  threads.emplace_back([&] {
    for (std::uint64_t version = 100; !stop; ++version) {
      auto writer = std::move(store().NewEmbeddingVersion(version, 2)).value();
      const std::array<std::uint16_t, 2> values{};
      EXPECT_OK(writer->Add(EntityKind::kLabel, kFirst, 0, values));
      EXPECT_OK(writer->Finish());
      EXPECT_OK(store().PutWeights("w" + std::to_string(version), std::string(1000, 'w')));
      EXPECT_OK(store().DropEmbeddingVersion(version));
      EXPECT_OK(store().DeleteWeights("w" + std::to_string(version)));
    }
  });
  threads.emplace_back([&] {
    for (std::uint32_t number = 100; !stop; ++number) {
      AlterIndex(store(), {number, "i", kPrice, IndexState::kBuilding}, /*drop=*/false);
      EXPECT_OK(store().StepIndexWork());
      AlterIndex(store(), {number, "i", kPrice, IndexState::kBuilding}, /*drop=*/true);
      EXPECT_OK(store().StepIndexWork());
    }
  });
  // Fifteen quick checks may end before the others' first commits.
  constexpr std::uint64_t kSomeCommits = 50;
  std::uint64_t commit_sequence = 0;
  for (int i = 0; i < 15 || commit_sequence < kSomeCommits; ++i) {
    SilentMonitor monitor;
    const auto report = store().Check(monitor);
    EXPECT_OK(report);
    if (!report.ok()) {
      break;
    }
    EXPECT_EQ(report->num_problems, 0U) << Shown(*report);
    EXPECT_GE(report->commit_sequence, commit_sequence);
    commit_sequence = report->commit_sequence;
  }
  stop = true;
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace
}  // namespace dashi::storage
