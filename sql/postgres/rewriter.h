#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dashi/status.h"
#include "sql/postgres/types.h"
#include "sql/sqlite_text.h"
#include "sql/token_stream.h"

namespace dashi::sql::postgres {

class ColumnTypes;
class StatementTypes;

/// An expression, as far as it has been read.
struct Operand {
  TextRange range;
  StaticType type = StaticType::kUnknown;
  /// SQLite's precedence of its outermost operator: the higher, the tighter.
  int level = 0;
  /// How many replacements stand in one another at most.
  int depth = 0;
  std::optional<Token> literal;  ///< where it is one string or number alone
  bool takes_any_type = false;   ///< NULL or a parameter
  std::uint32_t parameter = 0;   ///< n where it is `$n` alone
  bool is_distance = false;      ///< of two vectors, by an operator
};

/// Rewrites PostgreSQL's spellings in a statement that SQLite runs. It reads the statement as a
/// sequence of words and of expressions between them, which it parses with PostgreSQL's
/// precedences; what is no expression, and what is wrong, it leaves to SQLite.
///
/// Threads: one thread at a time.
/// Cost:    one pass over the tokens; nothing is allocated where nothing is rewritten.
class Rewriter {
 public:
  /// `types`: of columns; null where they are not known. `found`: where to note what the statement
  /// tells of types; null: nobody asks.
  Rewriter(TokenStream tokens, TextReplacements* replacements, const ColumnTypes* types = nullptr,
           StatementTypes* found = nullptr)
      : tokens_(tokens), replacements_(*replacements), types_(types), found_(found) {}

  /// Reads to the end of the statement.
  Status Run();
  /// Whether it could have come out otherwise with other types of columns.
  bool types_matter() const { return types_matter_; }

 private:
  /// What stands between two parentheses, or in a whole statement.
  struct Body {
    std::size_t num_expressions = 0;
    bool has_words = false;  ///< keywords, commas and the like
    Operand last;
  };
  /// A call of a function.
  struct Call {
    std::string name;
    TextRange name_range;
    std::size_t begin = 0;
    bool distinct = false;
    bool regular = true;  ///< arguments are expressions between commas
    std::vector<Operand> arguments;
    std::vector<Operand> order;  ///< keys of ORDER BY inside the parentheses
    std::string order_spec;      ///< of each key: a or d, then f or l for NULLs
    TextRange inside;            ///< between the parentheses
    std::size_t end = 0;         ///< behind the closing one
  };
  /// A function that returns rows, in a select list: see UnnestedRows.
  struct SetCall {
    char kind = 't';
    TextRange array;
  };
  /// Names and types of the columns of a query inside another.
  using DerivedColumns = std::vector<std::pair<std::string, StaticType>>;
  /// LIMIT, OFFSET and FETCH of one SELECT.
  struct RowCount {
    std::optional<TextRange> limit;
    std::optional<TextRange> offset;
    bool all = false;      ///< LIMIT ALL or LIMIT NULL
    bool one = false;      ///< FETCH FIRST ROW ONLY
    bool rewrite = false;  ///< not as SQLite has it
    std::size_t begin = 0;
  };

  // statements.cc
  Result<Body> ReadBody();
  Status ReadWord(bool* in_from);
  void PutNullsLast(const Operand& distance);
  Status ReadSelectList();
  Status ReadSelectItems();
  Status ReadSelectItem();
  Status ReadItemName(const Operand& item, std::size_t begin, bool is_rewritten);
  void NoteDerived(const DerivedColumns& columns, bool is_joined);
  Status JoinSetCalls(const std::vector<SetCall>& calls, std::size_t list_begin);
  Status ReadAssignments();
  Status ReadFromItem();
  Status ReadSeries();
  Status ReadSystemTable();
  Status ReadTableAlias(const std::optional<TextRange>& subquery);
  Status ReadRowCount();
  Status ReadLimit(RowCount* count);
  Status ReadOffset(RowCount* count);
  Status ReadFetch(RowCount* count);

  // expressions.cc
  Result<Operand> ReadExpression(int level_min);
  Result<Operand> ReadExpressionInside(int level_min);
  Result<Operand> ReadPrefix();
  Result<Operand> ReadPrefixCall(const char* function, StaticType type);
  Result<Operand> ReadPrimary();
  std::optional<Operand> ReadConstant();
  bool TakeSystemSchema();
  Result<Operand> ReadWordPrimary();
  Result<Operand> ReadCase();
  Result<Operand> ReadTypedLiteral();
  Result<Operand> ReadGroup();
  Result<Operand> ReadGroupInside();
  Result<std::optional<Operand>> ReadWordInfix(Operand left, int level_min);
  Result<std::optional<Operand>> ReadMatch(Operand left);
  Result<std::optional<Operand>> ReadInfix(Operand left, int level_min);
  Result<Operand> ReadBinary(Operand left, const Token& op, int level, int sqlite_level);
  Result<Operand> ReadComparison(Operand left, const Token& op, int level, int sqlite_level);
  Result<Operand> ReadAny(Operand left, const Token& op);
  Result<Operand> ReadAnyOfText(Operand left, bool negated);
  Result<Operand> ReadIs(Operand left);
  Result<Operand> ReadLike(Operand left, std::size_t begin, bool negated, bool fold);
  Result<Operand> ReadRegularExpression(Operand left, const Token& op);
  Result<Operand> ReadNamedOperator(Operand left);
  Result<Operand> ReadBetween(Operand left);
  Result<Operand> ReadIn(Operand left);
  Result<Operand> ReadZone(Operand left);

  // arrays.cc
  Result<Operand> ReadArray();
  Result<Operand> ReadArrayOfQuery();
  Result<Operand> ReadSubscript(Operand left);
  Result<Operand> ReadField(Operand row);
  Result<Operand> ReadSetCall(const Call& call);
  Result<Operand> ArrayAgg(const Call& call);
  Status ReadUnnest();
  Result<std::size_t> ReadSetNames(std::string* name, std::vector<std::string>* columns,
                                   std::size_t num_columns);
  Result<Operand> CastToObject(const Operand& operand, CastKind kind, TextRange range);
  Operand ShowObject(const Operand& operand, TextRange range, StaticType type);

  // operators.cc
  Result<Operand> Arithmetic(Operand left, const Token& op, Operand right, int sqlite_level);
  Result<Operand> Sum(Operand left, const Token& op, Operand right, int sqlite_level);
  Result<Operand> Product(Operand left, const Token& op, Operand right, int sqlite_level);
  Result<Operand> Concatenation(Operand left, Operand right, int sqlite_level);
  Status AlignTypes(Operand* left, Operand* right, bool compared);
  Result<Operand> AddCast(const Operand& operand, CastTarget target, TextRange range);
  Operand Infix(Operand left, Operand right, int sqlite_level, StaticType type);
  Operand CallOf(std::string_view function, const std::vector<Operand>& arguments, StaticType type);
  Operand Replace(TextRange range, std::vector<TextReplacements::Piece> pieces, StaticType type,
                  int depth);
  void Parenthesize(Operand* operand, int level_min);
  Status CheckDepth(const Operand& operand) const;

  // calls.cc
  Result<Operand> ReadCall(std::string name, TextRange name_range);
  Result<Operand> ReadCallInside(std::string name, TextRange name_range);
  Result<Operand> ReadCast(std::size_t begin);
  Result<Operand> ReadPosition(std::size_t begin);
  Result<Operand> ReadExtract(std::size_t begin);
  Result<Operand> ReadSubstring(const Call& call);
  Result<Operand> ReadTrim(const Call& call);
  Result<Operand> ReadOverlay(const Call& call);
  Result<Call> ReadArguments(Call call);
  Status ReadCallOrder(Call* call);
  Result<Operand> FinishCall(const Call& call);
  Result<Operand> StringAgg(const Call& call);
  Result<Operand> WithinGroup(Call call);
  Result<Operand> ReadCallTail(Operand operand, const Call& call);
  Status RenameCall(const Call& call);
  Status RenameJsonCall(const Call& call);
  StaticType TypeOfCall(const Call& call) const;

  const Token& Peek(std::size_t ahead = 0) const { return tokens_.Peek(ahead); }
  const Token& Take();
  std::size_t Begin() const { return Peek().offset; }
  TextRange RangeOf(const Token& token) const {
    return {token.offset, token.offset + token.text.size()};
  }
  Operand Atom(TextRange range, StaticType type) const;
  StaticType TypeOfColumn(std::string_view name) const;
  void NoteUse(const Operand& operand, StaticType type);
  void NoteUsesInList(StaticType type);
  void NoteResult(const Operand& item);

  TokenStream tokens_;
  TextReplacements& replacements_;
  const ColumnTypes* types_;
  StatementTypes* found_;
  std::size_t end_ = 0;  // Behind the token that was taken last.
  bool types_matter_ = false;
  int nesting_ = 0;
  int deepest_ = 0;                    // Of the replacements of the part that is being read.
  DerivedColumns* derived_ = nullptr;  // Of the query that is being read.
  std::vector<SetCall>* set_calls_ = nullptr;  // Of the select list that is being read.
  int num_sets_ = 0;                           // Select lists with such calls.
};

/// Whether a word may begin no expression and be no alias.
bool IsReserved(const Token& token);
/// Whether a token may be a name.
bool IsName(const Token& token);
/// Whether a function returns rows and may stand in a select list.
bool IsSetFunction(std::string_view name);

/// PostgreSQL's precedences.
enum Level : int {
  kLevelOr = 1,
  kLevelAnd,
  kLevelNot,
  kLevelIs,
  kLevelEqual,
  kLevelCompare,
  kLevelLike,
  kLevelOther,
  kLevelAdd,
  kLevelMultiply,
  kLevelPower,
  kLevelZone,
  kLevelCollate,
  kLevelUnary,
  kLevelCast,
};

/// SQLite's.
enum SqliteLevel : int {
  kSqliteOr = 1,
  kSqliteAnd,
  kSqliteNot,
  kSqliteEqual,
  kSqliteCompare,
  kSqliteEscape,
  kSqliteBit,
  kSqliteAdd,
  kSqliteMultiply,
  kSqliteConcat,
  kSqliteCollate,
  kSqliteUnary,
  kSqliteAtom,
};

}  // namespace dashi::sql::postgres
