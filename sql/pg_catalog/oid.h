#pragma once

#include <cstdint>
#include <string_view>

namespace dashi::sql::pg_catalog {

/// The number by which PostgreSQL's catalog knows an object.
using Oid = std::uint32_t;

// PostgreSQL's numbers of what every database has.
inline constexpr Oid kCatalogSchema = 11;
inline constexpr Oid kPublicSchema = 2200;
inline constexpr Oid kInformationSchema = 13207;
inline constexpr Oid kDatabase = 5;
inline constexpr Oid kClassCatalog = 1259;  ///< pg_class
inline constexpr Oid kHeapMethod = 2;
inline constexpr Oid kTreeMethod = 403;
inline constexpr Oid kOwnerRole = 10;  ///< of the first user, who owns everything
inline constexpr Oid kDefaultCollation = 100;

/// The number of an object of this database: of the kind "table" the one with this name.
///
/// It is made of kind and name alone, so that it stays the same over restarts, in every process and
/// in copies of the database; an object that is renamed gets another. From 16400 on:
/// PostgreSQL's own end at 16383. Two objects of a thousand share a number with a probability of 1
/// in 4,000; what lists objects gives the later one the next number then.
Oid OidOf(std::string_view kind, std::string_view name);

}  // namespace dashi::sql::pg_catalog
