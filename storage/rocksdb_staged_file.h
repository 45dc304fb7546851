#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <rocksdb/options.h>
#include <rocksdb/sst_file_writer.h>

#include "dashi/status.h"
#include "storage/catalog_codec.h"
#include "storage/rocksdb_store_state.h"

namespace dashi::storage {

/// Writes the staged files of a load for one column family into the tmp folder.
///
/// Threads: one thread at a time.
class StagedFileWriter {
 public:
  /// The files are named `prefix` and a number.
  StagedFileWriter(RocksdbStoreState* state, Family family, std::string prefix);

  /// Appends an entry. A key that is not above the last one begins another file, and so does every
  /// 64 MiB. Keys within a file ascend.
  Status Add(std::string_view key, std::string_view value) { return Write(key, value, false); }
  /// The same with an operand of the family's merge operator.
  Status AddOperand(std::string_view key, std::string_view operand) {
    return Write(key, operand, true);
  }
  /// Ends the file that is being written, durable but for its name.
  Status Finish();
  /// Removes all files.
  void Remove();

  const std::vector<StagedFile>& files() const { return files_; }

 private:
  Status StartFile();
  Status Write(std::string_view key, std::string_view value, bool is_operand);

  RocksdbStoreState* const state_;
  const std::string prefix_;
  const rocksdb::Options options_;
  std::unique_ptr<rocksdb::SstFileWriter> writer_;
  std::vector<StagedFile> files_;  // with the one that is being written
  std::string last_key_;
};

/// Reads the files in the folder `tmp` through and compares them with what their record says.
///
/// Errors: kCorruption (XX001) naming a file that is gone, or not as it was written; kIoError.
Status CheckStagedFiles(const std::string& tmp, const std::vector<StagedFile>& files);

}  // namespace dashi::storage
