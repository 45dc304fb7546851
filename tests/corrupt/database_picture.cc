#include "tests/corrupt/database_picture.h"

#include <array>
#include <fstream>
#include <poll.h>
#include <utility>

#include <fmt/format.h>

#include "base/random.h"
#include "base/status.h"
#include "storage/commit_watermark.h"

namespace dashi::corrupt {

namespace {

constexpr int kWatermarkMsMax = 180'000;

constexpr std::array<std::string_view, 19> kQuestions = {
    "SELECT id, text, split, updated_at FROM documents ORDER BY id",
    "SELECT id, text, updated_at FROM labels ORDER BY id",
    kLastCommitQuestion,
    "SELECT document, label, weight FROM relevance ORDER BY document, label",
    "SELECT r.document, l.id, r.weight FROM labels l CROSS JOIN relevance r ON r.label = l.id "
    "ORDER BY r.document, l.id",
    "SELECT d.id, r.label, r.weight FROM documents d CROSS JOIN relevance r ON r.document = d.id "
    "ORDER BY d.id, r.label",
    "SELECT a.id, b.text FROM documents a CROSS JOIN documents b ON b.id = a.id ORDER BY a.id",
    "SELECT count(*), (SELECT count(*) FROM labels), (SELECT count(*) FROM relevance) FROM "
    "documents",
    "SELECT * FROM models ORDER BY name",
    // All but what a process that runs has to say: index_state, index_graph, refresh_lag.
    "SELECT name, model, number, published, pinned, documents, labels, new_labels, dim, "
    "index_kind, seed, train_seconds, fusion_encoder, fusion_classifier, fusion_ranker, "
    "fusion_votes, metrics, publications, options, environment, snapshot_sequence, job, "
    "created_at FROM releases ORDER BY name",
    "SELECT * FROM jobs ORDER BY id",
    "SELECT * FROM evaluations ORDER BY id, metric, k, slice",
    "SELECT rank, label, text, release FROM topk('w1 w2 w3', 20)",
    "SELECT rank, label, text, release FROM topk('w7 w8', 10, '{\"exact\": true}')",
    "SELECT rank, label, text, release FROM topk('w5 w11', 10, '{\"release\": 1}')",
    "SELECT rank, id, text FROM nearest('documents', 'w1 w2', 10)",
    "SELECT rank, id, text FROM nearest('labels', 'w3 w4', 10)",
    "EVALUATE MODEL m@1 ON 'test' WITH (k = '1,3')",
    "EVALUATE MODEL m@2 ON 'test' WITH (k = '1,3')",
};

Result<std::string> RowsOf(Session& session, std::string_view sql) {
  DASHI_ASSIGN_OR_RETURN(ResultSet results, session.Execute(sql));
  std::string text;
  Row row;
  while (true) {
    DASHI_ASSIGN_OR_RETURN(const bool more, results.Next(&row));
    if (!more) {
      return text;
    }
    for (const Value& value : row) {
      text += value.ToString() + "|";
    }
    text += "\n";
  }
}

Answer AnswerOf(std::string_view question, const Result<std::string>& result) {
  return {std::string(question), std::string(result.status().sqlstate()),
          result.ok() ? result.value() : result.status().ToString()};
}

Status Run(Session& session, std::string_view sql) { return RowsOf(session, sql).status(); }

std::string RandomText(std::uint64_t num_words, Random* random) {
  std::string text;
  for (std::uint64_t left = num_words; left > 0; --left) {
    text += fmt::format("w{} ", random->Uniform(200));
  }
  return text;
}

// Each load is flushed, so each makes files of its own.
Status LoadRows(Session& session, const std::string& load_directory, Random* random) {
  const std::string path = load_directory + "/template.tsv";
  for (int part = 0; part < 3; ++part) {
    std::ofstream labels(path);
    for (int i = 0; i < 100; ++i) {
      labels << fmt::format("l{}-{:03}\t{}\n", part, i, RandomText(200, random));
    }
    labels.close();
    DASHI_RETURN_IF_ERROR(Run(session, fmt::format("COPY labels FROM '{}'", path)));
    std::ofstream documents(path);
    for (int i = 0; i < 200; ++i) {
      documents << fmt::format("d{}-{:03}\t{}\t{}\n", part, i,
                               RandomText(i % 10 == 0 ? 3000 : 30, random),
                               i % 4 == 0 ? "test" : "train");
    }
    documents.close();
    DASHI_RETURN_IF_ERROR(Run(session, fmt::format("COPY documents FROM '{}'", path)));
    std::ofstream relevance(path);
    for (int i = 0; i < 200 * 30; ++i) {
      relevance << fmt::format("d{0}-{1:03}\tl{0}-{2:03}\t{3}\n", part, i / 30,
                               (i / 30 + i % 30) % 100, i % 7 == 0 ? "0.5" : "1");
    }
    relevance.close();
    DASHI_RETURN_IF_ERROR(Run(session, fmt::format("COPY relevance FROM '{}'", path)));
  }
  return Status::Ok();
}

Status TrainAndPublish(Session& session) {
  DASHI_RETURN_IF_ERROR(
      Run(session,
          "CREATE MODEL m USING ngame WITH (dim = 32, hidden = 16, epochs = 1, "
          "classifier_epochs = 1, batch_size = 64, random_labels = 10, threads = 1)"));
  DASHI_RETURN_IF_ERROR(Run(session, "TRAIN MODEL m WITH (index = 'exact')"));
  DASHI_RETURN_IF_ERROR(Run(session, "PUBLISH m@1"));
  DASHI_RETURN_IF_ERROR(Run(session, "TRAIN MODEL m WITH (index = 'hnsw')"));
  DASHI_RETURN_IF_ERROR(Run(session, "EVALUATE MODEL m@2 ON 'test' WITH (k = '1,3')"));
  return Run(session, "PUBLISH m@2");
}

// Pairs of labels and documents that are there. The load flushes them and begins a log.
Status LoadPairs(Session& session, const std::string& load_directory, int part) {
  const std::string path = load_directory + "/template.tsv";
  std::ofstream relevance(path);
  for (int i = 0; i < 200 * 30; ++i) {
    relevance << fmt::format("d{}-{:03}\tl{}-{:03}\t0.25\n", part, i / 30, (part + 1) % 3,
                             (i / 30 + 3 * (i % 30)) % 90);
  }
  relevance.close();
  return Run(session, fmt::format("COPY relevance FROM '{}'", path));
}

// The last commit that is known to be on the disk.
Result<std::uint64_t> WatermarkOf(const std::string& directory) {
  DASHI_ASSIGN_OR_RETURN(const storage::WatermarkHistory history,
                         storage::ReadWatermarkFile(directory + "/commit.watermark"));
  return history.newest ? history.newest->commit_sequence : 0;
}

// Waits until the thread that keeps the watermark has noted the commit.
Status AwaitWatermark(const std::string& directory, std::uint64_t commit_sequence) {
  for (int ms = 0; ms < kWatermarkMsMax; ++ms) {
    DASHI_ASSIGN_OR_RETURN(const std::uint64_t noted, WatermarkOf(directory));
    if (noted >= commit_sequence) {
      return Status::Ok();
    }
    ::poll(nullptr, 0, 1);
  }
  return Status::DeadlineExceeded("the watermark was not written");
}

// Small commits that stand in logs alone, of which all are needed: kNumCommits of them.
constexpr std::uint64_t kNumCommits = 3 * 60 + 3 + 2;

Status CommitRows(Session& session, const std::string& load_directory, Random* random) {
  for (int i = 0; i < 60; ++i) {
    if (i % 20 == 10) {
      DASHI_RETURN_IF_ERROR(LoadPairs(session, load_directory, i / 20));
    }
    DASHI_RETURN_IF_ERROR(
        Run(session, fmt::format("INSERT OR REPLACE INTO documents (id, text) VALUES ('d{}-{:03}', "
                                 "'{}'), ('new-{}', '{}')",
                                 i % 3, i, RandomText(20, random), i, RandomText(20, random))));
    DASHI_RETURN_IF_ERROR(Run(session, fmt::format("INSERT INTO anchors VALUES ('a{}', '{}')", i,
                                                   RandomText(9, random))));
    DASHI_RETURN_IF_ERROR(
        Run(session, fmt::format("INSERT INTO relevance VALUES ('new-{}', 'l0-{:03}', 1)", i, i)));
  }
  DASHI_RETURN_IF_ERROR(Run(session, "DELETE FROM labels WHERE id >= 'l2-090'"));
  return Run(session, "DELETE FROM documents WHERE id >= 'd2-190' AND id < 'e'");
}

}  // namespace

std::vector<Answer> TakePicture(const std::string& directory, const OpenOptions& options) {
  const auto database = Database::Open(directory, options);
  if (!database.ok()) {
    return {AnswerOf("opening", database.status())};
  }
  const auto session = database.value()->NewSession();
  if (!session.ok()) {
    return {AnswerOf("opening a session", session.status())};
  }
  std::vector<Answer> answers;
  for (const std::string_view question : kQuestions) {
    answers.push_back(AnswerOf(question, RowsOf(*session.value(), question)));
  }
  return answers;
}

Status MakeTemplate(const std::string& directory, const std::string& load_directory) {
  Random random(20261126);
  OpenOptions options;
  options.memory_bytes_max = std::uint64_t{16} << 20;
  {
    DASHI_ASSIGN_OR_RETURN(const auto database, Database::Open(directory, options));
    DASHI_ASSIGN_OR_RETURN(const auto session, database->NewSession());
    DASHI_RETURN_IF_ERROR(LoadRows(*session, load_directory, &random));
    DASHI_RETURN_IF_ERROR(TrainAndPublish(*session));
  }
  // Never closed: a process that is killed leaves its log as it is.
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<Database> opened, Database::Open(directory, options));
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, opened->NewSession());
  opened.release();
  Session& kept = *session.release();
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t before, WatermarkOf(directory));
  DASHI_RETURN_IF_ERROR(CommitRows(kept, load_directory, &random));
  // All but the next one are known to be on the disk.
  DASHI_RETURN_IF_ERROR(AwaitWatermark(directory, before + kNumCommits));
  return Run(kept,
             fmt::format("INSERT INTO anchors VALUES ('{}', 'of the last second')", kLastCommitId));
}

}  // namespace dashi::corrupt
