#include "sql/import_xc.h"

#include <charconv>
#include <cmath>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/status.h"
#include "sql/import_json_lines.h"
#include "sql/import_lines.h"
#include "sql/import_xc_ids.h"

namespace dashi::sql {
namespace {

constexpr std::string_view kInvalidText = "22P02";
constexpr std::string_view kBadFormat = "22P04";
constexpr std::string_view kBadEncoding = "22021";

void SetField(ImportRecord* record, std::size_t index, std::string_view name, Value value) {
  if (index >= record->fields.size()) {
    record->fields.resize(index + 1);
  }
  record->fields[index].name = name;
  record->fields[index].value = std::move(value);
}

void SetEntityRow(ImportRecord* record, std::string id, std::string text,
                  const std::string& split) {
  SetField(record, 0, "id", Value::Text(std::move(id)));
  SetField(record, 1, "text", Value::Text(std::move(text)));
  if (!split.empty()) {
    SetField(record, 2, "split", Value::Text(split));
  }
  record->fields.resize(split.empty() ? 2 : 3);
}

/// One relevant pair of the line that is being expanded.
struct Pair {
  std::uint64_t label = 0;
  double weight = 1.0;
};

void SetRelevanceRow(ImportRecord* record, std::string_view document, std::string label,
                     double weight) {
  SetField(record, 0, "document", Value::Text(std::string(document)));
  SetField(record, 1, "label", Value::Text(std::move(label)));
  SetField(record, 2, "weight", Value::Real(weight));
  record->fields.resize(3);
}

/// documents and labels from trn.json, tst.json and lbl.json.
class JsonEntityReader final : public ImportReader {
 public:
  JsonEntityReader(std::unique_ptr<ImportLines> lines, const ImportFormat& format)
      : json_(std::move(lines)),
        split_(format.table == "documents" ? format.split : ""),
        titles_only_(format.titles_only) {}

  Result<bool> Next(ImportRecord* record) override {
    simdjson::dom::object object;
    Result<bool> found = json_.Next(&object);
    record->line = json_.lines().line();
    if (!found.ok() || !*found) {
      return found;
    }
    DASHI_ASSIGN_OR_RETURN(std::string id, ReadXcUid(json_, object));
    DASHI_ASSIGN_OR_RETURN(std::string text, ReadText(object, "title", /*required=*/true));
    if (!titles_only_) {
      DASHI_ASSIGN_OR_RETURN(const std::string content,
                             ReadText(object, "content", /*required=*/false));
      if (!content.empty()) {
        text.append(text.empty() ? "" : " ").append(content);
      }
    }
    SetEntityRow(record, std::move(id), std::move(text), split_);
    return true;
  }

  std::uint64_t bytes_read() const override { return json_.lines().bytes_read(); }
  std::uint64_t bytes_total() const override { return json_.lines().bytes_total(); }

 private:
  Result<std::string> ReadText(const simdjson::dom::object& object, std::string_view key,
                               bool required) const {
    simdjson::dom::element element;
    if (object.at_key(key).get(element) != simdjson::SUCCESS) {
      return required ? Result<std::string>(
                            json_.BadRow(kInvalidText, fmt::format("the object has no '{}'", key)))
                      : std::string();
    }
    if (!element.is_string() && !element.is_null()) {
      return json_.BadRow(kInvalidText, fmt::format("'{}' is not a string", key));
    }
    Value value;
    DASHI_RETURN_IF_ERROR(json_.ToValue(key, element, &value));
    return std::string(value.text());
  }

  ImportJsonLines json_;
  std::string split_;
  bool titles_only_;
};

/// documents and labels from *.raw.txt: one text per line.
class RawEntityReader final : public ImportReader {
 public:
  RawEntityReader(std::unique_ptr<ImportLines> lines, const ImportFormat& format)
      : lines_(std::move(lines)),
        split_(format.table == "documents" ? format.split : ""),
        prefix_(format.table == "documents" ? format.document_prefix : "") {}

  Result<bool> Next(ImportRecord* record) override {
    std::string_view line;
    DASHI_ASSIGN_OR_RETURN(const bool found, lines_->Next(&line));
    if (!found) {
      return false;
    }
    record->line = lines_->line();
    if (!simdjson::validate_utf8(line)) {
      return lines_->BadRow(record->line, kBadEncoding, "invalid UTF-8");
    }
    if (line.find('\0') != std::string_view::npos) {
      return lines_->BadRow(record->line, kBadEncoding, "a zero byte");
    }
    SetEntityRow(record, fmt::format("{}{}", prefix_, record->line - 1),
                 std::string(WithoutCarriageReturn(line)), split_);
    return true;
  }

  std::uint64_t bytes_read() const override { return lines_->bytes_read(); }
  std::uint64_t bytes_total() const override { return lines_->bytes_total(); }

 private:
  std::unique_ptr<ImportLines> lines_;
  std::string split_;
  std::string prefix_;
};

/// relevance from the `target_ind` and `target_rel` of trn.json and tst.json.
class JsonRelevanceReader final : public ImportReader {
 public:
  JsonRelevanceReader(std::unique_ptr<ImportLines> lines, XcIds labels)
      : json_(std::move(lines)), labels_(std::move(labels)) {}

  Result<bool> Next(ImportRecord* record) override {
    while (next_pair_ == pairs_.size()) {
      pairs_.clear();
      next_pair_ = 0;
      simdjson::dom::object object;
      Result<bool> found = json_.Next(&object);
      record->line = json_.lines().line();
      if (!found.ok() || !*found) {
        return found;
      }
      if (Status status = ReadPairs(object); !status.ok()) {
        pairs_.clear();
        return status;
      }
    }
    const Pair& pair = pairs_[next_pair_++];
    record->line = json_.lines().line();
    SetRelevanceRow(record, document_, labels_.Get(pair.label), pair.weight);
    return true;
  }

  std::uint64_t bytes_read() const override { return json_.lines().bytes_read(); }
  std::uint64_t bytes_total() const override { return json_.lines().bytes_total(); }

 private:
  Status ReadPairs(const simdjson::dom::object& object) {
    DASHI_ASSIGN_OR_RETURN(document_, ReadXcUid(json_, object));
    simdjson::dom::array targets;
    if (object.at_key("target_ind").get(targets) != simdjson::SUCCESS) {
      return json_.BadRow(kInvalidText, "the object has no array 'target_ind'");
    }
    for (const simdjson::dom::element target : targets) {
      Pair pair;
      if (target.get(pair.label) != simdjson::SUCCESS) {
        return json_.BadRow(kInvalidText, "'target_ind' has a value that is no label number");
      }
      if (pair.label >= labels_.size()) {
        return json_.BadRow(kBadFormat, fmt::format("label number out of range: got {}, want < {}",
                                                    pair.label, labels_.size()));
      }
      pairs_.push_back(pair);
    }
    return ReadWeights(object);
  }

  Status ReadWeights(const simdjson::dom::object& object) {
    simdjson::dom::element element;
    if (object.at_key("target_rel").get(element) != simdjson::SUCCESS) {
      return Status::Ok();
    }
    simdjson::dom::array weights;
    if (element.get(weights) != simdjson::SUCCESS || weights.size() != pairs_.size()) {
      return json_.BadRow(kBadFormat, "'target_rel' is no array as long as 'target_ind'");
    }
    std::size_t index = 0;
    for (const simdjson::dom::element weight : weights) {
      if (weight.get(pairs_[index++].weight) != simdjson::SUCCESS) {
        return json_.BadRow(kInvalidText, "'target_rel' has a value that is no number");
      }
    }
    return Status::Ok();
  }

  ImportJsonLines json_;
  XcIds labels_;
  std::string document_;
  std::vector<Pair> pairs_;
  std::size_t next_pair_ = 0;
};

/// Removes the number at the front of `*text`.
template <typename Number>
bool TakeNumber(std::string_view* text, Number* number) {
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), *number);
  if (error != std::errc()) {
    return false;
  }
  text->remove_prefix(static_cast<std::size_t>(end - text->data()));
  return true;
}

void SkipSpaces(std::string_view* text) {
  text->remove_prefix(std::min(text->find_first_not_of(" \t\r"), text->size()));
}

/// relevance from a sparse matrix such as trn_X_Y.txt.
class MatrixReader final : public ImportReader {
 public:
  MatrixReader(std::unique_ptr<ImportLines> lines, XcIds documents, XcIds labels)
      : lines_(std::move(lines)), documents_(std::move(documents)), labels_(std::move(labels)) {}

  Status ReadHeader() {
    std::string_view line;
    DASHI_ASSIGN_OR_RETURN(const bool found, lines_->Next(&line));
    bool well_formed = found && TakeNumber(&line, &num_rows_);
    SkipSpaces(&line);
    well_formed = well_formed && TakeNumber(&line, &num_columns_);
    SkipSpaces(&line);
    if (!well_formed || !line.empty()) {
      return lines_->BadRow(1, kBadFormat, "want the header of a sparse matrix: rows columns");
    }
    DASHI_RETURN_IF_ERROR(documents_.CheckSize("rows", num_rows_));
    return labels_.CheckSize("columns", num_columns_);
  }

  Result<bool> Next(ImportRecord* record) override {
    while (next_pair_ == pairs_.size()) {
      pairs_.clear();
      next_pair_ = 0;
      std::string_view line;
      DASHI_ASSIGN_OR_RETURN(const bool found, lines_->Next(&line));
      record->line = lines_->line();
      const std::uint64_t num_read = lines_->line() - 1;
      if (found ? num_read > num_rows_ && !WithoutCarriageReturn(line).empty()
                : num_read < num_rows_) {
        return Status::Corruption(
                   fmt::format("a matrix with too {} rows: {}: the header says {}, {} read",
                               found ? "many" : "few", lines_->path(), num_rows_, num_read))
            .WithSqlState(kBadFormat);
      }
      if (!found) {
        return false;
      }
      if (Status status = ReadPairs(line); !status.ok()) {
        pairs_.clear();
        return status;
      }
    }
    const Pair& pair = pairs_[next_pair_++];
    record->line = lines_->line();
    SetRelevanceRow(record, documents_.Get(lines_->line() - 2), labels_.Get(pair.label),
                    pair.weight);
    return true;
  }

  std::uint64_t bytes_read() const override { return lines_->bytes_read(); }
  std::uint64_t bytes_total() const override { return lines_->bytes_total(); }

 private:
  Status ReadPairs(std::string_view line) {
    SkipSpaces(&line);
    while (!line.empty()) {
      Pair pair;
      bool well_formed = TakeNumber(&line, &pair.label) && line.starts_with(':');
      if (well_formed) {
        line.remove_prefix(1);
        well_formed = TakeNumber(&line, &pair.weight) && std::isfinite(pair.weight) &&
                      (line.empty() || line.find_first_of(" \t\r") == 0);
      }
      if (!well_formed) {
        return lines_->BadRow(lines_->line(), kInvalidText,
                              fmt::format("entry {} is not label:value", pairs_.size() + 1));
      }
      if (pair.label >= num_columns_) {
        return lines_->BadRow(
            lines_->line(), kBadFormat,
            fmt::format("label number out of range: got {}, want < {}", pair.label, num_columns_));
      }
      pairs_.push_back(pair);
      SkipSpaces(&line);
    }
    return Status::Ok();
  }

  std::unique_ptr<ImportLines> lines_;
  XcIds documents_;
  XcIds labels_;
  std::uint64_t num_rows_ = 0;
  std::uint64_t num_columns_ = 0;
  std::vector<Pair> pairs_;
  std::size_t next_pair_ = 0;
};

/// Returns the labels' file that lies beside `path`.
Result<std::string> FindLabelsBeside(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  for (const char* name : {"lbl.json", "lbl.json.gz", "lbl.json.zst"}) {
    std::error_code error;
    if (std::filesystem::exists(folder / name, error)) {
      return (folder / name).string();
    }
  }
  return Status::InvalidArgument(fmt::format("the labels' file is unknown: {}", path))
      .WithHint("Name it: WITH (FORMAT xc, labels = 'lbl.json.gz').");
}

template <typename Reader, typename... Args>
std::unique_ptr<ImportReader> Make(Args&&... args) {
  return std::make_unique<Reader>(std::forward<Args>(args)...);
}

Result<std::unique_ptr<ImportReader>> OpenRelevance(std::unique_ptr<ImportLines> lines,
                                                    const ImportFormat& format, bool is_json) {
  const std::string& path = lines->path();
  if (is_json) {
    std::string labels_path = format.labels_path;
    if (labels_path.empty()) {
      DASHI_ASSIGN_OR_RETURN(labels_path, FindLabelsBeside(path));
    }
    DASHI_ASSIGN_OR_RETURN(XcIds labels,
                           XcIds::Load(labels_path, /*prefix=*/"", format.row_bytes_max));
    return Make<JsonRelevanceReader>(std::move(lines), std::move(labels));
  }
  XcIds documents = XcIds::Numbers(format.document_prefix);
  if (!format.documents_path.empty()) {
    DASHI_ASSIGN_OR_RETURN(documents, XcIds::Load(format.documents_path, format.document_prefix,
                                                  format.row_bytes_max));
  }
  XcIds labels = XcIds::Numbers("");
  if (!format.labels_path.empty()) {
    DASHI_ASSIGN_OR_RETURN(labels, XcIds::Load(format.labels_path, "", format.row_bytes_max));
  }
  auto reader =
      std::make_unique<MatrixReader>(std::move(lines), std::move(documents), std::move(labels));
  DASHI_RETURN_IF_ERROR(reader->ReadHeader());
  return std::unique_ptr<ImportReader>(std::move(reader));
}

}  // namespace

Result<std::unique_ptr<ImportReader>> OpenXcReader(const std::string& path,
                                                   const ImportFormat& format) {
  DASHI_ASSIGN_OR_RETURN(const bool is_json, IsXcJsonFile(path));
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<ImportLines> lines,
                         ImportLines::Open(ImportSource::OfFile(path), format.row_bytes_max));
  if (format.table == "relevance") {
    return OpenRelevance(std::move(lines), format, is_json);
  }
  if (format.table != "documents" && format.table != "labels") {
    return Status::InvalidArgument(
        fmt::format("xc files fill documents, labels and relevance: got table '{}'", format.table));
  }
  return is_json ? Make<JsonEntityReader>(std::move(lines), format)
                 : Make<RawEntityReader>(std::move(lines), format);
}

}  // namespace dashi::sql
