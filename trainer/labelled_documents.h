#pragma once

#include <functional>
#include <vector>

#include "dashi/status.h"
#include "storage/view.h"

namespace dashi::trainer {

/// Whether a document belongs to the training data: its split is 'train' or absent.
bool IsTrainingDocument(const storage::EntityRow& row);

/// Called for a document and its relevant labels, ascending by ordinal, at least one.
using LabelledDocumentVisitor =
    std::function<Status(storage::Ordinal document, const storage::EntityRow& row,
                         const std::vector<storage::RelevanceNeighbour>& labels)>;

/// Visits every document that has a relevant label, in ordinal order. `should_stop` may be empty;
/// it is polled every thousand documents.
///
/// Errors: the visitor's; kCancelled when should_stop says so; storage errors.
/// Cost:   one merged scan of documents and relevance.
Status ForEachLabelledDocument(const storage::View& view, const std::function<bool()>& should_stop,
                               const LabelledDocumentVisitor& visitor);

/// Visits every row of a kind in ordinal order, with the same polling.
Status ForEachRow(
    const storage::View& view, storage::EntityKind kind, const std::function<bool()>& should_stop,
    const std::function<Status(storage::Ordinal, const storage::EntityRow&)>& visitor);

}  // namespace dashi::trainer
