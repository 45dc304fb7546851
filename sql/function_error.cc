#include "sql/function_error.h"

#include <string>
#include <utility>

#include "base/status.h"

namespace dashi::sql {
namespace {

StatementSlot* SlotOf(sqlite3_context* context) {
  return static_cast<StatementSlot*>(sqlite3_user_data(context));
}

}  // namespace

StatementContext& StatementOf(sqlite3_context* context) { return *SlotOf(context)->current; }

void FailFunction(sqlite3_context* context, StatementSlot* slot, Status status) {
  sqlite3_result_error(context, std::string(status.message()).c_str(), -1);
  // SQLite ends aggregates of statements that were given up, too: nobody asks for their errors.
  if (slot->current != nullptr && !slot->current->error) {
    slot->current->error = std::move(status);
  } else {
    status.IgnoreError("the statement has failed already");
  }
}

void FailFunction(sqlite3_context* context, Status status) {
  FailFunction(context, SlotOf(context), std::move(status));
}

}  // namespace dashi::sql
