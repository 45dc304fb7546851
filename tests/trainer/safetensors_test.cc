#include "trainer/safetensors.h"

#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/byte_codec.h"
#include "base/random.h"

namespace dashi::trainer {
namespace {

std::string File(const std::string& header, const std::string& data) {
  std::string file;
  AppendLittleEndian64(&file, header.size());
  return file + header + data;
}

TEST(SafetensorsTest, ReadsBackWhatItWrote) {
  const std::vector<float> numbers = {1.5F, -2.0F, 0.0F, 3.25F, 1e-9F, 7.0F};
  const std::string_view bytes(reinterpret_cast<const char*>(numbers.data()),
                               numbers.size() * sizeof(float));
  SafetensorsWriter writer;
  writer.Add("w.b", "F32", {2, 3}, bytes);
  writer.Add("w.a", "U8", {3}, "xyz");
  writer.Add("nothing", "F16", {0, 5}, "");
  writer.Add("scalar", "F16", {}, "hh");
  writer.AddMetadata("format", "pt");
  writer.AddMetadata("quote \"", "line\n");
  const std::string file = writer.Finish();
  const auto parsed = Safetensors::Parse(file);
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  EXPECT_EQ(parsed->tensors.size(), 4U);
  EXPECT_EQ(parsed->metadata.at("format"), "pt");
  EXPECT_EQ(parsed->metadata.at("quote \""), "line\n");
  EXPECT_EQ(*parsed->Get("w.b", "F32", {2, 3}), bytes);
  EXPECT_EQ(*parsed->Get("w.a", "U8", {3}), "xyz");
  EXPECT_EQ(*parsed->Get("nothing", "F16", {0, 5}), "");
  EXPECT_EQ(*parsed->Get("scalar", "F16", {}), "hh");
  EXPECT_EQ(parsed->Get("w.c", "F32", {2, 3}).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(parsed->Get("w.b", "F16", {2, 3}).status().code(), StatusCode::kCorruption);
  EXPECT_EQ(parsed->Get("w.b", "F32", {3, 2}).status().code(), StatusCode::kCorruption);
}

TEST(SafetensorsTest, WritesTheLayoutOfTheFormat) {
  SafetensorsWriter writer;
  writer.Add("b", "U8", {1}, "B");
  writer.Add("a", "F16", {1, 1}, "AA");
  const std::string file = writer.Finish();
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, file.data(), 8);
  EXPECT_EQ(header_bytes % 8, 0U);
  const auto header = nlohmann::json::parse(file.substr(8, header_bytes));
  EXPECT_EQ(header, nlohmann::json::parse(
                        R"({"a":{"dtype":"F16","shape":[1,1],"data_offsets":[0,2]},
                            "b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})"));
  EXPECT_EQ(file.substr(8 + header_bytes), "AAB");
  EXPECT_TRUE(Safetensors::Parse(SafetensorsWriter().Finish())->tensors.empty());
}

TEST(SafetensorsTest, ReadsAFileOfTheReferenceImplementation) {
  // The example of the format's own documentation, with a dtype that dashi does not write.
  const auto parsed = Safetensors::Parse(File(
      R"({"__metadata__":{"foo":"bar"},
          "test":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]}}  )",
      std::string(16, '\0')));
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  EXPECT_EQ(parsed->metadata.at("foo"), "bar");
  EXPECT_EQ(parsed->Get("test", "I32", {2, 2})->size(), 16U);
}

TEST(SafetensorsTest, RefusesMalformedFiles) {
  const std::string good = R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})";
  ASSERT_TRUE(Safetensors::Parse(File(good, "xy")).ok());
  const std::vector<std::pair<std::string, std::string>> bad = {
      {good, "x"},
      {good, "xyz"},
      {"", ""},
      {"[]", ""},
      {"{", ""},
      {good + "x", "xy"},
      {R"({"a":3})", ""},
      {R"({"a":{"dtype":"U8","shape":[2]}})", "xy"},
      {R"({"a":{"dtype":"U9","shape":[2],"data_offsets":[0,2]}})", "xy"},
      {R"({"a":{"dtype":8,"shape":[2],"data_offsets":[0,2]}})", "xy"},
      {R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,2]}})", "xy"},
      {R"({"a":{"dtype":"U8","shape":[-2],"data_offsets":[0,2]}})", "xy"},
      {R"({"a":{"dtype":"U8","shape":[2.0],"data_offsets":[0,2]}})", "xy"},
      {R"({"a":{"dtype":"U8","shape":2,"data_offsets":[0,2]}})", "xy"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[2,0]}})", "xy"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2,4]}})", "xy"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})", "xyz"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2],"more":1}})", "xy"},
      {R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}})", ""},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},
           "b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
       "xyz"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},
           "b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
       "xyz"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},
           "a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
       "xy"},
      {R"({"__metadata__":{"a":1}})", ""},
      {R"({"__metadata__":"a"})", ""},
      {std::string(100'000, '['), ""},
  };
  for (const auto& [header, data] : bad) {
    const auto parsed = Safetensors::Parse(File(header, data));
    EXPECT_EQ(parsed.status().code(), StatusCode::kCorruption) << header.substr(0, 100);
  }
  std::string huge;
  AppendLittleEndian64(&huge, ~std::uint64_t{0});
  EXPECT_EQ(Safetensors::Parse(huge + "{}").status().code(), StatusCode::kCorruption);
  EXPECT_EQ(Safetensors::Parse("abc").status().code(), StatusCode::kCorruption);
}

TEST(SafetensorsTest, SurvivesRandomDamage) {
  SafetensorsWriter writer;
  writer.Add("embeddings", "F16", {10, 3}, std::string(60, 'e'));
  writer.Add("w1", "F32", {2, 4}, std::string(32, 'w'));
  writer.AddMetadata("k", "v");
  const std::string file = writer.Finish();
  Random random(7);
  for (int round = 0; round < 5000; ++round) {
    std::string damaged = file;
    if (round % 4 == 0) {
      damaged.resize(random.Uniform(file.size()));
    } else {
      damaged[random.Uniform(file.size())] ^= static_cast<char>(1U << random.Uniform(8));
    }
    const auto parsed = Safetensors::Parse(damaged);  // The format has no checksum: it may be fine.
    if (!parsed.ok()) {
      ASSERT_EQ(parsed.status().code(), StatusCode::kCorruption) << parsed.status().ToString();
      continue;
    }
    for (const auto& [name, tensor] : parsed->tensors) {
      ASSERT_GE(tensor.bytes.data(), damaged.data());
      ASSERT_LE(tensor.bytes.data() + tensor.bytes.size(), damaged.data() + damaged.size());
    }
  }
}

}  // namespace
}  // namespace dashi::trainer
