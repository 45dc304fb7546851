#include "tests/trainer/planted_rows.h"

#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/status.h"
#include "tests/testing/tiny_database.h"

namespace dashi::trainer {

using storage::OptionMap;
using storage::Store;
using testing::TinyDocument;

void AddPlantedRows(Store& store, int num_documents) {
  Random random(5);
  std::vector<std::pair<std::string, std::string>> labels;
  for (int i = 0; i < kNumPlantedLabels; ++i) {
    labels.emplace_back("L" + std::to_string(i), "topic" + std::to_string(i) + " text");
  }
  std::vector<TinyDocument> documents;
  for (int i = 0; i < num_documents; ++i) {
    const auto label = random.Uniform(kNumPlantedLabels);
    documents.push_back({"D" + std::to_string(i),
                         "clue" + std::to_string(label) + " noise" +
                             std::to_string(random.Uniform(50)) + " noise" +
                             std::to_string(random.Uniform(50)),
                         i % 5 == 0 ? "test" : "train",
                         {"L" + std::to_string(label)}});
  }
  testing::AddRows(store, labels, documents);
}

Status CreatePlantedModel(Store& store, const OptionMap& options) {
  auto transaction = store.Begin().value();
  storage::ModelRecord model;
  model.name = "m";
  model.algorithm = "ngame";
  model.options = options;
  if (Status status = transaction->PutModel(model); !status.ok()) {
    return status;
  }
  return transaction->Commit();
}

OptionMap SmallOptions() {
  return {{"dim", "32"},           {"hidden", "32"},           {"epochs", "20"},
          {"batch_size", "64"},    {"classifier_epochs", "4"}, {"threads", "1"},
          {"random_labels", "20"}, {"cluster_size", "8"}};
}

}  // namespace dashi::trainer
