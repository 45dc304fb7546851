#include "tests/crash/model_trainer.h"

#include <utility>

#include <fmt/format.h>

namespace dashi::crash {

namespace {

constexpr int kNumTrainingDocuments = 60;
constexpr int kNumTrainingLabels = 20;
constexpr std::size_t kNumModelsMax = 2;
constexpr std::size_t kNumReleasesMax = 3;

std::string ReleaseName(const std::string& model, int number) {
  return fmt::format("{}@{}", model, number);
}

}  // namespace

ModelTrainer::ModelTrainer(Database* database, CrashEventWriter* events, const Options& options,
                           Rows rows)
    : session_(database, events, kTrainerOwner),
      options_(options),
      random_(options.seed),
      rows_(std::move(rows)) {
  for (const std::string& model : Models()) {
    const std::string& published = rows_[ModelKey(model)];
    if (!published.empty()) {
      published_[model] = {std::stoi(published.substr(published.find('@') + 1))};
    }
  }
}

void ModelTrainer::Run(const std::function<bool()>& stop) {
  if (!rows_.contains(DocumentKey("base-d0"))) {
    AddTrainingRows();
  }
  while (!stop()) {
    Step();
  }
}

void ModelTrainer::Commit(const std::string& sql, Rows after) {
  if (session_.Commit(sql, Difference(rows_, after))) {
    rows_ = std::move(after);
  }
}

void ModelTrainer::AddTrainingRows() {
  Rows after = rows_;
  session_.MustRun("BEGIN");
  for (int i = 0; i < kNumTrainingLabels; ++i) {
    const std::string id = fmt::format("base-l{}", i);
    const std::string token = NewToken(60, &random_);
    session_.MustRun(fmt::format("INSERT INTO labels (id, text) VALUES ({}, {})", Quoted(id),
                                 Quoted(TextOf(token))));
    after[LabelKey(id)] = token;
  }
  for (int i = 0; i < kNumTrainingDocuments; ++i) {
    const std::string id = fmt::format("base-d{}", i);
    const std::string label = fmt::format("base-l{}", i % kNumTrainingLabels);
    const std::string split = i % 4 == 0 ? "test" : "train";
    const std::string token = NewToken(80, &random_);
    session_.MustRun(fmt::format("INSERT INTO documents (id, text, split) VALUES ({}, {}, '{}')",
                                 Quoted(id), Quoted(TextOf(token)), split));
    session_.MustRun(fmt::format("INSERT INTO relevance (document, label) VALUES ({}, {})",
                                 Quoted(id), Quoted(label)));
    after[DocumentKey(id)] = DocumentValue(split, token);
    after[RelevanceKey(id, label)] = "1";
  }
  Commit("COMMIT", std::move(after));
}

void ModelTrainer::Step() {
  const std::vector<std::string> models = Models();
  if (models.empty()) {
    CreateModel();
    return;
  }
  const std::string& model = models[random_.Uniform(models.size())];
  if (options_.trains_first) {
    Train(model);
    Publish(model);
    Ask(model);
  }
  switch (random_.Uniform(10)) {
    case 0:
      if (models.size() < kNumModelsMax) {
        CreateModel();
      }
      break;
    case 1:
    case 2:
      if (options_.trains) {
        Train(model);
      }
      break;
    case 3:
    case 4:
      Publish(model);
      break;
    case 5:
      Revert(model);
      break;
    case 6:
    case 7:
      DropRelease(model);
      break;
    case 8:
      Evaluate(model);
      Ask(model);
      break;
    default:
      if (models.size() == kNumModelsMax && Releases(model).size() > 1) {
        DropModel(model);
      }
      break;
  }
}

void ModelTrainer::CreateModel() {
  // A name is never given twice: the numbers of a dropped model's releases would begin again.
  const auto seen = session_.Query("SELECT count(DISTINCT model) FROM jobs");
  if (!seen.ok()) {
    session_.SendProblem(seen.status().ToString());
    return;
  }
  std::string name;
  for (std::int64_t number = seen.value()[0][0].integer();; ++number) {
    name = fmt::format("m{}", number);
    const auto used =
        session_.Query(fmt::format("SELECT 1 FROM jobs WHERE model = {} LIMIT 1", Quoted(name)));
    if (!rows_.contains(ModelKey(name)) && used.ok() && used.value().empty()) {
      break;
    }
  }
  Rows after = rows_;
  after[ModelKey(name)] = "";
  Commit(fmt::format(
             "CREATE MODEL {} USING ngame WITH (dim = 16, hidden = 16, epochs = 1, "
             "classifier_epochs = 1, batch_size = 64, cluster_size = 8, random_labels = "
             "10, threads = 1, checkpoint_seconds = 0, rows_memory_mb = 0, retain_releases = 1, "
             "seal_rows = 1)",
             name),
         std::move(after));
}

void ModelTrainer::DropModel(const std::string& model) {
  Rows after = rows_;
  after.erase(ModelKey(model));
  for (const int number : Releases(model)) {
    after.erase(ReleaseKey(ReleaseName(model, number)));
  }
  Commit("DROP MODEL " + model, std::move(after));
  published_.erase(model);
}

void ModelTrainer::Train(const std::string& model) {
  if (Releases(model).size() >= kNumReleasesMax) {
    DropRelease(model);
  }
  Rows after = rows_;
  after[ReleaseKey(ReleaseName(model, NextRelease(model)))] = "";
  const auto stopped = session_.Query(fmt::format(
      "SELECT max(id) FROM jobs WHERE model = {} AND state = 'interrupted'", Quoted(model)));
  if (!stopped.ok()) {
    session_.SendProblem(stopped.status().ToString());
    return;
  }
  if (!stopped.value()[0][0].is_null() && random_.Uniform(2) == 0) {
    Commit(fmt::format("RESUME JOB {}", stopped.value()[0][0].integer()), std::move(after));
    return;
  }
  Commit(fmt::format("TRAIN MODEL {} WITH (index = '{}', seed = {})", model,
                     random_.Uniform(3) == 0 ? "exact" : "hnsw", random_.Uniform(1000)),
         std::move(after));
}

void ModelTrainer::Publish(const std::string& model) {
  const std::vector<int> releases = Releases(model);
  if (releases.empty()) {
    return;
  }
  const int number =
      options_.trains_first ? releases.back() : releases[random_.Uniform(releases.size())];
  Rows after = rows_;
  after[ModelKey(model)] = ReleaseName(model, number);
  // Such a model keeps the release that was published before, and what is newer; see CreateModel.
  const std::string before = rows_[ModelKey(model)];
  if (before != after[ModelKey(model)]) {
    EraseOlder(model, number, before, &after);
  }
  if (session_.Commit(fmt::format("PUBLISH {}@{}", model, number), Difference(rows_, after))) {
    rows_ = std::move(after);
    std::vector<int>& list = published_[model];
    if (list.empty() || list.back() != number) {
      list = list.empty() ? std::vector<int>{number} : std::vector<int>{list.back(), number};
    }
  }
}

void ModelTrainer::Revert(const std::string& model) {
  std::vector<int>& list = published_[model];
  if (list.size() < 2) {
    return;
  }
  Rows after = rows_;
  const int number = list[list.size() - 2];
  after[ModelKey(model)] = ReleaseName(model, number);
  EraseOlder(model, number, /*kept=*/ReleaseName(model, list.back()), &after);
  if (session_.Commit("REVERT MODEL " + model, Difference(rows_, after))) {
    rows_ = std::move(after);
    list.pop_back();
  }
}

void ModelTrainer::EraseOlder(const std::string& model, int number, const std::string& kept,
                              Rows* rows) const {
  for (const int release : Releases(model)) {
    const std::string name = ReleaseName(model, release);
    if (release < number && name != kept) {
      rows->erase(ReleaseKey(name));
    }
  }
}

void ModelTrainer::DropRelease(const std::string& model) {
  const std::vector<int> releases = Releases(model);
  const std::string& published = rows_[ModelKey(model)];
  for (const int number : releases) {
    const std::string name = ReleaseName(model, number);
    if (name == published) {
      continue;
    }
    Rows after = rows_;
    after.erase(ReleaseKey(name));
    Commit("DROP RELEASE " + name, std::move(after));
    std::erase(published_[model], number);
    return;
  }
}

void ModelTrainer::Evaluate(const std::string& model) {
  if (!Releases(model).empty()) {
    session_.MustRun(fmt::format("EVALUATE MODEL {} ON 'test' WITH (k = '1,3')", model));
  }
}

void ModelTrainer::Ask(const std::string& model) {
  if (!rows_[ModelKey(model)].empty()) {
    const Status asked =
        session_.Run(fmt::format("SELECT label FROM topk('a', 3, '{{\"model\": \"{}\"}}')", model));
    if (!asked.ok() && asked.sqlstate() != "53200") {  // It may not fit a child's little memory.
      session_.SendProblem(asked.ToString());
    }
  }
}

std::vector<std::string> ModelTrainer::Models() const {
  std::vector<std::string> models;
  for (auto row = rows_.lower_bound("M:"); row != rows_.end() && row->first < "N"; ++row) {
    models.push_back(row->first.substr(2));
  }
  return models;
}

std::vector<int> ModelTrainer::Releases(const std::string& model) const {
  std::vector<int> releases;
  const std::string prefix = ReleaseKey(model + "@");
  for (auto row = rows_.lower_bound(prefix); row != rows_.end() && row->first.starts_with(prefix);
       ++row) {
    releases.push_back(std::stoi(row->first.substr(prefix.size())));
  }
  std::sort(releases.begin(), releases.end());
  return releases;
}

int ModelTrainer::NextRelease(const std::string& model) {
  // Each release that ever was is the result of a job.
  const auto last = session_.Query(
      fmt::format("SELECT max(CAST(substr(result, instr(result, '@') + 1) AS INTEGER)) FROM jobs "
                  "WHERE model = {} AND state = 'succeeded'",
                  Quoted(model)));
  if (!last.ok()) {
    session_.SendProblem(last.status().ToString());
    return 0;
  }
  return static_cast<int>(last.value()[0][0].integer()) + 1;
}

}  // namespace dashi::crash
