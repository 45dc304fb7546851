#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/crash/crash_rows.h"
#include "tests/crash/crash_session.h"

namespace dashi::crash {

/// The one thread that adds, renames and drops columns of `documents`, makes indexes over them,
/// and writes their values in documents of its own.
///
/// Threads: one thread at a time.
class SchemaWriter {
 public:
  struct Options {
    std::uint64_t seed = 0;
    bool indexes_first = false;  ///< makes and drops indexes at once, again and again
  };
  SchemaWriter(Database* database, CrashEventWriter* events, const Options& options, Rows rows);

  /// Works until `stop` says so.
  void Run(const std::function<bool()>& stop);

 private:
  void AddDocuments();
  void Step();
  void AddColumn();
  void DropColumn();
  void RenameColumn();
  void UpdateValues();
  void CreateIndex();
  void DropIndex();
  void Commit(const std::string& sql, Rows after);

  std::string RandomColumn();
  /// One of the names behind `prefix`, or nothing.
  std::string RandomName(const std::string& prefix);

  CrashSession session_;
  const Options options_;
  Random random_;
  const bool has_indexes_;
  Rows rows_;
};

}  // namespace dashi::crash
