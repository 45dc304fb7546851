#include "trainer/labelled_documents.h"

#include "base/status.h"

namespace dashi::trainer {

using storage::EntityKind;
using storage::EntityRow;
using storage::Ordinal;
using storage::View;

bool IsTrainingDocument(const EntityRow& row) { return !row.split || *row.split == "train"; }

Status ForEachRow(const View& view, EntityKind kind, const std::function<bool()>& should_stop,
                  const std::function<Status(Ordinal, const EntityRow&)>& visitor) {
  constexpr std::size_t kRowsPerPoll = 1024;
  const auto cursor = view.ScanRows(kind);
  for (std::size_t n = 0;; ++n) {
    if (n % kRowsPerPoll == 0 && should_stop && should_stop()) {
      return Status::Cancelled("cancelled while reading " +
                               std::string(storage::EntityTableName(kind)));
    }
    DASHI_ASSIGN_OR_RETURN(const bool more, cursor->Next());
    if (!more) {
      return Status::Ok();
    }
    DASHI_RETURN_IF_ERROR(visitor(cursor->ordinal(), cursor->row()));
  }
}

Status ForEachLabelledDocument(const View& view, const std::function<bool()>& should_stop,
                               const LabelledDocumentVisitor& visitor) {
  const auto relevance = view.ScanRelevance();
  DASHI_ASSIGN_OR_RETURN(bool have_labels, relevance->Next());
  const auto visit = [&](Ordinal ordinal, const EntityRow& row) -> Status {
    while (have_labels && relevance->document() < ordinal) {
      DASHI_ASSIGN_OR_RETURN(have_labels, relevance->Next());
    }
    if (!have_labels || relevance->document() != ordinal || relevance->labels().empty()) {
      return Status::Ok();
    }
    return visitor(ordinal, row, relevance->labels());
  };
  return ForEachRow(view, EntityKind::kDocument, should_stop, visit);
}

}  // namespace dashi::trainer
