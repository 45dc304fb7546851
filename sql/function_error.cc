#include "sql/function_error.h"

#include <string>

namespace dashi::sql {

StatementContext& StatementOf(sqlite3_context* context) {
  return *static_cast<StatementSlot*>(sqlite3_user_data(context))->current;
}

void FailFunction(sqlite3_context* context, const Status& status) {
  sqlite3_result_error(context, std::string(status.message()).c_str(), -1);
  StatementContext& statement = StatementOf(context);
  if (statement.error.ok()) {
    statement.error = status;
  }
}

}  // namespace dashi::sql
