#include "sql/postgres/functions.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/status.h"
#include "sql/function_error.h"
#include "sql/pg_catalog/catalog_functions.h"
#include "sql/virtual_table.h"

namespace dashi::sql::postgres {

namespace {

struct BoundFunction {
  const ScalarFunction* function;
  StatementSlot* slot;
};

void CallScalar(sqlite3_context* context, int count, sqlite3_value** values) {
  const auto* bound = static_cast<const BoundFunction*>(sqlite3_user_data(context));
  const std::span<sqlite3_value*> arguments(values, static_cast<std::size_t>(count));
  const bool has_null = std::any_of(arguments.begin(), arguments.end(), [](sqlite3_value* value) {
    return sqlite3_value_type(value) == SQLITE_NULL;
  });
  if (has_null && bound->function->kind != ScalarFunction::Kind::kTakesNull) {
    sqlite3_result_null(context);
    return;
  }
  Result<Value> result = bound->function->call(*bound->slot->current, arguments);
  if (result.ok()) {
    SetSqliteResult(context, *result);
  } else {
    FailFunction(context, bound->slot, std::move(result).status());
  }
}

Status RegisterScalar(sqlite3* connection, StatementSlot* slot, const ScalarFunction& function,
                      int num_arguments) {
  auto bound = std::make_unique<BoundFunction>(BoundFunction{&function, slot});
  const int flags =
      SQLITE_UTF8 | (function.kind == ScalarFunction::Kind::kChanges ? 0 : SQLITE_DETERMINISTIC);
  const auto free = [](void* pointer) {
    const std::unique_ptr<BoundFunction> owned(static_cast<BoundFunction*>(pointer));
  };
  // SQLite frees it, also when it refuses the function.
  const int rc = sqlite3_create_function_v2(connection, function.name, num_arguments, flags,
                                            bound.release(), CallScalar, nullptr, nullptr, free);
  return rc == SQLITE_OK
             ? Status()
             : Status::Internal("a function cannot be registered: " + std::string(function.name));
}

std::array<std::span<const ScalarFunction>, 6> AllFunctions() {
  return {TextFunctions(),  MathFunctions(),   TimeFunctions(),
          ArrayFunctions(), VectorFunctions(), pg_catalog::CatalogFunctions()};
}

int OrderOf(bool less, bool greater) { return less ? -1 : (greater ? 1 : 0); }

}  // namespace

Result<int> CompareValues(const Value& a, const Value& b) {
  if (a.is_null() || b.is_null()) {
    return OrderOf(!a.is_null() && b.is_null(), a.is_null() && !b.is_null());
  }
  if (a.type() == ValueType::kInteger && b.type() == ValueType::kInteger) {
    return OrderOf(a.integer() < b.integer(), a.integer() > b.integer());
  }
  const auto is_number = [](const Value& value) {
    return value.type() == ValueType::kInteger || value.type() == ValueType::kReal;
  };
  if (is_number(a) && is_number(b)) {
    return OrderOf(a.real() < b.real(), a.real() > b.real());
  }
  if (a.type() != b.type()) {
    return Status::InvalidArgument("values of different types cannot be compared: " +
                                   std::string(ValueTypeName(a.type())) + " and " +
                                   std::string(ValueTypeName(b.type())))
        .WithSqlState("42804");
  }
  const bool text = a.type() == ValueType::kText;
  const int order = text ? a.text().compare(b.text()) : a.bytes().compare(b.bytes());
  return OrderOf(order<0, order> 0);
}

Status RegisterFunctions(sqlite3* connection, StatementSlot* slot) {
  for (const auto functions : AllFunctions()) {
    for (const ScalarFunction& function : functions) {
      const int max = function.num_arguments_max;
      if (max < 0) {
        DASHI_RETURN_IF_ERROR(RegisterScalar(connection, slot, function, -1));
      }
      for (int count = function.num_arguments_min; count <= max; ++count) {
        DASHI_RETURN_IF_ERROR(RegisterScalar(connection, slot, function, count));
      }
    }
  }
  return RegisterAggregates(connection, slot);
}

std::vector<std::string> ListFunctions() {
  std::vector<std::string> names{"bool_and",    "bool_or",    "every",    "stddev",
                                 "stddev_samp", "stddev_pop", "variance", "var_samp",
                                 "var_pop",     "string_agg", "array_agg"};
  for (const auto functions : AllFunctions()) {
    for (const ScalarFunction& function : functions) {
      if (!std::string_view(function.name).starts_with(kOwnPrefix)) {
        names.emplace_back(function.name);
      }
    }
  }
  return names;
}

}  // namespace dashi::sql::postgres
