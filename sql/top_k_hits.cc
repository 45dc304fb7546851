#include "sql/top_k_hits.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "sql/function_arguments.h"
#include "sql/interruption.h"
#include "sql/search_log.h"
#include "sql/settings.h"
#include "sql/user_column.h"

namespace dashi::sql {

namespace {

/// Rows that are dropped between two questions whether to stop.
constexpr std::size_t kRowsPerPoll = 256;

/// The options of a search that names none: what the settings ann.* say.
query::TopKOptions TopKDefaults(const Settings& settings) {
  query::TopKOptions options;
  options.exact = settings.ann_exact();
  options.ef = settings.ann_ef();
  options.require_index = settings.ann_require_index();
  return options;
}

}  // namespace

TopKHits::TopKHits(const TopKFunction& function, const UserSchemas& schemas,
                   StatementContext& statement)
    : function_(function),
      schemas_(schemas),
      user_columns_(ShownColumns(function, schemas_)),
      statement_(statement) {}

TopKHits::~TopKHits() { Report(); }

Status TopKHits::Begin(int num_arguments, std::string_view plan_text,
                       std::span<sqlite3_value*> values) {
  Start(nullptr);
  const auto count = static_cast<std::size_t>(num_arguments);
  arguments_.clear();
  for (sqlite3_value* value : values.first(count)) {
    arguments_.push_back(ValueFromSqlite(value));
  }
  row_ids_.Begin(arguments_);
  ColumnFilter filter;
  DASHI_RETURN_IF_ERROR(filter.Set(ParseTests(plan_text), values.subspan(count)));
  // A statement that writes may have changed what indexes say.
  repeats_ = statement_.transaction == nullptr && filter.tests() == filter_.tests();
  is_made_ = is_made_ && repeats_;
  filter_ = std::move(filter);
  const std::size_t num_required = function_.num_arguments() - 1;
  DASHI_ASSIGN_OR_RETURN(const std::size_t k, ReadTopKCount(values[num_required - 1]));
  const bool has_options = num_required < count && !arguments_[num_required].is_null();
  Value given_options = has_options ? arguments_[num_required] : Value();
  repeats_ = repeats_ && k == k_ && given_options == given_options_;
  k_ = k;
  given_options_ = std::move(given_options);
  DASHI_ASSIGN_OR_RETURN(options_,
                         query::ParseTopKOptions(has_options ? TextOf(values[num_required]) : "",
                                                 TopKDefaults(*statement_.settings)));
  options_.check_stop = [this] { return statement_.interruption->ToStatus(); };
  options_.needed_sequence = statement_.needed_sequence;
  return Status();
}

Result<std::shared_ptr<const index::RowSet>> TopKHits::LookUp(std::size_t num_searches) {
  if (!is_made_) {
    DASHI_ASSIGN_OR_RETURN(labels_, LabelFilter::Make(statement_, filter_));
    num_dropped_ = 0;
    num_dropped_before_ = 0;
    is_made_ = true;
  }
  return labels_.LookUp(statement_, k_ * num_searches);
}

void TopKHits::Start(std::unique_ptr<query::TopKCursor> search) {
  Report();
  search_ = std::move(search);
  num_dropped_before_ = num_dropped_;
  rank_ = 0;
  release_ = search_ == nullptr ? "" : search_->release().Name();
}

Result<bool> TopKHits::Next() {
  while (rank_ < k_) {
    if (const auto most = labels_.num_dropped_max(); most && num_dropped_ > *most) {
      DASHI_ASSIGN_OR_RETURN(auto only, labels_.LookUpMore(statement_));
      search_->Restrict(std::move(only));
    }
    DASHI_ASSIGN_OR_RETURN(const bool more, search_->Next(&hit_));
    if (!more) {
      return false;
    }
    if (filter_.empty() || Passes()) {
      ++rank_;
      return true;
    }
    if (++num_dropped_ % kRowsPerPoll == 0) {
      DASHI_RETURN_IF_ERROR(statement_.interruption->ToStatus());
    }
  }
  return false;
}

void TopKHits::Column(int column, sqlite3_context* context) const {
  const auto place = static_cast<std::size_t>(column);
  if (place >= function_.columns.size()) {
    SetSqliteResult(context, UserValue(*user_columns_[place - function_.columns.size()]));
    return;
  }
  switch (function_.columns[place].column) {
    case TopKColumn::kRank:
      sqlite3_result_int64(context, static_cast<sqlite3_int64>(rank_));
      break;
    case TopKColumn::kId:
      SetSqliteText(context, hit_.row.id);
      break;
    case TopKColumn::kText:
      SetSqliteText(context, hit_.row.text);
      break;
    case TopKColumn::kScore:
      sqlite3_result_double(context, ShortestDouble(hit_.score));
      break;
    case TopKColumn::kRelease:
      SetSqliteText(context, release_);
      break;
    default: {
      const std::size_t argument = place - function_.num_visible;
      if (argument < arguments_.size()) {
        SetSqliteResult(context, arguments_[argument]);
      }
    }
  }
}

/// Tells EXPLAIN ANALYZE of a search that has ended.
void TopKHits::Report() {
  if (search_ != nullptr && statement_.searches != nullptr) {
    statement_.searches->Add(function_.name, search_->Summary(),
                             num_dropped_ - num_dropped_before_);
  }
}

bool TopKHits::Passes() const {
  const auto passes = [this](const TopKColumnInfo& info) {
    switch (info.column) {
      case TopKColumn::kId:
        return filter_.Passes(info.name, Value::Text(hit_.row.id));
      case TopKColumn::kText:
        return filter_.Passes(info.name, Value::Text(hit_.row.text));
      case TopKColumn::kScore:
        return filter_.Passes(info.name, Value::Real(ShortestDouble(hit_.score)));
      case TopKColumn::kRelease:
        return filter_.Passes(info.name, Value::Text(release_));
      default:
        return true;
    }
  };
  return std::all_of(function_.columns.begin(), function_.columns.end(), passes) &&
         std::all_of(user_columns_.begin(), user_columns_.end(),
                     [this](const storage::ColumnRecord* column) {
                       return filter_.Passes(TestName(*column), UserValue(*column));
                     });
}

Value TopKHits::UserValue(const storage::ColumnRecord& column) const {
  return ShownValue(column.type, storage::ColumnValue(hit_.row, column));
}

}  // namespace dashi::sql
