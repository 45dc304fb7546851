#include "sql/pg_catalog/oid.h"

namespace dashi::sql::pg_catalog {

Oid OidOf(std::string_view kind, std::string_view name) {
  constexpr std::uint64_t kOffset = 14'695'981'039'346'656'037U;  // FNV-1a
  constexpr std::uint64_t kPrime = 1'099'511'628'211U;
  constexpr std::uint64_t kFirst = 16'400;  // Those before it are types of dashi's own.
  constexpr std::uint64_t kEnd = std::uint64_t{1} << 31U;
  std::uint64_t hash = kOffset;
  const auto add = [&](std::string_view text) {
    for (const char c : text) {
      hash = (hash ^ static_cast<unsigned char>(c)) * kPrime;
    }
    hash *= kPrime;  // A byte 0 behind each.
  };
  add(kind);
  add(name);
  return static_cast<Oid>(kFirst + (hash ^ (hash >> 32U)) % (kEnd - kFirst));
}

}  // namespace dashi::sql::pg_catalog
