#include "tests/crash/label_churn.h"

#include <utility>

#include <fmt/format.h>

namespace dashi::crash {

namespace {

constexpr int kWords = 160;
constexpr int kTrainingLabels = 3000;  // So many that a graph with a narrow beam is walked.
constexpr int kChangingLabels = 60;    // The others keep their texts, and their place in graphs.
constexpr int kTrainingDocuments = 300;
constexpr int kLabelsPerInsert = 100;
constexpr int kWordsPerText = 4;
constexpr std::size_t kOwnLabelsMax = 60;
constexpr int kChurnOwner = 2;

}  // namespace

std::string RandomText(Random* random, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += fmt::format("{}w{:03}", i == 0 ? "" : " ", random->Uniform(kWords));
  }
  return text;
}

void AddTrainingRows(CrashSession* session) {
  const auto found = session->Query("SELECT count(*) FROM documents WHERE id LIKE 'base-%'");
  if (found.ok() && found.value()[0][0].integer() > 0) {
    return;
  }
  Random random(1);
  session->MustRun("BEGIN");
  for (int begin = 0; begin < kTrainingLabels; begin += kLabelsPerInsert) {
    std::string values;
    for (int i = begin; i < begin + kLabelsPerInsert; ++i) {
      values += fmt::format("{}('base-{}', '{}')", i == begin ? "" : ", ", i,
                            RandomText(&random, kWordsPerText));
    }
    session->MustRun("INSERT INTO labels (id, text) VALUES " + values);
  }
  for (int i = 0; i < kTrainingDocuments; ++i) {
    session->MustRun(
        fmt::format("INSERT INTO documents (id, text, split) VALUES ('base-{}', '{}', "
                    "'{}')",
                    i, RandomText(&random, 2 * kWordsPerText), i % 4 == 0 ? "test" : "train"));
    for (int pair = 0; pair < 2; ++pair) {
      session->MustRun(
          fmt::format("INSERT INTO relevance (document, label) VALUES ('base-{}', 'base-{}')", i,
                      (i * 3 + pair * 7) % kTrainingLabels));
    }
  }
  session->MustRun("COMMIT");
}

LabelChurn::LabelChurn(Database* database, CrashEventWriter* events, TextHistory* history,
                       std::uint64_t seed)
    : session_(database, events, kChurnOwner),
      history_(*history),
      random_(seed),
      // No id is given twice: what a release knows of a label is told by its id.
      prefix_(fmt::format("new-{:x}", seed)) {
  const auto found = session_.Query("SELECT id FROM labels WHERE id LIKE 'new-%'");
  if (!found.ok()) {
    session_.SendProblem(found.status().ToString());
    return;
  }
  for (const Row& row : found.value()) {
    labels_.emplace_back(row[0].text());
  }
}

void LabelChurn::Step() {
  switch (random_.Uniform(5)) {
    case 0: {
      const std::string label = fmt::format("base-{}", random_.Uniform(kChangingLabels));
      const std::string text = RandomText(&random_, kWordsPerText);
      history_.Note(label, text);
      session_.MustRun(fmt::format("UPDATE labels SET text = '{}' WHERE id = '{}'", text, label));
      return;
    }
    case 1:
      session_.MustRun(fmt::format("UPDATE documents SET text = '{}' WHERE id = 'base-{}'",
                                   RandomText(&random_, 2 * kWordsPerText),
                                   random_.Uniform(kTrainingDocuments)));
      return;
    default:
      labels_.size() < kOwnLabelsMax ? AddLabel() : DropLabel();
  }
}

void LabelChurn::AddLabel() {
  labels_.push_back(fmt::format("{}-{}", prefix_, num_made_++));
  const std::string text = RandomText(&random_, kWordsPerText);
  history_.Note(labels_.back(), text);
  session_.MustRun(
      fmt::format("INSERT INTO labels (id, text) VALUES ('{}', '{}')", labels_.back(), text));
}

void LabelChurn::DropLabel() {
  const std::size_t which = random_.Uniform(labels_.size());
  session_.MustRun(fmt::format("DELETE FROM labels WHERE id = '{}'", labels_[which]));
  std::swap(labels_[which], labels_.back());
  labels_.pop_back();
}

}  // namespace dashi::crash
