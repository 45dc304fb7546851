#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "dashi/result_set.h"
#include "dashi/status.h"
#include "sql/shell/byte_sink.h"

namespace dashi {

enum class OutputFormat { kTable, kCsv, kTsv, kJson, kJsonLines, kMarkdown, kHtml };

/// The names of the formats: "table", "csv", "tsv", "json", "jsonl", "markdown" and "html".
std::span<const std::string_view> OutputFormatNames();
std::optional<OutputFormat> OutputFormatNamed(std::string_view name);
std::string_view NameOf(OutputFormat format);

/// Whether a table shows one line a value: kAuto does where its columns do not fit the terminal.
enum class Expanded { kOff, kOn, kAuto };

struct WriterOptions {
  OutputFormat format = OutputFormat::kTable;
  Expanded expanded = Expanded::kAuto;  ///< table only
  std::size_t terminal_width = 0;       ///< long cells are cut to fit; 0 when it is not a terminal
  bool color = false;
  /// The rows a table looks at before it fixes the widths of its columns and streams.
  std::size_t buffered_rows_max = 1000;
};

/// Writes the rows of one result.
///
/// Errors:  those of the sink.
/// Threads: one thread at a time.
class ResultWriter {
 public:
  virtual ~ResultWriter() = default;
  virtual Status Begin(const std::vector<Column>& columns) = 0;
  virtual Status Write(const Row& row) = 0;
  /// Ends the result. Not called when the statement failed midway.
  virtual Status End() = 0;
  /// Writes what is held back, when the statement failed midway.
  virtual Status Abandon() = 0;
};

/// Makes a writer for one result. `sink` must outlive it.
std::unique_ptr<ResultWriter> MakeResultWriter(const WriterOptions& options, ByteSink& sink);

}  // namespace dashi
