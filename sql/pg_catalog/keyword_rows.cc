#include "sql/pg_catalog/keyword_rows.h"

#include <memory>
#include <string_view>

#include "base/status.h"
#include "sql/token.h"

namespace dashi::sql::pg_catalog {

namespace {

class KeywordCursor : public VirtualCursor {
 public:
  Status Filter(int /*plan*/, std::string_view /*plan_text*/,
                std::span<sqlite3_value*> /*arguments*/) override {
    at_ = 0;
    return Status();
  }
  Status Next() override {
    ++at_;
    return Status();
  }
  bool AtEnd() const override { return at_ >= sqlite3_keyword_count(); }
  Status Column(int column, sqlite3_context* context) override {
    const char* name = nullptr;
    int size = 0;
    sqlite3_keyword_name(at_, &name, &size);
    const std::string word = ToLowerAscii({name, static_cast<std::size_t>(size)});
    constexpr std::string_view kTexts[] = {"", "R", "reserved"};
    SetSqliteText(context, column == 0 ? std::string_view(word) : kTexts[column]);
    return Status();
  }
  std::int64_t RowId() const override { return at_; }

 private:
  int at_ = 0;
};

class KeywordTable : public VirtualTable {
 public:
  Result<bool> Plan(StatementContext& /*statement*/, sqlite3_index_info* info) override {
    info->estimatedRows = sqlite3_keyword_count();
    info->estimatedCost = sqlite3_keyword_count();
    DASHI_RETURN_IF_ERROR(SetPlanText(info, "scan"));
    return true;
  }
  Result<std::unique_ptr<VirtualCursor>> Open(StatementContext& /*statement*/) override {
    return std::unique_ptr<VirtualCursor>(std::make_unique<KeywordCursor>());
  }
};

}  // namespace

const TableDefinition& KeywordRows() {
  static constexpr TableDefinition kTable = {
      "pg_get_keywords", "CREATE TABLE t(word TEXT, catcode TEXT LETTER, catdesc TEXT)", false,
      [](const UserSchemas&) -> std::unique_ptr<VirtualTable> {
        return std::make_unique<KeywordTable>();
      }};
  return kTable;
}

}  // namespace dashi::sql::pg_catalog
