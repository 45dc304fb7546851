// Logs that are gone or cut while later ones are whole: found, and nothing is changed by looking.

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/commit_watermark.h"
#include "storage/recover_copy.h"
#include "tests/fault/damaged_database.h"

namespace dashi::storage {
namespace {

namespace fs = std::filesystem;

using ::testing::AnyOf;
using ::testing::HasSubstr;

// A closed database of which each commit inserts one document, and the logs where they stand.
class LostLogTest : public DamagedDatabase {
 protected:
  struct Commits {
    int first = 0;
    int last = 0;
  };

  void SetUp() override {}
  void TearDown() override { fs::remove_all(Copy()); }

  std::string Copy() const { return directory() + ".copy"; }
  static StoreOptions Small() {
    StoreOptions options;
    options.memory_bytes_max = std::uint64_t{16} << 20U;
    return options;
  }

  // Each process leaves a log, and nothing is flushed.
  void MakeOfProcesses() {
    for (int process = 0; process < 6; ++process) {
      Open();
      for (int i = 0; i < 3; ++i) {
        AddCommit(100);
      }
      Close();
    }
    Keep();
    Restore();
  }

  // One process, which flushes the documents now and then: the other families need older logs.
  void MakeOfFlushes() {
    Open(Small());
    for (int i = 0; i < 16; ++i) {
      AddCommit(300'000);
    }
    Close();
    Keep();
    Restore();
  }

  void AddCommit(std::size_t text_bytes) {
    const std::string id = fmt::format("{}", ++num_commits_);
    auto transaction = Begin();
    auto document =
        transaction->InsertRow(EntityKind::kDocument, Row(id, std::string(text_bytes, 'x')));
    auto label = transaction->InsertRow(EntityKind::kLabel, Row(id));
    ASSERT_OK(document);
    ASSERT_OK(label);
    ASSERT_OK(transaction->PutRelevance(*document, *label, 1));
    ASSERT_OK(transaction->Commit());
    Commits& commits = commits_of_log_[fs::path(LastLog()).filename().string()];
    commits.first = commits.first == 0 ? num_commits_ : commits.first;
    commits.last = num_commits_;
  }

  // How many commits the store holds, each of them whole; what is in disorder fails the test.
  static int NumWholeCommits(Store& store) {
    const auto view = store.NewSnapshot().value();
    const std::vector<std::string> documents = Rows(*view, EntityKind::kDocument);
    const std::vector<std::string> labels = Rows(*view, EntityKind::kLabel);
    EXPECT_EQ(documents.size(), labels.size());
    for (std::size_t i = 0; i < std::min(documents.size(), labels.size()); ++i) {
      const std::string id = fmt::format("{}", i + 1);
      EXPECT_EQ(labels[i], id + "=");
      EXPECT_TRUE(documents[i].starts_with(id + "=x"));
      const auto ordinal = Find(*view, EntityKind::kDocument, id);
      EXPECT_TRUE(ordinal && view->LabelsOf(*ordinal).value().size() == 1);
    }
    return static_cast<int>(documents.size());
  }

  Status OpenWhole(const StoreOptions& options) const {
    auto store = Store::Open(directory(), options);
    if (store.ok()) {
      EXPECT_EQ(NumWholeCommits(*store.value()), num_commits_) << "silently lost";
    }
    return store.status();
  }

  // The logs that hold something.
  std::vector<std::string> Logs() const {
    std::vector<std::string> logs = Files(".log");
    std::erase_if(logs, [](const std::string& log) { return fs::file_size(log) == 0; });
    return logs;
  }

  // What the manifest is known to hold. A flush that ended while the process closed may have made
  // it longer, and RocksDB is what finds damage behind it.
  std::uint64_t ListedManifestBytes() const {
    const auto history = ReadWatermarkFile(Path("commit.watermark"));
    EXPECT_OK(history);
    EXPECT_TRUE(history.ok() && history->files);
    return history.ok() && history->files ? history->files->manifest_bytes : 0;
  }

  // Opens in both ways; each must refuse, and say which commits `log` held. Where the last log lost
  // its last record alone, that may be the one that the watermark was synced with.
  void ExpectRefused(const std::string& log, bool is_last, bool only_last_record = false) const {
    const std::string name = fs::path(log).filename().string();
    const Commits commits = commits_of_log_.at(name);
    StoreOptions reading = Small();
    reading.read_only = true;
    for (const StoreOptions& options : {reading, Small()}) {
      SCOPED_TRACE(options.read_only ? "read only" : "writing");
      const Status status = OpenWhole(options);
      EXPECT_EQ(status.sqlstate(), "XX001") << status.ToString();
      const std::string message(status.message());
      EXPECT_THAT(std::string(status.hint()), HasSubstr("dashi recover " + directory()));
      if (only_last_record && message.find("at most ") == std::string::npos) {
        EXPECT_THAT(message,
                    HasSubstr("commits are missing: the log ends 1 changes before the end"));
      } else if (is_last) {
        EXPECT_THAT(message, HasSubstr("acknowledged commits are missing: at most "));
        EXPECT_THAT(message, HasSubstr(fmt::format(" to {}, acknowledged ", num_commits_)));
      } else {
        EXPECT_THAT(message, HasSubstr("acknowledged commits are missing: at most "));
        EXPECT_THAT(message, HasSubstr(name));
        // The commit that found the log full, and went into the next one, may be counted too.
        EXPECT_THAT(message, AnyOf(HasSubstr(fmt::format("numbered {} to {}, acknowledged between ",
                                                         commits.first, commits.last)),
                                   HasSubstr(fmt::format("numbered {} to {}, acknowledged between ",
                                                         commits.first, commits.last + 1))));
      }
    }
  }

  // Loses a part of each log in turn.
  void LoseEachLog() {
    const std::vector<std::string> logs = Logs();
    ASSERT_GE(logs.size(), 4U);
    ASSERT_OK(OpenWhole(Small()));
    Restore();
    for (const std::string& log : logs) {
      const std::uint64_t size = fs::file_size(log);
      const std::string whole = Read(log);
      for (const std::uint64_t kept : {size, std::uint64_t{0}, size / 2, size - 1}) {
        SCOPED_TRACE(fmt::format(
            "{}: {}", log, kept == size ? "gone" : fmt::format("{} of {} bytes", kept, size)));
        if (kept == size) {
          fs::remove(log);
        } else {
          Truncate(log, kept);
        }
        ExpectRefused(log, log == logs.back(), log == logs.back() && kept == size - 1);
        // Nothing was done that cannot be mended.
        Write(log, whole);
        EXPECT_OK(OpenWhole(Small()));
        Restore();
      }
    }
  }

  Result<RecoverReport> Recover(bool accept_loss) const {
    fs::remove_all(Copy());
    return RecoverCopy({directory(), Copy(), accept_loss}, {});
  }

  int num_commits_ = 0;
  std::map<std::string, Commits> commits_of_log_;
};

TEST_F(LostLogTest, AnyLogOfSeveralProcessesIsMissed) {
  MakeOfProcesses();
  LoseEachLog();
}

TEST_F(LostLogTest, AnyLogIsMissedWhereTablesGoFurther) {
  MakeOfFlushes();
  LoseEachLog();
}

// What RocksDB takes for the end of a log: a length beyond the end of the file, the type of a
// record in a log that is used again, and a frame of zeros.
TEST_F(LostLogTest, ADamagedFrameIsMissedInAnyLog) {
  MakeOfProcesses();
  const std::vector<std::string> logs = Logs();
  const std::string frame_of_zeros(7, '\0');
  for (const std::string& log : logs) {
    const std::string whole = Read(log);
    std::size_t second = 7 + static_cast<unsigned char>(whole[4]) +
                         256 * std::size_t{static_cast<unsigned char>(whole[5])};
    for (const std::size_t frame : {std::size_t{0}, second}) {
      for (const int damage : {0, 1, 2}) {
        SCOPED_TRACE(fmt::format("{}: damage {} of the frame at {}", log, damage, frame));
        std::string bytes = whole;
        if (damage == 0) {
          bytes[frame + 5] = '\x7F';
        } else if (damage == 1) {
          bytes[frame + 6] = 5;
        } else {
          bytes.replace(frame, frame_of_zeros.size(), frame_of_zeros);
        }
        Write(log, bytes);
        ExpectRefused(log, log == logs.back());
        Write(log, whole);
        EXPECT_OK(OpenWhole(Small()));
        Restore();
      }
    }
  }
}

TEST_F(LostLogTest, ADamagedFrameOfTheManifestIsMissed) {
  MakeOfFlushes();
  const std::string manifest = CurrentManifest();
  const std::string whole = Read(manifest);
  const std::uint64_t listed = ListedManifestBytes();
  ASSERT_GT(listed, 500U);
  for (std::size_t frame = 0; frame < std::min<std::uint64_t>(listed, 1000);) {
    for (const int type : {0, 5}) {
      SCOPED_TRACE(fmt::format("type {} of the frame at {}", type, frame));
      std::string bytes = whole;
      bytes[frame + 6] = static_cast<char>(type);
      bytes[frame + 4] = static_cast<char>(type == 0 ? 0 : bytes[frame + 4]);
      bytes[frame + 5] = static_cast<char>(type == 0 ? 0 : bytes[frame + 5]);
      Write(manifest, bytes);
      const Status status = OpenWhole({});
      EXPECT_EQ(status.sqlstate(), "XX001");
      EXPECT_THAT(std::string(status.message()),
                  HasSubstr(fmt::format("{} is damaged behind byte {} of ",
                                        fs::path(manifest).filename().string(), frame)));
      EXPECT_EQ(Recover(/*accept_loss=*/true).status().sqlstate(), "XX001");
      Restore();
    }
    frame += 7 + static_cast<unsigned char>(whole[frame + 4]) +
             256 * std::size_t{static_cast<unsigned char>(whole[frame + 5])};
  }
}

TEST_F(LostLogTest, SeveralLogsAreNamedAndCountedTogether) {
  MakeOfProcesses();
  const std::vector<std::string> logs = Logs();
  fs::remove(logs[1]);
  Truncate(logs[3], 10);
  const std::string size = fmt::format(
      "{}", fs::file_size(fs::path(pristine()) / "data" / fs::path(logs[3]).filename()));
  const Status status = OpenWhole(Small());
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("at most 6, numbered 4 to 12, acknowledged between "));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(fmt::format(
                  "; {} is gone, {} has 10 of {} bytes: ", fs::path(logs[1]).filename().string(),
                  fs::path(logs[3]).filename().string(), size)));
}

// RocksDB removes a log that it needs no more, and the list is a second old at most.
TEST_F(LostLogTest, ALogThatWasRemovedForGoodReasonIsNotMissed) {
  MakeOfProcesses();
  const std::vector<std::string> listed = Logs();
  const std::string watermark = Read(Path("commit.watermark"));
  Open();
  for (int i = 0; i < 10; ++i) {
    AddCommit(1'000'000);
  }
  Close();  // So much is flushed.
  for (const std::string& log : listed) {
    ASSERT_FALSE(fs::exists(log));
  }
  for (const bool old_list : {false, true}) {
    SCOPED_TRACE(old_list ? "the list from before" : "the last list");
    if (old_list) {
      Write(Path("commit.watermark"), watermark);
    }
    StoreOptions reading;
    reading.read_only = true;
    EXPECT_OK(OpenWhole(reading));
    EXPECT_OK(OpenWhole({}));
  }
}

TEST_F(LostLogTest, AManifestThatWasCutIsMissedBeforeAnythingIsDone) {
  MakeOfFlushes();
  const std::string manifest = CurrentManifest();
  const std::string whole = Read(manifest);
  const std::uint64_t listed = ListedManifestBytes();
  ASSERT_GT(listed, 500U);
  ASSERT_LE(listed, whole.size());
  for (const std::uint64_t kept : {listed - 1, listed * 9 / 10, listed / 2}) {
    Truncate(manifest, kept);
    StoreOptions reading;
    reading.read_only = true;
    for (const StoreOptions& options : {reading, StoreOptions()}) {
      const Status status = OpenWhole(options);
      EXPECT_EQ(status.sqlstate(), "XX001");
      EXPECT_THAT(std::string(status.message()),
                  HasSubstr(fmt::format("acknowledged commits are missing: {} has {} of {} bytes",
                                        fs::path(manifest).filename().string(), kept, listed)));
    }
    EXPECT_EQ(Recover(/*accept_loss=*/true).status().sqlstate(), "XX001");
    Write(manifest, whole);
    EXPECT_OK(OpenWhole({}));
    Restore();
  }
}

TEST_F(LostLogTest, AnOlderManifestIsRefused) {
  MakeOfProcesses();
  const std::string manifest = CurrentManifest();
  const std::string bytes = Read(manifest);
  Open();
  AddCommit(100);
  Close();
  ASSERT_NE(CurrentManifest(), manifest);
  Write(manifest, bytes);
  Write(Path("data/CURRENT"), fs::path(manifest).filename().string() + "\n");
  EXPECT_THAT(std::string(OpenWhole({}).message()), HasSubstr("CURRENT names "));
}

// Programs from before the lists write the slots alone. What the lists say holds all the same.
TEST_F(LostLogTest, AListThatIsOlderThanTheWatermarkHolds) {
  MakeOfProcesses();
  std::string file = Read(Path("commit.watermark"));
  auto history = ReadWatermarkFile(Path("commit.watermark"));
  ASSERT_OK(history);
  ASSERT_TRUE(history->files);
  file.replace(8192, file.size() - 8192, file.size() - 8192, '\0');
  Write(Path("commit.watermark"), file.substr(0, 4160));
  EXPECT_FALSE(ReadWatermarkFile(Path("commit.watermark"))->files);
  EXPECT_OK(OpenWhole({}));  // And it is there from now on, without a commit.
  history = ReadWatermarkFile(Path("commit.watermark"));
  ASSERT_TRUE(history->files);
  EXPECT_EQ(history->files->logs.size(), Logs().size());
  fs::remove(Logs()[2]);
  EXPECT_EQ(OpenWhole({}).sqlstate(), "XX001");
}

TEST_F(LostLogTest, ACopyEndsBeforeTheLogThatIsLost) {
  MakeOfProcesses();
  // Without the first one there is no state to go back to: it made the database.
  for (std::size_t lost = 1; lost < Logs().size(); ++lost) {
    SCOPED_TRACE(lost);
    const std::string log = Logs()[lost];
    const Commits commits = commits_of_log_.at(fs::path(log).filename().string());
    for (const std::uint64_t kept :
         {fs::file_size(log), std::uint64_t{0}, fs::file_size(log) / 2}) {
      SCOPED_TRACE(kept);
      if (kept == fs::file_size(log)) {
        fs::remove(log);
      } else {
        Truncate(log, kept);
      }
      auto report = Recover(/*accept_loss=*/false);
      ASSERT_OK(report);
      EXPECT_FALSE(report->kept);
      EXPECT_THAT(report->lost_logs, HasSubstr(fs::path(log).filename().string()));
      EXPECT_GE(report->last_commit, static_cast<std::uint64_t>(commits.first - 1));
      EXPECT_LT(report->last_commit, static_cast<std::uint64_t>(commits.last));
      EXPECT_EQ(report->num_acknowledged_lost_max, num_commits_ - report->last_commit);
      // What stands behind can still be read, and is listed.
      EXPECT_GE(report->num_dropped, static_cast<std::uint64_t>(num_commits_ - commits.last));
      auto accepted = Recover(/*accept_loss=*/true);
      ASSERT_OK(accepted);
      EXPECT_TRUE(accepted->kept);
      auto copy = Store::Open(Copy(), {});
      ASSERT_OK(copy);
      EXPECT_EQ(NumWholeCommits(*copy.value()), static_cast<int>(accepted->last_commit));
      copy.value().reset();
      Restore();
    }
  }
}

// A table that goes further than the gap belongs to no state before it.
TEST_F(LostLogTest, NoCopyIsMadeWhereTablesGoFurther) {
  MakeOfFlushes();
  fs::remove(Logs()[0]);
  const Status status = Recover(/*accept_loss=*/true).status();
  EXPECT_EQ(status.sqlstate(), "XX001");
  EXPECT_EQ(status.hint(), "Restore a backup.");
  EXPECT_FALSE(fs::exists(Copy()));
}

}  // namespace
}  // namespace dashi::storage
