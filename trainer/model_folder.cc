#include "trainer/model_folder.h"

#include <cmath>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/status.h"
#include "trainer/model_files.h"
#include "trainer/release_artifacts.h"
#include "trainer/safetensors.h"
#include "trainer/strict_json.h"
#include "trainer/text/subword_tokenizer.h"

namespace dashi::trainer {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kReleaseFormat = "dashi-release-1";
constexpr std::string_view kBagType = "dashi-bag";

std::string InFolder(const std::string& folder, const char* name) { return folder + "/" + name; }

/// Calls `read`, which may throw where a member is missing or of another type.
template <typename Read>
Status ReadMembers(Read&& read) {
  const Status read_all = CatchAsStatus("a member is missing or of another type", read);
  return read_all.ok() ? Status() : Status::Corruption(std::string(read_all.message()));
}

Status CheckRelease(const FolderRelease& release) {
  const storage::ReleaseRecord& record = release.record;
  for (const double weight : {record.fusion_encoder, record.fusion_classifier, record.fusion_ranker,
                              record.fusion_votes}) {
    if (!std::isfinite(weight) || weight < 0) {
      return Status::Corruption(fmt::format("a fusion weight is out of range: {}", weight));
    }
  }
  if (record.dim == 0) {
    return Status::Corruption("dim is 0");
  }
  std::set<std::string_view> distinct;
  for (const std::string& id : release.label_ids) {
    if (!distinct.insert(id).second) {
      return Status::Corruption("a label is there twice: " + id);
    }
  }
  return Status();
}

Result<FolderRelease> ParseRelease(const std::string& bytes) {
  DASHI_ASSIGN_OR_RETURN(const Json root, ParseStrictJsonObject("the file", bytes));
  FolderRelease release;
  storage::ReleaseRecord& record = release.record;
  std::string format;
  DASHI_RETURN_IF_ERROR(ReadMembers([&] { root.at("format").get_to(format); }));
  if (format != kReleaseFormat) {
    return Status::Corruption(
        fmt::format("format mismatch: got '{}', want '{}'", format, kReleaseFormat));
  }
  DASHI_RETURN_IF_ERROR(ReadMembers([&] {
    root.at("algorithm").get_to(release.algorithm);
    root.at("seed").get_to(record.seed);
    root.at("options").get_to(record.options);
    root.at("environment").get_to(record.environment);
    root.at("dim").get_to(record.dim);
    root.at("metrics").get_to(record.metrics);
    root.at("fusion_encoder").get_to(record.fusion_encoder);
    root.at("fusion_classifier").get_to(record.fusion_classifier);
    root.at("fusion_ranker").get_to(record.fusion_ranker);
    record.fusion_votes = root.value("fusion_votes", 0.0);  // Folders from before it have none.
    root.at("num_documents").get_to(record.num_documents);
    root.at("train_seconds").get_to(record.train_seconds);
    root.at("labels").get_to(release.label_ids);
  }));
  DASHI_RETURN_IF_ERROR(CheckRelease(release));
  return release;
}

std::string FormatRelease(const FolderRelease& release) {
  const storage::ReleaseRecord& record = release.record;
  Json metrics = Json::object();
  for (const auto& [name, value] : record.metrics) {
    if (std::isfinite(value)) {
      metrics[name] = value;
    }
  }
  const Json root = {{"format", kReleaseFormat},
                     {"algorithm", release.algorithm},
                     {"model", record.model},
                     {"release", record.number},
                     {"seed", record.seed},
                     {"options", record.options},
                     {"environment", record.environment},
                     {"dim", record.dim},
                     {"metrics", metrics},
                     {"fusion_encoder", record.fusion_encoder},
                     {"fusion_classifier", record.fusion_classifier},
                     {"fusion_ranker", record.fusion_ranker},
                     {"fusion_votes", record.fusion_votes},
                     {"num_documents", record.num_documents},
                     {"train_seconds", record.train_seconds},
                     {"labels", release.label_ids}};
  return root.dump(1) + "\n";
}

Result<FolderRelease> ReadRelease(const std::string& folder) {
  DASHI_ASSIGN_OR_RETURN(FolderRelease release, ReadAndParse(InFolder(folder, "release.json"),
                                                             [](const std::string& bytes) {
                                                               return ParseRelease(bytes);
                                                             }));
  const std::size_t num_labels = release.label_ids.size();
  DASHI_ASSIGN_OR_RETURN(
      release.classifiers,
      ReadAndParse(
          InFolder(folder, "classifiers.safetensors"),
          [&](const std::string& bytes) -> Result<std::vector<std::uint16_t>> {
            DASHI_ASSIGN_OR_RETURN(ClassifierWeights weights, ParseClassifierVectors(bytes));
            if (weights.dim != release.record.dim ||
                weights.vectors.size() != num_labels * release.record.dim) {
              return Status::Corruption(fmt::format(
                  "tensor vectors has another shape: got {} numbers of dim {}, want [{}, {}]",
                  weights.vectors.size(), weights.dim, num_labels, release.record.dim));
            }
            return std::move(weights.vectors);
          }));
  if (release.record.fusion_ranker > 0) {
    DASHI_ASSIGN_OR_RETURN(
        release.ranker,
        ReadAndParse(InFolder(folder, "ranker.safetensors"),
                     [&](std::string bytes) -> Result<std::string> {
                       DASHI_ASSIGN_OR_RETURN(const auto ranker, ParseRanker(bytes));
                       if (ranker->weights().num_labels() != num_labels) {
                         return Status::Corruption(
                             fmt::format("tensor biases has another shape: got [{}], want [{}]",
                                         ranker->weights().num_labels(), num_labels));
                       }
                       return bytes;
                     }));
  }
  return release;
}

/// Whether config.json says that the folder holds a bag encoder.
Result<bool> HoldsBag(const std::string& path) {
  return ReadAndParse(path, [](const std::string& bytes) -> Result<bool> {
    DASHI_ASSIGN_OR_RETURN(const Json root, ParseStrictJsonObject("the file", bytes));
    const auto type = root.find("model_type");
    return type != root.end() && *type == Json(kBagType);
  });
}

Status WriteBag(const std::string& bag, const std::string& path) {
  DASHI_RETURN_IF_ERROR(CreateFolder(path).status());
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<Encoder> encoder, ParseBagEncoder(bag));
  const Json config = {{"model_type", kBagType}, {"dim", encoder->dim()}};
  DASHI_RETURN_IF_ERROR(ReplaceFile(InFolder(path, "config.json"), config.dump(2) + "\n"));
  return ReplaceFile(InFolder(path, "model.safetensors"), bag);
}

Status WriteRelease(const FolderRelease& release, const std::string& folder) {
  DASHI_RETURN_IF_ERROR(CreateFolder(folder).status());
  DASHI_RETURN_IF_ERROR(ReplaceFile(InFolder(folder, "release.json"), FormatRelease(release)));
  DASHI_RETURN_IF_ERROR(
      ReplaceFile(InFolder(folder, "classifiers.safetensors"),
                  SerializeClassifierVectors(release.record.dim, release.classifiers)));
  return release.ranker.empty()
             ? Status()
             : ReplaceFile(InFolder(folder, "ranker.safetensors"), release.ranker);
}

}  // namespace

Result<ModelFolder> ReadModelFolder(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) {
    return Status::NotFound("there is no such folder: " + path).WithSqlState("58P01");
  }
  ModelFolder model;
  // Sentence-transformers may keep config.json one folder below.
  bool is_bag = false;
  const std::string config = InFolder(path, "config.json");
  if (IsRegularFile(config)) {
    DASHI_ASSIGN_OR_RETURN(is_bag, HoldsBag(config));
  }
  std::size_t dim = 0;
  if (is_bag) {
    const std::string file = InFolder(path, "model.safetensors");
    DASHI_ASSIGN_OR_RETURN(model.bag, ReadModelFile(file));
    const auto encoder = ParseBagEncoder(model.bag);
    DASHI_RETURN_IF_ERROR(Status(encoder.status()).WithContext(file));
    dim = (*encoder)->dim();
  } else {
    DASHI_ASSIGN_OR_RETURN(model.transformer, ReadTransformerDirectory(path));
    DASHI_RETURN_IF_ERROR(
        SubwordTokenizer::Make(model.transformer->tokenizer).status().WithContext(path));
    dim = model.transformer->config.dim;
  }
  const std::string folder = InFolder(path, "dashi");
  if (!std::filesystem::is_directory(folder, error)) {
    return model;
  }
  DASHI_ASSIGN_OR_RETURN(model.release, ReadRelease(folder));
  if (model.release->record.dim != dim) {
    return Status::Corruption(fmt::format("dim mismatch: got {}, want the encoder's {}: {}",
                                          model.release->record.dim, dim,
                                          InFolder(folder, "release.json")));
  }
  return model;
}

Status WriteModelFolder(const ModelFolder& model, const std::string& path) {
  if (model.transformer) {
    DASHI_RETURN_IF_ERROR(WriteTransformerDirectory(*model.transformer, path));
  } else {
    DASHI_RETURN_IF_ERROR(WriteBag(model.bag, path));
  }
  if (!model.release) {
    return Status();
  }
  return WriteRelease(*model.release, InFolder(path, "dashi"));
}

}  // namespace dashi::trainer
