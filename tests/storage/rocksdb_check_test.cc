#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include "base/random.h"
#include "storage/catalog_codec.h"
#include "storage/change_codec.h"
#include "storage/check.h"
#include "storage/neighbour_codec.h"
#include "storage/ordered_value.h"
#include "storage/rocksdb_engine.h"
#include "storage/rocksdb_status.h"
#include "storage/row_codec.h"
#include "storage/schema_codec.h"
#include "tests/storage/damaged_bytes.h"
#include "tests/storage/store_fixture.h"
#include "tests/testing/tiny_database.h"

namespace dashi::storage {
namespace {

namespace fs = std::filesystem;

using ::testing::HasSubstr;

constexpr Ordinal kFirst{0};
constexpr Ordinal kSecond{1};
constexpr Ordinal kNobody{77};
constexpr std::uint32_t kPrice = 17;
constexpr std::uint32_t kPriceIndex = 1;
const Value kDefaultPrice = Value::Integer(5);

// A database with every kind of thing in it, made once and copied for each test.
class Template {
 public:
  Template() {
    const auto store = testing::OpenStore(path());
    testing::AddRows(*store, {{"l1", "running shoes"}, {"l2", "warm hats"}},
                     {{"d1", "shoes for a marathon", "train", {"l1"}},
                      {"d2", "a hat against the cold", "test", {"l1", "l2"}}});
    testing::ReleaseShape shape;
    shape.hnsw = true;
    EXPECT_EQ(testing::AddRelease(*store, "m", shape), 1U);
    auto transaction = std::move(store->Begin()).value();
    EntityRow anchor;
    anchor.id = "a1";
    EXPECT_OK(transaction->InsertRow(EntityKind::kAnchor, anchor));
    JobRecord job;
    job.id = 1;
    job.state = JobState::kSucceeded;
    EXPECT_OK(transaction->PutJob(job));
    EvaluationRecord evaluation;
    evaluation.id = 1;
    EXPECT_OK(transaction->PutEvaluations({&evaluation, 1}));
    ModelRecord model = *transaction->GetModel("m").value();
    model.published = {1};
    EXPECT_OK(transaction->PutModel(model));
    EXPECT_OK(transaction->PutSetting("s", "v"));
    SchemaRecord schema;
    schema.next_column = kPrice + 1;
    schema.columns = {{kPrice, "price", ColumnType::kInteger, kDefaultPrice, false}};
    schema.indexes = {{kPriceIndex, "by_price", kPrice, IndexState::kBuilding}};
    EXPECT_OK(transaction->PutSchema(EntityKind::kDocument, schema));
    EXPECT_OK(transaction->Commit());
    while (store->StepIndexWork().value()) {
    }
  }
  std::string path() const { return folder_.path() + "/db"; }

 private:
  testing::TemporaryDirectory folder_;
};

const Template& TheTemplate() {
  static const Template* made = new Template();
  return *made;
}

void CopyTemplate(const std::string& directory) {
  fs::copy(TheTemplate().path(), directory, fs::copy_options::recursive);
}

std::unique_ptr<RocksdbEngine> OpenEngine(const std::string& directory) {
  EngineOptions options;
  options.memory_bytes_max = 64 << 20;
  auto engine = RocksdbEngine::Open(directory + "/data", options);
  EXPECT_OK(engine);
  return std::move(engine).value();
}

CheckReport Check(const std::string& directory) {
  SilentMonitor monitor;
  auto report = CheckDirectory(directory, monitor);
  EXPECT_OK(report);
  return report.ok() ? std::move(report).value() : CheckReport();
}

std::string Shown(const CheckReport& report) {
  std::string text;
  for (const CheckProblem& problem : report.problems) {
    text += problem.object + " | " + problem.problem + " | " + problem.detail + "\n";
  }
  for (const std::string& note : report.notes) {
    text += "note: " + note + "\n";
  }
  return text;
}

// Raw writes behind the store's back.
struct RawWriter {
  RocksdbEngine& engine;
  void Put(Family family, const std::string& key, const std::string& value) const {
    EXPECT_TRUE(engine.db()->Put({}, engine.family(family), key, value).ok());
  }
  void Delete(Family family, const std::string& key) const {
    EXPECT_TRUE(engine.db()->Delete({}, engine.family(family), key).ok());
  }
  std::string Get(Family family, const std::string& key) const {
    std::string value;
    EXPECT_TRUE(engine.Get(family, key, &value).value());
    return value;
  }
};

struct Damage {
  std::string name;
  std::function<void(const RawWriter&)> plant;
  std::string expected;  ///< in the report
};

std::string List(const std::vector<RelevanceNeighbour>& neighbours) {
  return EncodeNeighbours(neighbours);
}

// Changes one record of the catalog.
template <typename Record, typename Change>
void Edit(const RawWriter& raw, const std::string& key, bool (*decode)(std::string_view, Record*),
          std::string (*encode)(const Record&), Change change) {
  Record record;
  EXPECT_TRUE(decode(raw.Get(Family::kMeta, key), &record));
  change(record);
  raw.Put(Family::kMeta, key, encode(record));
}

EntityRow BadText() {
  EntityRow row;
  row.id = "d1";
  row.text = "\xC3(";
  return row;
}

std::vector<Damage> RowDamages() {
  return {
      {"IdMissing",
       [](const RawWriter& raw) { raw.Delete(Family::kIds, IdKey(EntityKind::kDocument, "d1")); },
       "documents | a row is not found by its id | documents 'd1', ordinal 0"},
      {"IdOfNobody",
       [](const RawWriter& raw) {
         raw.Put(Family::kIds, IdKey(EntityKind::kLabel, "ghost"), EncodeOrdinal(kNobody));
       },
       "ids | an id leads to a row that does not exist | labels 'ghost', ordinal 77"},
      {"IdOfAnother",
       [](const RawWriter& raw) {
         raw.Put(Family::kIds, IdKey(EntityKind::kLabel, "second"), EncodeOrdinal(kFirst));
       },
       "ids | an id leads to a row with another id | labels 'second', ordinal 0"},
      {"IdUndecodable",
       [](const RawWriter& raw) { raw.Put(Family::kIds, IdKey(EntityKind::kLabel, "l1"), "?"); },
       "ids | an ordinal cannot be decoded | labels 'l1'"},
      {"RowMissing", [](const RawWriter& raw) { raw.Delete(Family::kAnchors, RowKey(kFirst)); },
       "ids | an id leads to a row that does not exist | anchors 'a1', ordinal 0"},
      {"RowUndecodable",
       [](const RawWriter& raw) { raw.Put(Family::kLabels, RowKey(kSecond), "garbage"); },
       "labels | a row cannot be decoded | ordinal 1"},
      {"RowNotUtf8",
       [](const RawWriter& raw) {
         raw.Put(Family::kDocuments, RowKey(kFirst), EncodeRow(BadText()));
       },
       "documents | a row breaks a rule | ordinal 0: "},
      {"ColumnUnknown",
       [](const RawWriter& raw) {
         EntityRow row;
         row.id = "d1";
         row.attributes = {{16, Value::Integer(1)}};
         raw.Put(Family::kDocuments, RowKey(kFirst), EncodeRow(row));
       },
       "documents | a row has a column that does not exist | ordinal 0, column number 16"},
      {"ColumnOfAnotherType",
       [](const RawWriter& raw) {
         EntityRow row;
         row.id = "l1";
         row.attributes = {{16, Value::Integer(1)}};
         raw.Put(Family::kLabels, RowKey(kFirst), EncodeRow(row));
         const SchemaRecord schema{
             1, 17, {{16, "lang", ColumnType::kText, Value::Null(), false}}, {}};
         raw.Put(Family::kMeta, SchemaKey(EntityKind::kLabel), EncodeSchema(schema));
       },
       "labels | a value is not of its column's type | ordinal 0, column lang"},
      {"RowKeyNoOrdinal",
       [](const RawWriter& raw) { raw.Put(Family::kDocuments, "xy", EncodeRow(BadText())); },
       "documents | a key is no ordinal | 2 bytes"},
      {"CounterTooLow",
       [](const RawWriter& raw) {
         raw.Put(Family::kMeta, OrdinalCounterKey(EntityKind::kDocument), EncodeCounter(1));
       },
       "documents | an ordinal is not below its counter | ordinal 1, counter 1"},
  };
}

std::vector<Damage> RelevanceDamages() {
  const auto of_document = [](Ordinal ordinal) {
    return RelevanceKey(RelevanceSide::kLabelsOfDocument, ordinal);
  };
  const auto of_label = [](Ordinal ordinal) {
    return RelevanceKey(RelevanceSide::kDocumentsOfLabel, ordinal);
  };
  return {
      {"PairMissingByLabel",
       [=](const RawWriter& raw) {
         raw.Put(Family::kRelevance, of_label(kFirst), List({{kFirst, 1.0F}}));
       },
       "relevance by label | a pair is missing that the document has | document 'd2' (ordinal 1), "
       "label 'l1' (ordinal 0)"},
      {"PairMissingByDocument",
       [=](const RawWriter& raw) { raw.Delete(Family::kRelevance, of_document(kFirst)); },
       "relevance by document | a pair is missing that the label has | document 'd1' (ordinal 0), "
       "label 'l1' (ordinal 0)"},
      {"TwoWeights",
       [=](const RawWriter& raw) {
         raw.Put(Family::kRelevance, of_document(kFirst), List({{kFirst, 0.5F}}));
       },
       "relevance | a pair has two weights | document 'd1' (ordinal 0), label 'l1' (ordinal 0)"},
      {"PairOfNobody",
       [=](const RawWriter& raw) {
         raw.Put(Family::kRelevance, of_document(kFirst), List({{kFirst, 1.0F}, {kNobody, 1.0F}}));
         raw.Put(Family::kRelevance, of_label(kNobody), List({{kFirst, 1.0F}}));
       },
       "relevance by document | a pair leads to a row that does not exist | documents 'd1' "
       "(ordinal 0), labels ordinal 77"},
      {"NotFinite",
       [=](const RawWriter& raw) {
         raw.Put(Family::kRelevance, of_document(kFirst), List({{kFirst, 1.0F / 0.0F}}));
       },
       "relevance by document | a weight is not a finite number"},
      {"ListUndecodable",
       [=](const RawWriter& raw) { raw.Put(Family::kRelevance, of_label(kFirst), "\x09"); },
       "relevance by label | a neighbour list cannot be decoded | ordinal 0"},
  };
}

std::vector<Damage> IndexDamages() {
  const auto entry = [](std::uint32_t index, const Value& value, Ordinal ordinal) {
    return IndexEntryKey(index, EncodeOrdered(value), ordinal);
  };
  return {
      {"IndexEntryMissing",
       [=](const RawWriter& raw) {
         raw.Delete(Family::kAttributes, entry(kPriceIndex, kDefaultPrice, kFirst));
       },
       "documents | an index has no entry for a row's value | index by_price, 'd1' (ordinal 0)"},
      {"IndexEntryOfAnotherValue",
       [=](const RawWriter& raw) {
         raw.Put(Family::kAttributes, entry(kPriceIndex, Value::Integer(6), kSecond), "");
       },
       "documents | an index has an entry that no row has | index by_price, 'd2' (ordinal 1)"},
      {"IndexEntryOfNobody",
       [=](const RawWriter& raw) {
         raw.Put(Family::kAttributes, entry(kPriceIndex, kDefaultPrice, kNobody), "");
       },
       "documents | an index has an entry that no row has | index by_price, ordinal 77"},
      {"IndexUnknown",
       [=](const RawWriter& raw) {
         raw.Put(Family::kAttributes, entry(9, kDefaultPrice, kFirst), "");
       },
       "attributes | entries of an index that does not exist | index number 9"},
      {"IndexKeyTooShort", [](const RawWriter& raw) { raw.Put(Family::kAttributes, "xy", ""); },
       "attributes | a key is no index entry | 2 bytes"},
  };
}

std::vector<Damage> CatalogDamages() {
  const std::string release = ReleaseKey("m", 1);
  return {
      {"SequenceBehindChanges",
       [](const RawWriter& raw) {
         raw.Put(Family::kChanges, ChangeKey(500), raw.Get(Family::kChanges, ChangeKey(1)));
       },
       "meta | the commit sequence is behind the change log | commit sequence 4, last change 500"},
      {"ChangeUndecodable",
       [](const RawWriter& raw) { raw.Put(Family::kChanges, ChangeKey(1), "\x01\x09"); },
       "changes | an entry cannot be decoded | commit 1"},
      {"FormatMissing", [](const RawWriter& raw) { raw.Delete(Family::kMeta, FormatKey()); },
       "data | the database cannot be opened | the database has no format record"},
      {"PublishedMissing",
       [](const RawWriter& raw) {
         Edit(raw, ModelKey("m"), DecodeModel, EncodeModel, [](ModelRecord& model) {
           model.published = {1, 9};
         });
       },
       "models | a published release is missing | m@9"},
      {"ModelMissing", [](const RawWriter& raw) { raw.Delete(Family::kMeta, ModelKey("m")); },
       "releases | the model of a release is missing | m@1"},
      {"ReleaseUndecodable",
       [=](const RawWriter& raw) { raw.Put(Family::kMeta, release, "\x01{"); },
       "meta | a record cannot be decoded | release of m"},
      {"WeightsMissing",
       [=](const RawWriter& raw) {
         Edit(raw, release, DecodeRelease, EncodeRelease,
              [](ReleaseRecord& record) { record.weights.emplace_back("lost"); });
       },
       "releases | the weights of a release are missing | m@1: lost"},
      {"EmbeddingsMissing",
       [=](const RawWriter& raw) {
         Edit(raw, release, DecodeRelease, EncodeRelease,
              [](ReleaseRecord& record) { record.embedding_version = 55; });
       },
       "releases | the embeddings of a release are missing | m@1: version 55"},
  };
}

std::vector<Damage> ContentDamages() {
  return {
      {"EmbeddingFamilyMissing",
       [](const RawWriter& raw) {
         raw.Put(Family::kMeta, EmbeddingRecordKey(56), EncodeEmbeddingRecord({56, 4, 0}));
       },
       "emb_56 | the embeddings of a record are missing | version 56"},
      {"EmbeddingLost",
       [](const RawWriter& raw) {
         EXPECT_TRUE(raw.engine.db()
                         ->Delete({}, raw.engine.EmbeddingFamily(1).get(),
                                  EmbeddingKey(EntityKind::kLabel, kFirst))
                         .ok());
       },
       "emb_1 | the number of embeddings is not the recorded one | got 3, want 4"},
      {"EmbeddingUndecodable",
       [](const RawWriter& raw) {
         EXPECT_TRUE(raw.engine.db()
                         ->Put({}, raw.engine.EmbeddingFamily(1).get(),
                               EmbeddingKey(EntityKind::kLabel, kFirst), "\x01short")
                         .ok());
       },
       "emb_1 | an embedding cannot be decoded | labels ordinal 0: 6 bytes, dim 16"},
      {"WeightsChanged",
       [](const RawWriter& raw) {
         std::string chunk = raw.Get(Family::kWeights, WeightsChunkKey(1, 0));
         chunk.back() = static_cast<char>(chunk.back() ^ 1);
         raw.Put(Family::kWeights, WeightsChunkKey(1, 0), chunk);
       },
       "weights | the checksum of a blob does not match | job-1/encoder"},
      {"WeightsChunkMissing",
       [](const RawWriter& raw) { raw.Delete(Family::kWeights, WeightsChunkKey(2, 0)); },
       "weights | a blob is missing | job-1/classifier"},
      {"WeightsOfNobody",
       [](const RawWriter& raw) { raw.Put(Family::kWeights, WeightsChunkKey(99, 0), "\x01x"); },
       "weights | chunks belong to no blob | generation 99"},
      {"JobUndecodable", [](const RawWriter& raw) { raw.Put(Family::kJobs, JobKey(1), "x"); },
       "jobs | a record cannot be decoded"},
      {"JobUnderAnotherKey",
       [](const RawWriter& raw) {
         raw.Put(Family::kJobs, JobKey(2), raw.Get(Family::kJobs, JobKey(1)));
       },
       "jobs | a record stands under another key | job 1"},
      {"EvaluationUndecodable",
       [](const RawWriter& raw) { raw.Put(Family::kEvaluations, EvaluationKey(1, 0), "x"); },
       "evaluations | a record cannot be decoded"},
      {"LoadWithoutSpool",
       [](const RawWriter& raw) {
         LoadRecord record;
         record.spool = "load-7.spool";
         record.spool_bytes = 100;
         raw.Put(Family::kMeta, PendingLoadKey(), EncodeLoadRecord(record));
       },
       "tmp | the files of a committed load are damaged | the spool file of a committed load is "
       "gone"},
      {"LoadWithoutStagedFiles",
       [](const RawWriter& raw) {
         LoadRecord record;
         record.row_files = {{"load-7-rows-1.sst", 100, 5}};
         record.id_files = {{"load-7-ids-1.sst", 100, 5}};
         record.inserted = {{4'000'000, 1}};
         raw.Put(Family::kMeta, PendingLoadKey(), EncodeLoadRecord(record));
       },
       "tmp | the files of a committed load are damaged | a file of a committed load is gone"},
  };
}

class PlantedDamageTest : public ::testing::TestWithParam<Damage> {};

TEST_P(PlantedDamageTest, IsNamed) {
  const testing::TemporaryDirectory folder;
  const std::string directory = folder.path() + "/db";
  CopyTemplate(directory);
  {
    const auto engine = OpenEngine(directory);
    GetParam().plant({*engine});
  }
  const CheckReport report = Check(directory);
  EXPECT_GT(report.num_problems, 0U);
  EXPECT_THAT(Shown(report), HasSubstr(GetParam().expected));
}

std::string NameOf(const ::testing::TestParamInfo<Damage>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Rows, PlantedDamageTest, ::testing::ValuesIn(RowDamages()), NameOf);
INSTANTIATE_TEST_SUITE_P(Relevance, PlantedDamageTest, ::testing::ValuesIn(RelevanceDamages()),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Indexes, PlantedDamageTest, ::testing::ValuesIn(IndexDamages()), NameOf);
INSTANTIATE_TEST_SUITE_P(Catalog, PlantedDamageTest, ::testing::ValuesIn(CatalogDamages()), NameOf);
INSTANTIATE_TEST_SUITE_P(Contents, PlantedDamageTest, ::testing::ValuesIn(ContentDamages()),
                         NameOf);

class CheckTest : public StoreFixture {
 protected:
  void SetUp() override { CopyTemplate(directory()); }

  // Writes the rows into table files; returns the largest of them.
  std::string FlushToFiles() {
    const auto engine = OpenEngine(directory());
    for (const Family family : kFamilies) {
      EXPECT_TRUE(engine->db()->Flush({}, engine->family(family)).ok());
    }
    std::string largest;
    std::uintmax_t size = 0;
    for (const auto& entry : fs::directory_iterator(directory() + "/data")) {
      if (entry.path().extension() == ".sst" && entry.file_size() > size) {
        largest = entry.path().filename().string();
        size = entry.file_size();
      }
    }
    return largest;
  }
};

TEST_F(CheckTest, AWholeDatabaseIsCleanClosedAndOpen) {
  const CheckReport closed = Check(directory());
  EXPECT_EQ(Shown(closed), "");
  Open();
  SilentMonitor monitor;
  auto open = store().Check(monitor);
  ASSERT_OK(open);
  EXPECT_EQ(Shown(*open), "");
  for (const CheckReport& report : {closed, *open}) {
    EXPECT_EQ(report.num_problems, 0U);
    EXPECT_EQ(report.num_rows, 5U);
    EXPECT_EQ(report.num_pairs, 3U);
    EXPECT_EQ(report.num_embeddings, 4U);
    EXPECT_GE(report.num_files, 2U);  // The embeddings and the index.
    EXPECT_EQ(report.commit_sequence, Snapshot()->CommitSequence().value());
  }
}

TEST_F(CheckTest, AnOpenDatabaseIsRefusedByTheCheckOfClosedOnes) {
  Open();
  SilentMonitor monitor;
  const auto report = CheckDirectory(directory(), monitor);
  EXPECT_EQ(report.status().sqlstate(), "55006");
  Close();
  EXPECT_OK(CheckDirectory(directory(), monitor));
  EXPECT_EQ(CheckDirectory(directory() + "-none", monitor).status().sqlstate(), "3D000");
}

TEST_F(CheckTest, AFlippedByteOfATableNamesTheFile) {
  const std::string name = FlushToFiles();
  const std::uint64_t size = fs::file_size(directory() + "/data/" + name);
  ASSERT_EQ(Shown(Check(directory())), "");
  for (const std::uint64_t offset : {std::uint64_t{1}, size / 3, size / 2}) {
    FlipByte(directory() + "/data/" + name, offset);
    const CheckReport report = Check(directory());
    EXPECT_GT(report.num_problems, 0U);
    EXPECT_THAT(Shown(report), HasSubstr("data/" + name));
    FlipByte(directory() + "/data/" + name, offset);
  }
  ASSERT_EQ(Shown(Check(directory())), "");
}

TEST_F(CheckTest, AMissingTableAndAMissingCurrentAreNamed) {
  const std::string name = FlushToFiles();
  fs::rename(directory() + "/data/" + name, directory() + "/kept");
  // RocksDB looks for the file under its two endings and names the one that it tried last.
  EXPECT_THAT(Shown(Check(directory())), HasSubstr("/data/" + name.substr(0, name.find('.'))));
  fs::rename(directory() + "/kept", directory() + "/data/" + name);
  ASSERT_EQ(Shown(Check(directory())), "");
  fs::remove(directory() + "/data/CURRENT");
  EXPECT_THAT(Shown(Check(directory())), HasSubstr("CURRENT"));
}

TEST_F(CheckTest, DamageOfAnIndexFileIsNamed) {
  const std::string path = directory() + "/index/job-1.hnsw";
  for (const std::uint64_t offset :
       {std::uint64_t{3}, std::uint64_t{40}, fs::file_size(path) - 1}) {
    FlipByte(path, offset);
    EXPECT_THAT(Shown(Check(directory())), HasSubstr("index/job-1.hnsw | the "));
    FlipByte(path, offset);
  }
  ASSERT_EQ(Shown(Check(directory())), "");
  fs::resize_file(path, 5);
  EXPECT_THAT(Shown(Check(directory())), HasSubstr("index/job-1.hnsw | the file is no index file"));
  fs::remove(path);
  EXPECT_THAT(Shown(Check(directory())), HasSubstr("index/job-1.hnsw | the file is missing"));
}

TEST_F(CheckTest, LeftoversAreNotedAndAreNoDamage) {
  std::ofstream(directory() + "/index/nobody.hnsw") << "x";
  std::ofstream(directory() + "/tmp/half.sst") << "x";
  const CheckReport report = Check(directory());
  EXPECT_EQ(report.num_problems, 0U);
  EXPECT_THAT(Shown(report), HasSubstr("index/nobody.hnsw"));
  EXPECT_THAT(Shown(report), HasSubstr("tmp/half.sst"));
}

TEST_F(CheckTest, ManyProblemsAreCountedAndTheFirstAreListed) {
  {
    const auto engine = OpenEngine(directory());
    for (std::uint32_t i = 0; i < 3000; ++i) {
      EXPECT_TRUE(engine->db()
                      ->Put({}, engine->family(Family::kIds),
                            IdKey(EntityKind::kLabel, "ghost" + std::to_string(i)),
                            EncodeOrdinal(Ordinal{1000 + i}))
                      .ok());
    }
  }
  const CheckReport report = Check(directory());
  EXPECT_EQ(report.num_problems, 3000U);
  EXPECT_EQ(report.problems.size(), CheckReport::kNumProblemsMax);
}

TEST_F(CheckTest, TheMonitorStopsItAnywhere) {
  Open();
  int looks = 0;
  for (;; ++looks) {
    StoppingMonitor monitor(looks);
    const auto report = store().Check(monitor);
    if (report.ok()) {
      break;
    }
    EXPECT_EQ(report.status().code(), StatusCode::kCancelled);
  }
  EXPECT_GT(looks, 10);
}

void WriteAtRandom(Store& store, std::uint64_t seed, const std::atomic<bool>& stop) {
  Random random(seed);
  for (int i = 0; !stop; ++i) {
    auto transaction = std::move(store.Begin()).value();
    EntityRow row;
    row.id = "w" + std::to_string(seed) + "-" + std::to_string(i);
    row.text = std::string(random.Uniform(300), 'x');
    row.attributes = {{kPrice, Value::Integer(i % 7)}};
    const auto document = transaction->InsertRow(EntityKind::kDocument, row);
    row.attributes.clear();
    const auto label = transaction->InsertRow(EntityKind::kLabel, row);
    EXPECT_OK(transaction->PutRelevance(*document, *label, 0.25F));
    EXPECT_OK(transaction->PutRelevance(*document, kFirst, 2.0F));
    EXPECT_OK(transaction->Commit());
    if (random.Uniform(3) == 0) {
      transaction = std::move(store.Begin()).value();
      EXPECT_OK(transaction->DeleteRow(EntityKind::kLabel, *label));
      EXPECT_OK(transaction->Commit());
    }
  }
}

void AlterIndex(Store& store, const IndexRecord& index, bool drop) {
  auto transaction = std::move(store.Begin()).value();
  SchemaRecord schema = *transaction->GetSchema(EntityKind::kDocument).value();
  std::erase_if(schema.indexes, [&](const IndexRecord& old) { return old.number == index.number; });
  if (!drop) {
    schema.indexes.push_back(index);
  }
  EXPECT_OK(transaction->PutSchema(EntityKind::kDocument, std::move(schema)));
  EXPECT_OK(transaction->Commit());
}

TEST_F(CheckTest, AnIndexThatIsBuiltOrRemovedIsNoDamage) {
  Open();
  constexpr std::uint32_t kSteps = 3000;
  for (std::uint32_t i = 0; i < kSteps; ++i) {
    auto transaction = std::move(store().Begin()).value();
    EXPECT_OK(transaction->InsertRow(EntityKind::kDocument, Row("more-" + std::to_string(i), "")));
    EXPECT_OK(transaction->Commit(Durability::kSoon));
  }
  SilentMonitor monitor;
  const IndexRecord index{50, "half", kPrice, IndexState::kBuilding};
  AlterIndex(store(), index, /*drop=*/false);
  for (const bool drop : {false, true}) {
    EXPECT_TRUE(store().StepIndexWork().value());
    auto report = store().Check(monitor);
    ASSERT_OK(report);
    EXPECT_EQ(Shown(*report), "");
    if (!drop) {
      AlterIndex(store(), index, /*drop=*/true);
    }
  }
}

TEST_F(CheckTest, FindsNothingWhileWritersAndALoadWork) {
  Open();
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    threads.emplace_back([&, seed] { WriteAtRandom(store(), seed, stop); });
  }
  threads.emplace_back([&] {
    for (int round = 0; !stop; ++round) {
      auto load =
          std::move(store().BeginRowLoad(EntityKind::kAnchor, DuplicatePolicy::kFail)).value();
      for (int i = 0; i < 2000; ++i) {
        EXPECT_OK(load->AddRow(
            Row("a" + std::to_string(round) + "-" + std::to_string(i), std::string(100, 'y'))));
      }
      EXPECT_OK(load->Commit({}));
    }
  });
  threads.emplace_back([&] {
    for (std::uint64_t version = 100; !stop; ++version) {
      auto writer = std::move(store().NewEmbeddingVersion(version, 2)).value();
      const std::array<std::uint16_t, 2> values{};
      EXPECT_OK(writer->Add(EntityKind::kLabel, kFirst, 0, values));
      EXPECT_OK(writer->Finish());
      EXPECT_OK(store().PutWeights("w" + std::to_string(version), std::string(1000, 'w')));
      EXPECT_OK(store().DropEmbeddingVersion(version));
      EXPECT_OK(store().DeleteWeights("w" + std::to_string(version)));
    }
  });
  threads.emplace_back([&] {
    for (std::uint32_t number = 100; !stop; ++number) {
      AlterIndex(store(), {number, "i", kPrice, IndexState::kBuilding}, /*drop=*/false);
      EXPECT_OK(store().StepIndexWork());
      AlterIndex(store(), {number, "i", kPrice, IndexState::kBuilding}, /*drop=*/true);
      EXPECT_OK(store().StepIndexWork());
    }
  });
  std::uint64_t commit_sequence = 0;
  for (int i = 0; i < 15; ++i) {
    SilentMonitor monitor;
    const auto report = store().Check(monitor);
    ASSERT_OK(report);
    EXPECT_EQ(report->num_problems, 0U) << Shown(*report);
    EXPECT_GE(report->commit_sequence, commit_sequence);
    commit_sequence = report->commit_sequence;
  }
  stop = true;
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_GT(commit_sequence, 5U);
}

}  // namespace
}  // namespace dashi::storage
