#include "sql/shell/statement_runner.h"

#include "base/status.h"

namespace dashi {

Result<std::string> StatementRunner::Setting(std::string_view name) {
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<StatementResult> shown,
                         Run("SHOW " + std::string(name)));
  Row row;
  DASHI_RETURN_IF_ERROR(shown->Next(&row).status());
  return row.empty() ? std::string() : std::string(row.front().text());
}

}  // namespace dashi
