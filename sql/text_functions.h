#pragma once

#include <sqlite3.h>

#include "dashi/status.h"
#include "sql/statement_context.h"

namespace dashi::sql {

/// Registers similarity(text, text [, options]), the cosine of two texts' encoder embeddings, and
/// embed(text [, options]), an embedding as '[0.1,0.2]'. Options name the release, as topk's do:
/// '{"model":"ads","release":2}'. NULL for NULL.
///
/// Errors: as ReleaseCache::Resolve; 22021 for invalid UTF-8; 22023 for options that are not known;
///         42804 for bytes.
/// Cost:   encodes each text once as long as it comes again in the next calls: a constant beside a
///         column costs nothing.
Status RegisterTextFunctions(sqlite3* connection, StatementSlot* slot);

}  // namespace dashi::sql
