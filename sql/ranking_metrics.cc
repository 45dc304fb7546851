#include "sql/ranking_metrics.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/memory_account.h"
#include "base/status.h"
#include "query/label_propensities.h"
#include "sql/function_error.h"
#include "sql/interruption.h"
#include "sql/virtual_table.h"
#include "trainer/evaluation/metrics.h"

namespace dashi::sql {
namespace {

using trainer::Metric;

constexpr std::int64_t kRankedMax = 100'000;
constexpr std::uint32_t kUnranked = 0;
/// What one aggregate may keep.
constexpr std::size_t kKeptBytesMax = std::size_t{256} << 20;
/// About what the name of a query takes beside its text.
constexpr std::size_t kQueryBytes = 64;

struct MetricFunction {
  const char* name;
  Metric metric;
};
constexpr MetricFunction kPrecisionAt{"precision_at", Metric::kPrecision};
constexpr MetricFunction kNdcgAt{"ndcg_at", Metric::kNdcg};
constexpr MetricFunction kRecallAt{"recall_at", Metric::kRecall};
constexpr MetricFunction kPspAt{"psp_at", Metric::kPsp};
constexpr std::array<std::string_view, 5> kNames{"precision_at", "ndcg_at", "recall_at", "psp_at",
                                                 "propensity"};

Status OutOfRange(std::string message) {
  return Status::InvalidArgument(std::move(message)).WithSqlState("22023");
}

Result<std::optional<std::int64_t>> ReadInteger(sqlite3_value* value, std::string_view name) {
  switch (sqlite3_value_type(value)) {
    case SQLITE_NULL:
      return std::optional<std::int64_t>();
    case SQLITE_INTEGER:
      return std::optional<std::int64_t>(sqlite3_value_int64(value));
    default:
      return Status::InvalidArgument(fmt::format("{} is an integer: got {}", name, TextOf(value)))
          .WithSqlState("42804");
  }
}

Result<bool> ReadRelevant(sqlite3_value* value) {
  const int type = sqlite3_value_type(value);
  if (type == SQLITE_TEXT || type == SQLITE_BLOB) {
    return Status::InvalidArgument(
               fmt::format("relevant is true or false: got '{}'", TextOf(value)))
        .WithSqlState("42804");
  }
  return type != SQLITE_NULL && sqlite3_value_double(value) != 0;
}

/// The rows of one aggregate.
class RankedRows {
 public:
  /// `values`: k, rank, relevant, propensity where there is one, and the query where it is given.
  Status Add(bool has_propensity, std::span<sqlite3_value*> values) {
    DASHI_RETURN_IF_ERROR(TakeK(values[0]));
    DASHI_ASSIGN_OR_RETURN(const auto rank, ReadInteger(values[1], "rank"));
    if (rank && *rank < 1) {
      return OutOfRange(fmt::format("a rank is 1 or more: got {}", *rank));
    }
    DASHI_ASSIGN_OR_RETURN(const bool relevant, ReadRelevant(values[2]));
    double inverse_propensity = 1;
    if (has_propensity && relevant) {
      DASHI_ASSIGN_OR_RETURN(inverse_propensity, ReadInversePropensity(values[3]));
    }
    const std::size_t num_fixed = has_propensity ? 4 : 3;
    const std::uint32_t query = values.size() > num_fixed ? QueryOf(values[num_fixed]) : 0;
    num_queries_ = std::max(num_queries_, query + 1);
    const bool counts = rank && *rank <= k_;
    if (relevant || counts) {
      if (rows_.size() * sizeof(Row) + query_bytes_ > kKeptBytesMax) {
        return Status::ResourceExhausted(
                   fmt::format("more than {} MiB of ranked rows", kKeptBytesMax >> 20))
            .WithSqlState("53200")
            .WithHint("GROUP BY the queries, or parts of them.");
      }
      DASHI_RETURN_IF_ERROR(memory_.Resize((rows_.size() + 1) * sizeof(Row) + query_bytes_));
      rows_.push_back({query, counts ? static_cast<std::uint32_t>(*rank) : kUnranked, relevant,
                       inverse_propensity});
    }
    return Status();
  }

  Result<double> Value(Metric metric) {
    std::stable_sort(rows_.begin(), rows_.end(),
                     [](const Row& a, const Row& b) { return a.query < b.query; });
    const auto nothing = static_cast<std::uint32_t>(rows_.size());  // a label that is not relevant
    std::vector<std::vector<std::uint32_t>> ranked(num_queries_);
    std::vector<double> inverse_propensities(rows_.size() + 1, 1);
    trainer::SparseRows truth;
    truth.offsets.reserve(num_queries_ + 1);
    std::uint32_t row = 0;
    for (std::uint32_t query = 0; query < num_queries_; ++query) {
      for (; row < rows_.size() && rows_[row].query == query; ++row) {
        DASHI_RETURN_IF_ERROR(Place(row, nothing, &ranked[query]));
        inverse_propensities[row] = rows_[row].inverse_propensity;
        if (rows_[row].relevant) {
          truth.columns.push_back(row);
        }
      }
      truth.offsets.push_back(truth.columns.size());
    }
    trainer::EvaluationOptions options;
    options.ks = {static_cast<std::uint32_t>(k_)};
    options.num_bootstrap = 0;
    const std::vector<std::uint64_t> counts(inverse_propensities.size());
    for (const trainer::MetricValue& value :
         trainer::EvaluateRankings(ranked, truth, inverse_propensities, counts, options)) {
      if (value.metric == metric) {
        return value.value;
      }
    }
    return Status::Internal("a metric is not computed");
  }

 private:
  struct Row {
    std::uint32_t query = 0;
    std::uint32_t rank = kUnranked;  // of the first k
    bool relevant = false;
    double inverse_propensity = 1;
  };

  Status TakeK(sqlite3_value* value) {
    DASHI_ASSIGN_OR_RETURN(const auto k, ReadInteger(value, "k"));
    if (!k) {
      return Status::InvalidArgument("k is NULL").WithSqlState("22004");
    }
    if (*k < 1 || *k > kRankedMax) {
      return OutOfRange(fmt::format("k is from 1 to {}: got {}", kRankedMax, *k));
    }
    if (k_ != 0 && k_ != *k) {
      return OutOfRange(fmt::format("k is the same in all rows: got {} and {}", k_, *k));
    }
    k_ = *k;
    return Status();
  }

  static Result<double> ReadInversePropensity(sqlite3_value* value) {
    const int type = sqlite3_value_type(value);
    if (type == SQLITE_NULL) {
      return Status::InvalidArgument("the propensity of a relevant row is NULL")
          .WithSqlState("22004");
    }
    const double propensity = sqlite3_value_double(value);
    if ((type != SQLITE_FLOAT && type != SQLITE_INTEGER) || !(propensity > 0 && propensity <= 1)) {
      return OutOfRange(
          fmt::format("a propensity is above 0 and at most 1: got {}", TextOf(value)));
    }
    return 1 / propensity;
  }

  /// Numbers the queries; values of different types are different queries.
  std::uint32_t QueryOf(sqlite3_value* value) {
    std::string key(1, static_cast<char>('0' + sqlite3_value_type(value)));
    key += TextOf(value);
    const std::size_t key_bytes = key.size() + kQueryBytes;
    const auto [found, is_new] =
        queries_.emplace(std::move(key), static_cast<std::uint32_t>(queries_.size()));
    query_bytes_ += is_new ? key_bytes : 0;
    return found->second;
  }

  Status Place(std::uint32_t row, std::uint32_t nothing, std::vector<std::uint32_t>* ranked) const {
    const std::uint32_t rank = rows_[row].rank;
    if (rank == kUnranked) {
      return Status();
    }
    if (ranked->size() < rank) {
      ranked->resize(rank, nothing);
    }
    if ((*ranked)[rank - 1] != nothing) {
      return OutOfRange(fmt::format("rank {} comes twice in a query", rank));
    }
    (*ranked)[rank - 1] = row;
    return Status();
  }

  std::int64_t k_ = 0;
  std::uint32_t num_queries_ = 0;
  std::unordered_map<std::string, std::uint32_t> queries_;
  std::size_t query_bytes_ = 0;
  std::vector<Row> rows_;
  MemoryCharge memory_;
};

RankedRows** StateOf(sqlite3_context* context, int bytes) {
  return static_cast<RankedRows**>(sqlite3_aggregate_context(context, bytes));
}

template <const MetricFunction& kFunction>
void StepMetric(sqlite3_context* context, int count, sqlite3_value** values) {
  RankedRows** const state = StateOf(context, sizeof(RankedRows*));
  if (state == nullptr) {
    sqlite3_result_error_nomem(context);
    return;
  }
  if (*state == nullptr) {
    *state = std::make_unique<RankedRows>().release();  // FinishMetric takes it back.
  }
  Status added =
      (*state)->Add(kFunction.metric == Metric::kPsp, {values, static_cast<std::size_t>(count)});
  if (!added.ok()) {
    FailFunction(context, std::move(added).WithContext(kFunction.name));
  }
}

template <const MetricFunction& kFunction>
void FinishMetric(sqlite3_context* context) {
  RankedRows** const state = StateOf(context, 0);
  if (state == nullptr || *state == nullptr) {
    sqlite3_result_null(context);
    return;
  }
  const std::unique_ptr<RankedRows> rows(*state);
  *state = nullptr;
  Result<double> value = rows->Value(kFunction.metric);
  if (value.ok()) {
    sqlite3_result_double(context, value.value());
  } else {
    FailFunction(context, std::move(value).status().WithContext(kFunction.name));
  }
}

template <const MetricFunction& kFunction>
Status RegisterMetric(sqlite3* connection, StatementSlot* slot) {
  const int num_arguments = kFunction.metric == Metric::kPsp ? 4 : 3;
  for (const int count : {num_arguments, num_arguments + 1}) {
    if (sqlite3_create_function_v2(
            connection, kFunction.name, count, SQLITE_UTF8 | SQLITE_DETERMINISTIC, slot, nullptr,
            StepMetric<kFunction>, FinishMetric<kFunction>, nullptr) != SQLITE_OK) {
      return Status::Internal(fmt::format("a function cannot be registered: {}", kFunction.name));
    }
  }
  return Status();
}

Result<const query::LabelPropensities*> PropensitiesOf(StatementContext& statement) {
  if (statement.propensities == nullptr) {
    Result<query::LabelPropensities> counts = query::LabelPropensities::Read(
        *statement.view, [&] { return statement.interruption->Poll(); });
    DASHI_RETURN_IF_ERROR(statement.interruption->ToStatus());
    DASHI_RETURN_IF_ERROR(counts.status());
    statement.propensities =
        std::make_shared<const query::LabelPropensities>(std::move(counts).value());
  }
  return statement.propensities.get();
}

Result<std::optional<double>> PropensityOf(StatementContext& statement,
                                           std::span<sqlite3_value*> values) {
  if (sqlite3_value_type(values[0]) == SQLITE_NULL) {
    return std::optional<double>();
  }
  trainer::PropensityModel model;
  if (values.size() == 3) {
    model = {sqlite3_value_double(values[1]), sqlite3_value_double(values[2])};
    for (const sqlite3_value* value : values.subspan(1)) {
      if (sqlite3_value_numeric_type(const_cast<sqlite3_value*>(value)) == SQLITE_TEXT) {
        return Status::InvalidArgument("a and b are numbers").WithSqlState("42804");
      }
    }
    if (!(model.a >= 0 && model.b > -1)) {
      return OutOfRange(
          fmt::format("a is at least 0 and b above -1: got {}, {}", model.a, model.b));
    }
  }
  DASHI_ASSIGN_OR_RETURN(const auto label, statement.view->FindOrdinal(storage::EntityKind::kLabel,
                                                                       TextOf(values[0])));
  if (!label) {
    return std::optional<double>();
  }
  DASHI_ASSIGN_OR_RETURN(const auto* propensities, PropensitiesOf(statement));
  return std::optional<double>(1 / propensities->Inverse(*label, model));
}

void Propensity(sqlite3_context* context, int count, sqlite3_value** values) {
  const auto propensity =
      PropensityOf(StatementOf(context), {values, static_cast<std::size_t>(count)});
  if (!propensity.ok()) {
    FailFunction(context, propensity.status());
  } else if (propensity.value()) {
    sqlite3_result_double(context, **propensity);
  } else {
    sqlite3_result_null(context);
  }
}

}  // namespace

Status RegisterRankingMetrics(sqlite3* connection, StatementSlot* slot) {
  DASHI_RETURN_IF_ERROR(RegisterMetric<kPrecisionAt>(connection, slot));
  DASHI_RETURN_IF_ERROR(RegisterMetric<kNdcgAt>(connection, slot));
  DASHI_RETURN_IF_ERROR(RegisterMetric<kRecallAt>(connection, slot));
  return RegisterMetric<kPspAt>(connection, slot);
}

Status RegisterPropensity(sqlite3* connection, StatementSlot* slot) {
  for (const int count : {1, 3}) {
    if (sqlite3_create_function_v2(connection, "propensity", count, SQLITE_UTF8, slot, Propensity,
                                   nullptr, nullptr, nullptr) != SQLITE_OK) {
      return Status::Internal("a function cannot be registered: propensity");
    }
  }
  return Status();
}

std::span<const std::string_view> RankingMetricNames() { return kNames; }

}  // namespace dashi::sql
