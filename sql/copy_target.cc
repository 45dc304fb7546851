#include "sql/copy_target.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/status.h"
#include "storage/row_check.h"

namespace dashi::sql {

namespace {

using storage::DuplicatePolicy;
using storage::EntityKind;
using storage::Ordinal;
using storage::RelevanceNeighbour;

class TransactionLoad : public storage::BulkLoad {
 public:
  TransactionLoad(storage::Transaction& transaction, std::optional<EntityKind> kind,
                  DuplicatePolicy policy)
      : transaction_(transaction), kind_(kind), policy_(policy) {}

  Status AddRow(const storage::EntityRow& row) override {
    if (policy_ != DuplicatePolicy::kFail) {
      DASHI_ASSIGN_OR_RETURN(const std::optional<Ordinal> existing,
                             transaction_.FindOrdinal(*kind_, row.id));
      if (existing && policy_ == DuplicatePolicy::kIgnore) {
        ++counts_.ignored;
        return Status();
      }
      if (existing) {
        DASHI_RETURN_IF_ERROR(transaction_.UpdateRow(*kind_, *existing, row));
        ++counts_.replaced;
        return Status();
      }
    }
    DASHI_RETURN_IF_ERROR(transaction_.InsertRow(*kind_, row).status());
    ++counts_.inserted;
    return Status();
  }

  Status AddRelevance(std::string_view document, std::string_view label, float weight) override {
    DASHI_RETURN_IF_ERROR(storage::CheckWeight(weight));
    DASHI_ASSIGN_OR_RETURN(const Ordinal from, Find(EntityKind::kDocument, document));
    DASHI_ASSIGN_OR_RETURN(const Ordinal to, Find(EntityKind::kLabel, label));
    if (policy_ != DuplicatePolicy::kReplace) {
      DASHI_ASSIGN_OR_RETURN(const std::vector<RelevanceNeighbour> labels,
                             transaction_.LabelsOf(from));
      const bool exists = std::any_of(labels.begin(), labels.end(),
                                      [&](const auto& pair) { return pair.ordinal == to; });
      if (exists && policy_ == DuplicatePolicy::kIgnore) {
        ++counts_.ignored;
        return Status();
      }
      if (exists) {
        return Status::AlreadyExists("relevance holds this pair already: document " +
                                     std::string(document) + ", label " + std::string(label))
            .WithSqlState("23505");
      }
    }
    DASHI_ASSIGN_OR_RETURN(const bool is_new, transaction_.PutRelevance(from, to, weight));
    ++(is_new ? counts_.inserted : counts_.replaced);
    return Status();
  }

  Result<Counts> Commit(
      const std::function<void(std::uint64_t, std::uint64_t)>& /*on_progress*/) override {
    return counts_;
  }

 private:
  Result<Ordinal> Find(EntityKind kind, std::string_view id) const {
    DASHI_ASSIGN_OR_RETURN(const std::optional<Ordinal> ordinal,
                           transaction_.FindOrdinal(kind, id));
    if (!ordinal) {
      return Status::NotFound("relevance names a row that is not in " +
                              std::string(EntityTableName(kind)) + ": " + std::string(id))
          .WithSqlState("23503");
    }
    return *ordinal;
  }

  storage::Transaction& transaction_;
  std::optional<EntityKind> kind_;
  DuplicatePolicy policy_;
  Counts counts_;
};

}  // namespace

std::unique_ptr<storage::BulkLoad> NewTransactionLoad(storage::Transaction& transaction,
                                                      std::optional<EntityKind> kind,
                                                      DuplicatePolicy policy) {
  return std::make_unique<TransactionLoad>(transaction, kind, policy);
}

}  // namespace dashi::sql
