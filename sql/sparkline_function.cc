#include "sql/sparkline_function.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string_view>
#include <vector>

#include "base/memory_account.h"
#include "base/status.h"
#include "sql/virtual_table.h"

namespace dashi::sql {
namespace {

using Values = std::vector<std::optional<double>>;

struct KeptValues {
  Values values;
  MemoryCharge memory;
};

constexpr std::array<std::string_view, 8> kBlocks{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

/// The mean of those that are not NULL.
std::optional<double> Mean(std::span<const std::optional<double>> values) {
  double sum = 0;
  double count = 0;
  for (const std::optional<double>& value : values) {
    if (value) {
      sum += *value;
      count += 1;
    }
  }
  return count > 0 ? std::optional(sum / count) : std::nullopt;
}

KeptValues** StateOf(sqlite3_context* context, int bytes) {
  return static_cast<KeptValues**>(sqlite3_aggregate_context(context, bytes));
}

void Step(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
  KeptValues** const state = StateOf(context, sizeof(KeptValues*));
  if (state == nullptr) {
    sqlite3_result_error_nomem(context);
    return;
  }
  if (*state == nullptr) {
    *state = std::make_unique<KeptValues>().release();  // Finish takes it back.
  }
  Values& kept = (*state)->values;
  if (!(*state)->memory.TryResize((kept.size() + 1) * sizeof(kept.front()))) {
    sqlite3_result_error_nomem(context);
    return;
  }
  const int type = sqlite3_value_numeric_type(values[0]);
  const bool is_number = type == SQLITE_INTEGER || type == SQLITE_FLOAT;
  kept.push_back(is_number ? std::optional(sqlite3_value_double(values[0])) : std::nullopt);
}

void Finish(sqlite3_context* context) {
  KeptValues** const state = StateOf(context, 0);
  if (state == nullptr || *state == nullptr) {
    sqlite3_result_null(context);
    return;
  }
  const std::unique_ptr<KeptValues> kept(*state);
  SetSqliteText(context, DrawSparkline(kept->values));
}

}  // namespace

std::string DrawSparkline(std::span<const std::optional<double>> values) {
  const std::size_t width = std::min(values.size(), kSparklineWidth);
  Values columns;
  for (std::size_t i = 0; i < width; ++i) {
    const std::size_t begin = i * values.size() / width;
    const std::size_t end = (i + 1) * values.size() / width;
    columns.push_back(Mean(values.subspan(begin, end - begin)));
  }
  double lowest = INFINITY;
  double highest = -INFINITY;
  for (const std::optional<double>& value : columns) {
    if (value && std::isfinite(*value)) {
      lowest = std::min(lowest, *value);
      highest = std::max(highest, *value);
    }
  }
  std::string line;
  for (const std::optional<double>& value : columns) {
    if (!value || !std::isfinite(*value)) {
      line += ' ';
      continue;
    }
    const double share = highest > lowest ? (*value - lowest) / (highest - lowest) : 0;
    line += kBlocks[static_cast<std::size_t>(std::lround(share * (kBlocks.size() - 1)))];
  }
  return line;
}

Status RegisterSparkline(sqlite3* connection) {
  if (sqlite3_create_function_v2(connection, "sparkline", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                 nullptr, nullptr, Step, Finish, nullptr) != SQLITE_OK) {
    return Status::Internal("a function cannot be registered: sparkline");
  }
  return Status();
}

}  // namespace dashi::sql
