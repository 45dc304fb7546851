// PostgreSQL's aggregates that SQLite lacks.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/memory_account.h"
#include "base/status.h"
#include "sql/function_error.h"
#include "sql/postgres/array_text.h"
#include "sql/postgres/functions.h"
#include "sql/virtual_table.h"

namespace dashi::sql::postgres {

namespace {

/// The most that an aggregate keeps of a group.
constexpr std::size_t kKeptBytesMax = std::size_t{64} << 20;

/// The state of a group, made by the first row; null: no row came, or there is no memory.
template <typename State>
State* StateOfGroup(sqlite3_context* context, bool make) {
  auto** state = static_cast<State**>(
      sqlite3_aggregate_context(context, make ? static_cast<int>(sizeof(State*)) : 0));
  if (state == nullptr) {
    if (make) {
      sqlite3_result_error_nomem(context);
    }
    return nullptr;
  }
  if (*state == nullptr && make) {
    *state = std::make_unique<State>().release();  // TakeState frees it.
  }
  return *state;
}

template <typename State>
std::unique_ptr<State> TakeState(sqlite3_context* context) {
  return std::unique_ptr<State>(StateOfGroup<State>(context, /*make=*/false));
}

// --- bool_and, bool_or

struct BooleanCounts {
  std::int64_t num_true = 0;
  std::int64_t num_false = 0;
};

void CountBoolean(sqlite3_context* context, sqlite3_value* value, int by) {
  auto* counts = static_cast<BooleanCounts*>(
      sqlite3_aggregate_context(context, static_cast<int>(sizeof(BooleanCounts))));
  if (counts == nullptr) {
    sqlite3_result_error_nomem(context);
    return;
  }
  if (sqlite3_value_type(value) == SQLITE_NULL) {
    return;
  }
  const std::int64_t number = sqlite3_value_int64(value);
  if (sqlite3_value_type(value) != SQLITE_INTEGER || (number != 0 && number != 1)) {
    FailFunction(context, Status::InvalidArgument("the aggregate takes booleans, 1 or 0: got " +
                                                  std::string(TextOf(value)))
                              .WithSqlState("42883"));
    return;
  }
  (number == 1 ? counts->num_true : counts->num_false) += by;
}

void BooleanStep(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
  CountBoolean(context, values[0], 1);
}
void BooleanInverse(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
  CountBoolean(context, values[0], -1);
}

template <bool kAnd>
void BooleanValueOf(sqlite3_context* context) {
  const auto* counts = static_cast<BooleanCounts*>(
      sqlite3_aggregate_context(context, static_cast<int>(sizeof(BooleanCounts))));
  if (counts == nullptr || counts->num_true + counts->num_false == 0) {
    sqlite3_result_null(context);
    return;
  }
  sqlite3_result_int(context, (kAnd ? counts->num_false == 0 : counts->num_true > 0) ? 1 : 0);
}

// --- stddev, variance: Welford's sums

struct Moments {
  double count = 0;
  double mean = 0;
  double squares = 0;  ///< of the differences from the mean
};

void MomentsStep(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
  auto* moments =
      static_cast<Moments*>(sqlite3_aggregate_context(context, static_cast<int>(sizeof(Moments))));
  if (moments == nullptr) {
    sqlite3_result_error_nomem(context);
    return;
  }
  const int type = sqlite3_value_numeric_type(values[0]);
  if (type == SQLITE_NULL) {
    return;
  }
  if (type != SQLITE_INTEGER && type != SQLITE_FLOAT) {
    FailFunction(context, Status::InvalidArgument("the aggregate takes numbers: got " +
                                                  std::string(TextOf(values[0])))
                              .WithSqlState("42883"));
    return;
  }
  const double value = sqlite3_value_double(values[0]);
  moments->count += 1;
  const double difference = value - moments->mean;
  moments->mean += difference / moments->count;
  moments->squares += difference * (value - moments->mean);
}

template <bool kSample, bool kRoot>
void MomentsFinish(sqlite3_context* context) {
  const auto* moments = static_cast<Moments*>(sqlite3_aggregate_context(context, 0));
  const double divisor = moments == nullptr ? 0 : moments->count - (kSample ? 1 : 0);
  if (moments == nullptr || divisor <= 0) {
    sqlite3_result_null(context);
    return;
  }
  const double variance = std::max(moments->squares, 0.0) / divisor;
  sqlite3_result_double(context, kRoot ? std::sqrt(variance) : variance);
}

// --- Aggregates that look at all values of a group in order

/// A value with what it is ordered by.
struct KeptValue {
  Value value;
  Value separator;
  std::vector<Value> keys;
};

/// How string_agg orders: for each key a for ascending or d, then f for NULLs first or l.
struct KeptGroup {
  std::vector<KeptValue> values;
  std::string order;
  bool distinct = false;
  MemoryCharge memory;
  Value fraction;
  Status error;
};

std::size_t BytesOf(const Value& value) {
  return sizeof(Value) + value.text().size() + value.bytes().size();
}

/// Errors: 54000, or 53200, for more than may be kept.
Status CountKept(MemoryCharge* memory, std::size_t bytes) {
  if (memory->bytes() + bytes > kKeptBytesMax) {
    return Status::ResourceExhausted("the values of a group take more than 64 MiB")
        .WithSqlState("54000");
  }
  return memory->Add(bytes);
}

bool Keep(sqlite3_context* context, KeptGroup* group, KeptValue value) {
  std::size_t bytes = BytesOf(value.value) + BytesOf(value.separator);
  for (const Value& key : value.keys) {
    bytes += BytesOf(key);
  }
  Status kept = CountKept(&group->memory, bytes);
  if (!kept.ok()) {
    FailFunction(context, std::move(kept));
    return false;
  }
  group->values.push_back(std::move(value));
  return true;
}

/// Sorts by the keys, equal ones in the order in which they came; notes the first error.
void SortGroup(KeptGroup* group) {
  const auto compare = [&](const Value& a, const Value& b) {
    Result<int> order = CompareValues(a, b);
    if (order.ok()) {
      return *order;
    }
    group->error = std::move(order).status();
    return 0;
  };
  std::stable_sort(group->values.begin(), group->values.end(),
                   [&](const KeptValue& a, const KeptValue& b) {
                     for (std::size_t i = 0; i < a.keys.size(); ++i) {
                       const bool descending = group->order[2 * i] == 'd';
                       const bool nulls_first = group->order[2 * i + 1] == 'f';
                       const bool null = a.keys[i].is_null() || b.keys[i].is_null();
                       const int order = compare(a.keys[i], b.keys[i]);
                       if (order != 0) {
                         return null ? (order < 0) != nulls_first : (order < 0) != descending;
                       }
                     }
                     return false;
                   });
}

// dashi_string_agg(order, value, separator, key, ...): order begins with D for DISTINCT, else A.
void StringAggStep(sqlite3_context* context, int count, sqlite3_value** values) {
  auto* group = StateOfGroup<KeptGroup>(context, /*make=*/true);
  if (group == nullptr) {
    return;
  }
  const std::string_view order = TextOf(values[0]);
  if (count < 3 || order.size() != 1 + 2 * static_cast<std::size_t>(count - 3)) {
    sqlite3_result_error(context, "wrong number of arguments to function dashi_string_agg()", -1);
    return;
  }
  group->distinct = order.front() == 'D';
  group->order = order.substr(1);
  if (sqlite3_value_type(values[1]) == SQLITE_NULL) {
    return;
  }
  KeptValue kept{Value::Text(std::string(TextOf(values[1]))),
                 sqlite3_value_type(values[2]) == SQLITE_NULL
                     ? Value::Text({})
                     : Value::Text(std::string(TextOf(values[2]))),
                 {}};
  for (int i = 3; i < count; ++i) {
    kept.keys.push_back(ValueFromSqlite(values[i]));
  }
  if (group->distinct && kept.keys.empty()) {
    group->order = "al";
    kept.keys.push_back(kept.value);
  }
  Keep(context, group, std::move(kept));
}

void StringAggFinish(sqlite3_context* context) {
  const std::unique_ptr<KeptGroup> group = TakeState<KeptGroup>(context);
  if (group == nullptr || group->values.empty()) {
    sqlite3_result_null(context);
    return;
  }
  SortGroup(group.get());
  if (!group->error.ok()) {
    FailFunction(context, std::move(group->error));
    return;
  }
  std::string text;
  const KeptValue* before = nullptr;
  for (const KeptValue& kept : group->values) {
    if (before != nullptr && group->distinct && before->value == kept.value) {
      continue;
    }
    text += before == nullptr ? std::string_view() : kept.separator.text();
    text += kept.value.text();
    before = &kept;
  }
  SetSqliteText(context, text);
}

// dashi_array_agg(order, booleans, value, key, ...): as dashi_string_agg, with NULLs.
void ArrayAggStep(sqlite3_context* context, int count, sqlite3_value** values) {
  auto* group = StateOfGroup<KeptGroup>(context, /*make=*/true);
  if (group == nullptr) {
    return;
  }
  const std::string_view order = TextOf(values[0]);
  if (count < 3 || order.size() != 1 + 2 * static_cast<std::size_t>(count - 3)) {
    sqlite3_result_error(context, "wrong number of arguments to function dashi_array_agg()", -1);
    return;
  }
  group->distinct = order.front() == 'D';
  group->order = order.substr(1);
  Result<std::optional<std::string>> element =
      ElementText(ValueFromSqlite(values[2]), sqlite3_value_int(values[1]) != 0);
  if (!element.ok()) {
    FailFunction(context, std::move(element).status());
    return;
  }
  KeptValue kept{*element ? Value::Text(**element) : Value::Null(), Value(), {}};
  for (int i = 3; i < count; ++i) {
    kept.keys.push_back(ValueFromSqlite(values[i]));
  }
  if (group->distinct && kept.keys.empty()) {
    group->order = "al";
    kept.keys.push_back(ValueFromSqlite(values[2]));
  }
  Keep(context, group, std::move(kept));
}

// `kEmpty`: an array without elements where no row came, not NULL.
template <bool kEmpty>
void ArrayAggFinish(sqlite3_context* context) {
  const std::unique_ptr<KeptGroup> group = TakeState<KeptGroup>(context);
  if (group == nullptr || group->values.empty()) {
    kEmpty ? SetSqliteText(context, "{}") : sqlite3_result_null(context);
    return;
  }
  SortGroup(group.get());
  if (!group->error.ok()) {
    FailFunction(context, std::move(group->error));
    return;
  }
  std::vector<std::optional<std::string>> elements;
  elements.reserve(group->values.size());
  const KeptValue* before = nullptr;
  for (const KeptValue& kept : group->values) {
    if (before == nullptr || !group->distinct || !(before->value == kept.value)) {
      elements.push_back(kept.value.is_null() ? std::nullopt
                                              : std::optional(std::string(kept.value.text())));
    }
    before = &kept;
  }
  SetSqliteText(context, FormatArrayText(elements));
}

// string_agg(value, separator), also over a window: unlike group_concat it minds empty texts.
struct JoinedTexts {
  std::deque<std::pair<std::string, std::string>> texts;  // Each with its separator.
  std::size_t bytes = 0;
  MemoryCharge memory;
};

std::size_t BytesOf(std::string_view text, std::string_view separator) {
  return sizeof(std::pair<std::string, std::string>) + text.size() + separator.size();
}

void JoinStep(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
  auto* joined = StateOfGroup<JoinedTexts>(context, /*make=*/true);
  if (joined == nullptr || sqlite3_value_type(values[0]) == SQLITE_NULL) {
    return;
  }
  const bool separated = sqlite3_value_type(values[1]) != SQLITE_NULL;
  const std::string_view text = TextOf(values[0]);
  const std::string_view separator = separated ? TextOf(values[1]) : "";
  Status kept = CountKept(&joined->memory, BytesOf(text, separator));
  if (!kept.ok()) {
    FailFunction(context, std::move(kept));
    return;
  }
  joined->texts.emplace_back(text, separator);
  joined->bytes += text.size() + separator.size();
}

void JoinInverse(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
  auto* joined = StateOfGroup<JoinedTexts>(context, /*make=*/true);
  if (joined == nullptr || sqlite3_value_type(values[0]) == SQLITE_NULL || joined->texts.empty()) {
    return;
  }
  const auto& [text, separator] = joined->texts.front();
  joined->bytes -= text.size() + separator.size();
  joined->memory.Resize(joined->memory.bytes() - BytesOf(text, separator))
      .IgnoreError("less is always there");
  joined->texts.pop_front();
}

void SetJoined(sqlite3_context* context, const JoinedTexts* joined) {
  if (joined == nullptr || joined->texts.empty()) {
    sqlite3_result_null(context);
    return;
  }
  std::string text;
  text.reserve(joined->bytes);
  for (const auto& [part, separator] : joined->texts) {
    text += &part == &joined->texts.front().first ? std::string_view() : separator;
    text += part;
  }
  SetSqliteText(context, text);
}

void JoinValue(sqlite3_context* context) {
  SetJoined(context, StateOfGroup<JoinedTexts>(context, /*make=*/false));
}

void JoinFinish(sqlite3_context* context) {
  const std::unique_ptr<JoinedTexts> joined = TakeState<JoinedTexts>(context);
  SetJoined(context, joined.get());
}

// dashi_percentile_cont(fraction, value, order) and the like; mode has no fraction.
void OrderedStep(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
  auto* group = StateOfGroup<KeptGroup>(context, /*make=*/true);
  if (group == nullptr) {
    return;
  }
  group->fraction = ValueFromSqlite(values[0]);
  group->order = TextOf(values[2]);
  if (group->order.size() != 2) {
    sqlite3_result_error(context, "wrong number of arguments to function", -1);
    return;
  }
  Value value = ValueFromSqlite(values[1]);
  if (!value.is_null()) {
    KeptValue kept{value, Value(), {}};
    kept.keys.push_back(std::move(value));
    Keep(context, group, std::move(kept));
  }
}

/// The sorted group of an ordered aggregate; nullptr: the result is set.
std::unique_ptr<KeptGroup> TakeOrdered(sqlite3_context* context) {
  std::unique_ptr<KeptGroup> group = TakeState<KeptGroup>(context);
  if (group == nullptr || group->values.empty() || group->fraction.is_null()) {
    sqlite3_result_null(context);
    return nullptr;
  }
  SortGroup(group.get());
  if (group->error.ok() && !(group->fraction.real() >= 0 && group->fraction.real() <= 1)) {
    group->error =
        Status::InvalidArgument("percentile value is not between 0 and 1").WithSqlState("22003");
  }
  if (!group->error.ok()) {
    FailFunction(context, std::move(group->error));
    return nullptr;
  }
  return group;
}

void PercentileContFinish(sqlite3_context* context) {
  const std::unique_ptr<KeptGroup> group = TakeOrdered(context);
  if (group == nullptr) {
    return;
  }
  const auto& values = group->values;
  const double at = group->fraction.real() * static_cast<double>(values.size() - 1);
  const Value& low = values[static_cast<std::size_t>(std::floor(at))].value;
  const Value& high = values[static_cast<std::size_t>(std::ceil(at))].value;
  if (low.type() == ValueType::kText || low.type() == ValueType::kBlob) {
    FailFunction(context,
                 Status::InvalidArgument("percentile_cont takes numbers").WithSqlState("42883"));
    return;
  }
  sqlite3_result_double(context, low.real() + (at - std::floor(at)) * (high.real() - low.real()));
}

void PercentileDiscFinish(sqlite3_context* context) {
  const std::unique_ptr<KeptGroup> group = TakeOrdered(context);
  if (group == nullptr) {
    return;
  }
  const auto size = static_cast<double>(group->values.size());
  const double row = std::max(std::ceil(group->fraction.real() * size), 1.0);
  SetSqliteResult(context, group->values[static_cast<std::size_t>(row) - 1].value);
}

void ModeFinish(sqlite3_context* context) {
  const std::unique_ptr<KeptGroup> group = TakeOrdered(context);
  if (group == nullptr) {
    return;
  }
  const Value* best = nullptr;
  std::size_t best_count = 0;
  std::size_t count = 0;
  for (std::size_t i = 0; i < group->values.size(); ++i) {
    const Value& value = group->values[i].value;
    count = i > 0 && value == group->values[i - 1].value ? count + 1 : 1;
    if (count > best_count) {
      best_count = count;
      best = &value;
    }
  }
  SetSqliteResult(context, *best);
}

struct Aggregate {
  const char* name;
  int num_arguments;
  void (*step)(sqlite3_context*, int, sqlite3_value**);
  void (*finish)(sqlite3_context*);
};

constexpr Aggregate kAggregates[] = {
    {"stddev", 1, MomentsStep, MomentsFinish<true, true>},
    {"stddev_samp", 1, MomentsStep, MomentsFinish<true, true>},
    {"stddev_pop", 1, MomentsStep, MomentsFinish<false, true>},
    {"variance", 1, MomentsStep, MomentsFinish<true, false>},
    {"var_samp", 1, MomentsStep, MomentsFinish<true, false>},
    {"var_pop", 1, MomentsStep, MomentsFinish<false, false>},
    {"dashi_string_agg", -1, StringAggStep, StringAggFinish},
    {"dashi_array_agg", -1, ArrayAggStep, ArrayAggFinish<false>},
    {"dashi_array_of", -1, ArrayAggStep, ArrayAggFinish<true>},
    {"dashi_percentile_cont", 3, OrderedStep, PercentileContFinish},
    {"dashi_percentile_disc", 3, OrderedStep, PercentileDiscFinish},
    {"dashi_mode", 3, OrderedStep, ModeFinish},
};

struct BooleanAggregate {
  const char* name;
  void (*value)(sqlite3_context*);
};

constexpr BooleanAggregate kBooleanAggregates[] = {{"bool_and", BooleanValueOf<true>},
                                                   {"every", BooleanValueOf<true>},
                                                   {"bool_or", BooleanValueOf<false>}};

}  // namespace

Status RegisterAggregates(sqlite3* connection, StatementSlot* slot) {
  constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
  for (const Aggregate& aggregate : kAggregates) {
    if (sqlite3_create_function_v2(connection, aggregate.name, aggregate.num_arguments, kFlags,
                                   slot, nullptr, aggregate.step, aggregate.finish,
                                   nullptr) != SQLITE_OK) {
      return Status::Internal("a function cannot be registered: " + std::string(aggregate.name));
    }
  }
  for (const BooleanAggregate& aggregate : kBooleanAggregates) {
    if (sqlite3_create_window_function(connection, aggregate.name, 1, kFlags, slot, BooleanStep,
                                       aggregate.value, aggregate.value, BooleanInverse,
                                       nullptr) != SQLITE_OK) {
      return Status::Internal("a function cannot be registered: " + std::string(aggregate.name));
    }
  }
  if (sqlite3_create_window_function(connection, "string_agg", 2, kFlags, slot, JoinStep,
                                     JoinFinish, JoinValue, JoinInverse, nullptr) != SQLITE_OK) {
    return Status::Internal("a function cannot be registered: string_agg");
  }
  return Status();
}

}  // namespace dashi::sql::postgres
