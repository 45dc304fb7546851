#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "storage/catalog_codec.h"
#include "storage/load_spool.h"
#include "storage/rocksdb_store_state.h"

namespace dashi::storage {

/// The blocks of a load: one that is being filled, and those before it, in a spool file which is
/// created when the first block is written. It removes the file in the end, unless Keep was called.
///
/// Threads: one thread at a time.
class LoadBlocks {
 public:
  /// A block of this size should be written before more is added.
  static constexpr std::size_t kBlockBytes = std::size_t{64} << 10;

  LoadBlocks(RocksdbStoreState* state, ChangedTable table) : state_(state), table_(table) {}
  ~LoadBlocks();
  LoadBlocks(const LoadBlocks&) = delete;
  LoadBlocks& operator=(const LoadBlocks&) = delete;

  /// The block that is being filled, and its number.
  std::string* last() { return &block_; }
  const std::string& last() const { return block_; }
  std::uint32_t last_number() const { return static_cast<std::uint32_t>(offsets_.size()); }
  /// Any block by its number, of those written or the last.
  Result<std::string> At(std::uint32_t number) const;
  bool in_file() const { return spool_ != nullptr; }
  std::uint64_t file_bytes() const { return spool_ == nullptr ? 0 : spool_->size(); }

  bool is_full() const { return block_.size() >= kBlockBytes; }
  /// Writes the last block, if there is anything in it, and begins another. After an error it may
  /// be tried again.
  Status Write();
  /// Makes all blocks durable and names their file in the record.
  Status Finish(LoadRecord* record);
  /// The file belongs to a load record.
  void Keep() { keeps_file_ = true; }

 private:
  Status CreateSpool();

  RocksdbStoreState* const state_;
  const ChangedTable table_;
  std::string block_;
  std::string spool_name_;
  std::unique_ptr<LoadSpoolWriter> spool_;
  std::vector<std::uint64_t> offsets_;
  bool keeps_file_ = false;
};

}  // namespace dashi::storage
