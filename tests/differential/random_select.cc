#include "tests/differential/random_select.h"

#include <iterator>

#include <fmt/format.h>

namespace dashi::differential {

// What differs by intention, and is therefore not made (docs/LIMITATIONS.md, *PostgreSQL's
// spellings*): what depends on the type of a column of a subquery, except with a cast; sums as
// operands of /; the default order of NULLs; whole numbers beyond 32 bits; decimals that are no
// doubles; intervals that are sorted or told apart.

namespace {

using Type = ExpressionType;

constexpr int kDepth = 3;
constexpr Type kTypes[] = {Type::kText,    Type::kInteger,   Type::kReal, Type::kBoolean,
                           Type::kInteger, Type::kTimestamp, Type::kDate, Type::kInterval};

}  // namespace

const std::vector<RandomSelect::Table>& RandomSelect::Tables() {
  static const std::vector<Table> kTables{
      {"documents",
       {{"id", Type::kText},
        {"text", Type::kText},
        {"split", Type::kText},
        {"lang", Type::kText},
        {"price", Type::kReal},
        {"stock", Type::kInteger},
        {"active", Type::kBoolean},
        {"seen", Type::kTimestamp}}},
      {"labels",
       {{"id", Type::kText},
        {"text", Type::kText},
        {"lang", Type::kText},
        {"year", Type::kInteger},
        {"rating", Type::kReal}}},
      {"relevance", {{"document", Type::kText}, {"label", Type::kText}, {"weight", Type::kReal}}}};
  return kTables;
}

std::string RandomSelect::Pick(std::initializer_list<const char*> choices) {
  return *(choices.begin() + static_cast<std::ptrdiff_t>(Below(choices.size())));
}

ExpressionType RandomSelect::PickType() {
  return kTypes[Below(postgres() ? std::size(kTypes) - (with_intervals_ ? 0 : 1) : 5)];
}

RandomSelect::Query RandomSelect::Next() {
  scope_.clear();
  num_aliases_ = 0;
  with_intervals_ = true;
  typed_columns_ = true;
  switch (Below(10)) {
    case 0:
      return Joined();
    case 1:
    case 2:
      return Grouped();
    case 3:
      return Compound();
    case 4:
      return FromSubquery();
    case 5:
      return Windowed();
    case 6:
      return postgres() ? Risky() : Simple();
    case 7:
      return Constant();
    default:
      return Simple();
  }
}

// --- Statements

// Names the columns of a table, under an alias, for the expressions that follow.
std::string RandomSelect::EnterTable(const Table& table, const std::string& alias) {
  for (const Column& column : table.columns) {
    scope_.push_back({alias + "." + column.name, column.type});
  }
  return table.name + " " + alias;
}

std::string RandomSelect::SelectList(std::size_t count, int depth) {
  std::string list;
  for (std::size_t i = 0; i < count; ++i) {
    list += (i == 0 ? "" : ", ") + Expression(PickType(), depth) + fmt::format(" AS c{}", i);
  }
  return list;
}

std::string RandomSelect::Where(int depth) {
  return Chance(4) ? std::string() : " WHERE " + Expression(Type::kBoolean, depth);
}

std::string RandomSelect::RowLimit() {
  const std::string limit = std::to_string(1 + Below(9));
  const std::string offset = std::to_string(Below(5));
  if (!postgres()) {
    return Chance(2) ? " LIMIT " + limit : " LIMIT " + limit + " OFFSET " + offset;
  }
  switch (Below(7)) {
    case 0:
      return " LIMIT " + limit;
    case 1:
      return " LIMIT " + limit + " OFFSET " + offset;
    case 2:
      return " OFFSET " + offset + " LIMIT " + limit;
    case 3:
      return " FETCH FIRST " + limit + " ROWS ONLY";
    case 4:
      return " OFFSET " + offset + " ROWS FETCH NEXT " + limit + " ROWS ONLY";
    case 5:
      return " LIMIT ALL OFFSET " + offset;
    default:
      return " FETCH FIRST ROW ONLY";
  }
}

RandomSelect::Query RandomSelect::Simple() {
  const Table& table = Tables()[Below(3)];
  const std::string from = EnterTable(table, "t");
  Query query;
  const bool distinct = Chance(5);
  with_intervals_ = !distinct;  // Here they are texts, which differ where their lengths do not.
  query.sql = "SELECT " + std::string(distinct ? "DISTINCT " : "") +
              SelectList(1 + Below(4), kDepth) + " FROM " + from + Where(kDepth);
  if (!distinct && Chance(2)) {
    with_intervals_ = false;
    const Type type = PickType();
    const std::string key = "coalesce(" + Expression(type, 1) + ", " + ColumnOf(type) + ")";
    query.sql += " ORDER BY " + key + Pick({" ASC", " DESC"}) +
                 Pick({" NULLS FIRST", " NULLS LAST"}) + ", " + scope_[0].name + ", " +
                 scope_[1].name + RowLimit();
    query.ordered = true;
  }
  return query;
}

RandomSelect::Query RandomSelect::Joined() {
  const std::string documents = EnterTable(Tables()[0], "d");
  const std::string relevance = EnterTable(Tables()[2], "r");
  std::string from =
      documents + Pick({" JOIN ", " LEFT JOIN "}) + relevance + " ON r.document = d.id";
  if (Chance(3)) {
    from += " AND " + Expression(Type::kBoolean, 1);
  }
  if (Chance(2)) {
    const std::string labels = EnterTable(Tables()[1], "l");
    from += Pick({" JOIN ", " LEFT JOIN "}) + labels + " ON l.id = r.label";
  }
  return {"SELECT " + SelectList(1 + Below(4), 2) + " FROM " + from + Where(2), false};
}

RandomSelect::Query RandomSelect::Grouped() {
  const std::string from = EnterTable(Tables()[Below(2)], "t");
  const std::vector<Column> inside = scope_;
  const bool keyed = !Chance(4);
  std::string list;
  std::string keys;
  for (std::size_t i = 0; keyed && i < 1 + Below(2); ++i) {
    const std::string key =
        Expression(Pick({"t", "i", "b"}) == "t" ? Type::kText : Type::kBoolean, 1);
    list += key + fmt::format(" AS k{}, ", i);
    keys += (keys.empty() ? " GROUP BY " : ", ") + std::to_string(i + 1);
  }
  const std::size_t count = 1 + Below(3);
  for (std::size_t i = 0; i < count; ++i) {
    list += (i == 0 ? "" : ", ") + Aggregate(PickType()) + fmt::format(" AS a{}", i);
  }
  std::string sql = "SELECT " + list + " FROM " + from + Where(2) + keys;
  if (!keys.empty() && Chance(3)) {
    sql += " HAVING count(*) > " + std::to_string(Below(4));
  }
  return {sql, false};
}

RandomSelect::Query RandomSelect::Compound() {
  with_intervals_ = false;
  const Type type = PickType();
  const Type other = PickType();
  std::string sql;
  for (int i = 0; i < 2; ++i) {
    scope_.clear();
    const std::string from = EnterTable(Tables()[Below(3)], "t");
    sql += i == 0 ? "" : Pick({" UNION ", " UNION ALL ", " EXCEPT ", " INTERSECT "});
    sql +=
        "SELECT " + Expression(type, 2) + ", " + Expression(other, 2) + " FROM " + from + Where(2);
  }
  return {sql, false};
}

RandomSelect::Query RandomSelect::FromSubquery() {
  const std::string from = EnterTable(Tables()[Below(3)], "t");
  // What a subquery's boolean or interval is, only its values tell: numbers and texts.
  static constexpr Type kInner[] = {Type::kText, Type::kInteger, Type::kReal, Type::kTimestamp,
                                    Type::kDate};
  const Type types[] = {kInner[Below(postgres() ? 5 : 3)], kInner[Below(postgres() ? 5 : 3)]};
  const std::string inner = "SELECT " + Expression(types[0], 2) + (postgres() ? "" : " AS a") +
                            ", " + Expression(types[1], 2) + (postgres() ? "" : " AS b") +
                            " FROM " + from + Where(2);
  scope_ = {{"q.a", types[0]}, {"q.b", types[1]}};
  typed_columns_ = false;
  if (Chance(2)) {
    const std::string with =
        "WITH q" + std::string(postgres() ? "(a, b)" : "") + " AS (" + inner + ") ";
    return {with + "SELECT " + SelectList(2, 2) + " FROM q" + Where(2), false};
  }
  if (postgres() && Chance(3)) {
    scope_.push_back({"g.i", Type::kInteger});
    return {"SELECT " + SelectList(2, 2) + " FROM (" + inner +
                ") AS q(a, b) CROSS JOIN generate_series(1, 3) AS g(i)" + Where(2),
            false};
  }
  return {"SELECT " + SelectList(2, 2) + " FROM (" + inner + ") AS q" +
              (postgres() ? "(a, b)" : "") + Where(2),
          false};
}

RandomSelect::Query RandomSelect::Windowed() {
  const std::string from = EnterTable(Tables()[Below(2)], "t");
  const std::string order = " OVER (" + Pick({"", "PARTITION BY t.lang "}) + "ORDER BY t.id" +
                            Pick({"", " ROWS BETWEEN 1 PRECEDING AND CURRENT ROW"}) + ")";
  std::string window;
  switch (Below(postgres() ? 7 : 5)) {
    case 0:
      window = "row_number() OVER (ORDER BY t.id)";
      break;
    case 1:
      window = "count(" + Expression(Type::kText, 1) + ")" + order;
      break;
    case 2:
      window = "lag(" + Expression(Type::kInteger, 1) + ") OVER (ORDER BY t.id)";
      break;
    case 3:
      window = "sum(" + Expression(Type::kInteger, 1) + ")" + order;
      break;
    case 4:
      window = "max(" + Expression(Type::kText, 1) + ")" + order;
      break;
    case 5:
      window = "bool_or(" + Expression(Type::kBoolean, 1) + ")" + order;
      break;
    default:
      window = "string_agg(" + Expression(Type::kText, 1) + ", '+')" + order;
      break;
  }
  return {"SELECT t.id, " + window + " FROM " + from + Where(2) + " ORDER BY t.id", true};
}

// One expression that may fail, for every row.
RandomSelect::Query RandomSelect::Risky() {
  const std::string from = EnterTable(Tables()[Below(2)], "t");
  std::string risky;
  switch (Below(8)) {
    case 0:
      risky = "t.text::int";
      break;
    case 1:
      risky = Expression(Type::kInteger, 1) + " / " + "(" + Expression(Type::kInteger, 1) + ")";
      break;
    case 2:
      risky = Expression(Type::kInteger, 1) + " % " + "(" + Expression(Type::kInteger, 1) + ")";
      break;
    case 3:
      risky = "substr(t.text, 1, (" + Expression(Type::kInteger, 1) + ")::int)";
      break;
    case 4:
      risky = "sqrt(" + Expression(Type::kReal, 1) + ")";
      break;
    case 5:
      risky = "split_part(t.text, ' ', (" + Expression(Type::kInteger, 1) + ")::int)";
      break;
    case 6:
      risky = "ln(" + Expression(Type::kReal, 1) + ")";
      break;
    default:
      risky = "right(t.id, 2)::smallint";
      break;
  }
  return {"SELECT " + risky + " FROM " + from, false};
}

RandomSelect::Query RandomSelect::Constant() {
  const std::string list = SelectList(1 + Below(3), kDepth);
  return {"SELECT " + list, false};
}

// --- Expressions

std::string RandomSelect::Expression(Type type, int depth) {
  if (depth <= 0 || Chance(5)) {
    return Chance(3) ? Literal(type) : ColumnOf(type);
  }
  if (Chance(6)) {
    return AnyType(type, depth - 1);
  }
  switch (type) {
    case Type::kText:
      return Text(depth - 1);
    case Type::kInteger:
      return Integer(depth - 1);
    case Type::kReal:
      return Real(depth - 1);
    case Type::kBoolean:
      return Boolean(depth - 1);
    case Type::kTimestamp:
      return Timestamp(depth - 1);
    case Type::kDate:
      return Date(depth - 1);
    default:
      return Interval(depth - 1);
  }
}

std::string RandomSelect::ColumnOf(Type type) {
  std::vector<const Column*> columns;
  for (const Column& column : scope_) {
    if (column.type == type) {
      columns.push_back(&column);
    }
  }
  return columns.empty() ? Literal(type) : columns[Below(columns.size())]->name;
}

std::string RandomSelect::Literal(Type type) {
  switch (type) {
    case Type::kText:
      return Pick({"'a'", "'Red Hat'", "'l1'", "'x y z'", "''", "'12'", "'grün'", "'it''s'"}) +
             (postgres() ? "::text" : "");
    case Type::kInteger:
      return Pick({"0", "1", "2", "3", "7", "10", "-1", "-4", "100", "2004"});
    case Type::kReal:
      return Pick({"0.5", "1.25", "2.5", "10.0", "0.0", "3.75", "-1.5"}) +
             (postgres() ? Pick({"", "::float8"}) : "");
    case Type::kBoolean:
      return Pick({"TRUE", "FALSE"});
    case Type::kTimestamp:
      return Pick({"timestamptz '2026-11-23 02:08:15+00'", "'2026-02-28 23:59:59.5'::timestamptz",
                   "timestamptz '2024-02-29 00:00+02'", "TIMESTAMPTZ '2025-12-31 12:30:00Z'"});
    case Type::kDate:
      return Pick({"date '2026-11-23'", "'2024-02-29'::date", "DATE '2025-01-01'"});
    default:
      return Pick({"interval '1 day'", "'2 hours 30 minutes'::interval", "INTERVAL '1 month'",
                   "interval '-3 days'", "interval '1 year 2 months 3 days'", "interval '90 s'"});
  }
}

// What has the type of its operands.
std::string RandomSelect::AnyType(Type type, int depth) {
  const std::string a = Expression(type, depth);
  const std::string b = Expression(type, depth);
  const bool comparable = type != Type::kInterval && type != Type::kBoolean;
  switch (Below(comparable ? 5 : 3)) {
    case 0:
      return "coalesce(" + a + ", " + b + ")";
    case 1:
      return "CASE WHEN " + Expression(Type::kBoolean, depth) + " THEN " + a + " ELSE " + b +
             " END";
    case 2:
      return "(" + a + ")";
    case 3:
      return "nullif(" + a + ", " + b + ")";
    default:
      return postgres() ? Pick({"greatest(", "least("}) + a + ", " + b + ")"
                        : "ifnull(" + a + ", " + b + ")";
  }
}

std::string RandomSelect::Text(int depth) {
  const std::string a = Expression(Type::kText, depth);
  const std::string b = Expression(Type::kText, depth);
  switch (Below(8)) {
    case 0:
      return a + " || " + b;
    case 1:
      return "replace(" + a + ", " + Pick({"'a'", "'e'", "' '", "'Hat'"}) + ", " + b + ")";
    case 2:
      return "trim(" + a + ")";
    case 3:
      return "substr(" + a + ", " + std::to_string(1 + Below(4)) + ", " + std::to_string(Below(5)) +
             ")";
    default:
      return postgres() ? PostgresText(depth) : SqliteText(depth);
  }
}

std::string RandomSelect::SqliteText(int depth) {
  const std::string a = Expression(Type::kText, depth);
  switch (Below(6)) {
    case 0:
      return "hex(" + a + ")";
    case 1:
      return "quote(" + a + ")";
    case 2:
      return "typeof(" + Expression(PickType(), depth) + ")";
    case 3:
      return "printf('%s-%d', " + a + ", " + Expression(Type::kInteger, depth) + ")";
    case 4:
      return "json_array(" + a + ", " + Expression(Type::kInteger, depth) + ")";
    default:
      return "CAST(" + Expression(Type::kInteger, depth) + " AS TEXT)";
  }
}

std::string RandomSelect::PostgresText(int depth) {
  const std::string a = Expression(Type::kText, depth);
  const std::string b = Expression(Type::kText, depth);
  const std::string n = Pick({"0", "1", "2", "3", "5", "-1", "-2"});
  switch (Below(22)) {
    case 0:
      return Pick({"upper(", "lower(", "initcap(", "reverse(", "md5(", "btrim("}) + a + ")";
    case 1:
      return Pick({"left(", "right("}) + a + ", " + n + ")";
    case 2:
      return Pick({"lpad(", "rpad("}) + a + ", " + n + Pick({")", ", 'xy')", ", '')"});
    case 3:
      return "repeat(" + a + ", " + n + ")";
    case 4:
      return "split_part(" + a + ", " + Pick({"' '", "'a'", "'Hat'"}) + ", " +
             Pick({"1", "2", "-1", "5"}) + ")";
    case 5:
      return Pick({"concat(", "concat_ws(', ', "}) + a + ", " + Expression(Type::kInteger, depth) +
             ", " + b + ")";
    case 6:
      return "(" + Expression(Type::kInteger, depth) + ")::text";
    case 7:
      return typed_columns_ ? "(" + Expression(Type::kBoolean, depth) + ")::text"
                            : "((" + Expression(Type::kBoolean, depth) + ") IS TRUE)::text";
    case 8:
      return "substring(" + a + " FROM " + n + " FOR " + Pick({"0", "1", "3"}) + ")";
    case 9:
      return "trim(" + Pick({"BOTH", "LEADING", "TRAILING"}) + " 'aR' FROM " + a + ")";
    case 10:
      return "overlay(" + a + " PLACING " + b + " FROM " + Pick({"1", "2", "9"}) + " FOR " +
             Pick({"0", "2"}) + ")";
    case 11:
      return "translate(" + a + ", 'aeü', 'xy')";
    case 12:
      return "(" + a + ")::varchar(" + Pick({"1", "3", "20"}) + ")";
    case 13:
      return "to_char(" + Expression(Type::kTimestamp, depth) + ", " +
             Pick({"'YYYY-MM-DD HH24:MI:SS.US'", "'FMDay, DD Mon YYYY'", "'HH12:MI AM, IYYY-IW'",
                   "'DDD Q MONTH'"}) +
             ")";
    case 14:
      return "(" + Expression(Type::kDate, depth) + ")::text";
    case 15:
      return "(" + Expression(Type::kInterval, depth) + ")::text";
    case 16:
      return "format('%s/%L/%I', " + a + ", " + b + ", 'a b')";
    case 17:
      return a + " || " + Expression(Type::kInteger, depth) + " + 1";
    case 18:
      return "chr(65 + abs(" + Pick({"3", "20", "160"}) + "))";
    case 19:
      return "CAST(" + a + " AS text)";
    case 20:
      return typed_columns_
                 ? a + " || " + ColumnOf(Pick({"r", "b"}) == "r" ? Type::kReal : Type::kBoolean)
                 : a;
    default:
      return a + " || ' ' || " + b;
  }
}

std::string RandomSelect::Integer(int depth) {
  const std::string a = Expression(Type::kInteger, depth);
  const std::string b = Expression(Type::kInteger, depth);
  switch (Below(9)) {
    case 0:
      return a + " + " + b;
    case 1:
      return a + " - (" + b + ")";
    case 2:
      return "(" + a + ") * " + Pick({"2", "3", "-1"});
    case 3:
      return "(" + a + ") / " + Pick({"2", "3", "7"});
    case 4:
      return "(" + a + ") % " + Pick({"2", "3", "7"});
    case 5:
      return "length(" + Expression(Type::kText, depth) + ")";
    case 6:
      return "abs(" + a + ")";
    case 7:
      return "- (" + a + ")";
    default:
      return postgres()
                 ? PostgresInteger(depth)
                 : Pick({"unicode(", "instr('a Red Hat', "}) + Expression(Type::kText, depth) + ")";
  }
}

std::string RandomSelect::PostgresInteger(int depth) {
  const std::string a = Expression(Type::kInteger, depth);
  const std::string text = Expression(Type::kText, depth);
  switch (Below(14)) {
    case 12:
      return "(" + ColumnOf(Type::kInteger) + (typed_columns_ ? " * 0.5)::int" : ")::int");
    case 13:
      return "(" + ColumnOf(Type::kReal) + ")" + (typed_columns_ ? "::int" : "::float8::int");
    case 0:
      return "strpos(" + text + ", " + Pick({"'a'", "' '", "'ü'"}) + ")";
    case 1:
      return "position(" + Pick({"'a'", "'Hat'"}) + " IN " + text + ")";
    case 2:
      return Pick({"ascii(", "char_length(", "octet_length("}) + text + ")";
    case 3:
      return Pick({"mod(", "div("}) + a + ", 3)::int";
    case 4:
      return "extract(" + Pick({"year", "month", "day", "hour", "dow", "doy", "week", "quarter"}) +
             " FROM " + Expression(Type::kTimestamp, depth) + ")::int";
    case 5:
      return "(" + Expression(Type::kDate, depth) + " - " + Expression(Type::kDate, depth) + ")";
    case 6:
      return Pick({"'12'::int", "'-7'::bigint", "2.5::int", "(-3.5)::int", "2.5::float8::int",
                   "TRUE::int", "CAST('5' AS smallint)"});
    case 7:
      return "(" + Expression(Type::kBoolean, depth) + ")::int";
    case 8:
      return "((" + a + ") " + Pick({"&", "|", "#"}) + " 5)";
    case 9:
      return "~(" + a + ")";
    case 10:
      return "((" + a + ") # " + Pick({"3", "12"}) + " + 1)";
    default:
      return "round(" + Expression(Type::kReal, 0) + "::float8)::int";
  }
}

std::string RandomSelect::Real(int depth) {
  const std::string a = Expression(Type::kReal, depth);
  const std::string b = Expression(Type::kReal, depth);
  if (!postgres() || Chance(2)) {
    return a + Pick({" + ", " - ", " * "}) + "(" + b + ")";
  }
  switch (Below(10)) {
    case 0:
      return "(" + a + ") / " + Pick({"2", "0.5", "2.0::float8"});
    case 1:
      return "round((" + a + ")::numeric, " + Pick({"0", "1", "2", "-1"}) + ")";
    case 2:
      return Pick({"ceil(", "floor(", "sign(", "abs("}) + a + ")";
    case 3:
      return "sqrt(abs(" + a + "))";
    case 4:
      return "trunc((" + a + ")::numeric, " + Pick({"0", "1", "-1"}) + ")";
    case 5:
      return "(" + Expression(Type::kInteger, depth) + ")::float8";
    case 6:
      return "abs(" + Expression(Type::kReal, 0) + ") ^ " + Pick({"2", "0.5", "3"});
    case 7:
      return "extract(" + Pick({"epoch", "second", "milliseconds"}) + " FROM " +
             Expression(Type::kTimestamp, depth) + ")";
    case 8:
      return "extract(epoch FROM " + Expression(Type::kInterval, depth) + ")";
    default:
      return Pick({"cbrt(", "exp(0.5 * sign("}) == "cbrt(" ? "cbrt(" + a + ")"
                                                           : "exp(0.5 * sign(" + a + "))";
  }
}

std::string RandomSelect::Boolean(int depth) {
  const Type type = PickType();
  const bool comparable = type != Type::kBoolean;
  switch (Below(9)) {
    case 0:
      return "(" + Expression(Type::kBoolean, depth) + ")" + Pick({" AND ", " OR "}) + "(" +
             Expression(Type::kBoolean, depth) + ")";
    case 1:
      return "NOT (" + Expression(Type::kBoolean, depth) + ")";
    case 2:
      return "(" + Expression(type, depth) + ")" + Pick({" IS NULL", " IS NOT NULL"});
    case 3:
      return Match(depth);
    case 4:
      return Subquery(depth);
    case 5: {
      const Type kept = comparable && type != Type::kInterval ? type : Type::kInteger;
      return "(" + Expression(kept, depth) + ")" + Pick({" IN (", " NOT IN ("}) + Literal(kept) +
             ", " + Literal(kept) + ")";
    }
    case 6: {
      const Type kept = comparable && type != Type::kInterval ? type : Type::kText;
      return "(" + Expression(kept, depth) + ")" + Pick({" BETWEEN ", " NOT BETWEEN "}) +
             Literal(kept) + " AND " + Literal(kept);
    }
    case 7:
      if (postgres()) {
        return PostgresBoolean(depth);
      }
      [[fallthrough]];
    default: {
      const Type kept = comparable ? type : Type::kInteger;
      return "(" + Expression(kept, depth) + ")" +
             Pick({" = ", " <> ", " < ", " <= ", " > ", " >= "}) + "(" + Expression(kept, depth) +
             ")";
    }
  }
}

std::string RandomSelect::Match(int depth) {
  const std::string a = "(" + Expression(Type::kText, depth) + ")";
  if (!postgres()) {
    return a + Pick({" LIKE '%a%'", " LIKE 'Red%'", " GLOB '*a*'", " LIKE '_e%'", " LIKE '%'",
                     " NOT LIKE '%Hat'"});
  }
  if (Chance(4)) {
    return a + Pick({" LIKE '%!%' ESCAPE '!'", " ILIKE '%A!_%' ESCAPE '!'", " ~~ 'Red%'",
                     " ~~* 'RED%'", " !~~ '%a%'", " !~~* '%A%'"});
  }
  return a + Pick({" LIKE ", " NOT LIKE ", " ILIKE ", " NOT ILIKE "}) +
         Pick({"'%a%'", "'RED%'", "'Red%'", "'_e%'", "'%'", "'%\\%'", "'%Ü%'", "'l' || '%'",
               "'gr_n'"});
}

std::string RandomSelect::PostgresBoolean(int depth) {
  const std::string a = Expression(Type::kInteger, depth);
  const std::string op = Pick({" = ", " <> ", " < ", " <= ", " > ", " >= "});
  switch (Below(typed_columns_ ? 14 : 9)) {
    case 9:
      return ColumnOf(Type::kInteger) + op + Pick({"'7'", "'0'", "' 2004 '"});
    case 10:
      return ColumnOf(Type::kReal) + op + Pick({"'0.5'", "'2.5'", "'10'"});
    case 11:
      return ColumnOf(Type::kTimestamp) + op +
             Pick({"'2026-11-23 02:08:15Z'", "'2024-02-29'", "date '2024-02-29'",
                   "date '2026-01-01'", "'2025-12-31T13:30+01'"});
    case 12:
      return ColumnOf(Type::kBoolean) + Pick({" = ", " <> "}) + Pick({"'true'", "'f'", "'no'"});
    case 13:
      return "(" + ColumnOf(Type::kTimestamp) + " - " + ColumnOf(Type::kTimestamp) + ")" + op +
             Pick({"'1 day'", "interval '0 s'", "'1 year'"});
    case 0:
      return "(" + a + ") IS " + Pick({"", "NOT "}) + "DISTINCT FROM " +
             Expression(Type::kInteger, 0);
    case 1:
      return "(" + Expression(Type::kBoolean, depth) + ") IS " + Pick({"", "NOT "}) +
             Pick({"TRUE", "FALSE", "UNKNOWN"});
    case 2:
      return "(" + a + ") = ANY (ARRAY[1, 2, " + Pick({"7", "10", "2004"}) + "])";
    case 3:
      return "(" + a + ") BETWEEN SYMMETRIC 10 AND " + Pick({"2", "20", "-1"});
    case 4:
      return "starts_with(" + Expression(Type::kText, depth) + ", " + Pick({"'R'", "'d'", "''"}) +
             ")";
    case 5:
      return Pick({"'t'", "'no'", "'1'", "'false'"}) + "::boolean";
    case 6:
      return Pick({"0", "5", "(-1)"}) + "::boolean";
    case 7:
      return "(" + a + ") <> ALL (ARRAY[1, 3])";
    default:
      return "(" + a + ") = " + Pick({"'1'", "'7'", "'-4'"}) + "::int";
  }
}

// A subquery that may name what stands around it.
std::string RandomSelect::Subquery(int depth) {
  if (scope_.size() > 20 || num_aliases_ > 3) {
    return Expression(Type::kBoolean, 0);
  }
  const std::vector<Column> outside = scope_;
  const std::string needle = Expression(Type::kText, 0);
  const std::string alias = fmt::format("s{}", num_aliases_++);
  const std::string from = EnterTable(Tables()[Below(3)], alias);
  const std::string where = " FROM " + from + " WHERE " + Expression(Type::kBoolean, depth);
  std::string sql;
  switch (Below(postgres() ? 4 : 3)) {
    case 0:
      sql = Pick({"EXISTS (SELECT 1", "NOT EXISTS (SELECT 1"}) + where + ")";
      break;
    case 1:
      sql = "(SELECT count(*)" + where + ") > " + std::to_string(Below(5));
      break;
    case 2:
      sql = needle + Pick({" IN (SELECT ", " NOT IN (SELECT "}) + scope_[outside.size()].name +
            where + ")";
      break;
    default:
      sql = needle + Pick({" = ANY (SELECT ", " <> ALL (SELECT "}) + scope_[outside.size()].name +
            where + ")";
      break;
  }
  scope_ = outside;
  return sql;
}

std::string RandomSelect::Timestamp(int depth) {
  const std::string a = Expression(Type::kTimestamp, depth);
  switch (Below(4)) {
    case 0:
      return "(" + a + ")" + Pick({" + ", " - "}) + Literal(Type::kInterval);
    case 1:
      return "date_trunc(" +
             Pick({"'year'", "'quarter'", "'month'", "'week'", "'day'", "'hour'", "'minute'"}) +
             ", " + a + ")";
    case 2:
      return "(" + Expression(Type::kDate, depth) + ")::timestamptz";
    default:
      return "(" + a + ")::timestamptz(0)";
  }
}

std::string RandomSelect::Date(int depth) {
  switch (Below(3)) {
    case 0:
      return "(" + Expression(Type::kTimestamp, depth) + ")::date";
    case 1:
      return "make_date(2026, " + std::to_string(1 + Below(12)) + ", " +
             std::to_string(1 + Below(28)) + ")";
    default:
      return "(" + Expression(Type::kDate, depth) + ")::date" + Pick({" + ", " - "}) +
             std::to_string(Below(400));
  }
}

std::string RandomSelect::Interval(int depth) {
  const std::string a = Expression(Type::kInterval, 0);
  switch (Below(5)) {
    case 0:
      return "(" + Expression(Type::kTimestamp, depth) + ")::timestamptz - (" +
             Expression(Type::kTimestamp, depth) + ")::timestamptz";
    case 1:
      return "age((" + Expression(Type::kTimestamp, depth) + ")::timestamptz, " +
             Literal(Type::kTimestamp) + ")";
    case 2:
      return Literal(Type::kInterval) + Pick({" * 2", " * 1.5", " / 3", " / 0.5"});
    case 3:
      return Literal(Type::kInterval) + Pick({" + ", " - "}) + Literal(Type::kInterval);
    default:
      return a;
  }
}

std::string RandomSelect::Aggregate(Type type) {
  const std::string filter =
      Chance(4) ? " FILTER (WHERE " + Expression(Type::kBoolean, 1) + ")" : "";
  const std::string distinct = Chance(4) ? "DISTINCT " : "";
  switch (type) {
    case Type::kText:
      if (postgres() && Chance(2)) {
        const std::string text = "upper(" + Expression(Type::kText, 1) + ")";
        return Pick({"string_agg(", "string_agg(DISTINCT "}) + text + ", ',' ORDER BY " + text +
               Pick({"", " DESC"}) + ")" + filter;
      }
      return Pick({"min(", "max("}) + Expression(Type::kText, 1) + ")" + filter;
    case Type::kInteger:
      return Pick({"count(", "sum(", "min(", "max("}) + distinct + Expression(Type::kInteger, 1) +
             ")" + filter;
    case Type::kReal:
      return postgres()
                 ? Pick({"avg(", "stddev(", "var_pop(", "variance(", "stddev_pop(", "max("}) +
                       Expression(Type::kReal, 1) + ")" + filter
                 : Pick({"avg(", "max(", "min("}) + Expression(Type::kReal, 1) + ")" + filter;
    case Type::kBoolean:
      return postgres() ? Pick({"bool_and(", "bool_or(", "every("}) +
                              Expression(Type::kBoolean, 1) + ")" + filter
                        : "count(*)" + filter;
    case Type::kTimestamp:
      return Pick({"min(", "max("}) + Expression(Type::kTimestamp, 1) + ")" + filter;
    case Type::kDate:
      return Pick({"min(", "max("}) + Expression(Type::kDate, 1) + ")" + filter;
    default:
      return Pick({"percentile_disc(0.5)", "percentile_disc(0.25)", "mode()"}) +
             " WITHIN GROUP (ORDER BY " + Expression(Type::kInteger, 1) + ")";
  }
}

}  // namespace dashi::differential
