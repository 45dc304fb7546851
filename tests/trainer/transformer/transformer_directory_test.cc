#include "trainer/transformer/transformer_directory.h"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/trainer/transformer/transformer_folders.h"
#include "trainer/safetensors.h"
#include "trainer/text/subword_tokenizer.h"

namespace dashi::trainer {
namespace {

using Json = nlohmann::json;

void EditJson(const std::string& path, const std::function<void(Json&)>& edit) {
  Json root = Json::parse(ReadBytes(path));
  edit(root);
  WriteBytes(path, root.dump());
}

/// Writes the weights anew, each tensor as `edit` leaves it; an empty name drops it.
void EditWeights(const std::string& folder,
                 const std::function<void(std::string*, TensorView*, std::string*)>& edit) {
  const std::string path = folder + "/model.safetensors";
  const std::string bytes = ReadBytes(path);
  const auto file = Safetensors::Parse(bytes);
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  SafetensorsWriter writer;
  for (const auto& [key, tensor] : file->tensors) {
    std::string name = key;
    TensorView view = tensor;
    std::string data(tensor.bytes);
    edit(&name, &view, &data);
    if (!name.empty()) {
      writer.Add(name, view.dtype, view.shape, data);
    }
  }
  WriteBytes(path, writer.Finish());
}

std::vector<std::uint32_t> IdsOf(const TokenizerSpec& spec, std::string_view text) {
  const auto tokenizer = SubwordTokenizer::Make(spec);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  std::vector<std::uint32_t> ids;
  (*tokenizer)->Tokenize(text, 100, &ids);
  return ids;
}

TEST(TransformerDirectoryTest, ReadsWhatTheLibrariesWrote) {
  const auto bert = ReadTransformerDirectory(GoldenFolder("bert"));
  ASSERT_TRUE(bert.ok()) << bert.status().ToString();
  EXPECT_EQ(bert->config.family, TransformerConfig::Family::kBert);
  EXPECT_EQ(bert->config.dim, 8U);
  EXPECT_EQ(bert->config.num_layers, 2U);
  EXPECT_EQ(bert->pooling, (PoolingConfig{PoolingConfig::Kind::kMean, true, 12}));
  EXPECT_EQ(bert->weights.tensors.front().dtype, "F32");
  const auto distilbert = ReadTransformerDirectory(GoldenFolder("distilbert"));
  ASSERT_TRUE(distilbert.ok()) << distilbert.status().ToString();
  EXPECT_EQ(distilbert->pooling, (PoolingConfig{PoolingConfig::Kind::kFirst, false, 12}));
  EXPECT_EQ(distilbert->weights.tensors.front().dtype, "F16");
  EXPECT_EQ(distilbert->config.num_token_types, 0U);
  const auto roberta = ReadTransformerDirectory(GoldenFolder("roberta"));
  ASSERT_TRUE(roberta.ok()) << roberta.status().ToString();
  EXPECT_EQ(roberta->pooling, PoolingConfig());
  EXPECT_EQ(roberta->config.num_tokens_max(), 20U);
  EXPECT_EQ(roberta->config.activation, TransformerConfig::Activation::kGeluTanh);
  EXPECT_EQ(roberta->weights.tensors.front().dtype, "BF16");
}

TEST(TransformerDirectoryTest, ReadsTheOlderTokenizerFiles) {
  for (const char* name : {"bert", "roberta"}) {
    const std::string folder = CopyOfGolden(name, "older");
    const auto with_json = ReadTransformerDirectory(folder);
    std::filesystem::remove(folder + "/tokenizer.json");
    const auto without = ReadTransformerDirectory(folder);
    ASSERT_TRUE(with_json.ok() && without.ok()) << without.status().ToString();
    for (const char* text : {"The cat, sat!", "a <mask> b [MASK]c", "zebra\u00E9 dogs", ""}) {
      EXPECT_EQ(IdsOf(with_json->tokenizer, text), IdsOf(without->tokenizer, text)) << text;
    }
  }
}

TEST(TransformerDirectoryTest, WritesWhatItReads) {
  for (const char* name : {"bert", "distilbert", "roberta"}) {
    const auto model = ReadTransformerDirectory(GoldenFolder(name));
    ASSERT_TRUE(model.ok()) << model.status().ToString();
    const std::string folder = testing::TempDir() + "/transformer_written";
    std::filesystem::remove_all(folder);
    const Status written = WriteTransformerDirectory(*model, folder);
    ASSERT_TRUE(written.ok()) << written.ToString();
    for (const bool older : {false, true}) {
      if (older) {
        std::filesystem::remove(folder + "/tokenizer.json");
      }
      const auto again = ReadTransformerDirectory(folder);
      ASSERT_TRUE(again.ok()) << again.status().ToString();
      EXPECT_EQ(again->config, model->config);
      EXPECT_EQ(again->pooling.kind, model->pooling.kind);
      EXPECT_EQ(again->pooling.normalize, model->pooling.normalize);
      EXPECT_EQ(again->pooling.num_tokens_max, model->pooling.num_tokens_max == 0
                                                   ? model->config.num_tokens_max()
                                                   : model->pooling.num_tokens_max);
      EXPECT_EQ(again->tokenizer.vocabulary, model->tokenizer.vocabulary);
      EXPECT_EQ(again->tokenizer.merges, model->tokenizer.merges);
      ASSERT_EQ(again->weights.tensors.size(), model->weights.tensors.size());
      for (std::size_t i = 0; i < model->weights.tensors.size(); ++i) {
        EXPECT_EQ(again->weights.tensors[i].bytes, model->weights.tensors[i].bytes);
        EXPECT_EQ(again->weights.tensors[i].dtype, model->weights.tensors[i].dtype);
      }
    }
  }
}

TEST(TransformerDirectoryTest, KnowsTheOlderNamesOfNorms) {
  const std::string folder = CopyOfGolden("bert", "gamma");
  EditWeights(folder, [](std::string* name, TensorView*, std::string*) {
    const std::size_t norm = name->find("LayerNorm.");
    if (norm != std::string::npos) {
      *name = name->substr(0, norm + 10) + (name->ends_with("weight") ? "gamma" : "beta");
    }
    *name = "bert." + *name;
  });
  const auto model = ReadTransformerDirectory(folder);
  EXPECT_TRUE(model.ok()) << model.status().ToString();
}

struct BadFolder {
  const char* what;
  std::function<void(const std::string&)> damage;
  StatusCode code;
  const char* message;  // a part of it
};

using Damage = std::function<void(const std::string&)>;
using WeightEdit = std::function<void(std::string*, TensorView*, std::string*)>;

Damage Removes(const char* file) {
  return [file](const std::string& folder) { std::filesystem::remove(folder + file); };
}

Damage Sets(const char* file, const char* pointer, Json value) {
  return [file, pointer, value = std::move(value)](const std::string& folder) {
    EditJson(folder + file, [&](Json& root) { root[Json::json_pointer(pointer)] = value; });
  };
}

Damage Edits(WeightEdit edit) {
  return [edit = std::move(edit)](const std::string& folder) { EditWeights(folder, edit); };
}

/// Puts a number into the middle of the weights.
Damage Puts(float value) {
  return Edits([value](std::string* name, TensorView*, std::string* data) {
    if (*name == "encoder.layer.1.output.dense.weight") {
      std::memcpy(data->data() + 8, &value, sizeof(value));
    }
  });
}

void ExpectRefused(const std::vector<BadFolder>& cases) {
  for (const BadFolder& item : cases) {
    SCOPED_TRACE(item.what);
    const std::string folder = CopyOfGolden("bert", "bad");
    item.damage(folder);
    const auto model = ReadTransformerDirectory(folder);
    ASSERT_FALSE(model.ok());
    EXPECT_EQ(model.status().code(), item.code) << model.status().ToString();
    EXPECT_NE(model.status().message().find(item.message), std::string_view::npos)
        << model.status().ToString();
  }
}

TEST(TransformerDirectoryTest, RefusesBadConfigs) {
  ExpectRefused({
      {"no config", Removes("/config.json"), StatusCode::kNotFound, "/config.json"},
      {"no weights", Removes("/model.safetensors"), StatusCode::kNotFound, "/model.safetensors"},
      {"no pooling", Removes("/1_Pooling/config.json"), StatusCode::kNotFound, "1_Pooling"},
      {"no tokenizer",
       [](const std::string& folder) {
         Removes("/tokenizer.json")(folder);
         Removes("/vocab.txt")(folder);
       },
       StatusCode::kNotFound, "no tokenizer.json, vocab.txt or vocab.json"},
      {"unknown architecture", Sets("/config.json", "/model_type", "mpnet"),
       StatusCode::kUnimplemented, "model_type 'mpnet'"},
      {"unknown activation", Sets("/config.json", "/hidden_act", "silu"),
       StatusCode::kUnimplemented, "hidden_act 'silu'"},
      {"relative positions", Sets("/config.json", "/position_embedding_type", "relative_key"),
       StatusCode::kUnimplemented, "relative_key"},
      {"no number", Sets("/config.json", "/hidden_size", "8"), StatusCode::kCorruption,
       "hidden_size is no count"},
      {"odd heads", Sets("/config.json", "/num_attention_heads", 3), StatusCode::kInvalidArgument,
       "no multiple of its heads"},
      {"no layers", Sets("/config.json", "/num_hidden_layers", 0), StatusCode::kInvalidArgument,
       "num_layers out of range"},
      {"certain dropout", Sets("/config.json", "/hidden_dropout_prob", 1.0),
       StatusCode::kInvalidArgument, "dropout"},
      {"small vocabulary",
       [](const std::string& folder) {
         Sets("/config.json", "/vocab_size", 10)(folder);
         Edits([](std::string* name, TensorView* tensor, std::string* data) {
           if (*name == "embeddings.word_embeddings.weight") {
             tensor->shape[0] = 10;
             data->resize(10 * 8 * 4);
           }
         })(folder);
       },
       StatusCode::kInvalidArgument, "tokenizer has more tokens than the transformer has vectors"},
  });
}

TEST(TransformerDirectoryTest, RefusesBadWeights) {
  ExpectRefused({
      {"wrong shape", Sets("/config.json", "/intermediate_size", 13), StatusCode::kCorruption,
       "intermediate.dense.weight has another shape: got [12, 8], want [13, 8]"},
      {"missing tensor", Edits([](std::string* name, TensorView*, std::string*) {
         *name = *name == "embeddings.LayerNorm.bias" ? "" : *name;
       }),
       StatusCode::kCorruption, "tensor missing: embeddings.LayerNorm.bias"},
      {"wrong dtype", Edits([](std::string* name, TensorView* tensor, std::string*) {
         tensor->dtype = *name == "embeddings.LayerNorm.bias" ? "I32" : tensor->dtype;
       }),
       StatusCode::kCorruption, "LayerNorm.bias has another dtype: got I32"},
      {"NaN", Puts(std::nanf("")), StatusCode::kCorruption,
       "encoder.layer.1.output.dense.weight has numbers that are not finite"},
      {"infinity", Puts(std::numeric_limits<float>::infinity()), StatusCode::kCorruption,
       "not finite"},
      {"cut weights",
       [](const std::string& folder) {
         const std::string bytes = ReadBytes(folder + "/model.safetensors");
         WriteBytes(folder + "/model.safetensors", bytes.substr(0, bytes.size() - 1));
       },
       StatusCode::kCorruption, "model.safetensors"},
  });
}

TEST(TransformerDirectoryTest, RefusesBadModules) {
  ExpectRefused({
      {"Dense module", Sets("/modules.json", "/1/type", "sentence_transformers.models.Dense"),
       StatusCode::kUnimplemented, "Transformer, Dense, Normalize"},
      {"module elsewhere", Sets("/modules.json", "/1/path", "../x"), StatusCode::kCorruption,
       "leaves the folder"},
      {"maximum pooling",
       [](const std::string& folder) {
         Sets("/1_Pooling/config.json", "/pooling_mode_max_tokens", true)(folder);
       },
       StatusCode::kUnimplemented, "pooling is not supported: max_tokens, mean_tokens"},
      {"no JSON", [](const std::string& folder) { WriteBytes(folder + "/modules.json", "[1,"); },
       StatusCode::kCorruption, "modules.json"},
      {"bad limit", Sets("/sentence_bert_config.json", "/max_seq_length", -1),
       StatusCode::kCorruption, "max_seq_length"},
  });
}

}  // namespace
}  // namespace dashi::trainer
