#include "sql/declared_type.h"

#include <algorithm>
#include <iterator>

namespace dashi::sql {

namespace {

struct Declaration {
  std::string_view text;
  SqlType type;
};

/// Those with more words before those that they begin with.
constexpr Declaration kDeclarations[] = {
    {"BOOLEAN", SqlType::kBoolean},
    {"INTEGER OID", SqlType::kOid},
    {"INTEGER SMALL", SqlType::kSmallInt},
    {"INTEGER NORMAL", SqlType::kInt},
    {"INTEGER XID", SqlType::kXid},
    {"INTEGER REGPROC", SqlType::kRegproc},
    {"INTEGER REGTYPE", SqlType::kRegtype},
    {"INTEGER", SqlType::kInteger},
    {"REAL SINGLE", SqlType::kSingle},
    {"REAL", SqlType::kReal},
    {"TEXT TIMESTAMP", SqlType::kTimestamp},
    {"TEXT NAME", SqlType::kName},
    {"TEXT LETTER", SqlType::kChar},
    {"TEXT VECTOR SMALL", SqlType::kSmallIntVector},
    {"TEXT VECTOR OID", SqlType::kOidVector},
    {"TEXT ARRAY OID", SqlType::kOidArray},
    {"TEXT ARRAY SMALL", SqlType::kSmallIntArray},
    {"TEXT ARRAY LETTER", SqlType::kCharArray},
    {"TEXT ARRAY NAME", SqlType::kNameArray},
    {"TEXT ARRAY ACL", SqlType::kAclItemArray},
    {"TEXT ARRAY TEXT", SqlType::kTextArray},
    {"TEXT NODES", SqlType::kNodeTree},
    {"BLOB VECTOR", SqlType::kVector},
    {"TEXT", SqlType::kText},
};

}  // namespace

SqlType DeclaredSqlType(std::string_view declared) {
  const auto* found =
      std::find_if(std::begin(kDeclarations), std::end(kDeclarations),
                   [&](const Declaration& one) { return declared.starts_with(one.text); });
  return found == std::end(kDeclarations) ? SqlType::kUnknown : found->type;
}

std::string_view DeclarationOf(SqlType type) {
  const auto* found = std::find_if(std::begin(kDeclarations), std::end(kDeclarations),
                                   [&](const Declaration& one) { return one.type == type; });
  return found == std::end(kDeclarations) ? std::string_view("TEXT") : found->text;
}

}  // namespace dashi::sql
