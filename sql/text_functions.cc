#include "sql/text_functions.h"

#include <array>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/status.h"
#include "index/vector_kernels.h"
#include "query/top_k.h"
#include "sql/database_impl.h"
#include "sql/function_arguments.h"
#include "sql/function_error.h"
#include "sql/virtual_table.h"

namespace dashi::sql {

/// The release that a statement's functions use, and the embeddings of their last texts.
class TextEmbeddings {
 public:
  /// Another release forgets the texts. Nothing is resolved twice for the same options.
  Status Use(StatementContext& statement, std::string_view options) {
    if (release_ != nullptr && options == options_) {
      return Status();
    }
    DASHI_ASSIGN_OR_RETURN(const query::TopKOptions parsed, query::ParseReleaseOptions(options));
    DASHI_ASSIGN_OR_RETURN(release_, statement.database->releases().Resolve(
                                         *statement.view, parsed.model, parsed.release));
    options_ = options;
    known_.fill({});
    return Status();
  }

  /// The embedding of a text, which stands as argument `position`. Valid until the next call with
  /// this position.
  Result<std::span<const float>> Of(std::string_view text, std::size_t position) {
    Known& known = known_[position];
    if (known.vector.empty() || known.text != text) {
      DASHI_ASSIGN_OR_RETURN(known.vector, query::EncodeQuery(*release_, text));
      known.text = text;
    }
    return std::span<const float>(known.vector);
  }

 private:
  struct Known {
    std::string text;
    std::vector<float> vector;
  };

  std::string options_;
  std::shared_ptr<const query::ServingRelease> release_;  // Sharers: as ReleaseCache::Resolve.
  std::array<Known, 2> known_;
};

namespace {

/// `options`: nullptr where the call has none.
Result<TextEmbeddings*> EmbeddingsFor(StatementContext& statement, sqlite3_value* options) {
  std::string_view json;
  if (options != nullptr && sqlite3_value_type(options) != SQLITE_NULL) {
    DASHI_ASSIGN_OR_RETURN(json, ReadTextArgument(options, "options"));
  }
  if (statement.embeddings == nullptr) {
    statement.embeddings = std::make_shared<TextEmbeddings>();
  }
  DASHI_RETURN_IF_ERROR(statement.embeddings->Use(statement, json));
  return statement.embeddings.get();
}

Result<double> Similarity(StatementContext& statement, std::span<sqlite3_value*> values) {
  DASHI_ASSIGN_OR_RETURN(TextEmbeddings* const embeddings,
                         EmbeddingsFor(statement, values.size() > 2 ? values[2] : nullptr));
  DASHI_ASSIGN_OR_RETURN(const std::string_view first, ReadTextArgument(values[0], "text"));
  DASHI_ASSIGN_OR_RETURN(const std::span<const float> a, embeddings->Of(first, 0));
  DASHI_ASSIGN_OR_RETURN(const std::string_view second, ReadTextArgument(values[1], "text"));
  DASHI_ASSIGN_OR_RETURN(const std::span<const float> b, embeddings->Of(second, 1));
  return ShortestDouble(index::Dot(a.data(), b.data(), a.size()));
}

Result<std::string> Embed(StatementContext& statement, std::span<sqlite3_value*> values) {
  DASHI_ASSIGN_OR_RETURN(TextEmbeddings* const embeddings,
                         EmbeddingsFor(statement, values.size() > 1 ? values[1] : nullptr));
  DASHI_ASSIGN_OR_RETURN(const std::string_view text, ReadTextArgument(values[0], "text"));
  DASHI_ASSIGN_OR_RETURN(const std::span<const float> vector, embeddings->Of(text, 0));
  std::string written = "[";
  for (const float value : vector) {
    fmt::format_to(std::back_inserter(written), "{}{}", written.size() > 1 ? "," : "", value);
  }
  return written + "]";
}

bool IsNull(sqlite3_value* value) { return sqlite3_value_type(value) == SQLITE_NULL; }

void SimilarityFunction(sqlite3_context* context, int count, sqlite3_value** values) {
  if (IsNull(values[0]) || IsNull(values[1])) {
    sqlite3_result_null(context);
    return;
  }
  const Result<double> cosine =
      Similarity(StatementOf(context), {values, static_cast<std::size_t>(count)});
  if (cosine.ok()) {
    sqlite3_result_double(context, cosine.value());
  } else {
    FailFunction(context, cosine.status());
  }
}

void EmbedFunction(sqlite3_context* context, int count, sqlite3_value** values) {
  if (IsNull(values[0])) {
    sqlite3_result_null(context);
    return;
  }
  const Result<std::string> vector =
      Embed(StatementOf(context), {values, static_cast<std::size_t>(count)});
  if (vector.ok()) {
    SetSqliteText(context, vector.value());
  } else {
    FailFunction(context, vector.status());
  }
}

struct TextFunction {
  const char* name;
  int num_texts;
  void (*call)(sqlite3_context*, int, sqlite3_value**);
};
constexpr TextFunction kTextFunctions[] = {{"similarity", 2, SimilarityFunction},
                                           {"embed", 1, EmbedFunction}};

}  // namespace

Status RegisterTextFunctions(sqlite3* connection, StatementSlot* slot) {
  for (const TextFunction& function : kTextFunctions) {
    for (const int count : {function.num_texts, function.num_texts + 1}) {
      if (sqlite3_create_function_v2(connection, function.name, count,
                                     SQLITE_UTF8 | SQLITE_DETERMINISTIC, slot, function.call,
                                     nullptr, nullptr, nullptr) != SQLITE_OK) {
        return Status::Internal("a function cannot be registered: " + std::string(function.name));
      }
    }
  }
  return Status();
}

}  // namespace dashi::sql
