#include "storage/backup.h"

#include <array>
#include <atomic>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/release_removal.h"
#include "tests/storage/backup_fixture.h"
#include "tests/storage/damaged_bytes.h"
#include "tests/testing/tiny_database.h"

namespace dashi::storage {
namespace {

using ::testing::HasSubstr;

TEST_F(BackupTest, ARestoredDatabaseEqualsTheBackedUpOne) {
  Open();
  testing::AddRows(store(), {{"l1", "shoes"}, {"l2", "hats"}},
                   {{"d1", "red shoes", "train", {"l1"}}, {"d2", "a hat", "test", {"l1", "l2"}}});
  testing::ReleaseShape shape;
  shape.hnsw = true;
  testing::AddRelease(store(), "m", shape);
  const auto contents = Contents(*Snapshot());
  const BackupSummary made = Backup();
  EXPECT_EQ(made.number, 1U);
  EXPECT_EQ(made.commit_sequence, Snapshot()->CommitSequence().value());
  EXPECT_EQ(made.num_files, made.num_files_copied);
  Insert(EntityKind::kLabel, "later");
  EXPECT_EQ(Restored(1), contents);
  std::ifstream original(directory() + "/index/job-1.segment", std::ios::binary);
  std::ifstream restored(target() + "/index/job-1.segment", std::ios::binary);
  EXPECT_TRUE(std::equal(std::istreambuf_iterator<char>(original), {},
                         std::istreambuf_iterator<char>(restored)));
  ExpectNothingStray();
  // The restored database goes on by itself.
  Close();
  fs::remove_all(directory());
  fs::rename(target(), directory());
  Open();
  Insert(EntityKind::kLabel, "after");
  EXPECT_EQ(Backup().number, 2U);
  EXPECT_EQ(Restored(2).size(), contents.size() + 1);
  EXPECT_EQ(Restored(1), contents);
}

// What each writer does in its k-th commit: a row more, the counter, a pair, and a row of long ago
// less. So the counter tells everything that the writer's rows must be.
constexpr int kRowsKept = 8;

void CommitStep(Store& store, int writer, int step) {
  const std::string name = "w" + std::to_string(writer);
  auto transaction = std::move(store.Begin()).value();
  EntityRow row;
  row.id = name + "-" + std::to_string(step);
  row.text = std::string(static_cast<std::size_t>(step % 97) * 7, 'x');
  const auto document = transaction->InsertRow(EntityKind::kDocument, row);
  ASSERT_OK(document);
  const auto counter = transaction->FindOrdinal(EntityKind::kLabel, name);
  row.id = name;
  row.text = std::to_string(step);
  ASSERT_OK(transaction->UpdateRow(EntityKind::kLabel, **counter, row));
  ASSERT_OK(transaction->PutRelevance(*document, **counter, static_cast<float>(step)));
  if (step >= kRowsKept) {
    const auto old = transaction->FindOrdinal(EntityKind::kDocument,
                                              name + "-" + std::to_string(step - kRowsKept));
    ASSERT_OK(transaction->DeleteRow(EntityKind::kDocument, **old));
  }
  ASSERT_OK(transaction->Commit());
}

constexpr int kLoadedRows = 1500;

void LoadRound(Store& store, int round) {
  auto load = std::move(store.BeginRowLoad(EntityKind::kAnchor, DuplicatePolicy::kFail)).value();
  for (int i = 0; i < kLoadedRows; ++i) {
    EntityRow row;
    row.id = "a" + std::to_string(round) + "-" + std::to_string(i);
    row.text = std::string(100, 'y');
    ASSERT_OK(load->AddRow(row));
  }
  ASSERT_OK(load->Commit({}));
}

// Checks that the database is what some number of steps of each writer make, and returns how many
// commits those are.
std::uint64_t CommitsIn(Store& store, int num_writers) {
  const auto view = std::move(store.NewSnapshot()).value();
  std::uint64_t num_commits = 1;  // The counters' own.
  std::set<std::string> expected;
  for (int writer = 0; writer < num_writers; ++writer) {
    const std::string name = "w" + std::to_string(writer);
    const auto label = *view->FindOrdinal(EntityKind::kLabel, name);
    const int steps = std::stoi(view->GetRow(EntityKind::kLabel, *label).value()->text) + 1;
    num_commits += static_cast<std::uint64_t>(steps);
    for (int step = std::max(0, steps - kRowsKept); step < steps; ++step) {
      const std::string id = name + "-" + std::to_string(step);
      expected.insert(id);
      const auto found = *view->FindOrdinal(EntityKind::kDocument, id);
      EXPECT_TRUE(found.has_value()) << id;
      if (found) {
        const auto row = *view->GetRow(EntityKind::kDocument, *found).value();
        EXPECT_EQ(row.text.size(), static_cast<std::size_t>(step % 97) * 7);
        const auto labels = view->LabelsOf(*found).value();
        EXPECT_EQ(labels.size(), 1U);
        EXPECT_EQ(labels[0].weight, static_cast<float>(step));
      }
    }
    EXPECT_EQ(view->DocumentsOf(*label).value().size(),
              static_cast<std::size_t>(std::min(steps, kRowsKept)));
  }
  std::set<std::string> ids;
  const auto documents = view->ScanRows(EntityKind::kDocument);
  while (documents->Next().value()) {
    ids.insert(documents->row().id);
  }
  EXPECT_EQ(ids, expected);
  std::uint64_t num_anchors = 0;
  const auto anchors = view->ScanRows(EntityKind::kAnchor);
  while (anchors->Next().value()) {
    ++num_anchors;
  }
  EXPECT_EQ(num_anchors % kLoadedRows, 0U);
  return num_commits + num_anchors / kLoadedRows;
}

TEST_F(BackupTest, EachBackupBesideWritersIsExactlyItsCommitSequence) {
  constexpr int kNumWriters = 3;
  Open();
  auto transaction = Begin();
  for (int writer = 0; writer < kNumWriters; ++writer) {
    ASSERT_OK(transaction->InsertRow(EntityKind::kLabel, Row("w" + std::to_string(writer), "-1")));
  }
  ASSERT_OK(transaction->Commit());
  std::atomic<bool> stop = false;
  std::array<std::atomic<int>, kNumWriters> steps_done{};
  std::vector<std::thread> threads;
  for (int writer = 0; writer < kNumWriters; ++writer) {
    threads.emplace_back([&, writer] {
      for (int step = 0; !stop; ++step) {
        CommitStep(store(), writer, step);
        steps_done[static_cast<std::size_t>(writer)] = step + 1;
        steps_done[static_cast<std::size_t>(writer)].notify_all();
      }
    });
  }
  threads.emplace_back([&] {
    for (int round = 0; !stop; ++round) {
      LoadRound(store(), round);
    }
  });
  std::vector<std::uint64_t> sequences;
  for (int i = 0; i < 6; ++i) {
    sequences.push_back(Backup().commit_sequence);
    // Six backups are quick: each writer must get on between two of them. The first step to end
    // from now on may have been committed before the backup.
    for (std::atomic<int>& done : steps_done) {
      const int enough = done + 2;
      for (int now = done; now < enough; now = done) {
        done.wait(now);
      }
    }
  }
  stop = true;
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (std::size_t i = 1; i < sequences.size(); ++i) {
    EXPECT_LT(sequences[i - 1] + kNumWriters - 1, sequences[i]);
  }
  for (std::uint64_t number = 1; number <= sequences.size(); ++number) {
    SCOPED_TRACE(number);
    fs::remove_all(target());
    ASSERT_OK(TryRestore(number));
    EXPECT_EQ(Problems(target()), "");
    const auto restored = Store::Open(target(), {});
    ASSERT_OK(restored);
    EXPECT_EQ((*restored)->NewSnapshot().value()->CommitSequence().value(), sequences[number - 1]);
    // Every commit up to the sequence is there, and none after it.
    EXPECT_EQ(CommitsIn(**restored, kNumWriters), sequences[number - 1]);
  }
  ExpectNothingStray();
}

// A transaction that failed has had a number, which no backup may wait for.
TEST_F(BackupTest, ABackupBehindAFailedCommitIsRestored) {
  Open();
  const Ordinal label = Insert(EntityKind::kLabel, "l", "before");
  auto first = Begin();
  auto second = Begin();
  ASSERT_OK(first->UpdateRow(EntityKind::kLabel, label, Row("l", "first")));
  ASSERT_OK(second->UpdateRow(EntityKind::kLabel, label, Row("l", "second")));
  ASSERT_OK(first->Commit());
  ASSERT_EQ(second->Commit().sqlstate(), "40001");
  // 3 when the watermark was written between the two, which notes that the third has ended.
  const std::uint64_t sequence = Backup().commit_sequence;
  EXPECT_TRUE(sequence == 2 || sequence == 3) << sequence;
  ASSERT_OK(TryRestore(1));
  const auto restored = Store::Open(target(), {});
  ASSERT_OK(restored);
  EXPECT_EQ(Rows(*(*restored)->NewSnapshot().value(), EntityKind::kLabel),
            std::vector<std::string>{"l=first"});
}

// Drops release 1 in the middle of copying, with all that belongs to it.
class CollectingMonitor : public SilentMonitor {
 public:
  explicit CollectingMonitor(Store* store) : store_(store) {}

  void BeginPhase(std::string_view phase, std::string_view /*unit*/,
                  std::uint64_t /*total*/) override {
    copies_ = phase == "copying";
  }
  Status Advance(std::uint64_t /*done*/) override {
    if (!copies_ || collected_) {
      return Status::Ok();
    }
    DASHI_ASSIGN_OR_RETURN(const auto transaction, store_->Begin());
    DASHI_ASSIGN_OR_RETURN(const CollectionStep step, StageCollection(*transaction, "m"));
    DASHI_RETURN_IF_ERROR(transaction->Commit());
    for (const ReleaseRecord& release : step.dropped) {
      collected_ = true;
      RemoveReleaseData(*store_, release, step.start_weights);
    }
    return Status::Ok();
  }
  bool collected() const { return collected_; }

 private:
  Store* const store_;
  bool copies_ = false;
  bool collected_ = false;
};

TEST_F(BackupTest, ABackupBesideACollectionHoldsTheReleasesOfItsMoment) {
  Open();
  testing::AddRows(store(), {{"L1", "one"}, {"L2", "two"}}, {{"d", "one two", "train", {"L1"}}});
  ASSERT_EQ(testing::AddRelease(store(), "m", {.seed = 1, .hnsw = true}), 1U);
  ASSERT_EQ(testing::AddRelease(store(), "m", {.seed = 2, .hnsw = true}), 2U);
  const auto whole = Contents(*Snapshot());
  const std::string index_file = Snapshot()->GetRelease("m", 1).value()->index_file;
  ASSERT_TRUE(fs::exists(store().index_directory() + "/" + index_file));
  // What PUBLISH leaves behind its commit.
  auto transaction = Begin();
  ModelRecord model = *transaction->GetModel("m").value();
  model.published = {2};
  model.has_garbage = true;
  ASSERT_OK(transaction->PutModel(model));
  ASSERT_OK(transaction->Commit());
  transaction.reset();
  CollectingMonitor monitor(&store());
  ASSERT_OK(store().Backup(folder(), {}, monitor));
  ASSERT_TRUE(monitor.collected());
  EXPECT_FALSE(Snapshot()->GetRelease("m", 1).value().has_value());
  EXPECT_FALSE(fs::exists(store().index_directory() + "/" + index_file));
  ASSERT_OK(TryRestore(1));
  EXPECT_EQ(Problems(target()), "");
  StoreOptions reading;
  reading.read_only = true;
  EXPECT_EQ(Contents(*Store::Open(target(), reading).value()->NewSnapshot().value()), whole)
      << "as it was at the moment of the backup";
  EXPECT_TRUE(fs::exists(target() + "/index/" + index_file));
  // The restored database goes on with the collection when it is opened for writing.
  EXPECT_EQ(ContentsOf(target()), Contents(*Snapshot()));
  EXPECT_FALSE(fs::exists(target() + "/index/" + index_file));
}

TEST_F(BackupTest, ASecondBackupCopiesOnlyWhatIsNew) {
  constexpr std::uint64_t kMiB = 1U << 20U;
  Open();
  AddLargeRelease(1);
  const auto one = Contents(*Snapshot());
  const BackupSummary first = Backup();
  EXPECT_GT(first.num_bytes_copied, 2 * kMiB);
  const BackupSummary second = Backup();
  EXPECT_EQ(second.number, 2U);
  EXPECT_LT(second.num_bytes_copied, kMiB);
  EXPECT_GT(second.num_bytes - second.num_bytes_copied, 2 * kMiB);
  const std::uintmax_t stored = BytesStored();
  AddLargeRelease(2);
  const auto two = Contents(*Snapshot());
  const BackupSummary third = Backup();
  EXPECT_GT(third.num_bytes_copied, 2 * kMiB);
  EXPECT_LT(third.num_bytes_copied, 3 * kMiB);
  EXPECT_GT(third.num_bytes, 4 * kMiB);
  // What was copied is what came; a few small files are written again as they were.
  const std::uintmax_t more = BytesStored() - stored;
  EXPECT_LE(more, third.num_bytes_copied);
  EXPECT_GT(more + kMiB, third.num_bytes_copied);
  const std::vector<BackupInfo> listed = List();
  ASSERT_EQ(listed.size(), 3U);
  EXPECT_EQ(listed[0].num_files_shared, 0U);
  EXPECT_GT(listed[1].num_bytes_shared, 2 * kMiB);
  EXPECT_GT(listed[2].num_bytes_shared, 2 * kMiB);
  EXPECT_EQ(listed[2].commit_sequence, 2U);
  EXPECT_EQ(Restored(1), one);
  EXPECT_EQ(Restored(2), one);
  EXPECT_EQ(Restored(3), two);
  // Deleting backups keeps what the others need.
  BackupOptions keep;
  keep.keep = 2;
  EXPECT_EQ(Backup(keep).num_deleted, 2U);
  ExpectNothingStray();
  EXPECT_EQ(List().size(), 2U);
  EXPECT_EQ(Restored(3), two);
  EXPECT_EQ(Restored(4), two);
  EXPECT_EQ(TryRestore(1).status().code(), StatusCode::kNotFound);
}

TEST_F(BackupTest, DamageInABackupIsFoundAndTheFileNamed) {
  Open();
  AddRows("a", 2500, 4000);
  Backup();
  for (const std::string& name : NamesIn(folder() + "/files")) {
    const std::string path = folder() + "/files/" + name;
    const std::uint64_t size = fs::file_size(path);
    if (size == 0) {
      continue;
    }
    SCOPED_TRACE(name);
    FlipByte(path, size / 2);
    const auto restored = TryRestore(1);
    EXPECT_EQ(restored.status().code(), StatusCode::kCorruption);
    EXPECT_THAT(std::string(restored.status().message()), HasSubstr("backup 1 is damaged: "));
    EXPECT_THAT(std::string(restored.status().message()), HasSubstr(name));
    EXPECT_FALSE(fs::exists(target()));
    FlipByte(path, size / 2);
    fs::rename(path, folder() + "/kept");
    EXPECT_EQ(TryRestore(1).status().code(), StatusCode::kCorruption);
    fs::rename(folder() + "/kept", path);
  }
  EXPECT_EQ(Restored(1).size(), 2500U);
}

TEST_F(BackupTest, ADamagedFileOfEarlierBackupsIsReplaced) {
  Open();
  AddLargeRelease(1);
  const auto contents = Contents(*Snapshot());
  Backup();
  std::string largest;
  for (const std::string& name : NamesIn(folder() + "/files")) {
    if (largest.empty() || fs::file_size(folder() + "/files/" + name) >
                               fs::file_size(folder() + "/files/" + largest)) {
      largest = name;
    }
  }
  FlipByte(folder() + "/files/" + largest, 5000);
  BackupOptions options;
  options.verify_all = true;
  const BackupSummary second = Backup(options);
  ASSERT_EQ(second.notes.size(), 1U);
  EXPECT_THAT(second.notes[0], HasSubstr("a damaged file of earlier backups was replaced: data/"));
  EXPECT_EQ(Restored(1), contents);
  EXPECT_EQ(Restored(2), contents);
  EXPECT_TRUE(Backup(options).notes.empty());
  // A cut or missing file is copied again without being asked for.
  fs::resize_file(folder() + "/files/" + largest, 100);
  Backup();
  EXPECT_EQ(Restored(1), contents);
  fs::remove(folder() + "/files/" + largest);
  Backup();
  EXPECT_EQ(Restored(1), contents);
}

TEST_F(BackupTest, ADamagedDatabaseIsNotBackedUp) {
  Open();
  AddLargeRelease(1);
  Backup();
  std::error_code ignored;
  fs::remove_all(folder(), ignored);
  std::string largest;
  for (const auto& entry : fs::directory_iterator(directory() + "/data")) {
    const std::string ending = entry.path().extension().string();
    if ((ending == ".sst" || ending == ".blob") &&
        (largest.empty() || entry.file_size() > fs::file_size(largest))) {
      largest = entry.path().string();
    }
  }
  FlipByte(largest, fs::file_size(largest) / 2);
  const auto made = TryBackup();
  EXPECT_EQ(made.status().code(), StatusCode::kCorruption);
  EXPECT_THAT(std::string(made.status().message()),
              HasSubstr(fs::path(largest).filename().string()));
  EXPECT_TRUE(List().empty());
  ExpectNothingStray();
}

TEST_F(BackupTest, ADamagedManifestIsListedAndHidesNoOtherBackup) {
  Open();
  Insert(EntityKind::kLabel, "one");
  Backup();
  Insert(EntityKind::kLabel, "two");
  Backup();
  FlipByte(folder() + "/backups/000001.manifest", 30);
  const std::vector<BackupInfo> listed = List();
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_THAT(listed[0].damage, HasSubstr("backups/000001.manifest"));
  EXPECT_EQ(listed[1].damage, "");
  EXPECT_EQ(TryRestore(1).status().code(), StatusCode::kCorruption);
  EXPECT_EQ(Restored(2).size(), 2U);
  // No file goes that the damaged backup may need.
  BackupOptions keep;
  keep.keep = 1;
  EXPECT_EQ(Backup(keep).number, 3U);
  FlipByte(folder() + "/backups/000001.manifest", 30);
  EXPECT_EQ(Restored(1).size(), 1U);
}

TEST_F(BackupTest, PlacesThatAreNoneAreRefused) {
  Open();
  SilentMonitor monitor;
  for (const std::string& inside : {directory(), directory() + "/tmp", directory() + "/x/y"}) {
    EXPECT_EQ(store().Backup(inside, {}, monitor).status().code(), StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(store().Backup("", {}, monitor).status().code(), StatusCode::kInvalidArgument);
  fs::create_directories(folder());
  std::ofstream(folder() + "/mine.txt") << "x";
  EXPECT_EQ(TryBackup().status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(NamesIn(folder()), std::set<std::string>{"mine.txt"});
  EXPECT_EQ(ListBackups(folder()).status().code(), StatusCode::kNotFound);
  fs::remove_all(folder());
  Backup();
  EXPECT_EQ(TryRestore(7).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(TryRestore(7).status().hint(), "There are: 1.");
  fs::create_directories(target());
  std::ofstream(target() + "/mine.txt") << "x";
  EXPECT_EQ(TryRestore(1).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(NamesIn(target()), std::set<std::string>{"mine.txt"});
  fs::remove(target() + "/mine.txt");
  EXPECT_OK(TryRestore(1));  // Into an empty directory.
  std::ofstream(folder() + "/DASHI_BACKUPS") << "dashi backups\nformat 2\n";
  EXPECT_EQ(TryBackup().status().sqlstate(), "0A000");
  Close();
  StoreOptions read_only;
  read_only.read_only = true;
  Open(read_only);
  EXPECT_EQ(TryBackup().status().sqlstate(), "25006");
}

}  // namespace
}  // namespace dashi::storage
