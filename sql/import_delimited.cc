#include "sql/import_delimited.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/status.h"
#include "sql/import_lines.h"

namespace dashi::sql {
namespace {

constexpr std::string_view kBadFormat = "22P04";
constexpr std::string_view kBadEncoding = "22021";
// Of a field's memory the next row reuses no more.
constexpr std::size_t kReusedBytesMax = std::size_t{4} << 10;

/// What csv and tsv share: columns, the header line, checks of a line's bytes and of a row's
/// number of fields. Subclasses cut a row into fields with Take.
class DelimitedReader : public ImportReader {
 public:
  Result<bool> Next(ImportRecord* record) override {
    std::string_view line;
    do {
      DASHI_ASSIGN_OR_RETURN(const bool found, lines_->Next(&line));
      if (!found || ended_) {
        return false;
      }
    } while (columns_.size() > 1 && WithoutCarriageReturn(line).empty());
    record_ = record;
    record_->line = lines_->line();
    num_fields_ = 0;
    row_bytes_ = line.size();
    defect_.reset();
    CheckBytes(line);
    DASHI_RETURN_IF_ERROR(ParseRow(line));
    if (ended_) {
      return false;
    }
    return FinishRow();
  }

  /// Takes the names of the columns from the first line.
  Status ReadHeader() {
    ImportRecord header;
    DASHI_ASSIGN_OR_RETURN(const bool found, Next(&header));
    if (!found) {
      return Status::Ok();
    }
    std::vector<std::string> names;
    for (const ImportField& field : header.fields) {
      std::string name(field.value.text());
      if (name.empty()) {
        return lines_->BadRow(header.line, kBadFormat, "the header has a column without a name");
      }
      if (std::find(names.begin(), names.end(), name) != names.end()) {
        return lines_->BadRow(header.line, kBadFormat,
                              fmt::format("the header has a column twice: '{}'", name));
      }
      names.push_back(std::move(name));
    }
    columns_ = std::move(names);
    return Status::Ok();
  }

  std::uint64_t bytes_read() const override { return lines_->bytes_read(); }
  std::uint64_t bytes_total() const override { return lines_->bytes_total(); }

 protected:
  DelimitedReader(std::unique_ptr<ImportLines> lines, char delimiter,
                  const std::vector<std::string>& columns)
      : lines_(std::move(lines)), delimiter_(delimiter), columns_(columns) {}

  /// Calls Take for every field of the row that starts with `line`.
  virtual Status ParseRow(std::string_view line) = 0;

  void Take(Value value) {
    if (ImportField* field = NextField()) {
      field->value = std::move(value);
    }
  }
  void TakeText(std::string_view text) {
    ImportField* field = NextField();
    if (field == nullptr) {
      return;
    }
    if (std::max(text.size(), field->value.text().size()) <= kReusedBytesMax) {
      field->value.AssignText(text);
    } else {
      field->value = Value::Text(std::string(text));
    }
  }

  /// Reads the next line of a row that goes on; false at the end of the file.
  Result<bool> NextLineOfRow(std::string_view* line) {
    DASHI_ASSIGN_OR_RETURN(const bool found, lines_->Next(line));
    if (found) {
      row_bytes_ += line->size() + 1;
      if (row_bytes_ > lines_->row_bytes_max()) {
        return lines_->RowTooLong(record_->line);
      }
      CheckBytes(*line);
    }
    return found;
  }

  /// Notes what is wrong with the row. The first defect is reported, once the row is over.
  void AddDefect(std::string_view sqlstate, std::string reason) {
    if (!defect_.has_value()) {
      defect_ = Defect{sqlstate, std::move(reason)};
    }
  }

  void CheckBytes(std::string_view bytes) {
    if (!simdjson::validate_utf8(bytes)) {
      AddDefect(kBadEncoding, "invalid UTF-8");
    } else if (bytes.find('\0') != std::string_view::npos) {
      AddDefect(kBadEncoding, "a zero byte");
    }
  }

  void EndData() { ended_ = true; }
  char delimiter() const { return delimiter_; }

 private:
  struct Defect {
    std::string_view sqlstate;
    std::string reason;
  };

  /// The record's next field. A header comes before any column is known; fields in excess are
  /// counted, not kept (null).
  ImportField* NextField() {
    const std::size_t place = num_fields_++;
    if (!columns_.empty() && place >= columns_.size()) {
      return nullptr;
    }
    if (place == record_->fields.size()) {
      record_->fields.emplace_back();
    }
    ImportField& field = record_->fields[place];
    if (!columns_.empty() && field.name != columns_[place]) {
      field.name = columns_[place];
    }
    return &field;
  }

  Result<bool> FinishRow() {
    record_->fields.resize(std::min(num_fields_, record_->fields.size()));
    const bool fits = columns_.empty() || num_fields_ == columns_.size();
    if (!fits) {
      AddDefect(kBadFormat, fmt::format("{} fields: got {}, want {} ({})",
                                        num_fields_ < columns_.size() ? "too few" : "too many",
                                        num_fields_, columns_.size(), fmt::join(columns_, ", ")));
    }
    if (!defect_.has_value()) {
      return true;
    }
    Status status = lines_->BadRow(record_->line, defect_->sqlstate, defect_->reason);
    return fits ? std::move(status)
                : std::move(status).WithHint(
                      "COPY table (column, ...) FROM names the columns that a file has.");
  }

  std::unique_ptr<ImportLines> lines_;
  char delimiter_;
  std::vector<std::string> columns_;
  bool ended_ = false;
  // Of the current row.
  ImportRecord* record_ = nullptr;
  std::size_t num_fields_ = 0;
  std::size_t row_bytes_ = 0;
  std::optional<Defect> defect_;
};

class CsvReader final : public DelimitedReader {
 public:
  CsvReader(std::unique_ptr<ImportLines> lines, char delimiter,
            const std::vector<std::string>& columns)
      : DelimitedReader(std::move(lines), delimiter, columns) {}

 private:
  Status ParseRow(std::string_view line) override {
    std::size_t begin = 0;
    while (true) {
      if (begin < line.size() && line[begin] == '"') {
        DASHI_RETURN_IF_ERROR(TakeQuoted(&line, &begin));
      } else {
        TakeUnquoted(line, &begin);
      }
      if (begin >= line.size()) {
        return Status::Ok();
      }
      ++begin;  // the delimiter
      if (begin == line.size()) {
        Take(Value::Null());
        return Status::Ok();
      }
    }
  }

  /// Takes the field at `*begin` and moves `*begin` to the delimiter or to the end of the line.
  void TakeUnquoted(std::string_view line, std::size_t* begin) {
    const std::size_t end = std::min(line.find(delimiter(), *begin), line.size());
    std::string_view field = line.substr(*begin, end - *begin);
    if (end == line.size()) {
      field = WithoutCarriageReturn(field);
    }
    if (field.find('"') != std::string_view::npos) {
      AddDefect(kBadFormat, "a quote within a field that does not begin with one");
    }
    if (field.empty()) {
      Take(Value::Null());
    } else {
      TakeText(field);
    }
    *begin = end;
  }

  /// As TakeUnquoted, for a field in quotes, which may go on in the lines after this one.
  Status TakeQuoted(std::string_view* line, std::size_t* begin) {
    std::string text;
    std::size_t position = *begin + 1;
    while (true) {
      const std::size_t quote = line->find('"', position);
      if (quote == std::string_view::npos) {
        text.append(line->substr(position));
        DASHI_ASSIGN_OR_RETURN(const bool found, NextLineOfRow(line));
        if (!found) {
          AddDefect(kBadFormat, "a quoted field does not end");
          *line = {};
          *begin = 0;
          return Status::Ok();
        }
        text.push_back('\n');
        position = 0;
        continue;
      }
      text.append(line->substr(position, quote - position));
      position = quote + 1;
      if (position == line->size() || (*line)[position] != '"') {
        break;
      }
      text.push_back('"');
      ++position;
    }
    const std::size_t end = std::min(line->find(delimiter(), position), line->size());
    const std::string_view excess = line->substr(position, end - position);
    if (!(end == line->size() ? WithoutCarriageReturn(excess) : excess).empty()) {
      AddDefect(kBadFormat, "text between a closing quote and the next delimiter");
    }
    Take(Value::Text(std::move(text)));
    *begin = end;
    return Status::Ok();
  }
};

int DigitValue(char digit, int base) {
  int value = 99;
  if (digit >= '0' && digit <= '9') {
    value = digit - '0';
  } else if (digit >= 'a' && digit <= 'f') {
    value = digit - 'a' + 10;
  } else if (digit >= 'A' && digit <= 'F') {
    value = digit - 'A' + 10;
  }
  return value < base ? value : -1;
}

class TsvReader final : public DelimitedReader {
 public:
  TsvReader(std::unique_ptr<ImportLines> lines, char delimiter,
            const std::vector<std::string>& columns)
      : DelimitedReader(std::move(lines), delimiter, columns) {}

 private:
  Status ParseRow(std::string_view line) override {
    line = WithoutCarriageReturn(line);
    if (line == "\\.") {
      EndData();
      return Status::Ok();
    }
    if (line.find('\\') != std::string_view::npos) {
      return ParseEscapedRow(line);
    }
    std::size_t begin = 0;
    while (true) {
      const std::size_t end = std::min(line.find(delimiter(), begin), line.size());
      TakeText(line.substr(begin, end - begin));
      if (end == line.size()) {
        return Status::Ok();
      }
      begin = end + 1;
    }
  }

  Status ParseEscapedRow(std::string_view line) {
    row_.assign(line);
    while (EndsInEscape(row_)) {
      DASHI_ASSIGN_OR_RETURN(const bool found, NextLineOfRow(&line));
      if (!found) {
        AddDefect(kBadFormat, "a backslash at the end of the file");
        return Status::Ok();
      }
      row_.push_back('\n');
      row_.append(WithoutCarriageReturn(line));
    }
    std::size_t begin = 0;
    while (true) {
      begin = TakeEscaped(begin);
      if (begin >= row_.size()) {
        return Status::Ok();
      }
      ++begin;
      if (begin == row_.size()) {
        Take(Value::Text(""));
        return Status::Ok();
      }
    }
  }

  static bool EndsInEscape(std::string_view row) {
    const std::size_t last = row.find_last_not_of('\\');
    const std::size_t num_backslashes =
        last == std::string_view::npos ? row.size() : row.size() - last - 1;
    return num_backslashes % 2 == 1;
  }

  /// Takes the field at `begin`; returns the position of the delimiter after it, or the end.
  std::size_t TakeEscaped(std::size_t begin) {
    std::string text;
    std::size_t position = begin;
    while (position < row_.size() && row_[position] != delimiter()) {
      if (row_[position] != '\\') {
        text.push_back(row_[position++]);
      } else {
        position = Unescape(position + 1, &text);
      }
    }
    if (std::string_view(row_).substr(begin, position - begin) == "\\N") {
      Take(Value::Null());
    } else {
      CheckBytes(text);  // \x and \123 can make any byte
      Take(Value::Text(std::move(text)));
    }
    return position;
  }

  /// Appends what the escape at `position`, after its backslash, stands for; returns its end.
  std::size_t Unescape(std::size_t position, std::string* text) {
    constexpr std::string_view kLetters = "bfnrtv";
    constexpr std::string_view kControls = "\b\f\n\r\t\v";
    const char first = row_[position];
    if (const std::size_t index = kLetters.find(first); index != std::string_view::npos) {
      text->push_back(kControls[index]);
      return position + 1;
    }
    const bool hexadecimal = first == 'x';
    const int base = hexadecimal ? 16 : 8;
    const std::size_t digits = position + (hexadecimal ? 1 : 0);
    const std::size_t digits_max = std::min(digits + (hexadecimal ? 2 : 3), row_.size());
    std::size_t end = digits;
    int byte = 0;
    while (end < digits_max && DigitValue(row_[end], base) >= 0) {
      byte = byte * base + DigitValue(row_[end++], base);
    }
    if (end == digits) {  // no number: the byte itself
      text->push_back(first);
      return position + 1;
    }
    text->push_back(static_cast<char>(byte & 0xFF));
    return end;
  }

  std::string row_;
};

template <typename Reader>
Result<std::unique_ptr<ImportReader>> OpenDelimited(const ImportSource& source,
                                                    const ImportFormat& format,
                                                    const std::vector<std::string>& columns,
                                                    char delimiter,
                                                    std::string_view forbidden_delimiters) {
  if (format.delimiter != '\0') {
    delimiter = format.delimiter;
  }
  if (forbidden_delimiters.find(delimiter) != std::string_view::npos ||
      static_cast<unsigned char>(delimiter) >= 0x80U) {
    return Status::InvalidArgument(fmt::format("this delimiter cannot be used for {}: byte {:#04x}",
                                               format.format,
                                               static_cast<unsigned char>(delimiter)));
  }
  if (!format.header && columns.empty()) {
    return Status::InvalidArgument(
        fmt::format("{} needs column names or a header line: {}", format.format, source.name));
  }
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<ImportLines> lines,
                         ImportLines::Open(source, format.row_bytes_max));
  auto reader = std::make_unique<Reader>(std::move(lines), delimiter,
                                         format.header ? std::vector<std::string>() : columns);
  if (format.header) {
    DASHI_RETURN_IF_ERROR(reader->ReadHeader());
  }
  return std::unique_ptr<ImportReader>(std::move(reader));
}

}  // namespace

Result<std::unique_ptr<ImportReader>> OpenCsvReader(const ImportSource& source,
                                                    const ImportFormat& format,
                                                    const std::vector<std::string>& columns) {
  return OpenDelimited<CsvReader>(source, format, columns, ',', "\"\r\n");
}

Result<std::unique_ptr<ImportReader>> OpenTsvReader(const ImportSource& source,
                                                    const ImportFormat& format,
                                                    const std::vector<std::string>& columns) {
  return OpenDelimited<TsvReader>(source, format, columns, '\t',
                                  "\\\r\n.abcdefghijklmnopqrstuvwxyz0123456789");
}

}  // namespace dashi::sql
