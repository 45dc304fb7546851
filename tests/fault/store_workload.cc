#include "tests/fault/store_workload.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/status.h"

namespace dashi::testing {
namespace {

using storage::DuplicatePolicy;
using storage::EntityKind;
using storage::EntityRow;
using storage::Ordinal;
using storage::RelevanceNeighbour;
using storage::Store;
using storage::Transaction;
using storage::View;

constexpr int kSmallCommits = 50;
constexpr int kInserted = 4;
constexpr int kLoadedDocuments = 90;
constexpr int kLoadedLabels = 70;
constexpr int kStagedDocuments = 400;  // enough bytes for files that are ingested
constexpr std::uint64_t kVersion = 7;
constexpr std::uint32_t kDim = 8;
constexpr int kEmbedded = 200;

EntityRow MakeRow(std::string id, std::string text) {
  EntityRow row;
  row.id = std::move(id);
  row.text = std::move(text);
  return row;
}

Status InTransaction(Store& store, const std::function<Status(Transaction&)>& body) {
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<Transaction> transaction, store.Begin());
  DASHI_RETURN_IF_ERROR(body(*transaction));
  return transaction->Commit();
}

Result<Ordinal> OrdinalOf(const View& view, EntityKind kind, const std::string& id) {
  DASHI_ASSIGN_OR_RETURN(const std::optional<Ordinal> found, view.FindOrdinal(kind, id));
  return found ? Result<Ordinal>(*found) : Status::NotFound("no row " + id);
}

// The text of a row, or nothing.
Result<std::optional<std::string>> TextOf(const View& view, EntityKind kind,
                                          const std::string& id) {
  DASHI_ASSIGN_OR_RETURN(const std::optional<Ordinal> ordinal, view.FindOrdinal(kind, id));
  if (!ordinal) {
    return std::optional<std::string>();
  }
  DASHI_ASSIGN_OR_RETURN(const std::optional<EntityRow> row, view.GetRow(kind, *ordinal));
  if (!row || row->id != id) {
    return Status::Corruption("the id leads to no row, or another one: " + id);
  }
  return std::optional<std::string>(row->text);
}

// All of `parts` are there, or none: else it is half there.
Result<bool> AllOrNone(const std::vector<bool>& parts, const std::string& what) {
  std::size_t num_there = 0;
  for (const bool part : parts) {
    num_there += part ? 1 : 0;
  }
  if (num_there != 0 && num_there != parts.size()) {
    return Status::Corruption(
        fmt::format("half there: {}: {} of {} parts", what, num_there, parts.size()));
  }
  return num_there != 0;
}

bool Holds(const std::vector<RelevanceNeighbour>& neighbours, Ordinal ordinal) {
  for (const RelevanceNeighbour& neighbour : neighbours) {
    if (neighbour.ordinal == ordinal) {
      return true;
    }
  }
  return false;
}

// Whether a pair is there, which both sides must agree on.
Result<bool> HasPair(const View& view, const std::string& document, const std::string& label) {
  DASHI_ASSIGN_OR_RETURN(const Ordinal d, OrdinalOf(view, EntityKind::kDocument, document));
  DASHI_ASSIGN_OR_RETURN(const Ordinal l, OrdinalOf(view, EntityKind::kLabel, label));
  DASHI_ASSIGN_OR_RETURN(const std::vector<RelevanceNeighbour> labels, view.LabelsOf(d));
  DASHI_ASSIGN_OR_RETURN(const std::vector<RelevanceNeighbour> documents, view.DocumentsOf(l));
  return AllOrNone({Holds(labels, l), Holds(documents, d)}, document + " - " + label);
}

// A text that no compression makes small.
std::string Noise(std::uint64_t seed, std::size_t size) {
  std::string text;
  std::uint64_t state = seed * 0x9E3779B97F4A7C15U + 1;
  while (text.size() < size) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    text.push_back(static_cast<char>('a' + (state >> 59U) % 26));
  }
  return text;
}

std::string LoadedText(int i) { return Noise(static_cast<std::uint64_t>(i), 1500); }

WorkStep InsertRows() {
  return {"insert",
          [](Store& store) {
            return InTransaction(store, [](Transaction& transaction) -> Status {
              for (int i = 0; i < kInserted; ++i) {
                DASHI_ASSIGN_OR_RETURN(
                    const Ordinal document,
                    transaction.InsertRow(EntityKind::kDocument,
                                          MakeRow(fmt::format("d{}", i), "before")));
                DASHI_ASSIGN_OR_RETURN(
                    const Ordinal label,
                    transaction.InsertRow(EntityKind::kLabel, MakeRow(fmt::format("l{}", i), "")));
                DASHI_RETURN_IF_ERROR(transaction.PutRelevance(document, label, 1.0F).status());
              }
              return Status::Ok();
            });
          },
          [](Store& store) -> Result<bool> {
            DASHI_ASSIGN_OR_RETURN(const auto view, store.NewSnapshot());
            std::vector<bool> parts;
            for (int i = 0; i < kInserted; ++i) {
              DASHI_ASSIGN_OR_RETURN(const auto text,
                                     TextOf(*view, EntityKind::kLabel, fmt::format("l{}", i)));
              parts.push_back(text.has_value());
            }
            return AllOrNone(parts, "insert");
          },
          {}};
}

WorkStep UpdateRows() {
  return {"update",
          [](Store& store) {
            return InTransaction(store, [](Transaction& transaction) -> Status {
              for (const char* id : {"d0", "d1"}) {
                DASHI_ASSIGN_OR_RETURN(const Ordinal ordinal,
                                       OrdinalOf(transaction, EntityKind::kDocument, id));
                DASHI_RETURN_IF_ERROR(
                    transaction.UpdateRow(EntityKind::kDocument, ordinal, MakeRow(id, "after")));
              }
              DASHI_ASSIGN_OR_RETURN(const Ordinal document,
                                     OrdinalOf(transaction, EntityKind::kDocument, "d0"));
              DASHI_ASSIGN_OR_RETURN(const Ordinal label,
                                     OrdinalOf(transaction, EntityKind::kLabel, "l1"));
              return transaction.PutRelevance(document, label, 0.5F).status();
            });
          },
          [](Store& store) -> Result<bool> {
            DASHI_ASSIGN_OR_RETURN(const auto view, store.NewSnapshot());
            DASHI_ASSIGN_OR_RETURN(const auto first, TextOf(*view, EntityKind::kDocument, "d0"));
            DASHI_ASSIGN_OR_RETURN(const auto second, TextOf(*view, EntityKind::kDocument, "d1"));
            DASHI_ASSIGN_OR_RETURN(const bool pair, HasPair(*view, "d0", "l1"));
            return AllOrNone({first == "after", second == "after", pair}, "update");
          },
          {"insert"}};
}

WorkStep LoadRows(EntityKind kind, const std::string& name, const std::string& prefix, int count,
                  DuplicatePolicy policy = DuplicatePolicy::kFail) {
  return {name,
          [=](Store& store) -> Status {
            DASHI_ASSIGN_OR_RETURN(const auto load, store.BeginRowLoad(kind, policy));
            for (int i = 0; i < count; ++i) {
              DASHI_RETURN_IF_ERROR(
                  load->AddRow(MakeRow(fmt::format("{}{}", prefix, i), LoadedText(i))));
            }
            return load->Commit({}).status();
          },
          [=](Store& store) -> Result<bool> {
            DASHI_ASSIGN_OR_RETURN(const auto view, store.NewSnapshot());
            std::vector<bool> parts;
            for (int i = 0; i < count; ++i) {
              DASHI_ASSIGN_OR_RETURN(const auto text,
                                     TextOf(*view, kind, fmt::format("{}{}", prefix, i)));
              if (text && *text != LoadedText(i)) {
                return Status::Corruption(fmt::format("another text: {}{}", prefix, i));
              }
              parts.push_back(text.has_value());
            }
            return AllOrNone(parts, name);
          },
          {}};
}

WorkStep LoadPairs() {
  return {
      "load pairs",
      [](Store& store) -> Status {
        DASHI_ASSIGN_OR_RETURN(const auto load, store.BeginRelevanceLoad(DuplicatePolicy::kFail));
        for (int d = 0; d < kLoadedDocuments; ++d) {
          for (int l = 0; l < kLoadedLabels; ++l) {
            DASHI_RETURN_IF_ERROR(
                load->AddRelevance(fmt::format("D{}", d), fmt::format("L{}", l), 1.0F));
          }
        }
        return load->Commit({}).status();
      },
      [](Store& store) -> Result<bool> {
        DASHI_ASSIGN_OR_RETURN(const auto view, store.NewSnapshot());
        std::vector<bool> parts;
        for (int d = 0; d < kLoadedDocuments; ++d) {
          DASHI_ASSIGN_OR_RETURN(const Ordinal document,
                                 OrdinalOf(*view, EntityKind::kDocument, fmt::format("D{}", d)));
          DASHI_ASSIGN_OR_RETURN(const auto labels, view->LabelsOf(document));
          parts.push_back(labels.size() == kLoadedLabels);
          parts.push_back(!labels.empty());
        }
        for (int l = 0; l < kLoadedLabels; ++l) {
          DASHI_ASSIGN_OR_RETURN(const Ordinal label,
                                 OrdinalOf(*view, EntityKind::kLabel, fmt::format("L{}", l)));
          DASHI_ASSIGN_OR_RETURN(const auto documents, view->DocumentsOf(label));
          parts.push_back(documents.size() == kLoadedDocuments);
          parts.push_back(!documents.empty());
        }
        return AllOrNone(parts, "load pairs");
      },
      {"load documents", "load labels"}};
}

WorkStep DeleteRows() {
  return {
      "delete",
      [](Store& store) {
        return InTransaction(store, [](Transaction& transaction) -> Status {
          for (const char* id : {"d2", "d3"}) {
            DASHI_ASSIGN_OR_RETURN(const Ordinal ordinal,
                                   OrdinalOf(transaction, EntityKind::kDocument, id));
            DASHI_RETURN_IF_ERROR(transaction.DeleteRow(EntityKind::kDocument, ordinal));
          }
          return Status::Ok();
        });
      },
      [](Store& store) -> Result<bool> {
        DASHI_ASSIGN_OR_RETURN(const auto view, store.NewSnapshot());
        DASHI_ASSIGN_OR_RETURN(const auto first, TextOf(*view, EntityKind::kDocument, "d3"));
        DASHI_ASSIGN_OR_RETURN(const auto second, TextOf(*view, EntityKind::kDocument, "d2"));
        DASHI_ASSIGN_OR_RETURN(const Ordinal label, OrdinalOf(*view, EntityKind::kLabel, "l2"));
        DASHI_ASSIGN_OR_RETURN(const auto documents, view->DocumentsOf(label));
        return AllOrNone({!first.has_value(), !second.has_value(), documents.empty()}, "delete");
      },
      {"insert"}};
}

std::string WeightBytes() { return Noise(99, (std::size_t{2} << 20) + 12345); }

WorkStep PutWeights() {
  return {"weights",
          [](Store& store) { return store.PutWeights("job-1/w", WeightBytes()); },
          [](Store& store) -> Result<bool> {
            DASHI_ASSIGN_OR_RETURN(const auto view, store.NewSnapshot());
            const Result<std::string> bytes = view->GetWeights("job-1/w");
            if (bytes.status().code() == StatusCode::kNotFound) {
              return false;
            }
            DASHI_RETURN_IF_ERROR(bytes.status());
            return bytes.value() == WeightBytes() ? Result<bool>(true)
                                                  : Status::Corruption("other weights");
          },
          {},
          "release"};
}

WorkStep WriteEmbeddings() {
  return {"embeddings",
          [](Store& store) -> Status {
            DASHI_ASSIGN_OR_RETURN(const auto writer, store.NewEmbeddingVersion(kVersion, kDim));
            std::vector<std::uint16_t> values(kDim);
            for (std::uint32_t i = 0; i < kEmbedded; ++i) {
              values.assign(kDim, static_cast<std::uint16_t>(i));
              DASHI_RETURN_IF_ERROR(writer->Add(EntityKind::kLabel, Ordinal{i}, i, values));
            }
            return writer->Finish();
          },
          [](Store& store) -> Result<bool> {
            DASHI_ASSIGN_OR_RETURN(const auto view, store.NewSnapshot());
            const auto cursor = view->ScanEmbeddings(kVersion, EntityKind::kLabel);
            if (cursor.status().code() == StatusCode::kNotFound) {
              return false;
            }
            DASHI_RETURN_IF_ERROR(cursor.status());
            std::uint32_t num_rows = 0;
            while (true) {
              DASHI_ASSIGN_OR_RETURN(const bool more, cursor.value()->Next());
              if (!more) {
                break;
              }
              if (cursor.value()->values()[0] != num_rows) {
                return Status::Corruption("another embedding");
              }
              ++num_rows;
            }
            return num_rows == kEmbedded ? Result<bool>(true)
                                         : Status::Corruption("half there: embeddings");
          },
          {},
          "release"};
}

WorkStep WriteRelease() {
  return {"release",
          [](Store& store) -> Status {
            DASHI_RETURN_IF_ERROR(ReplaceFile(store.index_directory() + "/job-1.hnsw",
                                              Noise(5, 70000), store.file_gate()));
            return InTransaction(store, [](Transaction& transaction) -> Status {
              storage::ModelRecord model;
              model.name = "m";
              model.next_release = 2;
              DASHI_RETURN_IF_ERROR(transaction.PutModel(model));
              storage::ReleaseRecord release;
              release.model = "m";
              release.number = 1;
              release.embedding_version = kVersion;
              release.weights = {"job-1/w"};
              release.dim = kDim;
              release.index_kind = "hnsw";
              release.index_file = "job-1.hnsw";
              return transaction.PutRelease(release);
            });
          },
          [](Store& store) -> Result<bool> {
            DASHI_ASSIGN_OR_RETURN(const auto view, store.NewSnapshot());
            DASHI_ASSIGN_OR_RETURN(const auto model, view->GetModel("m"));
            DASHI_ASSIGN_OR_RETURN(const auto release, view->GetRelease("m", 1));
            if (!model && !release) {
              return false;
            }
            const Result<std::unique_ptr<File>> file =
                File::OpenForReading(store.index_directory() + "/job-1.hnsw");
            DASHI_RETURN_IF_ERROR(file.status());
            std::string bytes(100000, '\0');
            DASHI_RETURN_IF_ERROR(file.value()->ReadAt(0, &bytes));
            return AllOrNone({model.has_value(), release.has_value(), bytes == Noise(5, 70000)},
                             "release");
          },
          {"weights", "embeddings"}};
}

WorkStep Publish() {
  return {"publish",
          [](Store& store) {
            return InTransaction(store, [](Transaction& transaction) -> Status {
              DASHI_ASSIGN_OR_RETURN(auto model, transaction.GetModel("m"));
              model->published = {1};
              return transaction.PutModel(*model);
            });
          },
          [](Store& store) -> Result<bool> {
            DASHI_ASSIGN_OR_RETURN(const auto view, store.NewSnapshot());
            DASHI_ASSIGN_OR_RETURN(const auto model, view->GetModel("m"));
            return model && model->published == std::vector<std::uint32_t>{1};
          },
          {"release"}};
}

}  // namespace

WorkStep InsertStep(const std::string& name) {
  return {name,
          [name](Store& store) {
            return InTransaction(store, [&name](Transaction& transaction) {
              return transaction.InsertRow(EntityKind::kLabel, MakeRow(name, "")).status();
            });
          },
          [name](Store& store) -> Result<bool> {
            DASHI_ASSIGN_OR_RETURN(const auto view, store.NewSnapshot());
            DASHI_ASSIGN_OR_RETURN(const auto text, TextOf(*view, EntityKind::kLabel, name));
            return text.has_value();
          },
          {}};
}

std::vector<WorkStep> StoreWorkload() {
  std::vector<WorkStep> steps = {
      InsertRows(),
      LoadRows(EntityKind::kDocument, "load documents", "D", kLoadedDocuments,
               DuplicatePolicy::kReplace),  // through a spool file
      UpdateRows(),
      PutWeights(),
      LoadRows(EntityKind::kLabel, "load labels", "L", kLoadedLabels),
      WriteEmbeddings(),
      LoadPairs(),
      DeleteRows(),
      WriteRelease(),
      Publish(),
      InsertStep("one more"),
      LoadRows(EntityKind::kDocument, "load more", "M", kStagedDocuments),
      InsertStep("last")};
  // Many small commits, each of which writes and syncs the log.
  for (int i = 0; i < kSmallCommits; ++i) {
    steps.push_back(InsertStep(fmt::format("small {}", i)));
  }
  return steps;
}

storage::StoreOptions SmallStoreOptions(FileGate& gate) {
  storage::StoreOptions options;
  options.memory_bytes_max = std::uint64_t{8} << 20;
  options.file_gate = &gate;
  return options;
}

std::string StrayFiles(Store& store) {
  std::string stray;
  for (const auto& file : std::filesystem::directory_iterator(store.directory() + "/tmp")) {
    stray += file.path().string() + "\n";
  }
  for (const auto& file : std::filesystem::directory_iterator(store.index_directory())) {
    if (file.path().filename() != "job-1.hnsw") {
      stray += file.path().string() + "\n";
    }
  }
  return stray;
}

}  // namespace dashi::testing
