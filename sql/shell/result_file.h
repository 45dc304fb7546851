#pragma once

#include <memory>
#include <string>

#include "dashi/status.h"
#include "sql/shell/byte_sink.h"
#include "sql/shell/command_pipe.h"

namespace dashi {

/// Where `\o`, `\g` and `\copy ... TO` send rows: a file, or a command behind `|`.
///
/// Errors:  as ByteSink.
/// Threads: one thread at a time.
class ResultFile final : public ByteSink {
 public:
  enum class Mode {
    kStream,  ///< the file is emptied and written at once
    kWhole    ///< a regular file has its name when it is whole: Commit gives it
  };

  /// Errors: kNotFound, kIoError (58P01) with the system's reason.
  static Result<std::unique_ptr<ResultFile>> Open(const std::string& target, Mode mode);
  /// Removes a file that was not committed, with kWhole.
  ~ResultFile() override;
  ResultFile(const ResultFile&) = delete;
  ResultFile& operator=(const ResultFile&) = delete;

  Status Write(std::string_view bytes) override { return sink_->Write(bytes); }
  Status Flush() override { return sink_->Flush(); }
  /// Writes what is left and closes.
  Status Commit();

 private:
  ResultFile() = default;
  static Result<std::unique_ptr<ResultFile>> OpenPipe(const std::string& command);
  void Close();

  std::string path_;
  std::string written_path_;  // what is written to, path_ or another name beside it
  int file_descriptor_ = -1;
  std::unique_ptr<ByteSink> sink_;
};

}  // namespace dashi
