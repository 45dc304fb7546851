#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/storage/store_fixture.h"

namespace dashi::storage {

/// Gives each test a closed database whose rows are known, and means to damage its files.
///
/// It holds kNumLoaded documents that a load put into tables, and kNumLogged documents of one
/// commit each that stand in the log alone.
class DamagedDatabase : public StoreFixture {
 protected:
  static constexpr int kNumLoaded = 2000;
  static constexpr int kNumLogged = 60;

  void SetUp() override;

  std::string Path(const std::string& name) const { return directory() + "/" + name; }
  /// The files of `data` that end so, by ascending number.
  std::vector<std::string> Files(const std::string& ending) const;
  /// The newest log that holds anything.
  std::string LastLog() const;
  std::string CurrentManifest() const;

  static std::string Read(const std::string& path);
  static void Write(const std::string& path, const std::string& bytes);
  static void FlipBit(const std::string& path, std::uint64_t bit);
  static void Truncate(const std::string& path, std::uint64_t size);
  const std::string& pristine() const { return pristine_; }

  /// What the files of the closed database are now is what Restore puts back.
  void Keep();
  /// Puts every file back as it was when the test began.
  void Restore();
  /// The error of opening for writing; ok when it opens and every row is there.
  Status OpenAndCompare();

 private:
  std::string pristine_;
};

}  // namespace dashi::storage
