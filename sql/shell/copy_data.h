#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <utility>

#include "dashi/status.h"
#include "sql/shell/byte_sink.h"
#include "sql/shell/line_reader.h"
#include "sql/shell/statement_splitter.h"

namespace dashi {

/// What a COPY ... FROM STDIN reads.
///
/// Threads: one call at a time.
class CopyData {
 public:
  virtual ~CopyData() = default;
  /// Is told that a COPY is going to read.
  virtual Status Begin() = 0;
  /// As CopyStreams::read.
  virtual Result<std::size_t> Read(std::span<char> bytes) = 0;
  /// Is told that the COPY has ended, whatever it has read.
  virtual void End() = 0;
  /// Is told that a COPY which would have read was refused: where what it would have read is there
  /// already, it is passed over.
  virtual void Refuse() = 0;
  /// Whether a person types it.
  virtual bool typed() const = 0;
};

/// The lines behind the statement, up to one that is `\.` alone or the end of all lines: those that
/// the splitter has already, as of a text that was pasted, and those that are read then. End passes
/// over what the COPY did not read, so that it is not taken for statements.
class LineData final : public CopyData {
 public:
  /// `reading` is true while a line is waited for; `terminal` gets a word of explanation where a
  /// person types. All must outlive it.
  LineData(LineReader& lines, StatementSplitter& splitter, ByteSink& terminal,
           std::atomic<bool>& reading)
      : lines_(lines), splitter_(splitter), terminal_(terminal), reading_(reading) {}

  Status Begin() override;
  /// Errors: kCancelled (57014) for Ctrl-C; kResourceExhausted (54000) for an endless line.
  Result<std::size_t> Read(std::span<char> bytes) override;
  void End() override;
  void Refuse() override;
  bool typed() const override { return lines_.interactive(); }

 private:
  void TakeKnown();
  // Reads the next line into line_; false at the end of the data.
  Result<bool> NextLine();
  LineReader::Outcome ReadLine();

  LineReader& lines_;
  StatementSplitter& splitter_;
  ByteSink& terminal_;
  std::atomic<bool>& reading_;
  std::string known_;  // what the splitter had
  std::size_t known_read_ = 0;
  std::size_t num_lines_ = 0;
  std::string line_;  // with its line feed
  std::size_t given_ = 0;
  bool at_end_ = false;
};

/// The bytes of the process's standard input as they come, to their end. They can be read once.
class StandardInputData final : public CopyData {
 public:
  /// `cancelled` is asked ten times a second while nothing comes.
  explicit StandardInputData(std::function<bool()> cancelled) : cancelled_(std::move(cancelled)) {}

  /// Notes that somebody else reads them.
  void Take() { taken_ = true; }
  /// Errors: kFailedPrecondition (55000) when they were read already.
  Status Begin() override;
  /// Errors: kCancelled (57014), kIoError.
  Result<std::size_t> Read(std::span<char> bytes) override;
  void End() override {}
  void Refuse() override {}
  bool typed() const override;

 private:
  const std::function<bool()> cancelled_;
  bool taken_ = false;
};

}  // namespace dashi
