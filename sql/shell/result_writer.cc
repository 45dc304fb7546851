#include "sql/shell/result_writer.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/value_format.h"
#include "base/vector_codec.h"
#include "sql/shell/markup_writer.h"
#include "sql/shell/table_writer.h"

namespace dashi {

namespace {

class CsvWriter final : public ResultWriter {
 public:
  explicit CsvWriter(ByteSink& sink) : sink_(sink) {}

  Status Begin(const std::vector<Column>& columns) override {
    std::string line;
    for (const Column& column : columns) {
      line += &column == &columns.front() ? "" : ",";
      AppendCsvText(&line, column.name);
    }
    return sink_.Write(line + "\n");
  }

  Status Write(const Row& row) override {
    std::string line;
    for (const Value& value : row) {
      line += &value == &row.front() ? "" : ",";
      AppendCsvField(&line, value);
    }
    return sink_.Write(line + "\n");
  }

  Status End() override { return Status(); }
  Status Abandon() override { return Status(); }

 private:
  ByteSink& sink_;
};

// Both JSON formats: one array of objects, or an object a line.
class JsonWriter final : public ResultWriter {
 public:
  JsonWriter(bool lines, ByteSink& sink) : lines_(lines), sink_(sink) {}

  Status Begin(const std::vector<Column>& columns) override {
    std::set<std::string> taken;
    for (const Column& column : columns) {
      // Two columns of one name would be one key: the second becomes "name_2".
      std::string name = column.name;
      for (int number = 2; !taken.insert(name).second; ++number) {
        name = fmt::format("{}_{}", column.name, number);
      }
      std::string& key = keys_.emplace_back();
      AppendJsonString(&key, name);
      is_vector_.push_back(column.sql_type == SqlType::kVector);
    }
    return Status();
  }

  Status Write(const Row& row) override {
    std::string line = lines_ ? "" : (first_ ? "[\n" : ",\n");
    first_ = false;
    line += '{';
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += (i == 0 ? "" : ", ") + keys_[i] + ": ";
      if (is_vector_[i] && row[i].type() == ValueType::kBlob) {
        AppendVectorText(&line, row[i].bytes());
      } else {
        AppendJsonValue(&line, row[i]);
      }
    }
    line += lines_ ? "}\n" : "}";
    return sink_.Write(line);
  }

  Status End() override { return lines_ ? Status() : sink_.Write(first_ ? "[]\n" : "\n]\n"); }
  // A cut array is not closed, so that no one takes it for a whole one.
  Status Abandon() override { return lines_ || first_ ? Status() : sink_.Write("\n"); }

 private:
  const bool lines_;
  ByteSink& sink_;
  std::vector<std::string> keys_;
  std::vector<bool> is_vector_;
  bool first_ = true;
};

// The text format of COPY: a line a row, NULL as \N, and escapes that begin with a backslash.
class TsvWriter final : public ResultWriter {
 public:
  explicit TsvWriter(ByteSink& sink) : sink_(sink) {}

  Status Begin(const std::vector<Column>& columns) override {
    std::string line;
    for (const Column& column : columns) {
      line += &column == &columns.front() ? "" : "\t";
      AppendTsvText(&line, column.name);
    }
    return sink_.Write(line + "\n");
  }

  Status Write(const Row& row) override {
    std::string line;
    for (const Value& value : row) {
      line += &value == &row.front() ? "" : "\t";
      AppendTsvField(&line, value);
    }
    return sink_.Write(line + "\n");
  }

  Status End() override { return Status(); }
  Status Abandon() override { return Status(); }

 private:
  ByteSink& sink_;
};

/// Hands on rows in which vectors are text, to a writer that knows numbers, texts and bytes alone.
class VectorWriter final : public ResultWriter {
 public:
  explicit VectorWriter(std::unique_ptr<ResultWriter> writer) : writer_(std::move(writer)) {}

  Status Begin(const std::vector<Column>& columns) override {
    std::vector<Column> shown = columns;
    for (std::size_t i = 0; i < shown.size(); ++i) {
      if (shown[i].sql_type == SqlType::kVector) {
        vectors_.push_back(i);
        shown[i].type = ValueType::kText;
      }
    }
    return writer_->Begin(shown);
  }

  Status Write(const Row& row) override {
    if (vectors_.empty()) {
      return writer_->Write(row);
    }
    Row shown = row;
    for (const std::size_t i : vectors_) {
      if (shown[i].type() == ValueType::kBlob) {
        shown[i] = Value::Text(VectorText(shown[i].bytes()));
      }
    }
    return writer_->Write(shown);
  }

  Status End() override { return writer_->End(); }
  Status Abandon() override { return writer_->Abandon(); }

 private:
  const std::unique_ptr<ResultWriter> writer_;
  std::vector<std::size_t> vectors_;
};

// In the order of OutputFormat.
constexpr std::array<std::string_view, 7> kFormatNames = {"table", "csv",      "tsv", "json",
                                                          "jsonl", "markdown", "html"};

}  // namespace

std::span<const std::string_view> OutputFormatNames() { return kFormatNames; }

std::optional<OutputFormat> OutputFormatNamed(std::string_view name) {
  const auto found = std::find(kFormatNames.begin(), kFormatNames.end(), name);
  if (found == kFormatNames.end()) {
    return std::nullopt;
  }
  return static_cast<OutputFormat>(found - kFormatNames.begin());
}

std::string_view NameOf(OutputFormat format) {
  return kFormatNames[static_cast<std::size_t>(format)];
}

namespace {

std::unique_ptr<ResultWriter> MakePlainWriter(const WriterOptions& options, ByteSink& sink) {
  switch (options.format) {
    case OutputFormat::kCsv:
      return std::make_unique<CsvWriter>(sink);
    case OutputFormat::kTsv:
      return std::make_unique<TsvWriter>(sink);
    case OutputFormat::kJson:
      return std::make_unique<JsonWriter>(/*lines=*/false, sink);
    case OutputFormat::kJsonLines:
      return std::make_unique<JsonWriter>(/*lines=*/true, sink);
    case OutputFormat::kMarkdown:
      return MakeMarkdownWriter(sink);
    case OutputFormat::kHtml:
      return MakeHtmlWriter(sink);
    case OutputFormat::kTable:
      break;
  }
  return MakeTableWriter(options, sink);
}

}  // namespace

std::unique_ptr<ResultWriter> MakeResultWriter(const WriterOptions& options, ByteSink& sink) {
  std::unique_ptr<ResultWriter> writer = MakePlainWriter(options, sink);
  const bool json =
      options.format == OutputFormat::kJson || options.format == OutputFormat::kJsonLines;
  return json ? std::move(writer) : std::make_unique<VectorWriter>(std::move(writer));
}

}  // namespace dashi
