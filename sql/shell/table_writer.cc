#include "sql/shell/table_writer.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/shell/display_width.h"

namespace dashi {

namespace {

// A column is not cut below this. One of reals loses digits that say little, so it goes first.
constexpr std::size_t kColumnWidthMin = 8;
constexpr std::size_t kRealWidthMin = 6;
constexpr std::size_t kRealsFirst = 6;  // and counts as so much wider than it is
constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kPlain = "\x1b[0m";

bool IsNumber(const Value& value) {
  return value.type() == ValueType::kInteger || value.type() == ValueType::kReal;
}

std::vector<std::string> LinesOf(std::string_view text) {
  std::vector<std::string> lines;
  while (true) {
    const std::size_t newline = text.find('\n');
    lines.emplace_back(text.substr(0, newline));
    if (newline == std::string_view::npos) {
      return lines;
    }
    text.remove_prefix(newline + 1);
  }
}

std::string RowCount(std::uint64_t num_rows) {
  return fmt::format("({} {})\n", num_rows, num_rows == 1 ? "row" : "rows");
}

// Takes columns away from the widest until all fit, none below its minimum. `separators` is what
// stands between and around. Returns false when they do not fit even so.
bool ShrinkToFit(std::vector<std::size_t>* widths, const std::vector<std::size_t>& minima,
                 std::size_t separators, std::size_t total) {
  std::size_t sum = separators;
  for (const std::size_t width : *widths) {
    sum += width;
  }
  while (sum > total) {
    std::size_t widest = widths->size();
    std::size_t widest_counts = 0;
    for (std::size_t i = 0; i < widths->size(); ++i) {
      const std::size_t counts = (*widths)[i] + (minima[i] == kRealWidthMin ? kRealsFirst : 0);
      if ((*widths)[i] > minima[i] && counts > widest_counts) {
        widest = i;
        widest_counts = counts;
      }
    }
    if (widest == widths->size()) {
      return false;
    }
    --(*widths)[widest];
    --sum;
  }
  return true;
}

class ExpandedWriter final : public ResultWriter {
 public:
  explicit ExpandedWriter(ByteSink& sink) : sink_(sink) {}

  Status Begin(const std::vector<Column>& columns) override {
    for (const Column& column : columns) {
      std::string name = PrintableText(column.name);
      std::replace(name.begin(), name.end(), '\n', ' ');
      name_width_ = std::max(name_width_, DisplayWidth(name));
      names_.push_back(std::move(name));
    }
    return Status();
  }

  Status Write(const Row& row) override {
    ++num_rows_;
    std::string out = fmt::format("-[ RECORD {} ]-{}\n", num_rows_, std::string(name_width_, '-'));
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::vector<std::string> lines = LinesOf(PrintableText(row[i].ToString()));
      for (std::size_t line = 0; line < lines.size(); ++line) {
        const std::string name = line == 0 ? names_[i] : std::string();
        out += name + std::string(name_width_ - DisplayWidth(name), ' ') + " | " + lines[line];
        out += line + 1 < lines.size() ? "+\n" : "\n";
      }
    }
    return sink_.Write(out);
  }

  Status End() override { return num_rows_ == 0 ? sink_.Write(RowCount(0)) : Status(); }
  Status Abandon() override { return Status(); }

 private:
  ByteSink& sink_;
  std::vector<std::string> names_;
  std::size_t name_width_ = 0;
  std::uint64_t num_rows_ = 0;
};

class AlignedWriter final : public ResultWriter {
 public:
  AlignedWriter(const WriterOptions& options, ByteSink& sink) : options_(options), sink_(sink) {}

  Status Begin(const std::vector<Column>& columns) override {
    columns_ = columns;
    for (const Column& column : columns) {
      std::string name = PrintableText(column.name);
      std::replace(name.begin(), name.end(), '\n', ' ');
      names_.push_back(std::move(name));
      numeric_.push_back(column.type == ValueType::kInteger || column.type == ValueType::kReal);
    }
    return Status();
  }

  Status Write(const Row& row) override {
    if (expanded_ != nullptr) {
      return expanded_->Write(row);
    }
    ++num_rows_;
    if (!widths_.empty()) {
      return WriteRow(row);
    }
    rows_.push_back(row);
    return rows_.size() < options_.buffered_rows_max ? Status() : StartTable();
  }

  Status End() override {
    if (widths_.empty()) {
      DASHI_RETURN_IF_ERROR(StartTable());
    }
    return expanded_ != nullptr ? expanded_->End() : sink_.Write(RowCount(num_rows_));
  }

  Status Abandon() override { return widths_.empty() && !rows_.empty() ? StartTable() : Status(); }

 private:
  Status StartTable() {
    const bool fits = FixWidths();
    if (!fits && options_.expanded == Expanded::kAuto && !rows_.empty()) {
      return StartExpanded();
    }
    DASHI_RETURN_IF_ERROR(WriteHeader());
    for (const Row& row : rows_) {
      DASHI_RETURN_IF_ERROR(WriteRow(row));
    }
    rows_.clear();
    return Status();
  }

  Status StartExpanded() {
    expanded_ = std::make_unique<ExpandedWriter>(sink_);
    DASHI_RETURN_IF_ERROR(expanded_->Begin(columns_));
    for (const Row& row : rows_) {
      DASHI_RETURN_IF_ERROR(expanded_->Write(row));
    }
    rows_.clear();
    return Status();
  }

  // Returns whether the columns fit the terminal.
  bool FixWidths() {
    std::vector<std::size_t> minima;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      std::size_t width = std::max<std::size_t>(DisplayWidth(names_[i]), 1);
      bool any_number = false;
      bool any_real = false;
      bool any_other = false;
      for (const Row& row : rows_) {
        for (const std::string& line : LinesOf(PrintableText(row[i].ToString()))) {
          width = std::max(width, DisplayWidth(line));
        }
        any_number = any_number || IsNumber(row[i]);
        any_real = any_real || row[i].type() == ValueType::kReal;
        any_other = any_other || (!row[i].is_null() && !IsNumber(row[i]));
      }
      numeric_[i] = !any_other && (any_number || numeric_[i]);
      widths_.push_back(width);
      minima.push_back(numeric_[i] && any_real ? kRealWidthMin : kColumnWidthMin);
    }
    return options_.terminal_width == 0 ||
           ShrinkToFit(&widths_, minima, 3 * widths_.size(), options_.terminal_width);
  }

  Status WriteHeader() {
    std::string line;
    std::string rule;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      const std::string name = Fit(names_[i], widths_[i]);
      const std::size_t room = widths_[i] - std::min(widths_[i], DisplayWidth(name));
      line += i == 0 ? " " : "| ";
      line += std::string(room / 2, ' ') + Colored(kBold, name);
      const bool last = i + 1 == names_.size();
      line += last ? "" : std::string(room - room / 2 + 1, ' ');
      rule += (i == 0 ? "" : "+") + std::string(widths_[i] + 2, '-');
    }
    return sink_.Write(line + "\n" + rule + "\n");
  }

  Status WriteRow(const Row& row) {
    std::vector<std::vector<std::string>> cells;
    std::size_t height = 1;
    for (const Value& value : row) {
      cells.push_back(LinesOf(PrintableText(value.ToString())));
      height = std::max(height, cells.back().size());
    }
    std::string out;
    for (std::size_t line = 0; line < height; ++line) {
      for (std::size_t i = 0; i < cells.size(); ++i) {
        AppendCell(&out, row, cells[i], line, i);
      }
      out.erase(out.find_last_not_of(' ') + 1);
      out += '\n';
    }
    return sink_.Write(out);
  }

  void AppendCell(std::string* out, const Row& row, const std::vector<std::string>& lines,
                  std::size_t line, std::size_t column) const {
    const std::string text =
        line < lines.size() ? Fit(lines[line], widths_[column]) : std::string();
    const std::size_t width = DisplayWidth(text);
    const std::string room(widths_[column] - std::min(widths_[column], width), ' ');
    const std::string shown = row[column].is_null() && line == 0 ? Colored(kDim, text) : text;
    *out += column == 0 ? " " : "| ";
    *out += numeric_[column] ? room + shown : shown + room;
    *out += line + 1 < lines.size() ? '+' : ' ';
  }

  std::string Fit(std::string_view text, std::size_t width) const {
    return options_.terminal_width > 0 ? CutToWidth(text, width) : std::string(text);
  }

  std::string Colored(std::string_view color, const std::string& text) const {
    return options_.color ? fmt::format("{}{}{}", color, text, kPlain) : text;
  }

  const WriterOptions options_;
  ByteSink& sink_;
  std::unique_ptr<ExpandedWriter> expanded_;  // when the columns did not fit
  std::vector<Column> columns_;
  std::vector<std::string> names_;
  std::vector<bool> numeric_;
  std::vector<std::size_t> widths_;  // empty until the table has begun
  std::vector<Row> rows_;            // held back until then
  std::uint64_t num_rows_ = 0;
};

}  // namespace

std::unique_ptr<ResultWriter> MakeTableWriter(const WriterOptions& options, ByteSink& sink) {
  if (options.expanded == Expanded::kOn) {
    return std::make_unique<ExpandedWriter>(sink);
  }
  return std::make_unique<AlignedWriter>(options, sink);
}

}  // namespace dashi
