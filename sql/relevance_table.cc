#include "sql/relevance_table.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "sql/id_cache.h"
#include "sql/planner_cost.h"
#include "storage/row_check.h"

namespace dashi::sql {

namespace {

using storage::EntityKind;
using storage::Ordinal;
using storage::RelevanceNeighbour;

enum Plan : int { kScan = 0, kByDocument = 1, kByLabel = 2, kByPair = 3, kByRowId = 4 };
enum : int { kDocument = 0, kLabel = 1, kWeight = 2 };

/// Guessed length of a neighbour list.
constexpr sqlite3_int64 kListRows = 8;

std::int64_t PairRowId(Ordinal document, Ordinal label) {
  return static_cast<std::int64_t>((std::uint64_t{storage::ToInteger(document)} << 32U) |
                                   storage::ToInteger(label));
}
Ordinal DocumentOf(std::int64_t row_id) {
  return Ordinal{static_cast<std::uint32_t>(static_cast<std::uint64_t>(row_id) >> 32U)};
}
Ordinal LabelOf(std::int64_t row_id) {
  return Ordinal{static_cast<std::uint32_t>(static_cast<std::uint64_t>(row_id))};
}

const RelevanceNeighbour* FindNeighbour(const std::vector<RelevanceNeighbour>& list,
                                        Ordinal ordinal) {
  const auto found =
      std::lower_bound(list.begin(), list.end(), ordinal,
                       [](const RelevanceNeighbour& a, Ordinal b) { return a.ordinal < b; });
  return found != list.end() && found->ordinal == ordinal ? &*found : nullptr;
}

class RelevanceTableCursor : public VirtualCursor {
 public:
  explicit RelevanceTableCursor(std::shared_ptr<const storage::View> view)
      : view_(std::move(view)),
        documents_(*view_, EntityKind::kDocument, "relevance"),
        labels_(*view_, EntityKind::kLabel, "relevance") {}

  Status Filter(int plan, std::string_view /*plan_text*/,
                std::span<sqlite3_value*> arguments) override {
    scan_.reset();
    list_.clear();
    position_ = 0;
    by_label_ = plan == kByLabel;
    for (sqlite3_value* argument : arguments) {
      if (sqlite3_value_type(argument) == SQLITE_NULL) {
        return Status();
      }
    }
    if (plan == kScan) {
      scan_ = view_->ScanRelevance();
      return NextDocument();
    }
    if (plan == kByRowId) {
      const std::int64_t row_id = sqlite3_value_int64(arguments[0]);
      return FindPair(DocumentOf(row_id), LabelOf(row_id));
    }
    DASHI_ASSIGN_OR_RETURN(
        const std::optional<Ordinal> first,
        view_->FindOrdinal(by_label_ ? EntityKind::kLabel : EntityKind::kDocument,
                           TextOf(arguments[0])));
    if (!first) {
      return Status();
    }
    if (plan == kByPair) {
      DASHI_ASSIGN_OR_RETURN(const std::optional<Ordinal> label,
                             view_->FindOrdinal(EntityKind::kLabel, TextOf(arguments[1])));
      return label ? FindPair(*first, *label) : Status();
    }
    fixed_ = *first;
    DASHI_ASSIGN_OR_RETURN(list_, by_label_ ? view_->DocumentsOf(fixed_) : view_->LabelsOf(fixed_));
    return Status();
  }

  Status Next() override {
    ++position_;
    return position_ >= list_.size() && scan_ ? NextDocument() : Status();
  }

  bool AtEnd() const override { return position_ >= list_.size(); }

  Status Column(int column, sqlite3_context* context) override {
    if (column == kWeight) {
      sqlite3_result_double(context, ShortestDouble(list_[position_].weight));
      return Status();
    }
    DASHI_ASSIGN_OR_RETURN(const std::string_view id, column == kDocument
                                                          ? documents_.Find(document())
                                                          : labels_.Find(label()));
    SetSqliteText(context, id);
    return Status();
  }

  std::int64_t RowId() const override { return PairRowId(document(), label()); }

 private:
  Ordinal document() const { return by_label_ ? list_[position_].ordinal : fixed_; }
  Ordinal label() const { return by_label_ ? fixed_ : list_[position_].ordinal; }

  Status FindPair(Ordinal document, Ordinal label) {
    DASHI_ASSIGN_OR_RETURN(const std::vector<RelevanceNeighbour> labels, view_->LabelsOf(document));
    if (const RelevanceNeighbour* pair = FindNeighbour(labels, label)) {
      fixed_ = document;
      list_.push_back(*pair);
    }
    return Status();
  }

  Status NextDocument() {
    position_ = 0;
    list_.clear();
    DASHI_ASSIGN_OR_RETURN(const bool more, scan_->Next());
    if (!more) {
      scan_.reset();
      return Status();
    }
    fixed_ = scan_->document();
    list_ = scan_->labels();
    return Status();
  }

  // Sharers: see StatementContext::view.
  std::shared_ptr<const storage::View> view_;
  IdCache documents_;
  IdCache labels_;
  std::unique_ptr<storage::RelevanceCursor> scan_;
  bool by_label_ = false;
  Ordinal fixed_{};  // The document, or the label when by_label_.
  std::vector<RelevanceNeighbour> list_;
  std::size_t position_ = 0;
};

class RelevanceVirtualTable : public VirtualTable {
 public:
  Result<bool> Plan(StatementContext& statement, sqlite3_index_info* info) override {
    int document = -1;
    int label = -1;
    int row_id = -1;
    for (int i = 0; i < info->nConstraint; ++i) {
      const auto& constraint = info->aConstraint[i];
      if (constraint.usable == 0 || constraint.op != SQLITE_INDEX_CONSTRAINT_EQ) {
        continue;
      }
      const bool binary = std::string_view(sqlite3_vtab_collation(info, i)) == "BINARY";
      if (constraint.iColumn == kDocument && binary) {
        document = i;
      } else if (constraint.iColumn == kLabel && binary) {
        label = i;
      } else if (constraint.iColumn == -1) {
        row_id = i;
      }
    }
    if (row_id >= 0) {
      return Use(info, kByRowId, row_id, -1, "rowid = ?");
    }
    if (document >= 0 && label >= 0) {
      return Use(info, kByPair, document, label, "document = ? AND label = ?");
    }
    if (document >= 0) {
      return Use(info, kByDocument, document, -1, "document = ?");
    }
    if (label >= 0) {
      return Use(info, kByLabel, label, -1, "label = ?");
    }
    DASHI_ASSIGN_OR_RETURN(const std::uint64_t documents,
                           statement.view->EstimateRows(EntityKind::kDocument));
    const double rows = static_cast<double>(documents) * 4 + 1;
    info->idxNum = kScan;
    info->estimatedRows = static_cast<sqlite3_int64>(rows);
    info->estimatedCost = rows * kScanRowCost + kLookupCost;
    DASHI_RETURN_IF_ERROR(SetPlanText(info, "scan"));
    return true;
  }

  Result<std::unique_ptr<VirtualCursor>> Open(StatementContext& statement) override {
    return std::unique_ptr<VirtualCursor>(std::make_unique<RelevanceTableCursor>(statement.view));
  }

  Status Insert(StatementContext& statement, std::span<sqlite3_value*> columns,
                ConflictPolicy policy) override {
    DASHI_ASSIGN_OR_RETURN(const Pair pair, ReadPair(*statement.transaction, columns));
    if (statement.conflicts == nullptr) {
      return Put(statement, pair, policy);
    }
    DASHI_ASSIGN_OR_RETURN(const bool exists, Exists(*statement.transaction, pair));
    if (!exists) {
      return Put(statement, pair, policy);
    }
    return statement.NoteConflict(
        PairRowId(pair.document, pair.label),
        {ValueFromSqlite(columns[kDocument]), ValueFromSqlite(columns[kLabel]),
         Value::Real(ShortestDouble(pair.weight))});
  }

  Status Update(StatementContext& statement, std::int64_t row_id, std::span<sqlite3_value*> columns,
                ConflictPolicy policy) override {
    DASHI_ASSIGN_OR_RETURN(const Pair pair, ReadPair(*statement.transaction, columns));
    if (PairRowId(pair.document, pair.label) == row_id) {
      return Put(statement, pair, ConflictPolicy::kReplace);
    }
    if (policy == ConflictPolicy::kIgnore) {
      DASHI_ASSIGN_OR_RETURN(const bool exists, Exists(*statement.transaction, pair));
      if (exists) {
        return Status();
      }
    }
    DASHI_ASSIGN_OR_RETURN(const bool existed, statement.transaction->DeleteRelevance(
                                                   DocumentOf(row_id), LabelOf(row_id)));
    return existed ? Put(statement, pair, policy) : Status();
  }

  Status Delete(StatementContext& statement, std::int64_t row_id) override {
    DASHI_ASSIGN_OR_RETURN(const bool existed, statement.transaction->DeleteRelevance(
                                                   DocumentOf(row_id), LabelOf(row_id)));
    statement.rows_changed += existed ? 1 : 0;
    return Status();
  }

 private:
  struct Pair {
    Ordinal document{};
    Ordinal label{};
    float weight = 1.0F;
  };

  static Result<bool> Use(sqlite3_index_info* info, int plan, int first, int second,
                          const char* text) {
    info->idxNum = plan;
    info->aConstraintUsage[first].argvIndex = 1;
    if (second >= 0) {
      info->aConstraintUsage[second].argvIndex = 2;
    }
    const bool unique = plan == kByPair || plan == kByRowId;
    info->idxFlags = unique ? SQLITE_INDEX_SCAN_UNIQUE : 0;
    info->estimatedRows = unique ? 1 : kListRows;
    info->estimatedCost = kNeighbourListCost + (plan == kByPair ? kLookupCost : 0);
    DASHI_RETURN_IF_ERROR(SetPlanText(info, text));
    return true;
  }

  static Result<Ordinal> ReadId(const storage::Transaction& transaction, EntityKind kind,
                                const char* column, sqlite3_value* value) {
    if (sqlite3_value_type(value) == SQLITE_NULL) {
      return Status::InvalidArgument("null value in column \"" + std::string(column) +
                                     "\" of table \"relevance\": the column takes an id")
          .WithSqlState("23502");
    }
    if (sqlite3_value_type(value) == SQLITE_BLOB) {
      return Status::InvalidArgument("column \"" + std::string(column) + "\" takes text, not bytes")
          .WithSqlState("42804");
    }
    DASHI_ASSIGN_OR_RETURN(const std::optional<Ordinal> ordinal,
                           transaction.FindOrdinal(kind, TextOf(value)));
    if (!ordinal) {
      return Status::NotFound("relevance names a " + std::string(column) + " that is not in " +
                              std::string(EntityTableName(kind)) + ": " +
                              std::string(TextOf(value)))
          .WithSqlState("23503");
    }
    return *ordinal;
  }

  static Result<Pair> ReadPair(const storage::Transaction& transaction,
                               std::span<sqlite3_value*> columns) {
    Pair pair;
    DASHI_ASSIGN_OR_RETURN(
        pair.document, ReadId(transaction, EntityKind::kDocument, "document", columns[kDocument]));
    DASHI_ASSIGN_OR_RETURN(pair.label,
                           ReadId(transaction, EntityKind::kLabel, "label", columns[kLabel]));
    sqlite3_value* weight = columns[kWeight];
    if (sqlite3_value_type(weight) == SQLITE_NULL) {
      return pair;  // The default.
    }
    const int type = sqlite3_value_numeric_type(weight);
    if (type != SQLITE_INTEGER && type != SQLITE_FLOAT) {
      return Status::InvalidArgument("column \"weight\" takes a number: " +
                                     std::string(TextOf(weight)))
          .WithSqlState("42804");
    }
    pair.weight = static_cast<float>(sqlite3_value_double(weight));
    DASHI_RETURN_IF_ERROR(storage::CheckWeight(pair.weight));
    return pair;
  }

  static Result<bool> Exists(const storage::Transaction& transaction, const Pair& pair) {
    DASHI_ASSIGN_OR_RETURN(const std::vector<RelevanceNeighbour> labels,
                           transaction.LabelsOf(pair.document));
    return FindNeighbour(labels, pair.label) != nullptr;
  }

  static Status Put(StatementContext& statement, const Pair& pair, ConflictPolicy policy) {
    storage::Transaction& transaction = *statement.transaction;
    if (policy == ConflictPolicy::kIgnore) {
      DASHI_ASSIGN_OR_RETURN(const bool exists, Exists(transaction, pair));
      if (exists) {
        return Status();
      }
    }
    DASHI_ASSIGN_OR_RETURN(const bool is_new,
                           transaction.PutRelevance(pair.document, pair.label, pair.weight));
    if (!is_new && policy == ConflictPolicy::kFail) {
      IdCache documents(transaction, EntityKind::kDocument, "relevance");
      IdCache labels(transaction, EntityKind::kLabel, "relevance");
      DASHI_ASSIGN_OR_RETURN(const std::string_view document, documents.Find(pair.document));
      DASHI_ASSIGN_OR_RETURN(const std::string_view label, labels.Find(pair.label));
      return Status::AlreadyExists("relevance holds this pair already: document " +
                                   std::string(document) + ", label " + std::string(label))
          .WithSqlState("23505");
    }
    const std::int64_t row_id = PairRowId(pair.document, pair.label);
    is_new ? statement.NoteInserted(row_id) : statement.NoteWritten(row_id);
    return Status();
  }
};

}  // namespace

const TableDefinition& RelevanceTable() {
  static constexpr TableDefinition kTable = {
      "relevance", "CREATE TABLE t(document TEXT, label TEXT, weight REAL)", true,
      [](const UserSchemas&) -> std::unique_ptr<VirtualTable> {
        return std::make_unique<RelevanceVirtualTable>();
      },
      "which labels are right for which documents"};
  return kTable;
}

}  // namespace dashi::sql
