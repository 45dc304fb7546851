#pragma once

#include <memory>

#include <rocksdb/file_system.h>

#include "base/file_gate.h"

namespace dashi::storage {

/// The system's files for RocksDB, with every change passing `gate`, which must outlive it.
///
/// A full disk or quota is reported as NoSpace, from which the engine can recover, save when a sync
/// fails: nobody can tell then which bytes are on the disk.
std::shared_ptr<rocksdb::FileSystem> MakeGatedFileSystem(FileGate& gate);

}  // namespace dashi::storage
