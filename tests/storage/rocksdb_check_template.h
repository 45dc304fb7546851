#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "storage/check.h"
#include "storage/rocksdb_engine.h"
#include "tests/storage/store_fixture.h"

namespace dashi::storage {

/// The column of the template's documents, and the index on it.
inline constexpr std::uint32_t kPrice = 17;
inline constexpr std::uint32_t kPriceIndex = 1;
inline constexpr std::int64_t kDefaultPrice = 5;

/// Makes a copy of a database with every kind of thing in it.
void CopyTemplate(const std::string& directory);

/// Opens RocksDB behind the store's back.
std::unique_ptr<RocksdbEngine> OpenEngine(const std::string& directory);

CheckReport Check(const std::string& directory);

/// The problems and the notes, one a line.
std::string Shown(const CheckReport& report);

/// Gives each test a copy of the template.
class CheckTest : public StoreFixture {
 protected:
  void SetUp() override { CopyTemplate(directory()); }
};

}  // namespace dashi::storage
