#include "tests/crash/label_churn.h"

#include <utility>

#include <fmt/format.h>

namespace dashi::crash {

namespace {

constexpr int kWords = 160;
constexpr int kTrainingLabels = 3000;  // So many that a graph with a narrow beam is walked.
constexpr int kChangingLabels = 60;    // One by one.
// More than a fifth, and so many that they are linked again when they are back.
constexpr int kManyBegin = 1000;
constexpr int kManyEnd = 2100;
constexpr int kStepsPerMany = 400;
constexpr int kTrainingDocuments = 300;
constexpr int kLabelsPerInsert = 100;
constexpr int kWordsPerText = 4;
constexpr std::size_t kOwnLabelsMax = 60;
constexpr int kChurnOwner = 2;

/// One of the two texts of such a label.
std::string TextOfMany(int label, int which) {
  Random random(static_cast<std::uint64_t>(1'000'000 + 2 * label + which));
  return RandomText(&random, kWordsPerText);
}

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
      values += fmt::format(
          "{}('base-{}', '{}')", i == begin ? "" : ", ", i,
          i >= kManyBegin && i < kManyEnd ? TextOfMany(i, 0) : RandomText(&random, kWordsPerText));
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
                       std::uint64_t seed, bool many_first)
    : session_(database, events, kChurnOwner),
      history_(*history),
      random_(seed),
      // No id is given twice: what a release knows of a label is told by its id.
      prefix_(fmt::format("new-{:x}", seed)),
      many_first_(many_first) {
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
  if (std::exchange(many_first_, false) || random_.Uniform(kStepsPerMany) == 0) {
    ChangeMany();
    return;
  }
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

void LabelChurn::ChangeMany() {
  const auto which = static_cast<int>(random_.Uniform(2));
  session_.MustRun("BEGIN");
  for (int label = kManyBegin; label < kManyEnd; ++label) {
    const std::string id = fmt::format("base-{}", label);
    const std::string text = TextOfMany(label, which);
    history_.Note(id, text);
    session_.MustRun(fmt::format("UPDATE labels SET text = '{}' WHERE id = '{}'", text, id));
  }
  session_.MustRun("COMMIT");
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
