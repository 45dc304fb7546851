#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "storage/task_monitor.h"

namespace dashi::storage {

/// Something in a database that is not as it should be.
struct CheckProblem {
  std::string object;   ///< a table, or a file relative to the database's folder
  std::string problem;  ///< what is wrong with it
  std::string detail;   ///< where: ids, ordinals, keys
};

/// What a check found.
struct CheckReport {
  std::vector<CheckProblem> problems;  ///< the first kNumProblemsMax
  std::uint64_t num_problems = 0;
  std::vector<std::string> notes;  ///< what is no damage: leftovers that the next open removes
  std::uint64_t commit_sequence = 0;
  std::uint64_t num_files = 0;
  std::uint64_t num_file_bytes = 0;
  std::uint64_t num_rows = 0;
  std::uint64_t num_pairs = 0;
  std::uint64_t num_edges = 0;
  std::uint64_t num_embeddings = 0;

  static constexpr std::size_t kNumProblemsMax = 1000;
};

/// Checks a database that no process has open, and changes nothing in it. Store::Check does the
/// same to an open one, on a snapshot, while others write.
///
/// What keeps the database from being opened is a problem as well.
///
/// Errors: kNotFound (3D000) when there is no database; kUnavailable (55006) while another process
///         has it open; the monitor's.
Result<CheckReport> CheckDirectory(const std::string& directory, TaskMonitor& monitor);

}  // namespace dashi::storage
