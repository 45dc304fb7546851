#include "sql/postgres/statement_types.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace dashi::sql::postgres {

namespace {

bool IsNumber(StaticType type) {
  return type == StaticType::kInteger || type == StaticType::kNumeric || type == StaticType::kFloat;
}

// The type of the values of two lists that a UNION joins.
StaticType JoinedType(StaticType a, StaticType b) {
  if (a == b) {
    return a;
  }
  return IsNumber(a) && IsNumber(b) ? StaticType::kFloat : StaticType::kUnknown;
}

struct ArgumentTypes {
  std::string_view function;
  std::string_view
      types;  ///< t text, i integer, f float, m timestamp, v vector; a blank says nothing
};

constexpr ArgumentTypes kArguments[] = {
    {"topk", "tit"},
    {"nearest", "ttit"},
    {"topk_batch", "tit"},
    {"similarity", "ttt"},
    {"embed", "tt"},
    {"generate_series", "iii"},
    {"substr", "tii"},
    {"left", "ti"},
    {"right", "ti"},
    {"lpad", "tit"},
    {"rpad", "tit"},
    {"repeat", "ti"},
    {"chr", "i"},
    {"split_part", "tti"},
    {"to_timestamp", "f"},
    {"date_trunc", "tm"},
    {"make_date", "iii"},
    {"sqrt", "f"},
    {"cbrt", "f"},
    {"ln", "f"},
    {"exp", "f"},
    {"power", "ff"},
    {"round", "fi"},
    {"trunc", "fi"},
    {"l2_distance", "vv"},
    {"l1_distance", "vv"},
    {"cosine_distance", "vv"},
    {"inner_product", "vv"},
    {"vector_dims", "v"},
    {"vector_norm", "v"},
    {"l2_normalize", "v"},
};

}  // namespace

SqlType SqlTypeOf(StaticType type) {
  switch (type) {
    case StaticType::kUnknown:
      return SqlType::kUnknown;
    case StaticType::kBoolean:
      return SqlType::kBoolean;
    case StaticType::kInteger:
      return SqlType::kInteger;
    case StaticType::kNumeric:
    case StaticType::kFloat:
      return SqlType::kReal;
    case StaticType::kText:
      return SqlType::kText;
    case StaticType::kBytes:
      return SqlType::kBytes;
    case StaticType::kDate:
      return SqlType::kDate;
    case StaticType::kTime:
      return SqlType::kTime;
    case StaticType::kTimestamp:
      return SqlType::kTimestamp;
    case StaticType::kInterval:
      return SqlType::kInterval;
    case StaticType::kName:
      return SqlType::kName;
    case StaticType::kChar:
      return SqlType::kChar;
    case StaticType::kOid:
      return SqlType::kOid;
    case StaticType::kRegclass:
      return SqlType::kRegclass;
    case StaticType::kRegtype:
      return SqlType::kRegtype;
    case StaticType::kRegproc:
      return SqlType::kRegproc;
    case StaticType::kRegnamespace:
      return SqlType::kRegnamespace;
    case StaticType::kRegrole:
      return SqlType::kRegrole;
    case StaticType::kSmallIntVector:
      return SqlType::kSmallIntVector;
    case StaticType::kOidVector:
      return SqlType::kOidVector;
    case StaticType::kTextArray:
      return SqlType::kTextArray;
    case StaticType::kIntegerArray:
      return SqlType::kIntegerArray;
    case StaticType::kRealArray:
      return SqlType::kRealArray;
    case StaticType::kBooleanArray:
      return SqlType::kBooleanArray;
    case StaticType::kOidArray:
      return SqlType::kOidArray;
    case StaticType::kSmallIntArray:
      return SqlType::kSmallIntArray;
    case StaticType::kCharArray:
      return SqlType::kCharArray;
    case StaticType::kNameArray:
      return SqlType::kNameArray;
    case StaticType::kVector:
      return SqlType::kVector;
  }
  return SqlType::kUnknown;
}

void StatementTypes::NoteParameter(std::uint32_t parameter, StaticType type) {
  Note(parameter, SqlTypeOf(type));
}

void StatementTypes::NoteArray(std::uint32_t parameter, StaticType element) {
  const SqlType type = SqlTypeOf(element);
  Note(parameter, type == SqlType::kInteger   ? SqlType::kIntegerArray
                  : type == SqlType::kOid     ? SqlType::kOidArray
                  : type == SqlType::kBoolean ? SqlType::kBooleanArray
                  : type == SqlType::kReal    ? SqlType::kRealArray
                                              : SqlType::kTextArray);
}

void StatementTypes::Note(std::uint32_t parameter, SqlType type) {
  if (parameter == 0 || type == SqlType::kUnknown) {
    return;
  }
  if (parameters_.size() < parameter) {
    parameters_.resize(parameter, SqlType::kUnknown);
  }
  SqlType& known = parameters_[parameter - 1];
  known = known == SqlType::kUnknown ? type : known;
}

void StatementTypes::BeginResults(bool returning) {
  if (returning) {
    results_.clear();
    has_star_ = false;
  }
  is_later_list_ = has_list_ && !returning;
  has_list_ = true;
  next_result_ = 0;
}

void StatementTypes::NoteResult(StaticType type) {
  if (!is_later_list_) {
    results_.push_back(type);
  } else if (next_result_ < results_.size()) {
    results_[next_result_] = JoinedType(results_[next_result_], type);
  }
  ++next_result_;
}

void StatementTypes::NoteDerived(std::string name, StaticType type, bool is_listed) {
  const auto [at, added] = derived_.emplace(std::move(name), Derived{type, 0});
  Derived& derived = at->second;
  derived.type = added || derived.type == type ? type : StaticType::kUnknown;
  derived.num_listed += is_listed ? 1 : 0;
}

std::vector<SqlType> StatementTypes::Parameters(std::size_t count) const {
  std::vector<SqlType> types = parameters_;
  types.resize(count, SqlType::kUnknown);
  return types;
}

std::vector<SqlType> StatementTypes::Results() const {
  std::vector<SqlType> types;
  if (!has_star_) {
    types.reserve(results_.size());
    std::transform(results_.begin(), results_.end(), std::back_inserter(types), SqlTypeOf);
  }
  return types;
}

StaticType ArgumentType(std::string_view function, std::size_t argument) {
  const auto* found =
      std::find_if(std::begin(kArguments), std::end(kArguments),
                   [&](const ArgumentTypes& one) { return one.function == function; });
  if (found == std::end(kArguments) || argument >= found->types.size()) {
    return StaticType::kUnknown;
  }
  switch (found->types[argument]) {
    case 't':
      return StaticType::kText;
    case 'i':
      return StaticType::kInteger;
    case 'f':
      return StaticType::kFloat;
    case 'm':
      return StaticType::kTimestamp;
    case 'v':
      return StaticType::kVector;
    default:
      return StaticType::kUnknown;
  }
}

}  // namespace dashi::sql::postgres
