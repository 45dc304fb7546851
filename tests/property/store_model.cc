#include "tests/property/store_model.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/storage/store_fixture.h"

namespace dashi::storage {

namespace {

constexpr std::uint64_t kNumIds = 10;

EntityRow RowOf(const std::string& id, const std::string& text) {
  EntityRow row;
  row.id = id;
  row.text = text;
  return row;
}

// The ordinal of a row that must be there.
Ordinal Require(const View& view, EntityKind kind, const std::string& id) {
  const auto found = view.FindOrdinal(kind, id);
  EXPECT_OK(found);
  const bool present = found.ok() && found.value().has_value();
  EXPECT_TRUE(present) << id;
  return present ? *found.value() : Ordinal{};
}

// Rows of the prefix, with their ordinals.
std::map<std::uint32_t, std::string> ReadRows(const View& view, EntityKind kind,
                                              const std::string& prefix,
                                              std::map<std::string, std::string>* rows) {
  std::map<std::uint32_t, std::string> ids;
  const auto cursor = view.ScanRows(kind);
  while (true) {
    const auto more = cursor->Next();
    EXPECT_OK(more);
    if (!more.ok() || !more.value()) {
      break;
    }
    ids.emplace(ToInteger(cursor->ordinal()), cursor->row().id);
    if (cursor->row().id.starts_with(prefix)) {
      EXPECT_TRUE(rows->emplace(cursor->row().id, cursor->row().text).second);
      EXPECT_EQ(Require(view, kind, cursor->row().id), cursor->ordinal());
    }
  }
  return ids;
}

}  // namespace

std::string SharedCounterId(int counter) { return fmt::format("shared-{}", counter); }

void StoreModel::EraseRow(EntityKind kind, const std::string& id) {
  Table(kind).erase(id);
  std::erase_if(pairs, [&](const auto& pair) {
    return (kind == EntityKind::kDocument ? pair.first.first : pair.first.second) == id;
  });
}

StoreModel ReadModel(const View& view, const std::string& prefix) {
  StoreModel model;
  const auto documents = ReadRows(view, EntityKind::kDocument, prefix, &model.documents);
  const auto labels = ReadRows(view, EntityKind::kLabel, prefix, &model.labels);
  const auto cursor = view.ScanRelevance();
  while (true) {
    const auto more = cursor->Next();
    EXPECT_OK(more);
    if (!more.ok() || !more.value()) {
      break;
    }
    const auto document = documents.find(ToInteger(cursor->document()));
    EXPECT_NE(document, documents.end()) << "a pair of a document that is not there";
    if (document == documents.end() || !document->second.starts_with(prefix)) {
      continue;
    }
    for (const RelevanceNeighbour& label : cursor->labels()) {
      const auto found = labels.find(ToInteger(label.ordinal));
      EXPECT_NE(found, labels.end()) << "a pair of a label that is not there";
      if (found != labels.end()) {
        model.pairs[{document->second, found->second}] = label.weight;
      }
    }
  }
  std::map<std::pair<std::string, std::string>, float> by_label;
  for (const auto& [ordinal, label] : labels) {
    const auto neighbours = view.DocumentsOf(Ordinal{ordinal});
    EXPECT_OK(neighbours);
    for (const RelevanceNeighbour& neighbour : neighbours.value()) {
      const auto document = documents.find(ToInteger(neighbour.ordinal));
      EXPECT_NE(document, documents.end()) << "a label of a document that is not there";
      if (document != documents.end() && document->second.starts_with(prefix)) {
        by_label[{document->second, label}] = neighbour.weight;
      }
    }
  }
  EXPECT_EQ(model.pairs, by_label) << "relevance differs by side";
  return model;
}

void ModelWorker::ExpectSame(const View& view) const {
  const StoreModel found = ReadModel(view, prefix_);
  EXPECT_EQ(found.documents, model_.documents) << prefix_;
  EXPECT_EQ(found.labels, model_.labels) << prefix_;
  EXPECT_EQ(found.pairs, model_.pairs) << prefix_;
}

void ModelWorker::Step(Store& store) {
  switch (random_.Uniform(12)) {
    case 0:
      LoadRows(store);
      break;
    case 1:
      LoadPairs(store);
      break;
    case 2:
      CollideOnRow(store);
      break;
    case 3:
      CollideOnPair(store);
      break;
    case 4:
    case 5:
      CountTogether(store);
      break;
    default:
      RunTransaction(store);
      break;
  }
}

void ModelWorker::Finish(Transaction& transaction, StoreModel model) {
  const Status committed = transaction.Commit();
  if (committed.ok()) {
    model_ = std::move(model);
    ++num_commits_;
    return;
  }
  // Nothing of it may have happened.
  EXPECT_EQ(committed.sqlstate(), "40001") << committed.ToString();
  ++num_conflicts_;
}

void ModelWorker::RunTransaction(Store& store) {
  const auto snapshot = store.NewSnapshot();
  ASSERT_OK(snapshot);
  const StoreModel before = model_;
  auto begun = store.Begin();
  ASSERT_OK(begun);
  Transaction& transaction = *begun.value();
  StoreModel model = model_;
  std::vector<StoreModel> savepoints;
  for (std::uint64_t left = random_.Uniform(20); left > 0; --left) {
    const std::uint64_t action = random_.Uniform(10);
    if (action == 0) {
      transaction.SetSavepoint();
      savepoints.push_back(model);
    } else if (action == 1 && !savepoints.empty()) {
      ASSERT_OK(transaction.RollbackToSavepoint());
      model = std::move(savepoints.back());
      savepoints.pop_back();
    } else if (action == 2 && !savepoints.empty()) {
      transaction.ReleaseSavepoint();
      savepoints.pop_back();
    } else {
      Change(transaction, &model);
    }
  }
  EXPECT_EQ(ReadModel(transaction, prefix_), model) << "its own writes, " << prefix_;
  if (random_.Uniform(5) != 0) {
    Finish(transaction, std::move(model));
  }
  EXPECT_EQ(ReadModel(*snapshot.value(), prefix_), before) << "an older snapshot, " << prefix_;
}

void ModelWorker::Change(Transaction& transaction, StoreModel* model) {
  const std::uint64_t action = random_.Uniform(10);
  if (action < 4) {
    WriteRow(transaction, model);
  } else if (action < 5) {
    DeleteRow(transaction, model);
  } else {
    WritePair(transaction, model);
  }
}

void ModelWorker::WriteRow(Transaction& transaction, StoreModel* model) {
  const EntityKind kind = RandomKind();
  const std::string id = RandomId();
  const std::string text = RandomText();
  auto& table = model->Table(kind);
  const auto inserted = transaction.InsertRow(kind, RowOf(id, text));
  if (!table.contains(id)) {
    EXPECT_OK(inserted);
  } else {
    EXPECT_EQ(inserted.status().sqlstate(), "23505");
    EXPECT_OK(transaction.UpdateRow(kind, Require(transaction, kind, id), RowOf(id, text)));
  }
  table[id] = text;
}

void ModelWorker::DeleteRow(Transaction& transaction, StoreModel* model) {
  const EntityKind kind = RandomKind();
  const std::string id = RandomId();
  if (model->Table(kind).contains(id)) {
    EXPECT_OK(transaction.DeleteRow(kind, Require(transaction, kind, id)));
    model->EraseRow(kind, id);
  }
}

void ModelWorker::WritePair(Transaction& transaction, StoreModel* model) {
  const std::string document = RandomId();
  const std::string label = RandomId();
  if (!model->documents.contains(document) || !model->labels.contains(label)) {
    return;
  }
  const Ordinal document_ordinal = Require(transaction, EntityKind::kDocument, document);
  const Ordinal label_ordinal = Require(transaction, EntityKind::kLabel, label);
  if (random_.Uniform(3) == 0) {
    const auto existed = transaction.DeleteRelevance(document_ordinal, label_ordinal);
    ASSERT_OK(existed);
    EXPECT_EQ(existed.value(), model->pairs.erase({document, label}) == 1);
    return;
  }
  const auto weight = static_cast<float>(random_.Uniform(4));
  const auto is_new = transaction.PutRelevance(document_ordinal, label_ordinal, weight);
  ASSERT_OK(is_new);
  EXPECT_EQ(is_new.value(), !model->pairs.contains({document, label}));
  model->pairs[{document, label}] = weight;
}

void ModelWorker::LoadRows(Store& store) {
  const EntityKind kind = RandomKind();
  const bool replace = random_.Uniform(2) == 0;
  auto begun =
      store.BeginRowLoad(kind, replace ? DuplicatePolicy::kReplace : DuplicatePolicy::kIgnore);
  ASSERT_OK(begun);
  // Every other load has texts that do not fit one block, and goes through the spool.
  const std::size_t more_bytes = random_.Uniform(2) == 0 ? 20'000 : 0;
  StoreModel model = model_;
  auto& table = model.Table(kind);
  BulkLoad::Counts expected;
  for (std::uint64_t left = random_.Uniform(12) + 1; left > 0; --left) {
    const std::string id = RandomId();
    const std::string text = RandomText() + std::string(more_bytes, 'x');
    EXPECT_OK(begun.value()->AddRow(RowOf(id, text)));
    const bool exists = table.contains(id);
    ++(!exists ? expected.inserted : replace ? expected.replaced : expected.ignored);
    if (!exists || replace) {
      table[id] = text;
    }
  }
  if (random_.Uniform(5) == 0) {
    return;  // Dropped: nothing of it is visible.
  }
  const auto counts = begun.value()->Commit({});
  ASSERT_OK(counts);
  EXPECT_EQ(counts.value().inserted, expected.inserted);
  EXPECT_EQ(counts.value().replaced, expected.replaced);
  EXPECT_EQ(counts.value().ignored, expected.ignored);
  model_ = std::move(model);
  ++num_commits_;
}

void ModelWorker::LoadPairs(Store& store) {
  auto begun = store.BeginRelevanceLoad(DuplicatePolicy::kReplace);
  ASSERT_OK(begun);
  StoreModel model = model_;
  for (std::uint64_t left = random_.Uniform(30) + 1; left > 0; --left) {
    const std::string document = RandomId();
    const std::string label = RandomId();
    const auto weight = static_cast<float>(random_.Uniform(4));
    const Status added = begun.value()->AddRelevance(document, label, weight);
    if (model.documents.contains(document) && model.labels.contains(label)) {
      EXPECT_OK(added);
      model.pairs[{document, label}] = weight;
    } else {
      EXPECT_EQ(added.sqlstate(), "23503");
    }
  }
  ASSERT_OK(begun.value()->Commit({}));
  model_ = std::move(model);
  ++num_commits_;
}

// Two transactions write one row, or insert one id: the second to commit must fail.
void ModelWorker::CollideOnRow(Store& store) {
  const EntityKind kind = RandomKind();
  const std::string id = RandomId();
  auto first = store.Begin();
  auto second = store.Begin();
  ASSERT_OK(first);
  ASSERT_OK(second);
  StoreModel model = model_;
  for (const auto& [transaction, text] : {std::pair(first.value().get(), std::string("first")),
                                          std::pair(second.value().get(), std::string("second"))}) {
    if (model_.Table(kind).contains(id)) {
      ASSERT_OK(transaction->UpdateRow(kind, Require(*transaction, kind, id), RowOf(id, text)));
    } else {
      ASSERT_OK(transaction->InsertRow(kind, RowOf(id, text)));
    }
  }
  model.Table(kind)[id] = "first";
  const std::uint64_t commits_before = num_commits_;
  Finish(*first.value(), std::move(model));
  if (num_commits_ > commits_before) {
    EXPECT_EQ(second.value()->Commit().sqlstate(), "40001") << "a lost update of " << id;
  }
}

// A pair must not outlive its document when one is written while the other is deleted.
void ModelWorker::CollideOnPair(Store& store) {
  const std::string document = RandomId();
  const std::string label = RandomId();
  if (!model_.documents.contains(document) || !model_.labels.contains(label)) {
    return;
  }
  const bool delete_first = random_.Uniform(2) == 0;
  const EntityKind kind = RandomKind();
  auto deleting = store.Begin();
  auto pairing = store.Begin();
  ASSERT_OK(deleting);
  ASSERT_OK(pairing);
  const std::string& deleted = kind == EntityKind::kDocument ? document : label;
  ASSERT_OK(deleting.value()->DeleteRow(kind, Require(*deleting.value(), kind, deleted)));
  // A weight that no other step writes: the pair changes in any case.
  ASSERT_OK(
      pairing.value()->PutRelevance(Require(*pairing.value(), EntityKind::kDocument, document),
                                    Require(*pairing.value(), EntityKind::kLabel, label), 9.5F));
  StoreModel without = model_;
  without.EraseRow(kind, deleted);
  StoreModel with = model_;
  with.pairs[{document, label}] = 9.5F;
  const std::uint64_t commits_before = num_commits_;
  Finish(delete_first ? *deleting.value() : *pairing.value(), delete_first ? without : with);
  if (num_commits_ > commits_before) {
    const Status late = delete_first ? pairing.value()->Commit() : deleting.value()->Commit();
    EXPECT_EQ(late.sqlstate(), "40001") << deleted;
  }
}

void ModelWorker::CountTogether(Store& store) {
  const std::string shared_id =
      SharedCounterId(static_cast<int>(random_.Uniform(kNumSharedCounters)));
  const std::string own_id = prefix_ + shared_id;
  auto begun = store.Begin();
  ASSERT_OK(begun);
  Transaction& transaction = *begun.value();
  StoreModel model = model_;
  for (const std::string& id : {shared_id, own_id}) {
    const auto found = transaction.FindOrdinal(EntityKind::kDocument, id);
    ASSERT_OK(found);
    if (!found.value()) {
      ASSERT_OK(transaction.InsertRow(EntityKind::kDocument, RowOf(id, "1")));
      model.documents[own_id] = "1";
      continue;
    }
    const auto row = transaction.GetRow(EntityKind::kDocument, *found.value());
    ASSERT_OK(row);
    const std::string count = std::to_string(std::stoll(row.value()->text) + 1);
    ASSERT_OK(transaction.UpdateRow(EntityKind::kDocument, *found.value(), RowOf(id, count)));
    model.documents[own_id] = count;
  }
  Finish(transaction, std::move(model));
}

EntityKind ModelWorker::RandomKind() {
  return random_.Uniform(2) == 0 ? EntityKind::kDocument : EntityKind::kLabel;
}

std::string ModelWorker::RandomId() {
  return fmt::format("{}{}", prefix_, random_.Uniform(kNumIds));
}

// One text in ten is long enough for a blob file.
std::string ModelWorker::RandomText() {
  const std::string text = std::to_string(random_.Uniform(1'000'000));
  return random_.Uniform(10) == 0 ? text + std::string(6000, 'y') : text;
}

}  // namespace dashi::storage
