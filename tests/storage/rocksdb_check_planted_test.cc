// One wrong record at a time, written behind the store's back: the check names it.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include "storage/catalog_codec.h"
#include "storage/change_codec.h"
#include "storage/neighbour_codec.h"
#include "storage/ordered_value.h"
#include "storage/row_codec.h"
#include "storage/schema_codec.h"
#include "tests/storage/rocksdb_check_template.h"
#include "tests/testing/tiny_database.h"

namespace dashi::storage {
namespace {

using ::testing::HasSubstr;

constexpr Ordinal kFirst{0};
constexpr Ordinal kSecond{1};
constexpr Ordinal kNobody{77};

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
      {"VectorOfAnotherDimension",
       [](const RawWriter& raw) {
         EntityRow row;
         row.id = "l1";
         row.attributes = {{16, Value::Bytes(std::string(8, '\0'))}};
         raw.Put(Family::kLabels, RowKey(kFirst), EncodeRow(row));
         const SchemaRecord schema{
             1, 17, {{16, "emb", ColumnType::kVector, Value::Null(), false, 3}}, {}};
         raw.Put(Family::kMeta, SchemaKey(EntityKind::kLabel), EncodeSchema(schema));
       },
       "labels | a value is not of its column's type | ordinal 0, column emb"},
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
         raw.Delete(Family::kAttributes, entry(kPriceIndex, Value::Integer(kDefaultPrice), kFirst));
       },
       "documents | an index has no entry for a row's value | index by_price, 'd1' (ordinal 0)"},
      {"IndexEntryOfAnotherValue",
       [=](const RawWriter& raw) {
         raw.Put(Family::kAttributes, entry(kPriceIndex, Value::Integer(6), kSecond), "");
       },
       "documents | an index has an entry that no row has | index by_price, 'd2' (ordinal 1)"},
      {"IndexEntryOfNobody",
       [=](const RawWriter& raw) {
         raw.Put(Family::kAttributes, entry(kPriceIndex, Value::Integer(kDefaultPrice), kNobody),
                 "");
       },
       "documents | an index has an entry that no row has | index by_price, ordinal 77"},
      {"IndexUnknown",
       [=](const RawWriter& raw) {
         raw.Put(Family::kAttributes, entry(9, Value::Integer(kDefaultPrice), kFirst), "");
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
      {"StartWeightsMissing",
       [=](const RawWriter& raw) {
         ModelRecord record;
         record.name = "n";
         record.algorithm = "ngame";
         record.start_weights = "lost";
         raw.Put(Family::kMeta, ModelKey("n"), EncodeModel(record));
       },
       "models | the weights that a model starts from are missing | n: lost"},
      {"CheckpointMissing",
       [=](const RawWriter& raw) {
         JobRecord job;
         job.id = 77;
         job.checkpoint = {"lost"};
         raw.Put(Family::kJobs, JobKey(77), EncodeJob(job));
       },
       "jobs | a part of a checkpoint is missing | job 77: lost"},
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

}  // namespace
}  // namespace dashi::storage
