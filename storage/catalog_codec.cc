#include "storage/catalog_codec.h"

#include <optional>
#include <utility>

#include "storage/catalog_json.h"

namespace dashi::storage {

namespace {

using catalog::DecodeJson;
using catalog::DecodeNumber;
using catalog::EncodeJson;
using catalog::EncodeNumber;
using catalog::Json;
using catalog::kCatalogFormat;
using catalog::Read;
using catalog::ReadNumber;

static_assert(static_cast<int>(JobState::kPaused) == 6);

Json EncodeStagedFiles(const std::vector<StagedFile>& files) {
  Json array = Json::array();
  for (const StagedFile& file : files) {
    array.push_back({{"name", file.name}, {"bytes", file.bytes}, {"crc32c", file.crc32c}});
  }
  return array;
}

void DecodeStagedFiles(const Json& array, std::vector<StagedFile>* files) {
  for (const Json& object : array) {
    StagedFile& file = files->emplace_back();
    object.at("name").get_to(file.name);
    object.at("bytes").get_to(file.bytes);
    object.at("crc32c").get_to(file.crc32c);
  }
}

}  // namespace

std::string EncodeModel(const ModelRecord& record) {
  Json object = {{"name", record.name},
                 {"algorithm", record.algorithm},
                 {"options", record.options},
                 {"created_at", record.created_at_micros},
                 {"next_release", record.next_release},
                 {"published", record.published}};
  if (!record.start_weights.empty()) {
    object["start_weights"] = record.start_weights;
  }
  if (!record.tokens.empty()) {
    object["tokens"] = record.tokens;
  }
  if (record.retain_releases != kRetainReleasesDefault) {
    object["retain_releases"] = record.retain_releases;
  }
  if (!record.reverted.empty()) {
    object["reverted"] = record.reverted;
  }
  if (record.has_garbage) {
    object["has_garbage"] = true;
  }
  if (record.seal_rows != kSealRowsDefault) {
    object["seal_rows"] = record.seal_rows;
  }
  return EncodeJson(object);
}

bool DecodeModel(std::string_view bytes, ModelRecord* record) {
  *record = {};
  return DecodeJson(bytes, [record](const Json& object) {
    Read(object, "name", &record->name);
    Read(object, "algorithm", &record->algorithm);
    Read(object, "options", &record->options);
    Read(object, "created_at", &record->created_at_micros);
    Read(object, "next_release", &record->next_release);
    Read(object, "published", &record->published);
    Read(object, "start_weights", &record->start_weights);
    Read(object, "tokens", &record->tokens);
    Read(object, "retain_releases", &record->retain_releases);
    Read(object, "reverted", &record->reverted);
    Read(object, "has_garbage", &record->has_garbage);
    Read(object, "seal_rows", &record->seal_rows);
  });
}

namespace {

Json EncodeMetric(const JobMetric& metric) {
  Json object = {{"stage", metric.stage},
                 {"epoch", metric.epoch},
                 {"seconds", EncodeNumber(metric.seconds)},
                 {"loss", EncodeNumber(metric.loss)}};
  for (const auto& [name, value] : {std::pair{"p1", metric.p1},
                                    {"ndcg5", metric.ndcg5},
                                    {"psp5", metric.psp5},
                                    {"cluster_seconds", metric.cluster_seconds},
                                    {"wait_seconds", metric.wait_seconds},
                                    {"step_seconds", metric.step_seconds}}) {
    if (value) {
      object[name] = EncodeNumber(*value);
    }
  }
  return object;
}

JobMetric DecodeMetric(const Json& object) {
  JobMetric metric;
  Read(object, "stage", &metric.stage);
  Read(object, "epoch", &metric.epoch);
  ReadNumber(object, "seconds", &metric.seconds);
  ReadNumber(object, "loss", &metric.loss);
  for (const auto& [name, value] : {std::pair{"p1", &metric.p1},
                                    {"ndcg5", &metric.ndcg5},
                                    {"psp5", &metric.psp5},
                                    {"cluster_seconds", &metric.cluster_seconds},
                                    {"wait_seconds", &metric.wait_seconds},
                                    {"step_seconds", &metric.step_seconds}}) {
    if (const auto found = object.find(name); found != object.end()) {
      *value = DecodeNumber(*found);
    }
  }
  return metric;
}

}  // namespace

std::string EncodeJob(const JobRecord& record) {
  Json object = {{"id", record.id},
                 {"kind", record.kind},
                 {"statement", record.statement},
                 {"model", record.model},
                 {"state", static_cast<int>(record.state)},
                 {"phase", record.phase},
                 {"done", record.done},
                 {"total", record.total},
                 {"error", record.error},
                 {"result", record.result},
                 {"created_at", record.created_at_micros},
                 {"started_at", record.started_at_micros},
                 {"finished_at", record.finished_at_micros}};
  if (record.loss) {
    object["loss"] = EncodeNumber(*record.loss);
  }
  for (const JobMetric& metric : record.metrics) {
    object["metrics"].push_back(EncodeMetric(metric));
  }
  if (!record.options.empty()) {
    object["options"] = record.options;
  }
  if (!record.checkpoint.empty()) {
    object["checkpoint"] = record.checkpoint;
    object["checkpointed_at"] = record.checkpointed_at_micros;
    object["checkpoint_metrics"] = record.num_checkpoint_metrics;
  }
  if (!record.error_sqlstate.empty()) {
    object["error_sqlstate"] = record.error_sqlstate;
    object["error_hint"] = record.error_hint;
  }
  if (record.estimated_memory_bytes > 0) {
    object["estimated_memory_bytes"] = record.estimated_memory_bytes;
    object["estimated_disk_bytes"] = record.estimated_disk_bytes;
    object["estimated_seconds"] = EncodeNumber(record.estimated_seconds);
  }
  return EncodeJson(object);
}

bool DecodeJob(std::string_view bytes, JobRecord* record) {
  *record = {};
  int state = 0;
  const bool decoded = DecodeJson(bytes, [record, &state](const Json& object) {
    Read(object, "id", &record->id);
    Read(object, "kind", &record->kind);
    Read(object, "statement", &record->statement);
    Read(object, "model", &record->model);
    Read(object, "state", &state);
    Read(object, "phase", &record->phase);
    Read(object, "done", &record->done);
    Read(object, "total", &record->total);
    Read(object, "error", &record->error);
    Read(object, "result", &record->result);
    Read(object, "created_at", &record->created_at_micros);
    Read(object, "started_at", &record->started_at_micros);
    Read(object, "finished_at", &record->finished_at_micros);
    Read(object, "options", &record->options);
    Read(object, "checkpoint", &record->checkpoint);
    Read(object, "checkpointed_at", &record->checkpointed_at_micros);
    Read(object, "checkpoint_metrics", &record->num_checkpoint_metrics);
    Read(object, "error_sqlstate", &record->error_sqlstate);
    Read(object, "error_hint", &record->error_hint);
    Read(object, "estimated_memory_bytes", &record->estimated_memory_bytes);
    Read(object, "estimated_disk_bytes", &record->estimated_disk_bytes);
    ReadNumber(object, "estimated_seconds", &record->estimated_seconds);
    if (const auto loss = object.find("loss"); loss != object.end()) {
      record->loss = DecodeNumber(*loss);
    }
    if (const auto metrics = object.find("metrics"); metrics != object.end()) {
      for (const Json& metric : *metrics) {
        record->metrics.push_back(DecodeMetric(metric));
      }
    }
  });
  if (!decoded || state < 0 || state > static_cast<int>(JobState::kPaused)) {
    return false;
  }
  record->state = static_cast<JobState>(state);
  return true;
}

std::string EncodeEvaluation(const EvaluationRecord& record) {
  return EncodeJson({{"id", record.id},
                     {"model", record.model},
                     {"release", record.release},
                     {"split", record.split},
                     {"slice", record.slice},
                     {"metric", record.metric},
                     {"k", record.k},
                     {"value", EncodeNumber(record.value)},
                     {"low", EncodeNumber(record.low)},
                     {"high", EncodeNumber(record.high)},
                     {"num_documents", record.num_documents},
                     {"options", record.options},
                     {"at", record.at_micros}});
}

bool DecodeEvaluation(std::string_view bytes, EvaluationRecord* record) {
  *record = {};
  return DecodeJson(bytes, [record](const Json& object) {
    Read(object, "id", &record->id);
    Read(object, "model", &record->model);
    Read(object, "release", &record->release);
    Read(object, "split", &record->split);
    Read(object, "slice", &record->slice);
    Read(object, "metric", &record->metric);
    Read(object, "k", &record->k);
    ReadNumber(object, "value", &record->value);
    ReadNumber(object, "low", &record->low);
    ReadNumber(object, "high", &record->high);
    Read(object, "num_documents", &record->num_documents);
    Read(object, "options", &record->options);
    Read(object, "at", &record->at_micros);
  });
}

std::string EncodeSetting(std::string_view value) {
  std::string bytes(1, static_cast<char>(kCatalogFormat));
  bytes += value;
  return bytes;
}

bool DecodeSetting(std::string_view bytes, std::string* value) {
  if (bytes.empty() || static_cast<std::uint8_t>(bytes.front()) != kCatalogFormat) {
    return false;
  }
  *value = bytes.substr(1);
  return true;
}

std::string EncodeWeightsRecord(const WeightsRecord& record) {
  return EncodeJson({{"generation", record.generation},
                     {"size", record.size},
                     {"xxh3_low", record.hash_low},
                     {"xxh3_high", record.hash_high}});
}

bool DecodeWeightsRecord(std::string_view bytes, WeightsRecord* record) {
  *record = {};
  return DecodeJson(bytes, [record](const Json& object) {
    object.at("generation").get_to(record->generation);
    object.at("size").get_to(record->size);
    object.at("xxh3_low").get_to(record->hash_low);
    object.at("xxh3_high").get_to(record->hash_high);
  });
}

std::string EncodeGraph(const GraphRecord& record) {
  const auto encode_tables = [](const std::vector<EntityKind>& tables) {
    Json array = Json::array();
    for (const EntityKind table : tables) {
      array.push_back(static_cast<int>(table));
    }
    return array;
  };
  return EncodeJson({{"name", record.name},
                     {"number", record.number},
                     {"sources", encode_tables(record.sources)},
                     {"targets", encode_tables(record.targets)},
                     {"directed", record.directed},
                     {"half_life", record.half_life_micros},
                     {"event_days", record.event_days},
                     {"created_at", record.created_at_micros}});
}

bool DecodeGraph(std::string_view bytes, GraphRecord* record) {
  *record = {};
  bool valid = true;
  const auto decode_tables = [&valid](const Json& array, std::vector<EntityKind>* tables) {
    for (const Json& member : array) {
      const int table = member.get<int>();
      valid = valid && table >= static_cast<int>(EntityKind::kDocument) &&
              table <= static_cast<int>(EntityKind::kAnchor);
      tables->push_back(static_cast<EntityKind>(table));
    }
    valid = valid && !tables->empty();
  };
  return DecodeJson(bytes,
                    [&](const Json& object) {
                      object.at("name").get_to(record->name);
                      object.at("number").get_to(record->number);
                      decode_tables(object.at("sources"), &record->sources);
                      decode_tables(object.at("targets"), &record->targets);
                      object.at("directed").get_to(record->directed);
                      object.at("half_life").get_to(record->half_life_micros);
                      Read(object, "event_days", &record->event_days);
                      object.at("created_at").get_to(record->created_at_micros);
                      valid = valid && record->number > 0 && record->half_life_micros >= 0;
                    }) &&
         valid;
}

std::string EncodeEmbeddingRecord(const EmbeddingRecord& record) {
  return EncodeJson(
      {{"version", record.version}, {"dim", record.dim}, {"num_rows", record.num_rows}});
}

bool DecodeEmbeddingRecord(std::string_view bytes, EmbeddingRecord* record) {
  *record = {};
  return DecodeJson(bytes, [record](const Json& object) {
    object.at("version").get_to(record->version);
    object.at("dim").get_to(record->dim);
    object.at("num_rows").get_to(record->num_rows);
  });
}

std::string EncodeLoadRecord(const LoadRecord& record) {
  Json object = {{"spool", record.spool},
                 {"spool_bytes", record.spool_bytes},
                 {"commit_sequence", record.commit_sequence}};
  if (record.is_staged()) {
    object["table"] = static_cast<int>(record.kind);
    object["row_files"] = EncodeStagedFiles(record.row_files);
    object["id_files"] = EncodeStagedFiles(record.id_files);
    object["inserted"] = record.inserted;
    object["row_by_row"] = record.row_by_row;
  }
  if (record.graph != 0) {
    object["graph"] = record.graph;
    object["marker"] = record.marker;
    object["edges"] = record.num_edges;
    object["adds"] = record.adds;
    object["copied"] = record.num_copied;
  }
  return EncodeJson(object);
}

bool DecodeLoadRecord(std::string_view bytes, LoadRecord* record) {
  *record = {};
  bool valid = true;
  return DecodeJson(bytes,
                    [&](const Json& object) {
                      object.at("spool").get_to(record->spool);
                      object.at("spool_bytes").get_to(record->spool_bytes);
                      object.at("commit_sequence").get_to(record->commit_sequence);
                      if (!object.contains("row_files")) {
                        return;
                      }
                      const int table = object.at("table").get<int>();
                      valid = table >= static_cast<int>(EntityKind::kDocument) &&
                              table <= static_cast<int>(EntityKind::kAnchor);
                      record->kind = static_cast<EntityKind>(table);
                      DecodeStagedFiles(object.at("row_files"), &record->row_files);
                      DecodeStagedFiles(object.at("id_files"), &record->id_files);
                      object.at("inserted").get_to(record->inserted);
                      object.at("row_by_row").get_to(record->row_by_row);
                      Read(object, "graph", &record->graph);
                      Read(object, "marker", &record->marker);
                      Read(object, "edges", &record->num_edges);
                      Read(object, "adds", &record->adds);
                      Read(object, "copied", &record->num_copied);
                      valid = valid && !record->row_files.empty() &&
                              (record->graph != 0 ||
                               (!record->id_files.empty() && !record->inserted.empty()));
                    }) &&
         valid;
}

}  // namespace dashi::storage
