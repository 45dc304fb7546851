#include "trainer/model_options.h"

#include <string>

#include <gtest/gtest.h>

namespace dashi::trainer {
namespace {

using storage::OptionMap;

std::string Error(const OptionMap& options) {
  const auto parsed = ParseModelOptions("ngame", options);
  EXPECT_EQ(parsed.status().code(), StatusCode::kInvalidArgument);
  return std::string(parsed.status().message());
}

TEST(ModelOptionsTest, EachEncoderHasItsDefaults) {
  const auto bag = ParseModelOptions("ngame", {});
  ASSERT_TRUE(bag.ok()) << bag.status().ToString();
  EXPECT_EQ(bag->encoder, "bag");
  EXPECT_EQ(bag->ngame.learning_rate_embeddings, 1e-2F);
  EXPECT_TRUE(bag->ngame.classifier_trains_encoder);
  EXPECT_FALSE(DescribeModelOptions(*bag).contains("hidden_size"));
  EXPECT_TRUE(DescribeModelOptions(*bag).contains("dim"));

  const auto transformer = ParseModelOptions("ngame", {{"encoder", "transformer"}});
  ASSERT_TRUE(transformer.ok()) << transformer.status().ToString();
  EXPECT_EQ(transformer->ngame.learning_rate_dense, 1e-3F);
  EXPECT_EQ(transformer->ngame.warmup_steps, 100U);
  EXPECT_FALSE(transformer->ngame.classifier_trains_encoder);
  const OptionMap described = DescribeModelOptions(*transformer);
  EXPECT_EQ(described.at("hidden_size"), "256");
  EXPECT_EQ(described.at("learning_rate"), "0.001");
  EXPECT_FALSE(described.contains("dim"));
  EXPECT_FALSE(described.contains("dense_learning_rate"));
  const auto pretrained =
      ParseModelOptions("ngame", {{"encoder", "transformer"}, {"path", "folder"}});
  ASSERT_TRUE(pretrained.ok()) << pretrained.status().ToString();
  EXPECT_EQ(pretrained->ngame.learning_rate_dense, 2e-4F);
  // What a release says of itself is read back to the same.
  const auto again = ParseModelOptions("ngame", described);
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(DescribeModelOptions(*again), described);
}

TEST(ModelOptionsTest, TheLearningRateIsThatOfTheEncoder) {
  const auto bag = ParseModelOptions("ngame", {{"learning_rate", "0.5"}});
  ASSERT_TRUE(bag.ok());
  EXPECT_EQ(bag->ngame.learning_rate_embeddings, 0.5F);
  EXPECT_EQ(bag->ngame.learning_rate_dense, 1e-3F);
  const auto transformer =
      ParseModelOptions("ngame", {{"learning_rate", "0.5"}, {"encoder", "transformer"}});
  ASSERT_TRUE(transformer.ok());
  EXPECT_EQ(transformer->ngame.learning_rate_embeddings, 1e-2F);
  EXPECT_EQ(transformer->ngame.learning_rate_dense, 0.5F);
}

TEST(ModelOptionsTest, RefusesWhatTheEncoderDoesNotKnow) {
  for (const char* name : {"path", "layers", "hidden_size", "heads", "vocabulary_size",
                           "max_tokens", "weight_decay"}) {
    const std::string error = Error({{name, "8"}});
    EXPECT_NE(error.find(std::string("option ") + name), std::string::npos) << error;
    EXPECT_NE(error.find("only for transformer"), std::string::npos) << error;
  }
  for (const char* name :
       {"dim", "hidden", "dense_learning_rate", "classifier_embedding_learning_rate"}) {
    const std::string error = Error({{"encoder", "transformer"}, {name, "8"}});
    EXPECT_NE(error.find("only for bag"), std::string::npos) << error;
  }
  for (const char* name : {"layers", "hidden_size", "heads", "vocabulary_size"}) {
    const std::string error = Error({{"encoder", "transformer"}, {"path", "dir"}, {name, "8"}});
    EXPECT_NE(error.find("the folder"), std::string::npos) << error;
  }
  EXPECT_TRUE(
      ParseModelOptions("ngame", {{"encoder", "transformer"}, {"path", "dir"}, {"max_tokens", "8"}})
          .ok());
}

TEST(ModelOptionsTest, SizesHaveBoundsAndFitTogether) {
  const OptionMap transformer{{"encoder", "transformer"}};
  const auto with = [&](const char* name, const char* value) {
    OptionMap options = transformer;
    options[name] = value;
    return options;
  };
  EXPECT_NE(Error(with("layers", "0")).find("from 1 to 48"), std::string::npos);
  EXPECT_NE(Error(with("vocabulary_size", "10")).find("200"), std::string::npos);
  EXPECT_NE(Error(with("max_tokens", "513")).find("512"), std::string::npos);
  EXPECT_NE(Error(with("hidden_size", "30")).find("multiple of heads"), std::string::npos);
  EXPECT_NE(Error(with("weight_decay", "-1")).find("weight_decay"), std::string::npos);
}

TEST(ModelOptionsTest, PositivesComeFromTheTableOrAGraphOfClicks) {
  const auto table = ParseModelOptions("ngame", {});
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->positives.graph, "");
  EXPECT_FALSE(WeighsByPropensity(*table));
  EXPECT_EQ(DescribeModelOptions(*table).at("relevance_from"), "relevance");
  EXPECT_FALSE(DescribeModelOptions(*table).contains("min_clicks"));
  const auto named = ParseModelOptions("ngame", {{"relevance_from", "relevance"}});
  ASSERT_TRUE(named.ok());
  EXPECT_EQ(named->positives.graph, "");

  const auto clicks = ParseModelOptions(
      "ngame", {{"relevance_from", "clicks"}, {"min_clicks", "2"}, {"window", "90 days"}});
  ASSERT_TRUE(clicks.ok()) << clicks.status().ToString();
  EXPECT_EQ(clicks->positives.graph, "clicks");
  EXPECT_EQ(clicks->positives.min_clicks, 2U);
  EXPECT_EQ(clicks->positives.window_micros, std::int64_t{90} * 86'400 * 1'000'000);
  EXPECT_TRUE(WeighsByPropensity(*clicks));
  const OptionMap described = DescribeModelOptions(*clicks);
  EXPECT_EQ(described.at("window"), "7776000 s");
  const auto again = ParseModelOptions("ngame", described);
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(DescribeModelOptions(*again), described);
  const auto uniform =
      ParseModelOptions("ngame", {{"relevance_from", "clicks"}, {"positive_weights", "uniform"}});
  ASSERT_TRUE(uniform.ok());
  EXPECT_FALSE(WeighsByPropensity(*uniform));

  // A statement that goes back to the table has no use for the model's options for clicks.
  const OptionMap model{{"relevance_from", "clicks"}, {"min_clicks", "2"}, {"dim", "16"}};
  const OptionMap merged = MergeModelOptions(model, {{"relevance_from", "relevance"}});
  EXPECT_EQ(merged, (OptionMap{{"relevance_from", "relevance"}, {"dim", "16"}}));
  EXPECT_TRUE(ParseModelOptions("ngame", merged).ok());

  for (const char* name : {"min_clicks", "window"}) {
    EXPECT_NE(Error({{name, "2"}}).find("from a graph of clicks only"), std::string::npos);
  }
  EXPECT_NE(Error({{"relevance_from", "g"}, {"window", "90"}}).find("'90 days'"),
            std::string::npos);
  EXPECT_NE(Error({{"relevance_from", ""}}).find("relevance_from"), std::string::npos);
  EXPECT_NE(Error({{"positive_weights", "none"}}).find("propensity"), std::string::npos);
}

}  // namespace
}  // namespace dashi::trainer
