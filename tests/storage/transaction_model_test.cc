#include <cstdlib>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "base/random.h"
#include "storage/store.h"
#include "tests/storage/store_fixture.h"

namespace dashi::storage {
namespace {

/// The naive twin of a store: what its tables must hold.
struct Model {
  struct Entity {
    std::uint32_t ordinal = 0;
    std::string text;
    friend bool operator==(const Entity&, const Entity&) = default;
  };
  std::map<std::string, Entity> documents;
  std::map<std::string, Entity> labels;
  std::map<std::pair<std::uint32_t, std::uint32_t>, float> pairs;  // document, label

  std::map<std::string, Entity>& Table(EntityKind kind) {
    return kind == EntityKind::kDocument ? documents : labels;
  }
};

/// Drives a store and its model with the same random operations.
class TransactionModelTest : public StoreFixture {
 protected:
  static constexpr int kNumIds = 12;

  std::string RandomId(Random& random) { return "id" + std::to_string(random.Uniform(kNumIds)); }
  EntityKind RandomKind(Random& random) {
    return random.Uniform(2) == 0 ? EntityKind::kDocument : EntityKind::kLabel;
  }

  void ExpectSame(const View& view, Model& model) {
    for (const EntityKind kind : {EntityKind::kDocument, EntityKind::kLabel}) {
      std::map<std::string, Model::Entity> rows;
      const auto cursor = view.ScanRows(kind);
      std::int64_t previous = -1;
      while (cursor->Next().value()) {
        const std::uint32_t ordinal = ToInteger(cursor->ordinal());
        ASSERT_GT(ordinal, previous);
        previous = ordinal;
        rows[cursor->row().id] = {ordinal, cursor->row().text};
      }
      ASSERT_EQ(rows, model.Table(kind));
      for (int i = 0; i < kNumIds; ++i) {
        const std::string id = "id" + std::to_string(i);
        const auto found = Find(view, kind, id);
        ASSERT_EQ(found.has_value(), model.Table(kind).contains(id)) << id;
        if (found) {
          ASSERT_EQ(ToInteger(*found), model.Table(kind)[id].ordinal);
        }
      }
    }
    ExpectSamePairs(view, model);
  }

  void ExpectSamePairs(const View& view, Model& model) {
    std::map<std::pair<std::uint32_t, std::uint32_t>, float> forward;
    const auto cursor = view.ScanRelevance();
    while (cursor->Next().value()) {
      for (const RelevanceNeighbour& label : cursor->labels()) {
        forward[{ToInteger(cursor->document()), ToInteger(label.ordinal)}] = label.weight;
      }
    }
    ASSERT_EQ(forward, model.pairs);
    std::map<std::pair<std::uint32_t, std::uint32_t>, float> reverse;
    for (const auto& [id, label] : model.labels) {
      const auto documents = view.DocumentsOf(Ordinal{label.ordinal});
      ASSERT_OK(documents);
      for (const RelevanceNeighbour& document : documents.value()) {
        reverse[{ToInteger(document.ordinal), label.ordinal}] = document.weight;
      }
    }
    ASSERT_EQ(reverse, model.pairs);
  }

  void WriteRow(Transaction& transaction, Model& model, Random& random) {
    const EntityKind kind = RandomKind(random);
    auto& table = model.Table(kind);
    const std::string id = RandomId(random);
    const std::string text(random.Uniform(20), 'a');
    if (!table.contains(id)) {
      const auto ordinal = transaction.InsertRow(kind, Row(id, text));
      ASSERT_OK(ordinal);
      table[id] = {ToInteger(ordinal.value()), text};
      return;
    }
    ASSERT_EQ(transaction.InsertRow(kind, Row(id, text)).status().sqlstate(), "23505");
    const std::string new_id = random.Uniform(3) == 0 ? RandomId(random) : id;
    const Status status =
        transaction.UpdateRow(kind, Ordinal{table[id].ordinal}, Row(new_id, text));
    if (new_id != id && table.contains(new_id)) {
      ASSERT_EQ(status.sqlstate(), "23505");
      return;
    }
    ASSERT_OK(status);
    const std::uint32_t ordinal = table[id].ordinal;
    table.erase(id);
    table[new_id] = {ordinal, text};
  }

  void DeleteRow(Transaction& transaction, Model& model, Random& random) {
    const EntityKind kind = RandomKind(random);
    auto& table = model.Table(kind);
    const auto found = table.find(RandomId(random));
    if (found == table.end()) {
      return;
    }
    const std::uint32_t ordinal = found->second.ordinal;
    ASSERT_OK(transaction.DeleteRow(kind, Ordinal{ordinal}));
    table.erase(found);
    std::erase_if(model.pairs, [&](const auto& pair) {
      return (kind == EntityKind::kDocument ? pair.first.first : pair.first.second) == ordinal;
    });
  }

  void WritePair(Transaction& transaction, Model& model, Random& random) {
    const auto document = model.documents.find(RandomId(random));
    const auto label = model.labels.find(RandomId(random));
    if (document == model.documents.end() || label == model.labels.end()) {
      return;
    }
    const auto pair = std::pair(document->second.ordinal, label->second.ordinal);
    if (random.Uniform(3) == 0) {
      const auto existed = transaction.DeleteRelevance(Ordinal{pair.first}, Ordinal{pair.second});
      ASSERT_OK(existed);
      ASSERT_EQ(existed.value(), model.pairs.erase(pair) == 1);
      return;
    }
    const float weight = static_cast<float>(random.Uniform(3));
    const auto is_new = transaction.PutRelevance(Ordinal{pair.first}, Ordinal{pair.second}, weight);
    ASSERT_OK(is_new);
    ASSERT_EQ(is_new.value(), !model.pairs.contains(pair));
    model.pairs[pair] = weight;
  }

  void RunTransaction(Model& committed, Random& random) {
    auto transaction = Begin();
    Model model = committed;
    std::vector<Model> savepoints;
    const std::uint64_t steps = random.Uniform(40);
    for (std::uint64_t step = 0; step < steps; ++step) {
      const std::uint64_t action = random.Uniform(20);
      if (action < 7) {
        WriteRow(*transaction, model, random);
      } else if (action < 9) {
        DeleteRow(*transaction, model, random);
      } else if (action < 16) {
        WritePair(*transaction, model, random);
      } else if (action == 16) {
        transaction->SetSavepoint();
        savepoints.push_back(model);
      } else if (action == 17 && !savepoints.empty()) {
        ASSERT_OK(transaction->RollbackToSavepoint());
        model = savepoints.back();
        savepoints.pop_back();
      } else if (action == 18 && !savepoints.empty()) {
        transaction->ReleaseSavepoint();
        savepoints.pop_back();
      } else if (action == 19) {
        ExpectSame(*transaction, model);
      }
      if (HasFatalFailure()) {
        return;
      }
    }
    ExpectSame(*transaction, model);
    if (random.Uniform(4) != 0) {
      ASSERT_OK(transaction->Commit());
      committed = model;
    }
  }
};

TEST_F(TransactionModelTest, RandomTransactionsAgreeWithTheModel) {
  const char* given = std::getenv("DASHI_TEST_SEED");
  const std::uint64_t seed = given == nullptr ? 20261123 : std::strtoull(given, nullptr, 10);
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  Model model;
  Open();
  for (int round = 0; round < 150; ++round) {
    const Model before = model;
    const auto snapshot = Snapshot();
    RunTransaction(model, random);
    ASSERT_FALSE(HasFatalFailure()) << "round " << round;
    Model unchanged = before;
    ExpectSame(*snapshot, unchanged);
    ExpectSame(*Snapshot(), model);
    ASSERT_FALSE(HasFatalFailure()) << "round " << round;
  }
  Open();
  ExpectSame(*Snapshot(), model);
}

}  // namespace
}  // namespace dashi::storage
