#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "storage/backup.h"
#include "storage/check.h"
#include "tests/storage/store_fixture.h"

namespace dashi::storage {

namespace fs = std::filesystem;

// Everything that a database holds, as text.
inline std::map<std::string, std::string> Contents(const View& view) {
  std::map<std::string, std::string> contents;
  for (const EntityKind kind : {EntityKind::kDocument, EntityKind::kLabel, EntityKind::kAnchor}) {
    const auto rows = view.ScanRows(kind);
    while (rows->Next().value()) {
      const std::string key = std::string(EntityTableName(kind)) + "/" + rows->row().id;
      contents[key] = rows->row().text + "/" + rows->row().split.value_or("-");
    }
  }
  const auto pairs = view.ScanRelevance();
  while (pairs->Next().value()) {
    for (const RelevanceNeighbour& label : pairs->labels()) {
      contents["pair/" + std::to_string(ToInteger(pairs->document())) + "/" +
               std::to_string(ToInteger(label.ordinal))] = std::to_string(label.weight);
    }
  }
  const std::vector<ReleaseRecord> releases = view.ListReleases().value();
  for (const ReleaseRecord& release : releases) {
    for (const std::string& weights : release.weights) {
      contents["weights/" + weights] = view.GetWeights(weights).value();
    }
    auto embeddings = view.ScanEmbeddings(release.embedding_version, EntityKind::kLabel);
    EXPECT_OK(embeddings);
    std::string& values = contents["embeddings/" + std::to_string(release.embedding_version)];
    while ((*embeddings)->Next().value()) {
      const auto row = (*embeddings)->values();
      values.append(reinterpret_cast<const char*>(row.data()), row.size_bytes());
    }
  }
  return contents;
}

inline std::map<std::string, std::string> ContentsOf(const std::string& directory) {
  StoreOptions options;
  options.create_if_missing = false;
  const auto store = Store::Open(directory, options);
  EXPECT_OK(store);
  return store.ok() ? Contents(*(*store)->NewSnapshot().value())
                    : std::map<std::string, std::string>();
}

inline std::string Problems(const std::string& directory) {
  SilentMonitor monitor;
  const auto report = CheckDirectory(directory, monitor);
  EXPECT_OK(report);
  std::string text;
  for (const CheckProblem& problem : report->problems) {
    text += problem.object + ": " + problem.problem + ": " + problem.detail + "\n";
  }
  return text;
}

inline std::set<std::string> NamesIn(const std::string& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

class BackupTest : public StoreFixture {
 protected:
  BackupTest() : folder_(directory() + "-backups"), target_(directory() + "-restored") {
    fs::remove_all(folder_);
    fs::remove_all(target_);
  }
  ~BackupTest() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
    fs::remove_all(target_, ignored);
  }

  Result<BackupSummary> TryBackup(const BackupOptions& options = {}) {
    SilentMonitor monitor;
    return store().Backup(folder_, options, monitor);
  }
  BackupSummary Backup(const BackupOptions& options = {}) {
    auto made = TryBackup(options);
    EXPECT_OK(made);
    return made.ok() ? std::move(made).value() : BackupSummary();
  }
  Result<RestoreSummary> TryRestore(std::uint64_t number) {
    SilentMonitor monitor;
    return RestoreBackup(folder_, number, target_, monitor);
  }
  // Adds a release with embeddings of about 2 MB. They are a table that nothing rewrites, while
  // RocksDB rewrites tables of rows whenever it likes.
  void AddLargeRelease(std::uint32_t number) {
    constexpr std::uint32_t kDim = 128;
    constexpr std::uint32_t kNumRows = 8000;
    Random random(number);
    // Before any snapshot: RocksDB rewrites tables once that came while there was one.
    auto writer = std::move(store().NewEmbeddingVersion(number, kDim)).value();
    std::vector<std::uint16_t> values(kDim);
    for (std::uint32_t i = 0; i < kNumRows; ++i) {
      for (std::uint16_t& value : values) {
        value = static_cast<std::uint16_t>(random.Uniform(0x7C00));
      }
      ASSERT_OK(writer->Add(EntityKind::kLabel, Ordinal{i}, 0, values));
    }
    ASSERT_OK(writer->Finish());
    auto transaction = Begin();
    for (std::uint32_t i = 0; number == 1 && i < kNumRows; ++i) {
      ASSERT_OK(transaction->InsertRow(EntityKind::kLabel, Row("l" + std::to_string(i))));
    }
    ModelRecord model;
    model.name = "m";
    ReleaseRecord release;
    release.model = "m";
    release.number = number;
    release.embedding_version = number;
    ASSERT_OK(transaction->PutModel(model));
    ASSERT_OK(transaction->PutRelease(release));
    ASSERT_OK(transaction->Commit());
  }
  std::uintmax_t BytesStored() const {
    std::uintmax_t bytes = 0;
    for (const auto& entry : fs::directory_iterator(folder_ + "/files")) {
      bytes += entry.file_size();
    }
    return bytes;
  }
  // Restores to the target, made anew, and returns what stands there.
  std::map<std::string, std::string> Restored(std::uint64_t number) {
    fs::remove_all(target_);
    EXPECT_OK(TryRestore(number));
    EXPECT_EQ(Problems(target_), "");
    return ContentsOf(target_);
  }
  std::vector<BackupInfo> List() {
    auto listed = ListBackups(folder_);
    EXPECT_OK(listed);
    return listed.ok() ? std::move(listed).value() : std::vector<BackupInfo>();
  }
  // The files that no backup needs are exactly none.
  void ExpectNothingStray() {
    EXPECT_TRUE(fs::is_empty(folder_ + "/tmp"));
    std::set<std::string> needed;
    for (const auto& name : NamesIn(folder_ + "/backups")) {
      std::ifstream file(folder_ + "/backups/" + name);
      for (std::string line; std::getline(file, line);) {
        // One member a line; "size" stands before "xxh3".
        const auto value = [&line] { return line.substr(line.find(": ") + 2); };
        if (line.find("\"size\"") != std::string::npos) {
          size_ = value().substr(0, value().find_first_not_of("0123456789"));
        } else if (line.find("\"xxh3\"") != std::string::npos) {
          needed.insert(value().substr(1, 32) + "-" + size_);
        }
      }
    }
    EXPECT_EQ(NamesIn(folder_ + "/files"), needed);
  }

  void AddRows(const std::string& prefix, int count, int text_bytes) {
    Random random(static_cast<std::uint64_t>(count));
    auto transaction = Begin();
    for (int i = 0; i < count; ++i) {
      std::string text;
      for (int j = 0; j < text_bytes; ++j) {
        text.push_back(static_cast<char>('a' + random.Uniform(26)));
      }
      ASSERT_OK(
          transaction->InsertRow(EntityKind::kDocument, Row(prefix + std::to_string(i), text)));
    }
    ASSERT_OK(transaction->Commit());
  }

  const std::string& folder() const { return folder_; }
  const std::string& target() const { return target_; }

 private:
  const std::string folder_;
  const std::string target_;
  std::string size_;
};

}  // namespace dashi::storage
