#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sql/pg_catalog/oid.h"

namespace dashi::sql::pg_catalog {

/// A row of pg_type.
struct BuiltinType {
  Oid oid;
  const char* name;
  std::int16_t length;
  bool by_value;
  char kind;
  char category;
  bool preferred;
  Oid element;
  Oid array;
  Oid input;
  Oid output;
  Oid receive;
  Oid send;
  Oid subscript;
  char alignment;
  char storage;
  Oid collation;
};

std::span<const BuiltinType> BuiltinTypes();
/// Return null when there is none.
const BuiltinType* FindType(Oid oid);
/// By PostgreSQL's own name, "int4", "_float4", or as SQL has it, "integer", "character
/// varying(20)", "real[]".
const BuiltinType* FindType(std::string_view name);

/// The type's name in SQL, "bigint", "numeric(10,2)", "text[]"; "-" of 0, "???" of an unknown one.
std::string FormatType(Oid oid, std::optional<std::int32_t> modifier);

/// The functions that read and write types, and the like. nullptr when there is none.
const char* FindFunctionName(Oid oid);
std::optional<Oid> FindFunctionOid(std::string_view name);
struct BuiltinFunction {
  Oid oid;
  const char* name;
};
std::span<const BuiltinFunction> BuiltinFunctions();

}  // namespace dashi::sql::pg_catalog
