#include "tests/crash/row_writer.h"

#include <fstream>
#include <utility>

#include <fmt/format.h>

namespace dashi::crash {

namespace {

constexpr std::uint64_t kNumDocuments = 40;
constexpr std::uint64_t kNumLabels = 24;
constexpr std::uint64_t kNumAnchors = 10;
// A batch of this size takes more than two chunks of 4 MiB when it is loaded.
constexpr std::uint64_t kNumBatchDocuments = 320;
constexpr std::size_t kBatchTextBytes = 32'000;
// Bytes enough for sorted files that are ingested, of a table that has no index here.
constexpr std::uint64_t kNumNewLabels = 45;
constexpr std::size_t kNewLabelTextBytes = 16'000;
// Enough pairs for a file of their own: a spooled pair takes twelve bytes, a block 64 KiB.
constexpr std::uint64_t kNumBatchPairs = 8000;
// Enough clicks for sorted files: one takes 40 bytes while it is gathered, and 512 KiB are a batch.
constexpr std::uint64_t kNumBatchClicks = 15'000;

// Those of relevance and the edges.
void ErasePairs(Rows* rows, const std::function<bool(const RelevanceIds&)>& matches) {
  std::erase_if(*rows, [&](const auto& row) {
    return (row.first.starts_with("R:") || row.first.starts_with("G:")) &&
           matches(ParseRelevanceKey(row.first));
  });
}

std::string SplitOf(std::string_view document_value) {
  return std::string(document_value.substr(0, document_value.find('|')));
}

std::string QuotedSplit(std::string_view split) { return split.empty() ? "NULL" : Quoted(split); }

}  // namespace

RowWriter::RowWriter(Database* database, CrashEventWriter* events, const Options& options,
                     Rows rows)
    : session_(database, events, options.writer),
      options_(options),
      prefix_(IdPrefix(options.writer)),
      random_(options.seed),
      rows_(std::move(rows)) {}

void RowWriter::Run(const std::function<bool()>& stop) {
  if (options_.loads_large_first) {
    Execute(PlanLoadBatch(rows_));
  }
  if (options_.stages_first) {
    LoadNewLabels();
    Execute(PlanLoadClicks(rows_, kNumBatchClicks));
  }
  while (!stop()) {
    Step();
  }
}

void RowWriter::Step() {
  const std::uint64_t choice = random_.Uniform(100);
  if (choice < 45) {
    Execute(PlanAny(rows_));
  } else if (choice < 70) {
    RunTransaction();
  } else if (choice < 75) {
    FailOnDuplicate();
  } else if (choice < 85) {
    Count();
  } else if (choice < 92) {
    Claim();
  } else if (choice < 95) {
    Execute(PlanLoadBatch(rows_));
  } else if (choice < 96) {
    Execute(PlanLoadBatchPairs(rows_));
  } else if (choice < 97) {
    Execute(PlanLoadClicks(rows_, kNumBatchClicks));
  } else if (choice < 98) {
    LoadNewLabels();
  } else {
    DropBatch();
  }
}

void RowWriter::Execute(const std::optional<Plan>& plan) {
  if (plan && session_.Commit(plan->sql, Difference(rows_, plan->after))) {
    rows_ = plan->after;
  }
}

void RowWriter::RunTransaction() {
  session_.MustRun("BEGIN");
  Rows working = rows_;
  for (std::uint64_t left = random_.Uniform(8); left > 0; --left) {
    if (random_.Uniform(4) == 0) {
      RunSavepoint(&working);
    } else if (const std::optional<Plan> plan = PlanAny(working)) {
      session_.MustRun(plan->sql);
      working = plan->after;
    }
  }
  const auto count = session_.Query(
      fmt::format("SELECT count(*) FROM anchors WHERE id >= '{0}' AND id < '{0}~'", prefix_));
  std::int64_t expected = 0;
  for (auto row = working.lower_bound("A:"); row != working.end() && row->first < "B"; ++row) {
    ++expected;
  }
  if (!count.ok() || count.value()[0][0].integer() != expected) {
    session_.SendProblem(fmt::format("a transaction does not see its own {} anchors", expected));
  }
  if (random_.Uniform(5) == 0) {
    session_.MustRun("ROLLBACK");
  } else if (session_.Commit("COMMIT", Difference(rows_, working))) {
    rows_ = std::move(working);
  }
}

void RowWriter::RunSavepoint(Rows* working) {
  session_.MustRun("SAVEPOINT here");
  Rows inside = *working;
  for (std::uint64_t left = random_.Uniform(3) + 1; left > 0; --left) {
    if (const std::optional<Plan> plan = PlanAny(inside)) {
      session_.MustRun(plan->sql);
      inside = plan->after;
    }
  }
  if (random_.Uniform(2) == 0) {
    session_.MustRun("ROLLBACK TO SAVEPOINT here");
  } else {
    *working = std::move(inside);
  }
  session_.MustRun("RELEASE SAVEPOINT here");
}

// A statement and a load whose last row exists already: nothing of them may stay.
void RowWriter::FailOnDuplicate() {
  const auto taken = rows_.lower_bound("D:");
  if (taken == rows_.end() || !taken->first.starts_with("D:")) {
    return;
  }
  const std::string taken_id = taken->first.substr(2);
  const std::string fresh_id = Id("never", random_.Uniform(1000));
  if (random_.Uniform(2) == 0) {
    session_.MustFail(fmt::format("INSERT INTO documents (id, text) VALUES ({}, 'x'), ({}, 'y')",
                                  Quoted(fresh_id), Quoted(taken_id)),
                      "23505");
    return;
  }
  std::ofstream(LoadPath("duplicate.tsv")) << fresh_id << "\tx\t\\N\n" << taken_id << "\ty\t\\N\n";
  session_.MustFail(
      fmt::format("COPY documents (id, text, split) FROM {}", Quoted(LoadPath("duplicate.tsv"))),
      "23505");
}

void RowWriter::Count() {
  const std::uint64_t counter = random_.Uniform(kNumCounters);
  const std::string shared_id = fmt::format("s-counter-{}", counter);
  const std::string own_id = Id("counter-", counter);
  session_.MustRun("BEGIN");
  const auto shared =
      session_.Query(fmt::format("SELECT text FROM documents WHERE id = {}", Quoted(shared_id)));
  if (!shared.ok()) {
    session_.SendProblem(shared.status().ToString());
    return;
  }
  if (shared.value().empty()) {
    session_.MustRun(
        fmt::format("INSERT INTO documents (id, text) VALUES ({}, '1')", Quoted(shared_id)));
  } else {
    session_.MustRun(fmt::format("UPDATE documents SET text = '{}' WHERE id = {}",
                                 std::stoll(std::string(shared.value()[0][0].text())) + 1,
                                 Quoted(shared_id)));
  }
  const auto own = rows_.find(DocumentKey(own_id));
  const std::string count =
      own == rows_.end() ? "1" : std::to_string(std::stoll(own->second.substr(1)) + 1);
  session_.MustRun(fmt::format("INSERT OR REPLACE INTO documents (id, text) VALUES ({}, '{}')",
                               Quoted(own_id), count));
  const std::string value = DocumentValue("", count);
  if (session_.Commit("COMMIT", {{DocumentKey(own_id), value}})) {
    rows_[DocumentKey(own_id)] = value;
  }
}

void RowWriter::Claim() {
  const std::uint64_t claim = random_.Uniform(kNumClaims);
  const std::string shared_id = fmt::format("s-claim-{}", claim);
  const std::string own_id = Id("claim-", claim);
  const auto own = rows_.find(DocumentKey(own_id));
  Rows after = rows_;
  session_.MustRun("BEGIN");
  const auto shared =
      session_.Query(fmt::format("SELECT text FROM labels WHERE id = {}", Quoted(shared_id)));
  if (!shared.ok() || (own != rows_.end() && shared.value().empty())) {
    session_.SendProblem("a claimed label is gone: " + shared_id);
  } else if (own != rows_.end()) {
    session_.MustRun(fmt::format("DELETE FROM labels WHERE id = {}", Quoted(shared_id)));
    session_.MustRun(fmt::format("DELETE FROM documents WHERE id = {}", Quoted(own_id)));
    after.erase(DocumentKey(own_id));
    ErasePairs(&after, [&](const RelevanceIds& ids) { return ids.document == own_id; });
  } else if (shared.value().empty()) {
    const std::string text = fmt::format("claimed-by-{}-{}", options_.writer, random_.Next());
    session_.MustRun(fmt::format("INSERT INTO labels (id, text) VALUES ({}, {})", Quoted(shared_id),
                                 Quoted(text)));
    session_.MustRun(fmt::format("INSERT INTO documents (id, text) VALUES ({}, {})", Quoted(own_id),
                                 Quoted(text)));
    session_.MustRun(fmt::format("INSERT INTO relevance (document, label) VALUES ({}, {})",
                                 Quoted(own_id), Quoted(shared_id)));
    after[DocumentKey(own_id)] = DocumentValue("", text);
    after[RelevanceKey(own_id, shared_id)] = "1";
  }
  if (session_.Commit("COMMIT", Difference(rows_, after))) {
    rows_ = std::move(after);
  }
}

void RowWriter::DropBatch() {
  Rows after = rows_;
  const std::string first = Id("batch", 0);
  const std::string last = Id("batch~", 0);
  std::erase_if(after, [&](const auto& row) {
    return row.first.starts_with("D:") && row.first.substr(2) >= first &&
           row.first.substr(2) < last;
  });
  ErasePairs(&after,
             [&](const RelevanceIds& ids) { return ids.document >= first && ids.document < last; });
  Execute(Plan{
      fmt::format("DELETE FROM documents WHERE id >= {} AND id < {}", Quoted(first), Quoted(last)),
      std::move(after)});
}

// Rows that are all new are written straight into sorted files.
void RowWriter::LoadNewLabels() {
  Execute(PlanDropNewLabels(rows_));
  Execute(PlanLoadNewLabels(rows_));
}

std::optional<RowWriter::Plan> RowWriter::PlanAny(const Rows& rows) {
  switch (random_.Uniform(18)) {
    case 0:
    case 1:
      return PlanInsertDocuments(rows);
    case 2:
      return PlanUpdateDocument(rows);
    case 3:
      return PlanRenameDocument(rows);
    case 4:
      return PlanDeleteDocuments(rows);
    case 5:
    case 6:
      return PlanWriteLabel(rows);
    case 7:
      return PlanDeleteLabel(rows);
    case 8:
      return PlanWriteAnchor(rows);
    case 9:
    case 10:
      return PlanPutPairs(rows);
    case 11:
      return PlanDeletePair(rows);
    case 12:
      return PlanLoadRows(rows);
    case 13:
    case 14:
      return PlanAddClicks(rows);
    case 15:
      return PlanPutOrDeleteEdge(rows);
    case 16:
      return PlanLoadClicks(rows, random_.Uniform(60) + 1);
    default:
      return PlanLoadPairs(rows);
  }
}

std::optional<RowWriter::Plan> RowWriter::PlanInsertDocuments(const Rows& rows) {
  Plan plan{"INSERT INTO documents (id, text, split) VALUES ", rows};
  bool any = false;
  for (std::uint64_t left = random_.Uniform(5) + 1; left > 0; --left) {
    const std::string id = RandomId("d", kNumDocuments);
    if (plan.after.contains(DocumentKey(id))) {
      continue;
    }
    const std::string token = RandomToken();
    const std::string split = RandomSplit();
    plan.sql += fmt::format("{}({}, {}, {})", any ? ", " : "", Quoted(id), Quoted(TextOf(token)),
                            QuotedSplit(split));
    plan.after[DocumentKey(id)] = DocumentValue(split, token);
    any = true;
  }
  return any ? std::optional<Plan>(std::move(plan)) : std::nullopt;
}

std::optional<RowWriter::Plan> RowWriter::PlanUpdateDocument(const Rows& rows) {
  const std::string id = RandomId("d", kNumDocuments);
  const auto row = rows.find(DocumentKey(id));
  if (row == rows.end()) {
    return std::nullopt;
  }
  const std::string token = RandomToken();
  Plan plan{fmt::format("UPDATE documents SET text = {} WHERE id = {}", Quoted(TextOf(token)),
                        Quoted(id)),
            rows};
  plan.after[DocumentKey(id)] = DocumentValue(SplitOf(row->second), token);
  return plan;
}

std::optional<RowWriter::Plan> RowWriter::PlanRenameDocument(const Rows& rows) {
  const std::string id = RandomId("d", kNumDocuments);
  const std::string new_id = RandomId("d", kNumDocuments);
  const auto row = rows.find(DocumentKey(id));
  if (row == rows.end() || rows.contains(DocumentKey(new_id))) {
    return std::nullopt;
  }
  Plan plan{fmt::format("UPDATE documents SET id = {} WHERE id = {}", Quoted(new_id), Quoted(id)),
            rows};
  plan.after.erase(DocumentKey(id));
  plan.after[DocumentKey(new_id)] = row->second;
  ErasePairs(&plan.after, [&](const RelevanceIds& ids) { return ids.document == id; });
  for (auto pair = rows.lower_bound(RelevanceKey(id, ""));
       pair != rows.end() && pair->first.starts_with(RelevanceKey(id, "")); ++pair) {
    plan.after[RelevanceKey(new_id, ParseRelevanceKey(pair->first).label)] = pair->second;
  }
  for (auto edge = rows.lower_bound(EdgeKey(id, ""));
       edge != rows.end() && edge->first.starts_with(EdgeKey(id, "")); ++edge) {
    plan.after[EdgeKey(new_id, ParseRelevanceKey(edge->first).label)] = edge->second;
  }
  return plan;
}

std::optional<RowWriter::Plan> RowWriter::PlanDeleteDocuments(const Rows& rows) {
  const std::string first = RandomId("d", kNumDocuments);
  const std::string last = random_.Uniform(3) == 0 ? first + "~" : first;
  Plan plan{
      fmt::format("DELETE FROM documents WHERE id >= {} AND id <= {}", Quoted(first), Quoted(last)),
      rows};
  for (auto row = rows.lower_bound(DocumentKey(first));
       row != rows.end() && row->first <= DocumentKey(last); ++row) {
    plan.after.erase(row->first);
  }
  ErasePairs(&plan.after, [&](const RelevanceIds& ids) {
    return ids.document >= first && ids.document <= last;
  });
  return plan;
}

std::optional<RowWriter::Plan> RowWriter::PlanWriteLabel(const Rows& rows) {
  const std::string id = RandomId("l", kNumLabels);
  const std::string token = RandomToken();
  Plan plan{fmt::format("INSERT OR REPLACE INTO labels (id, text) VALUES ({}, {})", Quoted(id),
                        Quoted(TextOf(token))),
            rows};
  plan.after[LabelKey(id)] = token;
  return plan;
}

std::optional<RowWriter::Plan> RowWriter::PlanDeleteLabel(const Rows& rows) {
  const std::string id = RandomId("l", kNumLabels);
  Plan plan{fmt::format("DELETE FROM labels WHERE id = {}", Quoted(id)), rows};
  plan.after.erase(LabelKey(id));
  ErasePairs(&plan.after, [&](const RelevanceIds& ids) { return ids.label == id; });
  return plan;
}

std::optional<RowWriter::Plan> RowWriter::PlanWriteAnchor(const Rows& rows) {
  const std::string id = RandomId("a", kNumAnchors);
  Plan plan{"", rows};
  if (rows.contains(AnchorKey(id)) && random_.Uniform(2) == 0) {
    plan.sql = fmt::format("DELETE FROM anchors WHERE id = {}", Quoted(id));
    plan.after.erase(AnchorKey(id));
    return plan;
  }
  const std::string token = RandomToken();
  plan.sql = fmt::format("REPLACE INTO anchors VALUES ({}, {})", Quoted(id), Quoted(TextOf(token)));
  plan.after[AnchorKey(id)] = token;
  return plan;
}

std::optional<RowWriter::Plan> RowWriter::PlanPutPairs(const Rows& rows) {
  Plan plan{"INSERT OR REPLACE INTO relevance VALUES ", rows};
  bool any = false;
  for (std::uint64_t left = random_.Uniform(8) + 1; left > 0; --left) {
    const std::string document = RandomId("d", kNumDocuments);
    const std::string label = RandomId("l", kNumLabels);
    if (!rows.contains(DocumentKey(document)) || !rows.contains(LabelKey(label))) {
      continue;
    }
    const std::string weight = RandomWeight();
    plan.sql +=
        fmt::format("{}({}, {}, {})", any ? ", " : "", Quoted(document), Quoted(label), weight);
    plan.after[RelevanceKey(document, label)] = weight;
    any = true;
  }
  return any ? std::optional<Plan>(std::move(plan)) : std::nullopt;
}

std::optional<RowWriter::Plan> RowWriter::PlanDeletePair(const Rows& rows) {
  const auto pair =
      rows.lower_bound(RelevanceKey(RandomId("d", kNumDocuments), RandomId("l", kNumLabels)));
  if (pair == rows.end() || !pair->first.starts_with("R:" + prefix_ + "d")) {
    return std::nullopt;
  }
  const RelevanceIds ids = ParseRelevanceKey(pair->first);
  Plan plan{fmt::format("DELETE FROM relevance WHERE document = {} AND label = {}",
                        Quoted(ids.document), Quoted(ids.label)),
            rows};
  plan.after.erase(pair->first);
  return plan;
}

// A file that fits one block, and is one batch.
std::optional<RowWriter::Plan> RowWriter::PlanLoadRows(const Rows& rows) {
  const bool labels = random_.Uniform(2) == 0;
  const std::string path = LoadPath(labels ? "labels.tsv" : "documents.tsv");
  Plan plan{fmt::format("COPY {} FROM {} WITH (on_conflict = 'replace')",
                        labels ? "labels (id, text)" : "documents (id, text, split)", Quoted(path)),
            rows};
  std::ofstream file(path);
  for (std::uint64_t left = random_.Uniform(12) + 1; left > 0; --left) {
    const std::string token = RandomToken();
    if (labels) {
      const std::string id = RandomId("l", kNumLabels);
      file << id << '\t' << TextOf(token) << '\n';
      plan.after[LabelKey(id)] = token;
    } else {
      const std::string id = RandomId("d", kNumDocuments);
      const std::string split = RandomSplit();
      file << id << '\t' << TextOf(token) << '\t' << (split.empty() ? "\\N" : split) << '\n';
      plan.after[DocumentKey(id)] = DocumentValue(split, token);
    }
  }
  return plan;
}

std::optional<RowWriter::Plan> RowWriter::PlanLoadPairs(const Rows& rows) {
  const std::string path = LoadPath("relevance.tsv");
  Plan plan{fmt::format("COPY relevance FROM {} WITH (on_conflict = 'replace')", Quoted(path)),
            rows};
  std::ofstream file(path);
  for (std::uint64_t left = random_.Uniform(60) + 1; left > 0; --left) {
    const std::string document = RandomId("d", kNumDocuments);
    const std::string label = RandomId("l", kNumLabels);
    if (rows.contains(DocumentKey(document)) && rows.contains(LabelKey(label))) {
      const std::string weight = RandomWeight();
      file << document << '\t' << label << '\t' << weight << '\n';
      plan.after[RelevanceKey(document, label)] = weight;
    }
  }
  return plan;
}

// A file that goes through the spool, and is applied in several chunks.
RowWriter::Plan RowWriter::PlanLoadBatch(const Rows& rows) {
  const std::string path = LoadPath("batch.jsonl");
  Plan plan{fmt::format("COPY documents FROM {} WITH (on_conflict = 'replace')", Quoted(path)),
            rows};
  // Most batches are smaller, so that loads of every size meet a kill, and training has less to
  // read.
  const bool large =
      options_.loads_large_first || (options_.writer == 0 && random_.Uniform(4) == 0);
  const std::size_t num_bytes = large ? kBatchTextBytes : 600;
  std::ofstream file(path);
  for (std::uint64_t i = 0; i < kNumBatchDocuments; ++i) {
    const std::string token = NewToken(num_bytes, &random_);
    file << fmt::format(R"({{"id": "{}", "text": "{}"}})", Id("batch", i), TextOf(token)) << '\n';
    plan.after[DocumentKey(Id("batch", i))] = DocumentValue("", token);
  }
  return plan;
}

RowWriter::Plan RowWriter::PlanDropNewLabels(const Rows& rows) {
  const std::string first = Id("new", 0);
  const std::string last = Id("new~", 0);
  Plan plan{
      fmt::format("DELETE FROM labels WHERE id >= {} AND id < {}", Quoted(first), Quoted(last)),
      rows};
  for (std::uint64_t i = 0; i < kNumNewLabels; ++i) {
    plan.after.erase(LabelKey(Id("new", i)));
  }
  return plan;
}

RowWriter::Plan RowWriter::PlanLoadNewLabels(const Rows& rows) {
  const std::string path = LoadPath("new_labels.tsv");
  Plan plan{fmt::format("COPY labels (id, text) FROM {}", Quoted(path)), rows};
  std::ofstream file(path);
  for (std::uint64_t i = 0; i < kNumNewLabels; ++i) {
    const std::string token = NewToken(kNewLabelTextBytes, &random_);
    file << Id("new", i) << '\t' << TextOf(token) << '\n';
    plan.after[LabelKey(Id("new", i))] = token;
  }
  return plan;
}

std::optional<RowWriter::Plan> RowWriter::PlanLoadBatchPairs(const Rows& rows) {
  const std::string path = LoadPath("batch_relevance.tsv");
  Plan plan{fmt::format("COPY relevance FROM {} WITH (on_conflict = 'ignore')", Quoted(path)),
            rows};
  std::ofstream file(path);
  for (std::uint64_t i = 0; i < kNumBatchPairs; ++i) {
    const std::string document = Id("batch", i % kNumBatchDocuments);
    const std::string label = Id("l", i / kNumBatchDocuments);
    if (rows.contains(DocumentKey(document)) && rows.contains(LabelKey(label))) {
      file << document << '\t' << label << "\t1\n";
      plan.after.emplace(RelevanceKey(document, label), "1");
    }
  }
  return plan.after.size() == rows.size() ? std::nullopt : std::optional<Plan>(std::move(plan));
}

std::string RowWriter::Id(std::string_view kind, std::uint64_t number) const {
  return fmt::format("{}{}{}", prefix_, kind, number);
}

std::string RowWriter::RandomId(std::string_view kind, std::uint64_t bound) {
  return Id(kind, random_.Uniform(bound));
}

// Mostly short; some texts are long enough for a blob file.
std::string RowWriter::RandomToken() {
  return NewToken(random_.Uniform(10) == 0 ? 5000 : 20 + random_.Uniform(100), &random_);
}

std::string RowWriter::RandomSplit() {
  constexpr std::array<std::string_view, 4> kSplits = {"", "train", "test", "valid"};
  return std::string(kSplits[random_.Uniform(kSplits.size())]);
}

std::string RowWriter::RandomWeight() {
  return fmt::format("{}", static_cast<double>(random_.Uniform(8)) * 0.25);
}

std::string RowWriter::LoadPath(std::string_view name) const {
  return fmt::format("{}/{}{}", options_.load_directory, prefix_, name);
}

}  // namespace dashi::crash
