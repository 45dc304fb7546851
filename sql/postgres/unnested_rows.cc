#include "sql/postgres/unnested_rows.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/memory_account.h"
#include "base/status.h"
#include "sql/postgres/array_text.h"

namespace dashi::sql::postgres {

namespace {

constexpr int kUnnestedArguments = kUnnestedMax + 1;

struct UnnestedArray {
  bool is_vector = false;
  std::vector<std::optional<std::string>> elements;
  MemoryCharge memory;
};

// What the elements of an array take in memory, about.
std::uint64_t ArrayBytesOf(std::string_view text) {
  const auto num_commas = static_cast<std::uint64_t>(std::count(text.begin(), text.end(), ','));
  return text.size() + (num_commas + 1) * sizeof(std::optional<std::string>);
}

class UnnestedCursor : public VirtualCursor {
 public:
  Status Filter(int /*plan*/, std::string_view /*plan_text*/,
                std::span<sqlite3_value*> arguments) override {
    at_ = 0;
    size_ = 0;
    arrays_.clear();
    kinds_ = TextOf(arguments[0]);
    arguments = arguments.subspan(1);
    if (kinds_.size() != arguments.size()) {
      return Status::InvalidArgument("wrong number of arrays").WithSqlState("42883");
    }
    for (sqlite3_value* argument : arguments) {
      UnnestedArray array;
      if (sqlite3_value_type(argument) != SQLITE_NULL) {
        const std::string_view text = TextOf(argument);
        array.is_vector = IsVectorText(text);
        // Before it is read: a long text becomes many times as large.
        DASHI_RETURN_IF_ERROR(array.memory.Resize(ArrayBytesOf(text)));
        DASHI_ASSIGN_OR_RETURN(array.elements, ReadAnyArrayText(text));
      }
      size_ = std::max(size_, array.elements.size());
      arrays_.push_back(std::move(array));
    }
    return Status();
  }
  Status Next() override {
    ++at_;
    return Status();
  }
  bool AtEnd() const override { return at_ >= size_; }
  Status Column(int column, sqlite3_context* context) override {
    const auto position = static_cast<std::int64_t>(at_) + 1;
    if (column == kUnnestedArguments + kUnnestedMax) {
      sqlite3_result_int64(context, position);
      return Status();
    }
    const auto number = static_cast<std::size_t>(column - kUnnestedArguments);
    if (column < kUnnestedArguments || number >= arrays_.size() ||
        at_ >= arrays_[number].elements.size()) {
      sqlite3_result_null(context);
      return Status();
    }
    const UnnestedArray& array = arrays_[number];
    const std::optional<std::string>& element = array.elements[at_];
    switch (kinds_[number]) {
      case 's':
        sqlite3_result_int64(context, array.is_vector ? position - 1 : position);
        break;
      case 'n':
        sqlite3_result_int64(context, position);
        break;
      case 'r':
        SetSqliteText(context, "(" + element.value_or("") + "," + std::to_string(position) + ")");
        break;
      default:
        if (!element) {
          sqlite3_result_null(context);
          break;
        }
        DASHI_ASSIGN_OR_RETURN(
            const Value value,
            ElementValue(*element, array.is_vector, std::string_view(&kinds_[number], 1)));
        SetSqliteResult(context, value);
        break;
    }
    return Status();
  }
  std::int64_t RowId() const override { return static_cast<std::int64_t>(at_); }

 private:
  std::string kinds_;
  std::vector<UnnestedArray> arrays_;
  std::size_t size_ = 0;
  std::size_t at_ = 0;
};

class UnnestedTable : public VirtualTable {
 public:
  Result<bool> Plan(StatementContext& /*statement*/, sqlite3_index_info* info) override {
    int given = 0;
    std::vector<int> usages(kUnnestedArguments, -1);
    for (int i = 0; i < info->nConstraint; ++i) {
      const auto& constraint = info->aConstraint[i];
      const bool argument = constraint.op == SQLITE_INDEX_CONSTRAINT_EQ &&
                            constraint.iColumn >= 0 && constraint.iColumn < kUnnestedArguments;
      if (argument && constraint.usable == 0) {
        return false;  // Tables that the arguments name come first.
      }
      if (argument) {
        usages[static_cast<std::size_t>(constraint.iColumn)] = i;
      }
    }
    while (given < kUnnestedArguments && usages[static_cast<std::size_t>(given)] >= 0) {
      auto& usage = info->aConstraintUsage[usages[static_cast<std::size_t>(given)]];
      usage.argvIndex = ++given;
      usage.omit = 1;
    }
    if (given == 0) {
      return false;
    }
    constexpr sqlite3_int64 kGuessedElements = 3;
    info->estimatedRows = kGuessedElements;
    info->estimatedCost = static_cast<double>(kGuessedElements);
    DASHI_RETURN_IF_ERROR(SetPlanText(info, "elements"));
    return true;
  }
  Result<std::unique_ptr<VirtualCursor>> Open(StatementContext& /*statement*/) override {
    return std::unique_ptr<VirtualCursor>(std::make_unique<UnnestedCursor>());
  }
};

std::string DeclareUnnested() {
  std::string declaration = "CREATE TABLE t(kinds TEXT HIDDEN";
  for (int i = 1; i <= kUnnestedMax; ++i) {
    declaration += ", array" + std::to_string(i) + " TEXT HIDDEN";
  }
  for (int i = 1; i <= kUnnestedMax; ++i) {
    declaration += ", dashi_" + std::to_string(i) + " HIDDEN";
  }
  return declaration + ", dashi_position INTEGER HIDDEN)";
}

}  // namespace

const TableDefinition& UnnestedRows() {
  static const std::string declaration = DeclareUnnested();
  static const TableDefinition table = {"dashi_unnested", declaration.c_str(), false,
                                        [](const UserSchemas&) -> std::unique_ptr<VirtualTable> {
                                          return std::make_unique<UnnestedTable>();
                                        }};
  return table;
}

}  // namespace dashi::sql::postgres
