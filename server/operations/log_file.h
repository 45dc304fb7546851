#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/logging.h"
#include "base/mutex.h"
#include "dashi/status.h"

namespace dashi {

/// A log of one JSON object a line, of its own file or of the log stream.
///
/// Threads: all methods may be called at once; a line is written by one call, so that several
///          processes may share a file.
class LogFile {
 public:
  /// `name` says in errors which log it is: `audit log`.
  explicit LogFile(std::string name) : name_(std::move(name)) {}

  /// Appends to a file, which is made, for its owner alone, when absent. `stderr` is the log
  /// stream; an empty path writes nothing.
  ///
  /// Errors: kIoError when the file cannot be opened; then it is as it was.
  Status Open(const std::string& path) DASHI_EXCLUDES(mutex_);
  bool is_open() const DASHI_EXCLUDES(mutex_);
  /// Writes a line: when, what happened, and `fields`, an object. Where the log's format is JSON it
  /// has the names of the server's log: `level`, `message` for what happened, `user` for the field
  /// `role`, `client` for `address`, and `session` where it is known. What cannot be written is
  /// told in the log stream.
  void Write(LogLevel level, std::string_view event, const nlohmann::ordered_json& fields)
      DASHI_EXCLUDES(mutex_);

 private:
  class OpenFile;

  const std::string name_;
  mutable Mutex mutex_;
  // Sharers: writes that began before the file was opened anew.
  std::shared_ptr<OpenFile> file_ DASHI_GUARDED_BY(mutex_);
};

}  // namespace dashi
