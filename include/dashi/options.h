#pragma once

#include <cstdint>
#include <string>

namespace dashi {

/// How to open a database directory.
struct OpenOptions {
  /// Makes the directory and an empty database when there is none.
  bool create_if_missing = true;
  /// Opens for reading only, without taking the directory's lock. Writes fail with 25006.
  bool read_only = false;
  /// With read_only: each statement (each transaction block) sees what another process has
  /// committed until then. Without it all see the state of the moment of opening.
  bool follow = false;
  /// Bytes of block cache, memtables, loaded releases, uncommitted changes and what COPY remembers,
  /// together. What does not fit fails with 53200; SHOW MEMORY tells who uses it. Training has its
  /// own memory beside it.
  std::uint64_t memory_bytes_max = std::uint64_t{512} << 20;
  /// Bytes of the disk that COPY and TRAIN MODEL leave free, so that single statements find room.
  std::uint64_t reserved_disk_bytes = std::uint64_t{64} << 20;
  /// Threads for encoding, scanning and training; 0 means one per core.
  int num_threads = 0;
  /// Path of libdashi_torch.so; empty means beside the program or library, then the system's
  /// library path. Only training and transformer encoding load it.
  std::string torch_module_path;
};

}  // namespace dashi
