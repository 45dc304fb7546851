#include "tests/fault/damaged_database.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

namespace dashi::storage {

namespace fs = std::filesystem;

namespace {

std::string TextOf(const std::string& id) { return id + std::string(200, '.'); }

}  // namespace

void DamagedDatabase::SetUp() {
  Open();
  auto load = store().BeginRowLoad(EntityKind::kDocument, DuplicatePolicy::kFail);
  ASSERT_OK(load);
  for (int i = 0; i < kNumLoaded; ++i) {
    const std::string id = fmt::format("loaded {}", i);
    ASSERT_OK(load.value()->AddRow(Row(id, TextOf(id))));
  }
  ASSERT_OK(load.value()->Commit({}));
  load.value().reset();
  Open();  // A process that loaded something flushes its log when it closes.
  for (int i = 0; i < kNumLogged; ++i) {
    const std::string id = fmt::format("logged {}", i);
    Insert(EntityKind::kDocument, id, TextOf(id));
  }
  Close();
  Keep();
}

void DamagedDatabase::Keep() {
  pristine_ = directory() + ".pristine";
  fs::remove_all(pristine_);
  fs::rename(directory(), pristine_);
  Restore();
}

void DamagedDatabase::Restore() {
  Close();
  fs::remove_all(directory());
  fs::copy(pristine_, directory(), fs::copy_options::recursive);
}

std::vector<std::string> DamagedDatabase::Files(const std::string& ending) const {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(Path("data"))) {
    if (entry.path().string().ends_with(ending)) {
      files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string DamagedDatabase::LastLog() const {
  std::string last;
  for (const std::string& log : Files(".log")) {
    if (fs::file_size(log) > 0) {
      last = log;
    }
  }
  return last;
}

std::string DamagedDatabase::CurrentManifest() const {
  std::string name = Read(Path("data/CURRENT"));
  name.pop_back();  // the end of the line
  return Path("data/" + name);
}

std::string DamagedDatabase::Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void DamagedDatabase::Write(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes;
  ASSERT_TRUE(file.good()) << path;
}

void DamagedDatabase::FlipBit(const std::string& path, std::uint64_t bit) {
  std::string bytes = Read(path);
  ASSERT_LT(bit / 8, bytes.size()) << path;
  bytes[bit / 8] = static_cast<char>(static_cast<unsigned char>(bytes[bit / 8]) ^ (1U << bit % 8));
  Write(path, bytes);
}

void DamagedDatabase::Truncate(const std::string& path, std::uint64_t size) {
  fs::resize_file(path, size);
}

Status DamagedDatabase::OpenAndCompare() {
  auto opened = Store::Open(directory(), {});
  if (!opened.ok()) {
    return opened.status();
  }
  auto view = opened.value()->NewSnapshot();
  if (!view.ok()) {
    return view.status();
  }
  const std::unique_ptr<RowCursor> rows = view.value()->ScanRows(EntityKind::kDocument);
  for (int i = 0; i < kNumLoaded + kNumLogged; ++i) {
    auto more = rows->Next();
    if (!more.ok()) {
      return more.status();
    }
    const std::string id =
        i < kNumLoaded ? fmt::format("loaded {}", i) : fmt::format("logged {}", i - kNumLoaded);
    if (!more.value()) {
      ADD_FAILURE() << "silently lost: " << id << " and what follows";
      return Status::Ok();
    }
    EXPECT_EQ(rows->row().id, id);
    EXPECT_EQ(rows->row().text, TextOf(id));
  }
  auto more = rows->Next();
  EXPECT_TRUE(!more.ok() || !more.value()) << "a row too many";
  return more.ok() ? Status::Ok() : more.status();
}

}  // namespace dashi::storage
