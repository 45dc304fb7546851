#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"

namespace dashi::crash {

/// What the database holds, as sorted text: "D:<id>" -> split|text, "L:<id>" and "A:<id>" -> text,
/// "R:<document><0x1f><label>" -> weight, "G:<document><0x1f><label>" -> clicks of an edge,
/// "M:<model>" -> its published release or nothing,
/// "E:<model>@<number>" -> nothing, "C:<column of documents>" -> its type|default,
/// "V:<column>.<document>" -> its value in a document of the schema's writer, "I:<index>" -> its
/// column. Long texts stand as the token that they begin with (TextOf).
using Rows = std::map<std::string, std::string>;
/// A commit: the new value of each row that it changes, or nothing for a row that it deletes.
using RowChanges = std::map<std::string, std::optional<std::string>>;

std::string DocumentKey(std::string_view id);
std::string DocumentValue(std::string_view split, std::string_view text);
std::string LabelKey(std::string_view id);
std::string AnchorKey(std::string_view id);
std::string RelevanceKey(std::string_view document, std::string_view label);
/// The graph of all edges, from documents to labels.
inline constexpr std::string_view kClickGraph = "clicks";
std::string EdgeKey(std::string_view document, std::string_view label);
std::string ModelKey(std::string_view name);
std::string ReleaseKey(std::string_view name);
std::string ColumnKey(std::string_view column);
std::string ColumnValueKey(std::string_view column, std::string_view document);
std::string IndexKey(std::string_view name);
/// Whether a column or index is one of the schema writer's: "column_<n>", "index_<n>".
bool IsSchemaName(std::string_view name);

/// The document and label of a RelevanceKey.
struct RelevanceIds {
  std::string document;
  std::string label;
};
RelevanceIds ParseRelevanceKey(std::string_view key);

RowChanges Difference(const Rows& before, const Rows& after);
void ApplyChanges(const RowChanges& changes, Rows* rows);

/// The one writer who changes a row, or kSharedOwner for rows that all of them change. Ids of
/// writer n begin with "t<n>-", the trainer's with "base-", the schema writer's with "schema-".
inline constexpr int kTrainerOwner = -1;
inline constexpr int kSharedOwner = -2;
inline constexpr int kSchemaOwner = -3;
int OwnerOf(std::string_view key);
std::string IdPrefix(int writer);

/// Rows that all writers change. Counter n is the document "s-counter-<n>", and the sum of the
/// documents "t<writer>-counter-<n>"; claim n is the label "s-claim-<n>", whose text is the text
/// of the one document "t<writer>-claim-<n>" that there is then.
inline constexpr int kNumCounters = 3;
inline constexpr int kNumClaims = 4;

/// A fresh token "v<number>x<bytes>", and the text of that many bytes or a few more that begins
/// with it. Other words are their own text.
std::string NewToken(std::size_t num_bytes, Random* random);
std::string TextOf(std::string_view token);
/// The token of a text, or nothing when the text is not what its token says.
std::optional<std::string> TokenOf(std::string_view text);

}  // namespace dashi::crash
