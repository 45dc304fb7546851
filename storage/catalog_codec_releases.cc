// The records of releases: see catalog_codec.h.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/catalog_codec.h"
#include "storage/catalog_json.h"

namespace dashi::storage {

using catalog::DecodeJson;
using catalog::DecodeNumber;
using catalog::EncodeJson;
using catalog::EncodeNumber;
using catalog::Json;
using catalog::Read;
using catalog::ReadNumber;

std::vector<std::string> ReleaseRecord::IndexFiles() const {
  std::vector<std::string> files;
  for (const std::string& file : {index_file, votes_index_file, sealed_labels.index_file}) {
    if (!file.empty()) {
      files.push_back(file);
    }
  }
  return files;
}

std::vector<std::uint64_t> ReleaseRecord::EmbeddingVersions() const {
  std::vector<std::uint64_t> versions;
  for (const std::uint64_t version : {embedding_version, sealed_labels.embedding_version}) {
    if (version != 0) {
      versions.push_back(version);
    }
  }
  return versions;
}

namespace {

Json EncodePublication(const Publication& publication) {
  Json figures = Json::array();
  for (const PublishedFigure& figure : publication.figures) {
    Json member = {{"metric", figure.metric}, {"value", EncodeNumber(figure.value)}};
    if (figure.current) {
      member["current"] = EncodeNumber(*figure.current);
    }
    if (!figure.condition.empty()) {
      member["condition"] = figure.condition;
    }
    figures.push_back(std::move(member));
  }
  Json object = {{"at", publication.at_micros}, {"figures", std::move(figures)}};
  if (publication.replaced != 0) {
    object["replaced"] = publication.replaced;
  }
  if (!publication.split.empty()) {
    object["split"] = publication.split;
  }
  return object;
}

Publication DecodePublication(const Json& object) {
  Publication publication;
  Read(object, "at", &publication.at_micros);
  Read(object, "replaced", &publication.replaced);
  Read(object, "split", &publication.split);
  for (const Json& member : object.value("figures", Json::array())) {
    PublishedFigure& figure = publication.figures.emplace_back();
    Read(member, "metric", &figure.metric);
    ReadNumber(member, "value", &figure.value);
    Read(member, "condition", &figure.condition);
    if (member.contains("current")) {
      ReadNumber(member, "current", &figure.current.emplace());
    }
  }
  return publication;
}

}  // namespace

std::string EncodeRelease(const ReleaseRecord& record) {
  Json metrics = Json::object();
  for (const auto& [name, value] : record.metrics) {
    metrics[name] = EncodeNumber(value);
  }
  Json graphs = Json::array();
  for (const ReleaseGraph& graph : record.graphs) {
    Json member = {{"graph", graph.graph},
                   {"side", graph.side},
                   {"weight", EncodeNumber(graph.weight)},
                   {"edges", graph.num_edges},
                   {"kept", graph.num_kept}};
    if (graph.agreement && graph.chance_agreement && graph.agreement_error) {
      member["agreement"] = EncodeNumber(*graph.agreement);
      member["chance"] = EncodeNumber(*graph.chance_agreement);
      member["error"] = EncodeNumber(*graph.agreement_error);
    }
    graphs.push_back(std::move(member));
  }
  Json object = {{"model", record.model},
                 {"number", record.number},
                 {"created_at", record.created_at_micros},
                 {"snapshot_sequence", record.snapshot_sequence},
                 {"seed", record.seed},
                 {"options", record.options},
                 {"environment", record.environment},
                 {"embedding_version", record.embedding_version},
                 {"weights", record.weights},
                 {"dim", record.dim},
                 {"num_documents", record.num_documents},
                 {"num_labels", record.num_labels},
                 {"fusion_encoder", EncodeNumber(record.fusion_encoder)},
                 {"fusion_classifier", EncodeNumber(record.fusion_classifier)},
                 {"fusion_ranker", EncodeNumber(record.fusion_ranker)},
                 {"fusion_votes", EncodeNumber(record.fusion_votes)},
                 {"train_seconds", EncodeNumber(record.train_seconds)},
                 {"metrics", metrics},
                 {"graphs", graphs},
                 {"index_kind", record.index_kind},
                 {"index_file", record.index_file},
                 {"votes_index_file", record.votes_index_file},
                 {"job", record.job}};
  if (record.pinned) {
    object["pinned"] = true;
  }
  if (const SealedRows& sealed = record.sealed_labels; sealed.embedding_version != 0) {
    object["sealed_labels"] = {{"embedding_version", sealed.embedding_version},
                               {"index_file", sealed.index_file},
                               {"rows", sealed.num_rows},
                               {"sequence", sealed.sequence}};
  }
  for (const Publication& publication : record.publications) {
    object["publications"].push_back(EncodePublication(publication));
  }
  return EncodeJson(object);
}

bool DecodeRelease(std::string_view bytes, ReleaseRecord* record) {
  *record = {};
  return DecodeJson(bytes, [record](const Json& object) {
    Read(object, "model", &record->model);
    Read(object, "number", &record->number);
    Read(object, "created_at", &record->created_at_micros);
    Read(object, "snapshot_sequence", &record->snapshot_sequence);
    Read(object, "seed", &record->seed);
    Read(object, "options", &record->options);
    Read(object, "environment", &record->environment);
    Read(object, "embedding_version", &record->embedding_version);
    Read(object, "weights", &record->weights);
    Read(object, "dim", &record->dim);
    Read(object, "num_documents", &record->num_documents);
    Read(object, "num_labels", &record->num_labels);
    ReadNumber(object, "fusion_encoder", &record->fusion_encoder);
    ReadNumber(object, "fusion_classifier", &record->fusion_classifier);
    ReadNumber(object, "fusion_ranker", &record->fusion_ranker);
    ReadNumber(object, "fusion_votes", &record->fusion_votes);
    ReadNumber(object, "train_seconds", &record->train_seconds);
    if (const auto metrics = object.find("metrics"); metrics != object.end()) {
      for (const auto& [name, value] : metrics->items()) {
        record->metrics[name] = DecodeNumber(value);
      }
    }
    for (const Json& member : object.value("graphs", Json::array())) {
      ReleaseGraph& graph = record->graphs.emplace_back();
      Read(member, "graph", &graph.graph);
      Read(member, "side", &graph.side);
      ReadNumber(member, "weight", &graph.weight);
      Read(member, "edges", &graph.num_edges);
      Read(member, "kept", &graph.num_kept);
      if (member.contains("agreement")) {
        ReadNumber(member, "agreement", &graph.agreement.emplace());
        ReadNumber(member, "chance", &graph.chance_agreement.emplace());
        ReadNumber(member, "error", &graph.agreement_error.emplace());
      }
    }
    Read(object, "index_kind", &record->index_kind);
    Read(object, "index_file", &record->index_file);
    Read(object, "votes_index_file", &record->votes_index_file);
    Read(object, "job", &record->job);
    Read(object, "pinned", &record->pinned);
    if (const auto sealed = object.find("sealed_labels"); sealed != object.end()) {
      Read(*sealed, "embedding_version", &record->sealed_labels.embedding_version);
      Read(*sealed, "index_file", &record->sealed_labels.index_file);
      Read(*sealed, "rows", &record->sealed_labels.num_rows);
      Read(*sealed, "sequence", &record->sealed_labels.sequence);
    }
    for (const Json& member : object.value("publications", Json::array())) {
      record->publications.push_back(DecodePublication(member));
    }
  });
}

}  // namespace dashi::storage
