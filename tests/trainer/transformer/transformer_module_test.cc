#include "trainer/transformer/transformer_module.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "base/thread_pool.h"
#include "tests/trainer/transformer/transformer_folders.h"
#include "trainer/bag_module.h"
#include "trainer/sparse_rows.h"
#include "trainer/transformer/transformer_directory.h"
#include "trainer/transformer/transformer_encoder.h"

namespace dashi::trainer {
namespace {

constexpr std::uint32_t kVocabulary = 30;
constexpr std::uint32_t kDim = 12;

TransformerModuleOptions SmallOptions() {
  TransformerModuleOptions options;
  options.config.vocabulary_size = kVocabulary;
  options.config.dim = kDim;
  options.config.hidden = 16;
  options.config.num_layers = 2;
  options.config.num_heads = 3;
  options.config.num_positions = 16;
  options.config.num_token_types = 2;
  options.config.dropout = 0;
  options.config.attention_dropout = 0;
  options.seed = 9;
  options.device = "cpu";
  options.precision = "float32";
  return options;
}

std::unique_ptr<TransformerModule> NewModule(const TransformerModuleOptions& options,
                                             const TransformerWeights& weights = {}) {
  const auto backend = LoadTensorBackend("");
  EXPECT_TRUE(backend.ok()) << backend.status().ToString();
  auto module = (*backend)->NewTransformerModule(options, weights);
  EXPECT_TRUE(module.ok()) << module.status().ToString();
  return std::move(module).value();
}

SparseRows RandomTexts(std::size_t num_texts, Random& random) {
  SparseRows texts;
  for (std::size_t text = 0; text < num_texts; ++text) {
    for (std::uint64_t size = 1 + random.Uniform(10); size > 0; --size) {
      texts.columns.push_back(static_cast<std::uint32_t>(random.Uniform(kVocabulary)));
    }
    texts.offsets.push_back(texts.columns.size());
  }
  return texts;
}

/// Rows 0..5 against columns 6..11, one positive each, one masked.
EncoderBatch RandomBatch(Random& random) {
  EncoderBatch batch;
  batch.texts = RandomTexts(12, random);
  ContrastiveTerm term;
  for (std::uint32_t i = 0; i < 6; ++i) {
    term.rows.push_back(i);
    term.columns.push_back(6 + i);
    term.positives.columns.push_back(i);
    term.positives.offsets.push_back(i + 1);
    if (i == 2) {
      term.masked.columns.push_back(4);
    }
    term.masked.offsets.push_back(term.masked.columns.size());
  }
  term.loss.temperature = 0.3F;
  batch.terms = {term};
  return batch;
}

/// The weights with one number changed.
TransformerWeights Changed(const TransformerWeights& weights, std::size_t tensor, std::size_t place,
                           float change) {
  auto bytes = std::make_shared<std::string>(*weights.bytes);
  TransformerWeights changed;
  for (const TensorView& view : weights.tensors) {
    const auto begin = static_cast<std::size_t>(view.bytes.data() - weights.bytes->data());
    changed.tensors.push_back(
        {view.dtype, view.shape, std::string_view(*bytes).substr(begin, view.bytes.size())});
  }
  auto* at = bytes->data() + (changed.tensors[tensor].bytes.data() - bytes->data()) +
             place * sizeof(float);
  float value = 0;
  std::memcpy(&value, at, sizeof(value));
  value += change;
  std::memcpy(at, &value, sizeof(value));
  changed.bytes = std::move(bytes);
  return changed;
}

TEST(TransformerModuleTest, ComputesTheLibrarysEmbeddings) {
  const auto golden = nlohmann::json::parse(ReadBytes(GoldenFolder("embeddings.json")));
  const auto texts = golden["texts"].get<std::vector<std::string>>();
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  ASSERT_EQ(golden["models"].size(), 3U);
  ThreadPool pool(2);
  for (const auto& want : golden["models"]) {
    SCOPED_TRACE(want["folder"]);
    auto model = ReadTransformerDirectory(GoldenFolder(want["folder"]));
    ASSERT_TRUE(model.ok()) << model.status().ToString();
    TransformerModuleOptions options;
    options.config = model->config;
    options.pooling = model->pooling;
    options.device = "cpu";
    auto tokenizer = SubwordTokenizer::Make(model->tokenizer);
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
    const auto encoder =
        MakeTransformerEncoder(std::move(tokenizer).value(), NewModule(options, model->weights),
                               model->config, model->pooling);
    ASSERT_TRUE(encoder.ok()) << encoder.status().ToString();
    const std::size_t dim = (*encoder)->dim();
    std::vector<float> all(texts.size() * dim);
    const Status status = (*encoder)->EncodeBatch(views, all, pool);
    ASSERT_TRUE(status.ok()) << status.ToString();
    for (std::size_t text = 0; text < texts.size(); ++text) {
      std::vector<float> one(dim);
      ASSERT_TRUE((*encoder)->Encode(texts[text], one).ok());
      for (std::size_t i = 0; i < dim; ++i) {
        const auto number = want["embeddings"][text][i].get<float>();
        EXPECT_NEAR(one[i], number, 2e-5) << texts[text];
        EXPECT_NEAR(all[text * dim + i], number, 2e-5) << texts[text];
      }
    }
  }
}

// Losses before each of three steps of AdamW and after, and the last embeddings.
TEST(TransformerModuleTest, TrainsAsPyTorchDoes) {
  const auto golden = nlohmann::json::parse(ReadBytes(GoldenFolder("embeddings.json")));
  const auto want = nlohmann::json::parse(ReadBytes(GoldenFolder("training.json")));
  const auto model = ReadTransformerDirectory(GoldenFolder("bert"));
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  const auto tokenizer = SubwordTokenizer::Make(model->tokenizer);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  TransformerModuleOptions options;
  options.config = model->config;
  options.config.dropout = 0;
  options.config.attention_dropout = 0;
  options.pooling = model->pooling;
  options.device = "cpu";
  options.precision = "float32";
  EncoderBatch batch;
  for (const auto& text : golden["texts"]) {
    AppendTokenRow(**tokenizer, text.get<std::string>(), 12, &batch.texts);
  }
  ContrastiveTerm term;
  for (std::uint32_t i = 0; i < 3; ++i) {
    term.rows.push_back(i);
    term.columns.push_back(3 + i);
    term.positives.columns.push_back(i);
    term.positives.offsets.push_back(i + 1);
    term.masked.offsets.push_back(0);
  }
  term.loss.temperature = 0.3F;
  batch.terms.push_back(std::move(term));
  StepRates rates;
  rates.dense = 0.01F;
  const auto module = NewModule(options, model->weights);
  for (int step = 0; step < 3; ++step) {
    const auto result = module->EncoderStep(batch, rates);
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    EXPECT_NEAR(result->loss, want["losses"][step].get<float>(), 1e-4) << step;
  }
  EXPECT_NEAR(module->ComputeGradients(batch)->loss, want["losses"][3].get<float>(), 1e-4);
  std::vector<float> embeddings(6 * std::size_t{model->config.dim});
  ASSERT_TRUE(module->Encode(batch.texts, embeddings.data()).ok());
  for (std::size_t i = 0; i < embeddings.size(); ++i) {
    EXPECT_NEAR(embeddings[i], want["embeddings"][i / 8][i % 8].get<float>(), 1e-4) << i;
  }
}

TEST(TransformerModuleTest, GradientsAreDifferenceQuotients) {
  for (const auto kind : {PoolingConfig::Kind::kMean, PoolingConfig::Kind::kFirst}) {
    TransformerModuleOptions options = SmallOptions();
    options.pooling.kind = kind;
    Random random(3);
    const EncoderBatch batch = RandomBatch(random);
    auto module = NewModule(options);
    // Larger weights than a start has, so that the network is far from linear.
    StepRates rates;
    rates.dense = 0.05F;
    for (int step = 0; step < 5; ++step) {
      ASSERT_TRUE(module->EncoderStep(RandomBatch(random), rates).ok());
    }
    const TransformerWeights weights = module->ExportEncoder();
    const auto gradients = module->ComputeGradients(batch);
    ASSERT_TRUE(gradients.ok()) << gradients.status().ToString();
    ASSERT_EQ(gradients->parameters.size(), weights.tensors.size());
    constexpr float kStep = 0.01F;
    for (std::size_t tensor = 0; tensor < weights.tensors.size(); ++tensor) {
      for (int sample = 0; sample < 3; ++sample) {
        const std::size_t place = random.Uniform(gradients->parameters[tensor].size());
        double quotient = 0;
        for (const float sign : {1.0F, -1.0F}) {
          const auto changed = NewModule(options, Changed(weights, tensor, place, sign * kStep));
          quotient += static_cast<double>(sign) *
                      static_cast<double>(changed->ComputeGradients(batch)->loss) / (2 * kStep);
        }
        EXPECT_NEAR(static_cast<double>(gradients->parameters[tensor][place]), quotient,
                    2e-3 + 0.02 * std::abs(quotient))
            << TransformerParameters(options.config)[tensor].name << " at " << place;
      }
    }
  }
}

// Chunks of one text, encoded twice, against everything at once.
TEST(TransformerModuleTest, ChunksGiveTheGradientOfTheWhole) {
  Random random(5);
  const EncoderBatch batch = RandomBatch(random);
  TransformerModuleOptions options = SmallOptions();
  const auto whole = NewModule(options)->ComputeGradients(batch);
  options.activation_bytes_max = 1;
  const auto chunked = NewModule(options)->ComputeGradients(batch);
  ASSERT_TRUE(whole.ok() && chunked.ok()) << chunked.status().ToString();
  EXPECT_NEAR(whole->loss, chunked->loss, 1e-5);
  for (std::size_t tensor = 0; tensor < whole->parameters.size(); ++tensor) {
    for (std::size_t i = 0; i < whole->parameters[tensor].size(); ++i) {
      ASSERT_NEAR(whole->parameters[tensor][i], chunked->parameters[tensor][i], 1e-5)
          << tensor << " " << i;
    }
  }
}

std::string WeightsAfterSteps(TransformerModuleOptions options, int num_threads) {
  options.num_threads = num_threads;
  Random random(7);
  const auto module = NewModule(options);
  StepRates rates;
  rates.dense = 0.01F;
  for (int step = 0; step < 3; ++step) {
    const auto result = module->EncoderStep(RandomBatch(random), rates);
    EXPECT_TRUE(result.ok()) << result.status().ToString();
  }
  return *module->ExportEncoder().bytes;
}

// Dropout is the same in both passes of a chunk and with any number of threads.
TEST(TransformerModuleTest, RowsWeighInTheGradient) {
  Random random(31);
  const EncoderBatch batch = RandomBatch(random);
  const auto step = [&](float term_weight, std::vector<float> row_weights) {
    const auto module = NewModule(SmallOptions());
    EncoderBatch weighed = batch;
    weighed.terms[0].weight = term_weight;
    weighed.terms[0].row_weights = std::move(row_weights);
    EXPECT_TRUE(module->EncoderStep(weighed, {0, 1e-2F, 0}).ok());
    std::vector<float> values;
    for (const NamedTensor& tensor : module->ExportParameters()) {
      values.insert(values.end(), tensor.values.begin(), tensor.values.end());
    }
    return values;
  };
  EXPECT_TRUE(step(1, {}) == step(1, std::vector<float>(6, 1.0F)));
  EXPECT_TRUE(step(0, {}) == step(1, std::vector<float>(6, 0.0F)));
  EXPECT_FALSE(step(1, {}) == step(1, {1, 0, 0, 0, 0, 0}));
}

TEST(TransformerModuleTest, StepsDependOnTheSeedNotOnThreads) {
  TransformerModuleOptions options = SmallOptions();
  options.config.dropout = 0.2F;
  options.config.attention_dropout = 0.2F;
  options.activation_bytes_max = 20'000;
  const std::string one = WeightsAfterSteps(options, 1);
  EXPECT_EQ(one, WeightsAfterSteps(options, 1));
  EXPECT_EQ(one, WeightsAfterSteps(options, 3));
  TransformerModuleOptions other = options;
  other.config.dropout = 0;
  other.config.attention_dropout = 0;
  EXPECT_NE(one, WeightsAfterSteps(other, 1));
}

// Texts of one length are one chunk each under both limits, which differ in whether activations are
// kept: with dropout, the second pass of a chunk must draw what the first did.
TEST(TransformerModuleTest, ASecondPassHasTheDropoutOfTheFirst) {
  TransformerModuleOptions options = SmallOptions();
  options.config.dropout = 0.3F;
  options.config.attention_dropout = 0.3F;
  Random random(8);
  EncoderBatch batch = RandomBatch(random);
  batch.texts = {};
  for (std::size_t text = 0; text < 12; ++text) {
    for (int i = 0; i < 10; ++i) {
      batch.texts.columns.push_back(static_cast<std::uint32_t>(random.Uniform(kVocabulary)));
    }
    batch.texts.offsets.push_back(batch.texts.columns.size());
  }
  // A text costs 4 bytes * 2 layers * (10 * (12 * 12 + 3 * 16) + 10^2 * 3 * 3).
  constexpr std::uint64_t kTextBytes = std::uint64_t{8} * (10 * 192 + 900);
  std::vector<std::string> weights;
  for (const std::uint64_t bytes : {std::uint64_t{1}, 13 * kTextBytes}) {
    options.activation_bytes_max = bytes;
    const auto module = NewModule(options);
    StepRates rates;
    rates.dense = 0.01F;
    ASSERT_TRUE(module->EncoderStep(batch, rates).ok());
    weights.push_back(*module->ExportEncoder().bytes);
  }
  EXPECT_EQ(weights[0], weights[1]);
}

TEST(TransformerModuleTest, LearnsABatch) {
  for (const char* precision : {"float32", "bfloat16"}) {
    TransformerModuleOptions options = SmallOptions();
    options.precision = precision;
    options.config.dropout = 0.1F;
    options.config.attention_dropout = 0.1F;
    Random random(11);
    const EncoderBatch batch = RandomBatch(random);
    const auto module = NewModule(options);
    StepRates rates;
    rates.dense = 0.01F;
    const auto first = module->EncoderStep(batch, rates);
    ASSERT_TRUE(first.ok()) << first.status().ToString();
    EXPECT_EQ(first->row_embeddings.size(), 6 * kDim);
    for (int step = 0; step < 60; ++step) {
      ASSERT_TRUE(module->EncoderStep(batch, rates).ok());
    }
    const auto last = module->ComputeGradients(batch);
    ASSERT_TRUE(last.ok());
    EXPECT_LT(last->loss, 0.5F * first->loss) << precision;
  }
}

TEST(TransformerModuleTest, LearnsClassifiersWithAndWithoutTheEncoder) {
  for (const bool trains_encoder : {false, true}) {
    Random random(13);
    const auto module = NewModule(SmallOptions());
    ClassifierBatch batch;
    batch.texts = RandomTexts(8, random);
    batch.columns = {4, 1, 0, 3};
    for (std::uint32_t row = 0; row < 8; ++row) {
      batch.positives.columns.push_back(row % 4);
      batch.positives.offsets.push_back(row + 1);
      batch.masked.offsets.push_back(0);
    }
    batch.loss.temperature = 0.1F;
    batch.embeddings.resize(8 * kDim);
    ASSERT_TRUE(module->Encode(batch.texts, batch.embeddings.data()).ok());
    std::vector<float> vectors(5 * kDim);
    for (float& value : vectors) {
      value = static_cast<float>(random.Normal());
    }
    ASSERT_TRUE(module->SetClassifier(vectors, 5).ok());
    StepRates rates;
    rates.classifier = 0.05F;
    rates.dense = trains_encoder ? 0.01F : 0.0F;
    const std::string before = *module->ExportEncoder().bytes;
    float first = 0;
    float last = 0;
    for (int step = 0; step < 40; ++step) {
      batch.dropout_seed = static_cast<std::uint64_t>(step);
      const auto result = module->ClassifierStep(batch, rates);
      ASSERT_TRUE(result.ok()) << result.status().ToString();
      first = step == 0 ? result->loss : first;
      last = result->loss;
    }
    EXPECT_LT(last, 0.6F * first);
    EXPECT_EQ(before == *module->ExportEncoder().bytes, !trains_encoder);
    const std::vector<float> after = module->ExportClassifier();
    EXPECT_TRUE(
        std::equal(after.begin() + 2 * kDim, after.begin() + 3 * kDim, vectors.begin() + 2 * kDim));
  }
}

TEST(TransformerModuleTest, ExportedWeightsAreTheSameModule) {
  Random random(15);
  const SparseRows texts = RandomTexts(20, random);
  const auto module = NewModule(SmallOptions());
  const auto again = NewModule(SmallOptions(), module->ExportEncoder());
  std::vector<float> want(20 * kDim);
  std::vector<float> got(20 * kDim);
  ASSERT_TRUE(module->Encode(texts, want.data()).ok());
  ASSERT_TRUE(again->Encode(texts, got.data()).ok());
  EXPECT_EQ(got, want);
}

TEST(TransformerModuleTest, ParametersComeBackToTheBit) {
  Random random(16);
  const SparseRows texts = RandomTexts(20, random);
  const auto module = NewModule(SmallOptions());
  const std::vector<NamedTensor> kept = module->ExportParameters();
  std::vector<float> want(20 * kDim);
  std::vector<float> got(20 * kDim);
  ASSERT_TRUE(module->Encode(texts, want.data()).ok());
  StepRates rates;
  rates.dense = 0.01F;
  const EncoderBatch batch = RandomBatch(random);
  ASSERT_TRUE(module->EncoderStep(batch, rates).ok());
  const std::string first_step = *module->ExportEncoder().bytes;
  ASSERT_TRUE(module->Encode(texts, got.data()).ok());
  EXPECT_NE(got, want);
  ASSERT_TRUE(module->ImportParameters(kept).ok());
  ASSERT_TRUE(module->Encode(texts, got.data()).ok());
  EXPECT_EQ(got, want);
  // The optimiser begins anew: the same step leads to the same place.
  ASSERT_TRUE(module->EncoderStep(batch, rates).ok());
  EXPECT_EQ(*module->ExportEncoder().bytes, first_step);
  // Encode in bfloat16 works on a copy, which must follow.
  TransformerModuleOptions rounded_options = SmallOptions();
  rounded_options.encode_precision = "bfloat16";
  const auto rounded = NewModule(rounded_options);
  ASSERT_TRUE(rounded->Encode(texts, want.data()).ok());
  ASSERT_TRUE(rounded->ImportParameters(module->ExportParameters()).ok());
  ASSERT_TRUE(rounded->Encode(texts, got.data()).ok());
  EXPECT_NE(got, want);

  std::vector<NamedTensor> wrong = kept;
  wrong[3].values.pop_back();
  EXPECT_EQ(module->ImportParameters(wrong).code(), StatusCode::kInvalidArgument);
  wrong.pop_back();
  EXPECT_EQ(module->ImportParameters(wrong).code(), StatusCode::kInvalidArgument);
}

TEST(TransformerModuleTest, Bfloat16EmbeddingsAreNear) {
  Random random(17);
  const SparseRows texts = RandomTexts(20, random);
  TransformerModuleOptions options = SmallOptions();
  const auto module = NewModule(options);
  options.encode_precision = "bfloat16";
  const auto rounded = NewModule(options);
  std::vector<float> want(20 * kDim);
  std::vector<float> got(20 * kDim);
  ASSERT_TRUE(module->Encode(texts, want.data()).ok());
  ASSERT_TRUE(rounded->Encode(texts, got.data()).ok());
  EXPECT_NE(got, want);
  for (std::size_t i = 0; i < want.size(); ++i) {
    EXPECT_NEAR(got[i], want[i], 0.02);
  }
}

TEST(TransformerModuleTest, ThreadsMayEncodeAtOnce) {
  Random random(19);
  const SparseRows texts = RandomTexts(30, random);
  TransformerModuleOptions options = SmallOptions();
  options.encode_precision = "bfloat16";
  options.num_threads = 2;
  const auto module = NewModule(options);
  std::vector<float> want(30 * kDim);
  ASSERT_TRUE(NewModule(options)->Encode(texts, want.data()).ok());
  ThreadPool pool(4);
  std::vector<std::vector<float>> got(16, std::vector<float>(30 * kDim));
  std::vector<Status> statuses(got.size());
  pool.ParallelFor(got.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      statuses[i] = module->Encode(texts, got[i].data());
    }
  });
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_TRUE(statuses[i].ok()) << statuses[i].ToString();
    EXPECT_EQ(got[i], want);
  }
}

TEST(TransformerModuleTest, RefusesWhatIsOutOfRange) {
  const auto module = NewModule(SmallOptions());
  const auto message = [&](const SparseRows& texts) {
    std::vector<float> out(texts.num_rows() * kDim);
    const Status status = module->Encode(texts, out.data());
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_EQ(message({{0, 1}, {kVocabulary}, {}}), "token out of range: got 30, want below 30");
  EXPECT_EQ(message({{0, 0}, {}, {}}), "number of tokens out of range: text 0 has 0, want 1 to 16");
  EXPECT_EQ(message({{0, 17}, std::vector<std::uint32_t>(17), {}}),
            "number of tokens out of range: text 0 has 17, want 1 to 16");
  EXPECT_EQ(message({{0, 1}, {1}, {0.5F}}), "tokens of a transformer have no weights");
  Random random(21);
  EncoderBatch batch = RandomBatch(random);
  batch.terms[0].columns[0] = 12;
  EXPECT_EQ(module->EncoderStep(batch, {}).status().message(),
            "column out of range: got 12, want below 12");
  const auto backend = LoadTensorBackend("");
  const auto refused = [&](const TransformerModuleOptions& options,
                           const TransformerWeights& weights) {
    return std::string((*backend)->NewTransformerModule(options, weights).status().message());
  };
  TransformerModuleOptions options = SmallOptions();
  options.device = "tpu";
  EXPECT_EQ(refused(options, {}), "unknown device: got 'tpu', want auto, cpu or cuda");
  options = SmallOptions();
  options.precision = "int8";
  EXPECT_EQ(refused(options, {}), "unknown precision: got 'int8', want auto, float32 or bfloat16");
  options = SmallOptions();
  options.config.num_heads = 5;
  EXPECT_EQ(refused(options, {}), "transformer dim is no multiple of its heads: 12 and 5");
  TransformerWeights weights = module->ExportEncoder();
  weights.tensors.pop_back();
  EXPECT_EQ(refused(SmallOptions(), weights),
            "transformer weights shape mismatch: got 36 tensors, want 37");
}

}  // namespace
}  // namespace dashi::trainer
