// Functions of vectors, under the names that pgvector gave them.

#include "sql/postgres/vector_functions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "base/vector_codec.h"
#include "index/vector_kernels.h"
#include "sql/postgres/functions.h"
#include "sql/virtual_table.h"

namespace dashi::sql::postgres {

namespace {

using VectorArguments = std::span<sqlite3_value*>;
using Floats = std::span<const float>;

std::string_view BytesOf(sqlite3_value* value) {
  const void* bytes = sqlite3_value_blob(value);
  const auto size = static_cast<std::size_t>(sqlite3_value_bytes(value));
  // Null also where there is no memory for those of zeroblob(), with which SQLite ends the
  // statement.
  return bytes == nullptr ? std::string_view()
                          : std::string_view(static_cast<const char*>(bytes), size);
}

}  // namespace

Result<Floats> VectorTexts::Of(sqlite3_value* value, std::size_t argument) {
  Slot& slot = slots_[argument];
  switch (sqlite3_value_type(value)) {
    case SQLITE_BLOB: {
      const std::string_view bytes = BytesOf(value);
      if (bytes.empty() || bytes.size() % sizeof(float) != 0) {
        DASHI_RETURN_IF_ERROR(CheckVector(bytes));
      }
      return slot.View(bytes);
    }
    case SQLITE_TEXT: {
      const std::string_view text = TextOf(value);
      if (slot.vector.empty() || slot.text != text) {
        DASHI_ASSIGN_OR_RETURN(slot.vector, VectorOfText(text));
        slot.text = text;
      }
      return slot.View(slot.vector);
    }
    default:
      return Status::InvalidArgument("a vector is expected, or its text '[1, 2.5]'")
          .WithSqlState("42883");
  }
}

Floats VectorTexts::Slot::View(std::string_view bytes) {
  const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
  if (address % alignof(float) == 0) {
    return {reinterpret_cast<const float*>(bytes.data()), VectorDimension(bytes)};
  }
  copy.resize(VectorDimension(bytes));
  std::memcpy(copy.data(), bytes.data(), bytes.size());
  return copy;
}

namespace {

VectorTexts& TextsOf(StatementContext& statement) {
  if (statement.vector_texts == nullptr) {
    statement.vector_texts = std::make_shared<VectorTexts>();
  }
  return *statement.vector_texts;
}

Result<std::pair<Floats, Floats>> TwoVectors(StatementContext& statement,
                                             VectorArguments arguments) {
  VectorTexts& texts = TextsOf(statement);
  DASHI_ASSIGN_OR_RETURN(const Floats a, texts.Of(arguments[0], 0));
  DASHI_ASSIGN_OR_RETURN(const Floats b, texts.Of(arguments[1], 1));
  if (a.size() != b.size()) {
    return Status::InvalidArgument(
               fmt::format("different vector dimensions {} and {}", a.size(), b.size()))
        .WithSqlState("22000");
  }
  return std::pair(a, b);
}

/// Sums over pairs of elements in eight parts, which a compiler turns into vector instructions.
template <typename Part>
double SumOfParts(Floats a, Floats b, Part part) {
  constexpr std::size_t kParts = 8;
  std::array<float, kParts> sums{};
  std::size_t i = 0;
  for (; i + kParts <= a.size(); i += kParts) {
    for (std::size_t j = 0; j < kParts; ++j) {
      sums[j] += part(a[i + j], b[i + j]);
    }
  }
  double sum = 0;
  for (; i < a.size(); ++i) {
    sum += static_cast<double>(part(a[i], b[i]));
  }
  for (const float one : sums) {
    sum += static_cast<double>(one);
  }
  return sum;
}

double Product(Floats a, Floats b) {
  return static_cast<double>(index::Dot(a.data(), b.data(), a.size()));
}

// The sum may be too large for a float; then the distance is infinite, which no column holds.
Result<Value> Number(double number) {
  if (!std::isfinite(number)) {
    return Status::InvalidArgument("the numbers of the vectors are too large for their distance")
        .WithSqlState("22003");
  }
  return Value::Real(number);
}

Result<Value> L2Distance(StatementContext& statement, VectorArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const auto vectors, TwoVectors(statement, arguments));
  return Number(std::sqrt(SumOfParts(vectors.first, vectors.second,
                                     [](float a, float b) { return (a - b) * (a - b); })));
}

Result<Value> L1Distance(StatementContext& statement, VectorArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const auto vectors, TwoVectors(statement, arguments));
  return Number(
      SumOfParts(vectors.first, vectors.second, [](float a, float b) { return std::abs(a - b); }));
}

Result<Value> InnerProduct(StatementContext& statement, VectorArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const auto vectors, TwoVectors(statement, arguments));
  return Number(Product(vectors.first, vectors.second));
}

Result<Value> NegativeInnerProduct(StatementContext& statement, VectorArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const auto vectors, TwoVectors(statement, arguments));
  return Number(-Product(vectors.first, vectors.second));
}

// A vector of zeros has no direction: NULL.
Result<Value> CosineDistance(StatementContext& statement, VectorArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const auto vectors, TwoVectors(statement, arguments));
  const auto& [a, b] = vectors;
  const double norms = std::sqrt(Product(a, a)) * std::sqrt(Product(b, b));
  if (norms == 0) {
    return Value::Null();
  }
  if (!std::isfinite(norms)) {
    return Number(norms);
  }
  return Number(1.0 - std::clamp(Product(a, b) / norms, -1.0, 1.0));
}

Result<Value> VectorDims(StatementContext& statement, VectorArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const Floats vector, TextsOf(statement).Of(arguments[0], 0));
  return Value::Integer(static_cast<std::int64_t>(vector.size()));
}

double NormOf(Floats vector) {
  double sum = 0;
  for (const float number : vector) {
    sum += static_cast<double>(number) * static_cast<double>(number);
  }
  return std::sqrt(sum);
}

Result<Value> VectorNorm(StatementContext& statement, VectorArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const Floats vector, TextsOf(statement).Of(arguments[0], 0));
  return Number(NormOf(vector));
}

Result<Value> L2Normalize(StatementContext& statement, VectorArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const Floats vector, TextsOf(statement).Of(arguments[0], 0));
  const double norm = NormOf(vector);
  std::string bytes(vector.size_bytes(), '\0');
  for (std::size_t i = 0; i < vector.size() && norm > 0; ++i) {
    const auto scaled = static_cast<float>(static_cast<double>(vector[i]) / norm);
    std::memcpy(bytes.data() + i * sizeof(scaled), &scaled, sizeof(scaled));
  }
  return Value::Bytes(std::move(bytes));
}

using Kind = ScalarFunction::Kind;

constexpr ScalarFunction kFunctions[] = {
    {"l2_distance", 2, 2, Kind::kStrict, L2Distance},
    {"l1_distance", 2, 2, Kind::kStrict, L1Distance},
    {"cosine_distance", 2, 2, Kind::kStrict, CosineDistance},
    {"inner_product", 2, 2, Kind::kStrict, InnerProduct},
    {"dashi_negative_inner_product", 2, 2, Kind::kStrict, NegativeInnerProduct},
    {"vector_dims", 1, 1, Kind::kStrict, VectorDims},
    {"vector_norm", 1, 1, Kind::kStrict, VectorNorm},
    {"l2_normalize", 1, 1, Kind::kStrict, L2Normalize},
};

}  // namespace

std::span<const ScalarFunction> VectorFunctions() { return kFunctions; }

}  // namespace dashi::sql::postgres
